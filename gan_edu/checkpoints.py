"""Save a GAN in training, and go on from there later with the same numbers as if it had never stopped."""

import os
import pathlib
import tempfile
import zipfile

import torch

from gan_edu.training import GAN

FORMAT = "gan_edu checkpoint 2"


def save_checkpoint(path, gan):
    """Write the whole state of `gan` to a file: networks, optimisers, knobs, history, random numbers. Returns the path.

    The file appears under its name only when it is complete: whatever stops the writing, an older one of that name stays.
    ValueError unless gan is a GAN; OSError where the folder cannot be written to.
    """
    if not isinstance(gan, GAN):
        raise ValueError(f"gan must be a gan_edu.training.GAN, got {gan!r}")
    path = pathlib.Path(path)
    if not path.parent.is_dir():
        raise ValueError(f"path must be in a folder that exists, got {str(path)!r}")
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            torch.save({"format": FORMAT, "gan": gan.state_dict()}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException:
        os.unlink(unfinished)
        raise
    return path


def load_checkpoint(path, gan):
    """Bring `gan`, built as the saved one was, into the state of the file; return it.

    The run then goes on with the same numbers as the saved one, bit for bit on a CPU. A file that is missing
    (FileNotFoundError), damaged, foreign, or of other networks (ValueError) changes nothing. Only tensors, numbers and text
    are read (`weights_only`): a file from somebody else cannot run code here.
    """
    if not isinstance(gan, GAN):
        raise ValueError(f"gan must be a gan_edu.training.GAN, got {gan!r}")
    path = pathlib.Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no checkpoint {str(path)!r}")
    try:
        with zipfile.ZipFile(path) as archive:  # torch itself does not look at the check sums
            if archive.testzip() is not None:
                raise ValueError("a check sum is wrong")
        content = torch.load(path, map_location=gan.device, weights_only=True)
    except Exception as fault:  # torch raises many kinds, in words about pickles and archives
        raise ValueError(f"{str(path)!r} is no checkpoint, or it is damaged: {type(fault).__name__}") from fault
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f"{str(path)!r} is not a checkpoint of a GAN written by save_checkpoint")
    try:
        gan.load_state_dict(content["gan"])
    except ValueError as fault:
        raise ValueError(f"{str(path)!r}: {fault}") from fault
    return gan
