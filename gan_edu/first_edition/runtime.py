"""Seeds, device, threads and progress bars."""

import concurrent.futures
import contextlib
import random
import sys
import threading

import numpy as np
import torch
from tqdm.std import tqdm

from gan_edu._arguments import check_count


def seed_everything(seed=0):
    """Seed Python, NumPy and torch, so that a notebook run from the top gives the same numbers again.

    Returns a torch.Generator with the same seed, for the functions that take `generator=`.
    """
    seed = check_count("seed", seed, least=0)
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    return torch.Generator().manual_seed(seed)


def fast_precision(device):
    """Return torch.bfloat16 where the device, the one that the networks are on, has instructions for it, else torch.float32."""
    device = torch.device(device)
    if device.type == "cuda":
        fast = torch.cuda.get_device_capability(device) >= (8, 0)
    else:  # older processors imitate bfloat16, slower than float32
        fast = device.type == "cpu" and (
            torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        )
    return torch.bfloat16 if fast else torch.float32


def suitable_threads(n_parameters, cores=None, convolutional=False):
    """Return how many threads torch should split each operation of models of this many parameters over.

    Small models get one: splitting a matrix product of a few kiloflops over cores costs more than it saves, and
    two threads that wait for each other on a busy laptop can slow a step down more than tenfold. Convolutional ones
    get one up to twice that size: they do more with a parameter, but in more, and shorter, operations.
    cores: how many threads there may be, by default torch.get_num_threads().
    """
    return (
        1
        if n_parameters < (1_000_000 if convolutional else 500_000)
        else cores or torch.get_num_threads()
    )


@contextlib.contextmanager
def side_by_side(function, *arguments):
    """Compute function(*arguments) in a second thread while the `with` block runs; afterwards `.result()` has it.

    For work on tensors, which leaves Python to the others. The thread is at its end when the block is left, also by an
    exception.
    """
    outcome, threads = concurrent.futures.Future(), torch.get_num_threads()

    def work():
        try:
            with num_threads(threads):
                outcome.set_result(function(*arguments))
        except BaseException as fault:
            outcome.set_exception(fault)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield outcome
    finally:
        thread.join()


@contextlib.contextmanager
def num_threads(n):
    """Run torch with `n` threads inside the `with` block. The setting belongs to the calling thread."""
    before = torch.get_num_threads()
    if n == before:
        yield
        return
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def progress(iterable, description="", total=None):
    """Wrap `iterable` in a one-line tqdm bar with the time left; it appears only when half a second was not enough."""
    # Plain text on stdout: a widget bar would be empty in a saved notebook, and stderr is shown as an error.
    return tqdm(
        iterable,
        desc=description,
        total=total,
        file=sys.stdout,
        ncols=88,
        delay=0.5,
        mininterval=0.25,
    )
