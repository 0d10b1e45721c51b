"""What the rooms of several lessons draw and read: a critic over the plane, bands over seeds, JPEGs, stored results."""

import base64
import functools
import html
import io
import json
import pathlib
import time

import matplotlib
import numpy as np
import torch
from IPython.display import HTML
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from PIL import Image
from torch import nn

from gan_edu.players import Players, untouched
from gan_edu.style import CRITIC, FAKE, REAL, STYLE, SURFACE

WEIGHTS = pathlib.Path(__file__).parent / "weights"


def load(path, hook=None):
    """Return what a benchmark has stored in this JSON file; hook: what becomes of each of its dictionaries."""
    return json.loads(path.read_text(encoding="utf-8"), object_hook=hook)


@torch.no_grad()
def made_by(G, *inputs):
    """Return what a generator makes in evaluation mode, 250 at a time, on the processor; it keeps its mode."""
    place, parts = next(G.parameters()).device, zip(*(x.split(250) for x in inputs))
    with untouched(Players(G=G)):
        return torch.cat(
            [G.eval()(*(one.to(place) for one in part)).float().cpu() for part in parts]
        )


def spread(values, digits=2):
    """Return the median and the range of several runs as words."""
    low, middle, high = (f"{round(v, digits) + 0:.{digits}f}" for v in np.quantile(values, (0, 0.5, 1)))  # fmt: skip
    return f"{middle} ({low} to {high})".replace("-", "−")


def compared(one, other, options):
    """Return which of (larger, smaller, overlapping) the first of two sets of numbers is."""
    larger, smaller, overlap = options
    return larger if min(one) > max(other) else smaller if max(one) < min(other) else overlap


def inked(x, columns, color, levels=16):
    """Return pictures (n, 1, S, S) in [-1, 1] side by side, white ink in shades of a colour: bytes (height, width, 3)."""
    x = np.asarray(x, np.float32)
    page = np.full((len(x) // columns, columns, *(side + 2 for side in x.shape[2:])), np.nan, "f4")
    page[..., :-2, :-2] = x.reshape(-1, columns, *x.shape[2:])
    page = np.concatenate(np.concatenate(page, axis=1), axis=1)
    shades = LinearSegmentedColormap.from_list(color, ["#000000", color, "#ffffff"], levels)
    rgb = shades((np.nan_to_num(page[:-2, :-2]) + 1) / 2)[..., :3]
    rgb[np.isnan(page[:-2, :-2])] = 0.5
    return (255 * rgb).round().astype("u1")


def few_colours(pixels, n):
    """Return a picture in its n commonest colours, which takes a third of the space in a recording."""
    return np.asarray(Image.fromarray(pixels).quantize(n, dither=Image.Dither.NONE).convert("RGB"))


class Screen:
    """A panel that only shows: its steps train nothing, one each `pause` seconds at most."""

    pause = 0.04

    def build(self):
        return Players(screen=nn.Linear(1, 1))  # a run wants a network

    def step(self, gan, knobs):
        time.sleep(self.pause)
        return {"moment": knobs.n + 1}


def drawing(draw):
    """Let draw(fig, ..., *data) take its data first: draw(*data) is draw(fig), to reveal or to show."""

    @functools.wraps(draw)
    def given(*data, **named):
        return lambda *fig: draw(*fig, *data, **named)

    return given


def photo(draw, size=None, dpi=80, quality=85, **how):
    """Return what draw(fig) draws as a JPEG with its description: where there are faces a PNG is five times as large."""
    with matplotlib.rc_context(STYLE):
        draw(fig := Figure(figsize=size))
        pil = dict(quality=quality)
        fig.savefig(content := io.BytesIO(), format="jpeg", dpi=dpi, pil_kwargs=pil, **how)
    data, words = base64.b64encode(content.getvalue()).decode(), html.escape(fig.words, quote=True)
    return HTML(f'<img alt="{words}" style="max-width: 100%" src="data:image/jpeg;base64,{data}">')


def photographed(draw):
    """Let draw(fig, *data) take its data alone, and return a JPEG."""
    return lambda *data, **named: photo(drawing(draw)(*data, **named))


def score_plane(ax, D, real, fake, side=2.2, names=("real", "generated"), **more):
    """Draw a critic's scores over a square of the plane, and real and generated points (n, 2) on it; names: of a legend."""
    x = torch.linspace(-side, side, 45)
    with torch.no_grad():
        scores = D(torch.cartesian_prod(x, x)).reshape(45, 45).T
    if scores.isfinite().all():
        ax.contourf(x, x, scores, levels=12, cmap=SURFACE)
    for points, color, name in zip((real, fake), (REAL, FAKE), names or (None, None)):
        ax.scatter(*points.detach().T, s=9, color=color, label=name)
    ax.set(xlim=(-side, side), ylim=(-side, side), aspect="equal")
    ax.set(**dict(xlabel="x₁", ylabel="x₂") | more)
    if names:
        ax.legend(loc="upper right")


def band(ax, x, values, color=CRITIC, look="-", **more):
    """Draw median and range of several runs (runs, n) over x (n,); return the median."""
    low, middle, high = np.quantile(values, (0, 0.5, 1), axis=0)
    ax.fill_between(x, low, high, color=color, alpha=0.2, lw=0)
    ax.plot(x, middle, look, color=color, **more)
    return middle


def finish(ax, legend=None, **properties):
    """Set what is written on the axes, and add the legend, at this place if one is given."""
    ax.set(**properties)
    ax.legend(loc=legend)


def picture(ax, pixels, title="", **how):
    """Draw pixels (h, w, 3) without ticks."""
    ax.imshow(pixels, **how)
    ax.axis("off")
    ax.set(title=title)
