"""Lesson 09: checks of its exercises."""

import numpy as np
import torch
from torch import nn
from torch.nn.functional import softplus
from torch.nn.utils import parameters_to_vector

from gan_edu.examine import Remark, examine
from gan_edu.losses import clip_weights_, critic_loss, discriminator_loss, gradient_penalty
from gan_edu.networks import mlp
from gan_edu.run import Players, Run, descend

METHODS = "GAN", "WGAN", "WGAN-GP"


def stepping(gan_loss=discriminator_loss, critic=critic_loss, penalised=lambda loss, weight, p: loss + weight * p):  # fmt: skip
    """Return the training step of the lesson with these three losses."""

    def step(gan, knobs):
        n, (opt_D, opt_G) = knobs.batch_size, gan.opts[knobs.method]
        for _ in range(knobs.n_critic):
            x_real, x_fake = 3 + torch.randn(n, 512), gan.G(torch.rand(n, 16)).detach()
            on_real, on_fake = gan.D(x_real), gan.D(x_fake)
            loss_D = (gan_loss if knobs.method == "GAN" else critic)(on_real, on_fake)
            if knobs.method == "WGAN-GP":
                penalty = gradient_penalty(gan.D, x_real, x_fake)
                loss_D = penalised(loss_D, knobs.lambda_gp, penalty)
            descend(opt_D, loss_D, lr=knobs.lr_d)
            if knobs.method == "WGAN":
                clip_weights_(gan.D, knobs.clip)
        scores = gan.D(gan.G(torch.rand(n, 16)))
        loss_G = softplus(-scores).mean() if knobs.method == "GAN" else -scores.mean()
        descend(opt_G, loss_G, lr=knobs.lr_g)
        return {}

    return step


def small_players():
    """Return a GAN of 512 numbers that is quick to train."""
    G, D = mlp(16, 4, 512), mlp(512, 4, 1, activation=nn.Tanh)
    nn.init.normal_(D[0].weight, std=0.003)  # small weights, so that no unit is saturated
    opts = {m: [torch.optim.SGD(net.parameters(), lr=0.1) for net in (D, G)] for m in METHODS}
    return Players(G=G, D=D, opts=opts)


def check_three_methods(step):
    """Check a training step with three methods by what it does to the weights."""

    def after(step):
        def weights(method, seed):
            knobs = dict(method=method, batch_size=8, n_critic=2, lr_d=0.05, lr_g=0.05, lambda_gp=0.7, clip=0.02)  # fmt: skip
            gan = Run(small_players, step, knobs, seed).steps(2).gan
            return parameters_to_vector([*gan.D.parameters(), *gan.G.parameters()]).detach()

        return weights

    mistakes = {
        "for the GAN: both signs are turned. softplus(−a) is −log D(x), and D should make it small at the real samples.": stepping(lambda r, f: softplus(r).mean() + softplus(-f).mean()),
        "for the GAN: the generated samples are missing in the loss of D.": stepping(lambda r, f: softplus(-r).mean()),
        "for the GAN: this calls the generated samples real, too. At them the loss is softplus(+a).": stepping(lambda r, f: softplus(-r).mean() + softplus(-f).mean()),
        "for the WGAN: the critic makes its gap smaller. An optimiser goes downhill: minus the gap.": stepping(critic=lambda r, f: -critic_loss(r, f)),
        "for the GAN: that is the critic's loss. Here D returns logits: use softplus.": stepping(critic_loss),
        "for the WGAN: that is the loss of a GAN. A critic returns scores: take their means, without softplus.": stepping(critic=discriminator_loss),
        "for the WGAN-GP: the factor λ (knobs.lambda_gp) is missing.": stepping(penalised=lambda loss, weight, p: loss + p),
        "for the WGAN-GP: the penalty has replaced the gap. Add it to the loss.": stepping(penalised=lambda loss, weight, p: weight * p),
        "for the WGAN-GP: the critic is paid for its penalty. Add it.": stepping(penalised=lambda loss, weight, p: loss - weight * p),
        "for the WGAN-GP: the penalty is missing.": stepping(penalised=lambda loss, weight, p: loss),
    }  # fmt: skip
    mistakes = {hint: after(fault) for hint, fault in mistakes.items()}
    answer = after(step) if callable(step) else step
    cases = [(method, seed) for method in METHODS for seed in (0, 1)]
    return examine(answer, cases, after(stepping()), mistakes, "one step, three methods.")


def check_split(answer):
    """Check the parts of a variance: x (n, F) -> (over z, between the features, of all numbers)."""

    def right(x):
        return [x.var(0).mean(), x.mean(0).var(), x.var()]

    mistakes = {
        "these are standard deviations. Only variances add up.": lambda x: [v**0.5 for v in right(x)],
        "std over z: the root comes last. Average the variances, .var(0).mean().": lambda x: [x.std(0).mean(), *right(x)[1:]],
        "axes exchanged: x.var(1) is the variance within one vector. Over z means down the rows: axis 0.": lambda x: [x.var(1).mean(), x.mean(1).var(), x.var()],
        "between: the mean of each *feature* is x.mean(0), over the vectors.": lambda x: [right(x)[0], x.mean(1).var(), x.var()],
        "over z: first the variance of each feature, x.var(0), then the mean over the features.": lambda x: [x.var(1).mean(), *right(x)[1:]],
        "over z: that is the variance of the means of the vectors, not the mean variance of a feature.": lambda x: [x.mean(1).var(), *right(x)[1:]],
        "that divides by n − 1. Then the parts do not add up: leave ddof alone.": lambda x: [x.var(0, ddof=1).mean(), x.mean(0).var(ddof=1), x.var(ddof=1)],
        "the order should be: over z, between, all.": lambda x: [right(x)[k] for k in (1, 0, 2)],
    }  # fmt: skip
    rng = np.random.default_rng(0)
    cases = [(rng.normal(size=(5, 4)) * [1, 2, 3, 4] + [0, 3, 1, 7],), (rng.normal(size=(7, 3)),)]
    return examine(answer, cases, right, mistakes, "the first two add up to the third.")


def check_first_share(answer):
    """Check the share of the variance along the first direction: x (n, F) -> a number from 0 to 1."""

    def by(x, power=2, centre=True, share=lambda v: v[0] / v.sum()):
        return share(np.linalg.svd(x - x.mean(0) if centre else x, compute_uv=False) ** power)

    mistakes = {
        "the vectors are not centred. Subtract the mean of each feature first; else the first direction points at the mean.": lambda x: by(x, centre=False),
        "you centred each vector. Subtract the mean of each feature: x.mean(0).": lambda x: by(x - x.mean(1, keepdims=True), centre=False),
        "these are standard deviations. A variance is the square of a singular value.": lambda x: by(x, 1),
        "that is the largest one alone. Which share of the sum is it?": lambda x: by(x, share=lambda v: v[0]),
        "that is the smallest one: they come in descending order.": lambda x: by(x, share=lambda v: v[-1] / v.sum()),
    }  # fmt: skip
    cases = [(np.random.default_rng(n).normal(5, 2, (n, 4)) * [1, 2, 3, 4],) for n in (6, 9)]
    return examine(answer, cases, by, mistakes, "this is the first share of a PCA.")


def check_constant_generator(answer):
    """Check a generator (n, 16) -> (n, 512) that ignores z and passes the test of all numbers together."""

    def asked(z):
        x, again, others, few = (answer(one) for one in (z, z, 1 - z, z[:5]))
        if x is ... or x is None:
            return x
        first, second = (tuple(getattr(one, "shape", ())) for one in (x, few))
        mean, std = (x.double().mean(), x.double().std()) if torch.is_tensor(x) else (0, 0)
        off = max(abs(mean - 3), abs(std - 1))
        faults = {
            f"a batch (64, 16) should become a tensor (64, 512), it became {first}.": first != (64, 512),
            "return a tensor, not a NumPy array: torch.tensor(x, dtype=torch.float32) makes one.": not torch.is_tensor(x),
            f"with 5 vectors z it should return (5, 512), it returned {second}. Take the number of rows from len(z).": second != (5, 512),
            "the same z gives other samples each time. Draw once, outside the function.": lambda: not torch.equal(x, again),
            "your samples depend on z. This generator must not look at it.": lambda: not torch.equal(x, others),
            "it gives different rows, by their place in the batch. Every row should be the same.": lambda: (x - x[0]).abs().max() > 1e-6,
            f"all features are {mean:.2f}, and the std of all numbers is 0. Which spread is left, if there is none over z?": std < 1e-6,
            f"nearly: mean {mean:.2f} and std {std:.2f} miss 3 and 1 by more than 0.05, as 512 drawn numbers do in one case of three. Standardise them (subtract their mean, divide by their std), or use two values.": 0.05 < off < 0.25,
            f"the mean of all numbers is {mean:.2f}. It should be within 0.05 of 3.": abs(mean - 3) > 0.05,
            f"the std of all numbers is {std:.2f}. It should be within 0.05 of 1.": abs(std - 1) > 0.05,
        }  # fmt: skip
        for words, wrong in faults.items():
            if wrong() if callable(wrong) else wrong:
                raise Remark(words)
        return 0

    z = torch.rand(64, 16, generator=torch.Generator().manual_seed(0))
    given = asked if callable(answer) else answer
    return examine(given, [(z,)], lambda z: 0, words="the test is fooled, and the std over z is 0.")
