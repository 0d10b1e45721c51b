"""Measurements and views of lesson 10, against independent computations."""

import functools

import numpy as np
import pytest
import torch
from scipy import integrate, optimize, stats
from torch import nn

from gan_edu.datasets import gaussian_1d
from gan_edu.first_edition.screen import Painter
from gan_edu.first_edition.training import GAN, Hyperparameters
from gan_edu.lessons import l10_is_my_loss_a_distance as gp_views
from gan_edu.losses import critic_loss, generator_loss_wasserstein, gradient_penalty
from gan_edu.networks import DigitCritic, DigitGenerator, mlp


def linear(*rows, bias=0.0):
    layer = nn.Linear(len(rows[0]), len(rows))
    layer.weight.data, layer.bias.data = torch.tensor(rows), torch.full((len(rows),), bias)
    return layer


def shift_gan(slope=-1.5, shift=2.0, lambda_gp=0.5, penalty=gradient_penalty):
    data = functools.partial(gaussian_1d, mean=0.0, std=0.5)
    return GAN(
        lambda: linear([1.0], bias=shift), lambda: linear([slope]), data, data, d_loss=critic_loss,
        g_loss=generator_loss_wasserstein, penalty=penalty, hparams=Hyperparameters(lr_g=0.0, lambda_gp=lambda_gp),
    )  # fmt: skip


# ---- the law


@pytest.mark.parametrize(
    "distance, lambda_gp", [(0.0, 1.0), (0.3, 0.1), (2.0, 0.5), (2.0, 10.0), (5.0, 3.0)]
)
def test_the_law_is_the_maximum_of_the_objective(distance, lambda_gp):
    best = optimize.minimize_scalar(
        lambda s: lambda_gp * (s - 1) ** 2 - s * distance, bounds=(0, 100), method="bounded"
    )
    assert gp_views.predicted_slope(distance, lambda_gp) == pytest.approx(best.x, abs=1e-4)
    assert gp_views.predicted_gap(distance, lambda_gp) == pytest.approx(best.x * distance, abs=1e-3)


@pytest.mark.parametrize("function", [gp_views.predicted_slope, gp_views.predicted_gap])
@pytest.mark.parametrize(
    "arguments, name",
    [((-1, 1), "distance"), ((1, 0), "lambda_gp"), ((1, float("nan")), "lambda_gp")],
)
def test_the_law_refuses_what_it_is_not_made_for(function, arguments, name):
    with pytest.raises(ValueError, match=f"{name} must be"):
        function(*arguments)


def test_the_best_critic_of_any_shape_on_the_line_has_the_laws_mean_slope():
    """Lesson 10, section 1: slope 1 + D / (2 λ ρ), its mean over x_hat, and a gap of at least W + W² / (2 λ)."""
    rng = np.random.default_rng(0)
    shift, lambda_gp, std = 2.0, 0.5, 0.5
    real, fake = stats.norm(0, std), stats.norm(shift, std)
    epsilon = np.linspace(0.0005, 0.9995, 1000)[:, None]
    grid = np.linspace(-4, 6, 2001)
    # x_hat = ε x + (1 - ε) y is Gaussian for a given ε
    width = std * np.sqrt(epsilon**2 + (1 - epsilon) ** 2)
    density = stats.norm.pdf(grid, (1 - epsilon) * shift, width).mean(0)
    difference = real.cdf(grid) - fake.cdf(grid)
    slope = 1 + difference / (2 * lambda_gp * density)
    assert integrate.trapezoid(difference, grid) == pytest.approx(shift, rel=1e-4)
    assert integrate.trapezoid(slope * density, grid) == pytest.approx(
        gp_views.predicted_slope(shift, lambda_gp), rel=1e-3
    )
    gap = integrate.trapezoid(slope * difference, grid)
    assert (
        gp_views.predicted_gap(shift, lambda_gp)
        <= gap
        < 1.1 * gp_views.predicted_gap(shift, lambda_gp)
    )

    def objective(slope):
        return integrate.trapezoid(
            slope * difference - lambda_gp * (slope - 1) ** 2 * density, grid
        )

    for _ in range(20):  # no other slope does better
        wave = np.sin(rng.uniform(0.2, 3) * grid + rng.uniform(0, 6))
        assert objective(slope + rng.uniform(-1, 1) * wave) < objective(slope)


# ---- measurements


def test_slopes_are_those_of_finite_differences():
    torch.manual_seed(0)
    critic, x = mlp(3, 8, 1, activation=nn.Tanh).double(), torch.randn(5, 3, dtype=torch.float64)
    step = 1e-6 * torch.eye(3, dtype=torch.float64)
    with torch.no_grad():
        gradient = torch.stack([(critic(x + d) - critic(x - d))[:, 0] / 2e-6 for d in step], dim=1)
    np.testing.assert_allclose(gp_views.slopes(critic, x), gradient.norm(dim=1), rtol=1e-5)


def test_slopes_of_pictures_are_one_a_picture():
    critic = nn.Sequential(nn.Flatten(), linear([3.0, 0.0, 0.0, 4.0]))
    np.testing.assert_allclose(
        gp_views.slopes(critic, torch.randn(6, 1, 2, 2)), np.full(6, 5.0), rtol=1e-6
    )


# ---- the gauge


def test_the_gauge_of_a_linear_critic():
    gan = shift_gan(slope=-1.5)
    found = gp_views.GaugeView().measure(gan)
    x_real, x_fake = (
        gan.fixed_real(1000).numpy().ravel(),
        gan.generate(gan.fixed_z(1000)).numpy().ravel(),
    )
    w1 = stats.wasserstein_distance(x_real, x_fake)
    assert found["w1"] == pytest.approx(w1, rel=1e-5)
    assert found["gap"] == pytest.approx(1.5 * (x_fake.mean() - x_real.mean()), rel=1e-4)
    assert found["largest"] == pytest.approx(1.5) and found["mean"] == pytest.approx(1.5)
    assert found["safe"] == pytest.approx(found["gap"] / 1.5)


def test_the_largest_slope_is_looked_for_between_the_samples_too():
    class Cliff(nn.Module):
        """Flat where the samples are, steep halfway between them."""

        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.tensor(20.0))

        def forward(self, x):
            return -torch.sigmoid(self.weight * (x - 5))

    data = functools.partial(gaussian_1d, mean=0.0, std=0.1)
    gan = GAN(
        lambda: linear([1.0], bias=10.0),
        Cliff,
        data,
        data,
        d_loss=critic_loss,
        g_loss=generator_loss_wasserstein,
    )
    found = gp_views.GaugeView(x_limits=(-3, 13)).measure(gan)
    assert found["largest"] == pytest.approx(5.0, rel=0.05)  # 20 / 4
    assert found["safe"] <= found["w1"]


def test_the_gauge_draws_the_law_for_the_present_lambda():
    gan, view = shift_gan(lambda_gp=0.5), gp_views.GaugeView()
    painter = Painter(view)
    assert painter.jpeg(gan)[:2] == b"\xff\xd8"
    gan.hparams.lambda_gp = 10.0
    gan.step()
    painter.jpeg(gan)
    drawn = view.gauge.lines["law"].get_ydata()
    np.testing.assert_allclose(drawn, [2 + 4 / (2 * 0.5), 2 + 4 / 20], atol=0.3)
    w1 = view.gauge.lines["w1"].get_ydata()
    np.testing.assert_allclose(drawn, w1 + w1**2 / (2 * np.array([0.5, 10.0])), rtol=1e-6)
    assert "exact W1 is 2.0" in view.describe(gan) and "λ = 10" in view.describe(gan)
    view.clear()
    assert len(view.gauge.lines["law"].get_xdata()) == 0 and view.update(gan) in (True, False)
    assert len(view.gauge.lines["law"].get_xdata()) == 1


def test_without_a_penalty_there_is_no_law():
    view, gan = gp_views.GaugeView(), shift_gan(penalty=None)
    view.update(gan)
    assert np.isnan(view.gauge.lines["law"].get_ydata()).all() and "predicted nan" in view.describe(
        gan
    )


def test_looking_changes_nothing():
    gans = shift_gan(), shift_gan()
    view = gp_views.GaugeView()
    for _ in range(5):
        view.update(gans[0])
        for gan in gans:
            gan.step()
    np.testing.assert_array_equal(gans[0].history["d_loss"], gans[1].history["d_loss"])


# ---- networks for digits


@pytest.mark.parametrize("size", [8, 16, 28])
def test_digit_networks_fit_together(size):
    pictures = DigitGenerator(10, 4, size)(torch.randn(3, 10))
    assert pictures.shape == (3, 1, size, size) and pictures.abs().max() <= 1
    assert DigitCritic(4, size)(pictures).shape == (3, 1)


def test_only_when_asked_the_critic_has_batch_normalisation():
    kinds = [
        [type(m) for m in DigitCritic(4, 8, batch_norm=b).modules()].count(nn.BatchNorm2d)
        for b in (False, True)
    ]
    assert kinds == [0, 2]


@pytest.mark.parametrize("network", [DigitGenerator, DigitCritic])
def test_digit_networks_need_a_multiple_of_four(network):
    with pytest.raises(ValueError, match="image_size must be a multiple of 4, got 30"):
        network(image_size=30)
