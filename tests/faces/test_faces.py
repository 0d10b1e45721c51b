"""Drawn faces against random bits, statistics and a classifier; loaded ones against arrays made by hand."""

import hashlib
import io
import itertools
import pathlib
import platform
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
import scipy.stats
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from gan_edu.faces import ATTRIBUTES, PROBABILITIES, face_sampler, load_faces, make_faces
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
    folder = load_faces(REAL)  # in the order of the names
    assert torch.equal(folder, loaded.roll(80, 0))
    symmetry = [
        (loaded.float() - other.float()).abs().mean() for other in (loaded.flip(3), loaded.flip(2))
    ]
    assert (
        symmetry[0] < 0.7 * symmetry[1]
    )  # upright: left and right are alike, top and bottom are not
    small = load_faces(REAL / "faces_test.npy", size=16)
    assert (small.float() - F.avg_pool2d(loaded[320:].float(), 4)).abs().mean() < 4


@pytest.fixture
def stack():
    return np.random.default_rng(0).integers(0, 256, (7, 20, 20, 3), dtype=np.uint8)


def test_layouts_of_arrays(tmp_path, stack):
    grey = stack[..., 0]
    for layout, array in (("NHW", grey), ("HWN", grey.transpose(1, 2, 0)), ("NHWC", stack)):
        for order in "CF":
            np.save(tmp_path / "faces.npy", np.array(array, order=order))
            for given in (None, layout):
                loaded = load_faces(tmp_path / "faces.npy", size=20, layout=given)
                assert loaded.shape == (7, 3, 20, 20) and loaded.dtype == torch.uint8
                expected = (
                    chw(stack)
                    if layout == "NHWC"
                    else torch.from_numpy(grey)[:, None].expand(-1, 3, -1, -1)
                )
                assert torch.equal(loaded, expected)
    np.save(tmp_path / "faces.npy", stack[..., 0].transpose(1, 2, 0)[:, :, :1])  # one face
    assert torch.equal(load_faces(tmp_path / "faces.npy", size=20)[0, 1], torch.from_numpy(grey[0]))


@pytest.mark.parametrize(
    "shape", [(20, 20, 20), (18, 20, 22), (3, 20, 20), (21, 21, 3), (20, 18, 20)]
)
def test_layouts_that_are_open_can_be_said(tmp_path, shape):
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    np.save(tmp_path / "faces.npy", array)
    with pytest.raises(
        ValueError,
        match=r'faces\.npy has the shape .*×.*×.* several ways: say layout="HWN" or layout="NHW"',
    ):
        load_faces(tmp_path / "faces.npy", size=8)
    assert len(load_faces(tmp_path / "faces.npy", size=8, layout="HWN")) == shape[2]
    loaded = load_faces(tmp_path / "faces.npy", size=min(shape[1:]), layout="NHW")
    high, wide = shape[1:]
    top, left = (high - min(high, wide)) // 2, (wide - min(high, wide)) // 2
    middle = array[:, top : high - top, left : wide - left]
    assert torch.equal(loaded[:, 0], torch.from_numpy(middle))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
def test_floats(tmp_path, stack, dtype):
    np.save(tmp_path / "one.npy", (stack / 255).astype(dtype))
    np.save(tmp_path / "whole.npy", stack.astype(dtype))
    for name in ("one.npy", "whole.npy"):
        assert torch.equal(load_faces(tmp_path / name, size=20), chw(stack)), name
    np.save(tmp_path / "fractions.npy", np.full((2, 8, 8), 100.6, dtype))
    assert load_faces(tmp_path / "fractions.npy", size=8).unique().tolist() == [101]
    np.save(tmp_path / "at_most_one.npy", np.full((2, 8, 8), 1, dtype))
    assert load_faces(tmp_path / "at_most_one.npy", size=8).unique().tolist() == [255]


def test_folders_are_searched_in_order(tmp_path, stack):
    grey = stack[..., 0]
    names = ["a/1.png", "a/2.PNG", "b/c/0.bmp", "b/1.tiff", "0.webp", "9.ppm"]
    expected = ["0.webp", "9.ppm", "a/1.png", "a/2.PNG", "b/1.tiff", "b/c/0.bmp"]
    for name, face in zip(names, stack):
        saved(tmp_path / name, face, **({"lossless": True} if name.endswith("webp") else {}))
    np.save(tmp_path / "b" / "2.npy", np.stack([grey[6]] * 2, axis=2))
    for other in ("notes.txt", ".hidden.png", "a/._1.png", ".cache/0.png", "list.csv"):
        (tmp_path / other).parent.mkdir(exist_ok=True)
        (tmp_path / other).write_text("no picture")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing else is tried
        loaded = load_faces(tmp_path, size=20)
    assert len(loaded) == 8
    faces_by_name = dict(zip(names, chw(stack)))
    pictures = [faces_by_name[name] for name in expected[:5]] + [
        torch.from_numpy(grey[6]).expand(3, -1, -1)
    ] * 2
    assert torch.equal(loaded, torch.stack([*pictures, faces_by_name["b/c/0.bmp"]]))
    chosen = load_faces([tmp_path / "b" / "c", str(tmp_path / "a" / "2.PNG")], size=20)
    assert torch.equal(chosen, torch.stack([faces_by_name["b/c/0.bmp"], faces_by_name["a/2.PNG"]]))
    assert torch.equal(load_faces(str(tmp_path / "a" / "1.png"), size=20)[0], chw(stack)[0])


def test_order_when_some_pictures_take_longer(tmp_path):
    for k in range(12):
        saved(
            tmp_path / f"{k:02}.png",
            np.full((900, 900, 3) if k % 3 == 0 else (8, 8, 3), 20 * k, np.uint8),
        )
    assert load_faces(tmp_path, size=8)[:, 0, 0, 0].tolist() == [20 * k for k in range(12)]


def test_modes_of_pictures(tmp_path):
    rgb = gradient(24, 24)
    grey = rgb[..., 0]
    alpha = np.linspace(0, 255, 24 * 24).reshape(24, 24).astype(np.uint8)
    three = np.dstack([grey] * 3)
    palette = Image.fromarray(rgb).quantize(256)
    holes = palette.copy()
    holes.info["transparency"] = 0
    seen = np.asarray(palette.convert("RGB")).astype(float)
    cases = {
        "RGB.png": (Image.fromarray(rgb), rgb, 0),
        "RGBA.png": (
            Image.fromarray(np.dstack([rgb, alpha])),
            255 + (rgb - 255.0) * (alpha / 255)[..., None],
            1,
        ),
        "L.png": (Image.fromarray(grey), three, 0),
        "LA.png": (
            Image.fromarray(np.dstack([grey, alpha])),
            255 + (three - 255.0) * (alpha / 255)[..., None],
            1,
        ),
        "P.png": (palette, seen, 0),
        "P.gif": (palette, seen, 0),
        "P_holes.png": (holes, np.where(np.asarray(palette)[..., None] == 0, 255, seen), 0),
        "1.png": (Image.fromarray(grey > 127), np.where(three > 127, 255, 0), 0),
        "CMYK.jpg": (Image.fromarray(rgb).convert("CMYK"), rgb, 12),
        "CMYK.tif": (Image.fromarray(rgb).convert("CMYK"), rgb, 1),
        "YCbCr.tif": (Image.fromarray(rgb).convert("YCbCr"), rgb, 3),
        "RGB.jpg": (Image.fromarray(rgb), rgb, 12),
        "I16.png": (Image.fromarray(grey.astype(np.uint16) * 257), three, 0),
        "I16.tif": (Image.fromarray(grey.astype(np.uint16) * 257), three, 0),
        "I.tif": (Image.fromarray(grey.astype(np.int32) * 257), three, 0),
        "F.tif": (Image.fromarray((grey / 255).astype(np.float32)), three, 0),
        "F255.tif": (Image.fromarray(grey.astype(np.float32)), three, 0),
    }
    for name, (picture, expected, tolerance) in cases.items():
        picture.save(tmp_path / name)
        with Image.open(tmp_path / name) as again:
            assert again.mode.startswith(re.match("[A-Z]+|1", name)[0]) or name == "YCbCr.tif", (
                name,
                again.mode,
            )
        difference = load_faces(tmp_path / name, size=24)[0].numpy().transpose(
            1, 2, 0
        ) - expected.astype(float)
        assert np.abs(difference).max() <= tolerance, (name, np.abs(difference).max())


@pytest.mark.parametrize(
    "orientation, undo",  # what a viewer does to show the picture upright, by the EXIF standard
    [
        (1, lambda a: a),
        (2, lambda a: a[:, ::-1]),
        (3, lambda a: a[::-1, ::-1]),
        (4, lambda a: a[::-1]),
        (5, lambda a: a.transpose(1, 0, 2)),
        (6, lambda a: np.rot90(a, -1)),
        (7, lambda a: a[::-1, ::-1].transpose(1, 0, 2)),
        (8, lambda a: np.rot90(a, 1)),
    ],
)
def test_exif_orientation(tmp_path, orientation, undo):
    array = gradient(24, 24)
    exif = Image.Exif()
    exif[0x0112] = orientation
    saved(tmp_path / "phone.png", array, exif=exif)
    assert torch.equal(load_faces(tmp_path / "phone.png", size=24)[0], chw(undo(array)))


@pytest.mark.parametrize(
    "height, width", [(90, 40), (40, 90), (41, 90), (64, 64), (10, 10), (218, 178)]
)
def test_scaling_and_cropping(tmp_path, height, width):
    array = gradient(height, width)
    short = min(height, width)
    top, left = (height - short) / 2, (width - short) / 2
    centre = (
        (np.arange(16) + 0.5) * short / 16
    )  # of the new pixels, in old ones; the gradient is linear there
    x, y = np.meshgrid(left + centre - 0.5, top + centre - 0.5)
    expected = np.stack([255 * x / width, 255 * y / height, 100 + 60 * x / width - 40 * y / height])
    inner = slice(2, -2)  # the edges lean inwards
    np.save(tmp_path / "face.npy", array[None])
    for path in (saved(tmp_path / "face.png", array), tmp_path / "face.npy"):
        face = load_faces(path, size=16)[0].numpy()
        assert face.shape == (3, 16, 16)
        assert np.abs(face - expected)[:, inner, inner].max() < 3


def test_scaling_down_averages(tmp_path):
    stripes = np.zeros((96, 96, 3), np.uint8)
    stripes[:, ::2] = 255
    for shift in (0, 1):
        face = load_faces(saved(tmp_path / "stripes.png", np.roll(stripes, shift, 1)), size=32)[
            0
        ].int()
        assert (
            face[:, :, 2:-2] - 127
        ).abs().max() < 25  # picking single pixels would give 0 and 255
    noise = np.random.default_rng(0).integers(0, 256, (80, 80, 3), dtype=np.uint8)
    face = load_faces(saved(tmp_path / "noise.png", noise), size=20)[0].float()
    theirs = F.interpolate(
        chw(noise)[None].float(), (20, 20), mode="bicubic", antialias=True, align_corners=False
    )[0]
    assert (face - theirs.clamp(0, 255)).abs().max() < 1.5


def test_broken_pictures_are_skipped_and_named(tmp_path, stack):
    good = saved(tmp_path / "good.png", stack[0])
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    png, jpg = (
        saved(tmp_path / "t.png", noise).read_bytes(),
        saved(tmp_path / "t.jpg", noise).read_bytes(),
    )
    broken = {
        "empty.jpg": b"",
        "text.jpg": b"<html>404</html>",
        "cut.png": png[: len(png) // 2],
        "cut.jpg": jpg[: len(jpg) // 2],
        "header.png": png[:20],
        "flipped.png": png[:100] + bytes([png[100] ^ 255]) + png[101:],
        "negative.tif": None,
    }
    (tmp_path / "t.png").unlink()
    (tmp_path / "t.jpg").unlink()
    for name, content in broken.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
    saved(tmp_path / "negative.tif", np.full((9, 9), -1, np.int32))
    saved(tmp_path / "last.png", stack[1])
    with pytest.warns(UserWarning) as caught:
        loaded = load_faces(tmp_path, size=20)
    assert torch.equal(loaded, chw(stack[:2]))
    assert len(caught) == 1 and caught[0].filename == __file__
    message = str(caught[0].message)
    assert message.startswith("skipped 7 of 9 pictures that could not be read: ")
    named = [
        name
        for name in sorted(broken)
        if re.search(re.escape(str(tmp_path / name)) + r" \(.+?\)", message)
    ]
    assert named == sorted(broken)[:5] and message.endswith("; and 2 more")
    assert "good.png" not in message and "last.png" not in message
    for name in broken:  # each of them alone
        with pytest.raises(ValueError, match=rf"none of 1 could be read: .*{re.escape(name)} \("):
            load_faces(tmp_path / name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(load_faces(good)) == 1  # nothing to warn of


class Harmful:
    def __reduce__(self):
        return (pathlib.Path.touch, (pathlib.Path("harmed"),))


def npy(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def npz():
    file = io.BytesIO()
    np.savez(file, np.zeros((5, 8, 8), np.uint8))
    return file.getvalue()


FACES = np.zeros((5, 8, 8), np.uint8)
BAD_ARRAYS = {
    "empty": (b"", "is no readable .npy file of numbers"),
    "text": (b"1,2,3\n", "is no readable .npy file of numbers"),
    "header cut": (npy(FACES)[:50], "is no readable .npy file of numbers"),
    "data cut": (npy(FACES)[:-1], "is no readable .npy file of numbers"),
    "archive": (npz(), "is an archive of several arrays"),
    "pickled": (
        npy(np.array([Harmful()]), allow_pickle=True),
        "is no readable .npy file of numbers",
    ),
    "int64": (
        npy(FACES.astype(np.int64)),
        "must hold uint8, or floats from 0 to 1 or from 0 to 255, got int64",
    ),
    "bool": (npy(FACES > 0), "must hold uint8, or floats .*, got bool"),
    "complex": (npy(FACES * 1j), "must hold uint8, or floats .*, got complex128"),
    "text array": (npy(np.array(["a", "b"])), "must hold uint8, or floats .*, got <U1"),
    "number": (npy(np.uint8(3)), r"must have the shape .*, got \(\)"),
    "vector": (
        npy(FACES[0, 0]),
        r"must have the shape \(H, W, N\), \(N, H, W\) or \(N, H, W, 3\), got 8",
    ),
    "one picture": (npy(FACES[0]), "must have the shape .*, got 8×8"),
    "channels first": (
        npy(np.zeros((5, 3, 8, 8), np.uint8)),
        "must have the shape NHWC, .* got 5×3×8×8",
    ),
    "four channels": (
        npy(np.zeros((5, 8, 8, 4), np.uint8)),
        "must have the shape NHWC, .* got 5×8×8×4",
    ),
    "five dimensions": (
        npy(np.zeros((1, 5, 8, 8, 3), np.uint8)),
        "must have the shape .*, got 1×5×8×8×3",
    ),
    "no face": (npy(FACES[:0]), "must hold at least one face, got the shape 0×8×8"),
    "no pixel": (
        npy(np.zeros((5, 0, 0), np.uint8)),
        "must hold at least one face, got the shape 5×0×0",
    ),
    "nan": (
        npy(np.where(np.arange(320).reshape(5, 8, 8) == 300, np.nan, 0.5)),
        "numbers from 0 to 1 or .*, got .* nan",
    ),
    "infinite": (
        npy(np.where(FACES < 1, np.inf, 0)),
        "must hold numbers from 0 to 1 or from 0 to 255, got .* inf",
    ),
    "negative": (
        npy(FACES - 1.0),
        "must hold numbers from 0 to 1 or from 0 to 255, got some from -1 to -1",
    ),
    "too large": (
        npy(FACES + 255.5),
        "must hold numbers from 0 to 1 or from 0 to 255, got .* to 255.5",
    ),
}


@pytest.mark.parametrize("content, message", BAD_ARRAYS.values(), ids=BAD_ARRAYS)
def test_bad_arrays_are_explained(tmp_path, content, message, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.npy").write_bytes(content)
    for path in (tmp_path / "bad.npy", [tmp_path], str(tmp_path)):
        with pytest.raises(ValueError, match=message) as caught:
            load_faces(path)
        assert str(tmp_path / "bad.npy") in str(caught.value)
    assert not (tmp_path / "harmed").exists()  # nothing in a file is executed


def test_nan_behind_the_first_block_is_found(tmp_path):
    array = np.zeros((face_files.BLOCK + 10, 8, 8))
    array[-1, 3, 3] = np.nan
    np.save(tmp_path / "faces.npy", array)
    with pytest.raises(ValueError, match="nan"):
        load_faces(tmp_path / "faces.npy")


def test_bad_paths_and_arguments_are_named(tmp_path):
    (tmp_path / "nothing").mkdir()
    (tmp_path / "nothing" / "faces.zip").write_bytes(b"PK\3\4")
    np.save(tmp_path / "faces.npy", FACES)
    cases = [
        ((tmp_path / "absent",), FileNotFoundError, f"there is no {tmp_path / 'absent'}"),
        (([tmp_path / "faces.npy", "absent.npy"],), FileNotFoundError, "there is no absent.npy"),
        ((tmp_path / "nothing",), ValueError, f"{tmp_path / 'nothing'} has no picture (.bmp, "),
        ((tmp_path / "nothing" / "faces.zip",), ValueError, "faces.zip; unpack archives first"),
        (
            (None,),
            ValueError,
            "path must be the name of a folder or file, or a list of names, got None",
        ),
        ((3,), ValueError, "path must be the name of a folder or file, or a list of names, got 3"),
        (
            (FACES,),
            ValueError,
            "path must be the name of a folder or file, or a list of names, got array",
        ),
        (([],), ValueError, "path must name at least one folder or file, got an empty list"),
        (([[]],), ValueError, "path must name at least one folder or file, got an empty list"),
        (
            ([None],),
            ValueError,
            "path must be the name of a folder or file, or a list of names, got None",
        ),
        (
            (tmp_path / "faces.npy", 0),
            ValueError,
            "size must be a whole number of at least 1, got 0",
        ),
        (
            (tmp_path / "faces.npy", "64"),
            ValueError,
            "size must be a whole number of at least 1, got '64'",
        ),
        (
            (tmp_path / "faces.npy", 8, "nhw"),
            ValueError,
            "layout must be one of 'HWN', 'NHW', 'NHWC' or None, got 'nhw'",
        ),
        (
            (tmp_path / "faces.npy", 8, "NHWC"),
            ValueError,
            "must have the shape NHWC, with C = 3 colours if any, got 5×8×8",
        ),
    ]
    for arguments, kind, message in cases:
        with pytest.raises(kind, match=re.escape(message)):
            load_faces(*arguments)


def test_progress_counts_every_face(tmp_path, stack, monkeypatch):
    np.save(tmp_path / "faces.npy", stack)
    saved(tmp_path / "face.png", stack[0])
    (tmp_path / "broken.png").write_bytes(b"")
    bars = []

    def progress(iterable, description, total):
        bars.append([description, total, 0])
        for item in iterable:
            bars[-1][2] += 1
            yield item

    monkeypatch.setattr(face_files, "progress", progress)
    with pytest.warns(UserWarning, match="skipped 1 of 9"):
        load_faces(tmp_path)
    assert bars == [["loading faces", 9, 9]]


# ---- batches of faces


def test_batches_of_faces_are_drawn_from_the_pictures():
    images, _ = make_faces(5, size=16)
    before = images.clone()
    sample = face_sampler(images)
    batch = sample(2000, generator=torch.Generator().manual_seed(1))
    assert batch.shape == (2000, 3, 16, 16) and batch.dtype == torch.float32
    assert batch.is_contiguous(memory_format=torch.channels_last)
    known = images.double() / 127.5 - 1
    which = (batch[:, None] - known[None]).flatten(2).abs().amax(2).argmin(1)
    torch.testing.assert_close(batch.double(), known[which], atol=1e-6, rtol=0)
    assert (torch.bincount(which, minlength=5) - 400).abs().max() < 5 * 18  # 400 ± 18 of each
    assert torch.equal(sample(2000, generator=torch.Generator().manual_seed(1)), batch)
    assert not torch.equal(sample(2000, generator=torch.Generator().manual_seed(2)), batch)
    assert torch.equal(images, before)
    ends = face_sampler(torch.tensor([0, 255], dtype=torch.uint8).reshape(1, 2, 1, 1))(1).flatten()
    assert ends.tolist() == [-1, 1]


@pytest.mark.parametrize("bad", [torch.zeros(3, 3, 8, 8), torch.zeros(0, 3, 8, 8, dtype=torch.uint8), np.zeros((2, 3, 8, 8), np.uint8), [1]])  # fmt: skip
def test_batches_need_pictures_in_bytes(bad):
    with pytest.raises(ValueError, match="images must be a uint8 tensor"):
        face_sampler(bad)
