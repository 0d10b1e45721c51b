"""Train the recipe of PyTorch's DCGAN tutorial, at full width, on procedural faces; store a film, the log and the minutes.

python -m benchmarks.source_001   width 64, 100 latents, batches of 128, Adam 2e-4 with β = (0.5, 0.999), 5 epochs

The tutorial's networks (no bias anywhere), first weights, losses and log; ours are the data, 7,049 drawn faces of 64 x 64, as
many as the photographs of the blog that follows it (5,000 and 2,049), and bfloat16 where the processor has it. Seed 0. It
goes on from its last picture when it is started again: the run is kept beside the film until the last epoch is over.
"""

import io
import os
import pathlib
import platform
import time

import numpy as np
import torch

from benchmarks.stored import NOTEBOOKS
from gan_edu.datasets import Batches
from gan_edu.faces import make_faces
from gan_edu.faces.dcgan import LATENT_DIM, averaged, device, step_faces
from gan_edu.networks import DCGANDiscriminator, DCGANGenerator, init_dcgan_weights_
from gan_edu.players import untouched
from gan_edu.run import Players, Run, adam

FILM = NOTEBOOKS.parent / "gan_edu" / "weights" / "faces_source.npz"
KEPT = pathlib.Path(f"{FILM}.unfinished")  # ignored by git
WIDTH, BATCH_SIZE, EPOCHS, N_FACES, EVERY = 64, 128, 5, 7_049, 5
MOMENTS = (
    0,
    10,
    25,
    55,
    110,
    165,
    220,
)  # whose pictures stay, beside the last one: the later ones are ends of epochs
Z = torch.randn(16, LATENT_DIM, generator=torch.Generator().manual_seed(0))


def build(width=WIDTH, batch_size=BATCH_SIZE, n_faces=N_FACES):
    """Return the players of the tutorial. (The last, incomplete batch of an epoch is left out.)"""
    images, _ = make_faces(n_faces, seed=1)
    nets = DCGANGenerator(LATENT_DIM, width), DCGANDiscriminator(width)
    G, D = (
        init_dcgan_weights_(net).to(device(), memory_format=torch.channels_last) for net in nets
    )
    adams = dict(opt_G=adam(G, (0.5, 0.999)), opt_D=adam(D, (0.5, 0.999)))
    return Players(G=G, D=D, batches=Batches(images, batch_size), mean_G=averaged(G), **adams)


def frame(gan):
    """Return the 16 faces of the film, uint8 (16, 3, 64, 64)."""
    with untouched(gan), torch.no_grad():
        x = gan.G.eval()(Z.to(device())).cpu()
    return ((x + 1) * 127.5).round().byte().numpy()


def store(path, run, frames, minutes):
    """Write film and log, whole or not at all."""
    made = dict(seed=run.seed, epochs=run.gan.batches.epoch, minutes=round(minutes, 1))
    made |= dict(device=device(), machine=platform.machine(), torch=str(torch.__version__))
    log = {name: column.astype(np.float32) for name, column in run.log.items()}
    content = io.BytesIO()
    pictures = np.stack(list(frames.values()))
    np.savez_compressed(content, steps=list(frames), frames=pictures, **log, **made)
    unfinished = pathlib.Path(f"{path}.{os.getpid()}.unfinished")
    unfinished.write_bytes(content.getvalue())
    os.replace(unfinished, path)


def main():
    """Train, and keep film and run after each picture."""
    knobs, frames, before = dict(lr_d=2e-4, lr_g=2e-4, r1=0.0), {}, 0.0
    if KEPT.exists():
        run = Run.load(KEPT, build, step_faces)
        with np.load(FILM) as film:
            frames, before = (
                dict(zip(film["steps"].tolist(), film["frames"])),
                float(film["minutes"]),
            )
    else:
        run = Run(build, step_faces, knobs)
        frames[0] = frame(run.gan)
    run.threads, begun = torch.get_num_threads(), time.process_time()
    while run.gan.batches.epoch < EPOCHS:
        run.steps(EVERY - run.n % EVERY)
        frames = {n: kept for n, kept in frames.items() if n in MOMENTS}
        frames[run.n] = frame(run.gan)
        store(FILM, run, frames, before + (time.process_time() - begun) / 60)
        run.save(KEPT)
        print(run.n, {name: round(float(run.log[name][-1]), 3) for name in run.log}, flush=True)
    KEPT.unlink()


if __name__ == "__main__":
    main()
