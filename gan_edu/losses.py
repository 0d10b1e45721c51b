"""Losses of GANs and Wasserstein GANs, gradient penalties and weight clipping: pure functions, torch in, scalar out.

The discriminator hands over *logits*, the numbers before the sigmoid: log D(x) = -softplus(-logit) and
log(1 - D(x)) = -softplus(logit) stay finite where the logarithm of a rounded sigmoid would be -inf.
"""

import torch
from torch.nn.functional import softplus

from gan_edu._arguments import check_number


def discriminator_loss(logits_real, logits_fake):
    """Return -mean log D(x_real) - mean log(1 - D(x_fake)), in nats; a D that always says 1/2 gets 2 log 2 = 1.386.

    Shapes: any, also different ones; the mean is over all elements. Goodfellow et al. (2014), equation 1.
    """
    return softplus(-logits_real).mean() + softplus(logits_fake).mean()


def generator_loss_saturating(logits_fake):
    """Return mean log(1 - D(x_fake)), in nats: the minimax loss, flat where D is sure. Goodfellow et al. (2014), equation 1."""
    return -softplus(logits_fake).mean()


def generator_loss_nonsaturating(logits_fake):
    """Return -mean log D(x_fake), in nats: used in practice, steep where D is sure. Goodfellow et al. (2014), section 3."""
    return softplus(-logits_fake).mean()


def critic_loss(scores_real, scores_fake):
    """Return mean score of x_fake - mean score of x_real: what the critic *minimises*, the negative of the estimate.

    Unbounded scores, no sigmoid. Arjovsky et al. (2017), algorithm 1.
    """
    return scores_fake.mean() - scores_real.mean()


def generator_loss_wasserstein(scores_fake):
    """Return -mean score of x_fake: the generator wants high scores. Arjovsky et al. (2017), algorithm 1."""
    return -scores_fake.mean()


def wasserstein_estimate(scores_real, scores_fake):
    """Return mean score of x_real - mean score of x_fake: W1 if the critic is the optimal 1-Lipschitz function.

    It falls as training succeeds. Under weight clipping it is W1 only up to an unknown factor. Arjovsky et al. (2017), equation 2.
    """
    return scores_real.mean() - scores_fake.mean()


def gradient_penalty(critic, x_real, x_fake):
    """Return mean over the batch of (||grad critic(x_hat)||_2 - 1)^2, without the factor λ.

    x_real, x_fake: (N, ...), the same shape; x_hat lies between them at one random ε per sample. The graph is kept, so that
    the penalty can be differentiated with respect to the critic's weights. Gulrajani et al. (2017), equation 3, algorithm 1.
    """
    if x_real.shape != x_fake.shape:
        got = f"got {tuple(x_real.shape)} and {tuple(x_fake.shape)}"
        raise ValueError(f"x_real and x_fake must be batches of the same shape (N, ...), {got}")
    shape = len(x_real), *[1] * (x_real.ndim - 1)  # one number a sample
    epsilon = torch.rand(shape, dtype=x_real.dtype).to(x_real.device)
    x_hat = (epsilon * x_real + (1 - epsilon) * x_fake).detach().requires_grad_()
    (slopes,) = torch.autograd.grad(critic(x_hat).sum(), x_hat, create_graph=True)
    squares = slopes.square().reshape(len(slopes), -1).sum(1)
    norms = (squares + 1e-12).sqrt()  # without 1e-12 nan where it is flat
    return (norms - 1).square().mean()


def r1_penalty(discriminator, x_real, x_fake):
    """Return mean over the batch of 1/2 ||grad discriminator(x_real)||_2^2, without the factor λ (the paper's γ).

    x_real: (N, ...); x_fake is not used, it makes the call that of `gradient_penalty`. The slope is that of the logits.
    With batch normalisation it is of the sum over the batch: each picture's own influence and, weakly, that on its
    company. Mescheder, Geiger & Nowozin (2018), equation 9.
    """
    x_real = x_real.detach().requires_grad_()
    (slopes,) = torch.autograd.grad(discriminator(x_real).sum(), x_real, create_graph=True)
    return slopes.square().sum() / (2 * len(slopes))


@torch.no_grad()
def clip_weights_(module, clip_value):
    """Clamp every parameter of `module` to [-clip_value, clip_value], in place. Arjovsky et al. (2017), algorithm 1."""
    clip_value = check_number("clip_value", clip_value, low=0, low_open=True)
    for parameter in module.parameters():
        parameter.clamp_(-clip_value, clip_value)
