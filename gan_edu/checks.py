"""Checks for the exercises: each prints what to look at next, in words, and returns whether the answer is right."""

import ast
import inspect
import math
import textwrap

import numpy as np
import torch
from torch import nn
from torch.nn.functional import softplus

from gan_edu._arguments import check_number


def _say(right, words):
    print(("Right: " if right else "Not yet: ") + words)
    return right


def check_minibatch_std(layer):
    """Check a layer that appends the batch's mean standard deviation: (N, F) -> (N, F + 1). Lesson 03, exercise 1.

    layer: the learner's module, or function, that maps a batch to the longer batch. Karras et al. (2018), section 3.
    """
    x = torch.tensor([[0.0, 1.0], [2.0, 5.0], [4.0, 3.0]], requires_grad=True)
    spread = x.std(dim=0, correction=0)  # 1.633, 1.633
    wanted = spread.mean().item()
    try:
        out = layer(x)
    except Exception as fault:
        return _say(False, f"your layer stops with {type(fault).__name__}: {fault}")
    if out is None:
        return _say(False, "your layer returns nothing yet. Does forward end with a return?")
    if not torch.is_tensor(out):
        return _say(False, f"your layer must return a tensor, it returned {type(out).__name__}.")
    if out.shape == (3, 4):
        return _say(
            False, "you append one number per feature. Average them over the features: one number for the batch."
        )
    if out.shape != (3, 3):
        return _say(False, f"a batch of shape (3, 2) must become (3, 3), it became {tuple(out.shape)}.")
    if not torch.equal(out[:, :2], x):
        return _say(False, "the first columns must be the batch itself, unchanged.")
    got = out[:, 2]
    if (got - got[0]).abs().max() > 1e-6:
        return _say(
            False,
            "every sample of a batch must get the same number. Take the spread over dim=0, the samples, not over the features.",
        )
    if abs(got[0].item() - spread.square().mean().item()) < 1e-4:
        return _say(False, "that is the variance. The feature is its square root, the standard deviation.")
    if abs(got[0].item() - x.std(dim=0).mean().item()) < 1e-4:
        return _say(
            False, "you divide by N - 1. The paper divides by N (correction=0), which also works for a batch of one."
        )
    if abs(got[0].item() - x.std(correction=0).item()) < 1e-4:
        return _say(
            False, "you take one spread over all numbers. First each feature's spread over the batch, then their mean."
        )
    if abs(got[0].item() - wanted) > 1e-4:
        return _say(
            False,
            f"for the batch [[0, 1], [2, 5], [4, 3]] the number should be {wanted:.3f}, it is {got[0].item():.3f}.",
        )
    (slope,) = torch.autograd.grad(got.sum(), x) if got.requires_grad else (torch.zeros(1),)
    if not slope.any():
        return _say(
            False,
            "the number has lost its gradient, so the generator could not learn from it. Leave out detach, no_grad and item.",
        )
    return _say(True, "the shape, the number and the gradient are as they should be.")


def check_prediction(name, predicted, measured, tolerance):
    """Compare a learner's prediction of a number between 0 and 1 with what was measured. Lesson 03, exercise 2."""
    if predicted is None or predicted is ...:
        return _say(False, f"write your prediction of {name} down first: a number between 0 and 1.")
    predicted = check_number("predicted", predicted, low=0, high=1)
    if abs(predicted - measured) <= tolerance:
        return _say(True, f"you said {predicted:.2f}, it is {measured:.2f}.")
    side = "too high" if predicted > measured else "too low"
    return _say(
        False, f"you said {predicted:.2f}, it is {measured:.2f}: {side}. Which picture in your head has to change?"
    )


def check_kl_gaussians(function, by_hand=None):
    """Check KL between Gaussians, function(mu_p, sigma_p, mu_q, sigma_q), and KL(N(0, 1) || N(1, 2²)) by hand. Lesson 01."""
    if by_hand is None or by_hand is ...:
        return _say(
            False, "work out KL(N(0, 1) ‖ N(1, 2²)) on paper first, and write it down in nats, to three digits."
        )
    if abs(check_number("by_hand", by_hand) - 0.443147) > 6e-4:
        hints = {
            0.639: "that is in bits. Use the natural logarithm.",
            1.306853: "that is KL(N(1, 2²) ‖ N(0, 1)), the other way round.",
            0.943147: "you have left out the -1/2 at the end.",
            0.693147: "σ_q is 2, so the fraction is divided by 2 σ_q² = 8.",
            0.318147: "both σ_p² and (μ_p - μ_q)² stand above the fraction line: 1 + 1.",
            -0.943147: "log(σ_q/σ_p) has the wrong sign: q is wider than p, so log(σ_q/σ_p) = log 2.",
        }
        near = [hint for wrong, hint in hints.items() if abs(by_hand - wrong) < 1e-3]
        return _say(
            False, "by hand: " + (near or [f"{by_hand:g} is not it. The three terms are log 2, 2/8 and -1/2."])[0]
        )
    pairs = [(0.0, 1.0, 1.0, 2.0), (1.5, 0.5, -1.0, 2.0), (-2.0, 3.0, 0.5, 0.7), (0.3, 1.0, 0.3, 1.0)]

    def formula(mu_p, sigma_p, mu_q, sigma_q, sign=1, half=0.5, power=2, shift=1):
        spread = sigma_p**power + shift * (mu_p - mu_q) ** 2
        return sign * math.log(sigma_q / sigma_p) + spread / (2 * sigma_q**power) - half

    mistakes = {
        "you swapped the two: this is KL(q ‖ p).": lambda a, b, c, d: formula(c, d, a, b),
        "the logarithm must be the natural one, np.log, not np.log2.": lambda *x: (
            formula(*x) + math.log(x[3] / x[1]) * (1 / math.log(2) - 1)
        ),
        "this is in bits, divide by nothing: np.log gives nats.": lambda *x: formula(*x) / math.log(2),
        "the -1/2 at the end is missing: KL(p ‖ p) must be 0.": lambda *x: formula(*x, half=0.0),
        "log(σ_q/σ_p) has the wrong sign.": lambda *x: formula(*x, sign=-1),
        "the σ in the fraction must be squared: they are variances.": lambda *x: formula(*x, power=1),
        "the distance of the means is missing.": lambda *x: formula(*x, shift=0),
        "the fraction is divided by 2 σ_q², not by σ_q².": lambda *x: formula(*x) + formula(*x, half=0.0, sign=0),
    }  # fmt: skip
    return _compare(function, pairs, formula, mistakes)


def check_js_disjoint(answer):
    """Check the Jensen-Shannon divergence of two histograms that share no bin, in nats. Lesson 01."""
    if answer is None or answer is ...:
        return _say(False, "write your answer down: a number in nats, for example np.log(3).")
    answer = float(answer)
    hints = {
        1.0: "1 is the answer in bits. In nats it is the natural logarithm of the same number.",
        2 * math.log(2): "you have left out the factor 1/2 in front of the two KL divergences.",
        math.log(2) / 2: "there are two terms, KL(p ‖ m) and KL(q ‖ m), and each of them is log 2.",
        math.inf: "that is KL(p ‖ q). JS compares each with the mixture m, which is nowhere 0 where p or q has mass.",
        0.0: "0 would mean that they are equal. They have nothing in common.",
        -math.log(2): "no divergence is negative: where p has mass, p / m is 2, and its logarithm is above 0.",
    }
    for wrong, hint in hints.items():
        if answer == wrong or abs(answer - wrong) < 1e-6:
            return _say(False, hint)
    if not abs(answer - math.log(2)) < 1e-4:
        return _say(False, f"it is not {answer:g}. What is p / m in a bin where q is 0?")
    return _say(True, "log 2, whatever the distance between the bins. That is the trouble with it.")


def check_wasserstein_samples(function):
    """Check W1 between two equal numbers of samples on the line, function(x, y). Lesson 01."""
    pairs = [
        (np.array([0.0, 4.0, 1.0]), np.array([1.0, 0.0, 2.0])),
        (np.array([-3.0, 0.5, 1.0, 4.0]), np.array([2.0, 1.5, 3.0, 1.0])),
    ]

    def w1(x, y):
        return np.abs(np.sort(x) - np.sort(y)).mean()

    mistakes = {
        "you compare the samples in the order in which they came. Sort both first.": lambda x, y: np.abs(x - y).mean(),
        "you sorted only one of the two.": lambda x, y: np.abs(np.sort(x) - y).mean(),
        "take the absolute value of each difference before the mean: else gains and losses cancel.": lambda x, y: (x - y).mean(),
        "the absolute value belongs inside the mean, to each difference.": lambda x, y: abs((x - y).mean()),
        "you add the distances up: each sample has the weight 1/n, so take the mean.": lambda x, y: w1(x, y) * len(x),
        "those are squared distances. W1 takes the distances themselves.": lambda x, y: ((np.sort(x) - np.sort(y)) ** 2).mean(),
        "that is W2, the root of the mean square.": lambda x, y: ((np.sort(x) - np.sort(y)) ** 2).mean() ** 0.5,
    }  # fmt: skip
    if not _compare(
        function, pairs, w1, mistakes, words="sorted against sorted: in one dimension that is the best plan."
    ):
        return False
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return True
    if any(isinstance(node, (ast.For, ast.While, ast.comprehension)) for node in ast.walk(tree)):
        return _say(False, "the number is right, and there is a loop in it. np.sort, np.abs and .mean() do without.")
    return True


def _compare(function, cases, formula, mistakes, words="all cases agree."):
    """Judge a learner's function on several cases; mistakes = {hint: what a learner with that mistake would compute}."""
    if not callable(function):
        return _say(False, f"write a function; this is {function!r}.")
    try:
        got = [function(*case) for case in cases]
    except Exception as fault:
        return _say(False, f"your function stops with {type(fault).__name__}: {fault}")
    if any(value is None or value is ... for value in got):
        return _say(False, "your function returns nothing yet. Does it end with a return?")
    if any(np.ndim(value) > 0 for value in got):
        return _say(False, "your function must return one number, it returned an array.")
    got = np.array([float(value) for value in got])
    if np.allclose(got, [formula(*case) for case in cases], rtol=1e-6, atol=1e-9):
        return _say(True, words)
    for hint, mistaken in mistakes.items():
        if np.allclose(got, [mistaken(*case) for case in cases], rtol=1e-6, atol=1e-9):
            return _say(False, hint)
    case, value = next((c, v) for c, v in zip(cases, got) if not np.isclose(v, formula(*c)))
    return _say(False, f"for {', '.join(map(str, case))} it should be {formula(*case):.4f}, it is {value:.4f}.")


# ---- lesson 02


def check_value(value):
    """Check a function that returns the value of the game, in nats. Lesson 02, exercise 1.

    value(probs_real, probs_fake): tensors of probabilities D(x), (n,) and (m,). Goodfellow et al. (2014), equation 1.
    """
    real, fake = torch.tensor([0.9, 0.6]), torch.tensor([0.2, 0.3, 0.4])
    try:
        got = value(real, fake)
    except Exception as fault:
        return _say(False, f"your function stops with {type(fault).__name__}: {fault}")
    if got is None or got is ...:
        return _say(False, "your function returns nothing yet. Does it end with a return?")
    try:
        got = float(got)
    except (TypeError, ValueError, RuntimeError):
        return _say(False, f"your function must return one number, it returned {got!r}. Which mean is missing?")
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
            return _say(hint is None, hint or "the value, with its sign and in nats.")
    return _say(False, f"for D = 0.9, 0.6 on real and 0.2, 0.3, 0.4 on generated samples it is {right:.3f}, not {got:.3f}.")  # fmt: skip


def check_smoothed_optimum(optimum):
    """Check a function that returns the best discriminator when real samples have the label `label`. Lesson 02, exercise 2.

    optimum(p_real, p_fake, label): densities (n,), a label between 0 and 1. Salimans et al. (2016), section 3.4.
    """
    p, q, label = np.array([0.4, 0.1, 0.05]), np.array([0.1, 0.2, 0.3]), 0.9
    try:
        got, other = optimum(p, q, label), optimum(p, q, 0.7)
    except Exception as fault:
        return _say(False, f"your function stops with {type(fault).__name__}: {fault}")
    if got is None or got is ...:
        return _say(False, "your function returns nothing yet. Does it end with a return?")
    if np.shape(got) != p.shape:
        return _say(
            False, f"three points need three answers, shape (3,), your function returned shape {np.shape(got)}."
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
                return _say(False, "right for the label 0.9, wrong for 0.7: use the argument label, not the number.")
            return _say(hint is None, hint or "the label is a factor on D*, and D never gets surer than it.")
    return _say(False, f"at densities 0.4 and 0.1, label 0.9, the best answer is {0.9 * 0.8:.2f}, not {float(got[0]):.2f}. Set the derivative by d to zero.")  # fmt: skip


def check_discriminator_turn(turn):
    """Check a function that takes the discriminator's half of a training step. Lesson 02, exercise 3.

    turn(generator, discriminator, d_optimizer, x_real, z): moves the discriminator once; returns anything.
    """
    x_real, z = torch.tensor([[0.5], [-1.0], [0.2]]), torch.tensor([[1.0], [-0.3], [0.8]])
    generator, discriminator = nn.Linear(1, 1), nn.Linear(1, 1)
    with torch.no_grad():
        for parameter, value in zip([*generator.parameters(), *discriminator.parameters()], (0.7, 1.5, -0.4, 0.3)):
            parameter.fill_(value)
    before = [p.detach().clone() for p in discriminator.parameters()]
    made = [p.detach().clone() for p in generator.parameters()]
    x_fake = generator(z).detach()

    def gradients(weight_real, weight_fake, label=1):
        on_real, on_fake = discriminator(x_real), discriminator(x_fake)
        sign = 2 * label - 1
        loss = weight_real * softplus(-sign * on_real).mean() + weight_fake * softplus(sign * on_fake).mean()
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
        return _say(False, f"your turn stops with {type(fault).__name__}: {fault}")
    moved = [(old - new.detach()) / 0.1 for old, new in zip(before, discriminator.parameters())]

    def moved_by(expected):
        return all(torch.allclose(one, other, atol=1e-4) for one, other in zip(moved, expected))

    if any(not torch.equal(old, new) for old, new in zip(made, generator.parameters())):
        return _say(False, "the generator has moved. This is the discriminator's turn: only its optimiser steps.")
    if moved_by([torch.zeros(1)] * 2):
        return _say(False, "the discriminator has not moved. You need backward, then d_optimizer.step(), with no zero_grad between them.")  # fmt: skip
    for expected, hint in (
        (stale, "the discriminator moved by an old gradient alone. Where is d_loss.backward()?"),
        ([g + s for g, s in zip(plain, stale)], "an old gradient was added to yours. Call d_optimizer.zero_grad() before backward."),
        (swapped, "the labels are swapped: real samples have the label 1, generated ones 0."),
        ([-g for g in plain], "the sign is wrong: the discriminator went up its loss. Minimise the loss, which is minus the value."),
        (half, "that is half of the gradient: the loss is the sum of the two means, not their mean."),
        (only_real, "the generated samples are missing in the loss."),
        (only_fake, "the real samples are missing in the loss."),
    ):  # fmt: skip
        if moved_by(expected):
            return _say(False, hint)
    if not moved_by(plain):
        return _say(False, "the discriminator moved, but not by the gradient of its loss: label 1 for real, 0 for generated, the two means added.")  # fmt: skip
    if any(p.grad is not None and p.grad.any() for p in generator.parameters()):
        return _say(False, "the discriminator's move is right, but the generator has been given gradients as well. Detach what it made.")  # fmt: skip
    return _say(True, "the discriminator has moved as it should, and the generator was not asked.")


# ---- lesson 05


class _Quadratic(nn.Module):
    """f(x) = the sum of (x * weight)^2 over each sample: its gradient, 2 x weight^2, differs from sample to sample."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[[0.6, 0.4], [0.3, 0.7]]]))

    def forward(self, x):
        return (x * self.weight).square().flatten(1).sum(1, keepdim=True)


def check_gradient_penalty(penalty):
    """Check a gradient penalty, penalty(critic, x_real, x_fake, generator=...), on pictures (N, 1, 2, 2). Lesson 05, exercise 1.

    Gulrajani et al. (2017), equation 3 and algorithm 1: mean of (||grad|| - 1)^2 at x_hat, one ε per sample.
    """
    rng = torch.Generator().manual_seed(0)
    x_real, x_fake = torch.randn(6, 1, 2, 2, generator=rng) + 2, torch.randn(6, 1, 2, 2, generator=rng)
    critic = _Quadratic()
    try:
        got = penalty(critic, x_real, x_fake, generator=torch.Generator().manual_seed(1))
    except Exception as fault:
        return _say(False, f"your penalty stops with {type(fault).__name__}: {fault}")
    if got is None or got is ...:
        return _say(False, "your penalty returns nothing yet. Does it end with a return?")
    if not torch.is_tensor(got):
        return _say(False, f"your penalty must return a tensor, it returned {type(got).__name__}: item() and float() cut the graph.")  # fmt: skip
    if got.numel() != 1:
        return _say(False, f"your penalty must return one number, it has shape {tuple(got.shape)}. Take the mean over the batch.")  # fmt: skip

    def slopes(epsilon):
        return 2 * torch.lerp(x_fake, x_real, epsilon) * critic.weight.detach() ** 2

    def draw(*shape):
        return torch.rand(*shape, generator=torch.Generator().manual_seed(1))

    def value(slopes, norm=lambda g: g.flatten(1).norm(dim=1), term=lambda n: (n - 1).square(), mean=torch.mean):
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
                return _say(False, hint)
        if abs(penalty(critic, x_real, x_fake, generator=torch.Generator().manual_seed(1)).item() - got.item()) > 1e-6:
            return _say(False, "the same generator gives another ε each time: draw it with torch.rand(..., generator=generator).")  # fmt: skip
        return _say(False, f"on the test pictures it should be {right:.4f}, it is {got.item():.4f}.")
    if not got.requires_grad:
        return _say(False, "the number is right, but it has no gradient, so the critic cannot learn from it. Where is create_graph=True?")  # fmt: skip
    (gradient,) = torch.autograd.grad(got, critic.weight, allow_unused=True)
    return _say(gradient is not None and bool(gradient.any()), "one ε per sample, one norm per sample, and a gradient for the critic.")  # fmt: skip


def check_predicted_gap(answers):
    """Check the gaps of a penalised critic for a shift W = 3 at λ = 0.5 and λ = 10, a pair of numbers. Lesson 05, exercise 2."""
    if answers is None or answers is ... or any(answer is None or answer is ... for answer in answers):
        return _say(False, "work both gaps out on paper first: two numbers, for λ = 0.5 and for λ = 10.")
    if len(answers) != 2:
        return _say(False, f"two numbers are asked for, you gave {len(answers)}.")
    W, weights, answers = 3.0, np.array([0.5, 10.0]), np.array([float(answer) for answer in answers])
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
            return _say(
                hint is None, hint or f"{wanted[0]:g} and {wanted[1]:g}: the same data, two very different losses."
            )
    return _say(False, f"({answers[0]:g}, {answers[1]:g}) is not it. Maximise s W - λ (s - 1)² over s; the gap is s W.")


def check_batch_dependent(found, layers):
    """Check which layers tie the samples of a batch together. Lesson 05, exercise 3.

    found: names of layers; layers: {name: module}. Each is tested: does the output for one sample change with its mates?
    """
    if found is None or found is ...:
        return _say(False, "give the names of the layers, as a set: {'A', ...}.")
    found, unknown = set(found), set(found) - set(layers)
    if unknown:
        return _say(
            False, f"there is no layer {', '.join(sorted(map(str, unknown)))}: choose from {', '.join(layers)}."
        )
    tied = {name for name, layer in layers.items() if _sees_its_mates(layer)}
    for name in sorted(found - tied):
        kind = type(layers[name]).__name__
        return _say(False, f"{name}, {kind}, treats each sample alone: its mean is over the features of one sample, not over the batch."
                    if "Norm" in kind else f"{name}, {kind}, treats each sample alone.")  # fmt: skip
    if tied - found:
        return _say(
            False, f"{len(tied - found)} more of them depend on the rest of the batch. What is averaged over samples?"
        )
    return _say(True, f"{' and '.join(sorted(tied))}: their output for one sample moves with the others. With a penalty on each sample's gradient use none of them.")  # fmt: skip


def _sees_its_mates(layer):
    x = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    other = torch.cat([x[:1], x[1:].flip(1) + 1])
    with torch.no_grad():
        return not torch.allclose(layer(x)[0], layer(other)[0], atol=1e-6)


# ---- lesson 04


def check_critic_loss(loss):
    """Check the loss that a WGAN's critic minimises, loss(scores_real, scores_fake). Lesson 04, exercise 1.

    Arjovsky et al. (2017), algorithm 1.
    """
    cases = [
        (torch.tensor([2.0, -1.0, 0.5]), torch.tensor([0.3, 4.0])),
        (torch.tensor([3.0, 1.0]), torch.tensor([-2.0, 0.25, 0.5])),
    ]

    def right(real, fake):
        return float(fake.mean() - real.mean())

    def log_losses(real, fake):
        return float(-softplus(-real).mean()), float(-softplus(fake).mean())  # log D, log(1 - D)

    mistakes = {
        "the sign is wrong: that is the estimate, which you read. The critic minimises its negative.": lambda r, f: -right(r, f),
        "the sigmoid and the logarithm are still in it, and the sign is wrong for a minimiser too. Scores enter as they are.": lambda r, f: sum(log_losses(r, f)),
        "that is binary cross-entropy, the loss of a discriminator. Leave out the sigmoid and the logarithm.": lambda r, f: -sum(log_losses(r, f)),
        "the logarithm is gone, the sigmoid is still there: it squeezes every score into (0, 1).": lambda r, f: float(f.sigmoid().mean() - r.sigmoid().mean()),
        "the sigmoid is still there, and the sign is wrong.": lambda r, f: float(r.sigmoid().mean() - f.sigmoid().mean()),
        "no absolute value: it would reward a critic that prefers generated samples just as well.": lambda r, f: abs(right(r, f)),
        "no absolute value, and the critic *minimises*: what is more negative must be better.": lambda r, f: -abs(right(r, f)),
        "you add the two means. Real scores should rise and generated ones fall: one of them needs a minus.": lambda r, f: float(f.mean() + r.mean()),
        "the sign is wrong for both, and you add them: real scores should rise, generated ones fall.": lambda r, f: -float(f.mean() + r.mean()),
        "take the mean over each batch, not the sum: the loss must not grow with the batch.": lambda r, f: float(f.sum() - r.sum()),
        "that is the generator's loss. The critic looks at real samples too.": lambda r, f: -float(f.mean()),
        "no squares: they belong to least-squares GANs. The dual has the scores themselves.": lambda r, f: float((r - 1).square().mean() + f.square().mean()),
    }  # fmt: skip
    return _compare(loss, cases, right, mistakes, words="scores as they are, generated minus real: smaller is better.")


def check_clip_weights(clip):
    """Check weight clipping in place, clip(module, clip_value). Lesson 04, exercise 2. Arjovsky et al. (2017), algorithm 1."""
    if not callable(clip):
        return _say(False, f"write a function of a module and a clip value; this is {clip!r}.")
    bound = 0.25
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    start = [
        torch.tensor([[0.1, 2.0], [-3.0, -0.2]]),
        torch.tensor([0.7, -0.05]),
        torch.tensor([[-0.4, 0.2]]),
        torch.tensor([-1.5]),
    ]
    with torch.no_grad():
        for parameter, values in zip(module.parameters(), start):
            parameter.copy_(values)
            parameter.grad = 5 * torch.ones_like(values)
    before = list(module.parameters())
    try:
        returned = clip(module, bound)
    except RuntimeError as fault:
        if "in-place" in str(fault):
            return _say(False, "torch refuses an in-place change of a weight that needs a gradient: put it under torch.no_grad().")  # fmt: skip
        return _say(False, f"your function stops with RuntimeError: {fault}")
    except Exception as fault:
        return _say(False, f"your function stops with {type(fault).__name__}: {fault}")
    after = list(module.parameters())
    if any(a is not b for a, b in zip(before, after)):
        return _say(False, "you put new parameters in place of the old ones: the optimiser would go on with the old ones. Clamp in place.")  # fmt: skip

    def equals(wanted):
        return all(torch.allclose(a.detach(), w) for a, w in zip(after, wanted))

    clamped = [s.clamp(-bound, bound) for s in start]
    if any((p.grad != 5).any() for p in after):
        return _say(False, "you clip the gradients. Clipping is done to the weights, after the optimiser's step.")
    if equals(start):
        if isinstance(returned, nn.Module) and returned is not module:
            return _say(False, "you return a clipped copy; the module itself is as before. Clamp it in place.")
        return _say(False, "nothing has changed in the module. `p = p.clamp(...)` only gives a new tensor a name; `p.clamp_(...)` changes p.")  # fmt: skip
    if equals([c if c.ndim > 1 else s for c, s in zip(clamped, start)]):
        return _say(False, "the biases are not clipped. module.parameters() has weights and biases.")
    if equals(clamped[:2] + start[2:]) or equals(start[:2] + clamped[2:]):
        return _say(False, "not every layer is clipped. module.parameters() goes through all of them.")
    if equals([s.clamp(max=bound) for s in start]):
        return _say(False, "weights below -c are left. Clamp from both sides.")
    if equals([s.clamp(0, bound) for s in start]):
        return _say(False, "the lower bound is -c, not 0.")
    if equals([s.sign() * bound for s in start]):
        return _say(False, "weights that are within the bounds must stay as they are: clamp, don't round to ±c.")
    if equals([s * min(1.0, bound / float(s.norm())) for s in start]) or equals([s * min(1.0, bound / float(s.abs().max())) for s in start]):  # fmt: skip
        return _say(False, "you shrink whole tensors. Each number is clamped for itself.")
    if not equals(clamped):
        return _say(False, f"with c = {bound} the first weights should be {clamped[0].tolist()}, they are {after[0].tolist()}.")  # fmt: skip
    return _say(True, "every weight and bias is within [-c, c], in place, and the gradients are untouched.")


def check_constant_generator(generator, mean=3.0, std=1.0):
    """Check a generator (N, 16) -> (N, 512) that ignores z and passes the pooled test all the same. Lesson 04, exercise 3."""
    z = torch.rand(64, 16, generator=torch.Generator().manual_seed(0))
    try:
        with torch.no_grad():
            samples, again, others = generator(z), generator(z), generator(1 - z)
    except Exception as fault:
        return _say(False, f"your generator stops with {type(fault).__name__}: {fault}")
    if samples is None or samples is ...:
        return _say(False, "your generator returns nothing yet. Does forward end with a return?")
    if not torch.is_tensor(samples) or samples.shape != (64, 512):
        got = tuple(samples.shape) if torch.is_tensor(samples) else type(samples).__name__
        return _say(False, f"a batch of latents (64, 16) must become samples of shape (64, 512), it became {got}.")
    if not torch.equal(samples, again):
        return _say(False, "the same z gives other samples each time: you draw in forward. Draw once, in __init__.")
    if not torch.equal(samples, others):
        return _say(False, "your samples depend on z. This generator is not allowed to look at it.")
    if samples.std(dim=0, correction=0).max() > 1e-6:
        return _say(False, "it gives different rows, by their place in the batch. Every row must be the same.")
    got_mean, got_std = samples.mean().item(), samples.std(correction=0).item()
    if got_std < 1e-6:
        return _say(False, f"all 512 features are {got_mean:.2f}: the pooled standard deviation is 0. Which spread is left, if there is none over z?")  # fmt: skip
    if abs(got_mean - mean) > 0.05:
        return _say(False, f"the mean over all numbers is {got_mean:.2f}, it should be within 0.05 of {mean:g}.")
    if abs(got_std - std) > 0.05:
        return _say(False, f"the pooled standard deviation is {got_std:.2f}, it should be within 0.05 of {std:g}.")
    return _say(True, f"mean {got_mean:.2f}, pooled std {got_std:.2f}, and std over z 0.00. The test is fooled.")
