"""Checks for the exercises of lesson 02."""

import math

import numpy as np
import torch
from torch import nn
from torch.nn.functional import softplus

from gan_edu.lessons.say import say


def check_value(value):
    """Check a function that returns the value of the game, in nats. Lesson 02, exercise 1.

    value(probs_real, probs_fake): tensors of probabilities D(x), (n,) and (m,). Goodfellow et al. (2014), equation 1.
    """
    real, fake = torch.tensor([0.9, 0.6]), torch.tensor([0.2, 0.3, 0.4])
    try:
        got = value(real, fake)
    except Exception as fault:
        return say(False, f"your function stops with {type(fault).__name__}: {fault}")
    if got is None or got is ...:
        return say(False, "your function returns nothing yet. Does it end with a return?")
    try:
        got = float(got)
    except (TypeError, ValueError, RuntimeError):
        return say(
            False,
            f"your function must return one number, it returned {got!r}. Which mean is missing?",
        )
    on_real, on_fake = real.log(), (1 - fake).log()
    right = on_real.mean() + on_fake.mean()
    both = torch.cat([on_real, on_fake])
    swapped = (1 - real).log().mean() + fake.log().mean()
    hints = [
        (right, None),
        (-right, "the sign is wrong: that is the discriminator's loss. The value is what the discriminator raises."),
        (right / 2, "that is half of it. The value is the sum of two means, not their mean."),
        (both.mean(), "you take one mean over both sets. Each of the two sets has a mean of its own."),
        (both.sum(), "you add the logarithms up. Take the mean over each set."),
        (right / math.log(2), "that is in bits. Nats need the natural logarithm: torch.log, not torch.log2."),
        (right / math.log(10), "that is log10. Nats need the natural logarithm: torch.log."),
        (swapped, "the labels are swapped: log D belongs to real samples, log(1 - D) to generated ones."),
        (-swapped, "the labels are swapped, and the sign is wrong: log D belongs to real samples, log(1 - D) to generated ones."),
        (on_real.mean() + fake.log().mean(), "for generated samples the discriminator is rewarded for 1 - D: log(1 - D), not log D."),
        (-softplus(-real).mean() - softplus(fake).mean(), "you apply a sigmoid, but these are probabilities already."),
        (-right / math.log(2), "the sign is wrong, and that is in bits: the natural logarithm, and no minus."),
    ]  # fmt: skip
    for wanted, hint in hints:
        if abs(got - wanted.item()) < 1e-4:
            return say(hint is None, hint or "the value, with its sign and in nats.")
    return say(False, f"for D = 0.9, 0.6 on real and 0.2, 0.3, 0.4 on generated samples it is {right:.3f}, not {got:.3f}.")  # fmt: skip


def check_smoothed_optimum(optimum):
    """Check a function that returns the best discriminator when real samples have the label `label`. Lesson 02, exercise 2.

    optimum(p_real, p_fake, label): densities (n,), a label between 0 and 1. Salimans et al. (2016), section 3.4.
    """
    p, q, label = np.array([0.4, 0.1, 0.05]), np.array([0.1, 0.2, 0.3]), 0.9
    try:
        got, other = optimum(p, q, label), optimum(p, q, 0.7)
    except Exception as fault:
        return say(False, f"your function stops with {type(fault).__name__}: {fault}")
    if got is None or got is ...:
        return say(False, "your function returns nothing yet. Does it end with a return?")
    if np.shape(got) != p.shape:
        return say(
            False,
            f"three points need three answers, shape (3,), your function returned shape {np.shape(got)}.",
        )
    hints = [
        (label * p / (p + q), None),
        (p / (p + q), "that is D* for the label 1. Where does the label enter the sum over both samples?"),
        (label * p / (label * p + q), "you weigh the real samples with the label, but the rest of their weight is not gone: it asks for the answer 0. Look at the term (1 - label) log(1 - d)."),
        (label * q / (p + q), "the densities are swapped: D should be high where real samples are."),
        (q / (p + q), "the densities are swapped: D should be high where real samples are. And where does the label enter?"),
        ((1 - label) * p / (p + q), "label and 1 - label are swapped: the label multiplies log d."),
        (label * p / q, "that is a ratio of densities and can exceed 1. Solve for d: collect its terms on one side."),
        (np.log(label * p / (p + q)), "that is a logarithm, D is a probability."),
    ]  # fmt: skip
    for wanted, hint in hints:
        if np.allclose(got, wanted, atol=1e-6):
            if hint is None and not np.allclose(other, 0.7 * p / (p + q), atol=1e-6):
                return say(
                    False,
                    "right for the label 0.9, wrong for 0.7: use the argument label, not the number.",
                )
            return say(
                hint is None, hint or "the label is a factor on D*, and D never gets surer than it."
            )
    return say(False, f"at densities 0.4 and 0.1, label 0.9, the best answer is {0.9 * 0.8:.2f}, not {float(got[0]):.2f}. Set the derivative by d to zero.")  # fmt: skip


def check_discriminator_turn(turn):
    """Check a function that takes the discriminator's half of a training step. Lesson 02, exercise 3.

    turn(generator, discriminator, d_optimizer, x_real, z): moves the discriminator once; returns anything.
    """
    x_real, z = torch.tensor([[0.5], [-1.0], [0.2]]), torch.tensor([[1.0], [-0.3], [0.8]])
    generator, discriminator = nn.Linear(1, 1), nn.Linear(1, 1)
    with torch.no_grad():
        for parameter, value in zip(
            [*generator.parameters(), *discriminator.parameters()], (0.7, 1.5, -0.4, 0.3)
        ):
            parameter.fill_(value)
    before = [p.detach().clone() for p in discriminator.parameters()]
    made = [p.detach().clone() for p in generator.parameters()]
    x_fake = generator(z).detach()

    def gradients(weight_real, weight_fake, label=1):
        on_real, on_fake = discriminator(x_real), discriminator(x_fake)
        sign = 2 * label - 1
        loss = (
            weight_real * softplus(-sign * on_real).mean()
            + weight_fake * softplus(sign * on_fake).mean()
        )
        return torch.autograd.grad(loss, list(discriminator.parameters()))

    plain, swapped, half = gradients(1, 1), gradients(1, 1, label=0), gradients(0.5, 0.5)
    only_real, only_fake = gradients(1, 0), gradients(0, 1)
    stale = [torch.full_like(p, 0.25) for p in discriminator.parameters()]
    for parameter, gradient in zip(discriminator.parameters(), stale):
        parameter.grad = gradient.clone()  # as the generator's last turn leaves it
    optimizer = torch.optim.SGD(discriminator.parameters(), lr=0.1)
    try:
        turn(generator, discriminator, optimizer, x_real, z)
    except Exception as fault:
        if "does not require grad" in str(fault):
            return say(False, "the loss has no way back to the discriminator: there is a detach, or a no_grad, in the wrong place. Detach x_fake alone.")  # fmt: skip
        return say(False, f"your turn stops with {type(fault).__name__}: {fault}")
    moved = [(old - new.detach()) / 0.1 for old, new in zip(before, discriminator.parameters())]

    def moved_by(expected):
        return all(torch.allclose(one, other, atol=1e-4) for one, other in zip(moved, expected))

    if any(not torch.equal(old, new) for old, new in zip(made, generator.parameters())):
        return say(
            False,
            "the generator has moved. This is the discriminator's turn: only its optimiser steps.",
        )
    if moved_by([torch.zeros(1)] * 2):
        return say(False, "the discriminator has not moved. You need backward, then d_optimizer.step(), with no zero_grad between them.")  # fmt: skip
    for expected, hint in (
        (stale, "the discriminator moved by an old gradient alone. Where is d_loss.backward()?"),
        ([g + s for g, s in zip(plain, stale)], "an old gradient was added to yours. Call d_optimizer.zero_grad() before backward."),
        (swapped, "the labels are swapped: real samples have the label 1, generated ones 0."),
        ([-g for g in plain], "the sign is wrong: the discriminator went up its loss. Minimise the loss, which is minus the value."),
        (half, "that is half of the gradient: the loss is the sum of the two means, not their mean."),
        (only_real, "the generated samples are missing in the loss, or you cut off D's *output* on them: detach x_fake, D's input."),
        (only_fake, "the real samples are missing in the loss."),
    ):  # fmt: skip
        if moved_by(expected):
            return say(False, hint)
    if not moved_by(plain):
        return say(False, "the discriminator moved, but not by the gradient of its loss: label 1 for real, 0 for generated, the two means added.")  # fmt: skip
    if any(p.grad is not None and p.grad.any() for p in generator.parameters()):
        return say(False, "the discriminator's move is right, but the generator has been given gradients as well. Detach what it made.")  # fmt: skip
    return say(True, "the discriminator has moved as it should, and the generator was not asked.")
