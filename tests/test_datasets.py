"""Samples against the distributions they claim, by scipy's tests."""

import numpy as np
import pytest
import scipy.stats
import torch

from gan_edu import datasets


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_gaussian_1d():
    x = datasets.gaussian_1d(20_000, mean=-1.0, std=0.3, generator=rng())
    assert x.shape == (20_000, 1) and x.dtype == torch.float32
    assert scipy.stats.kstest(x.numpy().ravel(), "norm", args=(-1.0, 0.3)).pvalue > 0.001
    assert scipy.stats.kstest(x.numpy().ravel(), "norm", args=(-1.0, 0.31)).pvalue < 0.5


def test_ring():
    x = datasets.gaussian_ring(8_000, num_modes=5, radius=2.0, sigma=0.05, generator=rng())
    centers = datasets.ring_centers(5, 2.0)
    torch.testing.assert_close(centers[0], torch.tensor([2.0, 0.0]))
    torch.testing.assert_close(
        centers[1], torch.tensor([2 * np.cos(2 * np.pi / 5), 2 * np.sin(2 * np.pi / 5)], dtype=torch.float32)
    )
    nearest = torch.cdist(x, centers).argmin(1)
    assert scipy.stats.chisquare(np.bincount(nearest, minlength=5)).pvalue > 0.001
    offsets = (x - centers[nearest]).numpy().ravel()
    assert scipy.stats.kstest(offsets, "norm", args=(0, 0.05)).pvalue > 0.001


def test_latent_grid_of_the_source():
    z = datasets.latent_grid(12, generator=rng())
    noise = z - torch.linspace(-8, 8, 12)[:, None]
    assert z.shape == (12, 1) and noise.min() >= -1e-6 and noise.max() <= 0.01 + 1e-6
    assert (z.diff(dim=0) > 0).all()


def test_latent_grid_by_strata():
    z = datasets.latent_grid(1000, limit=8.0, jitter="stratum", generator=rng())
    strata = torch.floor((z + 8) / 16 * 1000).ravel()
    assert torch.equal(strata, torch.arange(1000.0))  # one latent in each stratum
    within = ((z + 8) / 16 * 1000).ravel().numpy() % 1
    assert scipy.stats.kstest(within, "uniform").pvalue > 0.001


def test_other_latents():
    z = datasets.latent_uniform(5_000, 3, low=-2, high=1, generator=rng())
    assert z.shape == (5_000, 3) and scipy.stats.kstest(z.numpy().ravel(), "uniform", args=(-2, 3)).pvalue > 0.001
    z = datasets.latent_normal(5_000, 3, generator=rng())
    assert z.shape == (5_000, 3) and scipy.stats.kstest(z.numpy().ravel(), "norm").pvalue > 0.001


@pytest.mark.parametrize(
    "sample",
    [
        datasets.gaussian_1d,
        datasets.gaussian_ring,
        datasets.latent_grid,
        datasets.latent_uniform,
        datasets.latent_normal,
    ],
)
def test_the_generator_decides(sample):
    assert torch.equal(sample(50, generator=rng(3)), sample(50, generator=rng(3)))
    assert not torch.equal(sample(50, generator=rng(3)), sample(50, generator=rng(4)))
    for bad in (0, -1, 2.5, "ten", True):
        with pytest.raises(ValueError, match="n must be a whole number of at least 1"):
            sample(bad)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: datasets.gaussian_1d(3, std=0), "std must be a finite number above 0, got 0"),
        (lambda: datasets.gaussian_1d(3, mean=float("nan")), "mean must be a finite number, got nan"),
        (lambda: datasets.gaussian_ring(3, sigma=-1), "sigma must be a finite number at least 0, got -1"),
        (lambda: datasets.latent_grid(3, limit=-8), "limit must be a finite number above 0, got -8"),
        (lambda: datasets.latent_grid(3, jitter="all"), "jitter must be a finite number at least 0, got 'all'"),
        (lambda: datasets.latent_uniform(3, low=1, high=1), "low must be below high, got low=1 and high=1"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
