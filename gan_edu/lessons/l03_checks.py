"""Lesson 03: checks of its exercises."""

import functools

import numpy as np
import torch
from scipy.stats import norm
from torch.nn.functional import softplus

from gan_edu.examine import Remark, examine, weights_after
from gan_edu.lessons.l03_gaussian_gan_1d import push
from gan_edu.losses import discriminator_loss, generator_loss_nonsaturating
from gan_edu.networks import mlp
from gan_edu.run import Run, descend

Z = torch.linspace(-1, 1, 1000)[:, None]


def check_ideal_map(ideal_map):
    """Check the map from z, uniform on (-1, 1), to N(4, 0.5^2): (N,) -> (N,)."""

    def right(z, mean=4, std=0.5):
        return norm.ppf((z + 1) / 2, mean, std)

    mistakes = {
        "norm.ppf wants a probability between 0 and 1, but z runs from −1 to 1. Which share of the latents lies below z?": lambda z: norm.ppf(z, 4, 0.5),
        "the standard deviation is 0.5, not its square.": lambda z: right(z, 4, 0.25),
        "norm.cdf and norm.pdf take places x. You need the way back to places, norm.ppf.": lambda z: norm.cdf(z, 4, 0.5),
        "this is the mirror image, which is just as good. Let us take the map that rises.": lambda z: right(-z),
        "this becomes N(0, 1). What about mean and std?": lambda z: right(z, 0, 1),
    }  # fmt: skip
    z = np.linspace(-0.99, 0.99, 12)
    return examine(ideal_map, [(z,), (z / 2,)], right, mistakes, "even latents become N(4, 0.5²).")


def step_with(loss_of_D, loss_of_G, lr_g=1.0, reuse=False):
    """Return what a training step with these losses of logits does."""

    def step(gan, knobs):
        n = knobs.batch_size
        z = 2 * torch.rand(n, 1) - 1
        x_real, x_fake = 4 + 0.5 * torch.randn(n, 1), gan.G(z).detach()
        descend(gan.opt_D, loss_of_D(gan.D(x_real), gan.D(x_fake)), lr=knobs.lr_d)
        loss_G = loss_of_G(gan.D(gan.G(z if reuse else 2 * torch.rand(n, 1) - 1)))
        descend(gan.opt_G, loss_G, lr=lr_g * knobs.lr_g)
        return {}

    return after(step)


def after(step):
    return weights_after(step, dict(lr_d=0.2, lr_g=0.1, batch_size=6))


def check_step(step):
    """Check a training step by what it does to the weights, and return whether it is right."""
    D, G = discriminator_loss, generator_loss_nonsaturating
    mistakes = {
        "D learns to call generated samples real. Whose logit should rise?": (lambda r, f: D(f, r), G),
        "D's loss has no half for the generated samples.": (lambda r, f: softplus(-r).mean(), G),
        "D's loss has no half for the real samples.": (lambda r, f: softplus(f).mean(), G),
        "D's loss is the sum of two means; yours is half of it.": (lambda r, f: D(r, f) / 2, G),
        "G helps D to find its samples. Their logits should rise.": (D, lambda f: softplus(f).mean()),
        "that is the minimax loss log(1 − D(G(z))), flat where D is sure. The usual one is −log D(G(z)).": (D, lambda f: -softplus(f).mean()),
        "G does not move. Its loss must reach it through D: no detach in this half.": (D, G, 0.0),
        "G is judged on the latents that D has just learned from: draw new ones.": (D, G, 1.0, True),
    }  # fmt: skip
    mistakes = {hint: step_with(*losses) for hint, losses in mistakes.items()}
    answer = after(step) if callable(step) else step
    words = "both players move as they should."
    return examine(answer, [(0,), (1,)], step_with(D, G), mistakes, words)


def check_push(answer):
    """Check the push on each sample, answer(D, x): (N, 1) -> (N, 1)."""
    torch.manual_seed(0)
    D, x = mlp(1, 8, 1, activation=torch.nn.Tanh), torch.linspace(-2, 6, 5)[:, None]
    mistakes = {
        "this leads uphill. G moves against the gradient: a minus.": lambda D, x: -push(D, x),
        "this leads uphill, and the mean divides each push by the number of samples.": lambda D, x: -push(D, x) / len(x),
        "in a mean each push is divided by the number of samples. Take the sum.": lambda D, x: push(D, x) / len(x),
        "that is the slope of the logit. The loss is −log D(x), which is softplus(−logit).":
            lambda D, x: push(D, x) * (1 + D(x).exp()).detach(),
        "that is the push of the minimax loss log(1 − D(x)).": lambda D, x: push(D, x) * D(x).exp().detach(),
    }  # fmt: skip
    return examine(answer, [(D, x), (D, x / 2)], push, mistakes, "that is the push on each sample.")


@functools.lru_cache(maxsize=8)  # who checks again shall not wait again
def end_of_run(build, step, knobs, seed, n_steps):
    """Return mean and std of what the generator makes after training, (2,)."""
    x = Run(build, step, dict(knobs), seed).steps(n_steps).gan.G(Z).detach()
    return torch.cat([x.mean(0), x.std(0)])


def check_three_runs(found, build, step, knobs):
    """Check the (mean, std) of three runs of 1,000 steps, with seeds 0, 1 and 2."""

    def results(*seeds, n_steps=1000):
        values = tuple(knobs.items())
        return torch.stack([end_of_run(build, step, values, seed, n_steps) for seed in seeds])

    def answer():
        if not found:
            raise Remark("found is still empty. Append a pair (mean, std) for each seed.")
        return torch.stack([torch.stack([torch.as_tensor(v).detach() for v in p]) for p in found])

    mistakes = {
        "all three are the same run: give Run(..., seed=seed).": lambda: results(0, 0, 0),
        "these are not trained yet: run.steps(1000).": lambda: results(0, 1, 2, n_steps=0),
    }
    return examine(answer, [()], lambda: results(0, 1, 2), mistakes, "three runs, three results.")


def check_closeness(answer):
    """Check the features of minibatch discrimination with the published self term: (N, K, d) -> (N, K)."""

    def right(M, self_distance=1.0, power=1, sign=-1):
        apart = (M[:, None] - M[None]).abs().pow(power).sum(-1)
        return torch.exp(sign * (apart + self_distance * torch.eye(len(M))[..., None])).sum(1)

    mistakes = {
        "each sample counts itself with exp(−0) = 1. In the published code its own distance is 1: add torch.eye(N)[:, :, None] to the distances.": lambda M: right(M, 0.0),
        "the samples themselves are left out. In the published code each counts itself, at distance 1.": lambda M: right(M, 1e9),
        "sum over the batch: this is the mean.": lambda M: right(M) / len(M),
        "add up absolute differences, not squared ones.": lambda M: right(M, power=2),
        "close samples should count much and distant ones little: exp of *minus* the distance.": lambda M: right(M, sign=1),
    }  # fmt: skip
    torch.manual_seed(0)
    cases = [(torch.randn(n, 5, 3, requires_grad=True),) for n in (4, 7)]
    return examine(answer, cases, right, mistakes, "that is minibatch discrimination as published.")


def check_stair(answer):
    """Check the factor of a staircase that halves after every 500 steps: n -> factor."""
    mistakes = {
        "without whole numbers the factor falls in every step: n // 500.": lambda n: 0.5 ** (n / 500),
        "the factor is subtracted, not halved again.": lambda n: 1 - 0.5 * (n // 500),
        "that divides by the number of the stair. Each stair halves the one before.": lambda n: 1 / (n // 500 + 1),
    }  # fmt: skip
    cases = [(n,) for n in (0, 499, 500, 999, 1000, 1750)]
    return examine(answer, cases, lambda n: 0.5 ** (n // 500), mistakes, "that is the staircase.")
