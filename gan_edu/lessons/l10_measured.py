"""Lesson 10: what was measured over seeds and stored, as tables and pictures."""

import numpy as np
from scipy.stats import spearmanr

from gan_edu.panel.figure import describe
from gan_edu.predict import table
from gan_edu.style import CRITIC, MARK, OPTIMAL
from gan_edu.views import WEIGHTS, drawing, load, spread

STEERED, RING = WEIGHTS / "steered.json", WEIGHTS / "ring_methods.json"  # that of lesson 08
EXACT = {"near": 0.40, "far": 1.40}  # W1 of the two generators that stand still
RELATIONS = "the other way round", "hardly any relation", "yes, mostly"
SHOWN = {"penalty": "λ = 1", "clip": "clip, c = 0.1"}  # the names of the runs that are followed
COLUMNS = "step", "gap", "gap / slope", "exact W1", "high quality", "push"


def load_steered():
    """Return what benchmarks/steered.py stored; followed: {name: array (8 seeds, moments, COLUMNS)}."""
    found = load(STEERED)
    return found | {"followed": {name: np.array(rows) for name, rows in found["followed"].items()}}


def standing(stored):
    """Return gap / W1 of critics whose generator stands still, near (lesson 8's) and far: {(place, λ, steps): seeds}."""
    near = load(RING)["frozen"].items()
    found = {("near", float(k), int(n)): np.array(v) for k, by in near for n, v in by.items()}
    return found | {("far", float(k), 1500): np.array(v) for k, v in stored["far"].items()}


def standing_table(ratios, law, inverse=None):
    """Return gap / W1 by place, λ and steps, and what the law promises; with inverse(gap, λ) the corrected gaps."""
    rows, corrected = [], []
    for place, W1 in EXACT.items():
        for k in (0.1, 1.0, 10.0, 100.0):
            found = [ratios.get((place, k, n), [np.nan]) for n in (1500, 6000)]
            if inverse:
                corrected = [[inverse(W1 * ratio, k) / W1 for ratio in one] for one in found]
            cells = [spread(one) if np.isfinite(one).all() else "not measured" for one in (*found, *corrected)]  # fmt: skip
            rows.append((f"{place}, λ = {k:g}", f"{law(W1, k)[1] / W1:.2f}", *cells))
    head = "gap / W₁", "the law of the line", "1,500 steps", "6,000 steps"
    return table((*head, *(f"corrected, {n} steps" for n in ("1,500", "6,000") if inverse)), rows)


def ranks(rows, column):
    """Return the rank correlation of a column with the exact W1 over the moments of each run, (runs,)."""
    at, w1 = COLUMNS.index(column), COLUMNS.index("exact W1")
    return np.array([spearmanr(run[:, at], run[:, w1])[0] for run in rows])


def ranks_table(followed):
    """Return the rank correlations with W1 in every kind of run, and gap and W1 at the end, as a table."""
    head = "median of 8 runs (range)", "rank correlation: gap and W₁", "gap / slope and W₁", "at the end: gap", "exact W₁"  # fmt: skip
    rows = []
    for name, runs in followed.items():
        both = (spread(ranks(runs, column)) for column in COLUMNS[1:3])
        rows.append((SHOWN.get(name, name), *both, *(spread(runs[:, -1, k]) for k in (1, 3))))
    return table(head, rows)


@drawing
def draw_followed(fig, followed):
    """Draw gap and gap / slope against the exact W1, a point for each moment of each run."""
    said = []
    for ax, (name, runs) in zip(fig.subplots(1, len(followed), sharey=True), followed.items()):
        w1 = runs[..., 3].ravel()
        for column, color, mark in ((1, CRITIC, "o"), (2, MARK, "s")):
            ax.scatter(w1, runs[..., column].ravel(), s=12, c=color, marker=mark, alpha=0.7, label=COLUMNS[column])  # fmt: skip
        ax.plot([0.1, 3], [0.1, 3], color=OPTIMAL, ls="--", label="equal to W1")
        ax.set(xscale="log", yscale="log", xlabel="exact W1", ylim=(1e-3, 10), title=SHOWN.get(name, name))  # fmt: skip
        said.append(f"{name}: gap / W1 at the end {np.median(runs[:, -1, 1] / runs[:, -1, 3]):.2f}")
    fig.axes[0].set(ylabel="unit of x (0 or below: not drawn)")
    fig.axes[0].legend(loc="lower right")
    describe(fig, f"Gap and gap by slope against exact W1, {len(runs)} runs each. {'; '.join(said)}.")  # fmt: skip


def stages(stored, kind):
    """Return {stage: array (8 seeds, 6)} of runs that were changed in the middle, the start with them."""
    start = stored["followed"]["penalty"][:, -1, 1:]
    gaps = np.full((len(start), 1), np.nan)
    found = {"penalty": np.hstack([start, gaps])}
    names = stored["steered"][kind][0]
    return found | {n: np.array([one[n] for one in stored["steered"][kind]]) for n in names}


def verdict(found, column, options, low, high):
    """Return which of three options holds: after / before is below low, between, or above high, in the median."""
    at = COLUMNS.index(column) - 1  # the stages have no column of steps
    before, after = (np.median(abs(found[name][:, at])) for name in list(found)[:2])
    return options[np.digitize(after / before, [low, high])]


def stages_table(found, digits=2):
    """Return what was measured at the end of each stage as a table."""
    head = "at the end of", "gap", "largest |gap| of 20 steps", "median push", "high quality", "exact W₁"  # fmt: skip
    rows = []
    for name, found_here in found.items():
        cells = (spread(found_here[:, k], digits) for k in (0, 5, 4, 3, 2))
        rows.append((name, *("" if "nan" in one else one for one in cells)))
    return table(head, rows)
