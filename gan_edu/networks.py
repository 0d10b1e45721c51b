"""Networks of the lessons: multilayer perceptrons, minibatch discrimination, DCGAN."""

import itertools

import torch
from torch import nn

from gan_edu._arguments import check_count


def mlp(*widths, activation=nn.ReLU):
    """Return a multilayer perceptron, linear at its end: mlp(2, 64, 1) maps (N, 2) to (N, 1) through 64 units.

    activation: a module class or a function that makes one (`nn.Tanh`, `lambda: nn.LeakyReLU(0.2)`).
    """
    if len(widths) < 2:
        raise ValueError(f"widths must be at least two numbers, input and output, got {widths!r}")
    layers = []
    for n_in, n_out in itertools.pairwise(check_count("widths", width) for width in widths):
        layers += [nn.Linear(n_in, n_out), activation()]
    return nn.Sequential(*layers[:-1])


@torch.no_grad()
def init_normal_(module):
    """Draw the weights of every nn.Linear from N(0, 1) and set its biases to 0; return the module."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            layer.weight.normal_()
            if layer.bias is not None:
                layer.bias.zero_()
    return module


class MinibatchDiscrimination(nn.Module):
    """Append to each sample how close it is to the rest of its batch: (N, F) -> (N, F + num_kernels).

    Feature k of sample i is the sum over j != i of exp(-||M_ik - M_jk||_1), where M = x T has shape (N, num_kernels,
    kernel_dim). The sample itself is excluded: it would add 1 to every feature. Salimans et al. (2016), section 3.2.
    """

    def __init__(self, in_features, num_kernels=5, kernel_dim=3):
        super().__init__()
        self.num_kernels, self.kernel_dim = num_kernels, kernel_dim
        # The paper's T. Small at first, so that at first all samples look alike.
        self.weight = nn.Parameter(0.02 * torch.randn(in_features, num_kernels * kernel_dim))

    def forward(self, x):
        kernels = (x @ self.weight).reshape(len(x), self.num_kernels, self.kernel_dim)
        distances = (kernels[:, None] - kernels[None]).abs().sum(-1)  # (N, N, num_kernels)
        oneself = torch.eye(len(x), dtype=torch.bool, device=x.device)[..., None]
        distances = distances.masked_fill(oneself, torch.inf)  # exp(-inf) = 0
        return torch.cat([x, torch.exp(-distances).sum(1)], dim=1)

    def extra_repr(self):
        return f"in_features={len(self.weight)}, num_kernels={self.num_kernels}, kernel_dim={self.kernel_dim}"


def up_block(n_in, n_out):
    """Return layers that double the side of a picture: (N, n_in, S, S) -> (N, n_out, 2 S, 2 S), none negative.

    The convolution has no bias: the batch normalisation after it would subtract it again.
    """
    convolution = nn.ConvTranspose2d(n_in, n_out, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(n_out), nn.ReLU())


def down_block(n_in, n_out, norm=True, bias=True):
    """Return layers that halve the side of a picture: (N, n_in, 2 S, 2 S) -> (N, n_out, S, S).

    norm: with batch normalisation; bias: where there is none, whether the convolution has a bias.
    """
    convolution = nn.Conv2d(n_in, n_out, 4, stride=2, padding=1, bias=bias and not norm)
    return nn.Sequential(convolution, *[nn.BatchNorm2d(n_out)] * norm, nn.LeakyReLU(0.2))


class DCGANGenerator(nn.Sequential):
    """Make pictures from latents by transposed convolutions: (N, latent_dim) -> (N, channels, image_size, image_size).

    Outputs lie in (-1, 1). image_size: a power of two, at least 8; each stage doubles the side and halves the channels,
    down to `width` before the last one; bias: of the last layer. 3,576,704 parameters at the defaults. Radford, Metz &
    Chintala (2016), figure 1, with the sizes of the authors' code, which has no bias.
    """

    def __init__(self, latent_dim=100, width=64, channels=3, image_size=64, bias=False):
        widths = _dcgan_widths(width, image_size)[::-1]
        first = nn.ConvTranspose2d(latent_dim, widths[0], 4, bias=False)
        layers = [nn.Unflatten(1, (latent_dim, 1, 1)), first, nn.BatchNorm2d(widths[0]), nn.ReLU()]
        for n_in, n_out in itertools.pairwise(widths):
            layers += up_block(n_in, n_out)
        last = nn.ConvTranspose2d(widths[-1], channels, 4, stride=2, padding=1, bias=bias)
        super().__init__(*layers, last, nn.Tanh())


class DCGANDiscriminator(nn.Sequential):
    """Judge pictures by strided convolutions: (N, channels, image_size, image_size) -> logits (N,).

    image_size: a power of two, at least 8; each stage halves the side and doubles the channels, from `width` on. norm:
    whether there is batch normalisation, never in the first stage. bias: where no normalisation follows; without any all
    layers have one. 2,765,568 parameters at the defaults, those of the authors' code. Radford et al. (2016), section 3.
    """

    def __init__(self, width=64, channels=3, image_size=64, norm=True, bias=False):
        widths, bias = _dcgan_widths(width, image_size), bias or not norm
        layers = [*down_block(channels, widths[0], norm=False, bias=bias)]
        for n_in, n_out in itertools.pairwise(widths):
            layers += down_block(n_in, n_out, norm)
        super().__init__(*layers, nn.Conv2d(widths[-1], 1, 4, bias=bias), nn.Flatten(0))


def _dcgan_widths(width, image_size):
    """Return the channels of the stages from the picture inwards; the innermost has pictures of 4 x 4."""
    width, image_size = check_count("width", width), check_count("image_size", image_size)
    stages = image_size.bit_length() - 3
    if image_size != 4 << stages or stages < 1:
        raise ValueError(f"image_size must be a power of two of at least 8, got {image_size}")
    return [width << stage for stage in range(stages)]


@torch.no_grad()
def init_dcgan_weights_(module):
    """Draw the weights of convolutions from N(0, 0.02²), those of batch normalisation from N(1, 0.02²); return the module.

    Biases become 0. Radford, Metz & Chintala (2016), section 4, for the first; the second as in the authors' code.
    """
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            layer.weight.normal_(0, 0.02)
        elif isinstance(layer, nn.BatchNorm2d):
            layer.weight.normal_(1, 0.02)
        else:
            continue
        if layer.bias is not None:
            layer.bias.zero_()
    return module
