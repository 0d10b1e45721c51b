"""The DCGAN of the package against the published sizes, and its initial weights."""

import pytest
import torch
from torch import nn

from gan_edu.networks import DCGANDiscriminator, DCGANGenerator, init_dcgan_weights_


def n_parameters(module):
    return sum(p.numel() for p in module.parameters())


def test_the_published_sizes():
    assert n_parameters(DCGANGenerator()) == 3_576_704
    assert n_parameters(DCGANDiscriminator()) == 2_765_568


@pytest.mark.parametrize(
    "size, channels, width", [(8, 1, 3), (16, 3, 4), (32, 1, 8), (64, 3, 4), (128, 3, 2)]
)
def test_shapes(size, channels, width):
    generator = DCGANGenerator(latent_dim=7, width=width, channels=channels, image_size=size)
    pictures = generator(torch.randn(5, 7))
    assert pictures.shape == (5, channels, size, size) and pictures.abs().max() <= 1
    assert DCGANDiscriminator(width, channels, size)(pictures).shape == (5,)
    assert DCGANDiscriminator(width, channels, size)(pictures[:1]).shape == (1,)


def test_sides_double_and_channels_halve():
    shapes, x = [], torch.randn(2, 100)
    for layer in DCGANGenerator():
        x = layer(x)
        if isinstance(layer, nn.ConvTranspose2d):
            shapes.append(tuple(x.shape[1:]))
    assert shapes == [(512, 4, 4), (256, 8, 8), (128, 16, 16), (64, 32, 32), (3, 64, 64)]


def test_every_weight_gets_a_gradient():
    generator, discriminator = DCGANGenerator(8, 4, 3, 16), DCGANDiscriminator(4, 3, 16)
    discriminator(generator(torch.randn(6, 8))).sum().backward()
    for module in (generator, discriminator):
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters())


def test_initial_weights():
    module = DCGANGenerator(width=16)
    with torch.no_grad():
        for layer in module:
            if isinstance(layer, nn.BatchNorm2d):
                layer.bias.fill_(3)
    assert init_dcgan_weights_(module, generator=torch.Generator().manual_seed(0)) is module
    convolutions = torch.cat(
        [m.weight.flatten() for m in module if isinstance(m, nn.ConvTranspose2d)]
    )
    assert abs(convolutions.mean()) < 5e-4 and 0.0195 < convolutions.std() < 0.0205
    norms = torch.cat([m.weight for m in module if isinstance(m, nn.BatchNorm2d)])
    assert abs(norms.mean() - 1) < 0.01 and 0.015 < norms.std() < 0.025
    assert all(m.bias.abs().max() == 0 for m in module if isinstance(m, nn.BatchNorm2d))
    again = init_dcgan_weights_(
        DCGANGenerator(width=16), generator=torch.Generator().manual_seed(0)
    )
    assert all(torch.equal(a, b) for a, b in zip(module.parameters(), again.parameters()))


@pytest.mark.parametrize("size", [4, 12, 63, 0, 64.0])
@pytest.mark.parametrize("make", [DCGANGenerator, DCGANDiscriminator])
def test_bad_sizes_are_named(make, size):
    with pytest.raises(ValueError, match="image_size must be a"):
        make(image_size=size)


@pytest.mark.parametrize("arguments", [dict(width=0), dict(channels=0), dict(latent_dim=-1)])
def test_bad_counts_are_named(arguments):
    with pytest.raises(ValueError, match=f"{next(iter(arguments))} must be a whole number"):
        DCGANGenerator(**arguments)
