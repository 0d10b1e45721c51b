"""Loaders of real faces: folders of pictures and .npy stacks."""

import itertools
import os
import pathlib
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from PIL import Image, ImageOps

from gan_edu._arguments import check_count
from gan_edu.first_edition.runtime import progress

PICTURES = (
    ".bmp",
    ".gif",
    ".jpeg",
    ".jpg",
    ".pbm",
    ".pgm",
    ".png",
    ".ppm",
    ".tif",
    ".tiff",
    ".webp",
)
LAYOUTS = ("HWN", "NHW", "NHWC")
THREADS = min(8, os.cpu_count() or 1)
BLOCK = 256  # pictures read at a time, at most: the memory needed besides the result


def load_faces(path, size=64, layout=None):
    """Return the faces in a folder, a file or a list of these, uint8 (n, 3, size, size), grey ones with equal channels.

    path: a folder is searched through, its files in the order of their names. Pictures (CelebA's, say) are turned as
    their EXIF data says and laid on white where transparent. A .npy file holds a stack of pictures, grey as (H, W, N)
    or (N, H, W), or in colour as (N, H, W, 3); where its shape leaves that open, say layout="HWN", "NHW" or "NHWC".
    Its numbers are uint8, or floats: from 0 to 1 if the largest in the file is at most 1, else from 0 to 255.
    Each face is scaled until its short side is `size` pixels long, then cropped to the middle of the long one.

    Pictures that cannot be read are skipped, and one warning names them. FileNotFoundError for a missing path;
    ValueError for a .npy file with other contents, and where no face is left.
    """
    size = check_count("size", size)
    if layout is not None and layout not in LAYOUTS:
        raise ValueError(
            f"layout must be one of {', '.join(map(repr, LAYOUTS))} or None, got {layout!r}"
        )
    files = _files(path)
    stacks = {file: _open_stack(file, layout) for file in files if file.suffix.lower() == ".npy"}
    total = sum(len(stacks[file]) if file in stacks else 1 for file in files)
    images, broken = _collect(_pictures(files, stacks, size), total, size)
    if broken:
        named = "; ".join(broken[:5]) + (f"; and {len(broken) - 5} more" if len(broken) > 5 else "")
        if len(broken) == total:
            raise ValueError(
                f"path must name pictures of faces, but none of {total} could be read: {named}"
            )
        warnings.warn(
            f"skipped {len(broken)} of {total} pictures that could not be read: {named}",
            stacklevel=2,
        )
    return images


def _collect(pictures, total, size):
    """Return the faces among what is yielded, uint8 (n, 3, size, size), and the texts, which tell of faults."""
    images, faults, n = torch.empty(total, 3, size, size, dtype=torch.uint8), [], 0
    for picture in progress(pictures, "loading faces", total):
        if isinstance(picture, str):
            faults.append(picture)
        else:
            images[n] = torch.from_numpy(picture)
            n += 1
    return images[:n], faults


def _files(path):
    """Return the picture and .npy files that the user means."""
    if isinstance(path, list | tuple):
        if not path:
            raise ValueError("path must name at least one folder or file, got an empty list")
        return [file for one in path for file in _files(one)]
    try:
        path = pathlib.Path(path)
    except TypeError:
        raise ValueError(
            f"path must be the name of a folder or file, or a list of names, got {path!r}"
        ) from None
    if path.is_dir():
        return _search(path)
    if not path.exists():
        raise FileNotFoundError(f"path must name a folder or file of faces, but there is no {path}")
    if path.suffix.lower() not in (*PICTURES, ".npy"):
        kinds = ", ".join(PICTURES)
        raise ValueError(
            f"path must name a folder, a .npy file or a picture ({kinds}), got {path}; unpack archives first"
        )
    return [path]


def _search(folder):
    files = []
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        names = sorted(
            name for name in names if not name.startswith(".")
        )  # other systems' notes, ._1.jpg, .DS_Store
        files += [
            pathlib.Path(where, name)
            for name in names
            if name.lower().endswith((*PICTURES, ".npy"))
        ]
    if not files:
        kinds = ", ".join(PICTURES)
        raise ValueError(
            f"path must name a folder with faces, but {folder} has no picture ({kinds}) and no .npy file"
        )
    return files


def _open_stack(file, layout):
    """Return the array in the file, still on the disk, as (N, H, W) or (N, H, W, 3)."""
    try:
        stack = np.load(file, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"{file} is no readable .npy file of numbers: {error}") from error
    if not isinstance(stack, np.ndarray):  # a .npz archive under a wrong name
        raise ValueError(
            f"{file} is an archive of several arrays; save the faces' own with numpy.save"
        )
    if stack.dtype != np.uint8 and stack.dtype.kind != "f":
        raise ValueError(
            f"{file} must hold uint8, or floats from 0 to 1 or from 0 to 255, got {stack.dtype}"
        )
    shape = "×".join(map(str, stack.shape)) or "()"
    layout = layout or _guess_layout(file, stack.shape, shape)
    if stack.ndim != len(layout) or (layout == "NHWC" and stack.shape[3] != 3):
        raise ValueError(
            f"{file} must have the shape {layout}, with C = 3 colours if any, got {shape}"
        )
    if stack.size == 0:
        raise ValueError(f"{file} must hold at least one face, got the shape {shape}")
    return np.moveaxis(stack, layout.index("N"), 0)


def _guess_layout(file, shape, shown):
    if len(shape) == 4:
        return "NHWC"
    if len(shape) != 3:
        raise ValueError(
            f"{file} must have the shape (H, W, N), (N, H, W) or (N, H, W, 3), got {shown}"
        )
    a, b, c = shape
    if a == b != c and c != 3:  # three grey faces, or one in colour?
        return "HWN"
    if b == c != a and a != 3:
        return "NHW"
    raise ValueError(
        f'{file} has the shape {shown}, which can be read in several ways: say layout="HWN" or layout="NHW"'
    )


def _pictures(files, stacks, size):
    """Yield one after another the faces, uint8 (3, size, size) or grey (size, size), or why one cannot be read."""
    with ThreadPoolExecutor(
        THREADS
    ) as pool:  # Pillow lets go of the interpreter while it decodes and scales
        for is_stack, group in itertools.groupby(files, lambda file: file in stacks):
            if is_stack:
                for file in group:
                    yield from _read_stack(file, stacks[file], size, pool)
            else:
                group = list(group)
                for start in range(0, len(group), BLOCK):
                    yield from pool.map(
                        _read_picture, group[start : start + BLOCK], itertools.repeat(size)
                    )


def _read_picture(file, size):
    try:
        with Image.open(file) as picture:
            picture = ImageOps.exif_transpose(picture)
            if picture.mode.startswith(("I", "F")):  # more than 8 bits
                array, whites = np.asarray(picture), (1, 255) if picture.mode == "F" else (65535,)
                picture = Image.fromarray(_to_uint8(array, _white("it", array, whites)))
            if picture.has_transparency_data:
                picture = picture.convert("RGBA")
                picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
            return _fit(picture.convert("RGB"), size)
    except Exception as error:  # the decoders of broken files raise whatever they stumble over
        return f"{file} ({error or type(error).__name__})"


def _read_stack(name, stack, size, pool):
    white = 255 if stack.dtype == np.uint8 else _white(name, stack, (1, 255))
    for block in _blocks(stack):
        yield from pool.map(
            _fit, map(Image.fromarray, _to_uint8(block, white)), itertools.repeat(size)
        )


def _blocks(stack):
    """Return the parts of the stack that are read at a time."""
    step = max(1, min(BLOCK, 2**23 // stack[0].size))
    return [stack[start : start + step] for start in range(0, len(stack), step)]


def _white(name, array, whites):
    """Return the smallest of `whites` that no number exceeds; ValueError for negative and larger ones and NaN."""
    low = np.min([block.min() for block in _blocks(array)])  # numpy's, which hands NaN on
    high = np.max([block.max() for block in _blocks(array)])
    if not (low >= 0 and high <= whites[-1]):
        expected = " or ".join(f"from 0 to {white}" for white in whites)
        raise ValueError(f"{name} must hold numbers {expected}, got some from {low:g} to {high:g}")
    return min(white for white in whites if high <= white)


def _to_uint8(array, white):
    if array.dtype != np.uint8:
        array = np.floor(array.astype(np.float32) * (255 / white) + 0.5).astype(np.uint8)
    return np.ascontiguousarray(array)


def _fit(picture, size):
    """Return the picture scaled and cropped to the square, uint8 (3, size, size), or (size, size) if it is grey."""
    array = np.asarray(ImageOps.fit(picture, (size, size), Image.Resampling.BICUBIC))
    return np.array(array.transpose(2, 0, 1) if array.ndim == 3 else array)
