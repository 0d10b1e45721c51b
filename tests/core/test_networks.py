"""Networks against plain loops, published sizes and the distributions of their first weights."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from gan_edu.networks import (
    DCGANDiscriminator,
    DCGANGenerator,
    MinibatchDiscrimination,
    init_dcgan_weights_,
    init_normal_,
    mlp,
)


def test_mlp():
    network = mlp(2, 5, 7, 1, activation=nn.Tanh)
    assert [type(layer) for layer in network] == [nn.Linear, nn.Tanh] * 2 + [nn.Linear]
    assert network(torch.zeros(3, 2)).shape == (3, 1)
    with pytest.raises(ValueError, match="widths must be at least two numbers"):
        mlp(3)
    with pytest.raises(ValueError, match="widths must be a whole number of at least 1, got 0"):
        mlp(3, 0, 1)


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
    torch.manual_seed(n)
    layer, x = MinibatchDiscrimination(6, num_kernels=4, kernel_dim=2), torch.randn(n, 6)
    with torch.no_grad():
        layer.weight.mul_(35)
    arrays = (t.detach().double().numpy() for t in (x, layer.weight))
    expected = minibatch_features_by_loops(*arrays, 4, 2)
    np.testing.assert_allclose(layer(x).detach().numpy(), expected, rtol=1e-5, atol=1e-6)


def test_minibatch_features_at_their_ends():
    """Counting oneself and subtracting 1 afterwards would leave rounding errors far apart."""
    layer = MinibatchDiscrimination(1, num_kernels=1, kernel_dim=1)
    with torch.no_grad():
        layer.weight.fill_(1.0)
    features = layer(torch.tensor([[0.0], [18.0]]))[:, 1]
    torch.testing.assert_close(features, torch.full((2,), math.exp(-18)), rtol=1e-5, atol=0)
    layer(torch.ones(4, 1)).sum().backward()  # identical samples
    assert torch.isfinite(layer.weight.grad).all()


def test_init_normal():
    torch.manual_seed(0)
    network = init_normal_(nn.Sequential(nn.Linear(200, 300), MinibatchDiscrimination(300, 40, 10)))
    assert network[0].weight.std().item() == pytest.approx(1.0, rel=0.02)
    assert network[0].bias.abs().max().item() == 0
    assert network[1].weight.std().item() == pytest.approx(0.02, rel=0.02)  # is no nn.Linear


# ---- DCGAN


def test_the_published_sizes():
    sizes = [
        sum(p.numel() for p in net.parameters()) for net in (DCGANGenerator(), DCGANDiscriminator())
    ]
    assert sizes == [3_576_704, 2_765_568]
    shapes, x = [], torch.randn(2, 100)
    for layer in DCGANGenerator():
        x = layer(x)
        if isinstance(layer, nn.ConvTranspose2d):
            shapes.append(tuple(x.shape[1:]))
    assert shapes == [(512, 4, 4), (256, 8, 8), (128, 16, 16), (64, 32, 32), (3, 64, 64)]


@pytest.mark.parametrize("size, channels, width", [(8, 1, 3), (16, 3, 4), (128, 3, 2)])
@pytest.mark.parametrize("norm", [True, False])
def test_shapes_and_gradients(size, channels, width, norm):
    generator = DCGANGenerator(latent_dim=7, width=width, channels=channels, image_size=size)
    discriminator = DCGANDiscriminator(width, channels, size, norm=norm)
    pictures = generator(torch.randn(5, 7))
    assert pictures.shape == (5, channels, size, size) and pictures.abs().max() <= 1
    assert discriminator(pictures[:1]).shape == (1,)
    discriminator(pictures).square().sum().backward()
    for p in (*generator.parameters(), *discriminator.parameters()):
        assert p.grad is not None and p.grad.abs().sum() > 0


def test_initial_weights():
    torch.manual_seed(0)
    module = DCGANGenerator(width=16, bias=True)
    norms = [layer for layer in module if isinstance(layer, nn.BatchNorm2d)]
    convolutions = [layer for layer in module if isinstance(layer, nn.ConvTranspose2d)]
    nn.init.ones_(norms[0].bias)
    assert init_dcgan_weights_(module) is module
    weights = torch.cat([layer.weight.flatten() for layer in convolutions])
    assert abs(weights.mean()) < 5e-4 and 0.0195 < weights.std() < 0.0205
    scales = torch.cat([layer.weight for layer in norms])
    assert abs(scales.mean() - 1) < 0.01 and 0.015 < scales.std() < 0.025
    assert all(layer.bias.abs().max() == 0 for layer in (*norms, convolutions[-1]))


@pytest.mark.parametrize("size", [4, 12, 0, 64.0])
@pytest.mark.parametrize("make", [DCGANGenerator, DCGANDiscriminator])
def test_bad_sizes_are_named(make, size):
    with pytest.raises(ValueError, match="image_size must be a"):
        make(image_size=size)
