"""Lesson 01: checks of its exercises."""

import numpy as np
from scipy.special import rel_entr
from scipy.stats import norm

from gan_edu.examine import examine

CASES = [  # pairs of p and q
    (np.array([0.5, 0.25, 0.25]), np.array([0.98, 0.01, 0.01])),
    (np.array([0.1, 0.1, 0.3, 0.5]), np.array([0.3, 0.3, 0.2, 0.2])),
    (np.array([0.5, 0.5, 0.0]), np.array([0.25, 0.25, 0.5])),
    (np.array([0.5, 0.0, 0.5]), np.array([0.2, 0.0, 0.8])),
    (np.array([0.2, 0.3, 0.5]), np.array([0.5, 0.5, 0.0])),
]


def quiet(answer):
    """Return a function without NumPy's warnings, which would hide the hint; what is not a function stays."""
    calm = np.errstate(all="ignore")
    return calm(answer) if callable(answer) else answer


def told(answer, cases, right, mistakes, words):
    """Examine an answer that may divide by zero."""
    mistakes = {hint: quiet(mistake) for hint, mistake in mistakes.items()}
    return examine(quiet(answer), cases, right, mistakes, words)


def symptom(answer, here, seen):
    """Return a mistake that is known by its symptom: where here(p, q), seen(number) holds."""
    return lambda p, q: got if seen(got := answer(p.copy(), q.copy())) or not here(p, q) else -99.0


def kl(p, q):
    return rel_entr(p, q).sum()


def plain(p, q):
    return np.sum(p * np.log(p / q))


def check_kl(answer):
    """Check KL(p‖q) of two arrays, zeros included."""
    mistakes = {
        "that is nan where p is 0, because 0 · log 0 is nan for NumPy. Leave those places out.": plain,
        "that is KL(q‖p). What happens with p is weighted with p.": lambda p, q: kl(q, p),
        "where q = 0 < p the surprise is infinite. You leave that place out.": lambda p, q: plain(p[p * q > 0], q[p * q > 0]),
        "that is the cross-entropy. Subtract the entropy of p.": lambda p, q: kl(p, q) - np.sum(p[p > 0] * np.log(p[p > 0])),
        "the sign is wrong: where p is larger than q, the term must be above 0.": lambda p, q: -kl(p, q),
        "that is in bits. Use the natural logarithm, np.log.": lambda p, q: kl(p, q) / np.log(2),
        "add the terms up. You take their mean.": lambda p, q: kl(p, q) / len(p),
        "each term is weighted with p: p · log(p / q).": lambda p, q: np.sum(np.log(p[p > 0] / q[p > 0])),
        "q = 0 matters only where p > 0. Where both are 0, nothing is added.": symptom(answer, lambda p, q: (p + q == 0).any(), lambda got: got == np.inf),
        "where q = 0 < p KL is infinite, and yours is not. Did you add a small number to q?": symptom(answer, lambda p, q: kl(p, q) == np.inf, np.isfinite),
    }  # fmt: skip
    return told(answer, CASES, kl, mistakes, "KL, zeros included.")


def check_bce(answer):
    """Check the mean binary cross-entropy of labels y and answers d, arrays of equal length."""

    def parts(y, d):
        return -y * np.log(d), -(1 - y) * np.log(1 - d)

    def right(y, d):
        return np.mean(sum(parts(y, d)))

    mistakes = {
        "that is still line A. Both terms of a cross-entropy have a minus.": lambda y, d: np.mean(parts(y, d)[0] - parts(y, d)[1]),
        "that is still line B. The second term needs its logarithm and its minus.": lambda y, d: np.mean(parts(y, d)[0] + (1 - y) * (1 - d)),
        "the signs are right, but the second term still has no logarithm.": lambda y, d: np.mean(parts(y, d)[0] - (1 - y) * (1 - d)),
        "a minus belongs in front of the whole: a logarithm of a probability is below 0.": lambda y, d: -right(y, d),
        "take the mean over the N samples, not the sum.": lambda y, d: np.sum(sum(parts(y, d))),
        "the term of the generated samples, with y = 0, is missing.": lambda y, d: np.mean(parts(y, d)[0]),
        "the second logarithm is of 1 − d, the probability of \"generated\".": lambda y, d: np.mean(parts(y, d)[0] - (1 - y) * np.log(d)),
        "real and generated are exchanged: y = 1 goes with d.": lambda y, d: right(1 - y, d),
        "labels and answers are exchanged: the logarithm is of d.": lambda y, d: right(d, y),
        "that is in bits. Use the natural logarithm, np.log.": lambda y, d: right(y, d) / np.log(2),
        "that is half of it: the mean is over N samples, and each has two terms to add.": lambda y, d: right(y, d) / 2,
        "you add the mean over the real and the mean over the generated samples. Take one mean over all N.": lambda y, d: parts(y, d)[0][y == 1].mean() + parts(y, d)[1][y == 0].mean(),
    }  # fmt: skip
    cases = [([1, 0, 0, 1, 0], [0.9, 0.2, 0.6, 0.4, 0.1]), ([1, 0, 1], [0.3, 0.5, 0.8])]
    cases = [tuple(np.array(values, float) for values in case) for case in cases]
    return told(answer, cases, right, mistakes, "the cross-entropy of label and answer.")


def check_tv(answer):
    """Check the total variation of two arrays."""

    def right(p, q):
        return np.abs(p - q).sum() / 2

    mistakes = {
        "that is the largest difference of one bin. An event may hold several bins.": lambda p, q: np.abs(p - q).max(),
        "that is the bin with the largest p − q. An event may hold several bins.": lambda p, q: (p - q).max(),
        "that is twice too much: you also count the bins outside A.": lambda p, q: np.abs(p - q).sum(),
        "over all bins the differences add up to 0. Which of them do you want in A?": lambda p, q: np.zeros(()),
        "that is the mean over the bins. Add up the differences in A.": lambda p, q: np.abs(p - q).mean(),
        "that is what p and q have in common. How much of p is left?": lambda p, q: np.minimum(p, q).sum(),
        "the bins in A are right. From their p you must still subtract their q.": lambda p, q: p[p > q].sum(),
        "the size is right, but it is below 0. Is the order of p and q turned round?": lambda p, q: -right(p, q),
        "an event need not be a run of neighbouring bins.": lambda p, q: np.abs(np.cumsum(p - q)).max(),
    }  # fmt: skip
    apart = np.array([0.5, 0, 0.5, 0]), np.array([0, 0.5, 0, 0.5])
    words = "the best event takes every bin with p > q."
    return told(answer, [*CASES, apart, apart[::-1]], right, mistakes, words)


def check_js(answer):
    """Check the Jensen-Shannon divergence of two arrays, zeros included."""

    def right(p, q):
        m = (p + q) / 2
        return (kl(p, m) + kl(q, m)) / 2

    mistakes = {
        "take the mean of the two, not their sum: a factor 1/2 is missing.": lambda p, q: 2 * right(p, q),
        "that is KL(p‖m) alone. JS is the same from both sides.": lambda p, q: kl(p, (p + q) / 2),
        "that is KL(q‖m) alone. JS is the same from both sides.": lambda p, q: kl(q, (p + q) / 2),
        "m is the mean of p and q. Your m adds up to 2.": lambda p, q: right(p, q) - np.log(2),
        "you have KL(m‖p) and KL(m‖q). p and q come first.": lambda p, q: (kl((p + q) / 2, p) + kl((p + q) / 2, q)) / 2,
        "that is the mean of KL(p‖q) and KL(q‖p). Both should be compared with m.": lambda p, q: (kl(p, q) + kl(q, p)) / 2,
        "m is half of p + q. Where does your bracket end?": lambda p, q: (kl(p, p + q / 2) + kl(q, p + q / 2)) / 2,
        "that is the root of JS.": lambda p, q: right(p, q) ** 0.5,
        "that is in bits. Use the natural logarithm, np.log.": lambda p, q: right(p, q) / np.log(2),
        "that is nan where a bin is empty. Use your kl, which knows about zeros.": lambda p, q: (plain(p, (p + q) / 2) + plain(q, (p + q) / 2)) / 2,
    }  # fmt: skip
    return told(answer, CASES, right, mistakes, "p and q are each compared with their mixture.")


def check_kl_batch(answer):
    """Check an estimate of KL(p‖q) from samples of p: (batch, log_p, log_q) -> number."""
    a, b = norm(0.4, 1.3).logpdf, norm(-0.3, 0.8).logpdf
    mistakes = {
        "the batch comes from p already: likely places occur more often in it. Do not weight them again.": lambda x: np.mean(np.exp(a(x)) * (a(x) - b(x))),
        "the batch comes from p already, so a mean is enough. You weight with p, and add up.": lambda x: np.sum(np.exp(a(x)) * (a(x) - b(x))),
        "the order is log p − log q.": lambda x: np.mean(b(x) - a(x)),
        "take the mean over the batch, not the sum.": lambda x: np.sum(a(x) - b(x)),
        "log_p and log_q are logarithms already.": lambda x: np.mean(np.log(a(x) / b(x))),
        "the logarithm of p / q is a difference, log p − log q.": lambda x: np.mean(a(x) / b(x)),
        "no absolute value: single terms may be below 0.": lambda x: np.mean(np.abs(a(x) - b(x))),
        "that is the mean of −log q, the cross-entropy. Add log p.": lambda x: -np.mean(b(x)),
        "use the log_p and log_q that you are given, not those of one example.": lambda x: np.mean(norm.logpdf(x) - norm.logpdf(x, 1, 2)),
    }  # fmt: skip
    cases = [(np.array([-1.0, 0.3, 2.0, 0.5]),), (np.array([0.1, -0.7, 1.2]),)]
    mine = (lambda x: answer(x, a, b)) if callable(answer) else answer
    return told(mine, cases, lambda x: np.mean(a(x) - b(x)), mistakes, "a batch is enough.")
