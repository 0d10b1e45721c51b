"""Train a DCGAN on faces for long: python -m gan_edu.faces.train --minutes 20 --out runs/faces

It uses a GPU where there is one. On several, or on several processors: torchrun --nproc-per-node 2 -m gan_edu.faces.train ...
Ctrl-C ends the run after the present step and saves it; --resume goes on. In the folder --out appear checkpoint.pt, which
resumes, generator.pt, the averaged generator in half precision, samples.png, and a folder for TensorBoard. The recipe of
PyTorch's DCGAN tutorial: --width 64 --batch-size 128 --lr 2e-4 --beta1 0.5 --beta2 0.999 --lambda-r1 0 --epochs 5
"""

import argparse
import copy
import os
import pathlib
import signal
import sys
import time
import warnings

import torch
import torch._dynamo  # optimisers load it; loaded later, it holds the process group past destroy_process_group
import torch.distributed as dist
from PIL import Image
from torch.nn.parallel import DistributedDataParallel

from gan_edu._arguments import check_count, check_number
from gan_edu.faces import load_faces, make_faces
from gan_edu.faces.dcgan import LATENT_DIM, build_faces, step_faces
from gan_edu.faces.grid import tile
from gan_edu.networks import DCGANGenerator
from gan_edu.players import Players
from gan_edu.run import Run
from gan_edu.run_files import read, write

FORMAT = "gan_edu generator 1"
SHIPPED = pathlib.Path(__file__).parent.parent / "weights" / "face_generator.pt"


def together(step):
    """Return a step that several processes take as one: each on its own batch, all by the mean of their gradients.

    torch's DistributedDataParallel takes the mean at each backward. Batch normalisation uses each process's own batch.
    The players stay plain, so that a checkpoint does not depend on the number of processes.
    """
    kept = {}

    def joint(gan, knobs):
        if kept.get("gan") is not gan:
            kept["gan"] = gan
            for name in "GD":  # without sync, as D is called twice before backward
                kept[name] = DistributedDataParallel(getattr(gan, name), forward_sync_buffers=False)
        # Other latents in each process, and those of a resumed run are what they would have been.
        torch.manual_seed(knobs.n * dist.get_world_size() + dist.get_rank())
        return step(Players(**vars(gan) | {name: kept[name] for name in "GD"}), knobs)

    return joint


def share(options, rank, world):
    """Return this process's part of the pictures, of the same size for all."""
    if options.data is None:
        return make_faces(options.faces, seed=options.seed + rank, size=options.size)[0]
    images = load_faces(options.data, size=options.size)
    return images[rank::world][: len(images) // world].clone()


def save_generator(path, gan, **about):
    """Write the averaged generator in half precision, with numbers and text about it; whole or not at all."""
    G = copy.deepcopy(gan.mean_G.module)
    weights = G.to("cpu", torch.half, memory_format=torch.contiguous_format).state_dict()
    *_, last = (p for p in weights.values() if p.ndim == 4)
    _, channels, side, _ = gan.batches.dataset.shape
    sizes = dict(width=len(last), channels=channels, image_size=side)
    sizes |= dict(latent_dim=LATENT_DIM, bias=True)
    if not all(value.isfinite().all() for value in weights.values()):
        raise ValueError("the generator has weights that half precision cannot hold")
    write(path, dict(format=FORMAT, sizes=sizes, weights=weights, about=about))


def load_generator(path=SHIPPED):
    """Return the generator of a file by this script, ready to make pictures; by default the one that comes with the course.

    Its `about` is what was stored beside it. Only tensors, numbers and text are read. ValueError where it is another file.
    """
    content = read(path, FORMAT, ["sizes", "weights", "about"], key="format")
    generator = DCGANGenerator(**content["sizes"])
    generator.load_state_dict(content["weights"])
    generator.about = content["about"]
    return generator.eval().requires_grad_(False)


def save(run, board, options):
    """Write checkpoint, generator, samples and what TensorBoard shows, and a line to the terminal."""
    run.save(options.out / "checkpoint.pt")
    data = "procedural faces" if options.data is None else options.data.name
    about = dict(data=data, seed=run.seed, steps=run.n, batch_size=options.batch_size)
    save_generator(options.out / "generator.pt", run.gan, **about)
    z = torch.randn(64, LATENT_DIM, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        made = tile(run.gan.mean_G.eval()(z.to(next(run.gan.G.parameters()).device)))
    Image.fromarray(made).save(options.out / ".samples.png")
    os.replace(options.out / ".samples.png", options.out / "samples.png")
    board.add_image("fixed latents", made, run.n, dataformats="HWC")
    last = {name: column[-100:].mean() for name, column in run.log.items()}
    for name, value in last.items():
        board.add_scalar(f"train/{name}", value, run.n)
    board.flush()
    words = ", ".join(f"{name} {value:.3f}" for name, value in last.items())
    print(f"step {run.n}, epochs {run.gan.batches.epoch}: {words}", flush=True)


def train(run, options, first):
    """Train until the steps or the minutes are over, or a signal comes; `first`: this process saves and logs."""
    from torch.utils.tensorboard import SummaryWriter  # here, as it takes a second

    deadline, came, ends = time.monotonic() + 60 * options.minutes, [], False
    for number in (signal.SIGINT, signal.SIGTERM):  # instead of ending a step half way
        signal.signal(number, lambda number, frame: came.append(number))
    board = SummaryWriter(options.out / "tensorboard") if first else None
    while run.n < options.steps and not ends:
        run.steps(1)
        ends = agreed(bool(came) or time.monotonic() > deadline)
        if first and (ends or run.n % options.save_every == 0 or run.n == options.steps):
            save(run, board, options)
    if first:
        board.close()
        print(f"{run.n} of {options.steps} steps, in {options.out}; --resume goes on", flush=True)


def agreed(stop):
    """Return whether any process wants to stop: all must leave at the same step, or the others wait for ever."""
    votes = torch.tensor(float(stop), device="cuda" if torch.cuda.is_available() else "cpu")
    if dist.is_initialized():
        dist.all_reduce(votes)
    return votes.item() > 0


def parse(arguments=None):
    """Return the options; bad ones end the program with their names."""
    looks = dict(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser = argparse.ArgumentParser("gan_edu.faces.train", **looks)
    add, path = parser.add_argument, pathlib.Path
    add("--data", type=path, help="folder of pictures or .npy file (default: procedural faces)")
    add("--faces", type=int, default=20_000, help="number of procedural faces for each process")
    add("--out", type=path, default=path("runs/faces"), help="folder for the results")
    add("--resume", action="store_true", help="go on from the checkpoint in --out")
    add("--width", type=int, default=16, help="channels of the outermost stage (PyTorch's: 64)")
    add("--size", type=int, default=64, help="side of the pictures, a power of two")
    add("--batch-size", type=int, default=32, help="pictures in a batch, of all processes together")
    add("--steps", type=int, default=20_000)
    add("--epochs", type=int, help="in place of --steps: so many passes through the pictures")
    add("--minutes", type=float, default=1e6, help="stop and save after so many")
    add("--save-every", type=int, default=500, help="steps between checkpoints")
    add("--lr", type=float, default=1e-3)
    add("--beta1", type=float, default=0.5, help="β₁ of Adam")
    add("--beta2", type=float, default=0.99, help="β₂ of Adam")
    add("--lambda-r1", type=float, default=1.0, help="λ of the penalty R1")
    add("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    try:
        for name in ("faces", "width", "size", "batch_size", "steps", "save_every"):
            check_count(f"--{name.replace('_', '-')}", getattr(options, name))
        check_count("--seed", options.seed, least=0)
        check_count("--epochs", 1 if options.epochs is None else options.epochs)
        for name, high in dict(minutes=1e9, lr=10, lambda_r1=1e9, beta1=0.9999, beta2=0.9999).items():  # fmt: skip
            check_number(f"--{name.replace('_', '-')}", getattr(options, name), 0, high)
        if options.resume != (options.out / "checkpoint.pt").exists():
            raise ValueError(f"--resume needs a checkpoint.pt in {options.out}, there is none" if options.resume else f"--out has a run already, in {options.out}: give --resume, or another folder")  # fmt: skip
        options.out.mkdir(parents=True, exist_ok=True)
    except (ValueError, OSError) as fault:
        parser.error(str(fault))
    return options


def main(arguments=None):
    """Train as the command line says."""
    options = parse(arguments)
    rank, world, local = (int(os.environ.get(name, k)) for name, k in (("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0)))  # fmt: skip
    if torch.cuda.is_available():
        torch.cuda.set_device(local)
        torch.backends.cudnn.benchmark = True
    if world > 1:
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    knobs = dict(lr_d=options.lr, lr_g=options.lr, r1=options.lambda_r1)
    step, betas = together(step_faces) if world > 1 else step_faces, (options.beta1, options.beta2)
    try:
        images = share(options, rank, world)

        def build():
            return build_faces(images, options.width, options.batch_size // world, betas)

        if options.resume:
            with warnings.catch_warnings(action="ignore"):  # several processes: another step
                run = Run.load(options.out / "checkpoint.pt", build, step)
            run.set(**knobs)
        else:
            run = Run(build, step, knobs, options.seed)
        if options.epochs:
            options.steps = options.epochs * len(run.gan.batches)
        train(run, options, first=rank == 0)
    except (ValueError, OSError, FloatingPointError) as fault:
        sys.exit(f"gan_edu.faces.train: {fault}")
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


if __name__ == "__main__":
    main()
