"""Train a DCGAN on faces for long: python -m gan_edu.faces.train --minutes 20 --out runs/faces

It uses a GPU where there is one. On several, or on several processors: torchrun --nproc-per-node 2 -m gan_edu.faces.train ...
Ctrl-C ends the run after the present step and saves it; --resume goes on. In the folder --out appear checkpoint.pt, which
resumes, generator.pt, the averaged generator in half precision, and samples.png.
"""

import argparse
import functools
import os
import pathlib
import signal
import sys
import time

import numpy as np
import torch
import torch._dynamo  # optimisers load it; loaded later, it holds the process group past destroy_process_group
import torch.distributed as dist
from PIL import Image

from gan_edu._arguments import check_count, check_number
from gan_edu.datasets import latent_normal
from gan_edu.faces import face_sampler, load_faces, make_faces
from gan_edu.first_edition import runtime
from gan_edu.first_edition.checkpoints import export_generator, load_checkpoint, save_checkpoint
from gan_edu.first_edition.logs import TensorBoardLog
from gan_edu.first_edition.training import GAN, Adam, Hyperparameters
from gan_edu.losses import r1_penalty
from gan_edu.networks import DCGANDiscriminator, DCGANGenerator, init_dcgan_weights_

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class DistributedGAN(GAN):
    """A GAN that several processes train as one: each draws its own batches, all move by the mean of their gradients.

    It does what torch's DistributedDataParallel does: one sum of all gradients over the processes in each update. The
    wrapper itself works by hooks that only `.backward()` calls, while `GAN` asks for the gradients of one player by
    `torch.autograd.grad`; and its hooks know nothing of the second derivative of a penalty, nor of a discriminator that
    is called twice before its gradient is taken. Batch normalisation uses each process's own batch, as there.
    """

    def _turn(self, *arguments, **keywords):
        # Other batches in each process. From the step's number, so that a resumed run draws what it would have drawn.
        key = np.random.SeedSequence([self.seed, dist.get_rank(), len(self.history)])
        self.rng.manual_seed(int(key.generate_state(1, np.uint64)[0] >> 1))
        super()._turn(*arguments, **keywords)

    def _descend(self, player, loss, gradients, parameters, optimizer):
        together = torch.cat(
            [*(gradient.ravel() for gradient in gradients), loss.detach().reshape(1)]
        )
        dist.all_reduce(together)
        *parts, loss = (together / dist.get_world_size()).split(
            [*(g.numel() for g in gradients), 1]
        )
        gradients = [part.view_as(gradient) for part, gradient in zip(parts, gradients)]
        return super()._descend(
            player, loss, gradients, parameters, optimizer
        )  # a loss that is not finite stops them all


def make_gan(options, images, device):
    """Return the GAN of lesson 13 for these pictures: R1, averaged weights, learning rates that stay."""

    def network(make, **sizes):
        return init_dcgan_weights_(make(width=options.width, image_size=options.size, **sizes)).to(
            device
        )

    players = (
        functools.partial(network, DCGANGenerator, latent_dim=100),
        functools.partial(network, DCGANDiscriminator),
    )
    return (DistributedGAN if dist.is_initialized() else GAN)(
        *players, face_sampler(images), functools.partial(latent_normal, latent_dim=100), penalty=r1_penalty,
        penalty_every=16, hparams=Hyperparameters(options.lr, options.lr, lambda_gp=options.lambda_r1), ema=0.999,
        batch_size=options.batch_size, optimizer=functools.partial(Adam, betas=(0.5, 0.99)), seed=options.seed,
        precision=options.precision,
    )  # fmt: skip


def load_images(options, rank, world):
    """Return this process's share of the pictures: every world-th of the path, or procedural faces of its own."""
    if options.data is None:
        return make_faces(options.faces, seed=options.seed + rank, size=options.size)[0]
    return load_faces(options.data, size=options.size)[rank::world].clone()


def train(gan, options, first):
    """Train until the steps or the minutes are over, or a signal comes; `first`: this process saves and logs."""
    deadline, signals = time.monotonic() + 60 * options.minutes, noted_signals()
    log = TensorBoardLog(options.log_dir, gan) if first and options.log_dir else None
    while len(gan.history) < options.steps:
        gan.step()
        ends = (
            agreed(signals or time.monotonic() > deadline, gan.device)
            or len(gan.history) == options.steps
        )
        if first and (ends or len(gan.history) % options.save_every == 0):
            save(gan, options)
            if log is not None:
                log(gan)
        if ends:
            break
    if first:
        print(
            f"{len(gan.history)} of {options.steps} steps, in {options.out}; --resume goes on",
            flush=True,
        )


def noted_signals():
    """Return a list to which Ctrl-C and SIGTERM add themselves from now on, instead of ending a step half way."""
    came = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: came.append(number))
    return came


def agreed(stop, device):
    """Return whether any process wants to stop: all must leave at the same step, or the others wait for ever."""
    votes = torch.tensor(float(bool(stop)), device=device)
    if dist.is_initialized():
        dist.all_reduce(votes)
    return votes.item() > 0


def save(gan, options):
    """Write checkpoint.pt, generator.pt and samples.png into the folder, and a line to the terminal."""
    save_checkpoint(options.out / "checkpoint.pt", gan)
    data = "procedural faces" if options.data is None else options.data.name
    about = dict(data=data, seed=options.seed, steps=len(gan.history), batch_size=gan.batch_size)
    export_generator(options.out / "generator.pt", gan, **about)
    pictures = gan.generate(gan.fixed_z(64)).add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
    page = pictures.unflatten(0, (8, 8)).permute(0, 3, 1, 4, 2).flatten(0, 1).flatten(1, 2)
    Image.fromarray(page.contiguous().numpy()).save(options.out / ".samples.png")
    os.replace(options.out / ".samples.png", options.out / "samples.png")
    losses = (f"{name} {np.nanmean(gan.history[name][-100:]):.3f}" for name in ("d_loss", "g_loss"))
    print(f"step {len(gan.history)}: {', '.join(losses)}", flush=True)


def parse(arguments=None):
    """Return the options; bad ones end the program with their names."""
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "gan_edu.faces.train", description=__doc__, formatter_class=layout
    )
    parser.add_argument(
        "--data",
        type=pathlib.Path,
        help="folder of pictures or .npy file (default: procedural faces)",
    )
    parser.add_argument(
        "--faces", type=int, default=20_000, help="number of procedural faces for each process"
    )
    parser.add_argument(
        "--out",
        type=pathlib.Path,
        default=pathlib.Path("runs/faces"),
        help="folder for the results",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on from the checkpoint in --out, with its learning rate and λ",
    )
    parser.add_argument("--log-dir", type=pathlib.Path, help="folder for TensorBoard")
    parser.add_argument(
        "--width",
        type=int,
        default=16,
        help="channels of the outermost stage (PyTorch's example: 64)",
    )
    parser.add_argument("--size", type=int, default=64, help="side of the pictures, a power of two")
    parser.add_argument(
        "--batch-size", type=int, default=32, help="pictures in the batch of each process"
    )
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--minutes", type=float, default=1e6, help="stop and save after so many")
    parser.add_argument("--save-every", type=int, default=500, help="steps between checkpoints")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--lambda-r1", type=float, default=1.0)
    parser.add_argument(
        "--precision", choices=PRECISIONS, help="default: bfloat16 where it is fast"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    try:
        for name in ("faces", "width", "size", "batch_size", "steps", "save_every"):
            check_count(f"--{name.replace('_', '-')}", getattr(options, name))
        check_count("--seed", options.seed, least=0)
        for name in ("minutes", "lr", "lambda_r1"):
            check_number(f"--{name.replace('_', '-')}", getattr(options, name), low=0)
        if options.size != 1 << options.size.bit_length() - 1 or options.size < 8:
            raise ValueError(f"--size must be a power of two of at least 8, got {options.size}")
        if options.data is not None and not options.data.exists():
            raise ValueError(
                f"--data must be a folder or a file, there is no {str(options.data)!r}"
            )
        if options.resume and not (options.out / "checkpoint.pt").exists():
            raise ValueError(
                f"--resume needs a checkpoint.pt in {str(options.out)!r}, there is none"
            )
        if not options.resume and (options.out / "checkpoint.pt").exists():
            raise ValueError(
                f"--out has a run already, in {str(options.out)!r}: give --resume, or another folder"
            )
        options.out.mkdir(parents=True, exist_ok=True)
    except (ValueError, OSError) as fault:
        parser.error(str(fault))
    return options


def main(arguments=None):
    """Train as the command line says."""
    options = parse(arguments)
    world, rank = (
        int(os.environ.get("WORLD_SIZE", 1)),
        int(os.environ.get("RANK", 0)),
    )  # set by torchrun
    local = int(os.environ.get("LOCAL_RANK", 0))
    device = torch.device("cuda", local) if torch.cuda.is_available() else torch.device("cpu")
    if device.type == "cuda":
        torch.cuda.set_device(device)
        torch.set_float32_matmul_precision("high")  # TF32, for what is left in float32
        torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.benchmark = True
    options.precision = PRECISIONS.get(options.precision) or runtime.fast_precision(device)
    if world > 1:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        gan = make_gan(options, load_images(options, rank, world).to(device), device)
        if options.resume:
            load_checkpoint(options.out / "checkpoint.pt", gan)
        train(gan, options, first=rank == 0)
    except (ValueError, FloatingPointError) as fault:
        sys.exit(f"gan_edu.faces.train: {fault}")
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


if __name__ == "__main__":
    main()
