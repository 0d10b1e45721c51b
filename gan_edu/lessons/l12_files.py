"""Lesson 12: checks of its exercises on files: its Dataset, and an array of pictures."""

import pathlib
import tempfile

import numpy as np
import torch
from PIL import Image

from gan_edu.examine import GAP, Remark, examine

FLAT = "the numbers are those of the picture, but `reshape` only cuts the row of numbers anew. Move the axes: permute(2, 0, 1)."


def faultless(answer, faults, words):
    """Examine an answer by a function that finds its faults: it yields hints, or nothing where there is none."""

    def asked(_):
        for hint in faults(answer):
            raise Remark(hint)
        return 0

    given = asked if callable(answer) else answer
    return examine(given, [(0,)], lambda _: 0, words=words)


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


def check_faces(Faces):
    """Check a Dataset of a folder: Faces(folder, size)[k] -> float32 (3, size, size) from -1 to 1."""

    def faults(Faces):
        with tempfile.TemporaryDirectory() as folder:
            for k, picture in enumerate(small_pictures()):
                picture.save(pathlib.Path(folder) / f"{k}.png")
            data = Faces(folder, 48)
            yield from faults_of(data)

    return faultless(Faces, faults, "every picture becomes a tensor, and the loader can ask for it.")  # fmt: skip


def faults_of(data):
    if (n := data.__len__()) is ... or n is None:
        yield GAP
    if n != 3:
        yield f"len(data) should be the number of files, 3 in this test, it is {n}."
    wanted = [prepared(picture.convert("RGB"), 48) for picture in small_pictures()]
    for k, bytes_ in enumerate(wanted):
        x = data[k]
        if x is ... or x is None:
            yield GAP
        if not isinstance(x, torch.Tensor):
            yield f"data[{k}] should be a tensor, it is {type(x).__name__}: torch.from_numpy(np.array(picture))."
        shape = tuple(x.shape)
        if shape == (48, 48, 3):
            yield "the channels stand last, (size, size, 3). A network wants them first: permute."
        if shape in ((48, 48), (1, 48, 48), (4, 48, 48), (48, 48, 4)):
            yield f"some files are grey and some have transparency: this one became {shape}. What does convert of PIL do?"
        if shape != (3, 48, 48):
            yield f"data[{k}] should have the shape (3, size, size), it has {shape} for size = 48. Did you use fit?"
        right = torch.from_numpy(bytes_.copy()).permute(2, 0, 1)
        turned = {
            FLAT: right.permute(1, 2, 0).reshape(right.shape),
            "the picture lies on its side: height comes before width, in numpy and in torch.": right.mT,
            "red and blue have changed places.": right.flip(0),
        }  # fmt: skip
        ranges = {"": (x + 1) * 127.5, "0 to 1": x * 255.0, "0 to 255": x * 1.0, "−0.5 to 0.5": x * 255.0 + 127.5}  # fmt: skip
        for scaled, back in ranges.items():
            if close(back, right) and scaled:
                yield f"the values go from {scaled}. The generator ends in tanh, from −1 to 1: so should the faces."
            for hint, other in turned.items():
                if close(back, other) and not close(other, right):
                    yield hint
        if not close(ranges[""], right):
            if k and torch.equal(x, data[0]):
                yield "data[0] and data[1] are the same picture: __getitem__ should open file number k."
            yield f"x[0, 0, 0] of picture {k} should be {right[0, 0, 0] / 127.5 - 1:.3f}, it is {x[0, 0, 0]:.3f}."
        if x.dtype != torch.float32:
            yield f"the values are right, but of the type {x.dtype}: networks compute in torch.float32."


def close(one, other):
    return (one - other.to(one.dtype)).abs().max() < 2


def check_to_batch(answer):
    """Check grey pictures (H, W, N) of a .npy file -> tensor (N, 1, H, W), the numbers as they are."""

    def given(data):
        found = answer(data)
        if isinstance(found, torch.Tensor) and found.ndim == 3 and len(found) == data.shape[2]:
            raise Remark("the axis of channels is missing: networks want (N, 1, H, W). x[:, None] adds an axis.")  # fmt: skip
        return found

    def by(order):
        return lambda data: torch.from_numpy(data).permute(*order)[:, None]

    def right(data):
        return by((2, 0, 1))(data)

    mistakes = {
        "`reshape` cuts the row of numbers anew: every picture is made of pieces of others. Move the axes with permute.": lambda d: torch.from_numpy(d).reshape(d.shape[2], 1, *d.shape[:2]),
        "the pictures lie on their side: height comes before width.": by((2, 1, 0)),
        "the axes are right, but the numbers have changed: scaling comes later.": lambda d: right(d) / 127.5 - 1,
    }  # fmt: skip
    case = (np.arange(5 * 5 * 4).reshape(5, 5, 4).astype(np.uint8),)
    answer_ = given if callable(answer) else answer
    return examine(answer_, [case], right, mistakes, "picture k of the file is row k of the batch.")
