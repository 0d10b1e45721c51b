"""Lesson 03: checks of its exercises."""

import functools

import numpy as np
import torch
from scipy.stats import norm
from torch.nn.functional import softplus

from gan_edu.examine import Remark, check, examine, weights_after
from gan_edu.lessons.l03_gaussian_gan_1d import push
from gan_edu.losses import discriminator_loss, generator_loss_nonsaturating
from gan_edu.networks import mlp
from gan_edu.run import Run, descend

Z = torch.linspace(-1, 1, 1000)[:, None]
SOME = np.linspace(-0.99, 0.99, 12)


def ideal(z, mean=4, std=0.5):
    return norm.ppf((z + 1) / 2, mean, std)


check_ideal_map = check(ideal, [(SOME,), (SOME / 2,)], "even latents become N(4, 0.5²).", {
    "norm.ppf wants a probability between 0 and 1, but z runs from −1 to 1. Which share of the latents lies below z?": lambda z: norm.ppf(z, 4, 0.5),
    "the standard deviation is 0.5, not its square.": lambda z: ideal(z, 4, 0.25),
    "norm.cdf and norm.pdf take places x. You need the way back to places, norm.ppf.": lambda z: norm.cdf(z, 4, 0.5),
    "this is the mirror image, which is just as good. Let us take the map that rises.": lambda z: ideal(-z),
    "this becomes N(0, 1). What about mean and std?": lambda z: ideal(z, 0, 1),
})  # fmt: skip


def step_with(loss_of_D=discriminator_loss, loss_of_G=generator_loss_nonsaturating, lr_g=1.0, reuse=False):  # fmt: skip
    """Return a training step with these losses of logits."""

    def step(gan, knobs):
        n = knobs.batch_size
        z = 2 * torch.rand(n, 1) - 1
        x_real, x_fake = 4 + 0.5 * torch.randn(n, 1), gan.G(z).detach()
        descend(gan.opt_D, loss_of_D(gan.D(x_real), gan.D(x_fake)), lr=knobs.lr_d)
        loss_G = loss_of_G(gan.D(gan.G(z if reuse else 2 * torch.rand(n, 1) - 1)))
        descend(gan.opt_G, loss_G, lr=lr_g * knobs.lr_g)
        return {}

    return step


after = weights_after(dict(lr_d=0.2, lr_g=0.1, batch_size=6))
check_step = check(step_with(), [(0,), (1,)], "both players move as they should.", {
    "D learns to call generated samples real. Whose logit should rise?": step_with(lambda r, f: discriminator_loss(f, r)),
    "D's loss has no half for the generated samples.": step_with(lambda r, f: softplus(-r).mean()),
    "D's loss has no half for the real samples.": step_with(lambda r, f: softplus(f).mean()),
    "D's loss is the sum of two means; yours is half of it.": step_with(lambda r, f: discriminator_loss(r, f) / 2),
    "G helps D to find its samples. Their logits should rise.": step_with(loss_of_G=lambda f: softplus(f).mean()),
    "that is the minimax loss log(1 − D(G(z))), flat where D is sure. The usual one is −log D(G(z)).": step_with(loss_of_G=lambda f: -softplus(f).mean()),
    "G does not move. Its loss must reach it through D: no detach in this half.": step_with(lr_g=0.0),
    "G is judged on the latents that D has just learned from: draw new ones.": step_with(reuse=True),
}, through=after)  # fmt: skip


def pushed():
    torch.manual_seed(0)
    D, x = mlp(1, 8, 1, activation=torch.nn.Tanh), torch.linspace(-2, 6, 5)[:, None]
    return [(D, x), (D, x / 2)]


check_push = check(push, pushed, "that is the push on each sample.", {
    "this leads uphill. G moves against the gradient: a minus.": lambda D, x: -push(D, x),
    "this leads uphill, and the mean divides each push by the number of samples.": lambda D, x: -push(D, x) / len(x),
    "in a mean each push is divided by the number of samples. Take the sum.": lambda D, x: push(D, x) / len(x),
    "that is the slope of the logit. The loss is −log D(x), which is softplus(−logit).":
        lambda D, x: push(D, x) * (1 + D(x).exp()).detach(),
    "that is the push of the minimax loss log(1 − D(x)).": lambda D, x: push(D, x) * D(x).exp().detach(),
})  # fmt: skip


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


def closeness(M, self_distance=1.0, power=1, sign=-1):
    apart = (M[:, None] - M[None]).abs().pow(power).sum(-1)
    return torch.exp(sign * (apart + self_distance * torch.eye(len(M))[..., None])).sum(1)


SEEDED = torch.Generator().manual_seed(0)
FEATURES = [(torch.randn(n, 5, 3, generator=SEEDED, requires_grad=True),) for n in (4, 7)]
check_closeness = check(closeness, FEATURES, "that is minibatch discrimination as published.", {
    "each sample counts itself with exp(−0) = 1. In the published code its own distance is 1: add torch.eye(N)[:, :, None] to the distances.": lambda M: closeness(M, 0.0),
    "the samples themselves are left out. In the published code each counts itself, at distance 1.": lambda M: closeness(M, 1e9),
    "sum over the batch: this is the mean.": lambda M: closeness(M) / len(M),
    "add up absolute differences, not squared ones.": dict(power=2),
    "close samples should count much and distant ones little: exp of *minus* the distance.": dict(sign=1),
})  # fmt: skip

STEPS = [(n,) for n in (0, 499, 500, 999, 1000, 1750)]
check_stair = check(lambda n: 0.5 ** (n // 500), STEPS, "that is the staircase.", {
    "without whole numbers the factor falls in every step: n // 500.": lambda n: 0.5 ** (n / 500),
    "the factor is subtracted, not halved again.": lambda n: 1 - 0.5 * (n // 500),
    "that divides by the number of the stair. Each stair halves the one before.": lambda n: 1 / (n // 500 + 1),
})  # fmt: skip
