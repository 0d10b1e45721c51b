"""Lesson 07: a clipped WGAN on the ring with a judge beside it, and measures of its critics."""

import numpy as np
import torch

from gan_edu.datasets import gaussian_ring, ring_centers
from gan_edu.metrics import mode_coverage, wasserstein_samples
from gan_edu.panel.figure import curves, describe
from gan_edu.style import CRITIC, FAKE, REAL, W1
from gan_edu.views import drawing, score_plane

SEEDED = torch.Generator().manual_seed(0)
LATENTS = torch.randn(1000, 2, generator=SEEDED)
RING = gaussian_ring(500, radius=1.4, sigma=0.1, generator=SEEDED)
LINE = torch.linspace(-2, 6, 801)[:, None]  # the places where the slope of a critic is measured


def judged(x):
    """Return two numbers of samples (n, 2): the share within 3σ of a mode, and the exact W1 of 500 to real ones."""
    share = mode_coverage(x, ring_centers(8, 1.4), 0.1).high_quality
    return share, wasserstein_samples(RING, x[:500])


def judged_runs(runs):
    """Return the shares and the W1 of all runs, two arrays (K,)."""
    x = runs.members(runs.gan.G(LATENTS.repeat(len(runs.alive), 1)))
    return np.transpose([judged(one) for one in x])


def watched(step, every=25):
    """Return the step with a judge beside it, who looks at each 25th step and changes nothing."""

    def watch(gan, knobs):
        row = step(gan, knobs)
        if knobs.n % every == 0:
            gan.judged = dict(zip(("share", "W1"), judged(gan.G(LATENTS).detach())))
        return row | gan.judged

    return watch


def view(fig, gan, log):
    """Draw samples over the critic's score, and three curves: the share within 3σ, the gap, the exact W1."""
    sizes = dict(width_ratios=[1, 1.2], height_ratios=[1.8, 1])
    (plane, share), (gap, w1) = fig.subplots(2, 2, **sizes)
    look = dict(names=(), xlabel="", ylabel="", title="blue: real, orange: generated")
    score_plane(plane, gan.D, RING[:400], gan.G(LATENTS[:400]), **look)
    curves(share, log, "share", colors=[FAKE])
    share.axhline(0.989, color=REAL, ls=":")
    share.set(ylim=(0, 1.05), ylabel="share within 3σ", title="the judge: how many are good? (dotted: real data)")  # fmt: skip
    curves(gap, log, "critic gap", colors=[CRITIC])
    gap.set(ylabel="critic gap", title="what the critic says")
    curves(w1, log, "W1", colors=[W1])
    last = log["W1"][-1] if log.n else np.nan
    w1.set(ylim=(0, 2), ylabel="exact W1", title=f"the judge: W1 = {last:.2f}")
    describe(fig, f"400 real and 400 generated samples after {log.n} steps; exact W1 {last:.2f}.")


def steepest(runs):
    """Return the largest slope of each run's critic of one number on the line from -2 to 6, (K,)."""
    scores = runs.members(runs.gan.D(LINE.repeat(len(runs.alive), 1)))[..., 0].detach()
    return scores.diff(dim=1).abs().amax(1).numpy() / (LINE[1] - LINE[0]).item()


def push(runs, loss_G, at=4.0):
    """Return the size of the mean push on samples of N(at, 0.5²) in each run, (K,)."""
    x = (at + 0.5 * LATENTS[:, :1]).repeat(len(runs.alive), 1).requires_grad_()
    (slope,) = torch.autograd.grad(len(x) * loss_G(runs.gan.D(x)), x)  # the loss is a mean
    return runs.members(slope)[..., 0].mean(dim=1).abs().numpy()


def weights_of(runs):
    """Return all weights and biases of the runs' critics, (K, number)."""
    parts = [p.detach().reshape(len(runs.alive), -1) for p in runs.gan.D.parameters()]
    return torch.cat(parts, dim=1).numpy()


def at_bound(weights, c):
    """Return the share of weights (K, number) that lie at −c or c, for each run (K,)."""
    return (np.abs(weights) > 0.99999 * c).mean(axis=1)


@drawing
def draw_weights(fig, weights, c):
    """Draw histograms of clipped weights in units of c, {when: weights of all runs}."""
    edges, said = np.linspace(-1.01, 1.01, 102), []  # −1 and 1 lie in the middle of a bar
    for ax, (when, w) in zip(fig.subplots(1, len(weights), sharey=True), weights.items()):
        share = np.histogram(w / c, edges)[0] / w.size
        ax.bar((edges[1:] + edges[:-1]) / 2, share, 0.02, color=CRITIC)
        ax.set(xlabel="weight / c", title=when)
        found = 100 * at_bound(w, c)
        said.append(f"{when}: {np.median(found):.0f} % at a bound")
        ax.text(0.5, 0.93, f"{np.median(found):.0f} % at a bound\n({found.min():.0f} to {found.max():.0f})", ha="center", va="top", transform=ax.transAxes)  # fmt: skip
    fig.axes[0].set(ylabel="share of all weights in a bar of 0.02")
    describe(fig, f"Histograms of the clipped weights of 8 critics. {'; '.join(said)}.")
