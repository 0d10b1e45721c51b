"""Lesson 06: what is inside a clipped critic, and the views of the panels."""

import matplotlib
import numpy as np
import torch
from scipy.stats import norm

from gan_edu._arguments import check_count
from gan_edu.first_edition import plotting
from gan_edu.first_edition.best_responses import gradient_norms_by_layer
from gan_edu.first_edition.views import View
from gan_edu.losses import wasserstein_estimate
from gan_edu.metrics import variance_decomposition, wasserstein_samples


def weights_of(module):
    """Return all weights and biases of a module as one array."""
    return torch.cat([p.detach().reshape(-1) for p in module.parameters()]).numpy()


def share_at_bound(weights, clip_value):
    """Return the share of the weights within 1 % of -c or c."""
    return float(np.mean(np.abs(np.asarray(weights)) >= 0.99 * clip_value))


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


class _Line(plotting.Curves):
    """Curves of powers of ten: they hold log10 of the values and say so on the axis."""

    def __init__(self, axes, lines, ylabel, **look):
        super().__init__(axes, lines, ylabel, **look)
        axes.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(5, integer=True))
        axes.yaxis.set_major_formatter(lambda value, _: rf"$10^{{{value:.0f}}}$")


def _log10(values, least=1e-10):
    return np.log10(np.maximum(values, least))


class ClippingView(View):
    """Weight clipping under the microscope: a critic in the plane, against a generator that stands still (lr_g = 0).

    Left: real and generated points over the critic's scores. Middle: the critic's weights in units of c, and the norm of
    the loss's gradient by the output of each layer. Right: the estimate with the exact W1 of the drawn points, and the
    critic's median slope at them; a line at 1 is where the slope of a W1 potential would be.
    limits: of both axes of the plane. n_samples: points drawn and measured, 2,000 at most.
    """

    def __init__(self, limits=(-3.5, 3.5), n_samples=256, resolution=36, size=(11.0, 4.8)):
        super().__init__(*size)
        self.n_samples = check_count("n_samples", n_samples)
        ticks = torch.linspace(*limits, resolution)
        self._grid, self._shape = torch.cartesian_prod(ticks, ticks), (resolution, resolution)
        self._traces, self._exact = [], {}
        with matplotlib.rc_context(plotting.STYLE):
            grid = self.figure.add_gridspec(2, 3, width_ratios=[1.35, 1, 1])
            self.plane = plotting.PlanePicture(
                self.figure.add_subplot(grid[:, 0]), limits, self._shape
            )
            self.weights = WeightsPicture(self.figure.add_subplot(grid[0, 1]))
            self.layers = LayersPicture(self.figure.add_subplot(grid[1, 1]))
            self.estimate = _Line(
                self.figure.add_subplot(grid[0, 2]), {"estimate": ("the critic's estimate", plotting.CRITIC)},
                "estimate", ylimits=(-5.0, 5.0),
            )  # fmt: skip
            self.slope = _Line(
                self.figure.add_subplot(grid[1, 2]), {"slope": ("median slope", plotting.CRITIC)}, "slope",
                targets=[(0.0, plotting.OPTIMAL)], ylimits=(-5.0, 5.0),
            )  # fmt: skip
        self._target = self.estimate.axes.axhline(
            0, color=plotting.OPTIMAL, lw=1.4, ls="--", label="exact W1"
        )
        for curves in (self.estimate, self.slope):
            plotting.legend_above(curves.axes)
        self.estimate.axes.set_xlabel("")
        self.curves, self.pictures = (
            [self.estimate, self.slope],
            [self.plane, self.weights, self.layers],
        )

    @property
    def artists(self):
        """Everything that changes from picture to picture."""
        return [*super().artists, self._target]

    def clear(self):
        """Empty the curves for a new run; ghosts stay."""
        super().clear()
        self._traces = []

    def measure(self, gan):
        """Return what the picture shows of `gan` in numbers: estimate, exact (W1), slope, at_bound, layers, weights."""
        with gan.between_steps():
            x_real, x_fake = (
                gan.fixed_real(self.n_samples),
                gan.generate(gan.fixed_z(self.n_samples)),
            )
            critic, points = gan.discriminator, torch.cat([x_real, x_fake]).requires_grad_()
            scores = critic(points)
            (slopes,) = torch.autograd.grad(scores.sum(), points)
            weights, layers = weights_of(critic), gradient_norms_by_layer(critic, x_real, x_fake)
        key = gan.seed, x_fake.numpy().tobytes()
        if key not in self._exact:  # the generator stands still: one assignment a run
            self._exact = {key: wasserstein_samples(x_real, x_fake)}
        real, fake = scores.detach().split(len(x_real))
        bound = gan.hparams.clip_value or np.abs(weights).max()
        return {
            "estimate": wasserstein_estimate(real, fake).item(),
            "exact": self._exact[key],
            "slope": slopes.norm(dim=1).median().item(),
            "at_bound": share_at_bound(weights, bound),
            "layers": layers,
            "weights": weights / bound,
            "points": (x_real.numpy(), x_fake.numpy()),
        }

    def update(self, gan):
        """Bring the artists up to date with `gan`; returns True if limits moved."""
        now = self.measure(gan)
        with gan.between_steps(), torch.no_grad():
            scores = gan.discriminator(self._grid).reshape(self._shape).T.numpy()
        self.plane.update(*now["points"], scores)
        self.weights.update(now["weights"], now["at_bound"])
        moved = [self.layers.update(now["layers"])]
        self._target.set_ydata([np.log10(now["exact"])] * 2)
        self._traces.append((len(gan.history), _log10(now["estimate"]), _log10(now["slope"])))
        steps, estimates, slopes = np.array(self._traces).T
        moved += [
            self.estimate.update("estimate", steps, estimates),
            self.slope.update("slope", steps, slopes),
        ]
        self._update_marks(gan.history)
        return any(moved)

    def describe(self, gan):
        """Say in a sentence what the picture shows."""
        now = self.measure(gan)
        return (
            f"After {len(gan.history)} steps {now['at_bound']:.0%} of the weights lie at the bound. The critic's estimate is "
            f"{now['estimate']:.2g}, the exact W1 of these points {now['exact']:.2f}; the critic's median slope is "
            f"{now['slope']:.2g}. From the last layer to the first the gradient changes by the factor "
            f"{now['layers'][0] / now['layers'][-1]:.1g}."
        )


class WeightsPicture:
    """A histogram of weights in units of c, from -1 to 1; bars: the share of all weights."""

    def __init__(self, axes, bins=41):
        self.edges = np.linspace(-1.025, 1.025, bins + 1)  # the outer bins are centred on -1 and 1
        self.bars = axes.stairs(np.zeros(bins), self.edges, color=plotting.CRITIC, fill=True)
        self.note = axes.text(
            0.5, 0.95, "", transform=axes.transAxes, ha="center", va="top", fontsize=10
        )
        axes.set(xlim=(-1.05, 1.05), ylim=(0, 0.6), xlabel="weight / c", ylabel="share of weights")
        self.artists = [self.bars, self.note]

    def update(self, weights, at_bound):
        """Set the weights, in units of c, and the share of them at the bound."""
        counts, _ = np.histogram(weights, self.edges)
        self.bars.set_data(counts / len(weights))
        self.note.set_text(f"{at_bound:.0%} at ±c")


class LayersPicture:
    """The norm of the loss's gradient by the output of each layer, on a logarithmic axis, from the first layer to the last."""

    def __init__(self, axes, low=1e-12, high=1e12):
        self.axes, self._low, self._high, self._n = axes, low, high, 0
        (self.line,) = axes.plot([], [], "o-", color=plotting.HIGHLIGHT, ms=4)
        axes.set_yscale("log")
        axes.set(
            ylim=(low, high),
            xlabel="layer of the critic",
            ylabel="gradient norm",
            yticks=[1e-12, 1e-6, 1, 1e6, 1e12],
        )
        axes.minorticks_off()
        self.artists = [self.line]

    def update(self, gradients):
        """Set the norms (n_layers,); returns True if the number of layers changed."""
        layers = np.arange(1, len(gradients) + 1)
        self.line.set_data(layers, np.clip(gradients, self._low, self._high))
        if len(gradients) == self._n:
            return False
        self._n = len(gradients)
        self.axes.set_xlim(0.5, self._n + 0.5)
        self.axes.set_xticks(layers[:: 1 if self._n <= 6 else 2])
        return True


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
