"""Lesson 14: the film of a training, a line-up of faces, and rows of faces."""

import base64
import functools
import html
import io
import time

import matplotlib
import numpy as np
import torch
from IPython.display import HTML
from matplotlib.figure import Figure
from matplotlib.image import imread
from PIL import Image
from torch import nn

from gan_edu.faces import make_faces
from gan_edu.faces.grid import tile
from gan_edu.faces.train import load_generator
from gan_edu.lessons.l14_recipes import FILM
from gan_edu.panel.figure import describe
from gan_edu.players import Players
from gan_edu.style import CRITIC, FAKE, STYLE

LETTERS, ANSWER = "ABCD", "C"


def picture(ax, pixels, title=""):
    """Draw pixels (h, w, 3), without ticks."""
    ax.imshow(pixels)
    ax.axis("off")
    ax.set(title=title)


def few_colours(pixels, n=64):
    """Return a picture in its n commonest colours, which takes a third of the space in a recording."""
    return np.asarray(Image.fromarray(pixels).quantize(n, dither=Image.Dither.NONE).convert("RGB"))


def faces_of(G, z):
    """Return what a generator makes of latents (n, 100), floats (n, 3, 64, 64); it is in evaluation mode."""
    with torch.no_grad():
        return torch.cat([G(part) for part in z.split(100)]).float()


class Film:
    """A stored training as a panel: each of its steps shows the next moment and trains nothing."""

    def __init__(self):
        with np.load(FILM) as stored:
            rows, last = (imread(io.BytesIO(stored[k].tobytes()), "jpg") for k in ("rows", "last"))
            self.steps, self.frechet = stored["steps"], stored["frechet"]
        rows = rows.reshape(len(self.steps), 64, -1, 64, 3).transpose(0, 2, 4, 1, 3)
        self.x = torch.from_numpy(rows.copy())  # (moments, 24, 3, 64, 64), bytes
        last = last.reshape(8, 64, 8, 64, 3).transpose(0, 2, 4, 1, 3).reshape(64, 3, 64, 64)
        self.last = torch.from_numpy(last.copy())  # averaged weights, after the last step
        self.pages = [few_colours(tile(x[:12], 4)) for x in self.x]
        self.real = tile(make_faces(12, seed=1400)[0], 4)

    def build(self):
        """Return the players of a panel that only shows: a run wants a network."""
        return Players(screen=nn.Linear(1, 1))

    def step(self, gan, knobs):
        """Go on to the next moment, after a third of a second; after the last one the film begins again."""
        time.sleep(0.3)
        return {"moment": knobs.n + 1}

    def view(self, fig, gan, log):
        """Draw real faces, generated ones, and the Fréchet distance up to this moment."""
        left, middle, right = fig.subplots(1, 3, width_ratios=[1.1, 1.1, 1])
        k = log.n % len(self.steps)
        n = int(self.steps[k])
        picture(left, self.real, "real")
        picture(middle, self.pages[k], f"generated, after {n} steps")
        right.plot(self.steps[: k + 1], self.frechet[: k + 1], "o-", color=FAKE, lw=1.5)
        right.axhline(0, color=CRITIC, lw=1)
        right.set(title=f"Fréchet distance: {self.frechet[k]:.0f}", xlabel="training step", ylabel="Fréchet distance, 2,000 faces each", xlim=(-15, 615), ylim=(-5, 180))  # fmt: skip
        describe(fig, f"12 real faces, 12 generated ones after {n} training steps, and the curve of their Fréchet distance up to there, now {self.frechet[k]:.0f}.")  # fmt: skip


@functools.cache
def rows():
    """Return {letter: 8 faces}: one row is real, the others are the shipped generator's."""
    z = torch.randn(24, 100, generator=torch.Generator().manual_seed(14))
    made = iter(faces_of(load_generator(), z).split(8))
    real = make_faces(8, seed=1408)[0].float() / 127.5 - 1
    return {letter: real if letter == ANSWER else next(made) for letter in LETTERS}


def line_up(fig, knobs, names=None):
    """Draw the rows, or one of them. names: what each is, once it may be said."""
    found = rows()
    chosen = LETTERS if knobs.row == "all" else knobs.row
    shown = fig.subplots(-(-len(chosen) // 2), min(2, len(chosen)))
    for ax, letter in zip(np.ravel(shown), chosen):
        picture(ax, tile(found[letter], 4), f"{letter}{names[letter] if names else ''}")
    said = ", ".join(f"{letter}{names[letter] if names else ''}" for letter in chosen)
    describe(fig, f"Rows of eight faces each, {said}; one of A to D is real, three are generated.")


def photo(draw, width, height):
    """Return what draw(fig) draws as a JPEG to reveal: a quarter of the bytes that faces need as a PNG."""
    with matplotlib.rc_context(STYLE):
        draw(fig := Figure(figsize=(width, height)))
        fig.savefig(content := io.BytesIO(), format="jpeg", dpi=80, pil_kwargs={"quality": 82})
    data, words = base64.b64encode(content.getvalue()).decode(), html.escape(fig.words, quote=True)
    return HTML(f'<img alt="{words}" style="max-width: 100%" src="data:image/jpeg;base64,{data}">')


def told():
    """Return the rows with what they are, to reveal."""
    said = {letter: ": real" if letter == ANSWER else ": generated" for letter in LETTERS}
    return photo(lambda fig: line_up(fig, Players(row="all"), said), 9, 4.2)


def draw_rows(sets, columns=12):
    """Return a row of faces for each of {name: faces}, to reveal."""

    def draw(fig):
        for ax, (name, x) in zip(np.ravel(fig.subplots(len(sets), 1)), sets.items()):
            picture(ax, tile(x[:columns], columns), name)
        describe(fig, f"Rows of {columns} faces: {', '.join(sets)}.")

    return photo(draw, 9, 1.05 * len(sets))
