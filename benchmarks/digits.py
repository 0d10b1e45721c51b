"""Train the digits of lesson 11 for long and store the networks, a film and the log.

python -m benchmarks.digits course   the lesson's own cells, 12,000 steps: about an hour of one core
python -m benchmarks.digits source   the recipe of Linder-Norén (2018), Keras-GAN, wgan_gp.py, 1,900 steps: 40 minutes

Each begins anew and is stored at its end; seed 0.
"""

import argparse
import io
import os
import platform
import time

import numpy as np
import torch
from torch import nn

from benchmarks.stored import defined, fingerprint
from gan_edu.datasets import Batches
from gan_edu.lessons.l11_digits import WEIGHTS
from gan_edu.lessons.l11_source import source_critic, source_generator
from gan_edu.losses import gradient_penalty
from gan_edu.players import untouched
from gan_edu.run import Players, Run, descend

NOTEBOOK, N_STEPS, N_FRAMES = "11_digits", 12_000, 90
RATES = {0: 1e-3, 7_000: 3e-4, 10_000: 1e-4}  # of the course's run, by step
Z = torch.randn(25, 100, generator=torch.Generator().manual_seed(0))  # the film shows these


def keras_start(network):
    """Give the weights Keras' first values: uniform after Glorot & Bengio (2010), biases 0."""
    for layer in network.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    return network


def source_recipe(images):
    """Return (build, step) of the source: RMSprop 5e-5 for both, n_critic 5, lambda 10, batches of 32."""

    def build():
        G, D = keras_start(source_generator()), keras_start(source_critic())
        rms = dict(lr=5e-5, alpha=0.9, eps=1e-7)
        opts = {
            f"opt_{name}": torch.optim.RMSprop(net.parameters(), **rms)
            for name, net in dict(G=G, D=D).items()
        }
        return Players(G=G, D=D, batches=Batches(images, 32), **opts)

    def step(gan, knobs):
        for _ in range(5):
            x_real, z = next(gan.batches), torch.randn(32, 100)
            x_fake = gan.G(z).detach()
            gap = gan.D(x_real).mean() - gan.D(x_fake).mean()
            penalty = gradient_penalty(gan.D, x_real, x_fake)
            descend(gan.opt_D, -gap + 10 * penalty)
        loss_G = -gan.D(gan.G(z)).mean()  # the noise of the critic's last step, as in the source
        descend(gan.opt_G, loss_G)
        return {"critic gap": gap, "penalty": penalty, "generator loss": loss_G}

    return build, step


def frame(gan):
    """Return the 25 digits of the film, uint8 (25, 28, 28)."""
    with untouched(gan), torch.no_grad():
        x = gan.G.eval()(Z)[:, 0]
    return ((x + 1) * 127.5).round().byte().numpy()


def store(recipe, run, frames, made):
    """Write networks, film and log, each file whole or not at all."""
    networks = {
        name: {key: value.half() if value.is_floating_point() else value for key, value in state}
        for name, state in ((name, getattr(run.gan, name).state_dict().items()) for name in "GD")
    }
    log = {name: column[9::10].astype(np.float32) for name, column in run.log.items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, steps=list(frames), frames=np.stack(list(frames.values())), **log)
    for name, write in (
        (f"digits_{recipe}.pt", lambda path: torch.save(networks | dict(made=made), path)),
        (f"digits_{recipe}.npz", lambda path: path.write_bytes(buffer.getvalue())),
    ):
        unfinished = WEIGHTS / f"{name}.unfinished"
        write(unfinished)
        os.replace(unfinished, WEIGHTS / name)


def main(recipe):
    """Train, and store both networks and the film."""
    names = defined(NOTEBOOK)
    if recipe == "course":
        run = Run(names["build"], names["step_solution"], names["settings"])
        ends = {round(N_STEPS * (k / N_FRAMES) ** 2.5) for k in range(N_FRAMES + 1)}
        ends = sorted(ends | set(RATES))
    else:
        run = Run(*source_recipe(names["images"]))
        ends = range(0, 1_901, 50)
    run.threads = 1
    frames = {}
    for end in ends:
        run.steps(end - run.n)
        if recipe == "course" and end in RATES:
            run.set(lr=RATES[end])
        frames[run.n] = frame(run.gan)
    made = dict(
        code=fingerprint(NOTEBOOK),
        torch=str(torch.__version__),
        machine=platform.machine(),
        seed=run.seed,
        steps=run.n,
        minutes=round(time.process_time() / 60),
    )
    store(recipe, run, frames, made)


if __name__ == "__main__":
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", choices=["course", "source"])
    main(parser.parse_args().recipe)
