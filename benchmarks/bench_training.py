"""Speed of runs, as ratios: against the bare loop, against a textbook's loop, and many seeds against one.

Both sides of a ratio take turns in one process, in rounds of a fraction of a second: what else the machine does then
falls on both.
"""

import time

import torch
from torch import nn

from benchmarks.textbook import textbook_gan, textbook_wgan_gp
from gan_edu.datasets import gaussian_ring
from gan_edu.losses import discriminator_loss, generator_loss_nonsaturating, gradient_penalty
from gan_edu.networks import mlp
from gan_edu.players import built
from gan_edu.run import Knobs, Players, Run, adam, descend
from gan_edu.seeds import over_seeds


def line_build():
    """Return the players of the 1-D lesson."""
    G, D = mlp(1, 4, 1, activation=nn.Softplus), mlp(1, 8, 8, 8, 1, activation=nn.Tanh)
    return Players(G=G, D=D, opt_G=adam(G, (0.5, 0.999)), opt_D=adam(D, (0.5, 0.999)))


def line_step(gan, knobs):
    """Train the plain GAN on N(4, 0.5²) once."""
    n = knobs.batch_size
    x_real, x_fake = gaussian_1d(n), gan.G(line_latent(n)).detach()
    loss_D = discriminator_loss(gan.D(x_real), gan.D(x_fake))
    descend(gan.opt_D, loss_D, lr=knobs.lr_d)
    loss_G = generator_loss_nonsaturating(gan.D(gan.G(line_latent(n))))
    descend(gan.opt_G, loss_G, lr=knobs.lr_g)
    return {"discriminator loss": loss_D, "generator loss": loss_G}


def gaussian_1d(n):
    return 4 + 0.5 * torch.randn(n, 1)


def line_latent(n):
    return 0.5 * torch.randn(n, 1)


def ring_build():
    """Return the players of the ring."""
    G, D = mlp(2, 64, 64, 2), mlp(2, 64, 64, 1)
    return Players(G=G, D=D, opt_G=adam(G), opt_D=adam(D))


def ring_step(gan, knobs):
    """Train a WGAN with gradient penalty on the ring once."""
    n = knobs.batch_size
    x_real, x_fake = ring(n), gan.G(torch.randn(n, 2)).detach()
    gap = gan.D(x_real).mean() - gan.D(x_fake).mean()
    penalty = gradient_penalty(gan.D, x_real, x_fake)
    descend(gan.opt_D, -gap + knobs.lambda_gp * penalty, lr=knobs.lr_d)
    loss_G = -gan.D(gan.G(torch.randn(n, 2))).mean()
    descend(gan.opt_G, loss_G, lr=knobs.lr_g)
    return {"critic gap": gap, "generator loss": loss_G}


def ring(n):
    return gaussian_ring(n, radius=1.414, sigma=0.1)


LINE = line_build, line_step, dict(lr_d=2e-2, lr_g=5e-3, batch_size=64)
RING = ring_build, ring_step, dict(lambda_gp=0.5, lr_d=1e-3, lr_g=1e-3, batch_size=128)


def bare(build, step, knobs):
    """Return a function that trains some steps without a run: a loop and a list."""
    gan, knobs, rows = built(build, 0)[0], Knobs(knobs), []

    def train(n_steps):
        for _ in range(n_steps):
            row = step(gan, knobs)
            rows.append({name: value.item() for name, value in row.items()})

    return train


def textbook(make, build, sample_real, sample_latent, **settings):
    """Return a function that trains some steps as a textbook does."""
    gan = built(build, 0)[0]
    step = make(gan.G, gan.D, sample_real, sample_latent, **settings)

    def train(n_steps):
        for _ in range(n_steps):
            step()

    return train


def seconds_per_step(train, at_least):
    """Return the seconds per step of train(n_steps), called until `at_least` seconds are over."""
    done, begun = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - begun) < at_least or not done:
        train(50)
        done += 50
    return elapsed / done


def ratios(one, other, rounds=15, seconds=0.3):
    """Return how many times as long as a step of `other` a step of `one` takes, one number a round."""
    for train in (one, other):
        seconds_per_step(train, seconds)
    return [
        seconds_per_step(one, seconds) / seconds_per_step(other, seconds) for _ in range(rounds)
    ]


def many_seeds(loop, n_seeds=64, n_steps=300, rounds=3):
    """Return how many steps of one run a step of n_seeds members costs, the building of them included."""
    found = []
    for _ in range(rounds):
        alone = seconds_per_step(Run(*loop).steps, 1)
        begun = time.perf_counter()
        over_seeds(*loop, n_seeds=n_seeds, n_steps=n_steps)
        found.append((time.perf_counter() - begun) / n_steps / alone)
    return found


def rows():
    """Yield (figure, ratios, bar); about a minute."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the faster choice for the textbook too
    line, ring_ = "1-D GAN, batch 64", "ring, WGAN-GP, batch 128"
    yield f"run.steps / bare loop: {line}", ratios(Run(*LINE).steps, bare(*LINE)), "≤ 1.05"
    yield f"run.steps / bare loop: {ring_}", ratios(Run(*RING).steps, bare(*RING)), "≤ 1.05"
    book = textbook(textbook_gan, line_build, gaussian_1d, line_latent)
    yield f"textbook's loop / run.steps: {line}", ratios(book, Run(*LINE).steps), "≥ 1.2"
    book = textbook(textbook_wgan_gp, ring_build, ring, lambda n: torch.randn(n, 2))
    yield f"textbook's loop / run.steps: {ring_}", ratios(book, Run(*RING).steps), "≥ 1.1"
    torch.set_num_threads(threads)
    yield f"64 seeds / one run: {line}", many_seeds(LINE), "≤ 6"
    yield f"64 seeds / one run: {ring_}", many_seeds(RING), "≤ 22"
