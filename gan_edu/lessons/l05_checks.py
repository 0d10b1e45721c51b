"""Lesson 05: checks of its exercises."""

import numpy as np
from numpy.random import default_rng
from scipy.optimize import linear_sum_assignment as best
from scipy.spatial.distance import cdist

from gan_edu.divergences import optimal_transport
from gan_edu.examine import Remark, check, faultless


def numbers(value, shape):
    """Return a learner's numbers as an array of this shape."""
    found = np.array(value, object)
    if found.shape != shape or not np.isfinite(found.astype(float)).all():
        raise Remark(f"finite numbers of the shape {shape} are asked for.")
    return found.astype(float)


A, B = np.array([0.1, 0.4, 0.3, 0.2, 0.0]), np.array([0.3, 0.1, 0.1, 0.1, 0.4])
check_w1_line = check(lambda p, q, h: h * abs(np.cumsum(p - q)).sum(), [(A, B, 0.5), (B, A, 2.0), (A[::-1].copy(), B, 0.1)], "it is all paid for.", {
    "earth that passes to the left must be paid for as well: take the absolute value at each border.": lambda p, q, h: h * np.cumsum(p - q).sum(),
    "take the absolute value at each border, before you add up. Yours is the distance of the two means.": lambda p, q, h: h * abs(np.cumsum(p - q).sum()),
    "you have left out the earth that passes to the left.": lambda p, q, h: h * np.cumsum(p - q).clip(0).sum(),
    "first add up what is on the left of a border, then take the absolute value.": lambda p, q, h: h * np.cumsum(abs(p - q)).sum(),
    "that compares heights place by place. How much is on the left of each border in all?": lambda p, q, h: h * abs(p - q).sum(),
    "each passage carries the earth on by h.": lambda p, q, h: abs(np.cumsum(p - q)).sum(),
    "the work at all borders is a sum. Yours is a mean over the borders.": lambda p, q, h: h * abs(np.cumsum(p - q)).mean(),
})  # fmt: skip


# fmt: off
# A hint and when it is told stand on one line.
@faultless("the mean distance is ½, and none is shorter.", functions=False)
def check_coupling(gamma):
    """Check the cheapest coupling of (1/2, 1/2, 0) and (1/2, 0, 1/2) on the places 0, 1, 2."""
    found, p, q, d = numbers(gamma, (3, 3)), (0.5, 0.5, 0), (0.5, 0, 0.5), ((0, 1, 2), (1, 0, 1), (2, 1, 0))
    rows, columns, cost = found.sum(1), found.sum(0), (found * d).sum()
    yield "an entry is negative. Earth can only be taken away from a pile.", found.min() < -1e-9
    yield "rows and columns are exchanged: row i says what leaves the pile at place i.", np.allclose([rows, columns], [q, p])
    yield f"what leaves the piles is {rows}, the row sums. It should be p.", not np.allclose(rows, p)
    yield f"what arrives is {columns}, the column sums. It should be q.", not np.allclose(columns, q)
    yield f"this is a coupling, but with a mean distance of {cost:g}. There is a shorter one.", cost > 0.5 + 1e-6


@faultless("all nine are accepted, and the income is 10.", functions=False)
def check_prices(prices):
    """Check that prices (f, g) for the table are accepted, and bring in what the best plan costs."""
    f, g = found = numbers(prices, (2, 3))
    table = np.array([[1, 2, 4], [3, 8, 7], [9, 6, 5]])  # best: 0 to 1, 1 to 0, 2 to 2
    room, said = table - f[:, None] - g, f"accepted, with an income of {found.sum():g}. "
    (i, j), k = np.unravel_index(room.argmin(), (3, 3)), room[range(3), (1, 0, 2)].argmax()
    yield f"refused: f[{i}] + g[{j}] is {f[i] + g[j]:g}, more than the {table[i, j]} km between them.", room.min() < -1e-9
    yield f"{said}Each of the nine sums is below its distance: some price can rise at once.", room.min() > 1e-6
    yield f"{said}Look at pile {k}: its distance in the best plan is more than you ask for it.", found.sum() < 10 - 1e-6


def cost(p, q, d):
    return p.sum() * optimal_transport(p / p.sum(), q / q.sum(), d).cost


def solved(answer, p, q, d):
    result, n, both = answer(p, q, d), len(p), len(p) + len(q)
    if result is None or result is ...:
        return result
    if not hasattr(result, "fun"):
        raise Remark("return all that linprog returns, and not its cost or its plan alone.")
    prices = getattr(getattr(result, "eqlin", None), "marginals", ())
    none, even = result.fun is None, np.array([0.3, 0.7])  # p = q: in any order
    right = not none and abs(result.fun - cost(p, q, d)) < 1e-6
    for hint, wrong in {
        "the cost falls without end: γ may not be negative. Leave the bounds to linprog.": none and result.status == 3,
        "linprog finds no γ. Are the conditions in A_eq and in b_eq in the same order?": none and abs((answer(even, even, np.array([[5, 1], [1, 5]])).fun or 0) - 2.6) < 1e-6,
        "linprog finds no γ. Print `columns` for 2 piles and 3 holes: does row j add up what arrives at hole j?": none,
        f"the cost is right, but linprog should get {both} conditions, one for each pile and each hole.": right and len(prices) != both,
        "the cost is right, but the piles should come first in A_eq and b_eq.": right and len(prices) == both and abs(prices[:n] @ p + prices[n:] @ q - result.fun) > 1e-6,
    }.items():
        if wrong:
            raise Remark(hint)
    return result.fun


PILES = [(mass * default_rng(0).dirichlet(np.ones(n)), mass * default_rng(1).dirichlet(np.ones(m)), default_rng(2).uniform(1, 9, (n, m))) for n, m, mass in ((3, 4, 1), (4, 2, 1), (2, 3, 5))]
check_transport = check(cost, PILES, "exact, up to rounding.", {
    "the piles are emptied, but nobody says that the holes must be filled: the column sums are missing.": lambda p, q, d: p @ d.min(1),
    "the costs are in another order than γ: flatten d row by row.": lambda p, q, d: cost(p, q, d.T.reshape(d.shape)),
    "your conditions read γ column by column, and your costs row by row.": lambda p, q, d: cost(p, q, d.reshape(d.T.shape).T),
    "take p and q as they are, even where they do not add up to 1.": lambda p, q, d: cost(p, q, d) / p.sum(),
}, given=solved)


def of(pick):
    """Return W of order r; pick: a mean, made of the distances d and their powers c, of which it is the root."""
    return lambda x, y, r: pick(cdist(x, y), cdist(x, y) ** r, r) ** (1 / r)


RNG = default_rng(0)
SAMPLES = [(*RNG.normal(size=(2, n, dim)), r) for n, dim, r in ((6, 2, 1), (7, 2, 2), (6, 3, 3))]
check_w_samples = check(of(lambda d, c, r: c[best(c)].mean()), SAMPLES, "exact for two samples of the same size.", {
    "the pairs are right. The mean is that of the r-th powers.": of(lambda d, c, r: d[best(c)].mean() ** r),
    "that is a sum. Each point weighs 1/n, so take a mean.": of(lambda d, c, r: c[best(c)].sum()),
    "the root of order r is missing.": of(lambda d, c, r: c[best(c)].mean() ** r),
    "that is W1, whatever r is.": of(lambda d, c, r: d[best(d)].mean() ** r),
    "the best plan depends on r: let linear_sum_assignment see the r-th powers.": of(lambda d, c, r: c[best(d)].mean()),
    "that is the mean over all pairs. Take the pairs of the best plan.": of(lambda d, c, r: c.mean()),
    "point k of x need not go to point k of y: linear_sum_assignment tells where it goes.": of(lambda d, c, r: c.diagonal().mean()),
    "each point of x goes to its nearest point, so one point may be used twice.": of(lambda d, c, r: c.min(1).mean()),
    "each point of y comes from its nearest point, so one point may be used twice.": of(lambda d, c, r: c.min(0).mean()),
    "that is the greedy plan, and it is seldom the best.": of(lambda d, c, r: c[best(-0.5 ** c.argsort(None).argsort().reshape(c.shape))].mean()),
})


def sinkhorn(p, q, d, epsilon, sign=-1, turns=500, turned=np.transpose):
    K, beta = np.exp(sign * d / epsilon), np.ones(len(q))
    for _ in range(turns):
        alpha = p / (K @ beta)
        beta = q / (turned(K) @ alpha)
    return alpha[:, None] * K * beta


BLURRED = [(*default_rng(0).dirichlet(np.ones(n), 2), default_rng(1).uniform(0, 2, (n, n)), e) for n, e in ((3, 0.3), (4, 2.0))]
check_sinkhorn = check(sinkhorn, BLURRED, "that is Sinkhorn's algorithm.", {
    "large costs should be rare: exp of *minus* d / ε.": lambda p, q, d, e: sinkhorn(p, q, d, e, 1),
    "the cost must be divided by ε, not multiplied by it.": lambda p, q, d, e: sinkhorn(p, q, d, 1 / e),
    "one turn is not enough, the row sums are not p yet: repeat both lines.": dict(turns=1),
    "one turn is not enough, the column sums are not q yet: repeat both lines.": lambda p, q, d, e: sinkhorn(q, p, d.T, e, turns=1).T,
    "one sum runs over j, the other over i, down the columns: there K must be transposed.": dict(turned=abs),
})
