"""Faces of your own: folders of photos of any size, and .npy files."""

import pathlib
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

from gan_edu._arguments import check_count
from gan_edu.log import progress

KNOWN = tuple(".jpg .jpeg .png .webp .bmp .gif .tif .tiff .pgm .ppm .heic .avif .npy".split())
BLOCK = 256  # pictures of a .npy file that are in memory at a time
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # phones have 100 MP


def load_faces(path, size=64, layout=None):
    """Return the faces in a folder, a file or a list of these, uint8 (n, 3, size, size); grey ones get equal channels.

    path: a folder is searched with its subfolders, in the order of the names. Photos are turned as their EXIF data says,
    laid on white where they are transparent, scaled until the short side has `size` pixels, and cropped to the middle.
    A .npy file holds uint8, or floats from 0 to 1 or to 255: grey as (H, W, N) or (N, H, W), in colour as (N, H, W, 3);
    layout: "HWN", "NHW" or "NHWC", where the shape leaves this open. A file that cannot be read is left out, with a
    warning. FileNotFoundError where there is no such path, ValueError where no face is left.
    """
    size = check_count("size", size)
    if layout not in (None, "HWN", "NHW", "NHWC"):
        raise ValueError(f"layout must be one of 'HWN', 'NHW', 'NHWC' or None, got {layout!r}")
    files, found, faults = _files(path), [], []

    def read(file):
        stack = file.suffix.lower() == ".npy"
        try:
            return _stack(file, size, layout) if stack else _photo(file, size)[None]
        except UnidentifiedImageError:
            unknown = "not a kind of picture that can be read: save it as JPEG or PNG"
            return f"{file} ({unknown if file.stat().st_size else 'the file is empty'})"
        except Exception as fault:  # decoders of broken files raise whatever they stumble over
            return f"{file} ({str(fault) or type(fault).__name__})"

    with ThreadPoolExecutor(8) as pool, progress(total=len(files), desc="loading faces") as bar:
        for one in pool.map(read, files):  # Pillow decodes beside the interpreter
            (faults if isinstance(one, str) else found).append(one)
            bar.update()
    if faults:
        named = "; ".join(faults[:5]) + (f"; and {len(faults) - 5} more" if faults[5:] else "")
        read = f"{len(files) - len(faults)} of {len(files)} files were read"
        if not found:
            raise ValueError(f"path must name pictures of faces, but {read}. Not read: {named}")
        warnings.warn(f"{read}. Not read: {named}", stacklevel=2)
    return torch.from_numpy(np.concatenate(found))


def _files(path):
    """Return the pictures and .npy files that are meant, in their order."""
    if isinstance(path, list | tuple) and path:
        return [file for one in path for file in _files(one)]
    if not isinstance(path, str | pathlib.Path):
        raise ValueError(f"path must name a folder or file, or list some, got {path!r}")
    path = pathlib.Path(path)
    if not path.exists():
        raise FileNotFoundError(f"path must name a folder or file of faces, there is no {path}")
    inside = [path] if path.is_file() else sorted(path.rglob("*"))
    hidden = [any(one[:1] == "." for one in file.relative_to(path).parts) for file in inside]
    files = [file for file, no in zip(inside, hidden) if not no and file.suffix.lower() in KNOWN]
    if not files:
        raise ValueError(f"path must name a folder or file of {', '.join(KNOWN)}, got {path}")
    return files


def _photo(file, size):
    with Image.open(file) as picture:
        picture.draft("RGB", (2 * size, 2 * size))  # a large JPEG need not be decoded in full
        picture = ImageOps.exif_transpose(picture)
        if picture.mode.startswith(("I", "F")):  # more than 8 bits
            if picture.mode == "F" or not 0 <= np.min(picture) <= np.max(picture) <= 65535:
                raise ValueError("its numbers are not whole ones of 8 or 16 bits")
            picture = Image.fromarray((np.asarray(picture) / 257 + 0.5).astype(np.uint8))
        if picture.has_transparency_data:
            picture = picture.convert("RGBA")
            picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
        return _fit(picture.convert("RGB"), size)


def _stack(file, size, layout):
    stack = np.load(file, mmap_mode="r", allow_pickle=False)  # pickles could run code
    kind = getattr(stack, "dtype", "several arrays")
    if kind != np.uint8 and getattr(kind, "kind", "") != "f":
        raise ValueError(f"it must hold one array of uint8 or floats, it holds {kind}")
    shape = stack.shape
    if len(shape) not in (3, 4):
        raise ValueError(f"its shape must be (H, W, N), (N, H, W) or (N, H, W, 3), it is {shape}")
    a, b, c, *colours = shape
    if not (layout or colours) and ((a == b) == (b == c) or 3 in (a, c)):  # (3, H, W): in colour?
        raise ValueError(f'{shape} can be read in two ways: say layout="HWN" or layout="NHW"')
    layout = layout or ("NHWC" if colours else "HWN" if a == b else "NHW")
    if colours != [3] * (layout == "NHWC") or not stack.size:
        raise ValueError(f"its shape must be {layout} (C = 3 colours), it is {shape}")
    low, high = stack.min(), stack.max()
    if not 0 <= low <= high <= 255:  # also where one is nan
        raise ValueError(f"floats must go from 0 to 1 or to 255, these go from {low} to {high}")
    scale = np.float32(255 if kind != np.uint8 and high <= 1 else 1)
    stack, faces = np.moveaxis(stack, layout.index("N"), 0), []
    for start in range(0, len(stack), BLOCK):
        block = (stack[start : start + BLOCK] * scale + 0.5).astype(np.uint8)  # rounded
        faces += [_fit(Image.fromarray(face), size) for face in block]
    return np.stack(faces)


def _fit(picture, size):
    """Return the picture scaled and cropped to the square, uint8 (3, size, size)."""
    picture = ImageOps.fit(picture.convert("RGB"), (size, size), Image.Resampling.BICUBIC)
    return np.asarray(picture).transpose(2, 0, 1)
