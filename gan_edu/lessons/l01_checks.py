"""Checks for the exercises of lesson 01."""

import ast
import inspect
import math
import textwrap

import numpy as np

from gan_edu._arguments import check_number
from gan_edu.lessons.say import compare, judge, say


def check_kl_gaussians(function, by_hand=None):
    """Check KL between Gaussians, function(mu_p, sigma_p, mu_q, sigma_q), and KL(N(0, 1) || N(1, 2²)) by hand. Lesson 01."""
    if by_hand is None or by_hand is ...:
        return say(
            False,
            "work out KL(N(0, 1) ‖ N(1, 2²)) on paper first, and write it down in nats, to three digits.",
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
        return say(
            False,
            "by hand: "
            + (near or [f"{by_hand:g} is not it. The three terms are log 2, 2/8 and -1/2."])[0],
        )
    pairs = [
        (0.0, 1.0, 1.0, 2.0),
        (1.5, 0.5, -1.0, 2.0),
        (-2.0, 3.0, 0.5, 0.7),
        (0.3, 1.0, 0.3, 1.0),
    ]

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
    return compare(function, pairs, formula, mistakes)


def check_js_disjoint(answer):
    """Check the Jensen-Shannon divergence of two histograms that share no bin, in nats. Lesson 01."""
    if answer is None or answer is ...:
        return say(False, "write your answer down: a number in nats, for example np.log(3).")
    answer = float(answer)
    hints = {
        1.0: "1 is the answer in bits. In nats it is the natural logarithm of the same number.",
        2 * math.log(2): "you have left out the factor 1/2 in front of the two KL divergences.",
        math.log(2) / 2: "there are two terms, KL(p ‖ m) and KL(q ‖ m), and each of them is log 2.",
        math.inf: "that is KL(p ‖ q). JS compares each with the mixture m, which is nowhere 0 where p or q has mass.",
        0.0: "0 would mean that they are equal. They have nothing in common.",
        -math.log(
            2
        ): "no divergence is negative: where p has mass, p / m is 2, and its logarithm is above 0.",
    }
    for wrong, hint in hints.items():
        if answer == wrong or abs(answer - wrong) < 1e-6:
            return say(False, hint)
    if not abs(answer - math.log(2)) < 1e-4:
        return say(False, f"it is not {answer:g}. What is p / m in a bin where q is 0?")
    return say(True, "log 2, whatever the distance between the bins. That is the trouble with it.")


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
    right, words = judge(
        function,
        pairs,
        w1,
        mistakes,
        "sorted against sorted: in one dimension that is the best plan.",
    )
    if right and _has_a_loop(function):
        return say(
            False,
            "the number is right, and there is a loop in it. np.sort, np.abs and .mean() do without.",
        )
    return say(right, words)


def _has_a_loop(function):
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return False
    return any(isinstance(node, (ast.For, ast.While, ast.comprehension)) for node in ast.walk(tree))
