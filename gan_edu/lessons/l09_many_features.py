"""Lesson 09, first edition: the view of 512 features."""

import matplotlib
import numpy as np
from scipy.stats import norm

from gan_edu._arguments import check_count
from gan_edu.first_edition import plotting
from gan_edu.first_edition.views import View
from gan_edu.metrics import variance_decomposition


def features_w1(samples, mean=3.0, std=1.0):
    """Return W1 between each feature's samples and N(mean, std^2), in the unit of x: (n, F) -> (F,).

    The k-th smallest sample is compared with the Gaussian's quantile at (k - 1/2) / n: sorting, with the quantile function
    in place of a second sample. Peyré & Cuturi (2019), equation 2.36.
    """
    samples = np.asarray(samples, dtype=float)
    if samples.ndim != 2 or not samples.size:
        raise ValueError(f"samples must have shape (n, F) with n, F >= 1, got {samples.shape}")
    quantiles = norm.ppf((np.arange(len(samples)) + 0.5) / len(samples), mean, std)
    return np.abs(np.sort(samples, axis=0) - quantiles[:, None]).mean(axis=0)


# ---- views


class FeaturesView(View):
    """The view of the task with many features: all numbers pooled, each feature alone, and both against the step.

    mean, std: of the real Gaussian. n_samples: latents behind the picture; the generator is in evaluation mode.
    """

    def __init__(self, mean=3.0, std=1.0, n_samples=200, x_limits=(-3.0, 9.0), size=(11.0, 4.8)):
        super().__init__(*size)
        self.mean, self.std, self.n_samples = (
            mean,
            std,
            check_count("n_samples", n_samples, least=2),
        )
        self.edges, self._trace = np.linspace(*x_limits, 61), []
        centers = np.linspace(*x_limits, 301)
        with matplotlib.rc_context(plotting.STYLE):
            grid = self.figure.add_gridspec(2, 2, width_ratios=[1.1, 1])
            self._make_left(
                self.figure.add_subplot(grid[0, 0]), self.figure.add_subplot(grid[1, 0]), centers
            )
            lines = {
                "mean": ("mean", plotting.FAKE),
                "pooled": ("pooled std", plotting.HIGHLIGHT),
                "within": ("std over z", plotting.MARK),
            }
            targets = [(mean, plotting.REAL), (std, plotting.REAL)]
            self.moments = plotting.Curves(
                self.figure.add_subplot(grid[0, 1]), lines, "x", targets=targets, ylimits=(0.0, 5.0)
            )
            self.loss = plotting.Curves(
                self.figure.add_subplot(grid[1, 1]), {"d_loss": ("minus the loss of the critic", plotting.CRITIC)},
                "−loss", ylimits=(0.0, 0.02),
            )  # fmt: skip
        for curves in (self.moments, self.loss):
            plotting.legend_above(curves.axes)
        self.moments.axes.set_xlabel("")
        self.curves = [self.moments, self.loss]

    def _make_left(self, above, below, centers):
        above.fill_between(
            centers,
            norm.pdf(centers, self.mean, self.std),
            color=plotting.REAL,
            alpha=0.35,
            lw=0,
            label="target",
        )
        self.pooled = above.stairs(
            np.zeros(60),
            self.edges,
            color=plotting.FAKE,
            fill=True,
            alpha=0.6,
            label="generated, all numbers pooled",
        )
        above.set(
            xlim=self.edges[[0, -1]], ylim=(0, 1.2), xlabel="x", ylabel="density per unit of x"
        )
        plotting.legend_above(above)
        (self.dots,) = below.plot([], [], ".", color=FAKE_DARK, ms=3, label="each feature alone")
        below.plot([self.mean], [self.std], "P", color=plotting.REAL, ms=11, label="target")
        below.set(
            xlim=self.edges[[0, -1]],
            ylim=(0, 2),
            xlabel="mean over z of a feature",
            ylabel="std over z",
        )
        plotting.legend_above(below)

    @property
    def artists(self):
        """Everything that changes from picture to picture."""
        return [self.pooled, self.dots, *self.moments.artists, *self.loss.artists]

    def clear(self):
        """Empty the curves for a new run; ghosts stay."""
        super().clear()
        self._trace = []

    def update(self, gan):
        """Bring the artists up to date with `gan`; returns True if limits moved."""
        with gan.between_steps():
            samples, losses = (
                gan.generate(gan.fixed_z(self.n_samples)).numpy(),
                gan.history["d_loss"],
            )
        parts = variance_decomposition(samples)
        counts, _ = np.histogram(samples, self.edges)
        self.pooled.set_data(counts / samples.size / np.diff(self.edges))
        self.dots.set_data(samples.mean(0), samples.std(0))
        self._trace.append((len(losses), parts.pooled_mean, parts.pooled_std, parts.within_std))
        steps, *rows = np.array(self._trace).T
        moved = [
            self.moments.update(name, steps, row)
            for name, row in zip(("mean", "pooled", "within"), rows)
        ]
        moved.append(
            self.loss.update("d_loss", np.arange(2, len(losses) + 1), -losses[1:])
        )  # the first: not yet clipped
        self._update_marks(gan.history)
        return any(moved)

    def describe(self, gan):
        """Say in a sentence what the picture shows."""
        with gan.between_steps():
            parts = variance_decomposition(gan.generate(gan.fixed_z(self.n_samples)).numpy())
        return (
            f"After {len(gan.history)} steps all generated numbers together have mean {parts.pooled_mean:.2f} and standard "
            f"deviation {parts.pooled_std:.2f}, the target {self.mean:g} and {self.std:g}; over z the standard deviation of "
            f"a feature is {parts.within_std:.2f}."
        )


FAKE_DARK = "#9A6A00"  # the orange of generated data, dark enough for small dots on white
