"""Lesson 12: checks of its exercises whose answers are networks."""

import torch
from torch import nn

from gan_edu.examine import Remark, examine


def faultless(answer, faults, words):
    """Examine an answer by a function that finds its faults: it yields hints, or nothing where there is none."""

    def asked(_):
        for hint in faults(answer):
            raise Remark(hint)
        return 0

    given = asked if callable(answer) else answer
    return examine(given, [(0,)], lambda _: 0, words=words)


def leaves(network):
    return [layer for layer in network.modules() if not list(layer.children())]


def no_module(made):
    """Yield what is wrong with something that is no network."""
    if made is ... or (isinstance(made, (list, tuple)) and ... in made):
        yield "there is still a blank: put your code in the place of each ...."
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


def check_discriminator(answer):
    """Check discriminator(size, width): pictures of 64 × 64 or 128 × 128 (n, 3, size, size) -> logits (n,)."""

    def faults(build):
        for size, n_blocks in ((64, 4), (128, 5)):
            network = build(size, 4)
            yield from no_module(network)
            convolutions = [one for one in leaves(network) if isinstance(one, nn.Conv2d)]
            kinds = [type(layer).__name__ for layer in leaves(network)]
            if "Sigmoid" in kinds:
                yield "no sigmoid: the losses of this course take logits."
            if "Linear" in kinds or any("Pool" in kind for kind in kinds):
                yield "the last layer is a convolution whose kernel covers all 4 × 4 places."
            if len(convolutions) != n_blocks + 1:
                yield f"for {size} × {size} there should be {n_blocks} blocks and a last convolution, there are {len(convolutions)} convolutions. How often must {size} be halved until it is 4?"
            channels = [one.out_channels for one in convolutions]
            wanted = [4 << k for k in range(n_blocks)] + [1]
            if channels != wanted:
                yield f"for width = 4 the convolutions should end in {wanted} channels, yours end in {channels}."
            found = tuple(network(torch.randn(3, 3, size, size)).shape)
            if found == (3, 1, 1, 1):
                yield "each picture has one logit, in the shape (n, 1, 1, 1). nn.Flatten(0) makes it (n,)."
            if found != (3,):
                yield f"(3, 3, {size}, {size}) should become (3,), it becomes {found}."
            if isinstance(leaves(network)[1], nn.BatchNorm2d):
                yield "the first block should have no normalisation: it would take away how bright the batch is, and its contrast."
            if kinds.count("BatchNorm2d") != n_blocks - 1:
                yield f"all blocks but the first have batch normalisation: {n_blocks - 1} for size {size}, yours has {kinds.count('BatchNorm2d')}."
            if convolutions[-1].bias is None:
                yield "no normalisation follows the last convolution. What does it need?"

    return faultless(answer, faults, "64 × 64 and 128 × 128 become one logit.")
