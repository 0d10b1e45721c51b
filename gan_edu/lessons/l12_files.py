"""Lesson 12: checks of its exercises on files: its Dataset, and an array of pictures."""

import pathlib
import tempfile

import numpy as np
import torch
from PIL import Image

from gan_edu.examine import GAP, Remark, check, faultless

FLAT = "the numbers are those of the picture, but `reshape` only cuts the row of numbers anew. Move the axes: permute(2, 0, 1)."


def small_pictures():
    """Return three pictures of other sizes and modes, smooth, so that resizing hardly matters."""
    found = []
    for mode, (h, w) in {"RGB": (90, 120), "L": (70, 66), "RGBA": (64, 100)}.items():
        y, x = np.mgrid[0 : 1 : h * 1j, 0 : 1 : w * 1j]
        channels = [200 * x + 20, 180 * y + 50, 120 * (1 - x) * y + 10, 255 * np.ones_like(x)]
        array = np.stack(channels, 2).round().astype(np.uint8)
        found.append(Image.fromarray(array).convert(mode))
    return found


def prepared(picture, size):
    """Return a picture as the lesson resizes and crops it: bytes (size, size), or with its channels last."""
    scale = size / min(picture.size)
    picture = picture.resize([round(scale * side) for side in picture.size])
    left, top = ((side - size) // 2 for side in picture.size)
    return np.asarray(picture.crop((left, top, left + size, top + size)))


# fmt: off
# A hint and when it is told stand on one line.
@faultless("every picture becomes a tensor, and the loader can ask for it.")
def check_faces(Faces):
    """Check a Dataset of a folder: Faces(folder, size)[k] -> float32 (3, size, size) from -1 to 1."""
    with tempfile.TemporaryDirectory() as folder:
        for k, picture in enumerate(small_pictures()):
            picture.save(pathlib.Path(folder) / f"{k}.png")
        data = Faces(folder, 48)
        yield from faults_of(data)


def faults_of(data):
    yield GAP, (n := data.__len__()) is ... or n is None
    yield f"len(data) should be the number of files, 3 in this test, it is {n}.", n != 3
    wanted = [prepared(picture.convert("RGB"), 48) for picture in small_pictures()]
    for k, bytes_ in enumerate(wanted):
        x = data[k]
        yield GAP, x is ... or x is None
        yield f"data[{k}] should be a tensor, it is {type(x).__name__}: torch.from_numpy(np.array(picture)).", not isinstance(x, torch.Tensor)
        shape = tuple(x.shape)
        yield "the channels stand last, (size, size, 3). A network wants them first: permute.", shape == (48, 48, 3)
        yield f"some files are grey and some have transparency: this one became {shape}. What does convert of PIL do?", shape in ((48, 48), (1, 48, 48), (4, 48, 48), (48, 48, 4))
        yield f"data[{k}] should have the shape (3, size, size), it has {shape} for size = 48. Did you use fit?", shape != (3, 48, 48)
        right = torch.from_numpy(bytes_.copy()).permute(2, 0, 1)
        turned = {
            FLAT: right.permute(1, 2, 0).reshape(right.shape),
            "the picture lies on its side: height comes before width, in numpy and in torch.": right.mT,
            "red and blue have changed places.": right.flip(0),
        }  # fmt: skip
        ranges = {"": (x + 1) * 127.5, "0 to 1": x * 255.0, "0 to 255": x * 1.0, "−0.5 to 0.5": x * 255.0 + 127.5}  # fmt: skip
        for scaled, back in ranges.items():
            yield f"the values go from {scaled}. The generator ends in tanh, from −1 to 1: so should the faces.", close(back, right) and scaled
            for hint, other in turned.items():
                yield hint, close(back, other) and not close(other, right)
        if not close(ranges[""], right):
            yield "data[0] and data[1] are the same picture: __getitem__ should open file number k.", k and torch.equal(x, data[0])
            yield f"x[0, 0, 0] of picture {k} should be {right[0, 0, 0] / 127.5 - 1:.3f}, it is {x[0, 0, 0]:.3f}."
        yield f"the values are right, but of the type {x.dtype}: networks compute in torch.float32.", x.dtype != torch.float32


def close(one, other):
    return (one - other.to(one.dtype)).abs().max() < 2


def with_channels(to_batch, data):
    found = to_batch(data)
    if isinstance(found, torch.Tensor) and found.ndim == 3 and len(found) == data.shape[2]:
        raise Remark("the axis of channels is missing: networks want (N, 1, H, W). x[:, None] adds an axis.")
    return found


def moved(data, order=(2, 0, 1)):
    return torch.from_numpy(data).permute(*order)[:, None]


GREY = np.arange(5 * 5 * 4).reshape(5, 5, 4).astype(np.uint8)
check_to_batch = check(moved, [(GREY,)], "picture k of the file is row k of the batch.", {
    "`reshape` cuts the row of numbers anew: every picture is made of pieces of others. Move the axes with permute.": lambda d: torch.from_numpy(d).reshape(d.shape[2], 1, *d.shape[:2]),
    "the pictures lie on their side: height comes before width.": dict(order=(2, 1, 0)),
    "the axes are right, but the numbers have changed: scaling comes later.": lambda d: moved(d) / 127.5 - 1,
}, given=with_channels)
