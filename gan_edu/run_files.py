"""Runs as files: written whole or not at all, and read without running what is in them."""

import collections
import contextlib
import errno
import functools
import inspect
import io
import os
import pathlib
import textwrap
import types
import zipfile

import numpy as np
import torch
from torch import nn

from gan_edu.players import Players, networks

MADE_AGAIN = (  # what build() makes and training does not change
    types.FunctionType, types.BuiltinFunctionType, types.MethodType, functools.partial, type, torch.device,
    torch.dtype, torch.utils.data.Dataset, torch.distributions.Distribution,
)  # fmt: skip


def write(path, state):
    """Write plain data to a file, whole or not at all. OSError in plain words; an older file stays as it was."""
    content, path = io.BytesIO(), pathlib.Path(path)
    torch.save(state, content)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.unfinished")
    try:
        unfinished.write_bytes(content.getbuffer())
        os.replace(unfinished, path)
    except OSError as fault:
        why = "the disk is full" if fault.errno == errno.ENOSPC else fault.strerror
        raise OSError(f"{path} could not be written: {why}. Nothing was changed.") from None
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink()


def read(path, kind, parts, key="kind"):
    """Return what `write` wrote; ValueError where the file is of another kind, its `key`, or lacks one of these parts."""
    try:
        with zipfile.ZipFile(path) as members:
            if members.testzip():  # torch does not look at the checksums
                raise ValueError("damaged")
        state = torch.load(path, weights_only=True, map_location="cpu")
        if state[key] != kind or not all(part in state for part in parts):
            raise ValueError("foreign")
        return state
    except OSError:
        raise
    except Exception as fault:
        raise ValueError(f"{path} is no {kind}, or not whole ({type(fault).__name__})") from None


def source(function):
    """Return the text of a function, or a comment where it is not known; a text is returned as it is.

    Of a function of the package the line that imports it: its text needs what its own module has.
    """
    if isinstance(function, str):
        return function
    module = getattr(function, "__module__", None) or ""
    if module.startswith("gan_edu."):
        return f"from {module} import {function.__name__}\n"
    try:
        return textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        return f"# the text of {getattr(function, '__name__', function)} is not known\n"


def own(module):
    """Return the numbers and words that a network keeps beside its weights, such as `training`."""
    kinds = bool, int, float, str
    return {k: v for k, v in vars(module).items() if k[0] != "_" and isinstance(v, kinds)}


def to_plain(name, part):
    """Return a part as numbers, strings, tensors, lists and dictionaries, which torch loads safely; ValueError names others."""
    if isinstance(part, nn.Module):
        every = list(part.parameters())
        return dict(kind=type(part).__name__, state=part.state_dict(), own=[own(m) for m in part.modules()],
                    moving=[p.requires_grad for p in every], grads=[p.grad for p in every])  # fmt: skip
    if hasattr(part, "load_state_dict"):  # optimisers, schedulers, Batches
        return dict(kind=type(part).__name__, state=to_plain(name, part.state_dict()))
    if isinstance(part, torch.Generator):
        return part.get_state()
    if isinstance(part, np.random.Generator):
        return to_plain(name, part.bit_generator.state)
    if isinstance(part, np.ndarray) and part.dtype.kind in "biufc":
        return dict(array=torch.from_numpy(part.copy()))
    if isinstance(part, torch.Tensor):
        return part.detach().clone()  # a view would be saved with all that it is a view of
    if isinstance(part, Players):
        return {key: to_plain(f"{name}.{key}", one) for key, one in vars(part).items()}
    if isinstance(part, dict):
        return {key: to_plain(f"{name}[{key!r}]", one) for key, one in part.items()}
    if isinstance(part, (list, tuple, collections.deque)):
        plain = [to_plain(f"{name}[{k}]", one) for k, one in enumerate(part)]
        return tuple(plain) if isinstance(part, tuple) else plain
    if part is None or isinstance(part, (bool, int, float, str, bytes, np.generic)):
        return part.item() if isinstance(part, np.generic) else part
    if isinstance(part, MADE_AGAIN):
        return None
    kinds = "networks, optimisers, tensors, numbers, strings, lists, dictionaries"
    others = "and what has state_dict() and load_state_dict()"
    raise ValueError(
        f"{name} ({type(part).__name__}) cannot be saved: a file holds {kinds}, {others}"
    )


@torch.no_grad()
def from_plain(name, part, state):
    """Give a freshly built part the state that `to_plain` returned; return the part, or what takes its place."""
    if isinstance(state, dict) and state.keys() == {"array"}:
        return state["array"].numpy()
    if part is None and isinstance(state, dict) and "kind" in state:
        raise ValueError(f"there is no {name}, in the file it is {state['kind']}")
    if isinstance(part, nn.Module) or hasattr(part, "load_state_dict"):
        if state["kind"] != type(part).__name__:
            raise ValueError(f"{name} is {type(part).__name__}, not {state['kind']}")
        try:
            network = isinstance(part, nn.Module)
            part.load_state_dict(
                state["state"] if network else from_plain(name, {}, state["state"])
            )
        except RuntimeError as fault:
            raise ValueError(f"{name}: {fault}") from None
        if isinstance(part, nn.Module):
            for module, numbers in zip(part.modules(), state["own"], strict=True):
                vars(module).update(numbers)
            for p, moving, grad in zip(part.parameters(), state["moving"], state["grads"]):
                p.requires_grad_(moving).grad = None if grad is None else grad.to(p.device)
        return part
    if isinstance(part, torch.Generator):
        return part.set_state(state)
    if isinstance(part, np.random.Generator):
        part.bit_generator.state = from_plain(name, part.bit_generator.state, state)
        return part
    if isinstance(part, torch.Tensor):  # an optimiser may hold one that learns
        return part.copy_(state) if part.requires_grad else state.to(part.device)
    if isinstance(part, Players):
        for key in vars(part).keys() - state.keys():
            raise ValueError(f"{name}.{key} is not in the file")
        for key, one in state.items():
            setattr(part, key, from_plain(f"{name}.{key}", getattr(part, key, None), one))
        return part
    if isinstance(state, dict):
        known = part if isinstance(part, dict) else {}
        return {k: from_plain(f"{name}[{k!r}]", known.get(k), v) for k, v in state.items()}
    if isinstance(state, (list, tuple)):
        known = list(part or [])
        if networks(known) and len(known) != len(state):
            raise ValueError(f"{name} has {len(known)} parts, not {len(state)}")
        known += [None] * len(state)
        found = [from_plain(f"{name}[{k}]", *pair) for k, pair in enumerate(zip(known, state))]
        if isinstance(part, collections.deque):
            return collections.deque(found, part.maxlen)
        return tuple(found) if isinstance(state, tuple) else found
    return part if isinstance(part, MADE_AGAIN) else state
