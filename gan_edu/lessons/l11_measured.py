"""Lesson 11: what was measured as tables and pictures, and sets of pictures that fool a measure."""

import numpy as np
import torch
from torch.nn.functional import avg_pool2d, pad

from gan_edu.lessons.l11_digits import draw_digits
from gan_edu.lessons.l11_judge import N
from gan_edu.panel.figure import describe
from gan_edu.predict import short, table
from gan_edu.style import CRITIC, FAKE, REAL
from gan_edu.views import drawing, inked, picture

COPIES = "1,000 copies of one digit"


def cheats(judge):
    """Return the judge's measures of sets of 1,000 pictures that no generator has made; own: their originals do not count."""
    real = judge.others
    noise = torch.randint(0, 2, real.shape, generator=torch.Generator().manual_seed(0))
    blurred = avg_pool2d(pad(real, [1] * 4, value=-1), 3, stride=1)
    return {
        COPIES: judge.measure(judge.images[[4]].expand(N, -1, -1, -1)),
        "training digits, moved by a pixel": judge.measure(judge.images[:3000:3].roll(1, 3)),
        "real digits, blurred (3 × 3)": judge.measure(blurred, own=True),
        "empty paper": judge.measure(torch.full_like(real, -1)),
        "black and white noise": judge.measure(2.0 * noise - 1),
        "two digits on one another": judge.measure(torch.maximum(real, real.roll(1, 0)), own=True),
    }


def fooled_by(sets, options):
    """Return which option names a measure by which copies of one digit are no worse than real digits: how sure a judge is."""
    copies = sets[COPIES]
    found = 1 - copies["top probability"], copies["unevenness"], copies["Fréchet"]
    return options[np.argmin(found)]


def measures_table(sets):
    """Return a table of what was measured, {name: what `measure` returned, or a list of such}: lists as median (range)."""
    columns = {"top probability": "mean top probability", "unevenness": "unevenness", "nearest": "nearest training digit", "Fréchet": "Fréchet distance"}  # fmt: skip
    rows = []
    for name, found in sets.items():
        found = found if isinstance(found, list) else [found]
        values = [[one[key] for one in found] for key in columns]
        rows.append((name, *(v if len(v) > 1 else short(v[0], 3) for v in values)))
    return table(("", *columns.values()), rows)


@drawing
def draw_shares(fig, judge, sets):
    """Draw pictures of several sets {title: x}, and which digits a judge finds in them."""
    found = {title: judge.measure(x) for title, x in sets.items()}
    upper, lower = fig.subplots(2, len(sets), sharey="row", height_ratios=[1.5, 1])
    for above, ax, (title, x) in zip(upper, lower, sets.items()):
        color = REAL if "real" in title else FAKE
        draw_digits(above, x[:25], color, title=title)
        ax.bar(range(10), found[title]["shares"], color=color)
        ax.axhline(0.1, color=CRITIC, ls="--")
        ax.set(xticks=range(10), xlabel="digit", ylim=(0, 0.3))
    lower[0].set(ylabel="share")
    fig.set_size_inches(9, 3.5)
    said = "; ".join(f"{title}: from {min(found[title]['shares']):.2f} to {max(found[title]['shares']):.2f}" for title in sets)  # fmt: skip
    describe(fig, f"25 digits of each set, and the share of each digit, dashed at one tenth. {said}.")  # fmt: skip


@drawing
def draw_pairs(fig, x, images, found):
    """Draw generated digits above the nearest training digits; found: distances and numbers, (n,) each."""
    (far, which), ax = found, fig.subplots()
    n = len(far)
    upper, lower = inked(x[:n], n, FAKE), inked(images[which], n, REAL)
    gap = np.full((2, *upper.shape[1:]), 128, np.uint8)
    title = "above: generated; below: the nearest training digit, and how far it is"
    picture(ax, np.vstack([upper, gap, lower]), title)
    for k, one in enumerate(far.tolist()):
        ax.text(30 * k + 14, 64, f"{one:.1f}", ha="center", va="center", fontsize=9)
    fig.set_size_inches(9, 2.4)
    describe(fig, f"{n} generated digits above the nearest training digits, at distances from {min(far):.1f} to {max(far):.1f}.")  # fmt: skip
