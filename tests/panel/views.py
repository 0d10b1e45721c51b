"""Views for the tests of panels."""

import torch

from gan_edu.datasets import gaussian_ring
from gan_edu.panel.figure import curves, describe
from gan_edu.style import FAKE, PUSH, REAL, SURFACE

SEEDED = torch.Generator().manual_seed(0)
Z = torch.randn(400, 2, generator=SEEDED)
X = gaussian_ring(400, radius=1.414, sigma=0.1, generator=SEEDED)
SIDE = torch.linspace(-2.2, 2.2, 56)
GRID = torch.cartesian_prod(SIDE, SIDE)


def plane(fig, gan, log):
    """The critic's surface, 400 + 400 points, 50 arrows and a curve."""
    left, right = fig.subplots(1, 2, width_ratios=[1, 1.2])
    with torch.no_grad():
        fake, surface = gan.G(Z), gan.D(GRID).reshape(56, 56).T
    at = fake[:50].clone().requires_grad_()
    (push,) = torch.autograd.grad(gan.D(at).sum(), at)
    left.contourf(SIDE, SIDE, surface, levels=12, cmap=SURFACE)
    left.scatter(*X.T, s=9, c=REAL, label="real")
    left.scatter(*fake.T, s=9, c=FAKE, label="generated")
    left.quiver(*fake[:50].T, *push.T, color=PUSH, angles="xy", scale_units="xy", scale=4)
    left.set(xlim=(-2.2, 2.2), ylim=(-2.2, 2.2), aspect="equal", title="critic and samples")
    left.legend()
    curves(right, log, *log)
    right.set(title="critic gap")
    describe(fig, f"{len(fake)} samples on the plane, and the critic gap over the steps.")
