"""Train the judge of faces, and store its weights: `python -m benchmarks.face_judge` (two to four minutes of one core)."""

import argparse
import pathlib
import time

import numpy as np
import torch
import torch.nn.functional as F

from gan_edu.faces.draw import ATTRIBUTES, make_faces
from gan_edu.faces.judge import SEEDS, SIZE, WEIGHTS, FaceJudge
from gan_edu.log import progress
from gan_edu.run_files import write

BATCH = 64  # faces in a step; besides, half as many rough ones and as many spoilt ones


# ---- pictures, float (n, 3, 64, 64) in (-1, 1)


def blurred(x, sigma):
    """Blur each picture by a Gaussian; sigma in pixels, one for all or a tensor (n,)."""
    n, side = len(x), x.shape[-1]
    sigma = torch.as_tensor(sigma, dtype=x.dtype).expand(n).clamp(min=0.05)
    distance = torch.arange(side)[:, None] - torch.arange(side)
    kernel = torch.exp(-((distance / sigma[:, None, None]) ** 2) / 2)
    # A row of weights for each row of pixels: no edge effect.
    kernel = (kernel / kernel.sum(2, keepdim=True))[:, None]
    return kernel @ x @ kernel.mT


def warped(x, pixels, knots, generator, shift=0.0):
    """Bend each picture: smooth random displacements of about `pixels` (n,), drawn on a grid of knots, and a shift."""
    n, side = len(x), x.shape[-1]
    field = torch.randn(n, 2, knots, knots, generator=generator) * pixels[:, None, None, None]
    field += (torch.rand(n, 2, 1, 1, generator=generator) * 2 - 1) * shift
    field = F.interpolate(field, size=side, mode="bilinear", align_corners=True).permute(0, 2, 3, 1)
    at = torch.arange(side) + 0.5
    grid = torch.stack(torch.meshgrid(at, at, indexing="xy"), dim=-1)
    places = (grid + field) * 2 / side - 1
    return F.grid_sample(x, places, padding_mode="border", align_corners=False)


def disturbed(x, generator):
    """Return faces as a good generator could have made them: a little shifted, bent, blurred, tinted and noisy."""
    n = len(x)
    x = warped(x, _some(n, 1.2, generator), 8, generator, shift=3)
    x = _tinted(blurred(x, _some(n, 1.2, generator)), 0.1, generator)
    noise = torch.randn(x.shape, generator=generator)
    return (x + _some(n, 0.15, generator)[:, None, None, None] * noise).clamp(-1, 1)


def rough(x, generator):
    """Return faces as a poor generator makes them, that one still recognises: pale, blotched, crooked, checkered."""
    n = len(x)
    x = warped(x, _some(n, 2.2, generator), 8, generator, shift=4)
    x = _tinted(blurred(x, _some(n, 2.0, generator)), 0.25, generator)
    pale = 1 - _some(n, 0.6, generator)[:, None, None, None]
    return _patterned(torch.lerp(x.mean((0, 2, 3), keepdim=True), x, pale), generator).clamp(-1, 1)


def _patterned(x, generator):
    """Return the pictures with blotches of many sizes and the checkers that transposed convolutions leave."""
    n = len(x)
    for side in (4, 8, 16, 32, 64):
        drawn = torch.randn(n, 3, side, side, generator=generator)
        drawn = F.interpolate(drawn, size=SIZE, mode="bilinear" if side < 32 else "nearest")
        x = x + _some(n, 0.15, generator, chance=0.4)[:, None, None, None] * drawn
    for side in (2, 4, 8):
        drawn = torch.randn(n, 3, side, side, generator=generator)
        drawn = drawn.repeat(1, 1, SIZE // side, SIZE // side)
        x = x + _some(n, 0.15, generator, chance=0.3)[:, None, None, None] * drawn
    return x


def _some(n, largest, generator, chance=0.6):
    """Return for each of n pictures how much of an effect it gets: often none, else up to `largest`."""
    drawn = torch.rand(2, n, generator=generator)
    return drawn[0] * largest * (drawn[1] < chance)


def _tinted(x, most, generator):
    n = len(x)
    for combine in (torch.mul, torch.add):
        drawn = torch.randn(n, 3, 1, 1, generator=generator).clamp(-1, 1)
        drawn = drawn * _some(n, most, generator)[:, None, None, None]
        x = combine(x, drawn + (combine is torch.mul))
    return x


def spoilt(images, generator):
    """Return pictures that are no faces any more, each made from one or more of images in one of many ways."""
    n = len(images)

    def among(low, high):
        return int(torch.randint(low, high, (), generator=generator))

    def uniform(low, high, *shape):
        return low + (high - low) * torch.rand(*shape, generator=generator)

    def halves(x):  # cut somewhere in the middle, and the parts exchanged
        dims = [(2,), (3,), (2, 3)][among(0, 3)]
        return torch.roll(x, [among(20, 45) for _ in dims], dims)

    def tiles(x):
        side = [32, 16, 8][among(0, 3)]
        cut = F.unfold(x, side, stride=side)
        order = torch.randperm(cut.shape[2], generator=generator)
        return F.fold(cut[:, :, order], SIZE, side, stride=side)

    def colours(x):
        order = [[1, 0, 2], [2, 1, 0], [0, 2, 1], [1, 2, 0], [2, 0, 1]][among(0, 5)]
        return x[:, order] if among(0, 3) else -x[:, [0, 1, 2] if among(0, 2) else order]

    def average(x):
        others = images[torch.randint(n, (among(4, 9),), generator=generator)].mean(0)
        return blurred(others + (x - others) * 0.1, uniform(2, 4, len(x)))

    def blur(x):
        return blurred(x, uniform(4, 12, len(x)))

    def bend(x):
        return warped(x, uniform(4, 9, len(x)), among(5, 10), generator)

    def hole(x):  # eyes, nose or mouth wiped out
        y, x_ = among(16, 40), among(14, 30)
        x = x.clone()
        block = x[:, :, y : y + 16, x_ : x_ + 24]
        spots = uniform(-0.1, 0.1, *block.shape) * among(0, 2)
        block.copy_(block.mean((2, 3), keepdim=True) + spots)
        return x

    def smear(x):  # no eyes, no mouth, only the outline
        y, x_ = torch.meshgrid(*[torch.linspace(-1, 1, SIZE)] * 2, indexing="ij")
        inside = torch.sigmoid((1 - (x_ / 0.5) ** 2 - ((y - 0.1) / 0.6) ** 2) * 6)
        return torch.lerp(x, blurred(x, uniform(4, 8, len(x))), inside)

    def noise(x):
        drawn = torch.randn(x.shape, generator=generator) * uniform(0.3, 1.5, len(x), 1, 1, 1)
        drawn = blurred(drawn, uniform(0, 3, len(x))) * uniform(1, 4, len(x), 1, 1, 1)
        if among(0, 2):
            return drawn + x * uniform(0, 0.6, len(x), 1, 1, 1)
        return drawn + uniform(-1, 1, len(x), 3, 1, 1)

    def blank(x):
        ramp = uniform(-1, 1, len(x), 3, 1, 1) * torch.linspace(-1, 1, SIZE)
        return uniform(-1, 1, len(x), 3, 1, 1) + (ramp if among(0, 2) else ramp.mT) * among(0, 2)

    ways = [halves, tiles, colours, average, blur, bend, hole, smear, noise, blank]
    ways.append(lambda x: x.flip(2))
    order = torch.randperm(n, generator=generator)
    parts = order.split(-(-n // len(ways)))
    ways = [ways[k] for k in torch.randperm(len(ways), generator=generator)]
    result = torch.empty_like(images)
    for way, part in zip(ways, parts):
        result[part] = way(images[part])
    again = torch.rand(n, 1, 1, 1, generator=generator) < 0.5  # patterns alone tell nothing
    return torch.where(again, _patterned(result, generator), result).clamp(-1, 1)


# ---- training


def train(n_faces=12_000, epochs=10, seed=0, learning_rate=4e-3):
    """Return a FaceJudge trained on procedural faces, and on spoilt ones to tell a face from none."""
    generator = torch.Generator().manual_seed(seed)
    images, labels = make_faces(n_faces, seed=SEEDS["training"])
    wanted = torch.stack(list(labels.values()), dim=1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        judge = FaceJudge().to(memory_format=torch.channels_last)  # twice as fast
    steps = epochs * (n_faces // BATCH)
    optimizer = torch.optim.Adam(judge.parameters(), fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps)
    for n in progress(iterable=range(steps), desc="training the judge"):
        if n % (n_faces // BATCH) == 0:
            batches = iter(torch.randperm(n_faces, generator=generator).split(BATCH))
        batch = next(batches)
        x = images[batch].float() / 127.5 - 1
        good = torch.cat([disturbed(x[8:], generator), x[:8]]).roll(8, 0)
        poor = rough(x[: BATCH // 2], generator)
        faces = torch.cat([good, poor])
        chosen = torch.randperm(len(faces), generator=generator)[: BATCH // 2]
        every = torch.cat([faces, spoilt(faces[chosen], generator)])
        _, logits, face = judge(every.contiguous(memory_format=torch.channels_last))
        # Rough faces need not be read rightly, only recognised.
        pairs = zip(logits, wanted[batch].T)
        loss = sum(F.cross_entropy(logit[:BATCH], label) for logit, label in pairs)
        target = (torch.arange(len(face)) < len(faces)).float()
        weight = torch.where(target == 1, 1.0, 3.0)  # as much in all for no face as for a face
        loss = loss + F.binary_cross_entropy_with_logits(face, target, weight)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return judge.eval().requires_grad_(False)


def conditions(images):
    """Return {name: pictures}: the faces as they are and disturbed in the ways a generator's faces are."""
    generator = torch.Generator().manual_seed(0)
    x = images.float() / 127.5 - 1
    tint = 0.06 * torch.randn(len(x), 3, 1, 1, generator=generator)
    return {
        "clean": x,
        "blurred": blurred(x, 1.0),
        "noisy": (x + 0.1 * torch.randn(x.shape, generator=generator)).clamp(-1, 1),
        "tinted": (x + tint).clamp(-1, 1),
        "shifted": torch.roll(x, (2, -2), (2, 3)),
        "all at once": disturbed(x, generator),
    }


def accuracy(judge, n=2000):
    """Return {condition: {attribute: share of right labels}} on held-out faces."""
    images, labels = make_faces(n, seed=SEEDS["held out"])
    found = {}
    for name, x in conditions(images).items():
        said = judge.predict(x)
        right = {key: (said[key] == label).double().mean().item() for key, label in labels.items()}
        found[name] = {key: round(share, 4) for key, share in right.items()}
    return found


def face_limits(judge):
    """Return what 99.5 % of real faces, half of them disturbed, keep to: see `is_face`."""
    x = make_faces(4000, seed=SEEDS["threshold"])[0].float() / 127.5 - 1
    x[:2000] = disturbed(x[:2000], torch.Generator().manual_seed(1))
    logits, distances = judge.likeness(x)
    limits = float(np.quantile(logits, 0.005)), float(np.quantile(distances, 0.995))
    return dict(zip(("least_logit", "largest_distance"), limits))


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=12_000)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=pathlib.Path, default=WEIGHTS)
    options = parser.parse_args(arguments)
    start = time.process_time()
    torch.set_num_threads(1)  # two small threads are slower than one
    judge = train(options.faces, options.epochs, options.seed)
    seconds = time.process_time() - start
    weights = {k: v.half() if v.is_floating_point() else v for k, v in judge.state_dict().items()}
    judge.load_state_dict(weights)  # what is measured is what is stored
    about = {
        "faces": options.faces,
        "epochs": options.epochs,
        "seed": options.seed,
        "core_seconds": round(seconds),
        "attributes": {name: list(values) for name, values in ATTRIBUTES.items()},
        "accuracy": accuracy(judge),
        "face": face_limits(judge),
    }
    write(options.out, {"weights": weights, "about": about})
    for condition, shares in about["accuracy"].items():
        print(f"{condition:12}", "  ".join(f"{name} {share:.3f}" for name, share in shares.items()))
    print(f"{options.out}: {options.out.stat().st_size:,} bytes, {seconds:.0f} s of one core")


if __name__ == "__main__":
    main()
