"""Lesson 16: what was measured, as pictures and as a table of stored runs."""

import functools

from gan_edu.lessons.l16_conditional_digits import asked, draw_rows
from gan_edu.panel.figure import describe
from gan_edu.predict import short, table
from gan_edu.views import WEIGHTS, drawing, load

STORED = WEIGHTS / "conditional_digits.json"
load_stored = functools.partial(load, STORED)
SETTINGS = dict(lr=2e-3, r1=1.0)
VARIANTS = {  # what is stored, and what its runs change
    "right notes": dict(notes="right"),
    "blank notes": dict(notes="blank"),
    "shuffled notes": dict(notes="shuffled"),
    "AC-GAN": {},
}


@drawing
def draw_grids(fig, runs, scores):
    """Draw a grid of each run, ten labels by eight latents; scores: what the judge says of each."""
    fig.set_size_inches(10, 4.6)
    for ax, (name, run) in zip(fig.subplots(1, len(runs)), runs.items()):
        draw_rows(ax, asked(run.gan.G), title=f"{name} notes")
    same = "; ".join(f"{name} notes {scores[name]['column']:.0%}" for name in runs)
    describe(fig, f"Three grids of generated digits, a row for each label and a column for each latent. Pictures of a column that are read as its most frequent digit: {same}.")  # fmt: skip


def values(stored, variant, name):
    """Return one score of a variant, a number for each seed."""
    return [run[name] for run in stored["runs"][variant]]


def stored_table(stored, *variants):
    """Return the table of some variants, median and range over the seeds, and of real digits."""
    names = "accuracy", "permuted", "spread", "recall", "Fréchet"
    rows = [(variant, *(values(stored, variant, name) for name in names)) for variant in variants]
    real = "other real digits", *(short(stored["floor"][name], 3) for name in names)
    heads = "label accuracy", "permuted", "spread within a label", "recall within a label", "Fréchet distance"  # fmt: skip
    return table(("", *heads), [*rows, real])
