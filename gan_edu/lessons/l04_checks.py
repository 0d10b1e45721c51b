"""Lesson 04: checks of its exercises."""

from types import SimpleNamespace

import numpy as np
import torch

from gan_edu.examine import examine, weights_after
from gan_edu.losses import discriminator_loss, generator_loss_nonsaturating
from gan_edu.run import descend


def check_matrix(matrix):
    """Check the matrix of one alternating step with friction: (h, γ) -> 2 x 2, which turns (θ, ψ) into the next."""

    def right(h, g):
        return np.array([[1 - h * h, h * (1 - h * g)], [-h, 1 - h * g]])

    mistakes = {
        "this is the simultaneous step: θ moves by the old ψ. Here it moves by the new one.": lambda h, g: [[1, h], [-h, 1 - h * g]],
        "the friction is missing.": lambda h, g: right(h, 0.0),
        "the new ψ has felt the friction before θ moves by it: h (1 − h γ).": lambda h, g: [[1 - h * h, h], [-h, 1 - h * g]],
        "rows and columns are exchanged: the first row makes θ.": lambda h, g: right(h, g).T,
        "the order is ψ, θ here. Let θ come first.": lambda h, g: right(h, g)[::-1, ::-1].copy(),
        "G must go up where ψ is positive: θ + h ψ.": lambda h, g: [[1 + h * h, -h * (1 - h * g)], [-h, 1 - h * g]],
        "friction makes ψ smaller: a minus.": lambda h, g: right(h, -g),
    }  # fmt: skip
    cases, words = [(0.2, 0.0), (0.2, 1.0), (0.5, 0.3)], "that is one step of both players."
    return examine(matrix, cases, right, mistakes, words)


def check_friction(gradients):
    """Check the gradients with friction: (θ, ψ, knobs with gamma) -> (with respect to θ, with respect to ψ)."""

    def answer(theta, psi, gamma):
        return gradients(theta, psi, SimpleNamespace(gamma=gamma))

    mistakes = {
        "the derivative of γ/2 · ψ² with respect to ψ is γ ψ.": lambda t, p, g: (-p, t + g / 2 * p),
        "that adds γ/2 · ψ² itself. You need its derivative.": lambda t, p, g: (-p, t + g / 2 * p * p),
        "friction belongs to D: add it to the second gradient.": lambda t, p, g: (-p + g * p, t),
        "that is still without friction.": lambda t, p, g: (-p, t),
        "the penalty is added to D's loss, so its derivative is added, too.": lambda t, p, g: (-p, t - g * p),
    }  # fmt: skip
    cases = [(1.0, 0.0, 1.0), (0.5, -1.5, 0.3), (-1.0, 2.0, 2.0)]
    words = "the penalty on ψ² slows D down in proportion to its slope."
    answer = answer if callable(gradients) else gradients
    return examine(answer, cases, lambda t, p, g: (-p, t + g * p), mistakes, words)


def step_with(penalty, of=lambda logits: logits):
    """Return what a step with a penalty on D does; penalty(slope at real x, at generated x, γ), the slope of(logits)."""

    def slope(D, x):
        x = x.detach().requires_grad_()
        return torch.autograd.grad(of(D(x)).sum(), x, create_graph=True)[0]

    def step(gan, knobs):
        n = knobs.batch_size
        x_real, x_fake = 4 + 0.5 * torch.randn(n, 1), gan.G(2 * torch.rand(n, 1) - 1).detach()
        loss_D = discriminator_loss(gan.D(x_real), gan.D(x_fake))
        more = penalty(slope(gan.D, x_real), slope(gan.D, x_fake), knobs.gamma)
        descend(gan.opt_D, loss_D + more, lr=knobs.lr_d)
        loss_G = generator_loss_nonsaturating(gan.D(gan.G(2 * torch.rand(n, 1) - 1)))
        descend(gan.opt_G, loss_G, lr=knobs.lr_g)
        return {}

    return after(step)


def after(step):
    return weights_after(step, dict(lr_d=0.2, lr_g=0.1, batch_size=6, gamma=7.0))


def check_r1(step):
    """Check a training step with an R1 penalty by what it does to the weights, and return whether it is right."""

    def r1(real, fake, gamma):
        return gamma / 2 * real.square().mean()

    mistakes = {
        "the penalty does not reach D's weights: give autograd.grad create_graph=True, and add it to the loss.": lambda real, fake, gamma: 0.0,
        "R1 looks at the slope on real samples. Yours looks at generated ones.": lambda real, fake, g: r1(fake, real, g),
        "take the slope of the sum of the logits: in a mean each slope is divided by n.": lambda real, fake, gamma: r1(real / 6, fake, gamma),
        "the factor γ/2 is missing.": lambda real, fake, gamma: real.square().mean(),
        "the factor is γ/2.": lambda real, fake, gamma: gamma * real.square().mean(),
        "that pulls the slope to 1, as WGAN-GP does. R1 pulls it to 0.": lambda real, fake, gamma: gamma / 2 * (real.abs() - 1).square().mean(),
        "square the slope of each sample, then take the mean.": lambda real, fake, g: g / 2 * real.mean().square(),
        "add up nothing: square the slopes and take the mean.": lambda real, fake, g: g / 2 * real.square().sum(),
        "the penalty has the wrong sign.": lambda real, fake, gamma: -r1(real, fake, gamma),
    }  # fmt: skip
    mistakes = {hint: step_with(penalty) for hint, penalty in mistakes.items()}
    words = "that is the slope of the probability. R1 takes the slope of the logit."
    mistakes[words] = step_with(r1, torch.sigmoid)
    answer = after(step) if callable(step) else step
    return examine(answer, [(0,), (1,)], step_with(r1), mistakes, "D has friction now.")
