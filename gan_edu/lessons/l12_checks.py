"""Lesson 12: checks of its exercises on sizes, blocks and waves; those on files are beside it."""

import torch
from torch import nn

from gan_edu.examine import GAP, check, faultless
from gan_edu.lessons.l12_files import check_faces as check_faces
from gan_edu.lessons.l12_files import check_to_batch as check_to_batch


def conv(n, k, s, p):
    return (n + 2 * p - k) // s + 1


def up(n, k, s, p):
    return (n - 1) * s + k - 2 * p


def side(n, k, s, p, transposed, up=up):
    return (up if transposed else conv)(n, k, s, p)


SIDES = [(64, 4, 2, 1, False), (28, 3, 2, 1, False), (1, 4, 1, 0, True), (5, 4, 2, 1, True), (7, 3, 2, 1, True), (6, 2, 3, 0, True)]  # fmt: skip
check_size_out = check(side, SIDES, "torch's layers give the same sizes.", {
    "n stamps make n − 1 moves. The last one does not move on.": dict(up=lambda n, k, s, p: n * s + k - 2 * p),
    "here the padding cuts away, it adds nothing.": dict(up=lambda n, k, s, p: (n - 1) * s + k + 2 * p),
    "the padding cuts at both ends.": dict(up=lambda n, k, s, p: (n - 1) * s + k - p),
    "the last stamp is `kernel` wide, and none of it is counted yet.": dict(up=lambda n, k, s, p: (n - 1) * s - 2 * p),
    "a transposed convolution has its own formula: count how far n stamps reach.": dict(up=conv),
})  # fmt: skip


def power_ratio(x, squared=True, axis=-1, beside=slice(-3, -1)):
    """Return the power at period 2 over the mean of the two next, along the rows of pictures (n, c, S, S)."""
    size = torch.fft.rfft(x, dim=axis).abs()
    size = size.movedim(axis, -1).flatten(0, -2)
    power = size.square().mean(0) if squared else size.mean(0)
    return power[-1] / power[beside].mean()


SEEDED, STRIPES = torch.Generator().manual_seed(0), torch.tensor([1.0, -1.0]).repeat(8)
WAVES = [(torch.randn(5, 3, 16, 16, generator=SEEDED) + 0.4 * STRIPES,), (torch.randn(2, 1, 8, 8, generator=SEEDED),)]  # fmt: skip
check_period_two = check(power_ratio, WAVES, "1 for pictures in which period 2 is nothing special.", {
    "you averaged the sizes. The power is the square: .abs().square().": dict(squared=False),
    "square first, then average: waves of different pictures must not be mixed before.": lambda x: (lambda p: p[-1] / p[-3:-1].mean())(torch.fft.rfft(x).abs().mean((0, 1, 2)).square()),
    "that goes along the columns. rfft takes the last axis: leave dim out.": dict(axis=2),
    "the period-2 wave itself is among its neighbours: power[-3:-1] leaves it out.": dict(beside=slice(-3, None)),
    "compare with the mean of the two next waves, power[-3:-1], not of all.": dict(beside=slice(None)),
    "upside down: power[-1] goes above.": lambda x: 1 / power_ratio(x),
    "waves added up before squaring cancel each other: square, then average over pictures, channels and rows.": lambda x: (lambda p: p[-1] / p[-3:-1].mean())(torch.fft.rfft(x.mean((0, 1, 2))).abs().square()),
})  # fmt: skip


# fmt: off
# A hint and when it is told stand on one line.
def leaves(network):
    return [layer for layer in network.modules() if not list(layer.children())]


def no_module(made):
    """Yield what is wrong with something that is no network."""
    yield GAP, made is ... or (isinstance(made, (list, tuple)) and ... in made)
    yield f"return the layers in one nn.Sequential, not {'nothing' if made is None else type(made).__name__}.", not isinstance(made, nn.Module)


def misshaped(network, given, wanted):
    """Yield where a network makes another shape than wanted."""
    found = tuple(network(torch.randn(given)).shape)
    yield f"{given} should become {wanted}, it becomes {found}. Ask your size_out.", found != wanted


@faultless("twice the side, other channels.")
def check_up_block(answer):
    """Check up_block(n_in, n_out): a transposed convolution that doubles the side, normalised, with a ReLU."""
    block = answer(6, 4)
    yield from no_module(block)
    kinds = [type(layer).__name__ for layer in leaves(block)]
    yield "a DCGAN lets stamps make the picture larger: nn.ConvTranspose2d.", "Upsample" in kinds or "Conv2d" in kinds
    yield "the layer with the stamps is missing: nn.ConvTranspose2d.", "ConvTranspose2d" not in kinds
    layer = next(one for one in leaves(block) if isinstance(one, nn.ConvTranspose2d))
    yield f"the kernel should be 4, it is {layer.kernel_size[0]}.", layer.kernel_size != (4, 4)
    yield from misshaped(block, (2, 6, 5, 5), (2, 4, 10, 10))
    yield "batch normalisation is missing: nn.BatchNorm2d with as many channels as come out.", "BatchNorm2d" not in kinds
    yield "the activation is missing: in the generator a ReLU, without a leak.", "ReLU" not in kinds
    yield "the shapes are right. One thing has no effect: the bias of the convolution, which the normalisation subtracts again.", layer.bias is not None
    yield f"the layers stand in the order {', '.join(kinds)}. First stamp, then normalise, then ReLU.", kinds != ["ConvTranspose2d", "BatchNorm2d", "ReLU"]


@faultless("half the side, and a bias only where no normalisation follows.")
def check_down_block(answer):
    """Check down_block(n_in, n_out, norm=True): a convolution that halves the side, with or without normalisation."""
    for norm in (True, False):
        block = answer(4, 6, norm)
        yield from no_module(block)
        kinds = [type(layer).__name__ for layer in leaves(block)]
        yield "a DCGAN has no pooling: the stride of the convolution halves the picture.", any("Pool" in kind for kind in kinds)
        yield "the convolution is missing: nn.Conv2d.", "Conv2d" not in kinds
        layer = next(one for one in leaves(block) if isinstance(one, nn.Conv2d))
        yield f"the kernel should be 4, it is {layer.kernel_size[0]}.", layer.kernel_size != (4, 4)
        yield from misshaped(block, (2, 4, 10, 10), (2, 6, 5, 5))
        slopes = [one.negative_slope for one in leaves(block) if isinstance(one, nn.LeakyReLU)]
        yield "in the discriminator the activation is a LeakyReLU with the slope 0.2.", slopes != [0.2]
        yield "with norm=True the batch normalisation is missing.", norm and "BatchNorm2d" not in kinds
        yield "with norm=False there should be no batch normalisation.", not norm and "BatchNorm2d" in kinds
        yield "with norm=True the bias of the convolution has no effect: the normalisation subtracts it again.", norm and layer.bias is not None
        yield "with norm=False nothing adds a constant any more: there the convolution needs a bias.", not norm and layer.bias is None
        wanted = ["Conv2d", *(["BatchNorm2d"] if norm else []), "LeakyReLU"]
        yield f"the layers stand in the order {', '.join(kinds)}, it should be {', '.join(wanted)}.", kinds != wanted
