"""Lesson 06: a WGAN in the plane, its distance from the data, loops with a fault, and logs to read."""

import numpy as np
import torch
from IPython.display import HTML

from gan_edu import predict
from gan_edu.datasets import gaussian_ring, ring_centers
from gan_edu.losses import clip_weights_
from gan_edu.metrics import wasserstein_samples
from gan_edu.panel.figure import curves, describe
from gan_edu.style import CRITIC, FAKE
from gan_edu.views import drawing, score_plane

CENTERS = ring_centers(8, 1.4)


def variant(sign_d=1, sign_g=1, forget=True, cut=True, clip="after", whom="D", turns=None):
    """Return the training step of the lesson, or one with a fault: a sign turned, no zero_grad, clipping elsewhere."""

    def step(gan, knobs):
        n = knobs.batch_size
        gan.opt_D.param_groups[0]["lr"], gan.opt_G.param_groups[0]["lr"] = knobs.lr_d, knobs.lr_g
        each = {}
        for k in range(turns or knobs.n_critic):
            x_real, x_fake = gaussian_ring(n, radius=1.4, sigma=0.1), gan.G(torch.randn(n, 2))
            gap = gan.D(x_real).mean() - gan.D(x_fake.detach() if cut else x_fake).mean()
            each[f"turn {k + 1}"] = gap
            if forget:
                gan.opt_D.zero_grad()
            (-sign_d * gap).backward()
            if clip == "before":
                clip_weights_(gan.D, knobs.clip)
            gan.opt_D.step()
            if clip == "after":
                clip_weights_(getattr(gan, whom), knobs.clip)
        if clip == "late":
            clip_weights_(gan.D, knobs.clip)
        loss_G = -sign_g * gan.D(gan.G(torch.randn(n, 2))).mean()
        gan.opt_G.zero_grad()
        loss_G.backward()
        gan.opt_G.step()
        return {"critic gap": gap, "generator loss": loss_G} | each

    return step


def plane(fig, gan, log):
    """Draw data, samples and the critic's score in the plane, and both curves."""
    ax, right, below = fig.subplots(1, 3, width_ratios=[1.1, 1, 1])
    x = gan.G(torch.randn(500, 2)).detach()
    hit = (torch.cdist(x, CENTERS).min(1).values < 0.3).double().mean()
    x_real = gaussian_ring(300, radius=1.4, sigma=0.1)
    score_plane(ax, gan.D, x_real, x, 2.6, ("data", "generated"), title=f"{hit:.0%} near a cloud")
    for axes, name, color in ((right, "critic gap", CRITIC), (below, "generator loss", FAKE)):
        curves(axes, log, name, colors=[color])
        axes.axhline(0, color=CRITIC, ls=":")
        axes.set(title=name, ylabel="score")
    gap = f"; the critic gap is {log['critic gap'][-1]:.3f}" if log.n else ""
    describe(fig, f"After {log.n} steps {hit:.0%} of the samples are near a cloud{gap}.")


def w1_of(runs):
    """Return the exact W1 between 500 samples of each run and 500 of the data; 0.1 to 0.2 is noise."""
    fixed, k = torch.Generator().manual_seed(0), len(runs.alive)
    real = gaussian_ring(500, radius=1.4, sigma=0.1, generator=fixed)
    x = runs.members(runs.gan.G(torch.randn(500, 2, generator=fixed).repeat(k, 1))).detach()
    return [wasserstein_samples(real, one) for one in x]


def begins(gaps, answers):
    """Return the answer for what the median of these gaps does: falls, rises and falls, or rises."""
    m = np.median(gaps, 0)
    return answers[2 if m[-1] > 0.8 * m.max() else int(m.max() > 1.2 * m[0])]


def each_turn(runs):
    """Return the gap at each critic step of several runs of `variant`."""
    return np.stack([runs.log[f"turn {k}"] for k in range(1, 6)], -1).reshape(len(runs.alive), -1)


@drawing
def draw_turns(fig, gaps):
    """Draw the gap at each critic step of several runs, its median, and where the generator moves."""
    ax, x = fig.subplots(), np.arange(gaps.shape[1]) / 5
    ax.plot(x, gaps.T, color=CRITIC, lw=0.6, alpha=0.5)
    ax.plot(x, np.median(gaps, 0), color=CRITIC, lw=2.5, label="median of 8 runs")
    for k in range(1, gaps.shape[1] // 5):
        ax.axvline(k - 0.1, color=FAKE, lw=0.8, label="" if k > 1 else "G moves")
    ax.axhline(0, color=CRITIC, ls=":")
    ax.set(xlabel="generator step (five critic steps each)", ylabel="critic gap (score)")
    ax.legend(loc="upper right")
    top = np.median(gaps, 0).max()
    describe(fig, f"The critic gap at each critic step of eight runs: its median starts near 0, reaches {top:.2f} and falls.")  # fmt: skip


def draw_logs(logs):
    """Return the picture of critic gap and generator loss of eight runs each; logs: {name: log of over_seeds}."""

    def draw(fig):
        for column, (name, log) in zip(fig.subplots(2, len(logs)).T, logs.items()):
            for ax, what, color in zip(column, ("critic gap", "generator loss"), (CRITIC, FAKE)):
                ax.plot(np.arange(1, log[what].shape[1] + 1), log[what].T, color=color, lw=0.8)
                ax.axhline(0, color=CRITIC, ls=":")
                ax.set(xlabel="" if what == "critic gap" else "generator step", title=f"{name}: {what}")  # fmt: skip
        ends = (f"{name} {np.median(log['critic gap'][:, -1]):.2g}" for name, log in logs.items())
        describe(fig, f"Eight runs of each log; critic gap at the end, median: {', '.join(ends)}.")

    return HTML(predict.shown(draw))
