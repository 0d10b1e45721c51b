"""Samples against the distributions they claim, by scipy's tests; files against bytes written by hand."""

import gzip
import re
import struct

import numpy as np
import pytest
import scipy.stats
import sklearn.datasets
import torch

from gan_edu import datasets


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_gaussian_1d():
    x = datasets.gaussian_1d(20_000, mean=-1.0, std=0.3, generator=rng())
    assert x.shape == (20_000, 1) and x.dtype == torch.float32
    assert scipy.stats.kstest(x.numpy().ravel(), "norm", args=(-1.0, 0.3)).pvalue > 0.001
    assert scipy.stats.kstest(x.numpy().ravel(), "norm", args=(-1.0, 0.31)).pvalue < 0.5


def test_ring():
    x = datasets.gaussian_ring(8_000, num_modes=5, radius=2.0, sigma=0.05, generator=rng())
    centers = datasets.ring_centers(5, 2.0)
    torch.testing.assert_close(centers[0], torch.tensor([2.0, 0.0]))
    torch.testing.assert_close(
        centers[1],
        torch.tensor([2 * np.cos(2 * np.pi / 5), 2 * np.sin(2 * np.pi / 5)], dtype=torch.float32),
    )
    nearest = torch.cdist(x, centers).argmin(1)
    assert scipy.stats.chisquare(np.bincount(nearest, minlength=5)).pvalue > 0.001
    offsets = (x - centers[nearest]).numpy().ravel()
    assert scipy.stats.kstest(offsets, "norm", args=(0, 0.05)).pvalue > 0.001


def test_grid():
    x = datasets.gaussian_grid(20_000, side=3, spacing=1.5, sigma=0.1, generator=rng())
    centers = datasets.grid_centers(3, 1.5)
    by_hand = [[a, b] for a in (-1.5, 0.0, 1.5) for b in (-1.5, 0.0, 1.5)]
    assert centers.tolist() == by_hand
    assert datasets.grid_centers(2, 1.0).tolist() == [
        [-0.5, -0.5],
        [-0.5, 0.5],
        [0.5, -0.5],
        [0.5, 0.5],
    ]
    assert datasets.grid_centers().shape == (25, 2) and datasets.grid_centers(1).tolist() == [
        [0, 0]
    ]
    nearest = torch.cdist(x, torch.tensor(by_hand)).argmin(1)
    assert scipy.stats.chisquare(np.bincount(nearest, minlength=9)).pvalue > 0.001
    offsets = (x - torch.tensor(by_hand)[nearest]).numpy().ravel()
    assert scipy.stats.kstest(offsets, "norm", args=(0, 0.1)).pvalue > 0.001
    defaults = datasets.gaussian_grid(
        20_000, generator=rng()
    )  # the variance that Gulrajani et al. divide by
    assert defaults.std(0).tolist() == pytest.approx([2.828, 2.828], abs=0.05)


def test_a_drawing_is_sampled_evenly_with_noise():
    places = [(0, 0), (10, 1), (20, 2), (20, 2)]
    torch.manual_seed(0)
    x = datasets.painted(20_000, places)
    column = (x[:, 0] / 10).round()
    assert torch.bincount(column.long()) / 20_000 == pytest.approx([0.25, 0.25, 0.5], abs=0.015)
    assert (x - torch.stack([10 * column, column], 1)).std(0) == pytest.approx(
        [0.05, 0.05], rel=0.03
    )
    for wrong in ([], [1, 2], [(1, 2, 3)]):
        with pytest.raises(ValueError, match=r"places must have shape \(number, 2\)"):
            datasets.painted(5, wrong)


def test_swiss_roll_without_noise_lies_on_the_spiral():
    x = datasets.swiss_roll(5_000, noise=0, scale=2.0, generator=rng()).double().numpy() * 2
    t = np.hypot(*x.T)  # the radius is the angle
    np.testing.assert_allclose(x, t[:, None] * np.stack([np.cos(t), np.sin(t)], axis=1), atol=1e-3)
    assert scipy.stats.kstest(t, "uniform", args=(1.5 * np.pi, 3 * np.pi)).pvalue > 0.001


def test_swiss_roll_is_that_of_scikit_learn():
    x = datasets.swiss_roll(20_000, generator=rng()).numpy()
    theirs = (
        sklearn.datasets.make_swiss_roll(20_000, noise=0.25, random_state=0)[0][:, [0, 2]] / 7.5
    )
    for view in (
        lambda p: p[:, 0],
        lambda p: p[:, 1],
        lambda p: np.hypot(*p.T),
        lambda p: np.arctan2(*p.T),
    ):
        assert scipy.stats.ks_2samp(view(x), view(theirs)).pvalue > 0.001
    noisy = datasets.swiss_roll(
        20_000, noise=1.0, scale=1.0, generator=rng()
    ) - datasets.swiss_roll(
        20_000, noise=0.0, scale=1.0, generator=rng()
    )  # the same seed draws the same t
    assert scipy.stats.kstest(noisy.numpy().ravel(), "norm").pvalue > 0.001


def test_other_latents():
    z = datasets.latent_uniform(5_000, 3, low=-2, high=1, generator=rng())
    assert (
        z.shape == (5_000, 3)
        and scipy.stats.kstest(z.numpy().ravel(), "uniform", args=(-2, 3)).pvalue > 0.001
    )
    z = datasets.latent_normal(5_000, 3, generator=rng())
    assert z.shape == (5_000, 3) and scipy.stats.kstest(z.numpy().ravel(), "norm").pvalue > 0.001


@pytest.mark.parametrize(
    "sample",
    [
        datasets.gaussian_1d,
        datasets.gaussian_ring,
        datasets.gaussian_grid,
        datasets.swiss_roll,
        datasets.latent_uniform,
        datasets.latent_normal,
    ],
)
def test_the_generator_decides(sample):
    assert torch.equal(sample(50, generator=rng(3)), sample(50, generator=rng(3)))
    assert not torch.equal(sample(50, generator=rng(3)), sample(50, generator=rng(4)))
    for bad in (0, -1, 2.5, "ten", True):
        with pytest.raises(ValueError, match="n must be a whole number of at least 1"):
            sample(bad)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: datasets.gaussian_1d(3, std=0), "std must be a finite number above 0, got 0"),
        (
            lambda: datasets.gaussian_1d(3, mean=float("nan")),
            "mean must be a finite number, got nan",
        ),
        (
            lambda: datasets.gaussian_ring(3, sigma=-1),
            "sigma must be a finite number at least 0, got -1",
        ),
        (
            lambda: datasets.gaussian_grid(3, sigma=-1),
            "sigma must be a finite number at least 0, got -1",
        ),
        (
            lambda: datasets.gaussian_grid(3, side=0),
            "side must be a whole number of at least 1, got 0",
        ),
        (
            lambda: datasets.grid_centers(3, -1),
            "spacing must be a finite number at least 0, got -1",
        ),
        (
            lambda: datasets.swiss_roll(3, noise=-1),
            "noise must be a finite number at least 0, got -1",
        ),
        (lambda: datasets.swiss_roll(3, scale=0), "scale must be a finite number above 0, got 0"),
        (
            lambda: datasets.latent_uniform(3, low=1, high=1),
            "low must be below high, got low=1 and high=1",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


IDX_CASES = [  # type byte, struct's letter, numpy's name, numbers that need the sign, the byte order and every byte
    (0x08, "B", np.uint8, [0, 1, 127, 128, 254, 255]),
    (0x09, "b", np.int8, [0, 1, 127, -128, -2, -1]),
    (0x0B, "h", np.int16, [0, 1, 256, -32768, 32767, -2]),
    (0x0C, "i", np.int32, [0, 1, 65536, -(2**31), 2**31 - 1, -2]),
    (0x0D, "f", np.float32, [0.0, 1.5, -2.25, 2.0**-149, 3e38, np.inf]),
    (0x0E, "d", np.float64, [0.0, 1.1, -2.25, 5e-324, 1e308, -np.inf]),
]


def idx(code=0x08, shape=(2, 3), body=bytes(range(6))):
    return (
        bytes([0, 0, code, len(shape)]) + b"".join(struct.pack(">I", size) for size in shape) + body
    )


@pytest.mark.parametrize("shape", [(6,), (2, 3), (1, 2, 3), (6, 1, 1, 1)])
@pytest.mark.parametrize("code, letter, dtype, values", IDX_CASES)
@pytest.mark.parametrize("name", ["file.idx", "file-idx3-ubyte", "file.gz"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_idx_by_hand(tmp_path, pack, name, code, letter, dtype, values, shape):
    (tmp_path / name).write_bytes(
        pack(idx(code, shape, struct.pack(f">{len(values)}{letter}", *values)))
    )
    for path in (tmp_path / name, str(tmp_path / name)):
        array = datasets.load_idx(path)
        assert (
            array.dtype == dtype
            and array.dtype.isnative
            and array.shape == shape
            and array.flags.c_contiguous
        )
        np.testing.assert_array_equal(array, np.array(values, dtype).reshape(shape))
        array[...] = 1  # it can be written to,
        assert torch.from_numpy(array).shape == shape  # and torch takes it


def test_idx_larger_than_one_read(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (2_000, 30, 30), dtype=np.uint8)
    for pack in (bytes, gzip.compress):
        (tmp_path / "images").write_bytes(pack(idx(0x08, values.shape, values.tobytes())))
        np.testing.assert_array_equal(datasets.load_idx(tmp_path / "images"), values)
    halves = idx(0x08, values.shape, values.tobytes())
    (tmp_path / "images").write_bytes(gzip.compress(halves[:1000]) + gzip.compress(halves[1000:]))
    np.testing.assert_array_equal(
        datasets.load_idx(tmp_path / "images"), values
    )  # gzip allows several members


def test_idx_faults_behind_a_whole_number_of_reads(tmp_path):
    body = bytes(2**20)
    (tmp_path / "longer").write_bytes(idx(shape=(2**20,), body=body + b"0"))
    zipped = gzip.compress(idx(shape=(2**20,), body=body))
    (tmp_path / "damaged").write_bytes(flipped(zipped, len(zipped) - 6))
    with pytest.raises(ValueError, match="is too long"):
        datasets.load_idx(tmp_path / "longer")
    with pytest.raises(ValueError, match="CRC"):
        datasets.load_idx(tmp_path / "damaged")


def flipped(data, position):
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


ZIPPED = gzip.compress(idx(), mtime=0)
BAD_FILES = {
    "empty": (b"", "is no IDX file: .* but is empty"),
    "short header": (b"\0\0\x08", r"is no IDX file: .* but begins with b'\\x00\\x00\\x08'"),
    "wrong magic": (b"\1" + idx()[1:], "is no IDX file: it must begin with two zero bytes"),
    "wrong second byte": (b"\0\1" + idx()[2:], "is no IDX file: it must begin with two zero bytes"),
    "a web page": (
        b"<!DOCTYPE html><html>404</html>",
        "is no IDX file: .* but begins with b'<!DO'",
    ),
    "a zip archive": (b"PK\3\4" + idx(), "is no IDX file"),
    "unknown type": (
        idx(code=0x0A),
        "its type must be one of 0x08, 0x09, 0x0b, 0x0c, 0x0d, 0x0e, got 0x0a",
    ),
    "little-endian header": (idx()[3::-1] + idx()[4:], "is no IDX file"),
    "no dimensions": (idx(shape=()), "must have 1 to 64 dimensions, its header says 0"),
    "many dimensions": (
        idx(shape=(1,) * 65, body=b"0"),
        "must have 1 to 64 dimensions, its header says 65",
    ),
    "truncated sizes": (idx()[:10], "is truncated: 2 sizes of 4 bytes must follow, got 6 bytes"),
    "size 0": (
        idx(shape=(0, 3), body=b""),
        r"holds no data: its header promises uint8 of shape \(0, 3\), 0 bytes",
    ),
    "no body": (
        idx(body=b""),
        r"is truncated: its header promises uint8 of shape \(2, 3\), 6 bytes, but 0 follow",
    ),
    "one byte short": (idx(body=bytes(5)), r"is truncated: .* 6 bytes, but 5 follow"),
    "half a number": (
        idx(0x0E, (2,), bytes(12)),
        r"is truncated: .* float64 of shape \(2,\), 16 bytes, but 12 follow",
    ),
    "one byte too long": (idx(body=bytes(7)), "is too long: .* 6 bytes, but more follow"),
    "labelled a smaller type": (idx(0x08, (2, 3), bytes(12)), "is too long"),
    "labelled a larger type": (
        idx(0x0B, (2, 3), bytes(6)),
        r"is truncated: .* int16 .* 12 bytes, but 6 follow",
    ),
    "10^12 items": (
        idx(shape=(10**6, 10**6)),
        r"is truncated: .* 1,000,000,000,000 bytes, but 6 follow",
    ),
    "10^36 items": (idx(0x0E, shape=(10**9,) * 4), "is truncated"),
    "zipped, 10^12 items": (
        gzip.compress(idx(shape=(10**6, 10**6))),
        "unzipped, is truncated: .* but 6 follow",
    ),
    "zipped, too long": (gzip.compress(idx(body=bytes(7))), "unzipped, is too long"),
    "zipped, one byte short": (
        gzip.compress(idx(body=bytes(5))),
        "unzipped, is truncated: .* but 5 follow",
    ),
    "zipped, empty": (gzip.compress(b""), "unzipped, is no IDX file: .* but is empty"),
    "zipped text": (
        gzip.compress(b"label,pixel\n"),
        "unzipped, is no IDX file: .* but begins with b'labe'",
    ),
    "zipped twice": (gzip.compress(ZIPPED), "unzipped, is no IDX file"),
    "gzip cut in its header": (ZIPPED[:5], "is a damaged or incomplete gzip file"),
    "gzip cut": (ZIPPED[:-10], "is a damaged or incomplete gzip file"),
    "gzip without its end": (ZIPPED[:-8], "is a damaged or incomplete gzip file"),
    "gzip, wrong checksum": (
        flipped(ZIPPED, len(ZIPPED) - 6),
        "is a damaged or incomplete gzip file: CRC",
    ),
    "gzip, wrong length": (
        flipped(ZIPPED, len(ZIPPED) - 3),
        "is a damaged or incomplete gzip file",
    ),
    "gzip, bad block": (flipped(flipped(ZIPPED, 10), 11), "is a damaged or incomplete gzip file"),
    "gzip, unknown method": (flipped(ZIPPED, 2), "is a damaged or incomplete gzip file"),
    "gzip and more": (ZIPPED + b"more", "is a damaged or incomplete gzip file"),
}


@pytest.mark.parametrize("name", ["bad.idx", "bad.gz"])
@pytest.mark.parametrize("content, message", BAD_FILES.values(), ids=BAD_FILES)
def test_bad_idx_files_are_explained(tmp_path, content, message, name):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        datasets.load_idx(path)
    assert str(path) in str(caught.value)


def test_idx_paths(tmp_path):
    with pytest.raises(FileNotFoundError, match=re.escape(f"there is no {tmp_path / 'absent'}")):
        datasets.load_idx(tmp_path / "absent")
    with pytest.raises(ValueError, match=re.escape(f"{tmp_path} is a folder")):
        datasets.load_idx(tmp_path)
    for bad in (None, 3, [1]):
        with pytest.raises(ValueError, match="path must be the name of a file or folder, got"):
            datasets.load_idx(bad)


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
    again, _ = datasets.load_mnist()
    assert torch.equal(images, again)
    zeros, ones = (images[labels == k].mean(0)[0] for k in (0, 1))  # a ring, and a stroke
    assert zeros[14, 14] < -0.8 < 0.3 < ones[14, 14]


@pytest.mark.parametrize("zipped", ["", ".gz"])
@pytest.mark.parametrize("dot", ["-", "."])
@pytest.mark.parametrize("part", ["train", "t10k"])
def test_mnist_of_idx_files(tmp_path, part, dot, zipped):
    write_pair(tmp_path, part, dot, zipped)
    assert_is_pair(*datasets.load_mnist(tmp_path))
    assert_is_pair(*datasets.load_mnist(str(tmp_path)))


def test_mnist_of_keras(tmp_path):
    np.savez(tmp_path / "mnist.npz", x_train=PIXELS, y_train=LABELS, x_test=PIXELS[:1])
    for where in (tmp_path, tmp_path / "mnist.npz"):
        assert_is_pair(*datasets.load_mnist(where))


WHOLE = idx(0x08, PIXELS.shape, PIXELS.tobytes())
BAD_PAIRS = {
    "labels for images": (dict(images=LABELS), r"train-images.*must hold images, uint8 \(N, 28, 28\), got uint8 \(2,\)"),
    "images for labels": (dict(labels=PIXELS), r"train-labels.*must hold labels, uint8 \(N,\), got uint8 \(2, 28, 28\)"),
    "another size": (dict(images=np.zeros((2, 32, 32))), r"must hold images, .* got uint8 \(2, 32, 32\)"),
    "numbers of another type": (dict(labels=idx(0x0E, (2,), bytes(16))), r"must hold labels, uint8 \(N,\), got float64 \(2,\)"),
    "a label short": (dict(labels=LABELS[:1]), r"has 2 images and .*train-labels.* 1 labels: they belong together"),
    "a label of 10": (dict(labels=np.array([3, 10])), "train-labels.*labels from 0 to 9, got 10"),
    "cut images": (dict(images=WHOLE[:-5]), "train-images.*is truncated"),
    "a web page": (dict(images=b"<html>"), "train-images.*is no IDX file"),
}  # fmt: skip


@pytest.mark.parametrize("zipped", ["", ".gz"])
@pytest.mark.parametrize("other, message", BAD_PAIRS.values(), ids=BAD_PAIRS)
def test_bad_mnist_files_are_explained(tmp_path, other, message, zipped):
    write_pair(tmp_path, zipped=zipped, **other)
    with pytest.raises(ValueError, match=message):
        datasets.load_mnist(tmp_path)


def test_mnist_cut_in_its_gzip(tmp_path):
    write_pair(tmp_path, zipped=".gz")
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ValueError, match="is a damaged or incomplete gzip file"):
        datasets.load_mnist(tmp_path)


@pytest.mark.parametrize("content, message", [
    (b"PK", "must be the mnist.npz of Keras, with x_train and y_train"), (dict(x_train=PIXELS), "y_train is not a file"), (dict(x_train=PIXELS, y_train=LABELS[:1]), "they belong together"),
    (dict(x_train=PIXELS.astype(float), y_train=LABELS), r"must hold images, .* got float64"), (dict(x_train=np.array([{}]), y_train=LABELS), "must be the mnist.npz of Keras"),
])  # fmt: skip
def test_bad_npz_files_are_explained(tmp_path, content, message):
    path = tmp_path / "mnist.npz"
    path.write_bytes(content) if isinstance(content, bytes) else np.savez(path, **content)
    with pytest.raises(ValueError, match=message) as caught:
        datasets.load_mnist(tmp_path)
    assert str(path) in str(caught.value)


def test_mnist_that_is_not_there(tmp_path):
    for path, what in ((tmp_path, "does not"), (tmp_path / "absent", "is no folder"), (tmp_path / "a.npz", "is no folder")):  # fmt: skip
        with pytest.raises(FileNotFoundError, match=f"must hold mnist.npz or .* {what}"):
            datasets.load_mnist(path)
    write_pair(tmp_path, labels=None)
    with pytest.raises(FileNotFoundError, match="train-labels-idx1-ubyte"):
        datasets.load_mnist(tmp_path)
    for bad in (3, [1]):
        with pytest.raises(ValueError, match="folder must be the name of a file or folder, got"):
            datasets.load_mnist(bad)
