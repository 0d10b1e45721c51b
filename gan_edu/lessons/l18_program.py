"""Lesson 18: a small WGAN-GP made of parts that can be replaced: right parts, and broken ones for the checks."""

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
    leaking_turn(code, gan, x_real, x_fake.detach(), lambda_gp)


def leaking_turn(code, gan, x_real, x_fake, lambda_gp):
    loss = code.critic_loss(gan.D(x_real), gan.D(x_fake))
    loss = loss + lambda_gp * code.penalty(gan.D, x_real, x_fake)
    gan.opt_D.zero_grad()
    loss.backward(retain_graph=True)
    gan.opt_D.step()


def cleared_turn(code, gan, *rest):
    leaking_turn(code, gan, *rest)
    gan.opt_G.zero_grad()


def weak_leak(code, gan, x_real, x_fake, lambda_gp):
    """The leak once more, a hundredth as strong."""
    critic_turn(code, gan, x_real, x_fake, lambda_gp)
    (0.01 * gan.D(x_fake).mean()).backward(retain_graph=True)


def generator_turn(code, gan, x_fake):
    """Train the generator once, and clear its gradients for the next step."""
    code.generator_loss(gan.D(x_fake)).backward()
    gan.opt_G.step()
    gan.opt_G.zero_grad()


def critic(first=True, second=True, last=True, norm=nn.Identity):
    """Return a function that builds a critic of n_in numbers, with or without biases in its three layers."""

    def make_critic(n_in):
        layers = nn.Linear(n_in, 64, bias=first), norm(64), nn.LeakyReLU(0.2)
        layers += nn.Linear(64, 64, bias=second), norm(64), nn.LeakyReLU(0.2)
        return nn.Sequential(*layers, nn.Linear(64, 1, bias=last))

    return make_critic


def reads(order, scale=lambda x: x / 127.5 - 1):
    """Return a function from bytes (n, height, width, 3) to numbers, with its axes in this order."""
    return lambda pictures: scale(torch.from_numpy(pictures).permute(*order))


def cut_anew(pictures):
    n, height, width, channels = pictures.shape
    return torch.from_numpy(pictures.reshape(n, channels, height, width)) / 127.5 - 1


def penalty_by(norm):
    """Return a penalty with norm(grad) for the norm of each picture's gradient."""

    def penalty(D, x_real, x_fake):
        eps = torch.rand(len(x_real), *[1] * (x_real.dim() - 1))
        x_hat = (eps * x_real + (1 - eps) * x_fake).detach().requires_grad_()
        (grad,) = torch.autograd.grad(D(x_hat).sum(), x_hat, create_graph=True)
        return (norm(grad) - 1).square().mean()

    return penalty


def over_axis_1(grad):
    return (grad.square().sum(1) + 1e-12).sqrt()


PARTS = dict(critic_loss=losses.critic_loss, generator_loss=losses.generator_loss_wasserstein)
PARTS |= dict(penalty=losses.gradient_penalty, critic_turn=critic_turn, make_critic=critic())
PARTS |= dict(generator_turn=generator_turn, to_tensor=reads((0, 3, 1, 2)))


def code_with(**parts):
    """Return the museum's code with some parts replaced: code_with(penalty=my_penalty)."""
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
    read = code.to_tensor if world == "faces" else torch.from_numpy
    return read(pictures(world))


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
