"""Lesson 17, faces on demand: the stored generator and the panels that ask it."""

import os
import pathlib
import time

import numpy as np
import torch
from PIL import Image
from torch import nn

from gan_edu.faces import make_faces
from gan_edu.faces.grid import tile
from gan_edu.lessons.l17_measures import COUNTS, faces_of
from gan_edu.networks import DCGANGenerator
from gan_edu.panel import choice, slider, switch
from gan_edu.panel.figure import describe
from gan_edu.players import Players
from gan_edu.views import few_colours, picture

GENERATOR = pathlib.Path(__file__).parent.parent / "weights" / "conditional_generator.pt"
HAIR = "black", "brown", "blond", "red", "grey"
PEOPLE = torch.randn(12, 100, generator=torch.Generator().manual_seed(17))
ALL = torch.tensor([[s, g, h] for g in (0, 1) for s in (0, 1) for h in range(5)])
COLOURS = choice("brown", "black", "blond", "red", "grey")
ASKS = dict(smile=switch(), glasses=switch(True), hair=COLOURS)


class Labels(nn.Module):
    """Labels (n, 3) to vectors (n, 16): one of each attribute, added."""

    def __init__(self):
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(count, 16) for count in COUNTS)

    def forward(self, y):
        return sum(table(y[:, k]) for k, table in enumerate(self.tables))


class Conditional(nn.Module):
    """The generator as the lesson writes it: latents (n, 100) and labels (n, 3) to faces (n, 3, 64, 64)."""

    def __init__(self):
        super().__init__()
        self.embed, self.net = Labels(), DCGANGenerator(100 + 16, width=16, bias=True)

    def forward(self, z, y):
        return self.net(torch.cat([z, self.embed(y)], dim=1))


def load_conditional():
    """Return the stored generator, ready to make faces; steps: how long it was trained."""
    content = torch.load(GENERATOR, map_location="cpu", weights_only=True)
    generator = Conditional()
    generator.load_state_dict(content["weights"])
    generator.steps = content["steps"]
    return generator.eval().requires_grad_(False)


# ---- the first panel


def build_walk():
    """Return the players of the first panel: the stored generator, which only shows."""
    return Players(G=load_conditional())


def step_walk(gan, knobs):
    """Go on by a thirtieth of the way to the next people, 25 times a second at most; nothing trains."""
    time.sleep(0.04)
    return {"smile": knobs.smile, "glasses": knobs.glasses, "hair": HAIR.index(knobs.hair)}


def view_walk(fig, gan, log):
    """Draw three people on their way to others, above as nobody asked, below as the knobs ask."""
    k, t = divmod(log.n / 30, 1)
    a, b = (PEOPLE.roll(-int(k) - one, 0)[::4] for one in (0, 1))
    z = a * np.cos(t * np.pi / 2) + b * np.sin(t * np.pi / 2)
    asked = [int(log[name][-1]) for name in ("smile", "glasses", "hair")] if log.n else [0, 1, 1]
    y = torch.tensor([[0, 0, 1]] * 3 + [asked] * 3)
    x = faces_of(gan.G, torch.cat([z, z]), y)
    smile, glasses = "smiling" if asked[0] else "no smile", "glasses" if asked[1] else "no glasses"
    names = "no smile, no glasses, brown hair", f"{smile}, {glasses}, {HAIR[asked[2]]} hair"
    for ax, row, name in zip(fig.subplots(2, 1), x.split(3), names):
        picture(ax, few_colours(tile(row, 3), 32), name, interpolation="bilinear")
    describe(fig, f"Three generated faces, asked for {names[0]}, and below them the same latents asked for {names[1]}.")  # fmt: skip


# ---- the panel that asks


ASK = dict(person=slider(1, 12, 8, step=1), smile=slider(0.0, 2.0, 0.0), glasses=switch(), hair=COLOURS)  # fmt: skip


class Ask:
    """One latent of a generator, its smile between two labels, for explore.

    mixed: faces of (G, z, y, other, t), as in the lesson.
    """

    def __init__(self, G, mixed):
        self.G, self.mixed = G, mixed

    def view(self, fig, knobs):
        z, rest = PEOPLE[knobs.person - 1][None], [int(knobs.glasses), HAIR.index(knobs.hair)]
        no, yes = (torch.tensor([[smile, *rest]]) for smile in (0, 1))
        face = self.mixed(self.G, z, no, yes, knobs.smile)
        every = faces_of(self.G, z.expand(20, -1), ALL)
        glasses = "glasses" if knobs.glasses else "no glasses"
        said = f"smile {knobs.smile:.2g}, {glasses}, {knobs.hair} hair"
        names = said, "the same latent, all twenty labels"
        for ax, x, columns, name in zip(fig.subplots(1, 2), (face, every), (1, 5), names):
            picture(ax, tile(x, columns) & 0xF8, name, interpolation="bilinear")
        describe(fig, f"Person {knobs.person} with {said}, and the same latent with all twenty labels.")  # fmt: skip


# ---- own labels


def draw_heads(folder):
    """Write drawn faces into two sub-folders, 40 with glasses and 40 without, unless the folder is there; return its name."""
    path = pathlib.Path(folder)
    if not path.exists():
        unfinished = path.with_name(f"{path.name}.{os.getpid()}")
        for k, name in enumerate(("no glasses", "glasses")):
            (unfinished / name).mkdir(parents=True)
            for i, face in enumerate(make_faces(40, seed=17 + k, glasses=k)[0]):
                Image.fromarray(face.permute(1, 2, 0).numpy()).save(unfinished / name / f"{i:03}.png")  # fmt: skip
        unfinished.rename(path)
    return folder
