"""The start page: a GAN on a ring, and faces under two sliders."""

import functools

import numpy as np
import torch

from gan_edu.datasets import gaussian_ring
from gan_edu.faces.dcgan import LATENT_DIM
from gan_edu.faces.grid import tile
from gan_edu.faces.judge import load_judge
from gan_edu.faces.train import load_generator
from gan_edu.losses import gradient_penalty
from gan_edu.networks import mlp
from gan_edu.panel.figure import curves, describe
from gan_edu.run import Players, adam, descend
from gan_edu.style import CRITIC, OPTIMAL, PUSH
from gan_edu.views import band, drawing, picture, score_plane

SEEDED = torch.Generator().manual_seed(0)
LATENTS = torch.randn(400, 2, generator=SEEDED)
RING = gaussian_ring(400, radius=1.4, sigma=0.1, generator=SEEDED)


def build():
    """Return the players: a generator and a critic of the plane."""
    G, D = mlp(2, 64, 64, 2), mlp(2, 64, 64, 1)
    return Players(G=G, D=D, opt_G=adam(G), opt_D=adam(D))


def step(gan, knobs):
    """Train once: the critic knobs.n_critic times, with a gradient penalty where knobs.penalty is on, then the generator."""
    n = knobs.batch_size
    for _ in range(knobs.n_critic):
        x_real, x_fake = gaussian_ring(n, radius=1.4, sigma=0.1), gan.G(torch.randn(n, 2)).detach()
        gap = gan.D(x_real).mean() - gan.D(x_fake).mean()
        penalty = gradient_penalty(gan.D, x_real, x_fake) if knobs.penalty else 0.0
        descend(gan.opt_D, -gap + knobs.lambda_gp * penalty, lr=knobs.lr_d)
    loss_G = -gan.D(gan.G(torch.randn(n, 2))).mean()
    descend(gan.opt_G, loss_G, lr=knobs.lr_g)
    return {"critic gap": gap}


def view(fig, gan, log):
    """Draw real and generated points over the critic's scores, and its gap over the steps."""
    left, right = fig.subplots(1, 2, width_ratios=[1, 1.2])
    score_plane(left, gan.D, RING, gan.G(LATENTS), title="stronger shading: the critic says real")
    curves(right, log, "critic gap", colors=[CRITIC])
    right.set(title="the critic's gap", ylabel="critic gap")
    describe(fig, f"400 real points on a ring and 400 generated ones after {log.n} steps.")


def how_large(gaps, answers):
    """Return the answer that the measured gaps give: as large, about ten times, a hundred times or more."""
    with_it, without = (np.median(gaps[penalty][:, -50:]) for penalty in (True, False))
    return answers[int(np.digitize(without / with_it, [3, 50]))]


@drawing
def compare_gaps(fig, gaps):
    """Draw the gaps with the penalty and without, {True: (runs, steps), False: ...}: median and range."""
    ax = fig.subplots()
    for penalty, color, label in (True, OPTIMAL, "with the penalty"), (False, PUSH, "without"):
        end = np.median(gaps[penalty], axis=0)[-50:].mean()
        steps = np.arange(1, gaps[penalty].shape[1] + 1)
        band(ax, steps, gaps[penalty], color, label=f"{label}: {end:.3g}")
    ax.set(yscale="log", xlabel="step", ylabel="size of the critic's gap")
    ax.legend(title="median of 8 runs, last 50 steps")
    describe(fig, "The critic's gap over 200 steps, median and range of 8 runs: with the penalty it falls below 1, without it rises above 50.")  # fmt: skip


@functools.cache
def face_makers():
    """Return the shipped generator, eight latents of plain faces, and the directions of a smile and of glasses.

    A direction leads from the mean latent of faces without to that of faces with it, as a judge sees them.
    """
    G = load_generator()
    z = torch.randn(1000, LATENT_DIM, generator=torch.Generator().manual_seed(1))
    read = load_judge().predict(torch.cat([G(part) for part in z.split(100)]))
    has = {name: read[name] == 1 for name in ("smile", "glasses")}
    ways = {name: z[yes].mean(0) - z[~yes].mean(0) for name, yes in has.items()}
    plain = z[~has["smile"] & ~has["glasses"]][:8]
    return G, plain, {name: way / way.norm() for name, way in ways.items()}


def faces(fig, knobs):
    """Draw eight generated faces, and below them the same moved towards a smile and towards glasses."""
    G, z, ways = face_makers()
    there = z + knobs.smile * ways["smile"] + knobs.glasses * ways["glasses"]
    there *= z.norm(dim=1, keepdim=True) / there.norm(dim=1, keepdim=True)
    ax = fig.subplots()
    picture(ax, tile(G(torch.cat([z, there]))), interpolation="bilinear")
    describe(fig, f"Eight generated faces, and below them the same moved by {knobs.smile:g} towards a smile and by {knobs.glasses:g} towards glasses.")  # fmt: skip
