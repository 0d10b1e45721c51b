"""The view of 512 features and their W1: numbers against hand computation."""

import functools
import math

import numpy as np
import pytest
from scipy.stats import norm

from gan_edu import losses
from gan_edu.datasets import gaussian_features, latent_uniform
from gan_edu.divergences import wasserstein_1d
from gan_edu.first_edition.screen import Painter
from gan_edu.first_edition.training import GAN, Hyperparameters
from gan_edu.lessons.l09_many_features import (
    FeaturesView,
    features_w1,
)
from gan_edu.networks import mlp


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
