"""Lesson 14: the recipes, what `benchmarks/face_recipes.py` stored of them, and tables and figures of what is measured."""

import numpy as np

from gan_edu.panel.figure import describe
from gan_edu.predict import table
from gan_edu.style import CRITIC, FAKE, PUSH, REAL
from gan_edu.views import WEIGHTS, drawing, finish, load, spread

STORED, FILM = WEIGHTS / "face_recipes.json", WEIGHTS / "face_film.npz"
BASE = dict(norm="batch", betas=(0.5, 0.99), lr_d=1e-3, lr_g=1e-3, r1=0.0)
RECIPES = {  # name: what it changes in the base
    "base": {},
    "R1, λ = 1": dict(r1=1.0),
    "D without normalisation, R1": dict(norm="none", r1=1.0),
    "D without normalisation": dict(norm="none"),
    "D with spectral normalisation": dict(norm="spectral"),
    "both rates 0.0002": dict(lr_d=2e-4, lr_g=2e-4),
    "β₂ = 0.999": dict(betas=(0.5, 0.999)),
}


def load_recipes():
    """Return what is stored: {"runs": {name: [one run a seed]}, "floor": ..., "made": ...}."""
    stored = load(STORED)
    return stored | {"runs": {name: stored["runs"][name] for name in RECIPES}}


def values(stored, name, measure="frechet", weights="averaged"):
    """Return a measure of a recipe's runs, one a seed."""
    return [run[weights][measure] for run in stored["runs"][name]]


def recipes_table(stored):
    """Return the table of all recipes: median and range over the seeds."""
    head = "recipe", "Fréchet, raw weights", "Fréchet, averaged", "precision", "recall"
    columns = ("frechet", "raw"), ("frechet", "averaged"), ("precision", "averaged"), ("recall", "averaged")  # fmt: skip
    rows = [(name, *(values(stored, name, *column) for column in columns)) for name in stored["runs"]]  # fmt: skip
    floor = stored["floor"]
    real = "real faces", "", *(f"{floor[key]:.2g}" for key in ("frechet", "precision", "recall"))
    return table(head, [*rows, real])


@drawing
def draw_recipes(fig, stored):
    """Draw the Fréchet distances of all recipes, a point a seed, raw and averaged weights."""
    fig.set_size_inches(9, 3.6)
    ax, names = fig.subplots(), [*stored["runs"]][::-1]
    for weights, color, up in (("raw", CRITIC, 0.13), ("averaged", FAKE, -0.13)):
        for k, name in enumerate(names):
            found = values(stored, name, weights=weights)
            ax.plot([min(found), max(found)], [k + up] * 2, color=color, lw=1.5)
            ax.plot(found, [k + up] * len(found), "o", color=color, ms=6, label=None if k else f"{weights} weights")  # fmt: skip
    ax.axvline(stored["floor"]["frechet"], color=REAL, ls="--", label="real faces")
    finish(ax, "upper right", yticks=range(len(names)), yticklabels=names, xlabel="Fréchet distance after 600 steps (2,000 faces each)", xlim=(0, None))  # fmt: skip
    medians = ", ".join(f"{name} {np.median(values(stored, name)):.0f}" for name in names[::-1])
    describe(fig, f"Fréchet distances of each recipe, three seeds each. Medians for averaged weights: {medians}.")  # fmt: skip


def followed(stored):
    """Return the runs that were judged on the way, [(name, run)]."""
    return [(name, run) for name, runs in stored["runs"].items() for run in runs if run["on the way"]]  # fmt: skip


def loss_change(stored):
    """Return for each followed run: the mean of G's loss over the last 100 steps, divided by that over the first 100."""
    return [run["losses"]["Loss_G"][-1] / run["losses"]["Loss_G"][0] for _, run in followed(stored)]


@drawing
def draw_losses(fig, stored):
    """Draw G's loss, D's loss and the Fréchet distance over the steps, of all followed runs."""
    panels = fig.subplots(1, 3)
    for name, run in followed(stored):
        steps = [100 * k for k in range(1, 7)]
        curves = run["losses"]["Loss_G"], run["losses"]["Loss_D"], [one["averaged"]["frechet"] for one in run["on the way"]]  # fmt: skip
        dashes = "-" if name == "base" else "--"
        for ax, curve, color in zip(panels, curves, (FAKE, CRITIC, PUSH)):
            ax.plot(steps, curve, dashes, color=color, marker="o", ms=3, label=name if run["seed"] == 0 else None)  # fmt: skip
    for ax, title in zip(panels, ("G's loss", "D's loss", "Fréchet distance")):
        finish(ax, title=title, xlabel="training step", ylabel="mean of 100 steps" if "loss" in title else "averaged weights, 2,000 faces each")  # fmt: skip
    low, high = min(loss_change(stored)), max(loss_change(stored))
    describe(fig, f"Three curves over 600 steps, for two recipes and three seeds each: G's loss becomes {low:.2f} to {high:.2f} times what it was, D's loss, and the Fréchet distance.")  # fmt: skip


@drawing
def draw_floors(fig, floors):
    """Draw the Fréchet distances of pairs of real sets, {n: [values]}, over n."""
    ax = fig.subplots()
    for n, values in floors.items():
        ax.plot([n] * len(values), values, "o", color=REAL, ms=5)
    n = np.array([*floors])
    ax.plot(n, np.median(floors[max(n)]) * max(n) / n, color=CRITIC, ls="--", label="proportional to 1/n")  # fmt: skip
    ax.set(xscale="log", yscale="log", xlabel="faces in each of the two real sets, n", ylabel="Fréchet distance")  # fmt: skip
    ax.set_xticks(n, [str(one) for one in n])
    ax.legend()
    describe(fig, "Fréchet distances of two real sets: " + "; ".join(f"n = {n}: median {np.median(v):.3g}" for n, v in floors.items()) + ".")  # fmt: skip


def quality_table(found):
    """Return a table of {name: [(Fréchet distance, precision, recall), one a draw]}: the median and the range of each."""

    rows = [(name, *map(spread, zip(*draws), (1, 3, 2))) for name, draws in found.items()]
    return table(("1,000 faces", "Fréchet distance", "precision", "recall"), rows)


def copies_table(shares, new, own):
    """Return a table of {name: share of copies}, and of {name: (Fréchet, precision, recall)} to new people and to the faces copied."""
    both = zip(shares.items(), new.values(), own.values())
    rows = [(name, f"{share:.0%}", *(f"{max(F, 0):.1f}, {P:.2f}, {R:.2f}" for F, P, R in to)) for (name, share), *to in both]  # fmt: skip
    return table(("Fréchet, precision, recall:", "called copies", "to new people", "to the faces copied"), rows)  # fmt: skip
