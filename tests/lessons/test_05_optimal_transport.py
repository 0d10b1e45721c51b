"""Lesson 05: its films, its distances of samples, what its panels say, and the checks of its exercises."""

import types

import numpy as np
import pytest
from hints import each_wrong
from matplotlib.figure import Figure
from scipy.optimize import LinearConstraint, linprog, milp
from scipy.optimize import linear_sum_assignment as best

from gan_edu.lessons import l05_checks as checks
from gan_edu.lessons import l05_optimal_transport as room


@pytest.mark.parametrize("t", [0.0, 0.3, 0.9, 1.0])
def test_the_films_are_the_map_of_the_quantiles_and_the_mixture(lesson, t):
    p, q, slid, faded = room.piles(lesson["slide"], lesson["fade"], 6, t)
    u = (np.arange(20_000) + 0.5) / 20_000
    x, y, z = (np.interp(u, one.cumsum(), room.PLACES) for one in (p, q, slid))
    assert np.abs(z - (1 - t) * x - t * y).mean() < 0.01
    assert np.allclose(faded, (1 - t) * p + t * q) and abs(p @ room.PLACES + 3) < 1e-6


def test_samples_of_one_distribution_for_other_seeds(lesson):
    for dim, n, wanted, within in ((2, 10, 1.0, 0.35), (2, 100, 0.36, 0.05), (10, 100, 2.56, 0.06)):
        draws = [np.random.default_rng(seed).normal(size=(2, n, dim)) for seed in range(50, 66)]
        found = np.median([lesson["w_samples"](*both) for both in draws])
        assert found == pytest.approx(wanted, abs=within)


# ---- its panels


def words(view, **knobs):
    fig = Figure()
    view(fig, types.SimpleNamespace(**knobs))
    return " | ".join([*(ax.get_title(loc="left") or ax.get_title() for ax in fig.axes), fig.words])


def test_the_panels_say_what_is_not_allowed(lesson):
    view = room.parcels(lesson["x"], lesson["y"])
    assert "no plan, empty holes: 4, 5" in words(view, plan=(0, 1, 2, 3, 3, 0))
    assert "36.1 km" in words(view, plan=tuple(range(6)))
    view, dear = room.prices(lesson["p"], lesson["q"], 1.2), (1, -1, -1, -1, 0.5, 1, 0, -1)
    allowed = words(view, steps=dear)
    assert "income 1.20 of W1 = 1.20" in allowed and "refused" not in allowed
    assert "income 1.30 of W1 = 1.20, refused" in words(view, steps=(1.5, *dear[1:]))
    assert "income 0.00" in words(view, steps=(0,) * 8)


@pytest.mark.parametrize("theta, js", [(-0.7, 0.69), (0.05, 0.69), (0.0, 0)])
def test_two_segments(theta, js):
    assert f"W1 = {abs(theta):.2f}, JS = {js:.2f}" in words(room.segments, theta=theta)


# ---- its exercises


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
