"""Lesson 17: the figures of its results."""

import functools

import numpy as np
import torch

from gan_edu.faces.grid import draw_faces
from gan_edu.lessons.l17_measures import faces_of
from gan_edu.panel.figure import describe
from gan_edu.style import CRITIC, FAKE, MARK, REAL
from gan_edu.views import drawing, finish, photo

jpeg = functools.partial(photo, dpi=90, quality=80, bbox_inches="tight")


def draw_line(fig):
    """Draw where the lesson's small discriminator says 0, for both labels."""
    ax, h = fig.subplots(), np.linspace(-1, 5, 2)
    ax.plot([2, 2], [-3, 3], color=CRITIC, lw=2, label="no glasses: D(x, y) = 0")
    ax.plot(h, (h - 2) / 2, color=MARK, lw=2, label="glasses: D(x, y) = 0")
    ax.plot(3, 1, "o", color=FAKE, ms=8)
    ax.annotate("the picture", (3, 1), xytext=(3.15, 1.15))
    finish(ax, "lower left", xlim=(-1, 5), ylim=(-2, 2.5), xlabel="feature h₁", ylabel="feature h₂")
    fig.set_size_inches(6, 3.2)
    describe(fig, "The plane of two features with two lines, one for each label. The picture at (3, 1) lies on the positive side of the upright line for no glasses, and on the negative side of the slanting line for glasses.")  # fmt: skip


@drawing
def draw_rows(fig, G, labels, n=8, seed=2):
    """Draw the same n latents in each row, which asks for the label {name: (3,)}."""
    z = torch.randn(n, 100, generator=torch.Generator().manual_seed(seed))
    rows = {name: faces_of(G, z, torch.tensor([y] * n)) for name, y in labels.items()}
    for ax, (name, x) in zip(fig.subplots(len(rows), 1), rows.items()):
        draw_faces(ax, x, n)
        ax.set_ylabel(name, rotation=0, ha="right", va="center")
    fig.set_size_inches(9, 1.05 * len(rows))
    describe(fig, f"Rows of {n} generated faces, the same latents in each row. The rows ask for {', '.join(rows)}.")  # fmt: skip


@drawing
def draw_class_loss(fig, curves, floor):
    """Draw the class loss of real faces over the steps of a classifier, {name: (n,)}, and a floor."""
    ax = fig.subplots()
    for (name, loss), color in zip(curves.items(), (REAL, MARK)):
        ax.plot(np.arange(1, len(loss) + 1), loss, color=color, label=name)
    ax.axhline(floor, color=CRITIC, ls="--", label=f"floor, {floor:.2f}")
    finish(ax, ylim=(0, 3), xlabel="step", ylabel="class loss (nats)")
    ends = ", ".join(f"{name} {np.mean(loss[-10:]):.2f}" for name, loss in curves.items())
    describe(fig, f"Class loss over the steps, mean of the last ten: {ends}. A dashed line at {floor:.2f}.")  # fmt: skip
