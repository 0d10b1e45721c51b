"""Lesson 18: checks of the five rooms, a test and a repair each; those of the homework stand in l18_trial."""

import numpy as np
import torch
from torch import nn

from gan_edu.lessons import l18_program as of
from gan_edu.lessons.l18_program import PARTS, code_with, program, ring
from gan_edu.lessons.l18_trial import blank, says, tried
from gan_edu.lessons.l18_trial import check_added as check_added
from gan_edu.lessons.l18_trial import check_eval as check_eval
from gan_edu.lessons.l18_trial import check_from_z as check_from_z
from gan_edu.lessons.l18_trial import check_shares as check_shares
from gan_edu.lessons.l18_trial import check_spread as check_spread


def judging(name, exhibit, words, wanted, relatives, fine=()):
    """Return a check(test, repaired) of a part; wanted: {hint: what must be true of the repair}, the others {hint: parts}."""

    def fault_of(repaired):
        if not callable(repaired) or blank(repaired):
            return "the test is right. Now write the repaired function."
        for hint, condition in wanted.items():
            passes = lambda code, holds=condition: np.testing.assert_(holds(code))  # noqa: E731
            found = says(passes, code_with(**{name: repaired}))
            if isinstance(found, Exception):
                return f"the test is right; your repair stops with {type(found).__name__}: {found}"
            if not found:
                return f"the test is right; your repair: {hint}"

    def codes(parts):
        return {hint: code_with(**{name: part} if callable(part) else part) for hint, part in dict(parts).items()}  # fmt: skip

    def check(test, repaired):
        pair = code_with(), code_with(**{name: exhibit})
        return tried(test, *pair, words, codes(relatives), codes(fine), lambda: fault_of(repaired))

    return check


low, high = torch.zeros(4), torch.arange(4.0)
down = lambda scores_real, scores_fake: scores_real.mean() - scores_fake.mean()  # noqa: E731

check_sign = judging("generator_loss", torch.mean, "your test tells them apart, and the generator works against the critic again.", {
    "both losses still want the same.": lambda c: (c.critic_loss(low, high) > c.critic_loss(low, low)) == (c.generator_loss(high) < c.generator_loss(low)),
    "the mean over the batch should stay.": lambda c: abs(c.generator_loss(high)) == 1.5,
}, {
    "a code whose critic has the wrong sign, and not its generator. Look at both losses.": dict(critic_loss=down),
}, {
    "a code with both signs turned. That is right, too: the critic is then called −f.": dict(critic_loss=down, generator_loss=torch.mean),
})  # fmt: skip


by = of.penalty_by


def cost(code, slope, *shape):
    """The penalty of a plane whose gradient has this norm over a whole picture."""
    x, w = torch.randn(2, 5, *shape), torch.full(shape, slope / np.prod(shape) ** 0.5)
    return code.penalty(lambda x: (x * w).flatten(1).sum(1), *x)


def alive(code):
    D = nn.Sequential(nn.Flatten(), nn.Linear(64, 1))
    found = code.penalty(D, *torch.randn(2, 5, 1, 8, 8))
    return found.requires_grad and torch.autograd.grad(found, D[1].weight)[0].any()


check_norm = judging("penalty", by(of.over_axis_1), "one norm a picture, over all its pixels.", {
    "a plane whose gradient has norm 1 over the picture should cost nothing.": lambda c: abs(cost(c, 1, 1, 8, 8)) < 1e-3,
    "with norm 5 it should be 16.": lambda c: abs(cost(c, 5, 1, 8, 8) - 16) < 1e-3,
    "pictures in colour: the norm is over channels, rows and columns.": lambda c: abs(cost(c, 5, 3, 8, 8) - 16) < 1e-3,
    "the critic's weights feel nothing of it. Keep create_graph=True.": alive,
}, {
    "a penalty that is always 0. Ask for a penalty that is not 0, too.": lambda D, x_real, x_fake: 0 * D(x_real).mean(),
    "a penalty with one norm for the whole batch. Give it more than one picture.": by(lambda g: (g.square().sum() + 1e-12).sqrt()),
    "a penalty with the sum of the sizes |g| in place of the norm.": by(lambda g: g.flatten(1).abs().sum(1)),
}, {
    "a penalty that is right and has no 1e-12 in its root: give it a little room, as in abs(x - 16) < 0.01.": by(lambda g: g.flatten(1).norm(dim=1)),
})  # fmt: skip


def untouched(code):
    gan = program(code)[0]()
    code.critic_turn(code, gan, ring(8), gan.G(torch.randn(8, 2)), 1.0)
    return all(p.grad is None or not p.grad.any() for p in gan.G.parameters())


def learns(code):
    gan, other = program(code)[0](), program(code)[0]()
    other.D.load_state_dict(gan.D.state_dict())
    x_real, x_fake = ring(64), gan.G(torch.randn(64, 2)).detach() + 3
    code.critic_turn(code, gan, x_real, x_fake, 0.0)
    of.critic_turn(code, other, x_real, x_fake, 0.0)
    pairs = zip(gan.D.parameters(), other.D.parameters())
    return all(torch.allclose(a, b, atol=1e-6) for a, b in pairs)


check_leak = judging("critic_turn", of.leaking_turn, "the critic's turn leaves no gradient in the generator.", {
    "the generator's weights still get a gradient from the critic's turn.": untouched,
    "now the critic does not learn from the generated samples, either. Cut the samples, not their scores.": learns,
}, {
    "a leak that is a hundred times weaker: ask for no gradient at all.": of.weak_leak,
}, {
    "a critic's turn that clears the generator's gradients at its end. That is right, too: None or 0.": of.cleared_turn,
})  # fmt: skip


def bent(code):
    D, x, zero = code.make_critic(2), torch.randn(64, 2), torch.zeros(1, 2)
    return not torch.allclose(D(2 * x) - D(zero), 2 * (D(x) - D(zero)), atol=1e-4)


check_bias = judging("make_critic", of.critic(False, False, False), "the critic can bend.", {
    "along a ray from the middle its score is still a straight line.": bent,
    "it should take n_in numbers and give one score.": lambda c: c.make_critic(192)(torch.randn(5, 192)).shape == (5, 1),
    "a layer is still without bias.": lambda c: all(layer.bias is not None for layer in c.make_critic(2) if isinstance(layer, nn.Linear)),
}, {
    "a critic with a bias in its last layer alone, which only shifts all scores. Subtract the score at 0 first.": of.critic(False, False, True),
}, {
    "a critic whose first layer has no bias because a LayerNorm with one follows. Test its scores, not how it is written.": of.critic(False, False, True, nn.LayerNorm),
})  # fmt: skip


pictures = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3), dtype=np.uint8)
right = PARTS["to_tensor"](pictures)


def alike(x):
    return torch.stack([x.flatten().float(), right.flatten()]).corrcoef()[0, 1] > 0.9999


check_layout = judging("to_tensor", of.cut_anew, "every pixel is where it was.", {
    "(2, 5, 4, 3) should become (2, 3, 5, 4).": lambda c: c.to_tensor(pictures).shape == right.shape,
    "a pixel's three numbers should stay together, at the same row and column.": lambda c: alike(c.to_tensor(pictures)),
    "0 should become −1, and 255 become 1.": lambda c: torch.allclose(c.to_tensor(pictures), right, atol=1e-3),
}, {
    "a code that exchanges rows and columns. Let the picture differ along each of its axes.": of.reads((0, 3, 2, 1)),
    "numbers from 0 to 1. What should 0 and 255 become?": of.reads((0, 3, 1, 2), lambda x: x / 255),
    "a code that exchanges red and blue.": lambda x: PARTS["to_tensor"](x).flip(1),
})  # fmt: skip
