"""Lesson 05: the checks of its exercises."""

import numpy as np
from hints import each_wrong
from scipy.optimize import LinearConstraint, linprog, milp
from scipy.optimize import linear_sum_assignment as best

from gan_edu.lessons import l05_checks as checks


def piles_first(n, m):
    return np.repeat(np.eye(n), m, axis=1)


def holes(n, m):
    return np.hstack([np.eye(m)] * n)


def programme(c=np.ravel, conditions=(piles_first, holes), b=lambda p, q: [*p, *q], **more):
    """A learner's linear programme."""

    def transport(p, q, d):
        A = np.vstack([one(*d.shape) for one in conditions])
        return linprog(c(d), A_eq=A, b_eq=b(p, q), **more)

    return transport


def with_milp(p, q, d):
    sums = LinearConstraint(np.vstack([piles_first(*d.shape), holes(*d.shape)]), [*p, *q], [*p, *q])
    return milp(d.ravel(), constraints=sums)


def by(pick):
    """A learner's W of two samples; pick: (distances, their r-th powers, r) -> a number."""

    def w_samples(x, y, r=1):
        d = np.sqrt(((x[:, None] - y) ** 2).sum(2))
        return pick(d, d**r, r)

    return w_samples


def one_by_one(d, c, r):
    left, found = d.copy(), []
    for _ in d:
        i, j = np.unravel_index(left.argmin(), left.shape)
        found.append(c[i, j])
        left[i], left[:, j] = np.inf, np.inf
    return np.mean(found) ** (1 / r)


def blurring(K=lambda d, e: np.exp(-d / e), turns=500, turned=np.transpose):
    """A learner's algorithm of Sinkhorn."""

    def sinkhorn(p, q, d, epsilon):
        kernel, beta = K(d, epsilon), np.ones(len(q))
        for _ in range(turns):
            alpha = p / (kernel @ beta)
            beta = q / (turned(kernel) @ alpha)
        return np.diag(alpha) @ kernel @ np.diag(beta)

    return sinkhorn


def columns_first(sinkhorn):
    return lambda p, q, d, e: sinkhorn(q, p, d.T, e).T


test_each_wrong_w1_gets_its_own_hint = each_wrong(checks.check_w1_line,
    (lambda p, q, h: h * np.abs(np.cumsum(p - q)).sum(), "Right"),
    (lambda p, q, h: h * sum(abs(p[:k].sum() - q[:k].sum()) for k in range(1, len(p))), "Right"), (lambda p, q, h: ..., "still a blank"),
    (lambda p, q, h: h * np.cumsum(p - q).sum(), "must be paid for as well"),
    (lambda p, q, h: h * abs(np.cumsum(p - q).sum()), "distance of the two means"),
    (lambda p, q, h: h * np.cumsum(np.abs(p - q)).sum(), "first add up"), (lambda p, q, h: h * np.abs(p - q).sum(), "heights place by place"),
    (lambda p, q, h: np.abs(np.cumsum(p - q)).sum(), "carries the earth on by h"),
    (lambda p, q, h: h * np.abs(np.cumsum(p - q)).mean(), "Yours is a mean"),
    (lambda p, q, h: h * np.maximum(np.cumsum(p - q), 0).sum(), "you have left out"),
    (lambda p, q, h: h * np.abs(np.cumsum(p - q)), "must be one number"),
)  # fmt: skip

test_each_wrong_coupling_gets_its_own_hint = each_wrong(checks.check_coupling,
    ([[0.5, 0, 0], [0, 0, 0.5], [0, 0, 0]], "Right"), (np.array([[0.5, 0, 0], [0, -1e-17, 0.5], [0, 0, 0]]), "Right"),
    (np.outer([0.5, 0.5, 0], [0.5, 0, 0.5]), "a mean distance of 1. There is a shorter"),
    ([[0, 0, 0.5], [0.5, 0, 0], [0, 0, 0]], "a mean distance of 1.5. There is a shorter"), ([[..., ..., ...]] * 3, "still a blank"),
    ([[0.5, 0, 0], [0, 0, ...], [0, 0, 0]], "still a blank"), ([[0.5, 0], [0, 0.5]], "of the shape (3, 3)"),
    ([[0.5, 0], [0, 0, 0.5]], "of the shape (3, 3)"), ([[0.5, np.nan, 0], [0, 0, 0.5], [0, 0, 0]], "finite numbers"), ("γ", "finite numbers"),
    (None, "finite numbers"), ([[0.5, 0, 0], [0, 0, 0], [0, 0.5, 0]], "are exchanged"),
    ([[1, 0, -0.5], [-0.5, 0, 1], [0, 0, 0]], "an entry is negative"), ([[0.5, 0, 0], [0, 0, 0], [0, 0, 0.5]], "what leaves the piles"),
    ([[0.5, 0, 0], [0, 0.5, 0], [0, 0, 0]], "what arrives"),
)  # fmt: skip

test_each_wrong_programme_gets_its_own_hint = each_wrong(checks.check_transport,
    (programme(), "Right"), (lambda p, q, d: None, "returns nothing yet"),
    (lambda p, q, d: linprog(..., A_eq=..., b_eq=...), "still a blank"), (lambda p, q, d: ..., "still a blank"),
    (lambda p, q, d: programme()(p, q, d).fun, "return all that linprog returns"),
    (lambda p, q, d: programme()(p, q, d).x, "return all that linprog returns"),
    (programme(conditions=[piles_first], b=lambda p, q: p), "column sums are missing"), (programme(c=lambda d: d.T.ravel()), "flatten d row by row"),
    (programme(conditions=(lambda n, m: holes(m, n), lambda n, m: piles_first(m, n))), "read γ column by column"),
    (lambda p, q, d: programme()(p / p.sum(), q / q.sum(), d), "take p and q as they are"), (programme(b=lambda p, q: [*q, *p]), "in the same order"),
    (programme(conditions=(piles_first, lambda n, m: piles_first(m, n))), "Print `columns`"),
    (programme(bounds=(None, None)), "γ may not be negative"), (with_milp, "should get 7 conditions"),
    (programme(conditions=(piles_first, lambda n, m: holes(n, m)[1:]), b=lambda p, q: [*p, *q[1:]]), "should get 7 conditions"),
    (programme(conditions=(holes, piles_first), b=lambda p, q: [*q, *p]), "the piles should come first"),
    (programme(c=lambda d: d), "your code stops with ValueError"), (programme(c=lambda d: -d.ravel()), "it should be"),
)  # fmt: skip

test_each_wrong_price_list_gets_its_own_hint = each_wrong(checks.check_prices,
    ([[0, 2, 1], [1, 2, 4]], "Right"), ([[1, 3, 5], [0, 1, 0]], "Right"), ([[..., ..., ...], [..., ..., ...]], "still a blank"),
    ([[0, 2, 1], [1, 2, ...]], "still a blank"), ([[0, 2, 1], [1, 2, np.inf]], "finite numbers of the shape (2, 3)"),
    ([[0, 2, 1], [1, 2]], "finite numbers of the shape (2, 3)"), ([[0, 2, 1], [1, 2, 4 - 5e-10]], "Right"),
    ([[0, 2, 1], [2, 2, 4]], "refused: f[0] + g[0] is 2, more than the 1 km"), ([[0, 0, 0], [0, 0, 0]], "Each of the nine sums is below its distance"),
    ([[0, 2, 1], [1, 2, 3]], "Look at pile 2"), ([[0, 2, 1], [1, 1, 4]], "Look at pile 0"), ([[0, 1, 1], [1, 2, 4]], "Look at pile 1"),
)  # fmt: skip

test_each_wrong_w_of_samples_gets_its_own_hint = each_wrong(checks.check_w_samples,
    (by(lambda d, c, r: c[best(c)].mean() ** (1 / r)), "Right"), (by(lambda d, c, r: ...), "still a blank"),
    (by(lambda d, c, r: d), "must be one number"), (by(lambda d, c, r: c[best(c)]), "must be one number"),
    (by(lambda d, c, r: c[best(c)].sum() ** (1 / r)), "Each point weighs 1/n"), (by(lambda d, c, r: c[best(c)].mean()), "the root of order r"),
    (by(lambda d, c, r: d[best(d)].mean()), "that is W1"), (by(lambda d, c, r: c[best(d)].mean() ** (1 / r)), "the best plan depends on r"),
    (by(lambda d, c, r: d[best(c)].mean()), "The mean is that of the r-th powers"),
    (by(lambda d, c, r: c.mean() ** (1 / r)), "the mean over all pairs"),
    (by(lambda d, c, r: c.diagonal().mean() ** (1 / r)), "need not go to point k"),
    (by(lambda d, c, r: c.min(1).mean() ** (1 / r)), "each point of x goes to its nearest"),
    (by(lambda d, c, r: c.min(0).mean() ** (1 / r)), "each point of y comes from its nearest"), (by(one_by_one), "the greedy plan"),
)  # fmt: skip

test_each_wrong_sinkhorn_gets_its_own_hint = each_wrong(checks.check_sinkhorn,
    (blurring(), "Right"), (columns_first(blurring()), "Right"), (lambda p, q, d, e: ..., "still a blank"),
    (blurring(K=lambda d, e: np.exp(d / e)), "exp of *minus* d / ε"), (blurring(K=lambda d, e: np.exp(-d * e)), "divided by ε"),
    (blurring(turns=1), "the row sums are not p yet"), (columns_first(blurring(turns=1)), "the column sums are not q yet"),
    (blurring(turned=np.array), "there K must be transposed"), (lambda p, q, d, e: p, "must have shape (3, 3)"),
)  # fmt: skip
