"""Lesson 01: checks of its exercises."""

import numpy as np
from scipy.special import rel_entr
from scipy.stats import norm

from gan_edu.examine import check, examine

CASES = [  # pairs of p and q
    (np.array([0.5, 0.25, 0.25]), np.array([0.98, 0.01, 0.01])),
    (np.array([0.1, 0.1, 0.3, 0.5]), np.array([0.3, 0.3, 0.2, 0.2])),
    (np.array([0.5, 0.5, 0.0]), np.array([0.25, 0.25, 0.5])),
    (np.array([0.5, 0.0, 0.5]), np.array([0.2, 0.0, 0.8])),
    (np.array([0.2, 0.3, 0.5]), np.array([0.5, 0.5, 0.0])),
]
APART = np.array([0.5, 0, 0.5, 0]), np.array([0, 0.5, 0, 0.5])
LABELLED = ([1.0, 0, 0, 1, 0], [0.9, 0.2, 0.6, 0.4, 0.1]), ([1.0, 0, 1], [0.3, 0.5, 0.8])


def kl(p, q):
    return rel_entr(p, q).sum()


def plain(p, q):
    return np.sum(p * np.log(p / q))


def check_kl(answer):
    """Check KL(p‖q) of two arrays, zeros included."""

    def symptom(here, seen):  # a mistake that is known by its symptom, seen where here(p, q)
        return lambda p, q: (
            got if seen(got := answer(p.copy(), q.copy())) or not here(p, q) else -99.0
        )

    mistakes = {
    "that is nan where p is 0, because 0 · log 0 is nan for NumPy. Leave those places out.": plain,
    "that is KL(q‖p). What happens with p is weighted with p.": lambda p, q: kl(q, p),
    "where q = 0 < p the surprise is infinite. You leave that place out.": lambda p, q: plain(p[p * q > 0], q[p * q > 0]),
    "that is the cross-entropy. Subtract the entropy of p.": lambda p, q: kl(p, q) - np.sum(p[p > 0] * np.log(p[p > 0])),
    "the sign is wrong: where p is larger than q, the term must be above 0.": lambda p, q: -kl(p, q),
    "that is in bits. Use the natural logarithm, np.log.": lambda p, q: kl(p, q) / np.log(2),
    "add the terms up. You take their mean.": lambda p, q: kl(p, q) / len(p),
    "each term is weighted with p: p · log(p / q).": lambda p, q: np.sum(np.log(p[p > 0] / q[p > 0])),
    "q = 0 matters only where p > 0. Where both are 0, nothing is added.": symptom(lambda p, q: (p + q == 0).any(), lambda got: got == np.inf),
    "where q = 0 < p KL is infinite, and yours is not. Did you add a small number to q?": symptom(lambda p, q: kl(p, q) == np.inf, np.isfinite),
    }  # fmt: skip
    return examine(answer, CASES, kl, mistakes, "KL, zeros included.")


def terms(y, d):
    return -y * np.log(d), -(1 - y) * np.log(1 - d)


def bce(y, d):
    return np.mean(sum(terms(y, d)))


check_bce = check(bce, [tuple(map(np.array, case)) for case in LABELLED], "the cross-entropy of label and answer.", {
    "that is still line A. Both terms of a cross-entropy have a minus.": lambda y, d: np.mean(np.subtract(*terms(y, d))),
    "that is still line B. The second term needs its logarithm and its minus.": lambda y, d: np.mean(terms(y, d)[0] + (1 - y) * (1 - d)),
    "the signs are right, but the second term still has no logarithm.": lambda y, d: np.mean(terms(y, d)[0] - (1 - y) * (1 - d)),
    "a minus belongs in front of the whole: a logarithm of a probability is below 0.": lambda y, d: -bce(y, d),
    "take the mean over the N samples, not the sum.": lambda y, d: np.sum(terms(y, d)),
    "the term of the generated samples, with y = 0, is missing.": lambda y, d: np.mean(terms(y, d)[0]),
    "the second logarithm is of 1 − d, the probability of \"generated\".": lambda y, d: -np.mean(np.log(d)),
    "real and generated are exchanged: y = 1 goes with d.": lambda y, d: bce(1 - y, d),
    "labels and answers are exchanged: the logarithm is of d.": lambda y, d: bce(d, y),
    "that is in bits. Use the natural logarithm, np.log.": lambda y, d: bce(y, d) / np.log(2),
    "that is half of it: the mean is over N samples, and each has two terms to add.": lambda y, d: bce(y, d) / 2,
    "you add the mean over the real and the mean over the generated samples. Take one mean over all N.": lambda y, d: np.mean(-np.log(d[y == 1])) - np.mean(np.log(1 - d[y == 0])),
})  # fmt: skip

check_tv = check(lambda p, q: np.abs(p - q).sum() / 2, [*CASES, APART, APART[::-1]], "the best event takes every bin with p > q.", {
    "that is the largest difference of one bin. An event may hold several bins.": lambda p, q: np.abs(p - q).max(),
    "that is the bin with the largest p − q. An event may hold several bins.": lambda p, q: (p - q).max(),
    "that is twice too much: you also count the bins outside A.": lambda p, q: np.abs(p - q).sum(),
    "over all bins the differences add up to 0. Which of them do you want in A?": lambda p, q: 0.0,
    "that is the mean over the bins. Add up the differences in A.": lambda p, q: np.abs(p - q).mean(),
    "that is what p and q have in common. How much of p is left?": lambda p, q: np.minimum(p, q).sum(),
    "the bins in A are right. From their p you must still subtract their q.": lambda p, q: p[p > q].sum(),
    "the size is right, but it is below 0. Is the order of p and q turned round?": lambda p, q: -np.abs(p - q).sum() / 2,
    "an event need not be a run of neighbouring bins.": lambda p, q: np.abs(np.cumsum(p - q)).max(),
})  # fmt: skip


def to(m, kl=kl):
    """Return the mean of KL to a mixture m(p, q)."""
    return lambda p, q: (kl(p, m(p, q)) + kl(q, m(p, q))) / 2


js = to(lambda p, q: (p + q) / 2)
check_js = check(js, CASES, "p and q are each compared with their mixture.", {
    "take the mean of the two, not their sum: a factor 1/2 is missing.": lambda p, q: 2 * js(p, q),
    "that is KL(p‖m) alone. JS is the same from both sides.": lambda p, q: kl(p, (p + q) / 2),
    "that is KL(q‖m) alone. JS is the same from both sides.": lambda p, q: kl(q, (p + q) / 2),
    "m is the mean of p and q. Your m adds up to 2.": lambda p, q: js(p, q) - np.log(2),
    "you have KL(m‖p) and KL(m‖q). p and q come first.": to(lambda p, q: (p + q) / 2, lambda p, m: kl(m, p)),
    "that is the mean of KL(p‖q) and KL(q‖p). Both should be compared with m.": lambda p, q: (kl(p, q) + kl(q, p)) / 2,
    "m is half of p + q. Where does your bracket end?": to(lambda p, q: p + q / 2),
    "that is the root of JS.": lambda p, q: js(p, q) ** 0.5,
    "that is in bits. Use the natural logarithm, np.log.": lambda p, q: js(p, q) / np.log(2),
    "that is nan where a bin is empty. Use your kl, which knows about zeros.": to(lambda p, q: (p + q) / 2, plain),
})  # fmt: skip

LOGS = norm(0.4, 1.3).logpdf, norm(-0.3, 0.8).logpdf
BATCHES = [(np.array(x), *LOGS) for x in ([-1.0, 0.3, 2.0, 0.5], [0.1, -0.7, 1.2])]
check_kl_batch = check(lambda x, a, b: np.mean(a(x) - b(x)), BATCHES, "a batch is enough.", {
    "the batch comes from p already: likely places occur more often in it. Do not weight them again.": lambda x, a, b: np.mean(np.exp(a(x)) * (a(x) - b(x))),
    "the batch comes from p already, so a mean is enough. You weight with p, and add up.": lambda x, a, b: np.sum(np.exp(a(x)) * (a(x) - b(x))),
    "the order is log p − log q.": lambda x, a, b: np.mean(b(x) - a(x)),
    "take the mean over the batch, not the sum.": lambda x, a, b: np.sum(a(x) - b(x)),
    "log_p and log_q are logarithms already.": lambda x, a, b: np.mean(np.log(a(x) / b(x))),
    "the logarithm of p / q is a difference, log p − log q.": lambda x, a, b: np.mean(a(x) / b(x)),
    "no absolute value: single terms may be below 0.": lambda x, a, b: np.mean(np.abs(a(x) - b(x))),
    "that is the mean of −log q, the cross-entropy. Add log p.": lambda x, a, b: -np.mean(b(x)),
    "use the log_p and log_q that you are given, not those of one example.": lambda x, a, b: np.mean(norm.logpdf(x) - norm.logpdf(x, 1, 2)),
})  # fmt: skip
