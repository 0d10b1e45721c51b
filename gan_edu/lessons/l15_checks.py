"""Lesson 15: checks of its exercises."""

import torch
from torch.nn.functional import normalize

from gan_edu.examine import Remark, examine
from gan_edu.networks import mlp


def check_slerp(answer):
    """Check slerp(a, b, t) of rows (n, d): along the arc from a to b."""

    def by(a, b, t, angle=None, ends=(0, 1), divide=True, degrees=1.0):
        unit = normalize(a, dim=-1) * normalize(b, dim=-1)
        angle = torch.arccos(unit.sum(-1, keepdim=True)) if angle is None else angle(a, b)
        angle, (t, s) = degrees * angle, ((t, 1 - t) if ends == (0, 1) else (1 - t, t))
        mixed = torch.sin(s * angle) * a + torch.sin(t * angle) * b
        return mixed / torch.sin(angle) if divide else mixed

    def steep(a, b):  # cos taken for the angle
        return torch.cosine_similarity(a, b, dim=-1)[..., None]

    def crooked(a, b):  # cos without the lengths
        return torch.arccos((a * b).sum(-1, keepdim=True))

    mistakes = {
        "that is the straight way.": lambda a, b, t: (1 - t) * a + t * b,
        "that is the straight way, brought back to the length of a: close, but its speed changes. Use the two sines.": lambda a, b, t: normalize((1 - t) * a + t * b, dim=-1) * a.norm(dim=-1, keepdim=True),
        "it goes from b to a: at t = 0 it should be a.": lambda a, b, t: by(a, b, t, ends=(1, 0)),
        "the division by sin θ is missing.": lambda a, b, t: by(a, b, t, divide=False),
        "you took cos θ for θ: arccos is missing.": lambda a, b, t: by(a, b, t, angle=steep),
        "θ is arccos of the inner product *divided by both lengths*; without that it is nan here.": lambda a, b, t: by(a, b, t, angle=crooked),
        "the sines stand at the wrong ends: sin((1 − t) θ) belongs to a.": lambda a, b, t: by(b, a, t) if t != 0.5 else by(a, b, t),
    }  # fmt: skip
    a, b = torch.tensor([[2.0, 0, 0], [0, 3, 4]]), torch.tensor([[0.0, 2, 0], [4, 3, 0]])
    return examine(answer, [(a, b, 0.5), (a, b, 0.25), (a, b, 0.0), (a[0], b[0], 1.0)], by, mistakes, "it stays on the circle, and ends at b.")  # fmt: skip


def check_direction(answer):
    """Check direction(z, has): the unit vector from the mean of z without to the mean of z with."""

    def means(z, has):
        return z[has].mean(0), z[~has].mean(0)

    def right(z, has):
        a, b = means(z, has)
        return (a - b) / (a - b).norm()

    mistakes = {
        "it points from faces with the attribute to faces without.": lambda z, has: -right(z, has),
        "its length is not 1: divide by its norm.": lambda z, has: means(z, has)[0] - means(z, has)[1],
        "that is the mean of those with the attribute only. Subtract the mean of those without.": lambda z, has: normalize(means(z, has)[0], dim=0),
        "sums instead of means: the larger group would weigh more.": lambda z, has: normalize(z[has].sum(0) - z[~has].sum(0), dim=0),
        "divide by the norm, not by the sum.": lambda z, has: (means(z, has)[0] - means(z, has)[1]) / (means(z, has)[0] - means(z, has)[1]).sum(),
    }  # fmt: skip
    seeded = torch.Generator().manual_seed(0)
    cases = [(torch.randn(n, 5, generator=seeded), torch.arange(n) % 3 == 0) for n in (8, 9)]
    return examine(answer, cases, right, mistakes, "one vector of length 1.")


def check_colour(answer):
    """Check colour(x, u): brightness, saturation and contrast as in the formulas."""

    def by(x, u, shift=0.5, grey=(1,), spread=2.0, mean=(1, 2, 3), least=0.5, order="bsc"):
        b, s, c = u.T[..., None, None, None]
        for part in order:
            if part == "b":
                x = x + b - shift
            if part == "s":
                m = x.mean(grey, keepdim=True)
                x = m + spread * s * (x - m)
            if part == "c":
                m = x.mean(mean, keepdim=True)
                x = m + (c + least) * (x - m)
        return x

    mistakes = {
        "brightness: u₁ − ½, so that pictures become darker as often as brighter.": lambda x, u: by(x, u, shift=0),
        "saturation: the factor is 2 u₂, from 0 (grey) to 2.": lambda x, u: by(x, u, spread=1.0),
        "contrast: the factor is u₃ + ½, from ½ to 1½.": lambda x, u: by(x, u, least=0),
        "contrast: the mean is over all numbers of *one* picture, dimensions 1, 2 and 3. Yours mixes the pictures of the batch.": lambda x, u: by(x, u, mean=(0, 1, 2, 3)),
        "saturation: the mean is over the three colours (dimension 1) of each pixel.": lambda x, u: by(x, u, grey=(2, 3)),
        "contrast: the mean is over colours and pixels together, one number a picture.": lambda x, u: by(x, u, mean=(2, 3)),
        "brightness is missing.": lambda x, u: by(x, u, order="sc"),
        "saturation is missing, or does nothing.": lambda x, u: by(x, u, order="bc"),
        "contrast is missing, or does nothing.": lambda x, u: by(x, u, order="bs"),
    }  # fmt: skip
    return examine(answer, cases(3), by, mistakes, "and a gradient passes through.")


def check_cutout(answer):
    """Check cutout(x, u): a square of half the side, with its middle at S·u, becomes 0."""

    def by(x, u, half=0.25, keep=False, both=torch.logical_and, fill=0.0, swap=False):
        size = x.shape[-1]
        centre = torch.arange(size) + 0.5
        rows, columns = ((centre - size * v[:, None]).abs() < half * size for v in u.T)
        if swap:
            rows, columns = columns, rows
        hole = both(rows[:, None, :, None], columns[:, None, None, :])
        return torch.where(hole if keep else ~hole, x, fill)

    mistakes = {
        "you keep the square and cut off the rest.": lambda x, u: by(x, u, keep=True),
        "a whole stripe is gone: a pixel is in the square when its row *and* its column are.": lambda x, u: by(x, u, both=torch.logical_or),
        "the square is too large: at most S/4 from its middle, each way, makes a side of S/2.": lambda x, u: by(x, u, half=0.5),
        "the square is too small: S/4 from its middle, each way, makes a side of S/2.": lambda x, u: by(x, u, half=0.125),
        "−1 is black. 0, mid grey, is asked for: it is what multiplying by 0 gives.": lambda x, u: by(x, u, fill=-1.0),
        "rows and columns are exchanged: w₁ is the place from the top.": lambda x, u: by(x, u, swap=True),
    }  # fmt: skip
    return examine(answer, cases(2), by, mistakes, "and a gradient passes through.")


def cases(n_numbers):
    """Return two batches of pictures that ask for a gradient, with uniform numbers."""
    seeded = torch.Generator().manual_seed(0)
    return [
        (torch.rand(n, 3, 8, 8, generator=seeded).mul(2).sub(1).requires_grad_(), torch.rand(n, n_numbers, generator=seeded))
        for n in (2, 3)
    ]  # fmt: skip


def check_inversion(answer):
    """Check find(G, x, z, n_steps): latents whose pictures are nearer to x than those of z, and no others' weights moved."""
    torch.manual_seed(0)
    G = mlp(4, 16, 12)
    x, z = G(torch.randn(3, 4)).detach(), torch.zeros(3, 4)
    before = [p.clone() for p in G.parameters()]

    def far(found):
        if found is ... or not isinstance(found, torch.Tensor):
            return found
        if found.shape != z.shape:
            raise Remark(f"return latents of the shape of z, (3, 4), not {tuple(found.shape)}.")
        if not all(torch.equal(p, q) for p, q in zip(before, G.parameters())):
            raise Remark("the generator's weights have moved: give the optimiser [z], nothing else.")  # fmt: skip
        if found.equal(z):
            raise Remark("the latents have not moved: does z ask for a gradient, and do you call step()?")  # fmt: skip
        share = ((G(found) - x).square().mean() / (G(z) - x).square().mean()).item()
        if share > 1:
            raise Remark("the pictures are further from x than at the start: an optimiser goes downhill.")  # fmt: skip
        if share > 0.5:
            raise Remark(f"nearer, but the error is still {share:.0%} of that at the start: lr 0.05 and all n_steps, please.")  # fmt: skip
        return torch.tensor(1.0)

    given = (lambda: far(answer(G, x, z.clone(), 200))) if callable(answer) else answer
    return examine(
        given, [()], lambda: 1.0, words="these latents give nearly the pictures asked for."
    )
