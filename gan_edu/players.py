"""The players of a run: what build() returns, how it is copied exactly and looked at without being changed."""

import collections
import contextlib
import copy
import math
import random
import types
import warnings

import numpy as np
import torch
from torch import nn

from gan_edu.datasets import Batches

Players = types.SimpleNamespace  # what build() returns: networks, optimisers, all that changes

# A copied optimiser has lost the mark that its scheduler looks for.
warnings.filterwarnings("ignore", "Seems like `optimizer.step", UserWarning)


def adam(network, betas=(0.5, 0.9)):
    """Return Adam over the network's weights; `descend` gives it the learning rate. Kingma & Ba (2015).

    fused: one pass over all weights instead of ten, a third less time for small networks.
    """
    return torch.optim.Adam(network.parameters(), betas=betas, fused=True)


def descend(opt, loss, lr=None):
    """Move the weights of `opt` one step downhill; nobody else's gradients are touched.

    loss: one number; lr: the learning rate, by default what the optimiser or its scheduler has.
    FloatingPointError, before anything moves, where the loss is not finite.
    """
    if loss.dim() == 0 and not math.isfinite(loss.item()):
        raise FloatingPointError(f"the loss is {loss.item()}")
    for group in opt.param_groups:
        group["lr"] = group["lr"] if lr is None else lr
    opt.zero_grad()
    weights = [p for group in opt.param_groups for p in group["params"] if p.requires_grad]
    loss.backward(inputs=weights)
    opt.step()


def networks(part):
    """Return every network among the players, also those in lists and dictionaries."""
    if isinstance(part, nn.Module):
        return [part]
    part = vars(part) if isinstance(part, Players) else part
    part = list(part.values()) if isinstance(part, dict) else part
    inside = part if isinstance(part, (list, tuple, collections.deque)) else ()
    return [network for one in inside for network in networks(one)]


def weights(gan):
    """Return the parameters of all networks."""
    return [p for network in networks(gan) for p in network.parameters()]


def finite(gan):
    """Return whether all weights are finite numbers."""
    return all(p.isfinite().all() for p in weights(gan))


def copied(gan):
    """Return (an exact copy of the players, its size in bytes); ValueError names what cannot be copied.

    A copy, not a state dictionary: that forgets training flags, frozen parameters, lists, schedulers, pools.
    """
    twin = Players()
    memo = {id(gan): twin}
    for name, part in vars(gan).items():
        try:
            setattr(twin, name, copy.deepcopy(part, memo))
        except Exception as fault:
            what = f"gan.{name} cannot be kept ({type(part).__name__}: {fault}) for a rewind"
            cure = "detach tensors, open files elsewhere, take batches from Batches(dataset, batch_size)"
            cure += ", weight and spectral norm from torch.nn.utils.parametrizations"
            raise ValueError(f"{what}: {cure}") from None
    for p, q in zip(weights(gan), weights(twin)):  # deepcopy drops the gradients of parameters
        q.grad = None if p.grad is None else p.grad.clone()
    arrays = [part for part in memo.values() if isinstance(part, (torch.Tensor, np.ndarray))]
    return twin, sum(part.nbytes for part in arrays)


def random_state():
    """Return the state of the global random numbers of torch, NumPy and Python."""
    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    apple = [torch.mps.get_rng_state()] if torch.backends.mps.is_available() else []
    return torch.get_rng_state(), gpus, np.random.get_state(), random.getstate(), apple


def set_random_state(state):
    """Put back what `random_state` returned."""
    torch.set_rng_state(state[0])
    if state[1] and torch.cuda.is_available():  # the run may come from a machine with more of them
        torch.cuda.set_rng_state_all(state[1][: torch.cuda.device_count()])
    np.random.set_state(state[2])
    random.setstate(state[3])
    if state[4] and torch.backends.mps.is_available():
        torch.mps.set_rng_state(state[4][0])


@contextlib.contextmanager
def apart(state=None, threads=None):
    """Work with random numbers and threads of one's own, if given from these on; the page's are put back afterwards."""
    outside, before = random_state(), torch.get_num_threads()
    try:
        if state is not None:
            set_random_state(state)
        torch.set_num_threads(threads or before)
        yield
    finally:
        torch.set_num_threads(before)
        set_random_state(outside)


def built(build, seed):
    """Return (build() after seeding, the random numbers that follow)."""
    with apart():
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.manual_seed(seed)
        return build(), random_state()


@contextlib.contextmanager
def untouched(gan, threads=None):
    """Look at the players without changing them: random numbers, flags, buffers and batches are put back.

    Otherwise a picture would move the statistics of batch normalisation, leave a network in eval(), or take a batch.
    """
    parts = vars(gan).values() if gan else ()
    served = [(part, dict(vars(part))) for part in parts if isinstance(part, Batches)]
    moving = [(p, p.requires_grad) for p in weights(gan)]
    flags = [(module, module.training) for net in networks(gan) for module in net.modules()]
    buffers = [(buffer, buffer.clone()) for net in networks(gan) for buffer in net.buffers()]
    try:
        with apart(threads=threads):
            yield
    finally:
        for module, training in flags:
            module.training = training
        for buffer, before in buffers:
            buffer.copy_(before)
        for p, learns in moving:
            p.requires_grad_(learns)
        for part, before in served:
            vars(part).update(before)
