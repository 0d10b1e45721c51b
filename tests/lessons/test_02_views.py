"""The game's functions against integration, optimisation and autograd; its views against what they should show."""

import functools
import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.stats import norm
from torch import nn
from torch.distributions import Normal

from gan_edu.datasets import gaussian_1d
from gan_edu.first_edition.explore import Explorer
from gan_edu.first_edition.screen import Painter
from gan_edu.first_edition.training import GAN, Hyperparameters, sgd
from gan_edu.lessons import l02_gan_game as game
from gan_edu.losses import (
    generator_loss_nonsaturating,
    generator_loss_saturating,
    gradient_penalty,
)
from gan_edu.networks import mlp

make_discriminator = functools.partial(mlp, 1, 8, 1, activation=nn.Tanh)
real = functools.partial(gaussian_1d, mean=0.0, std=1.0)
fake = functools.partial(gaussian_1d, mean=2.0, std=1.0)


# ---- the best discriminator and the value


def test_the_optimal_discriminator_maximises_at_every_point():
    p, q = np.random.default_rng(0).uniform(0.01, 1, (2, 20))
    for a, b, d in zip(p, q, game.optimal_discriminator(p, q)):
        found = minimize_scalar(
            lambda d, a=a, b=b: -(a * math.log(d) + b * math.log1p(-d)),
            bounds=(1e-9, 1 - 1e-9),
            method="bounded",
        )
        assert d == pytest.approx(found.x, abs=1e-4)


def test_the_optimal_discriminator_where_a_density_is_zero():
    with np.errstate(all="raise"):
        d = game.optimal_discriminator([0.3, 0.0, 0.0], [0.0, 0.2, 0.0])
    assert d[0] == 1 and d[1] == 0 and np.isnan(d[2])


@pytest.mark.parametrize(
    "p, q, words",
    [
        ([0.1, -0.1], [0.1, 0.1], "p_real must be densities, finite and not negative"),
        ([0.1, 0.1], [0.1, np.nan], "p_fake must be densities, finite and not negative"),
        ([0.1, 0.1], [0.1], r"p_real and p_fake must have the same shape, got \(2,\) and \(1,\)"),
    ],
)
def test_bad_densities_are_refused(p, q, words):
    with pytest.raises(ValueError, match=words):
        game.optimal_discriminator(p, q)


@pytest.mark.parametrize(
    "mean_g, sigma_g", [(0, 1), (1.5, 0.7), (-2, 1), (4, 1), (0, 3), (0.5, 0.3), (-5, 0.3)]
)
def test_the_value_is_the_integral(mean_g, sigma_g):
    p, q = norm(0, 1), norm(mean_g, sigma_g)

    def integrand(x):  # p log D* + q log(1 - D*)
        a, b = p.logpdf(x), q.logpdf(x)
        return p.pdf(x) * -np.logaddexp(0, b - a) + q.pdf(x) * -np.logaddexp(0, a - b)

    points = sorted({0.0, mean_g, mean_g / 2})
    expected, _ = quad(
        integrand, min(-10, mean_g - 10), max(10, mean_g + 10), points=points, limit=400
    )
    assert game.value_at_optimum(mean_g, sigma_g) == pytest.approx(expected, abs=1e-6)


def test_the_ends_of_the_value():
    assert game.value_at_optimum(0, 1) == pytest.approx(-2 * math.log(2))
    assert game.value_at_optimum(60, 1) == pytest.approx(0, abs=1e-9)
    with pytest.raises(ValueError, match="sigma_g must be a finite number above 0, got 0"):
        game.value_at_optimum(1, 0)


# ---- the pushes


@pytest.mark.parametrize("distance, sigma", [(0.2, 1.0), (4.0, 1.0), (2.0, 0.5), (8.0, 2.0)])
def test_the_pushes_are_the_gradients_of_the_losses(distance, sigma):
    x = torch.linspace(
        distance - 2 * sigma, distance + 2 * sigma, 9, dtype=torch.float64
    ).requires_grad_()
    logit = Normal(0.0, sigma).log_prob(x) - Normal(distance, sigma).log_prob(x)
    losses = generator_loss_saturating, generator_loss_nonsaturating
    for loss, power in zip(losses, game.push_powers(x.detach().numpy(), distance, sigma)):
        (gradient,) = torch.autograd.grad(len(x) * loss(logit), x, retain_graph=True)
        np.testing.assert_allclose(10**power, gradient.abs().numpy(), rtol=1e-6)
        assert (gradient > 0).all()  # the loss falls towards the data at 0, in both


def test_the_push_is_known_where_a_float_would_be_zero():
    saturating, nonsaturating = game.push_powers(np.array([8.0]), 8.0, 0.3)
    assert saturating[0] == pytest.approx((-(64 / 2 / 0.09) + math.log(8 / 0.09)) / math.log(10))
    assert 10 ** nonsaturating[0] == pytest.approx(8 / 0.09)


# ---- views with sliders


def data(line):
    return np.array(line.get_data(), dtype=float)


def test_the_value_view_shows_what_it_computes():
    values = np.array([[-1.38, -1.37, -1.36], [-0.7, -0.72, -0.71]])
    view = game.ValueView(trained=((0.0, 2.0), values))
    view.update(mean_g=1.2, sigma_g=0.5)
    x, p_g = data(view._p_g)
    np.testing.assert_allclose(p_g, norm.pdf(x, 1.2, 0.5))
    np.testing.assert_allclose(
        data(view._optimal)[1], norm.pdf(x) / (norm.pdf(x) + norm.pdf(x, 1.2, 0.5))
    )
    np.testing.assert_allclose(data(view._here).ravel(), [1.2, game.value_at_optimum(1.2, 0.5)])
    means, curve = data(view._value)
    assert curve[0] == pytest.approx(game.value_at_optimum(means[0], 0.5))
    assert not any(artist.get_visible() for artist in view._trained)
    view.update(mean_g=0.0, sigma_g=1.0)  # the curve follows sigma
    assert data(view._value)[1].min() == pytest.approx(-2 * math.log(2), abs=1e-6)
    assert all(artist.get_visible() for artist in view._trained)
    np.testing.assert_allclose(data(view._trained[1])[1], [-1.37, -0.71])
    assert "-1.386 nats" in view.describe(0.0, 1.0) and "D* = 0.50" in view.describe(0.0, 1.0)


def test_the_push_view_shows_what_it_computes():
    view = game.PushView()
    view.update(distance=3.0, sigma=0.8)
    x, optimal = data(view._optimal)
    p, q = norm.pdf(x, 0, 0.8), norm.pdf(x, 3, 0.8)
    sure = p + q > 1e-200
    np.testing.assert_allclose(optimal[sure], (p / (p + q))[sure], atol=1e-12)
    for name, expected in zip(("saturating", "non-saturating"), game.push_powers(x, 3.0, 0.8)):
        everywhere, where_mass = view._push[name]
        np.testing.assert_allclose(data(everywhere)[1], expected)
        share = np.diff(norm.cdf(data(where_mass)[0][[0, -1]], 3, 0.8))[0]
        assert 0.97 < share < 0.99
    assert "with 4.68 nats" in view.describe(3.0, 0.8)  # the slope, 3 / 0.64, times 1 - D*
    assert "with 10^-13 by" in view.describe(8.0, 1.0)  # 8 D*, and D* = e^-32


@pytest.mark.parametrize(
    "view, moves",
    [
        (
            game.ValueView,
            [dict(mean_g=m, sigma_g=s) for m in (-4.0, 0.3, 2.1) for s in (0.3, 1.1, 3.0)],
        ),
        (
            game.PushView,
            [dict(distance=d, sigma=s) for d in (0.2, 3.0, 8.0) for s in (0.3, 1.1, 2.0)],
        ),
    ],
)
def test_each_move_of_a_slider_changes_the_picture(view, moves):
    painter = Painter(view())
    assert len({painter.jpeg(**move) for move in moves}) == len(moves)


@pytest.mark.parametrize("view", [game.ValueView, game.PushView])
def test_the_views_work_in_an_explorer(view):
    explorer = Explorer(view())
    for spec in view.controls:
        assert spec.low <= explorer.values[spec.name] <= spec.high
        for value in (spec.low, spec.high):
            explorer.set(**{spec.name: value})
            assert explorer.values[spec.name] == pytest.approx(value)
    assert "fault" not in explorer._words.value
    explorer.close()


# ---- the Dirac-GAN's view


class Point(nn.Module):
    def __init__(self, theta):
        super().__init__()
        self.theta = nn.Parameter(torch.tensor([theta]))

    def forward(self, z):
        return self.theta.expand(len(z), 1)


class Slope(nn.Module):
    def __init__(self, psi):
        super().__init__()
        self.psi = nn.Parameter(torch.tensor([psi]))

    def forward(self, x):
        return self.psi * x


def origin(n, generator=None):
    return torch.zeros(n, 1)


def flat(discriminator, x_real, x_fake, generator=None):
    x = x_real.detach().requires_grad_()
    (slopes,) = torch.autograd.grad(discriminator(x).sum(), x, create_graph=True)
    return slopes.square().mean() / 2


def dirac(
    g_loss=generator_loss_saturating,
    penalty=None,
    theta=1.0,
    psi=0.3,
    lr_d=0.1,
    lr_g=0.2,
    **hparams,
):
    hparams = Hyperparameters(lr_d=lr_d, lr_g=lr_g, **hparams)
    return GAN(Point(theta), Slope(psi), origin, origin, g_loss=g_loss, penalty=penalty, batch_size=1, optimizer=sgd, hparams=hparams)  # fmt: skip


sigmoid = lambda t: 1 / (1 + np.exp(-t))  # noqa: E731


@pytest.mark.parametrize(
    "g_loss, of_theta",
    [
        (generator_loss_saturating, lambda psi, theta: sigmoid(psi * theta) * psi),
        (generator_loss_nonsaturating, lambda psi, theta: sigmoid(-psi * theta) * psi),
    ],
)
@pytest.mark.parametrize(
    "penalty, of_penalty",
    [
        (None, lambda psi: 0),
        (flat, lambda psi: psi),
        (gradient_penalty, lambda psi: 2 * (abs(psi) - 1) * np.sign(psi)),
    ],
)
def test_the_field_is_that_of_the_formulas(g_loss, of_theta, penalty, of_penalty):
    theta, psi = np.meshgrid(np.linspace(-2, 2, 6), np.linspace(-1.9, 1.7, 5))
    moves = game.dirac_field(dirac(g_loss, penalty, lambda_gp=0.7), theta, psi)
    np.testing.assert_allclose(moves[0], 0.2 * of_theta(psi, theta), rtol=1e-4, atol=1e-6)
    expected = -0.1 * (sigmoid(psi * theta) * theta + 0.7 * of_penalty(psi))
    np.testing.assert_allclose(moves[1], expected, rtol=1e-4, atol=1e-6)


def test_the_trail_has_a_corner_for_every_move():
    gan, view = dirac(), game.DiracView()
    view.update(gan)
    gan.run(30)
    view.update(gan)
    theta, psi, corners = 1.0, 0.3, [(1.0, 0.3)]
    for _ in range(30):
        psi -= 0.1 * sigmoid(psi * theta) * theta
        corners.append((theta, psi))
        theta += 0.2 * sigmoid(psi * theta) * psi
        corners.append((theta, psi))
    np.testing.assert_allclose(data(view.trail).T, corners, rtol=1e-4)
    np.testing.assert_allclose(data(view.now).ravel(), corners[-1], rtol=1e-4)
    steps, distance = data(view.distance.lines["distance"])
    assert steps.tolist() == list(range(31))
    np.testing.assert_allclose(distance, np.hypot(*np.array(corners)[::2].T), rtol=1e-4)
    assert f"θ = {theta:.2f}" in view.describe(gan) and f"ψ = {psi:.2f}" in view.describe(gan)


def test_single_moves_and_a_reset_are_followed():
    gan, view = dirac(), game.DiracView()
    view.update(gan)
    gan.step_discriminator(), gan.step_generator(), gan.step_generator()
    view.update(gan)
    assert data(view.trail).shape == (2, 4) and data(view.distance.lines["distance"])[
        0
    ].tolist() == [0, 1, 2, 3]
    view.keep()
    gan.reset()
    view.clear()
    view.update(gan)
    assert data(view.trail).T.tolist() == [[1.0, pytest.approx(0.3)]] and data(
        view.ghost
    ).shape == (2, 4)
    gan.step()
    view.update(gan)
    assert data(view.trail).shape == (2, 3)  # the hook of the first run notes nothing here
    gan.reset()  # by code, which does not tell the view
    view.update(gan)
    gan.run(2)
    view.update(gan)
    assert data(view.trail).shape == (2, 5)


def test_the_trail_stays_within_the_clip_value():
    gan, view = dirac(psi=-0.2, clip_value=0.25), game.DiracView()
    view.update(gan)
    gan.run(200)
    view.update(gan)
    assert abs(data(view.trail)[1]).max() == pytest.approx(0.25)


def test_looking_does_not_change_the_run():
    watched, alone, view = dirac(penalty=flat), dirac(penalty=flat), game.DiracView()
    for _ in range(5):
        view.update(watched)
        watched.run(7)
    alone.run(35)
    assert np.array_equal(watched.history["d_loss"], alone.history["d_loss"])


def test_the_field_and_the_clip_lines_follow_the_knobs():
    gan, view = dirac(), game.DiracView()
    painter = Painter(view)
    first = painter.jpeg(gan)
    arrows = np.stack([view.arrows.U, view.arrows.V])
    assert not any(line.get_visible() for line in view.clips)
    gan.set("penalty", flat)
    gan.set("clip_value", 0.6)
    assert painter.jpeg(gan) != first
    assert not np.allclose(arrows, [view.arrows.U, view.arrows.V])
    assert [line.get_ydata()[0] for line in view.clips] == [-0.6, 0.6] and view.clips[
        0
    ].get_visible()
    theta, psi = np.meshgrid(view._ticks, view._ticks)
    moves = np.array(game.dirac_field(gan, theta, psi))
    angle = np.arctan2(*moves[::-1]) - np.arctan2(view.arrows.V, view.arrows.U).reshape(theta.shape)
    moving = np.hypot(*moves) > 1e-6
    assert abs(np.sin(angle[moving] / 2)).max() < 1e-4  # an arrow points where the losses push
