"""Lesson 18: how a learner's test is tried, on right code, on an exhibit and on its relatives; and the homework's checks."""

import inspect
import io
import itertools
import tokenize

import torch
from torch import nn

from gan_edu.examine import GAP
from gan_edu.losses import gradient_penalty


def says(test, code):
    """Return whether a test lets this code pass: True, False, or the exception that stopped it."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        try:
            test(code)
        except AssertionError:
            return False
        except Exception as fault:
            return fault
    return True


def source(function):
    """Return a function's text; where there is none (it came from exec), what raises no suspicion."""
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return "assert"


def blank(function):
    """Return whether a blank is left in a function: three dots that are no index."""
    try:
        parts = [t.string for t in tokenize.generate_tokens(io.StringIO(source(function)).readline)]
    except (SyntaxError, tokenize.TokenError):  # a lambda in the middle of a line
        return False
    return any(a == "..." and b not in ("]", ",") for a, b in itertools.pairwise(parts))


def fault_of_test(test, right, exhibit, relatives, fine):
    """Return what to say of a test, or nothing. relatives: {hint: broken code}, fine: {hint: right code}."""
    if not callable(test):
        return "write a function with an assert in it: def test_...(code)."
    if blank(test):
        return GAP
    if isinstance(found := says(test, right), Exception):
        return f"your test stops with {type(found).__name__}: {found}"
    if not found:
        return "your test fails on the repaired code, too. What should the number be there?"
    if says(test, exhibit) is True:
        if "assert" not in source(test):
            return "a test says no with assert: nobody looks at what it returns or prints."
        return "your test lets the exhibit pass. Which number does that code get wrong?"
    faults = [f"fails on {hint}" for hint, code in fine.items() if says(test, code) is not True]
    faults += [f"misses {hint}" for hint, code in relatives.items() if says(test, code) is True]
    return f"your test {faults[0]}" if faults else ""


def tried(test, right, exhibit, words, relatives, fine=None, repair=lambda: ""):
    """Print what to say of a test and then of a repair, and return whether there is no fault."""
    fault = fault_of_test(test, right, exhibit, relatives, fine or {}) or repair()
    print(f"Not yet: {fault}" if fault else f"Right: {words}")
    return not fault


def trial(*codes_and_words):
    """Return a check of a test alone, with the arguments of `tried`."""
    return lambda test: tried(test, *codes_and_words)


def critic_loss(weight):
    """Return a WGAN-GP critic's loss of (D, x_real, x_fake, lambda_gp), with weight(lambda_gp) for the penalty."""
    return lambda D, x, y, k: weight(k) * gradient_penalty(D, x, y) - (D(x).mean() - D(y).mean())


check_added = trial(critic_loss(lambda k: k), critic_loss(lambda k: 0 * k), "λ matters, and in the right direction.", {
    "a loss from which the penalty is subtracted. Should a steep critic's loss grow with λ?": critic_loss(lambda k: -k),
    "a loss that adds the penalty without λ. Compare two values of λ.": critic_loss(lambda k: 10),
})  # fmt: skip


def error(of_fake):
    """Return a discriminator's error of (D, G, x_real, z), with of_fake(G, x_real, z) as what is judged."""
    return lambda D, G, x, z: -(D(x).log().mean() + (1 - D(of_fake(G, x, z))).log().mean())


check_from_z = trial(error(lambda G, x, z: G(z)), error(lambda G, x, z: z), "another generator, another error.", {
    "an error that judges G(x_real). The latents should matter, too.": error(lambda G, x, z: G(x)),
})  # fmt: skip


def shares(points, n_bins, n_all=None):
    return [
        sum(int(x * n_bins) == k for x in points) / (n_all or len(points)) for k in range(n_bins)
    ]


def kept(points):  # as on the page: takes the points out of the list while it counts on
    for i in range(len(points)):
        taken, points[i : i + i + 1] = points[i : i + i + 1], []
        yield from taken[:1]


def losing(points, n_bins):
    n_all = len(points)
    return shares([*kept(points)], n_bins, n_all)


check_shares = trial(shares, losing, "no point is lost, and the list is as it was.", {
    "a code that counts well, but empties the list that it was given. Look at the list afterwards.": lambda points, n: (shares(points, n), points.clear())[0],
    "a code that loses points and then divides by their number. Count by hand in which bin they lie.": lambda points, n: shares([*kept([*points])], n),
})  # fmt: skip


def block(**norm):
    """Return a generator's block(n_in, n_out) with these settings of its batch normalisation."""
    return lambda n_in, n_out: nn.Sequential(nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out, **norm), nn.LeakyReLU(0.2))  # fmt: skip


check_spread = trial(block(), block(eps=0.8), "what comes out has spread 1, however small the input's spread was.", {
    "a block with eps = 0.05. Give it inputs of a smaller spread.": block(eps=0.05),
}, {
    "a block with another momentum. That is right: momentum says how fast the running mean follows.": block(momentum=0.2),
})  # fmt: skip


def sampling(mode, back=True):
    """Return sample(G, z) which draws in this mode, and puts back what was."""

    def sample(G, z):
        before = G.training
        with torch.no_grad():
            x = G.train(mode)(z)
        G.train(before if back else mode)
        return x

    return sample


check_eval = trial(sampling(False), sampling(True), "a picture does not depend on its company.", {
    "a code that leaves the generator in evaluation mode: training would go on without batch statistics.": sampling(False, back=False),
})  # fmt: skip
