"""Loaded faces against arrays made by hand, and files of which each is bad in its own way."""

import io
import pathlib
import pickle
import re
import struct
import warnings
import zlib

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from gan_edu.faces import files as face_files
from gan_edu.faces import load_faces


def gradient(height, width):
    """A colour picture, uint8 (height, width, 3), that looks different after any turn, flip or swap of colours."""
    y, x = np.mgrid[:height, :width]
    colours = [255 * x / width, 255 * y / height, 100 + 60 * x / width - 40 * y / height]
    return np.stack(colours, axis=2).astype(np.uint8)


def saved(path, array, mode=None, **options):
    """Save the array as a picture and return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array, mode).save(path, **options)
    return path


def chw(array):
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(array, -1, -3)))


@pytest.fixture
def stack():
    return np.random.default_rng(0).integers(0, 256, (7, 20, 20, 3), dtype=np.uint8)


def test_layouts_of_arrays(tmp_path, stack):
    grey, path = stack[..., 0], tmp_path / "faces.npy"
    same = torch.from_numpy(grey)[:, None].expand(-1, 3, -1, -1)
    for layout, array in (("NHW", grey), ("HWN", grey.transpose(1, 2, 0)), ("NHWC", stack)):
        np.save(path, np.array(array, order="F"))
        for given in (None, layout):
            loaded = load_faces(path, size=20, layout=given)
            assert torch.equal(loaded, chw(stack) if layout == "NHWC" else same)
    np.save(path, grey.transpose(1, 2, 0)[:, :, :1])  # one face
    assert torch.equal(load_faces(path, size=20)[0, 1], torch.from_numpy(grey[0]))


@pytest.mark.parametrize("shape", [(18, 20, 22), (3, 20, 20)])
def test_layouts_that_are_open_can_be_said(tmp_path, shape):
    path, array = tmp_path / "faces.npy", np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    np.save(path, array)
    with pytest.raises(ValueError, match=r'two ways: say layout="HWN" or layout="NHW"'):
        load_faces(path)
    assert len(load_faces(path, size=8, layout="HWN")) == shape[2]
    loaded = load_faces(path, size=min(shape[1:]), layout="NHW")
    trim = [(side - min(shape[1:])) // 2 for side in shape[1:]]
    middle = array[:, trim[0] : shape[1] - trim[0], trim[1] : shape[2] - trim[1]]
    assert torch.equal(loaded[:, 0], torch.from_numpy(middle))


@pytest.mark.parametrize("dtype", [np.float16, np.float64, ">f4"])
def test_floats(tmp_path, stack, dtype, monkeypatch):
    monkeypatch.setattr(face_files, "BLOCK", 3)  # several blocks
    np.save(tmp_path / "one.npy", (stack / 255).astype(dtype))
    np.save(tmp_path / "whole.npy", stack.astype(dtype))
    for name in ("one.npy", "whole.npy"):
        assert torch.equal(load_faces(tmp_path / name, size=20), chw(stack)), name
    np.save(tmp_path / "fractions.npy", np.full((2, 8, 8), 100.6, dtype))
    assert load_faces(tmp_path / "fractions.npy", size=8).unique().tolist() == [101]


def test_folders_are_searched_in_order(tmp_path, stack):
    names = ["a/1.png", "a/2.PNG", "b/c/0.bmp", "b/1.tiff", "0.webp", "9.ppm"]
    for name, face in zip(names, stack):
        saved(tmp_path / name, face, **({"lossless": True} if name.endswith("webp") else {}))
    np.save(tmp_path / "b" / "2.npy", stack[6:])
    for other in ("notes.txt", ".hidden.png", "a/._1.png", ".cache/0.png", "list.csv"):
        (tmp_path / other).parent.mkdir(exist_ok=True)
        (tmp_path / other).write_text("no picture")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing else is tried
        loaded = load_faces(tmp_path, size=20)
    assert torch.equal(loaded, chw(stack[[4, 5, 0, 1, 3, 6, 2]]))
    chosen = load_faces([tmp_path / "b" / "c", str(tmp_path / "a" / "2.PNG")], size=20)
    assert torch.equal(chosen, chw(stack[[2, 1]]))


RGB = gradient(24, 24)
GREY = RGB[..., :1] + np.zeros(3)
ALPHA = np.linspace(0, 255, 24 * 24).reshape(24, 24, 1).astype(np.uint8)
PALETTE = Image.fromarray(RGB).quantize(256)
DEEP = Image.fromarray(RGB[..., 0].astype(np.uint16) * 257)


@pytest.mark.parametrize("name, picture, expected, off, more", [
    ("RGBA.png", Image.fromarray(np.dstack([RGB, ALPHA])), 255 + (RGB - 255.0) * (ALPHA / 255), 1, {}),
    ("LA.png", Image.fromarray(np.dstack([RGB[..., 0], ALPHA])), 255 + (GREY - 255.0) * (ALPHA / 255), 1, {}),
    ("holes.png", PALETTE, np.where(np.asarray(PALETTE)[..., None] == 0, 255, np.asarray(PALETTE.convert("RGB"))), 0, {"transparency": 0}),
    ("moving.gif", PALETTE, np.asarray(PALETTE.convert("RGB")), 0, {"save_all": True, "append_images": [PALETTE.rotate(90)]}),  # its first picture
    ("1.png", Image.fromarray(RGB[..., 0] > 127), np.where(GREY > 127, 255, 0), 0, {}),
    ("CMYK.jpg", Image.fromarray(RGB).convert("CMYK"), RGB, 12, {}),
    ("RGB.jpg", Image.fromarray(RGB), RGB, 12, {}),
    ("16 bit.png", DEEP, GREY, 0, {}),
])  # fmt: skip
def test_kinds_of_pictures(tmp_path, name, picture, expected, off, more):
    picture.save(tmp_path / name, **more)
    found = load_faces(tmp_path / name, size=24)[0].permute(1, 2, 0).numpy()
    assert np.abs(found - np.asarray(expected, float)).max() <= off


@pytest.mark.parametrize("orientation, undo", [  # what a viewer does to show the picture upright, by the EXIF standard
    (1, lambda a: a), (2, lambda a: a[:, ::-1]), (3, lambda a: a[::-1, ::-1]), (4, lambda a: a[::-1]),
    (5, lambda a: a.transpose(1, 0, 2)), (6, lambda a: np.rot90(a, -1)), (7, lambda a: a[::-1, ::-1].transpose(1, 0, 2)), (8, lambda a: np.rot90(a, 1)),
])  # fmt: skip
def test_exif_orientation(tmp_path, orientation, undo):
    exif = Image.Exif()
    exif[0x0112] = orientation
    saved(tmp_path / "phone.png", gradient(24, 24), exif=exif)
    assert torch.equal(load_faces(tmp_path / "phone.png", size=24)[0], chw(undo(gradient(24, 24))))


@pytest.mark.parametrize("height, width", [(90, 40), (41, 90), (10, 10)])
@pytest.mark.parametrize("name", ["face.png", "face.jpg", "face.npy"])
def test_scaling_and_cropping(tmp_path, height, width, name):
    array, short, path = gradient(height, width), min(height, width), tmp_path / name
    np.save(path, array[None]) if name.endswith("npy") else saved(path, array)
    centre = (np.arange(16) + 0.5) * short / 16  # of the new pixels, in old ones
    x, y = np.meshgrid((width - short) / 2 + centre - 0.5, (height - short) / 2 + centre - 0.5)
    expected = [255 * x / width, 255 * y / height, 100 + 60 * x / width - 40 * y / height]
    inner = slice(2, -2)  # the edges lean inwards
    off = np.abs(load_faces(path, size=16)[0].numpy() - np.stack(expected))[:, inner, inner]
    assert off.mean() < 3 and off.max() < (12 if name.endswith("jpg") else 3)


def test_scaling_down_averages(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (80, 80, 3), dtype=np.uint8)
    face = load_faces(saved(tmp_path / "noise.png", noise), size=20)[0].float()
    theirs = F.interpolate(chw(noise)[None].float(), (20, 20), mode="bicubic", antialias=True, align_corners=False)[0]  # fmt: skip
    assert (face - theirs.clamp(0, 255)).abs().max() < 1.5


class Harmful:
    def __reduce__(self):
        return (pathlib.Path.touch, (pathlib.Path("harmed"),))


def as_bytes(array, kind="npy"):
    file, save = io.BytesIO(), {"npy": np.save, "npz": np.savez}.get(kind)
    save(file, array) if save else Image.fromarray(array).save(file, kind)
    return file.getvalue()


NOISE = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
PNG, FACES = as_bytes(NOISE, "png"), np.zeros((5, 8, 8), np.uint8)


def png_of(width, height):
    """A PNG whose header promises a picture of this size."""
    body = struct.pack(">II", width, height) + b"\x08\x02\0\0\0"
    return PNG[:16] + body + struct.pack(">I", zlib.crc32(b"IHDR" + body)) + PNG[33:]


BAD = {  # a file -> what is in it, what is said
    "empty.jpg": (b"", "the file is empty"),
    "text.png": (b"<html>404</html>", "not a kind of picture"),
    "telephone.heic": (b"\0\0\0 ftypheic" + bytes(40), "save it as JPEG or PNG"),
    "cut.png": (PNG[: len(PNG) // 2], "truncated"),
    "flipped.png": (PNG[:100] + bytes([PNG[100] ^ 255]) + PNG[101:], "."),
    "huge.png": (png_of(40_000, 40_000), "exceeds limit"),
    "fractions.tif": (as_bytes(np.full((9, 9), 0.5, np.float32), "tiff"), "8 or 16 bits"),
    "cut.npy": (as_bytes(FACES)[:-1], "."),
    "archive.npy": (as_bytes(FACES, "npz"), "it holds several arrays"),
    "pickled.npy": (pickle.dumps(Harmful()), "pickle"),
    "int64.npy": (as_bytes(FACES.astype(np.int64)), "it holds int64"),
    "one picture.npy": (as_bytes(FACES[0]), r"\(H, W, N\), .*, it is \(8, 8\)"),
    "channels first.npy": (as_bytes(np.zeros((5, 3, 8, 8), np.uint8)), r"must be NHWC .*, it is \(5, 3, 8, 8\)"),
    "no face.npy": (as_bytes(FACES[:0]), r"it is \(0, 8, 8\)"),
    "nan.npy": (as_bytes(np.where(np.arange(320).reshape(5, 8, 8) == 300, np.nan, 0.5)), "from nan to nan"),
    "too large.npy": (as_bytes(FACES + 255.5), "to 255.5"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_named_and_the_others_are_read(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content, words = BAD[name]
    (tmp_path / "photos").mkdir()
    path = pathlib.Path("photos", name)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"0 of 1 files were read. Not read: .*{words}") as fault:
        load_faces(path)
    assert str(path) in str(fault.value)
    for k in range(2):
        saved(tmp_path / "photos" / f"{k}.png", NOISE)
    with pytest.warns(UserWarning, match=f"2 of 3 files were read. Not read: .*{words}") as caught:
        assert len(load_faces("photos")) == 2
    assert len(caught) == 1 and caught[0].filename == __file__
    assert str(path) in str(caught[0].message) and "0.png" not in str(caught[0].message)
    assert not (tmp_path / "harmed").exists()  # nothing in a file is executed


def test_of_many_bad_files_five_are_named(tmp_path):
    for k in range(7):
        (tmp_path / f"{k}.jpg").touch()
    saved(tmp_path / "good.png", NOISE)
    with pytest.warns(UserWarning, match=r"1 of 8 files .*4\.jpg \(.*\); and 2 more$"):
        load_faces(tmp_path)


def test_bad_paths_and_arguments_are_named(tmp_path):
    (tmp_path / "nothing").mkdir()
    (tmp_path / "nothing" / "faces.zip").write_bytes(b"PK\3\4")
    file = tmp_path / "faces.npy"
    np.save(file, FACES)
    cases = [
        ((tmp_path / "absent",), FileNotFoundError, f"there is no {tmp_path / 'absent'}"),
        (([file, "absent.npy"],), FileNotFoundError, "there is no absent.npy"),
        ((tmp_path / "nothing",), ValueError, f".npy, got {tmp_path / 'nothing'}"),
        ((tmp_path / "nothing" / "faces.zip",), ValueError, "faces.zip"),
        ((None,), ValueError, "or list some, got None"),
        (([],), ValueError, "or list some, got []"),
        ((file, 0), ValueError, "size must be a whole number of at least 1, got 0"),
        ((file, 8, "nhw"), ValueError, "layout must be one of 'HWN', 'NHW', 'NHWC' or None, got"),
        ((file, 8, "NHWC"), ValueError, "its shape must be NHWC"),
    ]
    for arguments, kind, message in cases:
        with pytest.raises(kind, match=re.escape(message)):
            load_faces(*arguments)
