"""Lesson 15: checks of its exercises."""

import torch
from torch.nn.functional import normalize

from gan_edu.examine import EMPTY, GAP, check, faultless
from gan_edu.networks import mlp

SEEDED = torch.Generator().manual_seed(0)


def right_angle(a, b):
    return torch.arccos(torch.cosine_similarity(a, b, dim=-1))[..., None]


def slerp(a, b, t, angle=right_angle, ends=(0, 1), divide=True):
    angle, (t, s) = angle(a, b), ((t, 1 - t) if ends == (0, 1) else (1 - t, t))
    mixed = torch.sin(s * angle) * a + torch.sin(t * angle) * b
    return mixed / torch.sin(angle) if divide else mixed


A, B = torch.tensor([[2.0, 0, 0], [0, 3, 4]]), torch.tensor([[0.0, 2, 0], [4, 3, 0]])
check_slerp = check(slerp, [(A, B, 0.5), (A, B, 0.25), (A, B, 0.0), (A[0], B[0], 1.0)], "it stays on the circle, and ends at b.", {
    "that is the straight way.": lambda a, b, t: (1 - t) * a + t * b,
    "that is the straight way, brought back to the length of a: close, but its speed changes. Use the two sines.": lambda a, b, t: normalize((1 - t) * a + t * b, dim=-1) * a.norm(dim=-1, keepdim=True),
    "it goes from b to a: at t = 0 it should be a.": dict(ends=(1, 0)),
    "the division by sin θ is missing.": dict(divide=False),
    "you took cos θ for θ: arccos is missing.": dict(angle=lambda a, b: torch.cosine_similarity(a, b, dim=-1)[..., None]),
    "θ is arccos of the inner product *divided by both lengths*; without that it is nan here.": dict(angle=lambda a, b: torch.arccos((a * b).sum(-1, keepdim=True))),
    "the sines stand at the wrong ends: sin((1 − t) θ) belongs to a.": lambda a, b, t: slerp(b, a, t) if t != 0.5 else slerp(a, b, t),
})  # fmt: skip


def between(z, has):
    return z[has].mean(0) - z[~has].mean(0)


LATENTS = [(torch.randn(n, 5, generator=SEEDED), torch.arange(n) % 3 == 0) for n in (8, 9)]
check_direction = check(lambda z, has: normalize(between(z, has), dim=0), LATENTS, "one vector of length 1.", {
    "it points from faces with the attribute to faces without.": lambda z, has: -normalize(between(z, has), dim=0),
    "its length is not 1: divide by its norm.": between,
    "that is the mean of those with the attribute only. Subtract the mean of those without.": lambda z, has: normalize(z[has].mean(0), dim=0),
    "sums instead of means: the larger group would weigh more.": lambda z, has: normalize(z[has].sum(0) - z[~has].sum(0), dim=0),
    "divide by the norm, not by the sum.": lambda z, has: between(z, has) / between(z, has).sum(),
})  # fmt: skip


def colour(x, u, shift=0.5, grey=(1,), spread=2.0, mean=(1, 2, 3), least=0.5, order="bsc"):
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


def pictures(n_numbers):
    """Return two batches of pictures that ask for a gradient, with uniform numbers."""
    seeded = torch.Generator().manual_seed(0)
    return [(torch.rand(n, 3, 8, 8, generator=seeded).mul(2).sub(1).requires_grad_(), torch.rand(n, n_numbers, generator=seeded)) for n in (2, 3)]  # fmt: skip


check_colour = check(colour, pictures(3), "and a gradient passes through.", {
    "brightness: u₁ − ½, so that pictures become darker as often as brighter.": dict(shift=0),
    "saturation: the factor is 2 u₂, from 0 (grey) to 2.": dict(spread=1.0),
    "contrast: the factor is u₃ + ½, from ½ to 1½.": dict(least=0),
    "contrast: the mean is over all numbers of *one* picture, dimensions 1, 2 and 3. Yours mixes the pictures of the batch.": dict(mean=(0, 1, 2, 3)),
    "saturation: the mean is over the three colours (dimension 1) of each pixel.": dict(grey=(2, 3)),
    "contrast: the mean is over colours and pixels together, one number a picture.": dict(mean=(2, 3)),
    "brightness is missing.": dict(order="sc"),
    "saturation is missing, or does nothing.": dict(order="bc"),
    "contrast is missing, or does nothing.": dict(order="bs"),
})  # fmt: skip


def cutout(x, u, half=0.25, keep=False, both=torch.logical_and, fill=0.0, swap=False):
    size = x.shape[-1]
    centre = torch.arange(size) + 0.5
    rows, columns = ((centre - size * v[:, None]).abs() < half * size for v in u.T)
    if swap:
        rows, columns = columns, rows
    hole = both(rows[:, None, :, None], columns[:, None, None, :])
    return torch.where(hole if keep else ~hole, x, fill)


check_cutout = check(cutout, pictures(2), "and a gradient passes through.", {
    "you keep the square and cut off the rest.": dict(keep=True),
    "a whole stripe is gone: a pixel is in the square when its row *and* its column are.": dict(both=torch.logical_or),
    "the square is too large: at most S/4 from its middle, each way, makes a side of S/2.": dict(half=0.5),
    "the square is too small: S/4 from its middle, each way, makes a side of S/2.": dict(half=0.125),
    "−1 is black. 0, mid grey, is asked for: it is what multiplying by 0 gives.": dict(fill=-1.0),
    "rows and columns are exchanged: w₁ is the place from the top.": dict(swap=True),
})  # fmt: skip


@faultless("these latents give nearly the pictures asked for.")
def check_inversion(answer):
    """Check find(G, x, z, n_steps): latents whose pictures are nearer to x than those of z, and no others' weights moved."""
    torch.manual_seed(0)
    G = mlp(4, 16, 12)
    x, z = G(torch.randn(3, 4)).detach(), torch.zeros(3, 4)
    before, found = [p.clone() for p in G.parameters()], answer(G, x, z.clone(), 200)
    # fmt: off
    yield GAP, found is ...
    yield EMPTY, found is None
    yield f"it must return a tensor, it returned {type(found).__name__}.", not isinstance(found, torch.Tensor)
    yield f"return latents of the shape of z, (3, 4), not {tuple(found.shape)}.", found.shape != z.shape
    yield "the generator's weights have moved: give the optimiser [z], nothing else.", not all(map(torch.equal, before, G.parameters()))
    yield "the latents have not moved: does z ask for a gradient, and do you call step()?", found.equal(z)
    share = ((G(found) - x).square().mean() / (G(z) - x).square().mean()).item()
    yield "the pictures are further from x than at the start: an optimiser goes downhill.", share > 1
    yield f"nearer, but the error is still {share:.0%} of that at the start: lr 0.05 and all n_steps, please.", share > 0.5
