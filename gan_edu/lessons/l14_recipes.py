"""Lesson 14: the recipes, one change at a time, and what `benchmarks/face_recipes.py` stored of them."""

import json
import pathlib

import numpy as np

from gan_edu.panel.figure import describe
from gan_edu.predict import table
from gan_edu.style import CRITIC, FAKE, PUSH, REAL

WEIGHTS = pathlib.Path(__file__).parent.parent / "weights"
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
    """Return what is stored: {"runs": {name: [one run a seed]}, "floor": ..., "made": ...}; recipes with all seeds only."""
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    n_seeds, found = len(stored["made"]["seeds"]), stored["runs"]
    stored["runs"] = {name: found[name] for name in RECIPES if len(found.get(name, ())) == n_seeds}
    return stored


def values(stored, name, measure="frechet", weights="averaged"):
    """Return a measure of a recipe's runs, one a seed."""
    return [run[weights][measure] for run in stored["runs"][name]]


def best(stored, unclear):
    """Return the recipe whose Fréchet distances, averaged weights, all lie below all of the others'; unclear if there is none."""
    ends = {name: (min(v), max(v)) for name in stored["runs"] for v in [values(stored, name)]}
    name = min(ends, key=lambda name: ends[name][1])
    clear = all(ends[name][1] < low for other, (low, _) in ends.items() if other != name)
    return name if clear else unclear


def recipes_table(stored):
    """Return the table of all recipes: median and range over the seeds."""
    head = (
        "recipe",
        "Fréchet, raw weights",
        "Fréchet, averaged",
        "precision",
        "recall",
    )
    columns = ("frechet", "raw"), ("frechet", "averaged"), ("precision", "averaged"), ("recall", "averaged")  # fmt: skip
    rows = [(name, *(values(stored, name, *column) for column in columns)) for name in stored["runs"]]  # fmt: skip
    floor = stored["floor"]
    real = "real faces", "", *(f"{floor[key]:.2g}" for key in ("frechet", "precision", "recall"))  # fmt: skip
    return table(head, [*rows, real])


def draw_recipes(stored):
    """Return draw(fig): the Fréchet distances of all recipes, a point a seed, raw and averaged weights."""

    def draw(fig):
        fig.set_size_inches(9, 3.6)
        ax, names = fig.subplots(), [*stored["runs"]][::-1]
        for weights, color, up in (("raw", CRITIC, 0.13), ("averaged", FAKE, -0.13)):
            for k, name in enumerate(names):
                found = values(stored, name, weights=weights)
                ax.plot([min(found), max(found)], [k + up] * 2, color=color, lw=1.5)
                ax.plot(found, [k + up] * len(found), "o", color=color, ms=6, label=None if k else f"{weights} weights")  # fmt: skip
        ax.axvline(stored["floor"]["frechet"], color=REAL, ls="--", label="real faces")
        ax.set(yticks=range(len(names)), yticklabels=names, xlabel="Fréchet distance after 600 steps (2,000 faces each)", xlim=(0, None))  # fmt: skip
        ax.legend(loc="upper right")
        medians = ", ".join(f"{name} {np.median(values(stored, name)):.0f}" for name in names[::-1])
        describe(fig, f"Fréchet distances of each recipe, three seeds each. Medians for averaged weights: {medians}.")  # fmt: skip

    return draw


def followed(stored):
    """Return the runs that were judged on the way, [(name, run)]."""
    return [(name, run) for name, runs in stored["runs"].items() for run in runs if run["on the way"]]  # fmt: skip


def loss_change(stored, name="Loss_G"):
    """Return for each followed run: the mean of a loss over the last 100 steps, divided by that over the first 100."""
    return [run["losses"][name][-1] / run["losses"][name][0] for _, run in followed(stored)]


def draw_losses(stored):
    """Return draw(fig): G's loss, D's loss and the Fréchet distance over the steps, of all followed runs."""

    def draw(fig):
        panels = fig.subplots(1, 3)
        for name, run in followed(stored):
            steps = [100 * k for k in range(1, 7)]
            curves = run["losses"]["Loss_G"], run["losses"]["Loss_D"], [one["averaged"]["frechet"] for one in run["on the way"]]  # fmt: skip
            dashes = "-" if name == "base" else "--"
            for ax, curve, color in zip(panels, curves, (FAKE, CRITIC, PUSH)):
                ax.plot(steps, curve, dashes, color=color, marker="o", ms=3, label=name if run["seed"] == 0 else None)  # fmt: skip
        titles = (
            "G's loss (mean of 100 steps)",
            "D's loss (mean of 100 steps)",
            "Fréchet, averaged weights",
        )
        for ax, title in zip(panels, titles):
            ax.set(title=title, xlabel="training step", ylabel="loss" if "loss" in title else "Fréchet distance, 2,000 faces each")  # fmt: skip
            ax.legend()
        low, high = min(loss_change(stored)), max(loss_change(stored))
        describe(fig, f"Three curves over 600 steps, for two recipes and three seeds each: G's loss becomes {low:.2f} to {high:.2f} times what it was, D's loss, and the Fréchet distance.")  # fmt: skip

    return draw
