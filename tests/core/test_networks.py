"""Networks against plain loops."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from gan_edu.networks import MinibatchDiscrimination, init_normal_, mlp


def minibatch_features_by_loops(x, weight, num_kernels, kernel_dim):
    """Salimans et al. (2016), section 3.2, sample by sample."""
    kernels = (x @ weight).reshape(len(x), num_kernels, kernel_dim)
    features = np.zeros((len(x), num_kernels))
    for i in range(len(x)):
        for j in range(len(x)):
            for k in range(num_kernels):
                if i != j:
                    features[i, k] += math.exp(-np.abs(kernels[i, k] - kernels[j, k]).sum())
    return np.concatenate([x, features], axis=1)


@pytest.mark.parametrize("n", [1, 2, 13])
def test_minibatch_features(n):
    rng = torch.Generator().manual_seed(n)
    layer = MinibatchDiscrimination(6, num_kernels=4, kernel_dim=2, init_std=0.7)
    x = torch.randn(n, 6, generator=rng)
    expected = minibatch_features_by_loops(
        x.double().numpy(), layer.weight.detach().double().numpy(), 4, 2
    )
    np.testing.assert_allclose(layer(x).detach().numpy(), expected, rtol=1e-5, atol=1e-6)


def test_far_apart_samples_have_exactly_no_likeness():
    """Counting oneself and subtracting 1 afterwards would leave rounding errors here."""
    layer = MinibatchDiscrimination(1, num_kernels=1, kernel_dim=1, init_std=1.0)
    with torch.no_grad():
        layer.weight.fill_(1.0)
    features = layer(torch.tensor([[0.0], [18.0]]))[:, 1]
    torch.testing.assert_close(features, torch.full((2,), math.exp(-18)), rtol=1e-5, atol=0)


def test_minibatch_gradient_is_finite_for_identical_samples():
    layer = MinibatchDiscrimination(2)
    layer(torch.ones(4, 2, requires_grad=True)).sum().backward()
    assert torch.isfinite(layer.weight.grad).all()


@pytest.mark.parametrize("bad", [torch.zeros(3), torch.zeros(3, 5), torch.zeros(1, 3, 4)])
def test_minibatch_names_bad_shapes(bad):
    with pytest.raises(ValueError, match=r"x must have shape \(N, 4\)"):
        MinibatchDiscrimination(4)(bad)


def test_init_normal():
    torch.manual_seed(0)
    network = init_normal_(
        nn.Sequential(nn.Linear(200, 300), MinibatchDiscrimination(300, 40, 10, init_std=0.02))
    )
    assert network[0].weight.std().item() == pytest.approx(1.0, rel=0.02)
    assert network[0].bias.abs().max().item() == 0
    assert network[1].weight.std().item() == pytest.approx(
        0.02, rel=0.02
    )  # is no nn.Linear: keeps its own


def test_mlp():
    network = mlp(2, 5, 7, 1, activation=nn.Tanh)
    assert [type(layer).__name__ for layer in network] == [
        "Linear",
        "Tanh",
        "Linear",
        "Tanh",
        "Linear",
    ]
    assert network(torch.zeros(3, 2)).shape == (3, 1)
    with pytest.raises(ValueError, match="widths must be at least two numbers"):
        mlp(3)
    with pytest.raises(ValueError, match="widths must be a whole number of at least 1, got 0"):
        mlp(3, 0, 1)
