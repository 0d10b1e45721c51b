"""Checks for the exercises of lesson 10, first edition, and of the bug museum."""

import numpy as np
import torch
from torch import nn

from gan_edu.lessons.say import say


class _Quadratic(nn.Module):
    """f(x) = the sum of (x * weight)^2 over each sample: its gradient, 2 x weight^2, differs from sample to sample."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[[0.6, 0.4], [0.3, 0.7]]]))

    def forward(self, x):
        return (x * self.weight).square().flatten(1).sum(1, keepdim=True)


def check_gradient_penalty(penalty):
    """Check a gradient penalty, penalty(critic, x_real, x_fake, generator=...), on pictures (N, 1, 2, 2). Lesson 18, rooms 2 and 7.

    Gulrajani et al. (2017), equation 3 and algorithm 1: mean of (||grad|| - 1)^2 at x_hat, one ε per sample.
    """
    rng = torch.Generator().manual_seed(0)
    x_real, x_fake = (
        torch.randn(6, 1, 2, 2, generator=rng) + 2,
        torch.randn(6, 1, 2, 2, generator=rng),
    )
    critic = _Quadratic()
    try:
        got = penalty(critic, x_real, x_fake, generator=torch.Generator().manual_seed(1))
    except Exception as fault:
        if "must match the size" in str(fault):
            return say(False, "two shapes do not line up. ε needs one number for each of the N samples, whatever N is, and a 1 for each further axis: (N, 1, 1, 1) for pictures.")  # fmt: skip
        if "does not require grad" in str(fault):
            return say(False, "the critic's scores have no way back to x_hat: x_hat.requires_grad_() comes *after* any detach, and before the critic.")  # fmt: skip
        return say(False, f"your penalty stops with {type(fault).__name__}: {fault}")
    if got is None or got is ...:
        return say(False, "your penalty returns nothing yet. Does it end with a return?")
    if not torch.is_tensor(got):
        return say(False, f"your penalty must return a tensor, it returned {type(got).__name__}: item() and float() cut the graph.")  # fmt: skip
    if got.numel() != 1:
        return say(False, f"your penalty must return one number, it has shape {tuple(got.shape)}. Take the mean over the batch.")  # fmt: skip

    def slopes(epsilon):
        return 2 * torch.lerp(x_fake, x_real, epsilon) * critic.weight.detach() ** 2

    def draw(*shape):
        return torch.rand(*shape, generator=torch.Generator().manual_seed(1))

    def value(
        slopes,
        norm=lambda g: g.flatten(1).norm(dim=1),
        term=lambda n: (n - 1).square(),
        mean=torch.mean,
    ):
        return mean(term(norm(slopes))).item()

    each = draw(6, 1, 1, 1)
    right, swapped = value(slopes(each)), value(slopes(1 - each))
    wrong = {
        "ε is the same for the whole batch. Draw one per sample, of shape (N, 1, 1, 1).": [value(slopes(draw(1)[0])), value(slopes(1 - draw(1)[0]))],
        "ε is different for each pixel: x_hat then leaves the line between the two. Draw one per sample, of shape (N, 1, 1, 1).": [value(slopes(draw(6, 1, 2, 2))), value(slopes(1 - draw(6, 1, 2, 2)))],
        "the norm is not taken over the whole sample: flatten each gradient to one row first.": [
            value(slopes(e), norm=lambda g, d=d: g.norm(dim=d)) for e in (each, 1 - each) for d in (1, 2, 3)
        ],
        "you take one norm over the whole batch. Each sample has a norm of its own.": [value(slopes(e), norm=torch.norm) for e in (each, 1 - each)],
        "the square is missing: (norm - 1)². As it stands a small slope would be rewarded.": [value(slopes(e), term=lambda n: n - 1) for e in (each, 1 - each)],
        "that is |norm - 1|. The penalty is its square.": [value(slopes(e), term=lambda n: (n - 1).abs()) for e in (each, 1 - each)],
        "you square the norm, but not its distance from 1: (norm - 1)², not norm² - 1.": [value(slopes(e), term=lambda n: n**2 - 1) for e in (each, 1 - each)],
        "the distance from 1 is missing: you pull the slope to 0.": [value(slopes(e), term=torch.square) for e in (each, 1 - each)],
        "that is one-sided: only slopes above 1 count. A fine idea, but the task is the two-sided penalty.": [value(slopes(e), term=lambda n: (n - 1).clamp(min=0).square()) for e in (each, 1 - each)],
        "you look at the real samples only. x_hat lies between a real and a generated one.": [value(slopes(torch.ones(1)))],
        "you look at the generated samples only. x_hat lies between a real and a generated one.": [value(slopes(torch.zeros(1)))],
        "you add the samples up. Take the mean over the batch.": [value(slopes(e), mean=torch.sum) for e in (each, 1 - each)],
        "λ is inside: return the penalty without it, λ is a knob of the training.": [10 * right, 10 * swapped],
    }  # fmt: skip
    close = [abs(got.item() - wanted) < 1e-4 for wanted in (right, swapped)]
    if not any(close):
        for hint, values in wrong.items():
            if any(abs(got.item() - value) < 1e-4 for value in values):
                return say(False, hint)
        if (
            abs(
                penalty(critic, x_real, x_fake, generator=torch.Generator().manual_seed(1)).item()
                - got.item()
            )
            > 1e-6
        ):
            return say(False, "the same generator gives another ε each time: draw it with torch.rand(..., generator=generator).")  # fmt: skip
        return say(False, f"on the test pictures it should be {right:.4f}, it is {got.item():.4f}.")
    if not got.requires_grad:
        return say(False, "the number is right, but it has no gradient, so the critic cannot learn from it. Where is create_graph=True?")  # fmt: skip
    (gradient,) = torch.autograd.grad(got, critic.weight, allow_unused=True)
    return say(gradient is not None and bool(gradient.any()), "one ε per sample, one norm per sample, and a gradient for the critic.")  # fmt: skip


def check_predicted_gap(answers):
    """Check the gaps of a penalised critic for a shift W = 3 at λ = 0.5 and λ = 10, a pair of numbers. Exercise 1."""
    if (
        answers is None
        or answers is ...
        or any(answer is None or answer is ... for answer in answers)
    ):
        return say(
            False, "work both gaps out on paper first: two numbers, for λ = 0.5 and for λ = 10."
        )
    if len(answers) != 2:
        return say(False, f"two numbers are asked for, you gave {len(answers)}.")
    W, weights, answers = (
        3.0,
        np.array([0.5, 10.0]),
        np.array([float(answer) for answer in answers]),
    )
    hints = [
        (W + W**2 / (2 * weights), None),
        (1 + W / (2 * weights), "those are the slopes. The gap is the slope times the shift W."),
        (W * np.ones(2), "that is W itself: what a critic of slope 1 reports. At a finite λ the slope is above 1."),
        (W + W**2 / weights, "the 2 is missing: the derivative of λ (s - 1)² is 2 λ (s - 1)."),
        (W + W / (2 * weights), "the gap is s W with s = 1 + W/(2λ): W stands in both factors, so it is squared."),
        (W + W**2 / (4 * weights), "that is the objective, the gap minus λ times the penalty. The gap alone is larger."),
        (W + W**2 * weights / 2, "λ is on the wrong side of the fraction line: a large λ holds the slope near 1."),
        (W - W**2 / (2 * weights), "the sign is wrong: the critic gains by being steeper than 1, so it overshoots."),
        ((W + W**2 / (2 * weights))[::-1], "the two are exchanged: λ = 0.5 comes first."),
    ]  # fmt: skip
    for wanted, hint in hints:
        if np.allclose(answers, wanted, rtol=5e-3):
            return say(
                hint is None,
                hint
                or f"{wanted[0]:g} and {wanted[1]:g}: the same data, two very different losses.",
            )
    return say(
        False,
        f"({answers[0]:g}, {answers[1]:g}) is not it. Maximise s W - λ (s - 1)² over s; the gap is s W.",
    )


def check_batch_dependent(found, layers):
    """Check which layers tie the samples of a batch together. Exercise 2.

    found: names of layers; layers: {name: module}. Each is tested: does the output for one sample change with its mates?
    """
    if found is None or found is ...:
        return say(False, "give the names of the layers, as a set: {'A', ...}.")
    found, unknown = set(found), set(found) - set(layers)
    if unknown:
        return say(
            False,
            f"there is no layer {', '.join(sorted(map(str, unknown)))}: choose from {', '.join(layers)}.",
        )
    tied = {name for name, layer in layers.items() if _sees_its_mates(layer)}
    for name in sorted(found - tied):
        kind = type(layers[name]).__name__
        return say(False, f"{name}, {kind}, treats each sample alone: its mean is over the features of one sample, not over the batch."
                    if "Norm" in kind else f"{name}, {kind}, treats each sample alone.")  # fmt: skip
    if tied - found:
        return say(
            False,
            f"{len(tied - found)} more of them depend on the rest of the batch. What is averaged over samples?",
        )
    return say(True, f"{' and '.join(sorted(tied))}: their output for one sample moves with the others. With a penalty on each sample's gradient use none of them.")  # fmt: skip


def _sees_its_mates(layer):
    x = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    other = torch.cat([x[:1], x[1:].flip(1) + 1])
    with torch.no_grad():
        return not torch.allclose(layer(x)[0], layer(other)[0], atol=1e-6)
