"""Lesson 13: the figures of its results: curves, grids, and pictures side by side."""

import base64
import html
import io

import matplotlib.image
import numpy as np
import torch
from IPython.display import HTML
from matplotlib.figure import Figure

from gan_edu.faces.grid import draw_faces
from gan_edu.lessons.l13_dcgan_faces import LINES, LOSSES, MEANS, Z, faces_of
from gan_edu.panel.figure import describe
from gan_edu.style import STYLE


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


def draw_run(paths, log):
    """Return a picture of saved grids of a training, and its curves below."""

    def draw(fig):
        above, below = fig.subfigures(2, 1, height_ratios=[1.15, 1])
        for ax, path in zip(above.subplots(1, len(paths)), paths):
            ax.imshow(matplotlib.image.imread(path))
            ax.axis("off")
            ax.set_title(path, fontsize=9)
        draw_curves(below.subplots(1, 2), log, low=10)
        fig.set_size_inches(10, 4.9)
        means = (f"{name} {np.mean(log[name][-100:]):.2f}" for name in LINES)
        describe(fig, f"Above, the grids {', '.join(paths)}: the faces become sharper. Below, the curves (mean of 10 steps), at the end {', '.join(means)}.")  # fmt: skip

    return drawn(draw)


def drawn(draw):
    """Return what draw(fig) draws as a JPEG, which takes a fifth of a PNG for faces."""
    with matplotlib.rc_context(STYLE):
        draw(fig := Figure())
        fig.savefig(content := io.BytesIO(), format="jpeg", dpi=80, pil_kwargs=dict(quality=85))
    data, words = base64.b64encode(content.getvalue()).decode(), html.escape(fig.words, quote=True)
    return HTML(f'<img alt="{words}" style="max-width: 100%" src="data:image/jpeg;base64,{data}">')


def draw_pair(runs, n_steps):
    """Draw faces and mean outputs of several runs after so many steps, {title: run}; a longer run goes back for it."""

    def draw(fig):
        fig.set_size_inches(9.5, 4.8)
        for axes, (title, run) in zip(fig.subplots(2, 2, width_ratios=[1, 1.6]), runs.items()):
            then = run if run.n == n_steps else run.fork().goto(n_steps)
            draw_faces(axes[0], faces_of(then.gan.G, Z), 8, title=title)
            draw_curves([axes[1]], then.log, low=min(5, n_steps))
        describe(fig, f"16 faces after {n_steps} steps, and mean outputs of D: {'; '.join(runs)}.")

    return drawn(draw)


def from_eval(G, z):
    """Return how far faces made in training mode are from those in evaluation mode: in one batch, and one by one."""
    still, together = faces_of(G, z), faces_of(G, z, training=True)
    single = torch.cat([faces_of(G, one[None], training=True) for one in z])
    return tuple((x - still).abs().mean().item() for x in (together, single))


def draw_modes(G, z):
    """Return a picture of one face in several batches, in both modes."""

    def draw(fig):
        fig.set_size_inches(9, 3)
        for ax, training in zip(fig.subplots(1, 2), (False, True)):
            batches = z, torch.cat([z[:1], -z[1:]]), z[:1]
            faces = torch.cat([faces_of(G, part, training)[:1] for part in batches])
            mode = "train()" if training else "eval()"
            draw_faces(ax, faces, 3, title=f"{mode}: among 63, other 63, alone")
        describe(fig, "The face of one latent vector among 63 others, among 63 different ones, and alone, in both modes.")  # fmt: skip

    return drawn(draw)


def as_squares(z):
    """Return latents (n, 100) as grey pictures (n, 1, 10, 10), white for 3 and more, black for -3 and less."""
    return (z / 3).clamp(-1, 1).reshape(-1, 1, 10, 10)


def show(sets):
    """Draw sets of 64 pictures beside each other, {title: pictures}."""

    def draw(fig):
        fig.set_size_inches(min(4 * len(sets), 11) if len(sets) > 1 else 5, 4.2)
        for ax, (title, x) in zip(fig.subplots(1, len(sets), squeeze=False)[0], sets.items()):
            draw_faces(ax, x, title=title, interpolation="nearest" if x.shape[-1] < 64 else "antialiased")  # fmt: skip
        describe(fig, f"Pictures side by side, 64 each: {'; '.join(sets)}.")

    return drawn(draw)
