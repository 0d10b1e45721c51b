"""Lesson 12: checks of its exercises on sizes, blocks and waves; those on files are beside it."""

import torch
from torch import nn

from gan_edu.examine import GAP, examine
from gan_edu.lessons.l12_files import check_faces as check_faces
from gan_edu.lessons.l12_files import check_to_batch as check_to_batch
from gan_edu.lessons.l12_files import faultless


def conv(n, k, s, p):
    return (n + 2 * p - k) // s + 1


def up(n, k, s, p):
    return (n - 1) * s + k - 2 * p


def check_size_out(answer):
    """Check size_out(n, kernel, stride, padding, transposed) -> the side that comes out of Conv2d or ConvTranspose2d."""

    def sizes(up=up):
        return lambda n, k, s, p, transposed: (up if transposed else conv)(n, k, s, p)

    mistakes = {
        "n stamps make n − 1 moves. The last one does not move on.": sizes(up=lambda n, k, s, p: n * s + k - 2 * p),
        "here the padding cuts away, it adds nothing.": sizes(up=lambda n, k, s, p: (n - 1) * s + k + 2 * p),
        "the padding cuts at both ends.": sizes(up=lambda n, k, s, p: (n - 1) * s + k - p),
        "the last stamp is `kernel` wide, and none of it is counted yet.": sizes(up=lambda n, k, s, p: (n - 1) * s - 2 * p),
        "a transposed convolution has its own formula: count how far n stamps reach.": sizes(up=conv),
    }  # fmt: skip
    cases = [(64, 4, 2, 1, False), (28, 3, 2, 1, False)]
    cases += [(1, 4, 1, 0, True), (5, 4, 2, 1, True), (7, 3, 2, 1, True), (6, 2, 3, 0, True)]
    return examine(answer, cases, sizes(), mistakes, "torch's layers give the same sizes.")


def power_ratio(x, squared=True, axis=-1, beside=slice(-3, -1)):
    """Return the power at period 2 over the mean of the two next, along the rows of pictures (n, c, S, S)."""
    size = torch.fft.rfft(x, dim=axis).abs()
    size = size.movedim(axis, -1).flatten(0, -2)
    power = size.square().mean(0) if squared else size.mean(0)
    return power[-1] / power[beside].mean()


def check_period_two(answer):
    """Check pictures (n, c, S, S) -> power of the waves of period 2 along the rows, over the mean of the two next."""
    waves = {
        "you averaged the sizes. The power is the square: .abs().square().": lambda x: power_ratio(x, squared=False),
        "square first, then average: waves of different pictures must not be mixed before.": lambda x: (lambda p: p[-1] / p[-3:-1].mean())(torch.fft.rfft(x).abs().mean((0, 1, 2)).square()),
        "that goes along the columns. rfft takes the last axis: leave dim out.": lambda x: power_ratio(x, axis=2),
        "the period-2 wave itself is among its neighbours: power[-3:-1] leaves it out.": lambda x: power_ratio(x, beside=slice(-3, None)),
        "compare with the mean of the two next waves, power[-3:-1], not of all.": lambda x: power_ratio(x, beside=slice(None)),
        "upside down: power[-1] goes above.": lambda x: 1 / power_ratio(x),
        "waves added up before squaring cancel each other: square, then average over pictures, channels and rows.": lambda x: (lambda p: p[-1] / p[-3:-1].mean())(torch.fft.rfft(x.mean((0, 1, 2))).abs().square()),
    }  # fmt: skip
    seeded = torch.Generator().manual_seed(0)
    stripes = torch.tensor([1.0, -1.0]).repeat(8)
    cases = [(torch.randn(5, 3, 16, 16, generator=seeded) + 0.4 * stripes,)]
    cases += [(torch.randn(2, 1, 8, 8, generator=seeded),)]
    return examine(answer, cases, power_ratio, waves, "1 for pictures in which period 2 is nothing special.")  # fmt: skip


def leaves(network):
    return [layer for layer in network.modules() if not list(layer.children())]


def no_module(made):
    """Yield what is wrong with something that is no network."""
    if made is ... or (isinstance(made, (list, tuple)) and ... in made):
        yield GAP
    if not isinstance(made, nn.Module):
        yield f"return the layers in one nn.Sequential, not {'nothing' if made is None else type(made).__name__}."


def misshaped(network, given, wanted):
    """Yield where a network makes another shape than wanted."""
    found = tuple(network(torch.randn(given)).shape)
    if found != wanted:
        yield f"{given} should become {wanted}, it becomes {found}. Ask your size_out."


def check_up_block(answer):
    """Check up_block(n_in, n_out): a transposed convolution that doubles the side, normalised, with a ReLU."""

    def faults(build):
        block = build(6, 4)
        yield from no_module(block)
        kinds = [type(layer).__name__ for layer in leaves(block)]
        if "Upsample" in kinds or "Conv2d" in kinds:
            yield "a DCGAN lets stamps make the picture larger: nn.ConvTranspose2d."
        if "ConvTranspose2d" not in kinds:
            yield "the layer with the stamps is missing: nn.ConvTranspose2d."
        layer = next(one for one in leaves(block) if isinstance(one, nn.ConvTranspose2d))
        if layer.kernel_size != (4, 4):
            yield f"the kernel should be 4, it is {layer.kernel_size[0]}."
        yield from misshaped(block, (2, 6, 5, 5), (2, 4, 10, 10))
        if "BatchNorm2d" not in kinds:
            yield "batch normalisation is missing: nn.BatchNorm2d with as many channels as come out."
        if "ReLU" not in kinds:
            yield "the activation is missing: in the generator a ReLU, without a leak."
        if layer.bias is not None:
            yield "the shapes are right. One thing has no effect: the bias of the convolution, which the normalisation subtracts again."
        if kinds != ["ConvTranspose2d", "BatchNorm2d", "ReLU"]:
            yield f"the layers stand in the order {', '.join(kinds)}. First stamp, then normalise, then ReLU."

    return faultless(answer, faults, "twice the side, other channels.")


def check_down_block(answer):
    """Check down_block(n_in, n_out, norm=True): a convolution that halves the side, with or without normalisation."""

    def faults(build):
        for norm in (True, False):
            block = build(4, 6, norm)
            yield from no_module(block)
            kinds = [type(layer).__name__ for layer in leaves(block)]
            if any("Pool" in kind for kind in kinds):
                yield "a DCGAN has no pooling: the stride of the convolution halves the picture."
            if "Conv2d" not in kinds:
                yield "the convolution is missing: nn.Conv2d."
            layer = next(one for one in leaves(block) if isinstance(one, nn.Conv2d))
            if layer.kernel_size != (4, 4):
                yield f"the kernel should be 4, it is {layer.kernel_size[0]}."
            yield from misshaped(block, (2, 4, 10, 10), (2, 6, 5, 5))
            slopes = [one.negative_slope for one in leaves(block) if isinstance(one, nn.LeakyReLU)]
            if slopes != [0.2]:
                yield "in the discriminator the activation is a LeakyReLU with the slope 0.2."
            if norm and "BatchNorm2d" not in kinds:
                yield "with norm=True the batch normalisation is missing."
            if not norm and "BatchNorm2d" in kinds:
                yield "with norm=False there should be no batch normalisation."
            if norm and layer.bias is not None:
                yield "with norm=True the bias of the convolution has no effect: the normalisation subtracts it again."
            if not norm and layer.bias is None:
                yield "with norm=False nothing adds a constant any more: there the convolution needs a bias."
            wanted = ["Conv2d", *(["BatchNorm2d"] if norm else []), "LeakyReLU"]
            if kinds != wanted:
                yield f"the layers stand in the order {', '.join(kinds)}, it should be {', '.join(wanted)}."

    return faultless(answer, faults, "half the side, and a bias only where no normalisation follows.")  # fmt: skip
