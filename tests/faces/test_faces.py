"""Drawn faces against random bits, statistics and a classifier; loaded ones against arrays made by hand."""

import hashlib
import io
import itertools
import pathlib
import platform
import re
import struct
import subprocess
import sys
import warnings
import zlib

import numpy as np
import pytest
import scipy.stats
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from gan_edu.faces import ATTRIBUTES, PROBABILITIES, load_faces, make_faces
from gan_edu.faces import draw as faces
from gan_edu.faces import files as face_files

ROOT = pathlib.Path(__file__).resolve().parents[2]
REAL = next(
    (home / "shared" / "data" for home in ROOT.parents if (home / "shared" / "data").is_dir()), None
)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def many():
    """The labels of 20,000 faces."""
    return make_faces(20_000, seed=1, size=8)[1]


# --- drawn faces: numbers -------------------------------------------------------------------------------------------


def test_shapes_and_types():
    for n, size in ((1, 8), (3, 64), (130, 33)):
        images, labels = make_faces(n, size=size)
        assert images.shape == (n, 3, size, size) and images.dtype == torch.uint8
        assert list(labels) == ["smile", "glasses", "beard", "hair_colour", "hair_style", "skin"]
        for name, label in labels.items():
            assert label.shape == (n,) and label.dtype == torch.int64
            assert 0 <= label.min() and label.max() < len(ATTRIBUTES[name])
    images.float().requires_grad_().sum().backward()  # ordinary tensors
    assert images.min() < 20 and images.max() > 235


def test_labels_come_from_the_documented_numbers():
    n = 300
    bits = np.random.PCG64(7).random_raw(
        n * 96
    )  # this stream is guaranteed by numpy; 96 numbers a face, in rows
    uniform = (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53
    labels = make_faces(n, seed=7, size=8)[1]
    for column, (name, chances) in enumerate(PROBABILITIES.items()):
        expected = []
        for u in uniform.reshape(n, 96)[:, column]:
            value, limit = 0, chances[0]
            while u >= limit:
                value += 1
                limit += chances[value]
            expected.append(value)
        assert labels[name].tolist() == expected, name


def test_numbers_are_uniform_in_their_ranges():
    n = 3_000
    face = faces._draw(np.random.Generator(np.random.PCG64(0)), n, {})
    assert len(ATTRIBUTES) + len(faces.RANGES) <= faces.DRAWS
    columns = []
    for name, (low, high) in faces.RANGES.items():
        values = getattr(face, name).double().flatten().numpy()
        assert scipy.stats.kstest(values, "uniform", args=(low, high - low)).pvalue > 1e-4, name
        columns.append(values)
    columns += [face.labels[name].numpy() for name in ATTRIBUTES]
    correlation = np.corrcoef(columns) - np.eye(len(columns))
    assert np.abs(correlation).max() < 5 / np.sqrt(
        n
    )  # looks do not hang together, and no label leans on them


def test_marginals_are_the_documented_ones(many):
    assert list(PROBABILITIES) == list(ATTRIBUTES)
    for name, chances in PROBABILITIES.items():
        assert len(chances) == len(ATTRIBUTES[name]) and sum(chances) == pytest.approx(1)
        counts = np.bincount(many[name], minlength=len(chances))
        assert scipy.stats.chisquare(counts, 20_000 * np.array(chances)).pvalue > 1e-3, name
        other = (
            np.roll(chances, 1)
            if len(set(chances)) > 1
            else np.linspace(0.9, 1.1, len(chances)) / len(chances)
        )
        assert scipy.stats.chisquare(counts, 20_000 * other).pvalue < 1e-3, (
            name
        )  # the test can fail


def dependence(a, b):
    """The p value of the chi-squared test of independence."""
    table = np.zeros((int(a.max()) + 1, int(b.max()) + 1))
    np.add.at(table, (a.numpy(), b.numpy()), 1)
    return scipy.stats.chi2_contingency(table).pvalue


def test_attributes_are_independent(many):
    pairs = list(itertools.combinations(ATTRIBUTES, 2))
    assert len(pairs) == 15
    for one, two in pairs:
        assert dependence(many[one], many[two]) > 1e-3, (one, two)
        # the test can fail: one face in ten follows the other attribute
        leaning = torch.where(
            torch.arange(20_000) % 10 == 0, many[one] % len(ATTRIBUTES[two]), many[two]
        )
        assert dependence(many[one], leaning) < 1e-3, (one, two)


def test_the_seed_decides():
    assert torch.equal(make_faces(20, seed=3)[0], make_faces(20, seed=3)[0])
    assert (make_faces(20, seed=3)[0] != make_faces(20, seed=4)[0]).flatten(1).any(1).all()
    torch.manual_seed(0)
    np.random.seed(0)
    before = torch.rand(1), np.random.random()
    torch.manual_seed(0)
    np.random.seed(0)
    make_faces(2)
    assert (torch.rand(1), np.random.random()) == before  # nobody else's numbers are used up


def test_a_face_does_not_depend_on_the_others():
    images, labels = make_faces(70, seed=2)
    assert len({image.numpy().tobytes() for image in images}) == 70
    for n in (1, 5, 33):
        fewer, fewer_labels = make_faces(n, seed=2)
        assert torch.equal(fewer, images[:n])
        assert all(torch.equal(fewer_labels[name], labels[name][:n]) for name in labels)


SHA = {"labels": "c2bed17f7f529fbf", "images": "cf5f910b497fbcc8"}
PRINT_SHA = """
import hashlib, torch
from gan_edu.faces import make_faces
torch.set_num_threads(1)
images, labels = make_faces(1000, seed=5)
print(torch.backends.cpu.get_cpu_capability())
print(hashlib.sha256(torch.stack(list(labels.values())).numpy().tobytes()).hexdigest()[:16])
print(hashlib.sha256(images.numpy().tobytes()).hexdigest()[:16])
"""


@pytest.mark.parametrize("capability", ["default", "avx2"])
def test_the_bytes_are_the_same_on_every_processor(capability, monkeypatch):
    monkeypatch.setenv(
        "ATEN_CPU_CAPABILITY", capability
    )  # torch's kernels without and with fused multiply-adds
    command = [sys.executable, "-c", PRINT_SHA]
    found = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    assert found[0] == capability.upper() or platform.machine() not in ("x86_64", "AMD64")
    assert found[1:] == [SHA["labels"], SHA["images"]]


def test_the_bytes_are_the_same_with_this_processor_at_its_best():
    images, labels = make_faces(1000, seed=5)
    assert (
        hashlib.sha256(torch.stack(list(labels.values())).numpy().tobytes()).hexdigest()[:16]
        == SHA["labels"]
    )
    assert hashlib.sha256(images.numpy().tobytes()).hexdigest()[:16] == SHA["images"]


def test_fixed_attributes():
    free = make_faces(12, seed=6)
    names = ["red", 0, "grey", 2, np.int64(1), torch.tensor(3).item()] * 2
    images, labels = make_faces(12, seed=6, hair_colour=names, smile=True, skin="dark")
    assert labels["hair_colour"].tolist() == [3, 0, 4, 2, 1, 3] * 2
    assert labels["smile"].tolist() == [1] * 12 and labels["skin"].tolist() == [5] * 12
    for name in ("glasses", "beard", "hair_style"):
        assert torch.equal(labels[name], free[1][name])
    for same in (
        dict(hair_colour=[3, 0, 4, 2, 1, 3] * 2, smile=1, skin=5),
        dict(hair_colour=tuple(names), smile="yes", skin=["dark"] * 12),
        dict(hair_colour=labels["hair_colour"], smile=np.ones(12, bool), skin=np.array("dark")),
        dict(
            hair_colour=labels["hair_colour"].numpy(),
            smile=torch.tensor(True),
            skin=torch.tensor(5),
        ),
        dict(labels),
    ):
        again = make_faces(12, seed=6, **same)
        assert torch.equal(again[0], images) and all(
            torch.equal(again[1][name], labels[name]) for name in labels
        )
    repeated = make_faces(
        100, seed=6, skin=[k % 6 for k in range(100)]
    )  # more than are painted at a time
    assert repeated[1]["skin"].tolist() == [k % 6 for k in range(100)]


@pytest.mark.parametrize(
    "name, rows, columns",  # where on the page the attribute may show
    [
        ("smile", (-0.45, 0.9), (-0.75, 0.75)),  # the lower lids too
        ("glasses", (-0.45, 0.45), (-0.9, 0.9)),
        ("beard", (-0.3, 1), (-0.9, 0.9)),
    ],
)
def test_the_rest_of_a_face_stays(name, rows, columns):
    no, yes = (make_faces(100, seed=8, **{name: value})[0] for value in (0, 1))
    changed = (no != yes).any(1)
    y, x = np.meshgrid(*[(np.arange(64) + 0.5) / 32 - 1] * 2, indexing="ij")
    allowed = (y > rows[0]) & (y < rows[1]) & (x > columns[0]) & (x < columns[1])
    assert not changed[:, ~torch.from_numpy(allowed)].any()
    assert changed.flatten(1).any(1).all()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(n=0), "n must be a whole number of at least 1, got 0"),
        (dict(n=2.5), "n must be a whole number of at least 1, got 2.5"),
        (dict(n=None), "n must be a whole number of at least 1, got None"),
        (dict(n=3, seed=-1), "seed must be a whole number of at least 0, got -1"),
        (dict(n=3, seed="one"), "seed must be a whole number of at least 0, got 'one'"),
        (dict(n=3, size=7), "size must be a whole number of at least 8, got 7"),
        (dict(n=3, size=64.0), "size must be a whole number of at least 8, got 64.0"),
        (
            dict(n=3, hat=1),
            "'hat' is no attribute of the faces; possible are smile, glasses, beard, hair_colour, hair_style, skin",
        ),
        (dict(n=3, smile=2), "smile must be 0 or 'no', 1 or 'yes', got 2"),
        (dict(n=3, smile=-1), "smile must be 0 or 'no', 1 or 'yes', got -1"),
        (dict(n=3, smile=0.5), "smile must be 0 or 'no', 1 or 'yes', got 0.5"),
        (dict(n=3, smile=None), "smile must be 0 or 'no', 1 or 'yes', got None"),
        (
            dict(n=3, hair_colour="green"),
            "must be 0 or 'black', 1 or 'brown', 2 or 'blond', .* 4 or 'grey', got 'green'",
        ),
        (dict(n=3, hair_colour="Red"), "hair_colour must be .*, got 'Red'"),
        (dict(n=3, hair_colour=True), "hair_colour must be .*, got True"),
        (dict(n=3, hair_style=7), "hair_style must be 0 or 'shaved', .*, 6 or 'bun', got 7"),
        (dict(n=3, skin=[0, 1]), "skin must be one value, or one for each of the 3 faces, got 2"),
        (dict(n=3, skin=torch.tensor([0, 1, 6])), "skin must be 0 or 'very light', .*, got 6"),
        (dict(n=3, skin=np.zeros((3, 1), int)), r"skin must be .*, got \[0\]"),
        (dict(n=2, skin={"dark": 1}), "skin must be .*, got {'dark': 1}"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_faces(**arguments)


# --- drawn faces: pictures ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size, difference", [(16, 2.8), (32, 1.6), (64, 0.8)])
def test_sizes_show_the_same_faces(size, difference):
    large, small = (
        make_faces(48, seed=3, size=2 * size)[0].float(),
        make_faces(48, seed=3, size=size)[0].float(),
    )
    half = F.avg_pool2d(large, 2)
    assert (half - small).abs().mean() < difference
    for wrong in (small.roll(1, 0), small.flip(2), small.flip(3), small.roll(1, 3)):
        assert (half - wrong).abs().mean() > difference


@pytest.mark.parametrize("size", [16, 64])
def test_parts_of_the_page_cut_nothing_off(monkeypatch, size):
    images = make_faces(600, seed=9, size=size)[0].int()
    part = faces._Canvas.part

    def larger(canvas, left, right, top, bottom, by=0.2):
        return part(
            canvas, max(left - by, -1), min(right + by, 1), max(top - by, -1), min(bottom + by, 1)
        )

    monkeypatch.setattr(faces._Canvas, "part", larger)
    assert (make_faces(600, seed=9, size=size)[0].int() - images).abs().max() <= 1  # a rounding
    monkeypatch.setattr(
        faces._Canvas, "part", lambda *arguments: larger(*arguments, by=-0.1 - 2 / size)
    )
    assert (make_faces(600, seed=9, size=size)[0].int() - images).abs().max() > 20


def test_colours_are_those_of_the_labels():
    def tone(y, x, **fixed):
        """The mean colour around a point of the page, over many faces."""
        images = make_faces(60, seed=4, glasses=0, **fixed)[0].float()
        row, column = int((y + 1) * 32), int((x + 1) * 32)
        return images[:, :, row - 2 : row + 3, column - 2 : column + 3].mean((0, 2, 3)).tolist()

    hair = {
        name: tone(-0.5, 0, hair_style="fringe", hair_colour=name)
        for name in ATTRIBUTES["hair_colour"]
    }
    assert max(hair["black"]) < 70
    red, green, blue = hair["red"]
    assert red > 1.5 * green > 2 * blue
    red, green, blue = hair["blond"]
    assert red > 180 and 1.1 < red / green < 1.5 and green > 1.3 * blue
    assert max(hair["grey"]) - min(hair["grey"]) < 20 and min(hair["grey"]) > 140
    red, green, blue = hair["brown"]
    assert 70 < red < 150 and red > 1.3 * green > 1.5 * blue
    skins = [tone(0.25, 0.2, beard=0, skin=name) for name in ATTRIBUTES["skin"]]
    for lighter, darker in itertools.pairwise(skins):
        assert all(a > b + 5 for a, b in zip(lighter, darker))
    assert all(red > green > blue for red, green, blue in skins)


def test_only_smiles_show_teeth():
    shown = []
    for smile in (0, 1):
        mouths = make_faces(400, seed=5, smile=smile, beard=0, skin="dark")[0][:, :, 40:50, 26:38]
        shown.append(
            (mouths.amin(1) > 140).flatten(1).any(1).float().mean().item()
        )  # white and not only bright
    assert shown[0] < 0.01 and 0.4 < shown[1] < 0.8


class Judge(nn.Module):
    """A small network that reads the labels from 64×64 pictures."""

    def __init__(self, channels=12):
        super().__init__()
        layers, last = [], 3
        for width in (channels, 2 * channels, 4 * channels, 4 * channels):
            layers += [
                nn.Conv2d(last, width, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
            ]
            last = width
        self.counts = [len(names) for names in ATTRIBUTES.values()]
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(last * 16, sum(self.counts)))

    def forward(self, images):
        return self.body(images.float() / 127.5 - 1).split(self.counts, dim=1)


def test_labels_can_be_seen():
    torch.manual_seed(0)
    images, labels = make_faces(7_000, seed=11)
    wanted = torch.stack(list(labels.values()), dim=1)
    judge, train, epochs = Judge(), 6_000, 6
    optimizer = torch.optim.Adam(judge.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 4e-3, total_steps=epochs * (train // 64)
    )
    for _ in range(epochs):
        for batch in torch.randperm(train).split(64)[: train // 64]:
            logits = judge(images[batch])
            loss = sum(F.cross_entropy(logit, wanted[batch, k]) for k, logit in enumerate(logits))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    judge.eval()
    with torch.no_grad():
        said = torch.stack([logit.argmax(1) for logit in judge(images[train:])], dim=1)
    right = (said == wanted[train:]).float().mean(0)
    wrong = (said == wanted[train:].roll(1, 0)).float().mean(0)
    print({name: round(value.item(), 3) for name, value in zip(ATTRIBUTES, right)})
    least = dict(smile=0.95, glasses=0.97, beard=0.95, hair_colour=0.94, hair_style=0.92, skin=0.95)
    for k, name in enumerate(ATTRIBUTES):
        assert right[k] >= least[name], (name, right[k])
        assert wrong[k] < max(PROBABILITIES[name]) + 0.05, (
            name,
            wrong[k],
        )  # of other faces it knows nothing


# --- loaded faces ---------------------------------------------------------------------------------------------------


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


@pytest.mark.skipif(REAL is None, reason="the real faces are not here")
def test_real_faces_of_the_source():
    train, test = np.load(REAL / "faces_train.npy"), np.load(REAL / "faces_test.npy")
    expected = torch.from_numpy(np.concatenate([train, test], axis=2).transpose(2, 0, 1).copy())
    loaded = load_faces([REAL / "faces_train.npy", str(REAL / "faces_test.npy")])
    assert loaded.shape == (400, 3, 64, 64) and loaded.dtype == torch.uint8
    assert all(torch.equal(loaded[:, channel], expected) for channel in range(3))
    assert torch.equal(load_faces(REAL), loaded.roll(80, 0))  # in the order of the names


@pytest.fixture
def stack():
    return np.random.default_rng(0).integers(0, 256, (7, 20, 20, 3), dtype=np.uint8)


def test_layouts_of_arrays(tmp_path, stack):
    grey, path = stack[..., 0], tmp_path / "faces.npy"
    same = torch.from_numpy(grey)[:, None].expand(-1, 3, -1, -1)
    for layout, array in (("NHW", grey), ("HWN", grey.transpose(1, 2, 0)), ("NHWC", stack)):
        for order in "CF":
            np.save(path, np.array(array, order=order))
            for given in (None, layout):
                loaded = load_faces(path, size=20, layout=given)
                assert torch.equal(loaded, chw(stack) if layout == "NHWC" else same)
    np.save(path, grey.transpose(1, 2, 0)[:, :, :1])  # one face
    assert torch.equal(load_faces(path, size=20)[0, 1], torch.from_numpy(grey[0]))


@pytest.mark.parametrize("shape", [(20, 20, 20), (18, 20, 22), (3, 20, 20), (21, 21, 3)])
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
    ("L.png", Image.fromarray(RGB[..., 0]), GREY, 0, {}),
    ("P.png", PALETTE, np.asarray(PALETTE.convert("RGB")), 0, {}),
    ("holes.png", PALETTE, np.where(np.asarray(PALETTE)[..., None] == 0, 255, np.asarray(PALETTE.convert("RGB"))), 0, {"transparency": 0}),
    ("moving.gif", PALETTE, np.asarray(PALETTE.convert("RGB")), 0, {"save_all": True, "append_images": [PALETTE.rotate(90)]}),  # its first picture
    ("1.png", Image.fromarray(RGB[..., 0] > 127), np.where(GREY > 127, 255, 0), 0, {}),
    ("CMYK.jpg", Image.fromarray(RGB).convert("CMYK"), RGB, 12, {}),
    ("RGB.jpg", Image.fromarray(RGB), RGB, 12, {}),
    ("16 bit.png", DEEP, GREY, 0, {}),
    ("16 bit.tif", DEEP, GREY, 0, {}),
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


@pytest.mark.parametrize("height, width", [(90, 40), (41, 90), (10, 10), (1024, 900)])
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


def as_bytes(array, kind="npy", **options):
    file = io.BytesIO()
    if kind in ("npy", "npz"):
        (np.save if kind == "npy" else np.savez)(file, array, **options)
    else:
        Image.fromarray(array).save(file, kind, **options)
    return file.getvalue()


NOISE = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
PNG, JPG, FACES = as_bytes(NOISE, "png"), as_bytes(NOISE, "jpeg"), np.zeros((5, 8, 8), np.uint8)
HEADER = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


def png_of(width, height):
    """A PNG whose header promises a picture of this size."""
    body = struct.pack(">II", width, height) + b"\x08\x02\0\0\0"
    return HEADER + body + struct.pack(">I", zlib.crc32(b"IHDR" + body)) + PNG[33:]


BAD = {  # a file -> what is in it, what is said
    "empty.jpg": (b"", "the file is empty"),
    "empty.npy": (b"", "the file is empty"),
    "text.png": (b"<html>404</html>", "not a kind of picture"),
    "telephone.heic": (b"\0\0\0 ftypheic" + bytes(40), "save it as JPEG or PNG"),
    "cut.png": (PNG[: len(PNG) // 2], "truncated"),
    "cut.jpg": (JPG[: len(JPG) // 2], "truncated"),
    "header.png": (PNG[:20], "."),
    "flipped.png": (PNG[:100] + bytes([PNG[100] ^ 255]) + PNG[101:], "."),
    "no pixel.png": (png_of(0, 9), "."),
    "huge.png": (png_of(40_000, 40_000), "exceeds limit"),
    "negative.tif": (as_bytes(np.full((9, 9), -1, np.int32), "tiff"), "8 or 16 bits"),
    "fractions.tif": (as_bytes(np.full((9, 9), 0.5, np.float32), "tiff"), "8 or 16 bits"),
    "text.npy": (b"1,2,3\n", "."),
    "cut.npy": (as_bytes(FACES)[:-1], "."),
    "archive.npy": (as_bytes(FACES, "npz"), "it holds several arrays"),
    "pickled.npy": (as_bytes(np.array([Harmful()]), allow_pickle=True), "pickle|object"),
    "int64.npy": (as_bytes(FACES.astype(np.int64)), "it holds int64"),
    "words.npy": (as_bytes(np.array(["a", "b"])), "it holds <U1"),
    "one picture.npy": (as_bytes(FACES[0]), r"\(H, W, N\), .*, it is \(8, 8\)"),
    "channels first.npy": (as_bytes(np.zeros((5, 3, 8, 8), np.uint8)), r"must be NHWC .*, it is \(5, 3, 8, 8\)"),
    "four channels.npy": (as_bytes(np.zeros((5, 8, 8, 4), np.uint8)), r"it is \(5, 8, 8, 4\)"),
    "no face.npy": (as_bytes(FACES[:0]), r"it is \(0, 8, 8\)"),
    "nan.npy": (as_bytes(np.where(np.arange(320).reshape(5, 8, 8) == 300, np.nan, 0.5)), "from nan to nan"),
    "negative.npy": (as_bytes(FACES - 1.0), "from -1.0 to -1.0"),
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
