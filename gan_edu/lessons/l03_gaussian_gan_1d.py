"""Lesson 03: pictures of a generator of one number, of what pushes its samples, and of 64 runs at once."""

import functools

import numpy as np
import seaborn as sns
import torch
from scipy.stats import norm
from torch.nn.functional import softplus

from gan_edu.panel.figure import curves, describe
from gan_edu.style import CRITIC, FAKE, MARK, OPTIMAL, PUSH, REAL
from gan_edu.views import drawing, finish

MEAN, STD = 4.0, 0.5
LATENTS = torch.linspace(-1, 1, 4002)[1:-1, None]  # even ones: their histogram is a density
Z = LATENTS.numpy()[:, 0]
EDGES = np.linspace(-2, 7, 181)
X = (EDGES[1:] + EDGES[:-1]) / 2
DENSITY = norm.pdf(X, MEAN, STD)
IDEAL = norm.ppf((Z[::10] + 1) / 2, MEAN, STD)


def draw_map(ax, x, label="G(z)", ideal=True):
    """Draw the map from z to x, and the ideal one: the quantile function of the data, or its mirror image."""
    if ideal:
        ax.plot(Z[::10], IDEAL if x[-1] > x[0] else IDEAL[::-1], color=REAL, ls="--", label="ideal")
    ax.plot(Z[::10], x[::10], color=FAKE, lw=2.5, label=label)
    ax.set(xlim=(-1, 1), ylim=(-2, 7), xticks=[-1, 0, 1], title="the map G")
    finish(ax, "lower right", xlabel="latent z", ylabel="x")


def draw_densities(ax, x):
    """Draw the densities of data and samples; return that of the samples."""
    density = np.histogram(x, EDGES)[0] / len(x) / np.diff(EDGES)
    ax.fill_between(X, 0 * X, DENSITY, color=REAL, alpha=0.35, label="data")
    ax.step(EDGES[1:], density, color=FAKE, lw=2, label="generated")
    finish(ax, "upper left", xlim=(-2, 7), ylim=(-0.6, 1.5), xlabel="x", ylabel="density")
    return density


def by_hand(fig, knobs):
    """Draw what a generator makes whose map is set by hand: shift + stretch z + bend z^3."""
    flow, maps, densities = fig.subplots(1, 3, width_ratios=[1, 1, 1.3])
    x = knobs.shift + knobs.stretch * Z + knobs.bend * Z**3
    draw_map(maps, x, ideal=False)
    density = draw_densities(densities, x)
    shared = 100 * np.minimum(density, DENSITY).sum() * np.diff(EDGES)[0]
    densities.set(ylim=(0, 1.5), title=f"shared area {shared:.0f} %")
    z_few, x_few = Z[100::200], x[100::200]
    for ends in zip(z_few, x_few):
        flow.plot(ends, [0, 1], color=FAKE, lw=1)
    flow.plot(z_few, 0 * z_few, "o", color=CRITIC, ms=4)
    flow.plot(x_few, 0 * x_few + 1, "o", color=FAKE, ms=4)
    flow.set(xlim=(-2, 7), ylim=(-0.1, 1.1), yticks=[], title="z goes to x", xlabel="z, x above")
    describe(fig, f"x = {knobs.shift:g} + {knobs.stretch:g} z + {knobs.bend:g} z³: samples and data share {shared:.0f} % of their area.")  # fmt: skip


def draw_ideal(fig):
    """Draw the ideal map beside a straight line, and what the straight line makes."""
    maps, densities = fig.subplots(1, 2)
    line = MEAN + 0.87 * Z
    draw_map(maps, line, "a straight line")
    maps.set(ylim=(2, 6))
    draw_densities(densities, line)
    densities.set(xlim=(2, 6), ylim=(0, 1))
    describe(fig, "The ideal map is flat in the middle and steep at both ends. A straight line makes a box.")  # fmt: skip


def ideal_shape(shapes):
    """Return the shape of the ideal map: the data are densest in the middle, so it is flattest there."""
    return shapes[2]


def best_of(results):
    """Return the name under which most runs succeed; results: {name: (means, stds)}."""
    return max(results, key=lambda name: succeeds(*results[name]).sum())


def push(D, x):
    """Return the direction in which each sample is asked to move: minus the slope of -log D(x), shape (N, 1)."""
    x = x.detach().requires_grad_()
    loss = softplus(-D(x)).sum()  # in a batch that D sees as a whole, the others' part too
    return -torch.autograd.grad(loss, x)[0]


def view(fig, gan, log, alone=True):
    """Draw the map, both densities with the pushes on 12 samples, the losses, D and, where it judges alone, the best D."""
    sizes = dict(width_ratios=[1, 1.4], height_ratios=[1.25, 1])
    (maps, densities), (losses, judge) = fig.subplots(2, 2, **sizes)
    few = torch.linspace(-1, 1, 12)[:, None] * 0.95
    with torch.no_grad():
        x, x_few = gan.G(LATENTS).numpy()[:, 0], gan.G(few)
    draw_map(maps, x)
    density = draw_densities(densities, x)
    pushes = push(gan.D, x_few).numpy()[:, 0]
    low = -0.1 - 0.08 * (np.arange(len(few)) % 6)
    arrows = dict(color=PUSH, angles="xy", scale_units="xy", scale=1)
    densities.quiver(x_few[:, 0], low, pushes, 0 * low, **arrows)
    densities.set(title=f"generated: mean {x.mean():.2f}, std {x.std():.2f}")
    curves(losses, log, "loss of D", "loss of G", colors=[CRITIC, FAKE])
    losses.axhline(2 * np.log(2), color=CRITIC, ls=":", label="2 log 2")
    losses.axhline(np.log(2), color=FAKE, ls=":", label="log 2")
    finish(losses, "upper right", ylabel="loss (nats)", ylim=(0, 6))
    with torch.no_grad():
        if alone:
            D = torch.sigmoid(gan.D(torch.tensor(X, dtype=torch.float32)[:, None]))
            some = np.where(DENSITY + density > 3e-3, DENSITY + density, np.nan)
            judge.plot(X, DENSITY / some, color=OPTIMAL, ls="--", label="D*, the best D")
            judge.plot(X, D[:, 0], color=CRITIC, lw=2, label="D")
            judge.legend(loc="lower left")
        else:  # each sample has a value of its own, which depends on the others
            x_real = torch.tensor(IDEAL[16::33, None]).float()  # 12 even quantiles
            for group, color in ((x_real, REAL), (x_few, FAKE)):
                judge.scatter(group[:, 0], torch.sigmoid(gan.D(group))[:, 0], color=color)
    judge.axhline(0.5, color=CRITIC, ls=":")
    judge.set(xlim=(-2, 7), ylim=(-0.05, 1.05), xlabel="x", ylabel="D(x)")
    describe(fig, f"After {log.n} steps the samples have mean {x.mean():.2f} and std {x.std():.2f}.")  # fmt: skip


in_batches = functools.partial(view, alone=False)


@drawing
def scatter_of_runs(fig, results):
    """Draw a dot for each run at its mean and std; results: {name: (means, stds)}."""
    axes = np.atleast_1d(fig.subplots(1, len(results), sharey=True))
    for ax, (name, (means, stds)) in zip(axes, results.items()):
        good, places = succeeds(means, stds), (np.clip(means, 2.6, 5.4), np.clip(stds, 0.02, 2))
        colors = {True: OPTIMAL, False: FAKE}
        sns.scatterplot(x=places[0], y=places[1], hue=good, palette=colors, ax=ax, legend=False)
        ax.plot([3.9, 4.1, 4.1, 3.9, 3.9], [0.4, 0.4, 0.6, 0.6, 0.4], color=MARK)
        ax.set(xlim=(2.5, 5.5), ylim=(0.018, 2.2), yscale="log", xlabel="mean", ylabel="std")
        ax.set_title(f"{name}\n{good.sum()} of {len(good)} succeed", fontsize=10)
        ax.set_yticks([0.02, 0.1, 0.5, 2], ["0.02", "0.1", "0.5", "2"])
    words = ", ".join(f"{name} {succeeds(*both).sum()}" for name, both in results.items())
    describe(fig, f"A dot for each run at its mean and std; in the box at (4, 0.5): {words}.")


def succeeds(means, stds):
    """Return which runs end within 0.1 of both, the mean 4 and the std 0.5."""
    return (abs(np.asarray(means) - MEAN) < 0.1) & (abs(np.asarray(stds) - STD) < 0.1)
