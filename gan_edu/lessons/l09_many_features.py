"""Lesson 09: two suspects, and pictures of 512 numbers."""

import numpy as np
import torch
from scipy.stats import norm

from gan_edu import views
from gan_edu.metrics import variance_decomposition
from gan_edu.panel.figure import curves, describe
from gan_edu.style import FAKE, MARK, REAL
from gan_edu.views import drawing, finish

LATENTS = torch.rand(500, 16, generator=torch.Generator().manual_seed(0))
X = np.linspace(-3, 9, 241)


def suspects():
    """Return two sets of 200 vectors of 512 numbers, {"A": (200, 512), "B": (200, 512)}."""
    shares = (np.random.default_rng(0).permutation(512) + 0.5) / 512
    seeded = torch.Generator().manual_seed(0)
    return {
        "A": (3 + torch.randn(200, 512, generator=seeded)).numpy(),
        "B": np.broadcast_to(norm.ppf(shares, 3, 1), (200, 512)),
    }


def worthless(sets):
    """Return the name of the set whose vectors differ least from each other."""
    return min(sets, key=lambda name: sets[name].std(0).mean())


def draw_target(ax):
    """Draw the density of N(3, 1)."""
    ax.fill_between(X, 0 * X, norm.pdf(X, 3, 1), color=REAL, alpha=0.35, label="target N(3, 1)")
    ax.set(xlim=(-3, 9), ylim=(0, 0.65), xlabel="x", ylabel="density")


@drawing
def two_histograms(fig, knobs, sets):
    """Draw the numbers of each set in one histogram, with a choice of bins."""
    for ax, (name, x) in zip(fig.subplots(1, 2), sets.items()):
        draw_target(ax)
        ax.hist(x.ravel(), int(knobs.bins), range=(-3, 9), density=True, color=FAKE, alpha=0.6, label="generated")  # fmt: skip
        finish(ax, "upper right", title=f"{name}: mean {x.mean():.2f}, std {x.std():.2f}")
    describe(fig, "Two histograms, A and B. Both lie on the bell curve of N(3, 1).")


def made_by(G, z=LATENTS):
    """Return what a generator makes of latents in evaluation mode, (n, 512)."""
    return views.made_by(G, z).numpy()


def view_source(fig, gan, log):
    """Draw the picture of the source, from one vector, and mean and std of each step's batch."""
    left, right = fig.subplots(1, 2)
    x = made_by(gan.G, LATENTS[:1])
    mean, std = x.mean(), x.std()
    draw_target(left)
    left.hist(x.ravel(), 20, density=True, color=FAKE, alpha=0.5, label="one vector")
    left.plot(X, norm.pdf(X, mean, max(std, 1e-3)), color=FAKE, lw=2, label="normal fitted to it")
    n = log.n - log.n % 10  # a line every ten steps, as in the source
    line = f"step {n}: mean {log['mean'][n - 1]:.3f}, std {log['std'][n - 1]:.3f}" if n else "untrained"  # fmt: skip
    finish(left, "upper right", title=line, ylim=(0, 1.5))
    for name, color, target in (("mean", FAKE, 3), ("std", MARK, 1)):
        right.axhline(target, color=REAL, ls="--", label="target" if target == 3 else None)
        curves(right, log, name, colors=[color])
    finish(right, "upper right", title="a batch in training mode", ylabel="mean, std", ylim=(-1, 6))
    describe(fig, f"After {log.n} steps one vector has mean {mean:.2f} and std {std:.2f}; wanted are 3 and 1.")  # fmt: skip


def draw_dots(ax, x, title):
    """Draw each feature as a dot: its mean and its standard deviation over z."""
    ax.scatter(x.mean(0), x.std(0), s=6, color=FAKE, alpha=0.6, label="a feature")
    ax.plot([3], [1], "x", color=REAL, ms=11, label="target")
    ax.set(xlim=(-1, 7), ylim=(0, 2), xlabel="mean over z", ylabel="std over z", title=title)


def view_features(fig, gan, log):
    """Draw the numbers of 500 vectors in one histogram, and each feature as a dot."""
    left, right = fig.subplots(1, 2)
    x = made_by(gan.G)
    parts = variance_decomposition(x)
    draw_target(left)
    left.hist(x.ravel(), 60, range=(-3, 9), density=True, color=FAKE, alpha=0.6, label="500 vectors")  # fmt: skip
    finish(left, "upper right", title=f"mean {parts.pooled_mean:.2f}, pooled std {parts.pooled_std:.2f}", ylim=(0, 1.5))  # fmt: skip
    said = f"std over z {parts.within_std:.2f}, between {parts.between_std:.2f}"
    draw_dots(right, x, said)
    right.legend(loc="upper right")
    describe(fig, f"After {log.n} steps: pooled std {parts.pooled_std:.2f}, {said}; real features lie at mean 3, std 1.")  # fmt: skip


@drawing
def draw_features(fig, samples):
    """Draw the features of several sets of vectors as dots, {title: (n, 512)}."""
    for ax, (title, x) in zip(fig.subplots(1, len(samples), sharey=True), samples.items()):
        draw_dots(ax, x, title)
    said = "; ".join(f"{title}: std over z {x.std(0).mean():.2f}" for title, x in samples.items())
    describe(fig, f"Each feature as a dot of its mean and its std over z. {said}.")
