"""Critics trained on fixed distributions, their insides, and the two views of lesson 06: numbers against hand computation."""

import functools
import math

import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch import nn

from gan_edu import losses
from gan_edu.datasets import gaussian_1d, gaussian_features, latent_uniform, swiss_roll
from gan_edu.divergences import wasserstein_1d
from gan_edu.first_edition.best_responses import gradient_norms_by_layer
from gan_edu.first_edition.live import LivePanel
from gan_edu.first_edition.screen import Painter
from gan_edu.first_edition.training import GAN, Hyperparameters
from gan_edu.lessons.l06_wgan import (
    ClippingView,
    FeaturesView,
    features_w1,
    share_at_bound,
    weights_of,
)
from gan_edu.metrics import wasserstein_samples
from gan_edu.networks import mlp

REAL = functools.partial(gaussian_1d, mean=0.0, std=1.0)
FAKE = functools.partial(gaussian_1d, mean=2.0, std=1.0)
SMALL = functools.partial(mlp, 1, 4, 1)


# ---- inside a critic


def test_weights_and_their_share_at_the_bound():
    layer = nn.Linear(2, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.1, -0.0995]])), layer.bias.fill_(0.098)
    assert sorted(weights_of(layer).tolist()) == pytest.approx([-0.0995, 0.098, 0.1])
    assert share_at_bound(weights_of(layer), 0.1) == pytest.approx(2 / 3)


def test_w1_of_features_against_sorting_and_against_closed_forms():
    samples = 2 + 3 * np.random.default_rng(0).normal(size=(400, 3))
    reference = norm.ppf((np.arange(40_000) + 0.5) / 40_000, 3, 1)
    exact = [wasserstein_1d(column, reference) for column in samples.T]
    np.testing.assert_allclose(features_w1(samples), exact, rtol=0.01)
    quantiles = norm.ppf((np.arange(1000) + 0.5) / 1000, 3, 1)[:, None]
    assert features_w1(quantiles)[0] == pytest.approx(0, abs=1e-9)
    assert features_w1(quantiles + 0.7)[0] == pytest.approx(0.7)  # a shift
    assert features_w1(np.full((1000, 1), 3.0))[0] == pytest.approx(
        math.sqrt(2 / math.pi), rel=0.01
    )  # E|N(0, 1)|
    with pytest.raises(ValueError, match=r"samples must have shape \(n, F\)"):
        features_w1(np.zeros(5))


# ---- the views


def noisy_roll(n, generator=None):
    return swiss_roll(n, generator=generator) + torch.randn(n, 2, generator=generator)


def frozen_gan(seed=0, layers=3, clip_value=0.1):
    copy = nn.Linear(2, 2)
    with torch.no_grad():
        copy.weight.copy_(torch.eye(2)), copy.bias.zero_()
    hparams = Hyperparameters(lr_d=1e-3, lr_g=0.0, clip_value=clip_value)
    return GAN(
        copy, functools.partial(mlp, 2, *[16] * (layers - 1), 1), swiss_roll, noisy_roll, d_loss=losses.critic_loss,
        g_loss=losses.generator_loss_wasserstein, optimizer=torch.optim.RMSprop, hparams=hparams, seed=seed,
    )  # fmt: skip


def test_the_microscope_measures_what_it_says():
    gan, view = frozen_gan(), ClippingView(n_samples=64)
    gan.run(30)
    before = gan.rng.get_state()
    now = view.measure(gan)
    x_real, x_fake = gan.fixed_real(64), gan.fixed_z(64)  # the generator hands its latents through
    with torch.no_grad():
        estimate = gan.discriminator(x_real).mean() - gan.discriminator(x_fake).mean()
    assert now["estimate"] == pytest.approx(estimate.item(), abs=1e-6)
    assert now["exact"] == pytest.approx(wasserstein_samples(x_real, x_fake))
    assert now["at_bound"] == pytest.approx(share_at_bound(weights_of(gan.discriminator), 0.1))
    np.testing.assert_allclose(
        now["layers"], gradient_norms_by_layer(gan.discriminator, x_real, x_fake)
    )
    assert abs(now["weights"]).max() <= 1 + 1e-6
    assert torch.equal(gan.rng.get_state(), before)  # looking does not disturb the run


def test_the_microscope_draws_what_it_measures():
    gan, view = frozen_gan(), ClippingView(n_samples=64)
    painter = Painter(view)
    first = painter.jpeg(gan)
    gan.run(20)
    assert painter.jpeg(gan) != first
    now = view.measure(gan)
    np.testing.assert_allclose(view.layers.line.get_data()[1], now["layers"])
    assert view.weights.bars.get_data().values.sum() == pytest.approx(1)
    steps, estimates = view.estimate.lines["estimate"].get_data()
    assert steps.tolist() == [0, 20] and estimates[-1] == pytest.approx(
        np.log10(max(now["estimate"], 1e-10))
    )
    assert view._target.get_ydata()[0] == pytest.approx(np.log10(now["exact"]))
    assert f"exact W1 of these points {now['exact']:.2f}" in view.describe(gan)
    view.clear()
    assert len(view.estimate.lines["estimate"].get_data()[0]) == 0


def test_the_slider_moves_the_weights_and_only_the_critics():
    panel = LivePanel(
        frozen_gan(), ClippingView(n_samples=32), sliders=("clip_value", "lr_d"), name="microscope"
    )
    try:
        generator = weights_of(panel.gan.generator).copy()
        panel.step(10)
        panel.set(clip_value=0.02)
        panel.step(1)
        assert abs(weights_of(panel.gan.discriminator)).max() == pytest.approx(0.02)
        panel.set(clip_value=0.2)
        panel.step(60)
        assert 0.02 < abs(weights_of(panel.gan.discriminator)).max() <= 0.2 + 1e-7
        assert np.array_equal(weights_of(panel.gan.generator), generator)
    finally:
        panel.close()


def test_another_number_of_layers_redraws_the_axis():
    view = ClippingView(n_samples=16)
    view.update(frozen_gan(layers=3))
    assert view.update(frozen_gan(layers=5)) and view.layers.axes.get_xlim()[1] == 5.5


def test_no_clipping_is_shown_in_units_of_the_largest_weight():
    now = ClippingView(n_samples=16).measure(frozen_gan(clip_value=None))
    assert abs(now["weights"]).max() == pytest.approx(1) and now["at_bound"] < 0.1


def features_gan(seed=0):
    return GAN(
        functools.partial(mlp, 4, 16, 8), functools.partial(mlp, 8, 16, 1), functools.partial(gaussian_features, num_features=8),
        functools.partial(latent_uniform, latent_dim=4), d_loss=losses.critic_loss, g_loss=losses.generator_loss_wasserstein,
        hparams=Hyperparameters(clip_value=0.01), seed=seed,
    )  # fmt: skip


def test_the_features_view_shows_each_feature_and_the_heap():
    gan, view = features_gan(), FeaturesView(n_samples=50)
    painter = Painter(view)
    painter.jpeg(gan)
    gan.run(12)
    painter.jpeg(gan)
    samples = gan.generate(gan.fixed_z(50)).numpy()
    means, stds = view.dots.get_data()
    np.testing.assert_allclose(means, samples.mean(0), atol=1e-6)
    np.testing.assert_allclose(stds, samples.std(0), atol=1e-6)
    inside = ((samples >= -3) & (samples <= 9)).mean()
    assert (view.pooled.get_data().values * np.diff(view.edges)).sum() == pytest.approx(inside)
    last = {name: line.get_data()[1][-1] for name, line in view.moments.lines.items()}
    assert last["pooled"] == pytest.approx(samples.std(), abs=1e-5) and last[
        "mean"
    ] == pytest.approx(samples.mean(), abs=1e-5)
    assert last["within"] == pytest.approx(math.sqrt(samples.var(0).mean()), abs=1e-5)
    np.testing.assert_allclose(view.loss.lines["d_loss"].get_data()[1], -gan.history["d_loss"][1:])
    assert f"mean {samples.mean():.2f}" in view.describe(gan)
    view.keep(), view.clear()
    assert (
        len(view.moments.lines["mean"].get_data()[0])
        == 0
        < len(view.moments.ghosts["mean"].get_data()[0])
    )


@pytest.mark.parametrize(
    "view", [lambda: ClippingView(n_samples=0), lambda: FeaturesView(n_samples=1)]
)
def test_views_check_their_number_of_samples(view):
    with pytest.raises(ValueError, match="n_samples must be a whole number"):
        view()
