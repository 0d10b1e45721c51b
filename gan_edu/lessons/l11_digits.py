"""Lesson 11, digits: the film of a long training, grids of digits on the page and in files, networks layer by layer."""

import itertools
import os
import pathlib
import time

import matplotlib
import numpy as np
import torch
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from torch import nn

from gan_edu.panel.figure import curves, describe
from gan_edu.players import Players
from gan_edu.predict import table
from gan_edu.style import CRITIC, FAKE, MARK, REAL, STYLE

WEIGHTS = pathlib.Path(__file__).parent.parent / "weights"
Z = torch.randn(25, 100, generator=torch.Generator().manual_seed(0))  # the film shows these, too
INK = {color: LinearSegmentedColormap.from_list(color, ["#000000", color, "#ffffff"], 16) for color in (REAL, FAKE)}  # fmt: skip


def tile(x, columns=5):
    """Return pictures (n, 1, 28, 28) in [-1, 1] as one, (rows * 30 - 2, columns * 30 - 2), line by line."""
    x = np.asarray(x, np.float32).reshape(-1, columns, 28, 28)
    page = np.full((len(x), columns, 30, 30), np.nan, np.float32)
    page[..., :28, :28] = x
    return page.transpose(0, 2, 1, 3).reshape(30 * len(x), 30 * columns)[:-2, :-2]


def paint(page, color):
    """Return a tiled page as bytes of red, green and blue; the gaps are grey."""
    rgb = INK[color]((np.nan_to_num(page) + 1) / 2)[..., :3]
    rgb[np.isnan(page)] = 0.5
    return (255 * rgb).round().astype("u1")


def draw_digits(ax, x, color=FAKE, title=""):
    """Draw digits (n, 1, 28, 28) as one picture."""
    ax.imshow(paint(tile(x), color))
    ax.axis("off")
    ax.set(title=title)


def digits_of(G, z=Z):
    """Return what a generator makes of latents in evaluation mode, (n, 1, 28, 28); it is left in the mode it had."""
    training = G.training
    with torch.no_grad():
        x = G.eval()(z)
    G.train(training)
    return x


class Film:
    """A stored training as a panel whose steps train nothing: pictures x (K, 25, 1, 28, 28), steps (K,), gap of each 10th."""

    def __init__(self, recipe):
        with np.load(WEIGHTS / f"digits_{recipe}.npz") as stored:
            self.steps, self.gap = stored["steps"], stored["critic gap"]
            self.x = torch.from_numpy(stored["frames"]).float()[:, :, None] / 127.5 - 1
        self.top = 1.3 * float(np.quantile(self.gap, 0.95))
        self.made = torch.load(WEIGHTS / f"digits_{recipe}.pt", weights_only=True)["made"]

    def build(self):
        return Players(screen=nn.Linear(1, 1))  # a run wants a network

    def step(self, gan, knobs):
        time.sleep(0.04)  # 25 pictures a second at most
        return {"picture": knobs.n + 1}

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


def draw_run(paths, log):
    """Return draw(fig): saved pictures of a training, and its two curves below."""

    def draw(fig):
        top, below = fig.subfigures(2, 1, height_ratios=[1.1, 1])
        for ax, path in zip(top.subplots(1, len(paths)), paths):
            ax.imshow(matplotlib.image.imread(path))
            ax.axis("off")
        for ax, name, color in zip(below.subplots(1, 2), ("critic gap", "penalty"), (CRITIC, MARK)):
            ax.plot(np.arange(1, len(log[name]) + 1), log[name], color=color, lw=1)
            ax.set(xlabel="step", title=name, ylabel="score" if color == CRITIC else "without λ")
        fig.set_size_inches(9, 5)
        describe(fig, f"Above, the files {', '.join(paths)}; below, critic gap and penalty of each step.")  # fmt: skip

    return draw


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
