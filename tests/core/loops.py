"""Loops that no lesson has, for the tests of runs: name -> (build, step, knobs)."""

import random

import numpy as np
import torch
from torch import nn
from torch.nn.functional import mse_loss, softplus
from torch.nn.utils.parametrizations import spectral_norm

from gan_edu.datasets import Batches, gaussian_ring
from gan_edu.losses import gradient_penalty
from gan_edu.networks import mlp
from gan_edu.run import Players, adam, descend

# ---- the ring of the design: WGAN-GP


def ring_build():
    G, D = mlp(2, 64, 64, 2), mlp(2, 64, 64, 1)
    return Players(G=G, D=D, opt_G=adam(G), opt_D=adam(D))


def ring_step(gan, knobs):
    n = knobs.batch_size
    x_real, x_fake = gaussian_ring(n), gan.G(torch.randn(n, 2)).detach()
    gap = gan.D(x_real).mean() - gan.D(x_fake).mean()
    penalty = gradient_penalty(gan.D, x_real, x_fake)
    descend(gan.opt_D, -gap + knobs.lambda_gp * penalty, lr=knobs.lr_d)
    loss_G = -gan.D(gan.G(torch.randn(n, 2))).mean()
    descend(gan.opt_G, loss_G, lr=knobs.lr_g)
    return {"critic gap": gap, "generator loss": loss_G}


RING_KNOBS = dict(lambda_gp=0.5, lr_d=1e-3, lr_g=1e-3, batch_size=128)


def clipped_step(gan, knobs):
    n = knobs.batch_size
    with torch.no_grad():
        for p in gan.D.parameters():
            p.clamp_(-0.1, 0.1)
    gap = gan.D(gaussian_ring(n)).mean() - gan.D(gan.G(torch.randn(n, 2)).detach()).mean()
    descend(gan.opt_D, -gap, lr=knobs.lr_d)
    descend(gan.opt_G, -gan.D(gan.G(torch.randn(n, 2))).mean(), lr=knobs.lr_g)
    return {"critic gap": gap}


# ---- the 1-D GAN with sorted data and stratified latents


def line_build():
    G, D = mlp(1, 16, 1, activation=nn.Softplus), mlp(1, 16, 16, 1, activation=nn.Tanh)
    return Players(G=G, D=D, opt_G=adam(G, (0.5, 0.999)), opt_D=adam(D, (0.5, 0.999)))


def line_step(gan, knobs):
    n = knobs.batch_size
    z = torch.linspace(-8, 8, n)[:, None] + 0.01 * torch.rand(n, 1)
    x_real = (4 + 0.5 * torch.randn(n, 1)).sort(0).values
    lr = knobs.lr * 0.95 ** (knobs.n // 150)
    loss_D = softplus(-gan.D(x_real)).mean() + softplus(gan.D(gan.G(z).detach())).mean()
    descend(gan.opt_D, loss_D, lr=lr)
    loss_G = softplus(-gan.D(gan.G(z))).mean()
    descend(gan.opt_G, loss_G, lr=lr)
    return {"loss D": loss_D, "loss G": loss_G}


# ---- LSGAN, both kinds of spectral normalisation, dropout; D is frozen in G's turn; RMSprop


def lsgan_build():
    G = mlp(2, 16, 2)
    D = nn.Sequential(
        spectral_norm(nn.Linear(2, 16)), nn.LeakyReLU(0.2), nn.Dropout(0.3),
        nn.utils.spectral_norm(nn.Linear(16, 1)),
    )  # fmt: skip
    opt_D = torch.optim.RMSprop(D.parameters())
    return Players(G=G, D=D, opt_G=torch.optim.RMSprop(G.parameters()), opt_D=opt_D)


def lsgan_step(gan, knobs):
    n = knobs.batch_size
    real, fake = gan.D(gaussian_ring(n)), gan.D(gan.G(torch.randn(n, 2)).detach())
    loss_D = mse_loss(real, torch.ones_like(real)) + mse_loss(fake, torch.zeros_like(fake))
    descend(gan.opt_D, loss_D, lr=knobs.lr)
    gan.D.requires_grad_(False)
    maybe_fail(knobs)
    fake = gan.D(gan.G(torch.randn(n, 2)))
    loss_G = mse_loss(fake, torch.ones_like(fake))
    descend(gan.opt_G, loss_G, lr=knobs.lr)
    gan.D.requires_grad_(True)
    return {"loss D": loss_D, "loss G": loss_G}


# ---- two generators with batch normalisation in a list, against one D; the learner forgets zero_grad


def two_build():
    G = [
        nn.Sequential(nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2))
        for _ in "ab"
    ]
    D = mlp(2, 16, 1)
    return Players(G=G, D=D, opts=[adam(g) for g in G], opt_D=adam(D))


def two_step(gan, knobs):
    n = knobs.batch_size
    if knobs.n == 30:  # from here on one part stands still
        gan.G[1].eval()
        gan.D[0].bias.requires_grad_(False)
    x_fake = torch.cat([g(torch.randn(n, 2)) for g in gan.G])
    loss_D = softplus(-gan.D(gaussian_ring(n))).mean() + softplus(gan.D(x_fake.detach())).mean()
    descend(gan.opt_D, loss_D, lr=knobs.lr)
    maybe_fail(knobs)
    loss_G = softplus(-gan.D(x_fake)).mean()
    loss_G.backward()  # gradients add up, from step to step
    for opt in gan.opts:
        opt.step()
    return {"loss D": loss_D} | ({"loss G": loss_G} if knobs.n % 2 else {})


# ---- batches of a data set, a scheduler, G frozen by turns


def loader_build():
    G, D = mlp(2, 16, 2), mlp(2, 16, 1)
    opt_G, opt_D = torch.optim.Adam(G.parameters(), 1e-2), torch.optim.Adam(D.parameters(), 1e-2)
    decay = torch.optim.lr_scheduler.StepLR(opt_D, 7, 0.5)
    data = Batches(gaussian_ring(100, generator=torch.Generator().manual_seed(0)), 32)
    return Players(G=G, D=D, opt_G=opt_G, opt_D=opt_D, decay=decay, data=data)


def loader_step(gan, knobs):
    x_real = next(gan.data)
    x_fake = gan.G(torch.randn(len(x_real), 2))
    loss_D = softplus(-gan.D(x_real)).mean() + softplus(gan.D(x_fake.detach())).mean()
    descend(gan.opt_D, loss_D)
    gan.decay.step()
    maybe_fail(knobs)
    loss_G = softplus(-gan.D(x_fake)).mean()
    descend(gan.opt_G, loss_G, lr=knobs.lr)
    return {"loss D": loss_D, "loss G": loss_G, "epoch": gan.data.epoch}


# ---- a pool of old samples, and random numbers from everywhere


def pool_build():
    G, D = mlp(2, 16, 2), mlp(2, 16, 1)
    own = dict(rng=np.random.default_rng(random.randrange(1000)), old=[], shift=torch.zeros(2))
    return Players(G=G, D=D, opt_G=adam(G), opt_D=adam(D), **own)


def pool_step(gan, knobs):
    n = knobs.batch_size
    x_real = gaussian_ring(n) + torch.from_numpy(gan.rng.normal(0, 0.1, (n, 2))).float()
    x_fake = gan.G(torch.randn(n, 2) + gan.shift)
    gan.old = [*gan.old[-9:], x_fake.detach()]
    gan.shift = gan.shift + 0.01 * random.random()
    x_old = random.choice(gan.old)
    loss_D = softplus(-gan.D(x_real)).mean() + softplus(gan.D(x_old)).mean()
    descend(gan.opt_D, loss_D, lr=knobs.lr)
    maybe_fail(knobs)
    loss_G = softplus(-gan.D(x_fake)).mean()
    descend(gan.opt_G, loss_G, lr=knobs.lr)
    return {"loss D": loss_D, "loss G": loss_G, "noise": np.random.rand()}


ACCIDENT = {}  # step -> what happens there, once


def maybe_fail(knobs):
    if knobs.n in ACCIDENT:
        ACCIDENT.pop(knobs.n)()


KNOBS = dict(lr=1e-2, batch_size=32)
LOOPS = {
    "lsgan": (lsgan_build, lsgan_step, KNOBS),
    "two generators": (two_build, two_step, KNOBS),
    "loader": (loader_build, loader_step, KNOBS),
    "pool": (pool_build, pool_step, KNOBS),
    "ring": (ring_build, ring_step, RING_KNOBS),
}
