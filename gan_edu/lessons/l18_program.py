"""Lesson 18: a small WGAN-GP made of parts that can be replaced. The right parts are here, the exhibits on the page."""

import functools
from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from gan_edu import losses
from gan_edu.datasets import gaussian_ring
from gan_edu.faces import make_faces
from gan_edu.run import Players, adam

SIZE = 12  # pixels a side of a face that is trained on
KNOBS = dict(batch_size=64, lr=3e-3, lambda_gp=1.0, n_critic=3)
ring = functools.partial(gaussian_ring, radius=2**0.5, sigma=0.1)


def critic_turn(code, gan, x_real, x_fake, lambda_gp):
    """Train the critic once; x_fake comes from the generator, and the generator's weights must not notice."""
    x_fake = x_fake.detach()
    loss = code.critic_loss(gan.D(x_real), gan.D(x_fake))
    loss = loss + lambda_gp * code.penalty(gan.D, x_real, x_fake)
    gan.opt_D.zero_grad()
    loss.backward()
    gan.opt_D.step()


def generator_turn(code, gan, x_fake):
    """Train the generator once, and clear its gradients for the next step."""
    code.generator_loss(gan.D(x_fake)).backward()
    gan.opt_G.step()
    gan.opt_G.zero_grad()


def make_critic(n_in):
    """Return layers that score samples of n_in numbers."""
    layers = nn.Linear(n_in, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2)
    return nn.Sequential(*layers, nn.Linear(64, 1))


def to_tensor(pictures):
    """Return bytes (n, height, width, 3) as numbers (n, 3, height, width) from -1 to 1."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2) / 127.5 - 1


PARTS = dict(critic_loss=losses.critic_loss, generator_loss=losses.generator_loss_wasserstein)
PARTS |= dict(penalty=losses.gradient_penalty, critic_turn=critic_turn, make_critic=make_critic)
PARTS |= dict(generator_turn=generator_turn, to_tensor=to_tensor)


def code_with(**parts):
    """Return the museum's code with some parts replaced: code_with(penalty=my_penalty)."""
    unknown = ", ".join(parts.keys() - PARTS.keys())
    if unknown:
        raise ValueError(f"there is no part {unknown}; there are {', '.join(PARTS)}")
    return SimpleNamespace(**PARTS | parts)


@functools.cache
def pictures(world):
    """Return the bytes of 1,000 faces, (1000, 12, 12, 3), as image files have them; or digits (1797, 1, 8, 8)."""
    if world == "faces":
        return make_faces(1000, seed=18, size=SIZE)[0].permute(0, 2, 3, 1).contiguous().numpy()
    from sklearn.datasets import load_digits  # here, as it takes a second

    return load_digits().images[:, None].astype(np.float32) / 8 - 1


def real(code, world):
    """Return all real digits or faces as this code reads them, (n, channels, S, S) in [-1, 1]."""
    return (
        code.to_tensor(pictures(world)) if world == "faces" else torch.from_numpy(pictures(world))
    )


def program(code, world="ring"):
    """Return build() and step(gan, knobs) of the museum's GAN with this code."""
    x = None if world == "ring" else real(code, world)
    data = ring if world == "ring" else lambda n: x[torch.randint(len(x), (n,))]
    shape = {"ring": (2,), "digits": (1, 8, 8), "faces": (3, SIZE, SIZE)}[world]
    n_in, n_z = int(np.prod(shape)), 2 if world == "ring" else 16

    def build():
        G, D = [nn.Linear(n_z, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU()], code.make_critic(n_in)
        G.append(nn.Linear(64, n_in))
        if world != "ring":
            G, D = [*G, nn.Tanh(), nn.Unflatten(1, shape)], nn.Sequential(nn.Flatten(), *D)
        G = nn.Sequential(*G)
        return Players(G=G, D=D, opt_G=adam(G), opt_D=adam(D))

    def step(gan, knobs):
        n = knobs.batch_size
        for group in (*gan.opt_G.param_groups, *gan.opt_D.param_groups):
            group["lr"] = knobs.lr
        for _ in range(knobs.n_critic):
            x_real, x_fake = data(n), gan.G(torch.randn(n, n_z))
            code.critic_turn(code, gan, x_real, x_fake, knobs.lambda_gp)
        code.generator_turn(code, gan, x_fake)
        gap = gan.D(x_real).mean() - gan.D(x_fake).mean()
        return {"critic gap": gap.detach()}

    return build, step
