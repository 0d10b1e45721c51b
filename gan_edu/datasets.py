"""Data to imitate and latents to start from, as float32 tensors of shape (n, dimension).

Every function takes `generator=`, a torch.Generator; without it torch's global one is used.
"""

import math

import torch

from gan_edu._arguments import check_count, check_number


def gaussian_1d(n, mean=4.0, std=0.5, generator=None):
    """Return n samples of N(mean, std^2), shape (n, 1)."""
    n, std = check_count("n", n), check_number("std", std, low=0, low_open=True)
    return check_number("mean", mean) + std * torch.randn(n, 1, generator=generator)


def gaussian_ring(n, num_modes=8, radius=1.0, sigma=0.01, generator=None):
    """Return n samples of equal Gaussians with their centres on a circle, shape (n, 2); see `ring_centers`."""
    n, sigma = check_count("n", n), check_number("sigma", sigma, low=0)
    centers = ring_centers(num_modes, radius)
    chosen = torch.randint(len(centers), (n,), generator=generator)
    return centers[chosen] + sigma * torch.randn(n, 2, generator=generator)


def ring_centers(num_modes=8, radius=1.0):
    """Return the centres of `gaussian_ring`, shape (num_modes, 2), anticlockwise from (radius, 0)."""
    angles = torch.arange(check_count("num_modes", num_modes)) * (2 * math.pi / num_modes)
    return check_number("radius", radius, low=0) * torch.stack([angles.cos(), angles.sin()], dim=1)


def latent_grid(n, limit=8.0, jitter=0.01, generator=None):
    """Return n latents on an even grid over [-limit, limit], each moved by uniform noise in [0, jitter), shape (n, 1).

    The latents of the 1-D lesson's source: sorted and stratified, so that a batch covers the line evenly.
    With jitter="stratum" each latent is uniform in its own stratum of width 2 limit / n, so that the batches of a
    training run reach every point of [-limit, limit] and not only n neighbourhoods of it.
    """
    n, limit = check_count("n", n), check_number("limit", limit, low=0, low_open=True)
    noise = torch.rand(n, 1, generator=generator)
    if jitter == "stratum":
        return (2 * (torch.arange(n)[:, None] + noise) / n - 1) * limit
    return torch.linspace(-limit, limit, n)[:, None] + check_number("jitter", jitter, low=0) * noise


def latent_uniform(n, latent_dim=1, low=-1.0, high=1.0, generator=None):
    """Return n latents, uniform on [low, high)^latent_dim, shape (n, latent_dim)."""
    low, high = check_number("low", low), check_number("high", high)
    if not low < high:
        raise ValueError(f"low must be below high, got low={low:g} and high={high:g}")
    shape = check_count("n", n), check_count("latent_dim", latent_dim)
    return low + (high - low) * torch.rand(*shape, generator=generator)


def latent_normal(n, latent_dim=1, std=1.0, generator=None):
    """Return n latents of N(0, std^2), each number independent, shape (n, latent_dim)."""
    shape = check_count("n", n), check_count("latent_dim", latent_dim)
    return check_number("std", std, low=0, low_open=True) * torch.randn(*shape, generator=generator)
