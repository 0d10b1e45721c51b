"""Lesson 13: the figures of its results: curves, grids, and pictures side by side."""

import matplotlib.image
import numpy as np
import torch

from gan_edu.faces.grid import draw_faces
from gan_edu.lessons.l13_dcgan_faces import LINES, LOSSES, MEANS, Z, faces_of
from gan_edu.panel.figure import describe
from gan_edu.views import photo, photographed, picture

drawn = photo  # a figure that the page draws itself


def draw_curves(axes, log, low=1, legend=True):
    """Draw losses and mean outputs, each over the steps; log: {name: (n,)}. The legend stands above the curves."""
    what = [(LOSSES, "loss (nats)"), (MEANS, "mean output of D")]
    for ax, (names, ylabel) in zip(axes, what[-len(axes) :]):
        for name in names:
            n = len(log[name])
            smooth = np.convolve(log[name], np.ones(low) / low, "valid")
            ax.plot(np.arange(low, n + 1), smooth, color=LINES[name], lw=1, label=name)
        ax.set(xlabel="step", ylabel=ylabel)
        if legend:
            ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, fontsize=8, frameon=False)
    axes[-1].set(ylim=(0, 1.02))


@photographed
def draw_run(fig, paths, log):
    """Draw saved grids of a training, and its curves below."""
    above, below = fig.subfigures(2, 1, height_ratios=[1.15, 1])
    for ax, path in zip(above.subplots(1, len(paths)), paths):
        picture(ax, matplotlib.image.imread(path))
        ax.set_title(path, fontsize=9)
    draw_curves(below.subplots(1, 2), log, low=10)
    fig.set_size_inches(10, 4.9)
    means = (f"{name} {np.mean(log[name][-100:]):.2f}" for name in LINES)
    describe(fig, f"Above, the grids {', '.join(paths)}: the faces become sharper. Below, the curves (mean of 10 steps), at the end {', '.join(means)}.")  # fmt: skip


@photographed
def draw_pair(fig, runs, n_steps):
    """Draw faces and mean outputs of several runs after so many steps, {title: run}; a longer run goes back for it."""
    fig.set_size_inches(9.5, 4.8)
    for axes, (title, run) in zip(fig.subplots(2, 2, width_ratios=[1, 1.6]), runs.items()):
        then = run if run.n == n_steps else run.fork().goto(n_steps)
        draw_faces(axes[0], faces_of(then.gan.G, Z), 8, title=title)
        draw_curves([axes[1]], then.log, low=min(5, n_steps))
    describe(fig, f"16 faces after {n_steps} steps, and mean outputs of D: {'; '.join(runs)}.")


def from_eval(G, z):
    """Return how far faces made in training mode are from those in evaluation mode: in one batch, and one by one."""
    still, together = faces_of(G, z), faces_of(G, z, training=True)
    single = torch.cat([faces_of(G, one[None], training=True) for one in z])
    return tuple((x - still).abs().mean().item() for x in (together, single))


@photographed
def draw_modes(fig, G, z):
    """Draw one face in several batches, in both modes."""
    fig.set_size_inches(9, 3)
    for ax, training in zip(fig.subplots(1, 2), (False, True)):
        batches = z, torch.cat([z[:1], -z[1:]]), z[:1]
        faces = torch.cat([faces_of(G, part, training)[:1] for part in batches])
        mode = "train()" if training else "eval()"
        draw_faces(ax, faces, 3, title=f"{mode}: among 63, other 63, alone")
    describe(fig, "The face of one latent vector among 63 others, among 63 different ones, and alone, in both modes.")  # fmt: skip


def as_squares(z):
    """Return latents (n, 100) as grey pictures (n, 1, 10, 10), white for 3 and more, black for -3 and less."""
    return (z / 3).clamp(-1, 1).reshape(-1, 1, 10, 10)


@photographed
def show(fig, sets):
    """Draw sets of 64 pictures beside each other, {title: pictures}."""
    fig.set_size_inches(min(4 * len(sets), 11) if len(sets) > 1 else 5, 4.2)
    for ax, (title, x) in zip(fig.subplots(1, len(sets), squeeze=False)[0], sets.items()):
        draw_faces(ax, x, title=title, interpolation="nearest" if x.shape[-1] < 64 else "antialiased")  # fmt: skip
    describe(fig, f"Pictures side by side, 64 each: {'; '.join(sets)}.")
