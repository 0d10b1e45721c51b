"""Lesson 04: checks of its exercises."""

from types import SimpleNamespace

import numpy as np
import torch

from gan_edu.examine import check, weights_after
from gan_edu.losses import discriminator_loss, generator_loss_nonsaturating
from gan_edu.run import descend


def matrix(h, g):
    return np.array([[1 - h * h, h * (1 - h * g)], [-h, 1 - h * g]])


check_matrix = check(matrix, [(0.2, 0.0), (0.2, 1.0), (0.5, 0.3)], "that is one step of both players.", {
    "this is the simultaneous step: θ moves by the old ψ. Here it moves by the new one.": lambda h, g: [[1, h], [-h, 1 - h * g]],
    "the friction is missing.": lambda h, g: matrix(h, 0.0),
    "the new ψ has felt the friction before θ moves by it: h (1 − h γ).": lambda h, g: [[1 - h * h, h], [-h, 1 - h * g]],
    "rows and columns are exchanged: the first row makes θ.": lambda h, g: matrix(h, g).T,
    "the order is ψ, θ here. Let θ come first.": lambda h, g: matrix(h, g)[::-1, ::-1].copy(),
    "G must go up where ψ is positive: θ + h ψ.": lambda h, g: [[1 + h * h, -h * (1 - h * g)], [-h, 1 - h * g]],
    "friction makes ψ smaller: a minus.": lambda h, g: matrix(h, -g),
})  # fmt: skip

check_friction = check(lambda t, p, g: (-p, t + g * p), [(1.0, 0.0, 1.0), (0.5, -1.5, 0.3), (-1.0, 2.0, 2.0)], "the penalty on ψ² slows D down in proportion to its slope.", {
    "the derivative of γ/2 · ψ² with respect to ψ is γ ψ.": lambda t, p, g: (-p, t + g / 2 * p),
    "that adds γ/2 · ψ² itself. You need its derivative.": lambda t, p, g: (-p, t + g / 2 * p * p),
    "friction belongs to D: add it to the second gradient.": lambda t, p, g: (-p + g * p, t),
    "that is still without friction.": lambda t, p, g: (-p, t),
    "the penalty is added to D's loss, so its derivative is added, too.": lambda t, p, g: (-p, t - g * p),
}, given=lambda gradients, t, p, g: gradients(t, p, SimpleNamespace(gamma=g)))  # fmt: skip


def r1(real, fake, gamma):
    return gamma / 2 * real.square().mean()


def step_with(penalty=r1, of=lambda logits: logits):
    """Return a step with a penalty on D; penalty(slope at real x, at generated x, γ), the slope of(logits)."""

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

    return step


after = weights_after(dict(lr_d=0.2, lr_g=0.1, batch_size=6, gamma=7.0))
check_r1 = check(step_with(), [(0,), (1,)], "D has friction now.", {
    "the penalty does not reach D's weights: give autograd.grad create_graph=True, and add it to the loss.": step_with(lambda real, fake, gamma: 0.0),
    "R1 looks at the slope on real samples. Yours looks at generated ones.": step_with(lambda real, fake, g: r1(fake, real, g)),
    "take the slope of the sum of the logits: in a mean each slope is divided by n.": step_with(lambda real, fake, gamma: r1(real / 6, fake, gamma)),
    "the factor γ/2 is missing.": step_with(lambda real, fake, gamma: real.square().mean()),
    "the factor is γ/2.": step_with(lambda real, fake, gamma: gamma * real.square().mean()),
    "that pulls the slope to 1, as WGAN-GP does. R1 pulls it to 0.": step_with(lambda real, fake, gamma: gamma / 2 * (real.abs() - 1).square().mean()),
    "square the slope of each sample, then take the mean.": step_with(lambda real, fake, g: g / 2 * real.mean().square()),
    "add up nothing: square the slopes and take the mean.": step_with(lambda real, fake, g: g / 2 * real.square().sum()),
    "the penalty has the wrong sign.": step_with(lambda real, fake, gamma: -r1(real, fake, gamma)),
    "that is the slope of the probability. R1 takes the slope of the logit.": step_with(of=torch.sigmoid),
}, through=after)  # fmt: skip
