"""Views for `explore.Explorer` in lesson 01: divergences between two densities, and the transport of one to the other.

Everything is computed anew at each move. p is blue and q orange, as real and generated data will be.
"""

import matplotlib
import numpy as np
from matplotlib.collections import PolyCollection
from scipy import optimize
from scipy.special import rel_entr

from gan_edu import divergences
from gan_edu.first_edition import plotting
from gan_edu.first_edition.explore import Choice, Grid, Slider

WIDE = np.linspace(-30.0, 30.0, 6001)  # far enough that both densities end on it
SHOWN = slice(2200, 3801, 4)  # the part of it that is drawn, [-8, 8]
LOG2 = np.log(2)


class _Theory:
    """What the views share: a figure in the lessons' style."""

    def __init__(self, height=4.6, **grid):
        self.figure = plotting.new_figure(11.5, height)
        self.artists = []
        with matplotlib.rc_context(plotting.STYLE):
            self._build(self.figure.add_gridspec(**grid) if grid else self.figure)

    def _axes(self, place, **settings):
        axes = self.figure.add_subplot(place)
        axes.set(**settings)
        return axes


class _Bars:
    """Horizontal bars with their numbers written beside them; an infinite one fills the Axes.

    The limit of the axis moves in steps; the axis is among the artists, so that the background can stay.
    """

    def __init__(self, axes, labels, colors, xlabel, least=1.0):
        self.axes, self._least = axes, least
        self.bars = axes.barh(range(len(labels)), np.zeros(len(labels)), color=colors, height=0.6)
        self.numbers = [
            axes.text(0, row, "", va="center", fontsize=10) for row in range(len(labels))
        ]
        axes.set_yticks(range(len(labels)), labels)
        axes.invert_yaxis()
        axes.set_xlabel(xlabel)
        axes.grid(axis="y", visible=False)
        self.artists = [axes.xaxis, *self.bars, *self.numbers]

    def update(self, values):
        """Set the lengths."""
        values = np.asarray(values, dtype=float)
        limit = max(
            self._least, plotting.next_limit(1.05 * max(values[np.isfinite(values)], default=0.0))
        )
        self.axes.set_xlim(0, 1.28 * limit)  # no tick so close to the end that its label is cut off
        for bar, number, value in zip(self.bars, self.numbers, values):
            length = value if np.isfinite(value) else 1.1 * limit
            bar.set(width=length, hatch=None if np.isfinite(value) else "//")
            number.set(x=length + 0.02 * limit, text=f"{value:.4g}" if np.isfinite(value) else "∞")


# ---- two densities


def log_normal(x, mu, sigma):
    """Return the log density of N(mu, sigma²) at x; scipy.stats takes ten times as long over few numbers."""
    return -0.5 * ((x - mu) / sigma) ** 2 - np.log(sigma) - 0.5 * np.log(2 * np.pi)


def _gaussian(mu, sigma):
    return log_normal(WIDE, mu, sigma)


def integrands(log_p, log_q):
    """Return {divergence: its integrand on the grid}; `W1` integrates |P - Q|, the distance of distribution functions."""
    p, q = np.exp(log_p), np.exp(log_q)
    log_m = np.logaddexp(log_p, log_q) - LOG2
    step = WIDE[1] - WIDE[0]
    return {
        "KL(p‖q)": p * (log_p - log_q),
        "KL(q‖p)": q * (log_q - log_p),
        "JS": 0.5 * p * (log_p - log_m) + 0.5 * q * (log_q - log_m),
        "TV": 0.5 * np.abs(p - q),
        "W1": np.abs(np.cumsum(p - q)) * step,
    }


class GaussianPairView(_Theory):
    """Two Gaussians p and q; where on the line each divergence is earned; three ways to compute it.

    The Monte Carlo estimates use the same n_samples random numbers at every move, so that they move smoothly.
    """

    controls = (
        Slider("mu_p", "μ_p", -4.0, 4.0, log=False, value=-1.0, step=0.1),
        Slider("sigma_p", "σ_p", 0.3, 2.5, log=False, value=1.0, step=0.1),
        Slider("mu_q", "μ_q", -4.0, 4.0, log=False, value=1.0, step=0.1),
        Slider("sigma_q", "σ_q", 0.3, 2.5, log=False, value=0.6, step=0.1),
        Choice(
            "integrand",
            "shown below",
            {name: name for name in ("KL(p‖q)", "KL(q‖p)", "JS", "TV", "W1")},
        ),
    )

    def __init__(self, n_samples=2000, seed=0):
        self._z = np.random.default_rng(seed).standard_normal((2, n_samples))
        super().__init__(nrows=2, ncols=2, width_ratios=[1.2, 1])

    def _build(self, grid):
        x = WIDE[SHOWN]
        above = self._axes(grid[0, 0], xlim=(-8, 8), ylim=(0, 1.4), ylabel="density per unit of x")
        (self._p,) = above.plot(x, x, color=plotting.REAL, label="p")
        (self._q,) = above.plot(x, x, color=plotting.FAKE, label="q")
        plotting.legend_above(above)
        self._below = self._axes(grid[1, 0], xlim=(-8, 8), xlabel="x", ylabel="integrand")
        self._below.yaxis.set_label_coords(
            -0.1, 0.5
        )  # apart from the tick labels, whose width changes
        zero = self._below.axhline(0, color="0.5", lw=0.8)
        (self._line,) = self._below.plot(x, x, color=plotting.HIGHLIGHT, lw=1.2)
        self._area = self._below.fill_between(x, 0, x, color=plotting.HIGHLIGHT, alpha=0.3, lw=0)
        self._name = self._below.text(0.01, 0.96, "", transform=self._below.transAxes, va="top")
        right = self._axes(grid[0, 1])
        bound = right.axvline(LOG2, color=plotting.OPTIMAL, ls="--", lw=1.2)
        name = right.text(LOG2, -0.55, " log 2", color=plotting.OPTIMAL, fontsize=9, va="bottom")
        colors = [plotting.HIGHLIGHT, plotting.MARK, plotting.OPTIMAL]
        self._bars = _Bars(right, ["KL(p‖q)", "KL(q‖p)", "JS"], colors, "nats")
        table = self._axes(grid[1, 1])
        table.axis("off")
        self._table = table.text(
            0, 0.98, "", family="monospace", fontsize=9.5, va="top", transform=table.transAxes
        )
        lower = [self._below.yaxis, zero, self._area, self._line, self._name]
        self.artists = [*lower, self._p, self._q, *self._bars.artists, bound, name, self._table]

    def compute(self, mu_p, sigma_p, mu_q, sigma_q):
        """Return {divergence: (closed form or nan, integral, Monte Carlo estimate, its standard error or nan)}."""
        self._integrands = integrands(_gaussian(mu_p, sigma_p), _gaussian(mu_q, sigma_q))
        step = WIDE[1] - WIDE[0]
        integrals = {
            name: float(np.sum(values) * step) for name, values in self._integrands.items()
        }
        closed = {
            "KL(p‖q)": divergences.kl_gaussians(mu_p, sigma_p, mu_q, sigma_q),
            "KL(q‖p)": divergences.kl_gaussians(mu_q, sigma_q, mu_p, sigma_p),
            "W1": divergences.wasserstein_gaussians(mu_p, sigma_p, mu_q, sigma_q, order=1),
        }
        estimates = self._monte_carlo(mu_p, sigma_p, mu_q, sigma_q)
        return {
            name: (closed.get(name, np.nan), integrals[name], *estimates[name])
            for name in integrals
        }

    def _monte_carlo(self, mu_p, sigma_p, mu_q, sigma_q):
        x, y = mu_p + sigma_p * self._z[0], mu_q + sigma_q * self._z[1]
        at_x = log_normal(x, mu_p, sigma_p) - log_normal(x, mu_q, sigma_q)  # log(p/q)
        at_y = log_normal(y, mu_q, sigma_q) - log_normal(y, mu_p, sigma_p)  # log(q/p)
        to_m_x, to_m_y = (
            LOG2 - np.logaddexp(0, -ratio) for ratio in (at_x, at_y)
        )  # log(p/m) at x, log(q/m) at y

        def mean(*terms):
            return sum(t.mean() for t in terms), np.sqrt(sum(t.var() / len(t) for t in terms))

        return {
            "KL(p‖q)": mean(at_x),
            "KL(q‖p)": mean(at_y),
            "JS": mean(0.5 * to_m_x, 0.5 * to_m_y),
            "TV": mean(-np.expm1(np.minimum(0, -at_x))),  # the mean over p of max(0, 1 - q/p)
            "W1": (divergences.wasserstein_1d(x, y), np.nan),
        }

    def update(self, mu_p, sigma_p, mu_q, sigma_q, integrand):
        self._values = self.compute(mu_p, sigma_p, mu_q, sigma_q)
        x, values = WIDE[SHOWN], self._integrands[integrand][SHOWN]
        self._p.set_ydata(np.exp(log_normal(x, mu_p, sigma_p)))
        self._q.set_ydata(np.exp(log_normal(x, mu_q, sigma_q)))
        self._line.set_ydata(values)
        self._area.set_data(x, 0 * x, values)
        self._name.set_text(
            f"{integrand} is this area"
            + ("" if values.min() >= 0 else ", below 0 counted as negative")
        )
        limits = (
            -plotting.next_limit(-values.min()) if values.min() < -1e-3 else 0.0,
            plotting.next_limit(values.max()),
        )
        self._below.set_ylim(*limits)
        self._bars.update([self._values[name][1] for name in ("KL(p‖q)", "KL(q‖p)", "JS")])
        lines = ["          closed form   integral   Monte Carlo"]
        for name, (closed, integral, estimate, error) in self._values.items():
            formula = f"{closed:11.5f}" if np.isfinite(closed) else "          –"
            spread = f" ± {error:.3f}" if np.isfinite(error) else ""
            lines.append(f"{name:8s}  {formula} {integral:10.5f}   {estimate:.3f}{spread}")
        self._table.set_text("\n".join(lines))

    def describe(self, mu_p, sigma_p, mu_q, sigma_q, integrand):
        numbers = ", ".join(f"{name} {values[1]:.3f}" for name, values in self._values.items())
        return (
            f"p = N({mu_p:.1f}, {sigma_p:.1f}²) and q = N({mu_q:.1f}, {sigma_q:.1f}²). {numbers} (W1 in units of x, "
            f"TV without a unit, the others in nats). The lower curve is the integrand of {integrand}."
        )


class FitView(_Theory):
    """One Gaussian q for a two-humped p: the learner's, the best for KL(p‖q), and the best for KL(q‖p)."""

    controls = (
        Slider("gap", "gap", 0.0, 4.0, log=False, value=2.5, step=0.1),
        Slider("mu_q", "μ_q", -4.0, 4.0, log=False, value=0.0, step=0.1),
        Slider("sigma_q", "σ_q", 0.3, 4.0, log=False, value=1.0, step=0.1),
    )

    def __init__(self, weight=0.6, width=0.7):
        self.weight, self.width = weight, width
        super().__init__(height=4.0, ncols=2, width_ratios=[1.5, 1])

    def _build(self, grid):
        x = WIDE[SHOWN]
        axes = self._axes(
            grid[0], xlim=(-8, 8), ylim=(0, 0.8), xlabel="x", ylabel="density per unit of x"
        )
        self._p = axes.fill_between(x, 0, x, color=plotting.REAL, alpha=0.35, lw=0, label="p")
        (self._q,) = axes.plot(x, x, color=plotting.FAKE, lw=2.4, label="your q")
        (self._forward,) = axes.plot(x, x, color=plotting.OPTIMAL, ls="--", label="least KL(p‖q)")
        (self._reverse,) = axes.plot(x, x, color=plotting.MARK, ls="-.", label="least KL(q‖p)")
        plotting.legend_above(axes)
        right = self._axes(grid[1])
        labels = ["KL(p‖q)\nyours", "least", "KL(q‖p)\nyours", "least"]
        colors = [plotting.FAKE, plotting.OPTIMAL, plotting.FAKE, plotting.MARK]
        self._bars = _Bars(right, labels, colors, "nats", least=0.5)
        self.artists = [self._p, self._q, self._forward, self._reverse, *self._bars.artists]

    def log_density(self, gap):
        """Return log p on the grid: humps at -gap and +gap with the weights `weight` and 1 - weight."""
        left, right = _gaussian(-gap, self.width), _gaussian(gap, self.width)
        return np.logaddexp(np.log(self.weight) + left, np.log1p(-self.weight) + right)

    def best_fits(self, gap):
        """Return ((mu, sigma) of the least KL(p‖q), (mu, sigma) of the least KL(q‖p))."""
        mean = gap * (1 - 2 * self.weight)  # the least KL(p‖q) has the moments of p
        forward = mean, np.sqrt(self.width**2 + gap**2 - mean**2)
        x, step = WIDE[::20], WIDE[20] - WIDE[0]
        log_p = self.log_density(gap)[::20]

        def reverse_kl(parameters):
            mu, log_sigma = parameters
            log_q = log_normal(x, mu, np.exp(log_sigma))
            return np.sum(np.exp(log_q) * (log_q - log_p)) * step

        starts = [(-gap, np.log(self.width)), (forward[0], np.log(forward[1]))]
        bounds = [(-6.0, 6.0), (np.log(0.3), np.log(6.0))]
        found = [
            optimize.minimize(reverse_kl, start, method="Nelder-Mead", bounds=bounds)
            for start in starts
        ]
        best = min(found, key=lambda one: one.fun)
        return forward, (best.x[0], np.exp(best.x[1]))

    def update(self, gap, mu_q, sigma_q):
        log_p, x = self.log_density(gap), WIDE[SHOWN]
        fits = [_gaussian(*fit) for fit in ((mu_q, sigma_q), *self.best_fits(gap))]
        self._p.set_data(x, 0 * x, np.exp(log_p[SHOWN]))
        for line, log_q in zip((self._q, self._forward, self._reverse), fits):
            line.set_ydata(np.exp(log_q[SHOWN]))
        yours, forward, reverse = fits
        self._values = [
            divergences.kl_from_densities(log_p, yours, WIDE, log=True),
            divergences.kl_from_densities(log_p, forward, WIDE, log=True),
            divergences.kl_from_densities(yours, log_p, WIDE, log=True),
            divergences.kl_from_densities(reverse, log_p, WIDE, log=True),
        ]
        self._bars.update(self._values)

    def describe(self, gap, mu_q, sigma_q):
        yours, least, yours_reverse, least_reverse = self._values
        (mu_f, sigma_f), (mu_r, sigma_r) = self.best_fits(gap)
        return (
            f"p has humps at -{gap:.1f} and {gap:.1f}. Your q = N({mu_q:.1f}, {sigma_q:.1f}²) has KL(p‖q) = {yours:.3f} and "
            f"KL(q‖p) = {yours_reverse:.3f} nats. KL(p‖q) is least, {least:.3f}, at N({mu_f:.2f}, {sigma_f:.2f}²), which covers "
            f"p; KL(q‖p) is least, {least_reverse:.3f}, at N({mu_r:.2f}, {sigma_r:.2f}²)."
        )


# ---- two histograms


def _move_bar(weights, index, height):
    """Return the weights with one bar at `height` and the others scaled so that the sum stays 1."""
    weights, height = np.array(weights), float(np.clip(height, 0, 1))
    rest = weights.sum() - weights[index]
    others = (
        weights * (1 - height) / rest
        if rest > 1e-12
        else np.full(len(weights), (1 - height) / (len(weights) - 1))
    )
    others[index] = height
    return (
        tuple(float(w) if w > 5e-3 else 0.0 for w in others)
        if height < 1
        else tuple(np.eye(len(weights))[index])
    )


def _normalized(weights):
    return np.array(weights) / np.sum(weights)


class HistogramView(_Theory):
    """Two histograms over six bins, whose bars can be dragged; what each bin adds to each divergence.

    With the keyboard: left and right choose a bar, up and down move it.
    """

    controls = (
        Choice("shown", "shown below", {name: name for name in ("KL(p‖q)", "KL(q‖p)", "JS", "TV")}),
    )
    flat, left, right = (1 / 6,) * 6, (0.5, 0.3, 0.2, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.2, 0.3, 0.5)

    def __init__(self):
        self.start = {
            "p": (0.05, 0.15, 0.3, 0.3, 0.15, 0.05),
            "q": (0.3, 0.25, 0.2, 0.15, 0.05, 0.05),
            "chosen": 0,
        }
        self.presets = {
            "p = q": {"p": self.flat, "q": self.flat},
            "q = 0 where p > 0": {"p": self.flat, "q": (0.2,) * 5 + (0.0,)},
            "p = 0 where q > 0": {"p": (0.2,) * 5 + (0.0,), "q": self.flat},
            "disjoint": {"p": self.left, "q": self.right},
        }
        super().__init__(nrows=2, ncols=2, width_ratios=[1.4, 1])

    def _build(self, grid):
        bins = np.arange(6)
        above = self._axes(
            grid[0, 0], ylim=(0, 1), ylabel="probability", xlim=(-0.6, 5.6), xticks=bins
        )
        self._p = above.bar(bins - 0.2, np.zeros(6), 0.38, color=plotting.REAL, label="p")
        self._q = above.bar(bins + 0.2, np.zeros(6), 0.38, color=plotting.FAKE, label="q")
        (self._mark,) = above.plot([], [], "v", color=plotting.HIGHLIGHT, ms=7, clip_on=False)
        plotting.legend_above(above)
        self._draggable = above
        self._below = self._axes(
            grid[1, 0], xlim=(-0.6, 5.6), xlabel="bin", ylabel="added (nats)", xticks=bins
        )
        self._below.yaxis.set_label_coords(-0.08, 0.5)
        zero = self._below.axhline(0, color="0.5", lw=0.8)
        self._parts = self._below.bar(bins, np.zeros(6), 0.6, color=plotting.HIGHLIGHT, alpha=0.6)
        self._infinite = [
            self._below.text(k, 0, "", ha="center", va="bottom", fontsize=14) for k in bins
        ]
        right = self._axes(grid[:, 1])
        bounds = []
        for row, (bound, name) in {2: (LOG2, "log 2"), 3: (1.0, "1")}.items():
            bounds += right.plot([bound, bound], [row - 0.4, row + 0.4], color="k", ls=":", lw=1.5)
            bounds.append(right.text(bound, row - 0.42, f"at most {name}", fontsize=8, ha="center"))
        labels = ["KL(p‖q)", "KL(q‖p)", "JS", "TV", "W1"]
        colors = [plotting.HIGHLIGHT, plotting.MARK, plotting.OPTIMAL, plotting.CRITIC, "0.25"]
        self._bars = _Bars(right, labels, colors, "nats; TV: no unit; W1: bins")
        parts = [*self._p, *self._q, self._mark, *self._parts, *self._infinite]
        self.artists = [self._below.yaxis, zero, *parts, *self._bars.artists, *bounds]

    @staticmethod
    def parts(p, q, name):
        """Return what each bin adds to the divergence `name`, (6,); inf where q = 0 < p."""
        p, q = np.asarray(p), np.asarray(q)

        m = (p + q) / 2
        return {
            "KL(p‖q)": rel_entr(p, q),
            "KL(q‖p)": rel_entr(q, p),
            "JS": (rel_entr(p, m) + rel_entr(q, m)) / 2,
            "TV": np.abs(p - q) / 2,
        }[name]

    def update(self, p, q, shown, chosen):
        p, q = _normalized(p), _normalized(q)
        for bars, weights in ((self._p, p), (self._q, q)):
            for bar, height in zip(bars, weights):
                bar.set_height(height)
        self._mark.set_data(
            [chosen % 6 + (0.2 if chosen > 5 else -0.2)],
            [(q if chosen > 5 else p)[chosen % 6] + 0.07],
        )
        parts = self.parts(p, q, shown)
        finite = np.where(np.isfinite(parts), parts, 0.0)
        limits = (
            min(0.0, -plotting.next_limit(-finite.min())),
            plotting.next_limit(max(finite.max(), 0.1)),
        )
        limits = (limits[0] if finite.min() < -1e-3 else 0.0, limits[1])
        self._below.set_ylim(*limits)
        for bar, sign, part in zip(self._parts, self._infinite, parts):
            bar.set(
                height=part if np.isfinite(part) else limits[1],
                hatch=None if np.isfinite(part) else "//",
            )
            sign.set_text("" if np.isfinite(part) else "∞")
        self._values = {
            "KL(p‖q)": divergences.kl_divergence(p, q),
            "KL(q‖p)": divergences.kl_divergence(q, p),
            "JS": divergences.js_divergence(p, q),
            "TV": divergences.total_variation(p, q),
            "W1": float(np.abs(np.cumsum(p - q)).sum()),
        }
        self._bars.update(list(self._values.values()))

    def describe(self, p, q, shown, chosen):
        numbers = ", ".join(f"{name} {value:.3f}" for name, value in self._values.items())
        heights = " and ".join(
            f"{n} = ({', '.join(f'{w:.2f}' for w in ws)})" for n, ws in (("p", p), ("q", q))
        )
        return f"{heights}. {numbers}. The lower bars are what each bin adds to {shown}.".replace(
            "inf", "∞"
        )

    def drag(self, values, axes, grabbed, point):
        if axes is not self._draggable:
            return None
        index = int(np.clip(np.round(grabbed[0]), 0, 5))
        name = "p" if grabbed[0] < index else "q"
        return {name: _move_bar(values[name], index, point[1]), "chosen": index + 6 * (name == "q")}

    def key(self, values, key):
        chosen = values["chosen"]
        if key in (
            "ArrowLeft",
            "ArrowRight",
        ):  # in the order in which the bars stand: p0, q0, p1, ...
            place = (2 * (chosen % 6) + chosen // 6 + (1 if key == "ArrowRight" else -1)) % 12
            return {"chosen": place // 2 + 6 * (place % 2)}
        name, index = "pq"[chosen // 6], chosen % 6
        return {
            name: _move_bar(
                values[name], index, values[name][index] + (0.05 if key == "ArrowUp" else -0.05)
            )
        }


# ---- transport


class ParallelLinesView(_Theory):
    """Example 1 of the WGAN paper (Arjovsky et al. 2017): p on the line x = 0, q on x = θ, both even over 0 <= y <= 1."""

    controls = (Slider("theta", "θ", -1.0, 1.0, log=False, value=0.6, step=0.05),)
    n = 10  # points on each line

    def __init__(self):
        super().__init__(height=3.8, ncols=2, width_ratios=[1, 1.7])

    def _build(self, grid):
        left = self._axes(grid[0], xlim=(-1.2, 1.2), ylim=(-0.05, 1.05), xlabel="x", ylabel="y")
        left.plot([0, 0], [0, 1], color=plotting.REAL, lw=4, label="p")
        (self._q,) = left.plot([], [], color=plotting.FAKE, lw=4, label="q")
        plotting.legend_above(left)
        (self._paths,) = left.plot([], [], color=plotting.CRITIC, lw=0.8)
        right = self._axes(
            grid[1], xlim=(-1.05, 1.05), ylim=(-0.05, 1.45), xlabel="θ", ylabel="value"
        )
        theta = np.linspace(-1, 1, 401)
        (self._w,) = right.plot(theta, np.abs(theta), color=plotting.OPTIMAL, label="W1 = |θ|")
        for value, color, name in (
            (LOG2, plotting.MARK, "JS = log 2"),
            (1.0, plotting.CRITIC, "TV = 1"),
        ):
            right.plot(
                [-1, -1e-2, np.nan, 1e-2, 1],
                [value, value, np.nan, value, value],
                color=color,
                label=name,
            )
            right.plot([0], [0], "o", color=color, ms=5)
        right.text(0.3, 1.36, "KL = ∞ for every θ but 0 ↑", color=plotting.HIGHLIGHT)
        (self._dots,) = right.plot([], [], "o", color="k", ms=7)
        (self._tangent,) = right.plot([], [], color="k", lw=2.5)
        plotting.legend_above(right)
        self.artists = [self._q, self._paths, self._dots, self._tangent]

    def values(self, theta):
        """Return {name: value} of W1, JS, TV and KL, from n points on each line."""
        y = (np.arange(self.n) + 0.5) / self.n
        here, there = np.column_stack([0 * y, y]), np.column_stack([0 * y + theta, y])
        even = np.full(self.n, 1 / self.n)
        cost = np.linalg.norm(here[:, None] - there[None], axis=2)
        if theta == 0:
            p = q = even
        else:  # no point is on both lines
            p, q = np.append(even, 0 * even), np.append(0 * even, even)
        return {
            "W1": divergences.optimal_transport(even, even, cost).cost,
            "JS": divergences.js_divergence(p, q),
            "TV": divergences.total_variation(p, q),
            "KL": divergences.kl_divergence(p, q),
        }

    def update(self, theta):
        theta = round(theta, 9) + 0.0
        self._values = self.values(theta)
        y = np.linspace(0.05, 0.95, self.n)
        self._q.set_data([theta, theta], [0, 1])
        self._paths.set_data(
            np.column_stack([0 * y, 0 * y + theta, np.nan * y]).ravel(),
            np.column_stack([y, y, np.nan * y]).ravel(),
        )
        self._dots.set_data([theta] * 3, [self._values[name] for name in ("W1", "JS", "TV")])
        t = np.array([theta - 0.15, theta + 0.15])
        if theta:
            self._tangent.set_data(t, np.sign(theta) * t)
        else:
            self._tangent.set_data([], [])

    def describe(self, theta):
        v = self._values
        if abs(theta) < 1e-9:
            return "θ = 0: the lines coincide and W1, JS, TV and KL are all 0. W1 has a kink there, the others jump."
        return (
            f"θ = {theta:.2f}: W1 = {v['W1']:.2f} with gradient {np.sign(theta):+.0f}; JS = {v['JS']:.3f} with gradient 0; "
            f"TV = {v['TV']:.0f} with gradient 0; KL = ∞, no gradient."
        )


def ribbons(plan, x_from, x_to, y_from=1.0, y_to=0.0, width=0.8):
    """Return the outlines (number of ribbons, 40, 2) of the transports of a plan (n, m), and their masses.

    Each leaves its heap at x_from[i] and enters at x_to[j], side by side; a ribbon is as wide as its mass.
    """
    t = np.linspace(0, 1, 20)
    bend = t**2 * (3 - 2 * t)
    height = y_from + (y_to - y_from) * t
    left_from = x_from[:, None] + width * (
        np.cumsum(plan, axis=1) - plan - plan.sum(1, keepdims=True) / 2
    )
    left_to = x_to[None, :] + width * (
        np.cumsum(plan, axis=0) - plan - plan.sum(0, keepdims=True) / 2
    )
    rows, columns = np.nonzero(plan > 1e-9)
    start, end, mass = left_from[rows, columns], left_to[rows, columns], plan[rows, columns]
    left = start[:, None] + (end - start)[:, None] * bend
    right = left + width * mass[:, None]
    outline = np.concatenate([left, right[:, ::-1]], axis=1)
    return np.stack(
        [outline, np.broadcast_to(np.append(height, height[::-1]), outline.shape)], axis=2
    ), mass


class TransportView(_Theory):
    """Two heaps of earth and a plan that carries one to the other: as ribbons, and as a matrix with its margins.

    The heaps can be dragged. order: the price of a unit of mass over a distance d is d^order.
    """

    controls = (
        Slider("order", "order p", 1, 4, log=False, value=1, step=0.5),
        Choice("plan", "plan", {name: name for name in ("optimal", "independent", "crossed")}),
    )

    def __init__(self):
        self.start = {"p": (0.3, 0.4, 0.2, 0.1, 0.0), "q": (0.0, 0.1, 0.2, 0.3, 0.4)}
        super().__init__(
            height=4.8, nrows=3, ncols=2, width_ratios=[1.5, 1], height_ratios=[1, 1.6, 1]
        )

    def _build(self, grid):
        bins = np.arange(5)
        self._above = self._axes(grid[0, 0], xlim=(-0.7, 4.7), ylim=(0, 1), xticks=bins, ylabel="p")
        between = self._axes(grid[1, 0], xlim=(-0.7, 4.7), ylim=(0, 1), xticks=bins, yticks=[])
        self._under = self._axes(
            grid[2, 0], xlim=(-0.7, 4.7), ylim=(1, 0), xticks=bins, ylabel="q", xlabel="place"
        )
        for axes in (self._above, between):
            axes.tick_params(labelbottom=False)
        self._p = self._above.bar(bins, np.zeros(5), 0.8, color=plotting.REAL)
        self._q = self._under.bar(bins, np.zeros(5), 0.8, color=plotting.FAKE)
        self._ribbons = PolyCollection(
            [], facecolor=plotting.CRITIC, alpha=0.45, edgecolor="white", lw=0.5
        )
        between.add_collection(self._ribbons)
        right = self._axes(
            grid[:, 1], xlabel="to (margin q)", ylabel="from (margin p)", aspect="equal"
        )
        edges = np.arange(6) - 0.5
        self._mesh = right.pcolormesh(
            edges, edges, np.zeros((5, 5)), cmap="Greys", vmin=0, vmax=0.5
        )
        right.set(xticks=bins, yticks=bins, ylim=(4.5, -0.5))
        right.grid(False)
        self._numbers = [
            [right.text(j, i, "", ha="center", va="center", fontsize=9) for j in bins] for i in bins
        ]
        self._title = right.text(0.5, 1.03, "", transform=right.transAxes, ha="center")
        numbers = [number for row in self._numbers for number in row]
        self.artists = [*self._p, *self._q, self._ribbons, self._mesh, *numbers, self._title]

    @staticmethod
    def plan(p, q, order, kind):
        """Return (plan (5, 5), its cost): the optimal one, the independent p qᵀ, or the one that crosses most."""
        place = np.arange(len(p))
        cost = np.abs(place[:, None] - place[None]).astype(float) ** order
        if kind == "optimal":
            plan = divergences.optimal_transport(p, q, cost).plan
        elif kind == "independent":
            plan = np.outer(p, q)
        else:  # the first of p goes to the last of q: the optimal plan for the negative cost of any order above 1
            plan = divergences.optimal_transport(
                p, q, -((place[:, None] - place[None]) ** 2.0)
            ).plan
        return plan, float(np.sum(plan * cost))

    def update(self, p, q, order, plan):
        p, q = _normalized(p), _normalized(q)
        for bars, weights in ((self._p, p), (self._q, q)):
            for bar, height in zip(bars, weights):
                bar.set_height(height)
        matrix, self._cost = self.plan(p, q, order, plan)
        self._least = self._cost if plan == "optimal" else self.plan(p, q, order, "optimal")[1]
        self._ribbons.set_verts(list(ribbons(matrix, np.arange(5.0), np.arange(5.0))[0]))
        self._mesh.set_array(matrix)
        for row, weights in zip(self._numbers, matrix):
            for text, mass in zip(row, weights):
                text.set(
                    text=f"{mass:.2f}" if mass > 5e-3 else "",
                    color="white" if mass > 0.3 else "black",
                )
        self._title.set_text(
            f"cost {self._cost:.3f}, least {self._least:.3f}; W{order:g} = {self._least ** (1 / order):.3f}"
        )

    def describe(self, p, q, order, plan):
        heights = " and ".join(
            f"{n} = ({', '.join(f'{w:.2f}' for w in ws)})" for n, ws in (("p", p), ("q", q))
        )
        return (
            f"{heights}. The {plan} plan costs {self._cost:.3f} at order {order:g}; the least cost is {self._least:.3f}, so "
            f"W{order:g} = {self._least ** (1 / order):.3f} places. A dark cell carries much mass from its row to its column."
        )

    def drag(self, values, axes, grabbed, point):
        name = {self._above: "p", self._under: "q"}.get(axes)
        if name is None:
            return None
        return {name: _move_bar(values[name], int(np.clip(np.round(grabbed[0]), 0, 4)), point[1])}


class PlaygroundView(_Theory):
    """A small transport problem for the learner: a plan in parcels, prices f for the rows, and the gap between the two.

    The prices g of the columns are the best that f allows: g_j = min_i (cost_ij - f_i).
    """

    supply, demand = np.array([4, 3, 5]), np.array([2, 4, 3, 3])
    cost = np.array(
        [[3.0, 3.0, 4.0, 5.0], [1.0, 1.0, 6.0, 3.0], [7.0, 4.0, 7.0, 1.0]]
    )  # here greed misses the best plan
    controls = (
        Grid(
            "plan", "parcels", ((2, 2, 0, 0), (0, 1, 1, 1), (0, 1, 2, 2)),
            tuple(f"from {i} (has {n})" for i, n in enumerate(supply)),
            tuple(f"to {j} (needs {n})" for j, n in enumerate(demand)),
        ),
        *(Slider(f"f{i}", f"f{i}", -4.0, 6.0, log=False, value=0.0, step=0.5) for i in range(3)),
    )  # fmt: skip

    def __init__(self):
        found = divergences.optimal_transport(self.supply / 12, self.demand / 12, self.cost)
        self.least = 12 * found.cost
        f = found.potentials[0] - found.potentials[0][0]
        self.presets = {
            "empty plan": {"plan": ((0,) * 4,) * 3},
            "best plan": {"plan": tuple(map(tuple, np.rint(12 * found.plan).astype(int).tolist()))},
            "best prices": {f"f{i}": float(np.rint(2 * v) / 2) for i, v in enumerate(f)},
        }
        super().__init__(height=3.6, ncols=3, width_ratios=[1.25, 0.75, 1])

    def _build(self, grid):
        left = self._axes(grid[0], xlim=(-0.6, 3.6), ylim=(-0.18, 1.18), xticks=[], yticks=[])
        left.grid(False)
        self._x_from, self._x_to = np.array([0.3, 1.5, 2.7]), np.arange(4.0)
        self._ribbons = PolyCollection(
            [], facecolor=plotting.CRITIC, alpha=0.45, edgecolor="white", lw=0.5
        )
        left.add_collection(self._ribbons)
        top = [
            left.text(x, 1.04, "", ha="center", color=plotting.REAL, fontsize=9)
            for x in self._x_from
        ]
        bottom = [
            left.text(x, -0.12, "", ha="center", color="#8a5a00", fontsize=9) for x in self._x_to
        ]
        self._labels = [*top, *bottom]
        middle = self._axes(
            grid[1], xticks=range(4), yticks=range(3), xlabel="to", ylabel="from", aspect="equal"
        )
        middle.set(xlim=(-0.5, 3.5), ylim=(2.5, -0.5), title="cost of a parcel")
        middle.grid(False)
        for (i, j), price in np.ndenumerate(self.cost):
            middle.text(j, i, f"{price:.0f}", ha="center", va="center")
        (self._tight,) = middle.plot([], [], "s", ms=26, mfc="none", mec=plotting.OPTIMAL, mew=2)
        labels = ["your plan\ncosts", "least cost", "your prices\nprove at least"]
        colors = [plotting.CRITIC, plotting.OPTIMAL, plotting.MARK]
        self._bars = _Bars(self._axes(grid[2]), labels, colors, "cost", least=50.0)
        self.artists = [self._ribbons, *self._labels, self._tight, *self._bars.artists]

    def judge(self, plan, f):
        """Return (cost of the plan, whether its margins hold, value of the prices f and the best g for them)."""
        plan, f = np.asarray(plan), np.asarray(f)
        holds = (plan.sum(1) == self.supply).all() and (plan.sum(0) == self.demand).all()
        g = (self.cost - f[:, None]).min(0)
        return (
            float((plan * self.cost).sum()),
            bool(holds),
            float(f @ self.supply + g @ self.demand),
        )

    def tight(self, f):
        """Return (rows, columns) of the cells where f_i + g_j equals the cost: the only ones that a best plan may use."""
        reduced = self.cost - np.asarray(f)[:, None]
        return np.nonzero(reduced - reduced.min(0) < 1e-9)

    def update(self, plan, f0, f1, f2):
        plan = np.asarray(plan)
        cost, holds, bound = self.judge(plan, (f0, f1, f2))
        self._ribbons.set_verts(list(ribbons(plan / 12, self._x_from, self._x_to, width=1.5)[0]))
        sums = [*plan.sum(1), *plan.sum(0)]
        names = [f"from {i}" for i in range(3)] + [f"to {j}" for j in range(4)]
        for label, name, got, wanted in zip(
            self._labels, names, sums, [*self.supply, *self.demand]
        ):
            label.set_text(f"{name}: {got} of {wanted} {'✓' if got == wanted else '✗'}")
        rows, columns = self.tight((f0, f1, f2))
        self._tight.set_data(columns, rows)
        self._values = cost, holds, bound
        self._bars.update([cost if holds else 0.0, self.least, max(bound, 0.0)])

    def describe(self, plan, f0, f1, f2):
        cost, holds, bound = self._values
        if not holds:
            mine = "Your plan is no coupling yet: some rows or columns do not have their sum."
        else:
            above = cost - self.least
            mine = f"Your plan is a coupling and costs {cost:.0f}, " + (
                "the least." if above < 1e-9 else f"{above:.0f} above the least."
            )
        return (
            f"{mine} Your prices prove that no plan costs less than {bound:.1f}; the least is {self.least:.0f}"
            + (f", the gap between your two is {cost - bound:.1f}." if holds else ".")
        )  # fmt: skip


class DualView(_Theory):
    """W1 on the line from its dual: the critic f that gains most, with slope at most 1, and k times it."""

    controls = (
        Slider("shift", "shift", -4.0, 4.0, log=False, value=2.0, step=0.1),
        Slider("sigma_q", "σ_q", 0.3, 2.5, log=False, value=0.6, step=0.1),
        Slider("k", "k", -1.0, 2.0, log=False, value=1.0, step=0.1),
    )

    def __init__(self):
        super().__init__(nrows=2, ncols=2, width_ratios=[1.5, 1])

    def _build(self, grid):
        x = WIDE[SHOWN]
        above = self._axes(grid[0, 0], xlim=(-8, 8), ylim=(0, 1.4), ylabel="density per unit of x")
        above.fill_between(
            x, 0, np.exp(_gaussian(0, 1)[SHOWN]), color=plotting.REAL, alpha=0.35, lw=0, label="p"
        )
        (self._q,) = above.plot(x, x, color=plotting.FAKE, label="q")
        plotting.legend_above(above)
        below = self._axes(grid[1, 0], xlim=(-8, 8), ylim=(-8, 8), xlabel="x", ylabel="score f(x)")
        (self._f,) = below.plot(x, x, color=plotting.CRITIC, lw=2.4)
        self._slope = below.text(0.01, 0.95, "", transform=below.transAxes, va="top")
        right = self._axes(grid[:, 1])
        self._bars = _Bars(
            right,
            ["W1", "mean f under p\nminus under q"],
            [plotting.OPTIMAL, plotting.CRITIC],
            "units of x",
        )
        self.artists = [self._q, self._f, self._slope, *self._bars.artists]

    @staticmethod
    def critic(log_p, log_q):
        """Return the best 1-Lipschitz f on the grid, f(0) = 0: its slope is the sign of Q - P (distribution functions)."""
        slope = np.sign(np.cumsum(np.exp(log_q) - np.exp(log_p)))
        f = np.cumsum(slope) * (WIDE[1] - WIDE[0])
        return f - f[len(f) // 2]

    def update(self, shift, sigma_q, k):
        log_p, log_q = _gaussian(0.0, 1.0), _gaussian(shift, sigma_q)
        f = k * self.critic(log_p, log_q)
        step = WIDE[1] - WIDE[0]
        self._w1 = divergences.wasserstein_gaussians(0.0, 1.0, shift, sigma_q, order=1)
        self._gain = float(np.sum(f * (np.exp(log_p) - np.exp(log_q))) * step)
        self._q.set_ydata(np.exp(log_q[SHOWN]))
        self._f.set_ydata(f[SHOWN])
        allowed = abs(k) <= 1 + 1e-9
        self._f.set_color(plotting.CRITIC if allowed else plotting.HIGHLIGHT)
        self._slope.set_text(f"steepest slope {abs(k):.1f}" + ("" if allowed else ": not allowed"))
        self._bars.update([self._w1, self._gain])

    def describe(self, shift, sigma_q, k):
        return (
            f"p = N(0, 1²), q = N({shift:.1f}, {sigma_q:.1f}²), W1 = {self._w1:.3f}. The critic is {k:.1f} times the best one: its steepest "
            f"slope is {abs(k):.1f}, and its mean under p minus its mean under q is {self._gain:.3f}."
        )
