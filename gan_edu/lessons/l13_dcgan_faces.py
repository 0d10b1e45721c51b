"""Views and pictures of lesson 13: faces while a GAN learns them, a transposed convolution drawn out, stored measurements."""

import json
import pathlib

import matplotlib
import numpy as np
import torch

from gan_edu._arguments import check_count
from gan_edu.faces.grid import draw_faces, tile
from gan_edu.first_edition import plotting
from gan_edu.first_edition.views import View

VERDICTS = {  # of the discriminator, in gan.last_outputs: label and colour
    "real": ("real", plotting.REAL),
    "fake": ("G(z), D's turn", plotting.CRITIC),
    "fake_after": ("G(z), G's turn", plotting.FAKE),
}
WEIGHTS = pathlib.Path(__file__).parent.parent / "weights"
RECIPES = WEIGHTS / "face_recipes.json"
LONG_TRAINED = WEIGHTS / "face_generator.pt"  # by gan_edu.faces.train


def draw_stamps(axes, x, kernel, stride=2, padding=1):
    """Draw a transposed convolution of one row of numbers as stamps: each input lays down its own copy of the kernel.

    x: (n,), kernel: (k,). Row i: the kernel times x[i], shifted by i * stride; last row: their sum, with what `padding`
    cuts away at both ends hatched. Returns the output, (n - 1) * stride - 2 * padding + k numbers.
    """
    x, kernel = np.asarray(x, dtype=float), np.asarray(kernel, dtype=float)
    if x.ndim != 1 or kernel.ndim != 1 or not len(x) or not len(kernel):
        raise ValueError(
            f"x and kernel must be rows of numbers, got shapes {x.shape} and {kernel.shape}"
        )
    stride, padding = check_count("stride", stride), check_count("padding", padding, least=0)
    length = (len(x) - 1) * stride + len(kernel)
    if 2 * padding >= length:
        raise ValueError(f"padding must leave some of the {length} numbers, got {padding}")
    stamps = np.zeros((len(x), length))
    for i, value in enumerate(x):
        stamps[i, i * stride : i * stride + len(kernel)] = value * kernel
    total, top = stamps.sum(0), len(x)
    colors = [plotting.REAL, plotting.OPTIMAL, plotting.HIGHLIGHT, plotting.MARK, plotting.FAKE]
    for i, value in enumerate(x):
        color = colors[i % len(colors)]
        _cell(axes, -3, top - i, f"{value:g}", color)
        for j in range(i * stride, i * stride + len(kernel)):
            _cell(axes, j, top - i, f"{stamps[i, j]:g}", color)
        axes.annotate("", (i * stride - 0.15, top - i + 0.45), (-1.9, top - i + 0.45), arrowprops={"arrowstyle": "->", "color": color})  # fmt: skip
    for j in range(length):
        kept = padding <= j < length - padding
        _cell(
            axes,
            j,
            -0.5,
            f"{total[j]:g}",
            plotting.FAKE if kept else "0.6",
            hatch=None if kept else "///",
        )
    axes.text(-3, top + 1.15, "input", fontsize=10)
    axes.text(
        0,
        top + 1.15,
        f"input × kernel ({', '.join(f'{w:g}' for w in kernel)}), shifted by {stride} each time",
    )
    axes.text(-3, -0.05, "sum =\noutput", fontsize=10, va="center")
    axes.set(xlim=(-3.2, length + 0.2), ylim=(-0.7, top + 1.7), aspect="equal")
    axes.axis("off")
    return total[padding : length - padding]


def _cell(axes, x, y, text, color, hatch=None):
    axes.add_patch(
        matplotlib.patches.Rectangle(
            (x, y), 0.92, 0.92, facecolor=color, alpha=0.28, hatch=hatch, lw=0
        )
    )
    axes.text(x + 0.46, y + 0.44, text, ha="center", va="center", fontsize=10)


def load_recipes(path=RECIPES):
    """Return the stored measurements of lesson 13, as `python -m benchmarks.face_recipes` writes them.

    A dictionary: "made" (how, and on what), "recipes" {name: settings}, "runs" {name: [one dictionary a seed]}.
    """
    return json.loads(pathlib.Path(path).read_text(encoding="utf-8"))


def outcomes(stored, name, weights, measure):
    """Return one stored measure of a recipe, a number for each seed.

    weights: "raw" or "averaged"; measure: "off" (mean total variation of the marginals), "precision", "recall", "frechet".
    """
    return [run[weights][measure] for run in stored["runs"][name]]


class FacesView(View):
    """A view of a GAN of pictures: what it makes of fixed latents, the losses, and the discriminator's verdicts.

    rows, columns: of the grid. Verdicts are the means of sigmoid(logit) over the batches of the last step, which
    `gan.last_outputs` holds: on real pictures, on generated ones before, and on those of the generator's turn. For a loss
    without a sigmoid (hinge) they only show which side the logit is on. The samples are drawn anew only after a step.
    """

    def __init__(self, rows=4, columns=6, size=(11.0, 4.8)):
        super().__init__(*size)
        self.rows, self.columns = check_count("rows", rows), check_count("columns", columns)
        with matplotlib.rc_context(plotting.STYLE):
            grid = self.figure.add_gridspec(2, 2, width_ratios=[1.7, 1])
            blank = torch.zeros(self.rows * self.columns, 3, 64, 64)
            left = self.figure.add_subplot(grid[:, 0])
            self._grid = draw_faces(left, blank, self.columns, interpolation="bilinear")
            self.losses = plotting.Curves(
                self.figure.add_subplot(grid[0, 1]),
                {"d_loss": ("discriminator", plotting.CRITIC), "g_loss": ("generator", plotting.FAKE)},
                "loss (nats)", targets=[(2 * np.log(2), plotting.OPTIMAL)], ylimits=(0.0, 2.0),
            )  # fmt: skip
            self.verdicts = plotting.Curves(
                self.figure.add_subplot(grid[1, 1]), VERDICTS, "mean D(x)"
            )
            for curves in (self.losses, self.verdicts):
                plotting.legend_above(curves.axes, ncols=3)
        self.losses.axes.set_xlabel("")
        self.curves, self.pictures = [self.losses, self.verdicts], [self]
        self._shown = None  # the run and its step in the picture
        self._trace = []  # (step, verdicts) at each picture

    @property
    def artists(self):
        """Everything that changes from picture to picture."""
        return [self._grid, *(artist for curves in self.curves for artist in curves.artists)]

    def clear(self):
        """Empty the curves for a new run; ghosts stay."""
        super().clear()
        self._shown, self._trace = None, []

    def update(self, gan):
        """Bring the artists up to date with `gan`; returns True if limits moved."""
        with gan.between_steps():
            step = len(gan.history)
            shown = (id(gan.history), step)
            if shown != self._shown:
                pictures = gan.generate(gan.fixed_z(self.rows * self.columns))
            losses = {name: gan.history[name] for name in self.losses.lines}
            verdicts = mean_verdicts(gan)
        if shown != self._shown:
            self._shown = shown
            page = tile(pictures, self.columns)
            opaque = np.full(page.shape[:2], 255, np.uint8)
            self._grid.set_data(
                np.dstack([page, opaque])
            )  # four channels are drawn in half the time of three
            self._grid.set_extent((-0.5, page.shape[1] - 0.5, page.shape[0] - 0.5, -0.5))
            if step:
                self._trace.append((step, *verdicts.values()))
        moved = [
            self.losses.update(name, np.arange(1, step + 1), values)
            for name, values in losses.items()
        ]
        if self._trace:
            steps, *columns = np.array(self._trace).T
            moved += [
                self.verdicts.update(name, steps, values) for name, values in zip(verdicts, columns)
            ]
        self._update_marks(gan.history)
        return any(moved)

    def describe(self, gan):
        """Say in a sentence what the picture shows."""
        n, verdicts = self.rows * self.columns, mean_verdicts(gan)
        if len(gan.history) == 0:
            return f"A grid of {n} generated pictures before the first training step: noise."
        last = [f"{gan.history[name][-1]:.2f}" for name in ("d_loss", "g_loss")]
        said = ", ".join(f"{value:.2f} on {VERDICTS[name][0]}" for name, value in verdicts.items())
        return (
            f"A grid of {n} generated pictures after {len(gan.history)} steps. The discriminator's loss is {last[0]}, the "
            f"generator's {last[1]}; mean D(x) is {said}."
        )


def mean_verdicts(gan):
    """Return {"real", "fake", "fake_after"}: the means of D(x) = sigmoid(logit) over the last step's batches, or nan."""
    outputs = getattr(gan, "last_outputs", None) or {}
    return {
        name: float(torch.sigmoid(outputs[name].float()).mean())
        if outputs.get(name) is not None
        else float("nan")
        for name in VERDICTS
    }
