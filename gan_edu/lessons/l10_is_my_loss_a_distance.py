"""Lesson 10, first edition: what a critic reports against the exact distance, and its slopes.

A critic here is any module that maps (n, d) to one score for each sample.
"""

import matplotlib
import numpy as np
import torch

from gan_edu._arguments import check_number
from gan_edu.divergences import wasserstein_1d
from gan_edu.first_edition import plotting
from gan_edu.first_edition.views import View


def predicted_slope(distance, lambda_gp):
    """Return 1 + W / (2λ), the slope at which a penalised linear critic settles where the data are shifted by W.

    distance: W >= 0, in the unit of x; lambda_gp: λ > 0. It maximises s W - λ (s - 1)^2. See Gulrajani et al. (2017),
    equation 3; on the line it is also the mean slope of a critic of any shape.
    """
    lambda_gp = check_number("lambda_gp", lambda_gp, low=0, low_open=True)
    return 1 + check_number("distance", distance, low=0) / (2 * lambda_gp)


def predicted_gap(distance, lambda_gp):
    """Return W + W^2 / (2λ), the gap of that critic: its mean score on real minus its mean score on generated data."""
    return distance * predicted_slope(distance, lambda_gp)


def slopes(critic, x):
    """Return the 2-norm of the critic's gradient by x for each sample, as an array (n,); x: (n, ...)."""
    x = x.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(x).sum(), x)
    return gradient.flatten(1).norm(dim=1).numpy()


class GaugeView(View):
    """Is the critic's loss a distance? A critic of the line: its scores and slopes; its gap beside the exact W1.

    The gap is the mean score of real minus that of generated samples, both n_samples fixed ones; divided by the largest
    slope between all samples it can never exceed W1. The dotted line is W + W^2 / (2λ) for the λ in use.
    """

    def __init__(
        self, x_limits=(-3.0, 5.0), n_samples=1000, resolution=321, top=8.0, size=(11.0, 4.8)
    ):
        super().__init__(*size)
        self.n_samples = n_samples
        self._x = torch.linspace(*x_limits, resolution)[:, None]
        self._edges = np.linspace(*x_limits, 81)
        with matplotlib.rc_context(plotting.STYLE):
            grid = self.figure.add_gridspec(2, 2, width_ratios=[1, 1.15])
            self._build_line(
                self.figure.add_subplot(grid[0, 0]), self.figure.add_subplot(grid[1, 0]), x_limits
            )
            right = self.figure.add_subplot(grid[:, 1])
            self.gauge = plotting.Curves(
                right,
                {
                    "w1": ("exact W1", plotting.OPTIMAL),
                    "law": ("W + W²/(2λ)", plotting.HIGHLIGHT),
                    "gap": ("the critic's gap", plotting.CRITIC),
                    "safe": ("gap / largest slope", plotting.MARK),
                },
                "unit of x", ylimits=(0.0, top),
            )  # fmt: skip
            self.gauge.lines["law"].set_linestyle(":")
            plotting.legend_above(right)
        self.curves = [self.gauge]
        self._trace = []  # (step, w1, law, gap, safe) at each picture

    def _build_line(self, above, below, x_limits):
        bins = len(self._edges) - 1
        self._real = above.stairs(
            np.zeros(bins), self._edges, color=plotting.REAL, fill=True, alpha=0.4, label="real"
        )
        self._fake = above.stairs(
            np.zeros(bins),
            self._edges,
            color=plotting.FAKE,
            fill=True,
            alpha=0.6,
            label="generated",
        )
        (self._score,) = above.plot(
            [], [], color=plotting.CRITIC, lw=2.2, label="score, scaled to fit"
        )
        above.set(xlim=x_limits, ylim=(0, 1.05), yticks=[], ylabel="share of samples")
        above.tick_params(labelbottom=False)
        plotting.legend_above(above)
        (self._slope,) = below.plot([], [], color=plotting.CRITIC, lw=2.0)
        below.axhline(1, color=plotting.OPTIMAL, lw=1.2, ls="--")
        below.text(x_limits[1], 1.08, "1 ", color=plotting.OPTIMAL, ha="right", fontsize=9)
        below.set(
            xlim=x_limits,
            xlabel="x",
            ylabel="slope |f'(x)|",
            yscale="symlog",
            ylim=(0, 20),
            yticks=[0, 1, 2, 5, 10],
        )
        below.yaxis.set_major_formatter(matplotlib.ticker.ScalarFormatter())
        self._note = below.text(0.015, 0.96, "", transform=below.transAxes, va="top", fontsize=9)
        self.pictures = [self]

    @property
    def artists(self):
        """Everything that changes from picture to picture."""
        return [self._real, self._fake, self._score, self._slope, self._note, *self.gauge.artists]

    def clear(self):
        """Empty the curves for a new run; ghosts stay."""
        super().clear()
        self._trace = []

    def measure(self, gan):
        """Return {"w1", "gap", "largest": largest slope between the samples, "mean": mean slope, "safe": gap / largest}.

        The mean slope is that at points between random pairs of real and generated samples, where the penalty looks.
        """
        with gan.between_steps():
            x_real, x_fake = (
                gan.fixed_real(self.n_samples),
                gan.generate(gan.fixed_z(self.n_samples)),
            )
            with torch.no_grad():
                gap = float(gan.discriminator(x_real).mean() - gan.discriminator(x_fake).mean())
            low, high = (f(torch.cat([x_real, x_fake])).item() for f in (torch.min, torch.max))
            span = torch.cat([torch.linspace(low, high, len(self._x))[:, None], x_real, x_fake])
            epsilon = torch.rand(len(x_real), 1, generator=torch.Generator().manual_seed(0))
            largest = slopes(gan.discriminator, span).max()
            mean = slopes(gan.discriminator, torch.lerp(x_fake, x_real, epsilon)).mean()
        w1 = wasserstein_1d(x_real.numpy(), x_fake.numpy())
        return dict(
            w1=w1,
            gap=gap,
            largest=float(largest),
            mean=float(mean),
            safe=gap / max(float(largest), 1e-12),
        )

    def update(self, gan):
        """Bring the artists up to date with `gan`; returns True if limits moved."""
        with gan.between_steps():
            values, law, step = self.measure(gan), self._law(gan), len(gan.history)
            with torch.no_grad():
                score = gan.discriminator(self._x).numpy().ravel()
            slope = slopes(gan.discriminator, self._x)
            samples = gan.fixed_real(self.n_samples), gan.generate(gan.fixed_z(self.n_samples))
        heights = [np.histogram(x.numpy(), self._edges)[0] for x in samples]
        for stairs, height in zip((self._real, self._fake), heights):
            stairs.set_data(0.95 * height / max(1, *(h.max() for h in heights)))
        self._score.set_data(self._x.ravel(), (score - score.min()) / max(np.ptp(score), 1e-12))
        self._slope.set_data(self._x.ravel(), slope)
        self._note.set_text(f"largest between the samples: {values['largest']:.2f}")
        self._trace.append((step, values["w1"], law(values["w1"]), values["gap"], values["safe"]))
        trace = np.array(self._trace)
        moved = [
            self.gauge.update(name, trace[:, 0], trace[:, k])
            for k, name in enumerate(("w1", "law", "gap", "safe"), 1)
        ]
        self._update_marks(gan.history)
        return any(moved)

    def describe(self, gan):
        """Say in a sentence what the picture shows."""
        now = self.measure(gan)
        return (
            f"After {len(gan.history)} steps at λ = {gan.hparams.lambda_gp:.3g} the exact W1 is {now['w1']:.2f}, the critic's gap "
            f"{now['gap']:.2f}, predicted {self._law(gan)(now['w1']):.2f}; divided by the largest slope, {now['largest']:.2f}, the gap is {now['safe']:.2f}."
        )

    @staticmethod
    def _law(gan):
        """Return the law for the λ in use; nan where there is no penalty."""
        lambda_gp = gan.hparams.lambda_gp
        if gan.penalty is None or lambda_gp == 0:
            return lambda w1: np.nan
        return lambda w1: predicted_gap(w1, lambda_gp)
