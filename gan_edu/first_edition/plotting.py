"""Pictures: arrays and Axes in, artists out. The colours are Okabe and Ito's, safe for colour-blind readers.

Real data is blue, generated data orange, the discriminator or critic grey, in every lesson.
"""

import io
import os

import matplotlib
import matplotlib.colors
import matplotlib.ticker
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory

REAL, FAKE, CRITIC = "#0072B2", "#E69F00", "#6B6B6B"
OPTIMAL, MARK, HIGHLIGHT = "#009E73", "#CC79A7", "#D55E00"
STYLE = {
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
}


LECTURE_SCALE = (
    1.15  # type and lines against the frame, for the last row; more, and legends would not fit
)
LECTURE_STYLE = STYLE | {
    "lines.linewidth": 2.6,
    "axes.linewidth": 1.2,
    "legend.handlelength": 1.2,
    "legend.handletextpad": 0.4,
    "legend.columnspacing": 1.0,
}


def in_lecture():
    """Return whether figures are for a projector: where GAN_EDU_STYLE is "lecture", which `make lecture` sets."""
    return os.environ.get("GAN_EDU_STYLE") == "lecture"


def use_style():
    """Apply the look of the lessons, or of a lecture, to all figures that follow."""
    matplotlib.rcParams.update(LECTURE_STYLE | {"font.size": 13} if in_lecture() else STYLE)


def show(figure, alt, jpeg=False):
    """Display `figure` in the notebook with `alt`, its description in words, then close it.

    alt: what a reader who does not see the picture should know. Readers' software finds it in the output's metadata.
    jpeg: for grids of faces, which as PNG would take several times the space.
    """
    from IPython.display import display
    from matplotlib import pyplot

    buffer, kind = io.BytesIO(), "jpeg" if jpeg else "png"
    figure.savefig(buffer, format=kind, **({"pil_kwargs": {"quality": 80}} if jpeg else {}))
    pyplot.close(figure)
    mime = f"image/{kind}"
    display({mime: buffer.getvalue(), "text/plain": alt}, raw=True, metadata={mime: {"alt": alt}})


def next_limit(value):
    """Return the next of ..., 0.5, 1, 2, 5, 10, ... that is at least `value`: limits that move in steps, not by jitter."""
    if not np.isfinite(value) or value <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    return next(
        float(factor * power) for factor in (1, 2, 5, 10) if factor * power >= value * (1 - 1e-9)
    )


def thin(steps, values, most=400):
    """Return at most about `most` points of a long curve: means over equal stretches."""
    width = -(-len(values) // most)
    if width <= 1:
        return steps, values
    whole = len(values) // width * width
    rest = [values[whole:].mean()] if whole < len(values) else []
    means = np.append(values[:whole].reshape(-1, width).mean(1), rest)
    return np.append(
        steps[:whole].reshape(-1, width)[:, -1], steps[-1:] if len(rest) else []
    ), means


class Curves:
    """Lines against the training step on one Axes, with marks where a knob moved and pale ghosts of a kept run.

    lines: {name: (label, colour)}. The limits grow in steps and never shrink until `clear`.
    """

    def __init__(self, axes, lines, ylabel, targets=(), ylimits=(0.0, 1.0)):
        self.axes, self._first_limits = axes, ylimits
        self.beside = None  # other Curves of the same lines, whose limits these take over
        self.lines = {
            name: axes.plot([], [], color=color, label=label)[0]
            for name, (label, color) in lines.items()
        }
        self.ghosts = {
            name: axes.plot([], [], color=line.get_color(), alpha=0.35, lw=1.2)[0]
            for name, line in self.lines.items()
        }
        self.marks = axes.vlines(
            [], 0, 1, transform=axes.get_xaxis_transform(), colors=MARK, lw=1.2, linestyles="dotted"
        )
        beside = blended_transform_factory(axes.transData, axes.transAxes)
        self.labels = [
            axes.text(0, 0.99 - 0.09 * row, "", transform=beside, fontsize=8, color=MARK, va="top")
            for row in range(3)
        ]
        for value, color in targets:
            axes.axhline(value, color=color, lw=1, ls=(0, (1, 2)))
        axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(5))  # long labels stand apart
        axes.set_xlabel("training step")
        axes.set_ylabel(ylabel)
        # The layout is made once, with the first picture: room for the last tick label of a long run.
        axes.text(1, 0, "000000", transform=axes.transAxes, ha="center", va="top", alpha=0)
        self.clear()

    @property
    def artists(self):
        """The artists that change from picture to picture, in drawing order."""
        return [*self.ghosts.values(), *self.lines.values(), self.marks, *self.labels]

    def clear(self):
        """Empty the lines and marks; ghosts stay."""
        for line in self.lines.values():
            line.set_data([], [])
        self.axes.set_xlim(0, 200)
        self.axes.set_ylim(*self._first_limits)
        self.set_marks([])
        self._fit()

    def keep(self):
        """Turn the present lines into ghosts."""
        for name, line in self.lines.items():
            self.ghosts[name].set_data(*line.get_data())

    def take_ghosts(self, other):
        """Show the ghosts of other Curves of the same lines."""
        for name, ghost in self.ghosts.items():
            ghost.set_data(*other.ghosts[name].get_data())
        self._fit()

    def update(self, name, steps, values):
        """Set one line. Returns True if the limits had to grow, so that the axes must be drawn anew."""
        self.lines[name].set_data(*thin(np.asarray(steps), np.asarray(values)))
        return self._fit()

    def set_marks(self, changes):
        """Mark knob changes, a list of (step, text); those that stand close together share a line and the last text."""
        apart = 0.01 * self.axes.get_xlim()[1]
        merged = []
        for step, text in changes:
            if merged and step - merged[-1][0] < apart:
                merged[-1] = (step, text)
            else:
                merged.append((step, text))
        self.marks.set_segments([[(step, 0), (step, 1)] for step, _ in merged])
        last = merged[-len(self.labels) :]
        for row, label in enumerate(self.labels):
            step, text = last[row] if row < len(last) else (0, "")
            on_the_right = step > 0.7 * self.axes.get_xlim()[1]
            label.set(
                x=step,
                text=f"{text} " if on_the_right else f" {text}",
                ha="right" if on_the_right else "left",
            )
            label.set_visible(bool(text))

    def _fit(self):
        """Grow the limits, in steps, so that all lines and ghosts fit."""
        before = (*self.axes.get_xlim(), *self.axes.get_ylim())
        right, (low, high) = before[1], before[2:]
        if self.beside is not None:
            right = max(right, self.beside.axes.get_xlim()[1])
            low, high = (
                min(low, self.beside.axes.get_ylim()[0]),
                max(high, self.beside.axes.get_ylim()[1]),
            )
        for line in [*self.lines.values(), *self.ghosts.values()]:
            x, y = line.get_data()
            y = np.asarray(y)[np.isfinite(y)]
            if len(x):
                right = max(right, next_limit(x[-1]))
            if len(y):
                high = max(high, next_limit(y.max()))
                low = min(low, -next_limit(-y.min()) if y.min() < 0 else 0.0, self._first_limits[0])
        if (right, low, high) == (before[1], *before[2:]):
            return False
        self.axes.set_xlim(0, right)
        self.axes.set_ylim(low, high)
        return True


def seed_fan(axes, steps, curves, color=FAKE, label="", n_single=4):
    """Draw many runs as a fan: the median, the middle half, the whole range, and a few single runs.

    steps: (T,); curves: (number of runs, T), nan where a run has ended. Returns the line of the median.
    """
    curves = np.asarray(curves, dtype=float)
    if curves.ndim != 2 or curves.shape[1] != len(steps) or not len(curves):
        raise ValueError(
            f"curves must have shape (number of runs, {len(steps)}), got {curves.shape}"
        )
    low, lower, median, upper, high = np.nanpercentile(curves, [0, 25, 50, 75, 100], axis=0)
    axes.fill_between(steps, low, high, color=color, alpha=0.15, lw=0)
    axes.fill_between(steps, lower, upper, color=color, alpha=0.35, lw=0)
    for curve in curves[:n_single]:
        axes.plot(steps, curve, color=color, lw=0.6, alpha=0.8)
    return axes.plot(steps, median, color=color, lw=2.5, label=label)[0]


def outcome_against(axes, values, outcomes, color=FAKE, label="", scale="log"):
    """Draw the outcomes of many runs against the knob that was changed: median, middle half and range at each value.

    values: (V,), of the knob. outcomes: (V, number of runs), nan where a run diverged; how many did is written above.
    scale: of the x axis, "log" or "linear". Returns the line of the medians.
    """
    values, outcomes = np.asarray(values, dtype=float), np.asarray(outcomes, dtype=float)
    if outcomes.ndim != 2 or len(outcomes) != len(values) or not outcomes.size:
        raise ValueError(
            f"outcomes must have shape ({len(values)}, number of runs), got {outcomes.shape}"
        )
    failed = np.isnan(outcomes).sum(1)
    some = failed < outcomes.shape[1]
    low, lower, median, upper, high = np.full((5, len(values)), np.nan)
    low[some], lower[some], median[some], upper[some], high[some] = np.nanpercentile(
        outcomes[some], [0, 25, 50, 75, 100], axis=1
    )
    axes.set_xscale(scale)
    axes.vlines(values, low, high, color=color, lw=1.2, alpha=0.6)
    axes.vlines(values, lower, upper, color=color, lw=6, alpha=0.35)
    for value, count in zip(values, failed):
        if count:
            above = blended_transform_factory(axes.transData, axes.transAxes)
            axes.text(
                value,
                1.01,
                f"{count} diverged",
                transform=above,
                ha="center",
                fontsize=8,
                color=HIGHLIGHT,
            )
    return axes.plot(values, median, "o-", color=color, ms=5, lw=1.2, label=label)[0]


def legend_above(axes, ncols=4):
    """Put the legend above the Axes, where no data can cover it."""
    axes.legend(loc="lower left", bbox_to_anchor=(0, 0.97), fontsize=9, ncols=ncols, frameon=False)
    axes.legend_columns = ncols


def fold_legends(figure, most):
    """Lay out the legends that `legend_above` has made in at most so many columns; None: in as many as at first."""
    for axes in figure.axes:
        columns = getattr(axes, "legend_columns", None)
        if columns is not None:
            legend_above(axes, min(columns, most or columns))
            axes.legend_columns = columns


def new_figure(width, height, dpi=100):
    """Return a Figure in the style of the lessons that pyplot does not know: safe to draw outside the main thread.

    In a lecture it has as many pixels, but fewer inches, so that all in it is larger.
    """
    scale = LECTURE_SCALE if in_lecture() else 1.0
    with matplotlib.rc_context(LECTURE_STYLE if in_lecture() else STYLE):
        figure = Figure(
            figsize=(width / scale, height / scale), dpi=dpi * scale, layout="constrained"
        )
    FigureCanvasAgg(figure)
    return figure
