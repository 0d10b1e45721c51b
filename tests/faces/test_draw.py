"""Drawn faces against random bits, statistics, and the colours that their labels name."""

import hashlib
import itertools
import platform
import subprocess
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from gan_edu.faces import ATTRIBUTES, PROBABILITIES, make_faces


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


# ---- numbers


def test_labels_come_from_the_documented_numbers():
    n = 300
    bits = np.random.PCG64(7).random_raw(n * 96)  # guaranteed by numpy; 96 numbers a face, in rows
    uniform = ((bits >> np.uint64(11)).astype(np.float64) * 2.0**-53).reshape(n, 96)
    labels = make_faces(n, seed=7, size=8)[1]
    assert list(labels) == list(ATTRIBUTES) == list(PROBABILITIES)
    for column, (name, chances) in enumerate(PROBABILITIES.items()):
        assert len(chances) == len(ATTRIBUTES[name]) and sum(chances) == pytest.approx(1)
        limits = list(itertools.accumulate(chances))[:-1]
        expected = [sum(u >= limit for limit in limits) for u in uniform[:, column]]
        assert labels[name].tolist() == expected and labels[name].dtype == torch.int64, name


def test_a_face_depends_on_its_seed_alone():
    images, labels = make_faces(130, seed=2, size=33)
    assert images.shape == (130, 3, 33, 33) and images.dtype == torch.uint8
    assert len({image.numpy().tobytes() for image in images}) == 130
    for n in (1, 33):
        fewer, fewer_labels = make_faces(n, seed=2, size=33)
        assert torch.equal(fewer, images[:n])
        assert all(torch.equal(fewer_labels[name], labels[name][:n]) for name in labels)
    assert (make_faces(20, seed=3, size=33)[0] != images[:20]).flatten(1).any(1).all()
    states = torch.get_rng_state(), np.random.get_state()[1].copy()
    make_faces(2)
    assert torch.equal(torch.get_rng_state(), states[0])  # nobody else's numbers are used up
    assert np.array_equal(np.random.get_state()[1], states[1])


SHA = ["c2bed17f7f529fbf", "cf5f910b497fbcc8"]
PRINT_SHA = """
import hashlib, torch
from gan_edu.faces import make_faces
torch.set_num_threads(1)
images, labels = make_faces(1000, seed=5)
print(torch.backends.cpu.get_cpu_capability())
for x in (torch.stack(list(labels.values())), images):
    print(hashlib.sha256(x.numpy().tobytes()).hexdigest()[:16])
"""


@pytest.mark.parametrize("capability", ["default", "avx2"])
def test_the_bytes_are_the_same_on_every_processor(capability, monkeypatch):
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", capability)  # without and with fused multiply-adds
    command = [sys.executable, "-c", PRINT_SHA]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert found[0] == capability.upper() or platform.machine() not in ("x86_64", "AMD64")
    assert found[1:] == SHA
    images, _ = make_faces(1000, seed=5)  # this processor at its best
    assert hashlib.sha256(images.numpy().tobytes()).hexdigest()[:16] == SHA[1]


def test_fixed_attributes():
    free, names = make_faces(12, seed=6), ["red", 0, "grey", 2, np.int64(1), 3] * 2
    images, labels = make_faces(12, seed=6, hair_colour=names, smile=True, skin="dark")
    assert labels["hair_colour"].tolist() == [3, 0, 4, 2, 1, 3] * 2
    assert labels["smile"].tolist() == [1] * 12 and labels["skin"].tolist() == [5] * 12
    for name in ("glasses", "beard", "hair_style"):
        assert torch.equal(labels[name], free[1][name])
    for same in (
        dict(hair_colour=tuple(names), smile="yes", skin=["dark"] * 12),
        dict(hair_colour=labels["hair_colour"].numpy(), smile=torch.tensor(1), skin=np.array("dark")),
        dict(labels),
    ):  # fmt: skip
        assert torch.equal(make_faces(12, seed=6, **same)[0], images)
    many = [k % 6 for k in range(100)]  # more than are painted at a time
    assert make_faces(100, seed=6, skin=many)[1]["skin"].tolist() == many


@pytest.mark.parametrize("arguments, message", [
    (dict(n=0), "n must be a whole number of at least 1, got 0"),
    (dict(n=3, seed=-1), "seed must be a whole number of at least 0, got -1"),
    (dict(n=3, size=7), "size must be a whole number of at least 8, got 7"),
    (dict(n=3, hat=1), "'hat' is no attribute of faces; there are smile, glasses, beard"),
    (dict(n=3, smile=2), "smile must be 0 or 'no', 1 or 'yes', got 2"),
    (dict(n=3, smile=0.5), "smile must be 0 or 'no', 1 or 'yes', got 0.5"),
    (dict(n=3, hair_colour="Red"), "must be 0 or 'black', 1 or 'brown', 2 or 'blond', .*, got 'Red'"),
    (dict(n=3, skin=[0, 1]), "skin must be one value, or one for each of 3, got 2"),
    (dict(n=3, skin=torch.tensor([0, 1, 6])), "skin must be 0 or 'very light', .*, got 6"),
    (dict(n=3, skin=np.zeros((3, 1), int)), r"skin must be .*, got \[0\]"),
])  # fmt: skip
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_faces(**arguments)


# ---- pictures


@pytest.mark.parametrize("size, difference", [(16, 2.8), (64, 0.8)])
def test_sizes_show_the_same_faces(size, difference):
    large, small = (make_faces(48, seed=3, size=k * size)[0].float() for k in (2, 1))
    half = F.avg_pool2d(large, 2)
    assert (half - small).abs().mean() < difference
    for wrong in (small.roll(1, 0), small.flip(2), small.flip(3), small.roll(1, 3)):
        assert (half - wrong).abs().mean() > difference
