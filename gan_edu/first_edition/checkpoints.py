"""Save a GAN in training, and go on from there later with the same numbers as if it had never stopped.

`export_generator` stores a trained DCGAN's generator alone, in half precision, for those who only want its pictures.
"""

import os
import pathlib
import tempfile
import zipfile

import torch

from gan_edu.first_edition.training import GAN
from gan_edu.networks import DCGANGenerator

FORMAT = "gan_edu checkpoint 2"
GENERATOR_FORMAT = "gan_edu generator 1"


def save_checkpoint(path, gan):
    """Write the whole state of `gan` to a file: networks, optimisers, knobs, history, random numbers. Returns the path.

    The file appears under its name only when it is complete: whatever stops the writing, an older one of that name stays.
    ValueError unless gan is a GAN; OSError where the folder cannot be written to.
    """
    _check_gan(gan)
    return _write(path, {"format": FORMAT, "gan": gan.state_dict()})


def load_checkpoint(path, gan):
    """Bring `gan`, built as the saved one was, into the state of the file; return it.

    The run then goes on with the same numbers as the saved one, bit for bit on a CPU. A file that is missing
    (FileNotFoundError), damaged, foreign, or of other networks (ValueError) changes nothing. Only tensors, numbers and text
    are read (`weights_only`): a file from somebody else cannot run code here.
    """
    _check_gan(gan)
    content = _read(path, "checkpoint", gan.device)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f"{str(path)!r} is not a checkpoint of a GAN written by save_checkpoint")
    try:
        gan.load_state_dict(content["gan"])
    except ValueError as fault:
        raise ValueError(f"{str(path)!r}: {fault}") from fault
    return gan


def export_generator(path, gan, **about):
    """Write the generator of a DCGAN (with `ema` the averaged one) in half precision; return the path.

    about: numbers and text to store beside it, such as how it was trained. The file appears as `save_checkpoint`'s does.
    ValueError where the generator is not built as `DCGANGenerator`, or has weights that half precision cannot hold.
    """
    _check_gan(gan)
    generator = gan.generator if gan.averaged is None else gan.averaged
    sizes = _dcgan_sizes(generator)
    weights = {
        name: value.half().contiguous().cpu() if value.is_floating_point() else value.cpu()
        for name, value in generator.state_dict().items()
    }
    for name, value in weights.items():
        if not value.isfinite().all():
            raise ValueError(
                f"gan has a generator whose {name} is not finite, or too large for half precision"
            )
    return _write(
        path, {"format": GENERATOR_FORMAT, "sizes": sizes, "weights": weights, "about": about}
    )


def load_generator(path):
    """Return the DCGANGenerator of a file by `export_generator`, ready to make pictures; its `about` is what was stored.

    It is in evaluation mode and in float32 again. FileNotFoundError and ValueError as in `load_checkpoint`.
    """
    content = _read(path, "generator", "cpu")
    if not isinstance(content, dict) or content.get("format") != GENERATOR_FORMAT:
        raise ValueError(f"{str(path)!r} is not a generator written by export_generator")
    try:
        generator = DCGANGenerator(**content["sizes"])
        generator.load_state_dict(content["weights"])
        generator.about = dict(content["about"])
    except Exception as fault:  # a changed file can hold anything
        raise ValueError(
            f"{str(path)!r} holds a generator that does not fit its sizes: {fault}"
        ) from fault
    return generator.to(memory_format=torch.channels_last).eval().requires_grad_(False)


def _check_gan(gan):
    if not isinstance(gan, GAN):
        raise ValueError(f"gan must be a gan_edu.first_edition.training.GAN, got {gan!r}")


def _dcgan_sizes(generator):
    """Return the arguments of DCGANGenerator that build a network like this one."""
    kernels = [value for value in generator.state_dict().values() if value.ndim == 4]
    if kernels:
        (latent_dim, *_), (width, channels, *_) = kernels[0].shape, kernels[-1].shape
        sizes = dict(
            latent_dim=latent_dim,
            width=width,
            channels=channels,
            image_size=2 ** (len(kernels) + 1),
        )
        if len(kernels) > 1 and repr(DCGANGenerator(**sizes)) == repr(generator).replace(
            "Sequential", "DCGANGenerator"
        ):
            return sizes
    raise ValueError(
        f"gan must have a generator with the layers of gan_edu.networks.DCGANGenerator, got {generator}"
    )


def _write(path, content):
    """Store the content under the path, wholly or not at all; return the path."""
    path = pathlib.Path(path)
    if not path.parent.is_dir():
        raise ValueError(f"path must be in a folder that exists, got {str(path)!r}")
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException:
        os.unlink(unfinished)
        raise
    return path


def _read(path, kind, device):
    """Return what torch reads from the file, tensors, numbers and text only."""
    path = pathlib.Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no {kind} {str(path)!r}")
    try:
        with zipfile.ZipFile(path) as archive:  # torch itself does not look at the check sums
            if archive.testzip() is not None:
                raise ValueError("a check sum is wrong")
        return torch.load(path, map_location=device, weights_only=True)
    except Exception as fault:  # torch raises many kinds, in words about pickles and archives
        raise ValueError(
            f"{str(path)!r} is no {kind}, or it is damaged: {type(fault).__name__}"
        ) from fault
