"""Lesson 17: the figures of its results."""

import base64
import html
import io

import matplotlib
import numpy as np
import torch
from IPython.display import HTML
from matplotlib.figure import Figure

from gan_edu.faces.grid import draw_faces
from gan_edu.lessons.l17_measures import faces_of
from gan_edu.panel.figure import describe
from gan_edu.style import CRITIC, FAKE, MARK, REAL, STYLE


def draw_line(fig):
    """Draw where the lesson's small discriminator says 0, for both labels."""
    ax, h = fig.subplots(), np.linspace(-1, 5, 2)
    ax.plot([2, 2], [-3, 3], color=CRITIC, lw=2, label="no glasses: D(x, y) = 0")
    ax.plot(h, (h - 2) / 2, color=MARK, lw=2, label="glasses: D(x, y) = 0")
    ax.plot(3, 1, "o", color=FAKE, ms=8)
    ax.annotate("the picture", (3, 1), xytext=(3.15, 1.15))
    ax.set(xlim=(-1, 5), ylim=(-2, 2.5), xlabel="feature h₁", ylabel="feature h₂")
    ax.legend(loc="lower left")
    fig.set_size_inches(6, 3.2)
    describe(fig, "The plane of two features with two lines, one for each label. The picture at (3, 1) lies on the positive side of the upright line for no glasses, and on the negative side of the slanting line for glasses.")  # fmt: skip


def draw_rows(G, labels, n=8, seed=2):
    """Return draw(fig): the same n latents in each row, which asks for the label {name: (3,)}."""
    z = torch.randn(n, 100, generator=torch.Generator().manual_seed(seed))
    rows = {name: faces_of(G, z, torch.tensor([y] * n)) for name, y in labels.items()}

    def draw(fig):
        for ax, (name, x) in zip(fig.subplots(len(rows), 1), rows.items()):
            draw_faces(ax, x, n)
            ax.set_ylabel(name, rotation=0, ha="right", va="center")
        fig.set_size_inches(9, 1.05 * len(rows))
        describe(fig, f"Rows of {n} generated faces, the same latents in each row. The rows ask for {', '.join(rows)}.")  # fmt: skip

    return draw


def draw_class_loss(curves, floor):
    """Return draw(fig): the class loss of real faces over the steps of a classifier, {name: (n,)}, and a floor."""

    def draw(fig):
        ax = fig.subplots()
        for (name, loss), color in zip(curves.items(), (REAL, MARK)):
            ax.plot(np.arange(1, len(loss) + 1), loss, color=color, label=name)
        ax.axhline(floor, color=CRITIC, ls="--", label=f"floor, {floor:.2f}")
        ax.set(ylim=(0, 3), xlabel="step", ylabel="class loss (nats)")
        ax.legend()
        ends = ", ".join(f"{name} {np.mean(loss[-10:]):.2f}" for name, loss in curves.items())
        describe(fig, f"Class loss over the steps, mean of the last ten: {ends}. A dashed line at {floor:.2f}.")  # fmt: skip

    return draw


def jpeg(draw):
    """Return what draw(fig) draws as a JPEG with its description: faces as PNG make a notebook large."""
    with matplotlib.rc_context(STYLE):
        draw(fig := Figure())
        fig.savefig(
            content := io.BytesIO(),
            format="jpeg",
            dpi=90,
            bbox_inches="tight",
            pil_kwargs=dict(quality=80),
        )
    data, words = base64.b64encode(content.getvalue()).decode(), html.escape(fig.words, quote=True)
    return HTML(f'<img alt="{words}" style="max-width: 100%" src="data:image/jpeg;base64,{data}">')
