"""Samples against the distributions they claim, by scipy's tests; files against bytes written by hand."""

import gzip
import struct

import numpy as np
import pytest
import scipy.stats
import sklearn.datasets
import torch

from gan_edu import datasets


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def follows(x, law, *args):
    return scipy.stats.kstest(np.asarray(x).ravel(), law, args=args).pvalue > 0.001


@pytest.mark.parametrize(
    "x, centers, sigma",
    [
        (datasets.gaussian_ring(9_000, 3, 2.0, 0.05, rng()), [[2, 0], [-1, 3**0.5], [-1, -(3**0.5)]], 0.05),
        (datasets.gaussian_grid(9_000, 2, 1.5, 0.1, rng()), [[a, b] for a in (-0.75, 0.75) for b in (-0.75, 0.75)], 0.1),
        (datasets.painted(9_000, [(0, 0), (10, 1)]), [[0, 0], [10, 1]], 0.05),
    ],
    ids=["ring", "grid", "painted"],
)  # fmt: skip
def test_mixtures_are_even_around_their_centres(x, centers, sigma):
    centers = torch.tensor(centers, dtype=torch.float32)
    nearest = torch.cdist(x, centers).argmin(1)
    assert scipy.stats.chisquare(nearest.bincount(minlength=len(centers))).pvalue > 0.001
    assert follows(x - centers[nearest], "norm", 0, sigma)


def test_centres():
    assert datasets.grid_centers(1).tolist() == [[0, 0]]
    assert datasets.grid_centers(2, 1.0)[1].tolist() == [-0.5, 0.5]  # column by column
    assert datasets.ring_centers(4, 2)[1].tolist() == pytest.approx([0, 2], abs=1e-6)
    defaults = datasets.gaussian_grid(20_000, generator=rng())  # what Gulrajani et al. divide by
    assert defaults.std(0).tolist() == pytest.approx([2.828, 2.828], abs=0.05)


def test_swiss_roll_is_a_spiral_and_that_of_scikit_learn():
    x = datasets.swiss_roll(5_000, noise=0, scale=2.0, generator=rng()).double().numpy() * 2
    t = np.hypot(*x.T)  # the radius is the angle
    np.testing.assert_allclose(x, t[:, None] * np.stack([np.cos(t), np.sin(t)], axis=1), atol=1e-3)
    x = datasets.swiss_roll(20_000, generator=rng()).numpy()
    theirs, _ = sklearn.datasets.make_swiss_roll(20_000, noise=0.25, random_state=0)
    for mine, known in zip((*x.T, np.hypot(*x.T)), (*(y := theirs[:, [0, 2]] / 7.5).T, np.hypot(*y.T))):  # fmt: skip
        assert scipy.stats.ks_2samp(mine, known).pvalue > 0.001


@pytest.mark.parametrize("name", ["gaussian_ring", "gaussian_grid", "swiss_roll"])
def test_the_generator_decides(name):
    sample = getattr(datasets, name)
    assert torch.equal(sample(50, generator=rng(3)), sample(50, generator=rng(3)))
    assert not torch.equal(sample(50, generator=rng(3)), sample(50, generator=rng(4)))
    with pytest.raises(ValueError, match="n must be a whole number of at least 1, got 0"):
        sample(0)


@pytest.mark.parametrize("call, message", [
    (lambda: datasets.gaussian_ring(3, sigma=-1), "sigma must be a finite number at least 0"),
    (lambda: datasets.gaussian_grid(3, side=0), "side must be a whole number of at least 1"),
    (lambda: datasets.swiss_roll(3, scale=0), "scale must be a finite number above 0, got 0"),
    (lambda: datasets.painted(5, [1, 2]), r"places must have shape \(number, 2\), got \(2,\)"),
])  # fmt: skip
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# ---- IDX files

IDX_CASES = [  # type byte, struct's letter, numpy's name, numbers that need the sign, the byte order and every byte
    (0x08, "B", np.uint8, [0, 1, 127, 128, 254, 255]),
    (0x09, "b", np.int8, [0, 1, 127, -128, -2, -1]),
    (0x0B, "h", np.int16, [0, 1, 256, -32768, 32767, -2]),
    (0x0C, "i", np.int32, [0, 1, 65536, -(2**31), 2**31 - 1, -2]),
    (0x0D, "f", np.float32, [0.0, 1.5, -2.25, 2.0**-149, 3e38, np.inf]),
    (0x0E, "d", np.float64, [0.0, 1.1, -2.25, 5e-324, 1e308, -np.inf]),
]


def idx(code=0x08, shape=(2, 3), body=bytes(range(6))):
    return bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + body


@pytest.mark.parametrize("shape", [(6,), (2, 3), (6, 1, 1, 1)])
@pytest.mark.parametrize("code, letter, dtype, values", IDX_CASES)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_idx_by_hand(tmp_path, pack, code, letter, dtype, values, shape):
    path = tmp_path / "file"
    path.write_bytes(pack(idx(code, shape, struct.pack(f">6{letter}", *values))))
    array = datasets.load_idx(str(path))
    assert array.dtype == dtype and array.dtype.isnative and array.shape == shape
    np.testing.assert_array_equal(array, np.array(values, dtype).reshape(shape))
    array[...] = 1  # it can be written to,
    assert torch.from_numpy(array).shape == shape  # and torch takes it


def flipped(data, position):
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


ZIPPED = gzip.compress(idx(), mtime=0)
BAD_FILES = {
    "empty": (b"", r"is no IDX file: it begins with \[\], not two zero bytes"),
    "short header": (b"\0\0\x08", r"is no IDX file: it begins with \[0, 0, 8\]"),
    "wrong magic": (b"\1" + idx()[1:], "is no IDX file"),
    "unknown type": (idx(code=0x0A), r"begins with \[0, 0, 10, 2\].*a type of 8, 9, 11, 12, 13, 14"),
    "no dimensions": (idx(shape=()), "is no IDX file"),
    "truncated sizes": (idx()[:10], "is not whole: .* it has 10"),
    "one byte short": (idx(body=bytes(5)), r"promises uint8 of shape \(2, 3\), 18 bytes in all, it has 17"),
    "a larger type": (idx(0x0B, (2, 3), bytes(6)), r"int16 .* 24 bytes in all, it has 18"),
    "10^36 items": (idx(0x0E, shape=(10**9,) * 4), "is not whole"),
    "gzip cut": (ZIPPED[:-10], "is a damaged or incomplete gzip file"),
    "gzip, wrong checksum": (flipped(ZIPPED, len(ZIPPED) - 6), "damaged or incomplete gzip file: CRC"),
    "gzip, bad block": (flipped(flipped(ZIPPED, 10), 11), "is a damaged or incomplete gzip file"),
    "gzip and more": (ZIPPED + b"more", "is a damaged or incomplete gzip file"),
}  # fmt: skip


@pytest.mark.parametrize("content, message", BAD_FILES.values(), ids=BAD_FILES)
def test_bad_idx_files_are_explained(tmp_path, content, message):
    path = tmp_path / "bad.idx"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        datasets.load_idx(path)
    assert str(path) in str(caught.value)


# ---- MNIST

PIXELS = np.arange(2 * 28 * 28, dtype=np.uint32).astype(np.uint8).reshape(2, 28, 28)
LABELS = np.array([7, 0], np.uint8)
PARTS = {"images": ("images", "idx3", PIXELS), "labels": ("labels", "idx1", LABELS)}


def write_pair(folder, part="train", dot="-", zipped="", **other):
    """Write the two IDX files of a part; other arrays, or bytes, in their place: images=, labels=."""
    for name, (word, kind, array) in PARTS.items():
        content = other.get(name, array)
        if isinstance(content, np.ndarray):
            content = idx(0x08, content.shape, content.astype(np.uint8).tobytes())
        if content is not None:
            path = folder / f"{part}-{word}{dot}{kind}-ubyte{zipped}"
            path.write_bytes(gzip.compress(content) if zipped else content)


def assert_is_pair(images, labels):
    assert images.shape == (2, 1, 28, 28) and images.dtype == torch.float32
    assert np.array_equal(((images[:, 0] + 1) * 127.5).round().numpy(), PIXELS)
    assert labels.tolist() == [7, 0] and labels.dtype == torch.int64


def test_mnist_without_files():
    images, labels = datasets.load_mnist()
    assert images.shape == (5000, 1, 28, 28) and (images.min(), images.max()) == (-1, 1)
    assert labels.bincount().tolist() == [500] * 10 and len(labels[:100].unique()) == 10
    zeros, ones = (images[labels == k].mean(0)[0] for k in (0, 1))  # a ring, and a stroke
    assert zeros[14, 14] < -0.8 < 0.3 < ones[14, 14]


@pytest.mark.parametrize("zipped", ["", ".gz"])
@pytest.mark.parametrize("dot", ["-", "."])
@pytest.mark.parametrize("part", ["train", "t10k"])
def test_mnist_of_idx_files(tmp_path, part, dot, zipped):
    write_pair(tmp_path, part, dot, zipped)
    assert_is_pair(*datasets.load_mnist(str(tmp_path)))


def test_mnist_of_keras(tmp_path):
    np.savez(tmp_path / "mnist.npz", x_train=PIXELS, y_train=LABELS, x_test=PIXELS[:1])
    for where in (tmp_path, tmp_path / "mnist.npz"):
        assert_is_pair(*datasets.load_mnist(where))


BAD_PAIRS = {
    "labels for images": (dict(images=LABELS), r"train-images.*must hold images, uint8 \(N, 28, 28\), got uint8 \(2,\)"),
    "images for labels": (dict(labels=PIXELS), r"train-labels.*must hold labels, uint8 \(N,\), got uint8 \(2, 28, 28\)"),
    "numbers of another type": (dict(labels=idx(0x0E, (2,), bytes(16))), r"must hold labels, uint8 \(N,\), got float64 \(2,\)"),
    "a label short": (dict(labels=LABELS[:1]), r"has 2 images and .*train-labels.* 1 labels: they belong together"),
    "a label of 10": (dict(labels=np.array([3, 10])), "train-labels.*labels from 0 to 9, got 10"),
    "a web page": (dict(images=b"<html>"), "train-images.*is no IDX file"),
}  # fmt: skip


@pytest.mark.parametrize("other, message", BAD_PAIRS.values(), ids=BAD_PAIRS)
def test_bad_mnist_files_are_explained(tmp_path, other, message):
    write_pair(tmp_path, **other)
    with pytest.raises(ValueError, match=message):
        datasets.load_mnist(tmp_path)


@pytest.mark.parametrize("content, message", [
    (b"PK", "must be the mnist.npz of Keras, with x_train and y_train"), (dict(x_train=PIXELS), "y_train is not a file"), (dict(x_train=PIXELS, y_train=LABELS[:1]), "they belong together"),
    (dict(x_train=np.array([{}]), y_train=LABELS), "must be the mnist.npz of Keras"),
])  # fmt: skip
def test_bad_npz_files_are_explained(tmp_path, content, message):
    path = tmp_path / "mnist.npz"
    path.write_bytes(content) if isinstance(content, bytes) else np.savez(path, **content)
    with pytest.raises(ValueError, match=message) as caught:
        datasets.load_mnist(tmp_path)
    assert str(path) in str(caught.value)


def test_mnist_that_is_not_there(tmp_path):
    for path, what in ((tmp_path, "does not"), (tmp_path / "a.npz", "is no folder")):
        with pytest.raises(FileNotFoundError, match=f"must hold mnist.npz or .* {what}"):
            datasets.load_mnist(path)
    write_pair(tmp_path, labels=None)
    with pytest.raises(FileNotFoundError, match="train-labels-idx1-ubyte"):
        datasets.load_mnist(tmp_path)


def test_batches_serve_each_sample_once_an_epoch():
    data = torch.arange(10)
    torch.manual_seed(0)
    batches = datasets.Batches(data, 3)
    for epoch in range(4):
        assert batches.epoch == epoch
        seen = torch.cat([next(batches) for _ in range(len(batches))])
        assert len(set(seen.tolist())) == 9
    pairs = datasets.Batches(torch.utils.data.TensorDataset(data, -data), 5)
    x, y = next(pairs)
    assert torch.equal(x, -y) and x.shape == (5,)
    with pytest.raises(ValueError, match="must be at most 10, the size of the data, got 11"):
        datasets.Batches(data, 11)
    with pytest.raises(ValueError, match="10 samples, not 9"):
        batches.load_state_dict(datasets.Batches(data[:9], 3).state_dict())
