"""The GAN game in one dimension: the best discriminator, the value of the game, and the views of lesson 02."""

import array

import matplotlib
import numpy as np
import torch
from scipy.special import expit, log_expit
from scipy.stats import norm

from gan_edu._arguments import check_number
from gan_edu.divergences import js_from_densities
from gan_edu.first_edition import plotting
from gan_edu.first_edition.screen import Slider
from gan_edu.first_edition.views import View

EQUILIBRIUM = -2 * np.log(2)  # nats: the value of the game where p_g = p_data


def optimal_discriminator(p_real, p_fake):
    """Return D* = p_real / (p_real + p_fake), the best reply to a generator of density p_fake.

    p_real, p_fake: densities at the same points, arrays of any equal shape; nan where both are 0: no sample ever falls
    there, and any answer is as good. Goodfellow et al. (2014), proposition 1.
    """
    p_real, p_fake = _check_density("p_real", p_real), _check_density("p_fake", p_fake)
    if p_real.shape != p_fake.shape:
        raise ValueError(
            f"p_real and p_fake must have the same shape, got {p_real.shape} and {p_fake.shape}"
        )
    both = p_real + p_fake
    return np.divide(p_real, both, out=np.full(both.shape, np.nan), where=both > 0)


def _check_density(name, values):
    values = np.asarray(values, dtype=float)
    if not np.isfinite(values).all() or (values < 0).any():
        raise ValueError(f"{name} must be densities, finite and not negative, got {values!r}")
    return values


class ValueView:
    """D* and the value of the game at D*, computed anew for every generated Gaussian; p_data is N(0, 1).

    trained: (means, values), values (number of means, number of seeds) of trained discriminators against N(mean, 1):
    drawn as median and range while sigma_g is 1.
    """

    controls = (
        Slider("mean_g", "μ_g", -5.0, 5.0, log=False, value=1.5, step=0.1),
        Slider("sigma_g", "σ_g", 0.3, 3.0, log=False, value=1.0, step=0.1),
    )

    def __init__(self, trained=None, size=(11.0, 4.0)):
        self.figure = plotting.new_figure(*size)
        self._grid, self._means = np.linspace(-8, 8, 401), np.linspace(-5, 5, 51)
        self._p_data = norm.pdf(self._grid)
        self._curve_of = None  # the sigma_g that the curve of values belongs to
        with matplotlib.rc_context(plotting.STYLE):
            self._draw_axes(trained)
        self.artists = [self._p_g, self._optimal, self._value, *self._trained, self._here]

    def _draw_axes(self, trained):
        left, right = self.figure.subplots(1, 2)
        left.fill_between(
            self._grid, self._p_data, color=plotting.REAL, alpha=0.35, lw=0, label="p_data"
        )
        self._p_g = _curve(left, plotting.FAKE, "p_g")
        self._optimal = _curve(left, plotting.OPTIMAL, "D*(x)", ls="--")
        left.axhline(0.5, color="0.6", lw=0.8, ls=":")
        left.set(
            xlim=(-8, 8), ylim=(0, 1.4), xlabel="x", ylabel="probability; density per unit of x"
        )
        self._value = _curve(right, plotting.OPTIMAL, "−2 log 2 + 2 JS: the value at D*")
        self._here = right.plot([], [], "o", color=plotting.HIGHLIGHT, ms=9, label="here")[0]
        right.axhline(EQUILIBRIUM, color="0.4", lw=1, ls=":")
        right.text(
            -4.9,
            EQUILIBRIUM - 0.03,
            "−2 log 2: D can only guess",
            color="0.35",
            fontsize=9,
            va="top",
        )
        right.set(
            xlim=(-5.2, 5.2),
            ylim=(-1.55, 0.05),
            xlabel="mean of p_g, in units of x",
            ylabel="value (nats)",
        )
        self._trained = []
        if trained is not None:
            means, values = trained
            values = np.asarray(values)
            ranges = right.vlines(
                means, values.min(1), values.max(1), color=plotting.CRITIC, lw=5, alpha=0.5
            )
            (medians,) = right.plot(
                means, np.median(values, 1), "s", color=plotting.CRITIC, ms=4.5, label="trained D"
            )
            self._trained = [ranges, medians]
        for axes in (left, right):
            plotting.legend_above(axes)

    def update(self, mean_g, sigma_g):
        """Compute D*, the curve of values and the present value."""
        p_g = norm.pdf(self._grid, mean_g, sigma_g)
        self._p_g.set_data(self._grid, p_g)
        self._optimal.set_data(self._grid, optimal_discriminator(self._p_data, p_g))
        if self._curve_of != sigma_g:
            self._value.set_data(
                self._means, [value_at_optimum(mean, sigma_g) for mean in self._means]
            )
            self._curve_of = sigma_g
        self._here.set_data([mean_g], [value_at_optimum(mean_g, sigma_g)])
        for artist in self._trained:
            artist.set_visible(abs(sigma_g - 1) < 0.05)

    def describe(self, mean_g, sigma_g):
        """Say what the picture shows, in numbers."""
        value = value_at_optimum(mean_g, sigma_g)
        js = (value - EQUILIBRIUM) / 2
        told = optimal_discriminator(norm.pdf([mean_g]), norm.pdf([mean_g], mean_g, sigma_g))[0]
        return (
            f"Against p_g = N({mean_g:.1f}, {sigma_g:.1f}²) the best discriminator reaches the value {value:.3f} nats, "
            f"{value - EQUILIBRIUM:.3f} above −2 log 2: JS = {js:.3f} nats. At the middle of p_g it says D* = {told:.2f}."
        )


def value_at_optimum(mean_g, sigma_g):
    """Return -2 log 2 + 2 JS(N(0, 1), N(mean_g, sigma_g^2)) in nats, by integration. Goodfellow et al. (2014), theorem 1."""
    mean_g, sigma_g = (
        check_number("mean_g", mean_g),
        check_number("sigma_g", sigma_g, low=0, low_open=True),
    )
    low, high = min(-9.0, mean_g - 9 * sigma_g), max(9.0, mean_g + 9 * sigma_g)
    grid = np.linspace(low, high, max(401, round(12 * (high - low) / min(1.0, sigma_g))))
    return EQUILIBRIUM + 2 * js_from_densities(
        norm.pdf, lambda x: norm.pdf(x, mean_g, sigma_g), grid
    )


class PushView:
    """The push on generated samples under D*, for both losses of the generator; p_data = N(0, σ²), p_g = N(distance, σ²).

    The push is minus the gradient of the sample's own loss by x, in nats per unit of x; only its size is drawn, as a power
    of ten, thick where p_g has its central 98 %.
    """

    controls = (
        Slider("distance", "distance", 0.2, 8.0, log=False, value=4.0, step=0.2),
        Slider("sigma", "σ", 0.3, 2.0, log=False, value=1.0, step=0.1),
    )

    def __init__(self, size=(11.0, 4.8)):
        self.figure = plotting.new_figure(*size)
        self._grid = np.linspace(-4, 12, 401)
        self._push = {}
        with matplotlib.rc_context(plotting.STYLE):
            self._draw_axes()
        lines = [line for pair in self._push.values() for line in pair]
        self.artists = [*self._densities, self._optimal, *lines]

    def _draw_axes(self):
        above, below = self.figure.subplots(2, 1, sharex=True)
        self._densities = [_curve(above, color, label) for color, label in ((plotting.REAL, "p_data"), (plotting.FAKE, "p_g"))]  # fmt: skip
        self._optimal = _curve(above, plotting.OPTIMAL, "D*(x)", ls="--")
        above.set(xlim=(-4, 12), ylim=(0, 1.4), ylabel="probability;\ndensity per unit of x")
        for name, color in (("non-saturating", plotting.HIGHLIGHT), ("saturating", plotting.MARK)):
            self._push[name] = (
                _curve(below, color, None, lw=1, ls=":"),
                _curve(below, color, name, lw=3.5),
            )
        below.set(ylim=(-40, 3), xlabel="x", ylabel="size of the push\n(nats per unit of x)")
        below.set_yticks(
            [-40, -30, -20, -10, 0], [f"$10^{{{power}}}$" for power in (-40, -30, -20, -10, 0)]
        )
        for axes in (above, below):
            plotting.legend_above(axes)

    def update(self, distance, sigma):
        """Compute the densities, D* and both pushes."""
        for line, mean in zip(self._densities, (0.0, distance)):
            line.set_data(self._grid, norm.pdf(self._grid, mean, sigma))
        self._optimal.set_data(self._grid, expit(_log_ratio(self._grid, distance, sigma)[0]))
        inside = abs(self._grid - distance) < 2.33 * sigma  # the central 98 %
        for name, push in zip(
            ("saturating", "non-saturating"), push_powers(self._grid, distance, sigma)
        ):
            everywhere, where_mass = self._push[name]
            everywhere.set_data(self._grid, push)
            where_mass.set_data(self._grid[inside], push[inside])

    def describe(self, distance, sigma):
        """Say what the picture shows, in numbers."""
        saturating, nonsaturating = push_powers(np.array([distance]), distance, sigma)
        return (
            f"Distance {distance:.1f}, σ = {sigma:.1f}: a sample in the middle of p_g is pushed with {_power(nonsaturating[0])} nats "
            f"per unit of x by the non-saturating loss and with {_power(saturating[0])} by the saturating one."
        )


def push_powers(x, distance, sigma):
    """Return log10 of the size of the push on a sample at x under D*, for the saturating and the non-saturating loss.

    x: (n,). p_data = N(0, sigma^2), p_g = N(distance, sigma^2). The sizes are D* |slope| and (1 - D*) |slope| with
    the slope of D*'s logit, in nats per unit of x; as logarithms, since the first is soon too small for a float.
    """
    logit, slope = _log_ratio(x, distance, sigma)
    return tuple((log_expit(sign * logit) + np.log(slope)) / np.log(10) for sign in (1, -1))


def _log_ratio(x, distance, sigma):
    """The logit of D*, log p_data - log p_g, a straight line here, and the size of its slope."""
    return (distance**2 / 2 - distance * x) / sigma**2, distance / sigma**2


def _power(log10):
    return f"{10**log10:.2f}" if log10 > -2 else f"10^{log10:.0f}"


class DiracView(View):
    """The Dirac-GAN in the plane of its two parameters, over the field of all first moves; and its distance from (0, 0).

    For a GAN whose generator has one parameter, θ, its output, and whose discriminator has one, ψ, with logit ψ x.
    An arrow shows where both learning rates would push from there; the trail has a corner for every move of a player.
    Mescheder et al. (2018), section 2.
    """

    def __init__(self, limit=2.0, size=(11.0, 4.6), n_moves=4000):
        super().__init__(*size)
        self._ticks, self._n_moves = 0.92 * np.linspace(-limit, limit, 17), n_moves
        self._hooked = self._field_of = None
        with matplotlib.rc_context(plotting.STYLE):
            plane, right = self.figure.subplots(1, 2, width_ratios=[1, 1.3])
            self._draw_plane(plane, limit)
            self.distance = plotting.Curves(
                right,
                {"distance": ("distance", plotting.FAKE)},
                "distance from the equilibrium",
                ylimits=(0.0, 2.0),
            )
        self.curves = [self.distance]

    def _draw_plane(self, plane, limit):
        points = np.meshgrid(self._ticks, self._ticks)
        none = np.zeros_like(points)
        self.arrows = plane.quiver(
            *points, *none, color="0.6", angles="xy", scale_units="xy", scale=1, width=0.004
        )
        self.clips = [
            plane.axhline(0, color=plotting.MARK, lw=1.2, visible=False) for _ in range(2)
        ]
        self.ghost = _curve(plane, plotting.FAKE, None, lw=1, alpha=0.3)
        self.trail = _curve(plane, plotting.FAKE, "the players' moves", lw=1.4)
        self.now = plane.plot([], [], "o", color=plotting.HIGHLIGHT, ms=8, label="now")[0]
        plane.plot([0], [0], "+", color=plotting.OPTIMAL, ms=14, mew=3, label="equilibrium")
        plane.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
        plane.set(
            xlabel="θ: where the generator puts its sample", ylabel="ψ: slope of the discriminator"
        )
        plotting.legend_above(plane)

    @property
    def artists(self):
        """Everything that changes from picture to picture."""
        return [self.arrows, *self.clips, self.ghost, self.trail, self.now, *self.distance.artists]

    def keep(self):
        """Keep the present trail and curve as pale ghosts."""
        super().keep()
        self.ghost.set_data(*self.trail.get_data())

    def update(self, gan):
        """Bring the artists up to date with `gan`; returns True if limits moved."""
        with gan.between_steps():
            self._follow(gan)
            self._update_field(gan)
            moves = np.array(self._moves).reshape(-1, 2)
            steps = np.array(self._steps)
        self.trail.set_data(*moves[-self._n_moves :].T)
        self.now.set_data(*moves[-1:].T)
        for sign, line in zip((-1, 1), self.clips):
            line.set_visible(gan.hparams.clip_value is not None)
            line.set_ydata([sign * (gan.hparams.clip_value or 0)] * 2)
        last = np.append(steps[1:] != steps[:-1], True)  # of the moves of one step
        moved = self.distance.update("distance", steps[last], np.hypot(*moves[last].T))
        self._update_marks(gan.history)
        return moved

    def describe(self, gan):
        """Say in a sentence what the picture shows."""
        theta, psi = _dirac_state(gan)
        return (
            f"After {len(gan.history)} steps the generator stands at θ = {theta:.2f}, the discriminator's slope is "
            f"ψ = {psi:.2f}; the distance from the equilibrium (0, 0) is {np.hypot(theta, psi):.3f}."
        )

    def _follow(self, gan):
        """Note every move of this run: between two pictures there may be hundreds."""
        if self._hooked is gan.d_optimizer:
            return
        self._hooked = gan.d_optimizer  # a reset makes new optimisers
        self._moves, self._steps = moves, steps = array.array("d"), array.array("d")

        def note(optimizer, *_):
            theta, psi = _dirac_state(gan)
            clip = gan.hparams.clip_value
            if (
                optimizer is gan.d_optimizer and clip is not None
            ):  # the clipping follows the optimiser's step
                psi = min(max(psi, -clip), clip)
            moves.extend((theta, psi))
            steps.append(len(gan.history) + 1)

        for optimizer in (gan.d_optimizer, gan.g_optimizer):
            optimizer.register_step_post_hook(note)
        moves.extend(_dirac_state(gan))
        steps.append(len(gan.history))

    def _update_field(self, gan):
        knobs = gan.knobs()
        if knobs == self._field_of:
            return
        self._field_of = knobs
        theta, psi = np.meshgrid(self._ticks, self._ticks)
        move_theta, move_psi = dirac_field(gan, theta, psi)
        size = np.hypot(move_theta, move_psi)
        spacing = self._ticks[1] - self._ticks[0]
        scale = (
            0.95 * spacing / max(size.max(), 1e-12) ** 0.5 / np.maximum(size, 1e-12) ** 0.5
        )  # by the square root
        self.arrows.set_UVC(move_theta * scale, move_psi * scale)


def dirac_field(gan, theta, psi):
    """Return the moves (of θ, of ψ) that the losses, penalty and learning rates of a Dirac-GAN give from each point.

    theta, psi: arrays of one shape. Both moves are made from the same point, as in simultaneous updates.
    """
    shape = np.shape(theta)
    points = [
        torch.tensor(np.ravel(v), dtype=torch.float32)[:, None].requires_grad_()
        for v in (theta, psi)
    ]
    generated, slope = points
    n = len(slope)

    def discriminator(x):
        return slope * x  # one discriminator for each row: the mean over the batch keeps them apart

    rng = torch.Generator().manual_seed(0)
    x_real, x_fake = gan.sample_real(n, generator=rng), generated.detach()
    objective = gan.d_loss(discriminator(x_real), discriminator(x_fake))
    if gan.penalty is not None:
        objective = objective + gan.hparams.lambda_gp * gan.penalty(
            discriminator, x_real, x_fake, generator=rng
        )
    (of_psi,) = torch.autograd.grad(objective, slope)
    (of_theta,) = torch.autograd.grad(gan.g_loss(discriminator(generated)), generated)
    moves = -n * gan.hparams.lr_g * of_theta, -n * gan.hparams.lr_d * of_psi
    return tuple(move.numpy().reshape(shape) for move in moves)


def _dirac_state(gan):
    """Return (θ, ψ)."""
    return next(gan.generator.parameters()).item(), next(gan.discriminator.parameters()).item()


def _curve(axes, color, label, **style):
    return axes.plot([], [], color=color, label=label, **style)[0]
