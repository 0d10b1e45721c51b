"""Lesson 06: two GANs that race, in one: `a`, on the left, is a WGAN, `b` a GAN with a discriminator."""

import copy

import torch

from gan_edu import losses
from gan_edu.datasets import gaussian_ring
from gan_edu.networks import mlp
from gan_edu.panel.figure import curves, describe
from gan_edu.run import Players, descend
from gan_edu.style import CRITIC, FAKE, MARK, REAL
from gan_edu.views import finish


def build_race():
    """Return two GANs with the same first weights, at the distance 8 from their data."""
    G, D = mlp(2, 64, 64, 2), mlp(2, 64, 64, 1)
    nets = dict(a_G=G, a_D=D, b_G=copy.deepcopy(G), b_D=copy.deepcopy(D))
    opts = {f"opt_{name}": torch.optim.SGD(net.parameters(), 0.1) for name, net in nets.items()}
    return Players(**nets, **opts, distance=8.0)


def race(loss=1):
    """Return the step of both GANs on the same samples and latents; loss: of the second generator, 1 is log(1 − D), 2 is −log D."""
    loss_b = (losses.generator_loss_saturating, losses.generator_loss_nonsaturating)[loss - 1]

    def step(gan, knobs):
        n, gan.distance = knobs.batch_size, knobs.distance
        centre = torch.tensor([gan.distance, 0.0])
        for _ in range(knobs.n_critic):
            x, z = gaussian_ring(n, radius=1.4, sigma=0.1) + centre, torch.randn(n, 2)
            scores = gan.a_D(x), gan.a_D(gan.a_G(z).detach())
            descend(gan.opt_a_D, losses.critic_loss(*scores), lr=knobs.lr)
            losses.clip_weights_(gan.a_D, 0.1)
            logits = gan.b_D(x), gan.b_D(gan.b_G(z).detach())
            descend(gan.opt_b_D, losses.discriminator_loss(*logits), lr=knobs.lr)
        z = torch.randn(n, 2)
        descend(gan.opt_a_G, losses.generator_loss_wasserstein(gan.a_D(gan.a_G(z))), lr=knobs.lr)
        descend(gan.opt_b_G, loss_b(gan.b_D(gan.b_G(z))), lr=knobs.lr)
        far = [(G(z) - centre).square().sum(1).sqrt().mean() for G in (gan.a_G, gan.b_G)]
        return {"left": far[0], "right": far[1]}

    return step


def view_race(fig, gan, log):
    """Draw the samples of both GANs beside their data, and how far they are from the middle of it."""
    *planes, right = fig.subplots(1, 3, width_ratios=[1, 1, 1])
    z, x = torch.randn(200, 2), gaussian_ring(200, radius=1.4, sigma=0.1)
    x = x + torch.tensor([gan.distance, 0.0])
    for ax, G, name in zip(planes, (gan.a_G, gan.b_G), ("left", "right")):
        ax.scatter(*x.T, s=6, color=REAL, label="data")
        ax.scatter(*G(z).detach().T, s=6, color=FAKE, label="generated")
        ax.set(xlim=(-3, 11), ylim=(-7, 7), aspect="equal", title=f"the {name} GAN")
        finish(ax, "upper left", xlabel="x₁", ylabel="x₂")
    curves(right, log, "left", "right", colors=[MARK, CRITIC])
    right.axhline(1.4, color=REAL, ls=":", label="the data's own")
    finish(right, "center right", ylim=(0, 10), ylabel="distance from the middle of the data")
    far = ", ".join(f"{name} {log[name][-1]:.1f}" for name in log)
    describe(fig, f"Two GANs and their data after {log.n} steps; mean distance: {far}.")


def steepness(runs):
    """Return the mean slope of each run's critic at its generated samples."""
    x = runs.gan.a_G(torch.randn(64 * len(runs.alive), 2)).detach().requires_grad_()
    (slope,) = torch.autograd.grad(runs.gan.a_D(x).sum(), x)
    return runs.members(slope.norm(dim=1)).mean(1).numpy()


def which(first, second, answers):
    """Return the answer for what is true: both, only the first, only the second, neither."""
    return answers[2 * (not first) + (not second)]
