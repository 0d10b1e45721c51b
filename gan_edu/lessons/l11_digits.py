"""Lesson 11, digits: the film of a long training, grids of digits on the page and in files, networks layer by layer."""

import itertools
import os
import pathlib

import matplotlib
import numpy as np
import torch
from matplotlib.figure import Figure

from gan_edu.panel.figure import curves, describe
from gan_edu.predict import table
from gan_edu.style import CRITIC, FAKE, MARK, STYLE
from gan_edu.views import WEIGHTS, Screen, drawing, inked, made_by, picture

Z = torch.randn(25, 100, generator=torch.Generator().manual_seed(0))  # the film shows these, too


def draw_digits(ax, x, color=FAKE, title=""):
    """Draw digits (n, 1, 28, 28) as one picture."""
    picture(ax, inked(x, 5, color), title)


def digits_of(G, z=Z):
    """Return what a generator makes of latents in evaluation mode, (n, 1, 28, 28)."""
    return made_by(G, z)


class Film(Screen):
    """A stored training as a panel whose steps train nothing: pictures x (K, 25, 1, 28, 28), steps (K,), gap of each 10th."""

    def __init__(self, recipe):
        with np.load(WEIGHTS / f"digits_{recipe}.npz") as stored:
            self.steps, self.gap = stored["steps"], stored["critic gap"]
            self.x = torch.from_numpy(stored["frames"]).float()[:, :, None] / 127.5 - 1
        self.top = 1.3 * float(np.quantile(self.gap, 0.95))
        self.made = torch.load(WEIGHTS / f"digits_{recipe}.pt", weights_only=True)["made"]

    def view(self, fig, gan, log):
        """Draw the picture and the gap up to its step; after the last one the film begins again."""
        left, right = fig.subplots(1, 2, width_ratios=[1, 1.5])
        k = log.n % len(self.steps)
        n, stride = int(self.steps[k]), max(1, len(self.gap) // 500)
        draw_digits(left, self.x[k], title=f"after {n:,} steps")
        gap = self.gap[: n // 10 : stride]
        cut = " (its first steps are cut off)" if max(self.gap) > self.top else ""
        right.plot(10 + 10 * stride * np.arange(len(gap)), gap, color=CRITIC, lw=1.2)
        right.set(xlim=(0, int(self.steps[-1])), ylim=(0, self.top), xlabel="training step")
        right.set(title=f"critic gap{cut}", ylabel="critic gap (score)")
        right.axvline(n, color=FAKE)
        describe(fig, f"25 generated digits after {n:,} training steps, and the curve of the critic's gap up to there.")  # fmt: skip


def view_digits(fig, gan, log):
    """Draw 25 digits of the same latents, the critic's gap and the penalty."""
    left, middle, right = fig.subplots(1, 3, width_ratios=[1.2, 1, 1])
    draw_digits(left, digits_of(gan.G), title=f"{log.n} steps")
    for ax, name, color in ((middle, "critic gap", CRITIC), (right, "penalty", MARK)):
        curves(ax, log, name, colors=[color])
        ax.set(title=name, ylabel="score" if name == "critic gap" else "penalty, without λ")
    last = [f"{name} {log[name][-1]:.3g}" for name in ("critic gap", "penalty") if log.n]
    describe(fig, f"25 generated digits after {log.n} steps on this page. {', '.join(last)}")


def save_digits(path, gan):
    """Write 25 digits as a PNG, whole or not at all."""
    unfinished = f"{path}.{os.getpid()}"
    with matplotlib.rc_context(STYLE):
        fig = Figure(figsize=(3, 3.2))
        draw_digits(fig.subplots(), digits_of(gan.G), title=pathlib.Path(path).stem)
        fig.savefig(unfinished, format="png")
    os.replace(unfinished, path)


@drawing
def draw_run(fig, paths, log):
    """Draw saved pictures of a training, and its two curves below."""
    top, below = fig.subfigures(2, 1, height_ratios=[1.1, 1])
    for ax, path in zip(top.subplots(1, len(paths)), paths):
        picture(ax, matplotlib.image.imread(path))
    for ax, name, color in zip(below.subplots(1, 2), ("critic gap", "penalty"), (CRITIC, MARK)):
        ax.plot(np.arange(1, len(log[name]) + 1), log[name], color=color, lw=1)
        ax.set(xlabel="step", title=name, ylabel="score" if color == CRITIC else "without λ")
    fig.set_size_inches(9, 5)
    describe(fig, f"Above, the files {', '.join(paths)}; below, critic gap and penalty of each step.")  # fmt: skip


def layers(networks, shapes):
    """Return a table of the layers of {name: nn.Sequential} side by side; shapes: of what goes into each network."""
    columns, sized = [], lambda shape: " × ".join(["n", *map(str, shape)])
    for (name, network), shape in zip(networks.items(), shapes):
        x, total = torch.zeros(2, *shape), sum(p.numel() for p in network.parameters())
        rows = [[f"<b>{name}</b>", sized(shape), f"<b>{total:,}</b>"]]
        for layer in network:
            before, x = x.shape, layer(x)
            n, kind = sum(p.numel() for p in layer.parameters()), type(layer).__name__
            if n or x.shape != before:
                rows.append([kind, sized(x.shape[1:]), f"{n:,}" if n else ""])
            else:
                rows[-1][0] += f", {kind}"
        columns.append(rows)
    side_by_side = itertools.zip_longest(*columns, fillvalue=["", "", ""])
    rows = ([*itertools.chain(*parts)] for parts in side_by_side)
    return table(("layer", "shape", "parameters") * len(columns), rows)
