"""Lesson 18: the exhibits, their broken relatives, and right code that looks different, for the checks."""

import torch
from torch import nn

from gan_edu.lessons.l18_program import critic_turn as right_turn


def down(scores_real, scores_fake):
    return scores_real.mean() - scores_fake.mean()


def plus(scores_fake):
    return scores_fake.mean()


def penalty_by(norm, ask=1.0):
    """Return a penalty with norm(grad) for the norm of each picture's gradient."""

    def penalty(D, x_real, x_fake):
        eps = torch.rand(len(x_real), *[1] * (x_real.dim() - 1))
        x_hat = (eps * x_real + (1 - eps) * x_fake).detach().requires_grad_()
        (grad,) = torch.autograd.grad(D(x_hat).sum(), x_hat, create_graph=True)
        return (norm(grad) - ask).square().mean()

    return penalty


def root(total):
    return (total + 1e-12).sqrt()


def flat(grad):
    return root(grad.flatten(1).square().sum(1))


def over_axis_1(grad):
    return root(grad.square().sum(1))


def over_batch(grad):
    return root(grad.square().sum())


def over_sizes(grad):
    return grad.flatten(1).abs().sum(1)


def always_0(D, x_real, x_fake):
    return 0 * D(x_real).mean()


def turn(clear=False):
    """Return a critic's turn without detach of its own. clear: G's gradients after it."""

    def critic_turn(code, gan, x_real, x_fake, lambda_gp):
        loss = code.critic_loss(gan.D(x_real), gan.D(x_fake))
        loss = loss + lambda_gp * code.penalty(gan.D, x_real, x_fake)
        gan.opt_D.zero_grad()
        loss.backward(retain_graph=True)
        gan.opt_D.step()
        if clear:
            gan.opt_G.zero_grad()

    return critic_turn


def half_cut(code, gan, x_real, x_fake, lambda_gp):
    """The leak once more, a hundredth as strong."""
    right_turn(code, gan, x_real, x_fake, lambda_gp)
    (0.01 * gan.D(x_fake).mean()).backward(retain_graph=True)


def critic(first, second, last, norm=None):
    """Return a function that builds a critic, with or without biases in its three layers."""

    def make_critic(n_in):
        layers = [nn.Linear(n_in, 64, bias=first), *([norm(64)] if norm else []), nn.LeakyReLU(0.2)]
        layers += [nn.Linear(64, 64, bias=second), *([norm(64)] if norm else []), nn.LeakyReLU(0.2)]
        return nn.Sequential(*layers, nn.Linear(64, 1, bias=last))

    return make_critic


def reads(order, scale=lambda x: x / 127.5 - 1):
    return lambda pictures: scale(torch.from_numpy(pictures).permute(*order))


def cut_anew(pictures):
    n, height, width, channels = pictures.shape
    return torch.from_numpy(pictures.reshape(n, channels, height, width)) / 127.5 - 1
