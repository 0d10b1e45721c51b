"""Lesson 08: pictures of points between real and generated ones, and of critics in the plane."""

import numpy as np
import torch

from gan_edu.datasets import gaussian_ring, ring_centers
from gan_edu.divergences import optimal_transport
from gan_edu.metrics import mode_coverage
from gan_edu.panel.figure import curves, describe
from gan_edu.style import CRITIC, MARK, OPTIMAL, PUSH
from gan_edu.views import drawing, finish, score_plane

SEEDED = torch.Generator().manual_seed(0)
REAL_400 = gaussian_ring(400, radius=1.4, sigma=0.1, generator=SEEDED)
LATENTS = torch.randn(400, 2, generator=SEEDED)  # the same in every picture, so that points move
SHUFFLED = torch.randperm(60, generator=SEEDED)
SPREAD = torch.rand(60, 1, generator=SEEDED)
SHARE = torch.rand(400, 1, generator=SEEDED)


def best_critics(x_real, x_fake):
    """Return ({name: a best critic D of the plane: slope 1 leaves it open between the points}, each real one's partner)."""
    even = np.full(len(x_real), 1 / len(x_real))
    found = optimal_transport(even, even, torch.cdist(x_real, x_fake).double().numpy())
    u, v = (torch.tensor(one, dtype=torch.float32) for one in found.potentials)
    critics = {
        "lowest": lambda x: (u - torch.cdist(x, x_real)).amax(1),
        "highest": lambda x: (torch.cdist(x, x_fake) - v).amin(1),
        "midway": lambda x: (critics["lowest"](x) + critics["highest"](x)) / 2,
    }
    return critics, torch.tensor(found.plan.argmax(1))


def gradients(D, x):
    """Return the critic's gradient at each point of x: (N, 2) -> (N, 2)."""
    x = x.detach().requires_grad_()
    return torch.autograd.grad(D(x).sum(), x)[0]


def between(x_real, x_fake):
    """Return view(fig, knobs): points x_hat between pairs, over a best critic, and its score along the lines."""
    critics, plan = best_critics(x_real, x_fake)
    partners = {"random": SHUFFLED, "of the best plan": plan}
    t = torch.linspace(0, 1, 21)[:, None]

    def view(fig, knobs):
        left, right = fig.subplots(1, 2)
        D = critics[knobs.critic]
        real, fake = x_real[::2], x_fake[partners[knobs.pairs]][::2]
        eps = SPREAD[::2] if knobs.one_each else knobs.eps
        x_hat, length = eps * real + (1 - eps) * fake, (real - fake).norm(dim=1)
        grad = gradients(D, x_hat)
        score_plane(left, D, x_real, x_fake)
        ends = torch.stack([fake, real, torch.full_like(real, torch.nan)], 1).flatten(0, 1)
        left.plot(*ends.T, color=CRITIC, lw=1, alpha=0.6)
        left.scatter(*x_hat.T, s=30, color=MARK, label="x_hat")
        left.quiver(*x_hat[:1].T, *grad[:1].T, color=PUSH, angles="xy", scale_units="xy", scale=1)
        left.legend(loc="upper right")
        gained = torch.stack([D(t * a + (1 - t) * b) - D(b[None]) for a, b in zip(real, fake)])
        far, gap = t[:, 0] * length[:, None], torch.full((len(real), 1), torch.nan)
        lines = [torch.cat([one, gap], 1).flatten() for one in (far, gained)]
        right.plot([0, 2.8], [0, 2.8], color=OPTIMAL, ls="--", label="slope 1")
        right.plot(*lines, color=CRITIC, lw=1, label="score on a line")
        here = D(x_hat) - D(fake)
        right.scatter((x_hat - fake).norm(dim=1), here, s=30, color=MARK, label="x_hat")
        right.set(xlim=(0, 2.8), ylim=(-1.5, 1.8), xlabel="distance from the generated point")
        said = f"norm of the gradient at x_hat: {grad.norm(dim=1).mean():.2f} on average"
        finish(right, "lower right", ylabel="score gained", title=said)
        lines = f"30 lines between pairs, {knobs.pairs}, over the {knobs.critic} best critic"
        describe(fig, f"{lines}; {said}.")

    return view


def plane(fig, gan, log):
    """Draw samples and pushes over the critic's scores, the critic's gap, and the penalty with the norm in it."""
    left, middle, right = fig.subplots(1, 3, width_ratios=[1.2, 1, 1])
    x_fake = gan.G(LATENTS).detach()
    push = gradients(gan.D, x_fake[:50])
    push = push / 4 * (2.4 / push.norm(dim=1, keepdim=True)).clamp(max=1)  # at most 0.6 long
    share = mode_coverage(x_fake, ring_centers(8, 1.4), 0.1).high_quality
    score_plane(left, gan.D, REAL_400, x_fake, title=f"high quality: {share:.0%}")
    left.quiver(*x_fake[:50].T, *push.T, color=PUSH, angles="xy", scale_units="xy", scale=1)
    curves(middle, log, "critic gap", colors=[CRITIC])
    middle.set(title="the critic's gap", ylabel="critic gap")
    curves(right, log, "penalty", colors=[MARK])
    norm = gradients(gan.D, SHARE * REAL_400 + (1 - SHARE) * x_fake).norm(dim=1).mean()
    right.set(title=f"mean norm at x_hat: {norm:.2f}", ylabel="penalty", yscale="log")
    gap = f"the critic's gap is {log['critic gap'][-1]:.2f}" if log.n else "nothing is trained"
    describe(fig, f"After {log.n} steps {share:.0%} of the samples lie on a mode, {gap}, its mean norm {norm:.2f}.")  # fmt: skip


@drawing
def draw_rises(fig, rises, everywhere):
    """Draw slopes along the pairs of the best plan, and along all pairs."""
    ax = fig.subplots()
    bins = np.linspace(-1.05, 1.05, 43)
    ax.hist(everywhere, bins, density=True, color=CRITIC, alpha=0.5, label="all 3,600 pairs")
    ax.axvline(np.median(rises), color=OPTIMAL, lw=3, label="all pairs of the best plan")
    ax.set(xlabel="(score at x_real − score at x_fake) / distance", ylabel="density")
    ax.legend(loc="upper left")
    describe(fig, f"All pairs of the best plan have the slope {min(rises):.2f}; all 3,600 pairs spread from {min(everywhere):.2f} to {max(everywhere):.2f}.")  # fmt: skip
