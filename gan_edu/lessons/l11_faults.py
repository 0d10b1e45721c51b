"""Lesson 11: checks of its exercises whose answers are networks, letters or files."""

import pathlib
import struct
import tempfile

import numpy as np
import torch
from torch import nn

from gan_edu.datasets import load_idx
from gan_edu.examine import faultless

G_WEIGHTS = [(1568, 100), (32, 32, 3, 3), (32,), (16, 32, 3, 3), (16,), (1, 16, 3, 3)]
D_WEIGHTS = [(16, 1, 3, 3), (32, 16, 3, 3), (64, 32, 3, 3), (128, 64, 3, 3), (1, 2048)]
G_NAMES, D_NAMES = (0, 4, 5, 8, 9, 11), (0, 2, 4, 6, 9)  # where these layers stand


# fmt: off
# A hint and when it is told stand on one line.
def misfit(network, shapes, names, x, wanted):
    """Yield what keeps a network from making `wanted` of x with weights of these shapes under these names."""
    yield f"return one nn.Sequential, not {type(network).__name__}.", not isinstance(network, nn.Sequential)
    found = tuple(network(x).shape)
    yield f"{tuple(x.shape)} should become {wanted}, it becomes {found}. Look at the shape after each line.", found != wanted
    weights = {name: tuple(p.shape) for name, p in network.named_parameters() if "weight" in name}
    for k, (one, shape) in enumerate(zip(weights.values(), shapes), 1):
        yield f"the weights of layer {k} of those that have weights should have the shape {shape}, they have {one}.", one != shape
    yield "the layers have the right sizes, but not the order of the comments: stored weights would not fit.", list(weights) != [f"{n}.weight" for n in names]


@faultless("100 numbers become a picture of 28 × 28.")
def check_digit_generator(build):
    """Check a function that builds the generator (n, 100) -> (n, 1, 28, 28)."""
    network = build()
    kinds = [type(layer).__name__ for layer in network.modules()]
    yield "here the picture grows by Upsample, and Conv2d keeps its size.", "ConvTranspose2d" in kinds
    yield "a sigmoid gives 0 to 1. Paper is −1 here: which function gives −1 to 1?", "Sigmoid" in kinds
    yield "the last layer should keep every pixel between −1 and 1.", "Tanh" not in kinds
    yield "batch normalisation belongs after the first two convolutions: the generator may have it.", kinds.count("BatchNorm2d") < 2
    yield "a ReLU is missing. Without it two layers are as good as one.", kinds.count("ReLU") < 3
    yield from misfit(network, G_WEIGHTS, G_NAMES, torch.randn(4, 100), (4, 1, 28, 28))


@faultless("a picture becomes one score.")
def check_digit_critic(build):
    """Check a function that builds the critic (n, 1, 28, 28) -> (n, 1)."""
    network = build()
    kinds = [type(layer).__name__ for layer in network.modules()]
    yield "no batch normalisation in this critic: the penalty needs the slope at each picture alone.", any("BatchNorm" in kind for kind in kinds)
    yield "a critic gives a score, any number: no sigmoid.", "Sigmoid" in kinds
    yield "the picture shrinks by stride=2, without pooling.", any("Pool" in kind for kind in kinds)
    yield "each convolution is followed by a LeakyReLU, also the last.", kinds.count("LeakyReLU") < 4
    yield from misfit(network, D_WEIGHTS, D_NAMES, torch.randn(4, 1, 28, 28), (4, 1))


SLIPS = {  # of the ten lines of section 5: why it is none, or what to ask of somebody who has not found it
    "a": (True, "What does the WGAN of lesson 6 clip?"),
    "b": (True, "What happens with another `batch_size` in `train(…)`?"),
    "c": (True, "Is RMSprop among the settings that lesson 8 quotes from the paper?"),
    "d": (False, "n_critic = 5 and λ = 10 are those of the paper."),
    "e": (False, "this is one sum for each picture, over all its pixels, as it should be. What is done with the sum?"),
    "f": (True, "What is the slope of a root at 0? Section 5 of lesson 8 has a cell that makes every weight nan."),
    "g": (True, "Whose slope is it, if the score depends on the whole batch?"),
    "h": (False, "a critic has no sigmoid."),
    "i": (False, "with −1 at real and 1 at generated pictures the sum of the two losses is minus the gap."),
    "j": (False, "this leads from −1…1 to 0…1."),
}


@faultless("these are the five.", functions=False)
def check_slips(found):
    """Check which of ten lines of the source are slips: a string or a set of letters."""
    yield 'write the letters of the five lines, as in "xyz".', not isinstance(found, (str, set, list, tuple)) or {*map(type, found)} - {str}
    letters = {one for one in "".join(found).lower() if one.isalpha()}
    for one in sorted(letters):
        yield f"there is no line {one}.", one not in SLIPS
        yield f"line {one} is right: {SLIPS[one][1]}", not SLIPS[one][0]
    missing = [one for one, (slip, _) in SLIPS.items() if slip and one not in letters]
    for one in missing[:1]:
        yield f"right so far, {5 - len(missing)} of 5. Look at line {one}. {SLIPS[one][1]}", True


@faultless("load_idx reads your files.")
def check_idx_file(write):
    """Check write(path, array): an array of bytes, with any number of axes, as an IDX file."""
    with tempfile.TemporaryDirectory() as folder:
        for shape in ((3, 4, 5), (300,)):
            array = (np.arange(np.prod(shape)) % 251).astype(np.uint8).reshape(shape)
            path = pathlib.Path(folder) / f"{len(shape)}.idx"
            yield "there is still a blank: put your code in the place of each ....", write(path, array) is ...
            yield "no file was written to path.", not path.exists()
            got, sizes = path.read_bytes(), struct.pack(f">{len(shape)}I", *shape)
            head = bytes([0, 0, 8, len(shape)])
            yield f"an array of {len(shape)} axes should begin with the bytes {list(head)}, yours begins with {list(got[:4])}.", got[:4] != head
            yield 'the bytes of each size stand the wrong way round: the largest part comes first, ">".', got[4 : 4 + len(sizes)] == struct.pack(f"<{len(shape)}I", *shape)
            yield f"after four bytes the sizes {shape} should follow, four bytes each.", got[4 : 4 + len(sizes)] != sizes
            yield f"{array.size} bytes should follow the header, {len(got) - len(head + sizes)} do.", len(got) != len(head + sizes) + array.size
            yield "the numbers come back in another order: array.tobytes() has the right one.", not np.array_equal(load_idx(path), array)
