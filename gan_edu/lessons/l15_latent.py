"""Lesson 15, latent space: a walk between two latents, lengths, what middles are worth, and faces moved along directions."""

import time

import numpy as np
import torch

from gan_edu.faces.grid import tile
from gan_edu.faces.judge import face_quality
from gan_edu.faces.train import load_generator
from gan_edu.panel.figure import describe
from gan_edu.players import Players
from gan_edu.predict import table
from gan_edu.style import CRITIC, FAKE, OPTIMAL, REAL
from gan_edu.views import band, drawing, finish, picture
from gan_edu.views import made_by as faces_of

PAIRS = torch.randn(12, 2, 100, generator=torch.Generator().manual_seed(4)).roll(4, 0)
LOOKS = dict(zip(("smile", "glasses", "beard", "random"), (REAL, FAKE, OPTIMAL, CRITIC)))


def walk_build():
    """Return the players of a walk: the shipped generator, which only shows."""
    return Players(G=load_generator())


def walk_step(gan, knobs):
    """Go on by a thirtieth of the way, 25 times a second at most, there and back again; nothing trains."""
    time.sleep(0.04)
    return {"t": place(knobs.n + 1), "pair": knobs.pair}


def place(n):
    """Return where the walk is after n steps: from 0 at n = 0 to 1 at n = 30 and back."""
    return 1 - abs(1 - n % 60 / 30)


def arc(a, b, t):
    """Return the points at t (n, 1) of the arcs from a to b (n, 100): lesson 15 has the formula."""
    angle = torch.arccos(torch.cosine_similarity(a, b, dim=-1))[..., None]
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


def view_walk(fig, gan, log):
    """Draw the faces at the present place of both ways."""
    t, pair = place(log.n), int(log["pair"][-1]) if log.n else 1
    a, b = PAIRS[pair - 1]
    x = faces_of(gan.G, torch.stack([a, (1 - t) * a + t * b, arc(a, b, t), b]))
    names = "start", "straight way", "along the arc", "end"
    for ax, face, name in zip(fig.subplots(1, 4, width_ratios=[1, 2, 2, 1]), x, names):
        picture(
            ax, tile(face[None]) & 0xF8, name, interpolation="bilinear"
        )  # five bits: small recordings
    describe(fig, f"Pair {pair} at t = {t:.2f}: two faces between the start and the end, of the straight way and of the arc.")  # fmt: skip


@drawing
def draw_lengths(fig, *middles):
    """Draw how long latents are in 2 and 100 dimensions, and middles (n, 100), if any are given."""
    seeded, colors = torch.Generator().manual_seed(0), {2: CRITIC, 100: REAL}
    sets = [(f"z, {d} numbers", torch.randn(20_000, d, generator=seeded), c) for d, c in colors.items()]  # fmt: skip
    sets += [("middle of a straight way, 100 numbers", z, FAKE) for z in middles]
    ax, words = fig.subplots(), []
    for label, z, color in sets:
        r = z.norm(dim=1)
        ax.hist(r, bins=60, density=True, color=color, alpha=0.5, label=label)
        words.append(f"{label}: {r.mean():.1f} ± {r.std():.1f}")
    finish(ax, xlim=(0, 14), xlabel="length", ylabel="density")
    describe(fig, f"Histograms of lengths, mean and spread: {'; '.join(words)}.")


def worth(x):
    """Return precision, recall and Fréchet distance of faces, in the judge's features, and the spread of their pixels."""
    q = face_quality(x)
    return q.precision, q.recall, q.frechet, x.std(0).mean().item()


def worth_table(found):
    """Return a table of {name: [what worth returned, ...]}, median and range."""
    head = "latents", "precision", "recall", "Fréchet distance", "spread of the pixels"
    return table(head, [(name, *map(list, zip(*rows))) for name, rows in found.items()])


@drawing
def draw_effects(fig, steps, effects):
    """Draw effects {name: (draws, steps, 2)}, what is reached and what else changes, over the size of the step."""
    said = []
    for k, (ax, title) in enumerate(zip(fig.subplots(1, 2), ("has the attribute now", "other labels that changed"))):  # fmt: skip
        for name, found in effects.items():
            middle = band(ax, steps, np.array(found)[..., k], LOOKS[name], "o-", label=name)
            said.append(f"{name} {' '.join(f'{100 * v:.0f} %' for v in middle)}")
        ax.set(ylim=(-0.02, 1.02), xlabel="size of the step", ylabel="share", title=title)
    ax.legend()
    describe(fig, f"Shares over the size of the step, median and range; first that have the attribute, then other labels that changed: {'; '.join(said)}.")  # fmt: skip


class Portraits:
    """Six faces and the same moved along directions {name: (100,)}, for explore."""

    def __init__(self, G, z, ways):
        self.G, self.z, self.ways = G, z[:6], ways

    def view(self, fig, knobs):
        z = self.z + sum(getattr(knobs, name) * way for name, way in self.ways.items())
        if knobs.shell:
            z = z * self.z.norm(dim=1, keepdim=True) / z.norm(dim=1, keepdim=True)
        ax = fig.subplots()
        moves = ", ".join(f"{getattr(knobs, name):g} towards {name}" for name in self.ways)
        where = "back on the shell" if knobs.shell else f"lengths up to {z.norm(dim=1).max():.1f}"
        title = f"above: as they are; below: moved, {where}"
        pixels = tile(faces_of(self.G, torch.cat([self.z, z])), 6) & 0xF8
        picture(ax, pixels, title, interpolation="bilinear")
        describe(fig, f"Six generated faces, and below them the same moved by {moves}, {where}.")
