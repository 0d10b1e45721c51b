"""Lesson 10: three methods on 25 modes, measured over seeds and stored, as tables."""

import functools
import math

import numpy as np

from gan_edu.predict import table
from gan_edu.views import WEIGHTS, load, spread

GRID = WEIGHTS / "grid_methods.json"
load_grid = functools.partial(load, GRID)  # the comparison on the grid


def best_of(stored, budget, measure):
    """Return the method with the smallest median of a measure."""
    medians = {m: np.median(one[budget][measure]) for m, one in stored["table"].items()}
    return min(medians, key=medians.get)


def cells(found):
    """Return modes, high quality, evenness and W1 of eight runs as words; shares that vary by v have about KL = v² / 2."""
    vary = [100 * math.sqrt(2 * kl) for kl in found["reverse KL"]]
    modes = spread(found["modes"], 0)
    return modes, spread(found["high quality"]), f"{spread(vary, 0)} %", spread(found["W1"])


HEAD = "", "modes of 25", "high quality", "the shares vary by", "exact W₁"


def grid_table(stored):
    """Return three methods on the grid, each at its own best setting, at two budgets, as a table."""
    rows = []
    for budget in ("equal steps", "equal seconds"):
        for method, one in stored["table"].items():
            rows.append((f"{budget}: {method}, {one[budget]['steps']:,} steps", *cells(one[budget])))  # fmt: skip
    return table(HEAD, [*rows, ("real samples", *cells(stored["real"]))])


def lambda_table(stored):
    """Return the penalty at three values of λ, all else at its best setting, as a table."""
    return table(HEAD, [(f"λ = {k}", *cells(one)) for k, one in stored["by_lambda"].items()])


def searched_table(stored):
    """Return each method's best setting, its cost, and the median W1 of all settings tried, as a table."""
    rows = []
    for method, tried in stored["searched"].items():
        best = stored["table"][method]
        said = ", ".join(f"{k} = {v}" for k, v in best["setting"].items() if method != "GAN" or k != "c")  # fmt: skip
        medians = [np.median(found["W1"]) for _, found in tried]
        rows.append((method, str(len(tried)), said, f"{best['cost']:.1f}", spread(medians)))
    head = "", "settings tried", "the best", "time of a step", "median W₁ of a setting: median (range)"  # fmt: skip
    return table(head, rows)
