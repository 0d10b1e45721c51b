"""Lesson 09: checks of its exercises."""

import numpy as np
import torch
from torch import nn
from torch.nn.functional import softplus

from gan_edu.examine import EMPTY, GAP, check, faultless, weights_after
from gan_edu.losses import clip_weights_, critic_loss, discriminator_loss, gradient_penalty
from gan_edu.networks import mlp
from gan_edu.run import Players, descend

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


KNOBS = dict(batch_size=8, n_critic=2, lr_d=0.05, lr_g=0.05, lambda_gp=0.7, clip=0.02)


def after(step, method, seed):
    return weights_after(KNOBS | {"method": method}, small_players, still=False)(step, seed)


EACH = [(method, seed) for method in METHODS for seed in (0, 1)]
check_three_methods = check(stepping(), EACH, "one step, three methods.", {
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
}, through=after)  # fmt: skip


def parts(x):
    return [x.var(0).mean(), x.mean(0).var(), x.var()]


RNG = np.random.default_rng(0)
SPLIT = [(RNG.normal(size=(5, 4)) * [1, 2, 3, 4] + [0, 3, 1, 7],), (RNG.normal(size=(7, 3)),)]
check_split = check(parts, SPLIT, "the first two add up to the third.", {
    "these are standard deviations. Only variances add up.": lambda x: [v**0.5 for v in parts(x)],
    "std over z: the root comes last. Average the variances, .var(0).mean().": lambda x: [x.std(0).mean(), *parts(x)[1:]],
    "axes exchanged: x.var(1) is the variance within one vector. Over z means down the rows: axis 0.": lambda x: [x.var(1).mean(), x.mean(1).var(), x.var()],
    "between: the mean of each *feature* is x.mean(0), over the vectors.": lambda x: [parts(x)[0], x.mean(1).var(), x.var()],
    "over z: first the variance of each feature, x.var(0), then the mean over the features.": lambda x: [x.var(1).mean(), *parts(x)[1:]],
    "over z: that is the variance of the means of the vectors, not the mean variance of a feature.": lambda x: [x.mean(1).var(), *parts(x)[1:]],
    "that divides by n − 1. Then the parts do not add up: leave ddof alone.": lambda x: [x.var(0, ddof=1).mean(), x.mean(0).var(ddof=1), x.var(ddof=1)],
    "the order should be: over z, between, all.": lambda x: [parts(x)[k] for k in (1, 0, 2)],
})  # fmt: skip


def first_share(x, power=2, centre=True, share=lambda v: v[0] / v.sum()):
    return share(np.linalg.svd(x - x.mean(0) if centre else x, compute_uv=False) ** power)


VECTORS = [(np.random.default_rng(n).normal(5, 2, (n, 4)) * [1, 2, 3, 4],) for n in (6, 9)]
check_first_share = check(first_share, VECTORS, "this is the first share of a PCA.", {
    "the vectors are not centred. Subtract the mean of each feature first; else the first direction points at the mean.": dict(centre=False),
    "you centred each vector. Subtract the mean of each feature: x.mean(0).": lambda x: first_share(x - x.mean(1, keepdims=True), centre=False),
    "these are standard deviations. A variance is the square of a singular value.": dict(power=1),
    "that is the largest one alone. Which share of the sum is it?": dict(share=lambda v: v[0]),
    "that is the smallest one: they come in descending order.": dict(share=lambda v: v[-1] / v.sum()),
})  # fmt: skip


# fmt: off
# A hint and when it is told stand on one line.
@faultless("the test is fooled, and the std over z is 0.")
def check_constant_generator(answer):
    """Check a generator (n, 16) -> (n, 512) that ignores z and passes the test of all numbers together."""
    z = torch.rand(64, 16, generator=torch.Generator().manual_seed(0))
    x, again, others, few = (answer(one) for one in (z, z, 1 - z, z[:5]))
    yield GAP, x is ...
    yield EMPTY, x is None
    first, second = (tuple(getattr(one, "shape", ())) for one in (x, few))
    yield f"a batch (64, 16) should become a tensor (64, 512), it became {first}.", first != (64, 512)
    yield "return a tensor, not a NumPy array: torch.tensor(x, dtype=torch.float32) makes one.", not torch.is_tensor(x)
    yield f"with 5 vectors z it should return (5, 512), it returned {second}. Take the number of rows from len(z).", second != (5, 512)
    yield "the same z gives other samples each time. Draw once, outside the function.", not torch.equal(x, again)
    yield "your samples depend on z. This generator must not look at it.", not torch.equal(x, others)
    yield "it gives different rows, by their place in the batch. Every row should be the same.", (x - x[0]).abs().max() > 1e-6
    mean, std = x.double().mean(), x.double().std()
    yield f"all features are {mean:.2f}, and the std of all numbers is 0. Which spread is left, if there is none over z?", std < 1e-6
    yield f"nearly: mean {mean:.2f} and std {std:.2f} miss 3 and 1 by more than 0.05, as 512 drawn numbers do in one case of three. Standardise them (subtract their mean, divide by their std), or use two values.", 0.05 < max(abs(mean - 3), abs(std - 1)) < 0.25
    yield f"the mean of all numbers is {mean:.2f}. It should be within 0.05 of 3.", abs(mean - 3) > 0.05
    yield f"the std of all numbers is {std:.2f}. It should be within 0.05 of 1.", abs(std - 1) > 0.05
