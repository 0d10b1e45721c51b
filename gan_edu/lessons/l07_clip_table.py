"""Lesson 07: the stored table of clip values and learning rates, and its pictures."""

import numpy as np
from matplotlib.patches import Rectangle

from gan_edu.panel.figure import describe
from gan_edu.style import CRITIC, MARK, REAL, SURFACE, W1
from gan_edu.views import WEIGHTS, drawing, load

STORED = WEIGHTS / "clip_window.json"
FLOOR = 1e-10  # smaller gaps are drawn there


def load_window():
    """Return the stored results of `python -m benchmarks.clip_window`, lists as arrays."""
    return load(STORED, lambda d: {k: np.array(v) if type(v) is list else v for k, v in d.items()})


def good_cells(table):
    """Return which pairs are good, bool (rates, clip values): median share at least 0.4, median W1 at most 0.4."""
    return (np.median(table["share"], axis=2) >= 0.4) & (np.median(table["W1"], axis=2) <= 0.4)


def best_range(table, lr_d, ranges):
    """Return in which range the c lies with the largest median share at this rate."""
    (row,) = np.flatnonzero(np.isclose(table["lr_d"], lr_d))
    best = table["c"][np.median(table["share"][row], axis=1).argmax()]
    return ranges[np.digitize(best, [0.02, 0.06, 0.6])]


def how_it_moves(table, answers):
    """Return the answer that the table gives: the smallest good c stays, grows with the rate, or shrinks."""
    first = table["c"][good_cells(table).argmax(1)]
    growth = first[-1] / first[0]
    return answers[1 if growth > 3 else 2 if growth < 1 / 3 else 0]


@drawing
def draw_column(fig, table, lr_d, c, share):
    """Draw the shares over c at one rate, median and range, and those of the student's own c."""
    ax, (row,) = fig.subplots(), np.flatnonzero(np.isclose(table["lr_d"], lr_d))
    for at, found, color, label in ((table["c"], table["share"][row], CRITIC, "stored"), ([1.12 * c], [share], MARK, "your c")):  # fmt: skip
        low, middle, high = np.quantile(found, (0, 0.5, 1), axis=1)
        error = [middle - low, high - middle]
        ax.errorbar(at, middle, error, fmt="o", color=color, label=label, capsize=4)
    ax.axhline(0.989, color=REAL, ls=":", label="real data")
    ax.set(xscale="log", ylim=(0, 1.2), xlabel="clip value c", ylabel="share within 3σ", title=f"median and range of 8 runs, lr_d = {lr_d:g}")  # fmt: skip
    ax.legend(loc="upper left", ncols=3)
    said = ", ".join(f"{np.median(s):.2f} at {at:g}" for at, s in zip(table["c"], table["share"][row]))  # fmt: skip
    describe(fig, f"Share within 3σ over c, median of 8 runs: {said}; yours {np.median(share):.2f} at {c:g}.")  # fmt: skip


@drawing
def draw_window(fig, table):
    """Draw share, its range, and W1 for each clip value and rate, with frames round the good pairs."""
    ax, w1 = fig.subplots(), np.median(table["W1"], axis=2)
    low, share, high = np.quantile(table["share"], (0, 0.5, 1), axis=2)
    ax.imshow(share, cmap=SURFACE, vmin=0, vmax=0.8, aspect="auto")
    for i, j in np.ndindex(share.shape):
        ax.text(j, i - 0.25, f"{share[i, j]:.2f}", ha="center", va="center")
        more = f"{low[i, j]:.2f}–{high[i, j]:.2f}\nW1 {w1[i, j]:.2f}"
        ax.text(j, i + 0.14, more, ha="center", va="center", fontsize=8)
    for i, j in zip(*np.nonzero(good_cells(table))):
        ax.add_patch(Rectangle((j - 0.46, i - 0.46), 0.92, 0.92, fill=False, color=W1, lw=1.5))
    names = [f"{c:g}" if c < 100 else "never" for c in table["c"]]
    ax.set_xticks(range(len(names)), names)
    ax.set_yticks(range(len(share)), [f"{lr:g}" for lr in table["lr_d"]])
    ax.set(xlabel="clip value c", ylabel="rate lr_d", title="share within 3σ (median, range), and W1; frames: good")  # fmt: skip
    rows = "; ".join(f"lr_d {lr:g}: " + ", ".join(f"{s:.2f}" for s in row) for lr, row in zip(table["lr_d"], share))  # fmt: skip
    describe(fig, f"Median share within 3σ of 8 runs, for c from {names[0]} to {names[-1]}. {rows}.")  # fmt: skip


@drawing
def draw_training(fig, found):
    """Draw each run's gap (its size, on a logarithmic axis) and exact W1 over training, {c: {step, gap, W1}}."""
    for column, (c, runs) in zip(fig.subplots(2, len(found), sharex=True).T, found.items()):
        gap = np.maximum(np.abs(runs["gap"]), FLOOR)
        column[0].plot(runs["step"], gap.T, color=CRITIC, lw=1, alpha=0.7)
        column[0].set(yscale="log", ylim=(FLOOR / 2, 2), title=f"c = {c}", ylabel="|gap|")
        column[1].plot(runs["step"], runs["W1"].T, color=W1, lw=1, alpha=0.7)
        column[1].set(ylim=(0, 1.6), xlabel="step", ylabel="exact W1")
    said = "; ".join(f"c = {c}: gap {np.median(r['gap'][:, -1]):.2g}, W1 {np.median(r['W1'][:, -1]):.2f}" for c, r in found.items())  # fmt: skip
    describe(fig, f"Gap and exact W1 of 8 runs over {runs['step'][-1]} steps, gaps below {FLOOR:g} drawn there. Medians at the end: {said}.")  # fmt: skip
