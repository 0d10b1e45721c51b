"""Lesson 05: its formulas against brute force, scipy and POT, its checks, and what its prose says."""

import itertools
import types

import numpy as np
import ot
import pytest
import scipy.linalg
import scipy.stats
from matplotlib.figure import Figure
from scipy.optimize import linear_sum_assignment

from gan_edu import divergences
from gan_edu.lessons import l05_checks as checks
from gan_edu.lessons import l05_optimal_transport as room
from notebooks import definitions


@pytest.fixture(scope="module")
def lesson():
    return definitions("05")


def problem(seed, n, m):
    """Return (p, q, d): random masses and costs."""
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m)), rng.uniform(0, 5, (n, m))


def shortest(d):
    """Return the smallest sum over all permutations."""
    n = len(d)
    return min(d[range(n), plan].sum() for plan in itertools.permutations(range(n)))


# ---- on the line


@pytest.mark.parametrize("t", [0.0, 0.3, 0.5, 0.9, 1.0])
def test_the_films_are_the_map_of_the_quantiles_and_the_mixture(lesson, t):
    p, q, slid, faded = room.piles(lesson["slide"], lesson["fade"], 6, t)
    u = (np.arange(20_000) + 0.5) / 20_000
    x, y, z = (np.interp(u, one.cumsum(), room.PLACES) for one in (p, q, slid))
    assert np.abs(z - (1 - t) * x - t * y).mean() < 0.01
    assert np.allclose(faded, (1 - t) * p + t * q) and abs(p @ room.PLACES + 3) < 1e-6
    left = [lesson["w1_line"](now, q, 0.01) for now in (p, slid, faded)]
    assert left[1] == pytest.approx((1 - t) * left[0], abs=0.01)
    assert left[2] == pytest.approx((1 - t) * left[0], abs=1e-9)


def test_js_rewards_fading_at_once_and_sliding_late(lesson):
    def js(t):
        _, q, slid, faded = room.piles(lesson["slide"], lesson["fade"], 7, t)
        return divergences.js_divergence(slid, q), divergences.js_divergence(faded, q)

    assert js(0.05)[1] < 0.65 and min(js(t)[0] for t in (0.1, 0.2, 0.3, 0.4)) > 0.69
    assert 0.67 < js(0.5)[0] < 0.685


@pytest.mark.parametrize("seed", range(5))
def test_exchanging_the_goals_of_two_grains_in_reversed_order_costs_nothing(seed):
    for x, z, y, v in np.random.default_rng(seed).integers(0, 9, (200, 4)):
        (x, z), (y, v) = sorted((x, z)), sorted((y, v))  # kept in order: x to y, z to v
        before, after = abs(x - v) + abs(z - y), abs(x - y) + abs(z - v)
        assert after <= before
        if v > x and y < z and max(x, y) < min(z, v):  # they meet head-on
            assert after < before


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("order", [1, 1.5, 2, 3])
def test_the_sorted_plan_is_a_best_one(seed, order):
    x, y = np.random.default_rng(seed).normal(size=(2, 6))
    cost = np.abs(np.sort(x) - np.sort(y)) ** order
    assert cost.sum() == pytest.approx(shortest(np.abs(x[:, None] - y) ** order))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("h", [0.1, 1.0, 3.0])
def test_w1_on_the_line(lesson, seed, h):
    p, q, _ = problem(seed, 7, 7)
    places = h * np.arange(7)
    wanted = scipy.stats.wasserstein_distance(places, places, p, q)
    assert lesson["w1_line"](p, q, h) == pytest.approx(wanted)


# ---- plans


def test_greedy_and_best(lesson):
    d, greedy, best = (lesson[name] for name in ("d", "greedy", "best"))
    rows, columns = linear_sum_assignment(d)
    assert list(best) == list(columns) and lesson["length"](best) == pytest.approx(
        d[rows, columns].sum()
    )
    left, total = d.copy(), 0.0
    for _ in range(6):
        i, j = np.unravel_index(left.argmin(), left.shape)
        total, left[i], left[:, j] = total + left[i, j], np.inf, np.inf
    assert lesson["length"](greedy(d)) == pytest.approx(total)
    assert len(set(d.argmin(1))) < 6  # each to its nearest hole: no plan


def titles(view, knobs):
    fig = Figure()
    view(fig, types.SimpleNamespace(**knobs))
    return " | ".join(ax.get_title(loc="left") or ax.get_title() for ax in fig.axes), fig.words


def test_the_panels_say_what_is_not_allowed(lesson):
    view = room.parcels(lesson["x"], lesson["y"])
    assert "no plan, empty holes: 4, 5" in titles(view, dict(plan=(0, 1, 2, 3, 3, 0)))[0]
    assert "no plan, empty holes: 5" in titles(view, dict(plan=(0, 1, 2, 3, 4, 4)))[0]
    assert "36.1 km" in titles(view, dict(plan=tuple(range(6))))[0]
    view, best = room.prices(lesson["p"], lesson["q"], 1.2), (1, -1, -1, -1, 0.5, 1, 0, -1)
    assert "income 1.20 of W1 = 1.20" in titles(view, dict(steps=best))[0]
    assert "refused" not in titles(view, dict(steps=best))[1]
    assert "income 1.30 of W1 = 1.20, refused" in titles(view, dict(steps=(1.5, *best[1:])))[0]
    assert "income 0.00" in titles(view, dict(steps=(0,) * 8))[0]


def test_the_borders_of_the_price_panel_do_not_disturb_each_other(lesson):
    """From any steps, one step at a time, each raised as far as it may: the income becomes W1."""
    p, q = lesson["p"], lesson["q"]
    steps = np.random.default_rng(0).choice([-1, -0.5, 0, 0.5, 1], 8)
    for k in range(8):
        options = [np.r_[steps[:k], to, steps[k + 1 :]] for to in (-1, -0.5, 0, 0.5, 1)]
        steps = max(options, key=lambda one: np.r_[0, one.cumsum()] @ (p - q))
    assert np.r_[0, steps.cumsum()] @ (p - q) == pytest.approx(lesson["w1_line"](p, q, 1))
    assert lesson["w1_line"](p, q, 1) == pytest.approx(1.2)


@pytest.mark.parametrize("n, m", [(3, 4), (5, 2), (6, 6), (1, 3)])
def test_the_linear_programme(lesson, n, m):
    p, q, d = problem(n + m, n, m)
    result = lesson["transport"](p, q, d)
    found = divergences.optimal_transport(p, q, d)
    assert result.fun == pytest.approx(found.cost, abs=1e-7)
    plan = result.x.reshape(n, m)
    assert np.allclose(plan.sum(1), p) and np.allclose(plan.sum(0), q) and plan.min() >= -1e-9
    f, g = np.split(result.eqlin.marginals, [n])
    assert (f[:, None] + g <= d + 1e-7).all() and f @ p + g @ q == pytest.approx(result.fun)


@pytest.mark.parametrize("n, m", [(3, 4), (8, 8)])
def test_the_linear_programme_against_pot(lesson, n, m):
    p, q, d = problem(n, n, m)
    assert lesson["transport"](p, q, d).fun == pytest.approx(ot.emd2(p, q, d), abs=1e-7)


@pytest.mark.parametrize("seed", range(4))
def test_cutting_does_not_help_where_all_masses_are_equal(lesson, seed):
    _, _, d = problem(seed, 6, 6)
    even = np.full(6, 1 / 6)
    assert 6 * lesson["transport"](even, even, d).fun == pytest.approx(shortest(d))


def test_where_monge_has_no_best_plan():
    """2k pieces of a segment, sent left and right in turn and stretched: the mean distance is above 1, and tends to it."""

    def mean_distance(k):
        b = (np.arange(40_000) + 0.5) / 40_000
        piece, inside = np.divmod(b * 2 * k, 1)
        return np.hypot(1, (piece // 2 + inside) / k - b).mean()

    found = [mean_distance(k) for k in (1, 2, 4, 8, 16)]
    assert all(a > b > 1 for a, b in itertools.pairwise(found)) and found[-1] < 1.001


# ---- prices


@pytest.mark.parametrize("seed", range(6))
def test_one_list_is_enough(lesson, seed):
    """Any accepted f and g, at common places in the plane, are beaten or equalled by f_hat and -f_hat."""
    rng = np.random.default_rng(seed)
    places = rng.normal(size=(7, 2))
    d = np.linalg.norm(places[:, None] - places, axis=2)
    p, q, _ = problem(seed, 7, 7)
    f = rng.normal(size=7)
    g = (d - f[:, None]).min(0) - rng.exponential(0.3, 7)
    hat = (d - g).min(1)
    assert (hat >= f - 1e-12).all() and (-hat >= g - 1e-12).all()
    assert (hat[:, None] - hat <= d + 1e-12).all()
    assert f @ p + g @ q <= hat @ (p - q) + 1e-12 <= lesson["transport"](p, q, d).fun + 1e-6


@pytest.mark.parametrize("seed", range(4))
def test_the_best_list_on_the_line(lesson, seed):
    p, q, _ = problem(seed, 8, 8)
    w1 = scipy.stats.wasserstein_distance(range(8), range(8), p, q)
    f = np.r_[0, -np.sign((p - q).cumsum()[:-1]).cumsum()]  # the rule of the page
    assert f @ (p - q) == pytest.approx(w1)
    for slope in (0.5, 1, 2):
        assert lesson["best_income"](p, q, slope) == pytest.approx(slope * w1)


@pytest.mark.parametrize("seed", range(3))
def test_a_carrier_learns_by_supergradients(lesson, seed):
    p, q, d = problem(seed, 5, 6)
    cost = divergences.optimal_transport(p, q, d).cost
    assert 0.98 * cost < lesson["learned_income"](p, q, d) <= cost + 1e-9


# ---- segments and samples


@pytest.mark.parametrize("theta", [-0.7, 0.05, 0.4])
def test_two_segments(lesson, theta):
    b = (np.arange(400) + 0.5) / 400
    for width in (0.04, 0.02, 0.01):  # of boxes that are narrower than theta
        edges = np.arange(-1, 1.2, width) - width / 3, np.linspace(0, 1, 9)
        p, q = (np.histogram2d(0 * b + a, b, edges)[0].ravel() / 400 for a in (0, theta))
        assert divergences.js_divergence(p, q) == pytest.approx(np.log(2))
    few, even = b[::40], np.full(10, 0.1)
    d = np.hypot(theta, few[:, None] - few)
    assert lesson["transport"](even, even, d).fun == pytest.approx(abs(theta))
    title, words = titles(room.segments, dict(theta=theta))
    assert f"W1 = {abs(theta):.2f}, JS = 0.69" in title and f"θ = {theta:.2f}" in words
    assert "W1 = 0.00, JS = 0.00" in titles(room.segments, dict(theta=0.0))[0]


@pytest.mark.parametrize("r", [1, 2, 3])
@pytest.mark.parametrize("n, dim", [(6, 1), (6, 2), (7, 5)])
def test_w_of_samples(lesson, n, dim, r):
    x, y = np.random.default_rng(n + dim).normal(size=(2, n, dim))
    d = np.linalg.norm(x[:, None] - y, axis=2)
    assert lesson["w_samples"](x, y, r) == pytest.approx((shortest(d**r) / n) ** (1 / r))
    if dim == 1 and r == 1:
        wanted = scipy.stats.wasserstein_distance(x[:, 0], y[:, 0])
        assert lesson["w_samples"](x, y) == pytest.approx(wanted)


@pytest.mark.parametrize("r", [1, 2])
def test_w_of_samples_against_pot(lesson, r):
    x, y = np.random.default_rng(0).normal(size=(2, 40, 3))
    cost = ot.dist(x, y, "euclidean") ** r
    assert lesson["w_samples"](x, y, r) == pytest.approx(ot.emd2([], [], cost) ** (1 / r))


def test_samples_of_one_distribution_for_other_seeds(lesson):
    for dim, n, wanted, within in ((2, 10, 1.0, 0.35), (2, 100, 0.36, 0.05), (10, 100, 2.56, 0.06)):
        draws = [np.random.default_rng(seed).normal(size=(2, n, dim)) for seed in range(50, 66)]
        found = np.median([lesson["w_samples"](*both) for both in draws])
        assert found == pytest.approx(wanted, abs=within)


def test_the_table_of_samples():
    table = room.medians({(2, 10): [1.0, 3.0, 2.0], (2, 1000): [0.5, 0.5]})
    assert "<td>dimension 2, n = 10</td><td>2.00</td><td>1.00 to 3.00</td>" in table
    assert "n = 1,000" in table and "0.50 to 0.50" in table


# ---- blurred plans, and Gaussians


@pytest.mark.parametrize("epsilon", [0.3, 1.0, 10.0])
def test_sinkhorn(lesson, epsilon):
    p, q, d = problem(1, 5, 4)
    gamma = lesson["sinkhorn"](p, q, d, epsilon)
    assert np.allclose(gamma.sum(0), q) and np.allclose(gamma.sum(1), p, atol=1e-6)

    def blurred(gamma):
        return (gamma * d).sum() + epsilon * scipy.special.xlogy(gamma, gamma).sum()

    rng = np.random.default_rng(0)
    for _ in range(50):  # no coupling nearby is better
        i, j = rng.permutation(5)[:2], rng.permutation(4)[:2]
        step = np.zeros((5, 4))
        step[np.ix_(i, j)] = [[1, -1], [-1, 1]]
        size = 0.3 * min(gamma[i[0], j[1]], gamma[i[1], j[0]])
        assert blurred(gamma + size * step) > blurred(gamma)


def test_sinkhorn_against_pot(lesson):
    p, q, d = problem(2, 6, 5)
    wanted = ot.sinkhorn(p, q, d, 0.5, numItermax=5000, stopThr=1e-12)
    assert np.allclose(lesson["sinkhorn"](p, q, d, 0.5), wanted, atol=1e-7)


@pytest.mark.parametrize("gaussians", [(0, 1, 0, 2), (1, 0.5, -2, 1.5)])
def test_w2_of_gaussians(gaussians):
    mu_p, sigma_p, mu_q, sigma_q = gaussians
    u = (np.arange(200_000) + 0.5) / 200_000
    x, y = scipy.stats.norm.ppf(u, mu_p, sigma_p), scipy.stats.norm.ppf(u, mu_q, sigma_q)
    wanted = (mu_p - mu_q) ** 2 + (sigma_p - sigma_q) ** 2
    assert np.square(x - y).mean() == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize("seed", range(3))
def test_w2_of_gaussians_in_many_dimensions(seed):
    """The straight map x -> A x carries one covariance to the other, and its mean squared distance is the formula."""
    A = np.random.default_rng(seed).normal(size=(2, 4, 4))
    one, two = (part @ part.T + np.eye(4) for part in A)
    root = scipy.linalg.sqrtm(one)
    back = np.linalg.inv(root)
    carry = back @ scipy.linalg.sqrtm(root @ two @ root) @ back
    assert np.allclose(carry @ one @ carry.T, two) and np.linalg.eigvalsh(carry).min() > 0
    moved = carry - np.eye(4)
    formula = np.trace(one + two - 2 * scipy.linalg.sqrtm(one @ two))
    assert np.trace(moved @ one @ moved.T) == pytest.approx(formula)


# ---- its exercises


@pytest.mark.parametrize(
    "answer, hint",
    [
        (lambda p, q, h: h * np.abs(np.cumsum(p - q)).sum(), "Right"),
        (
            lambda p, q, h: h * sum(abs(p[:k].sum() - q[:k].sum()) for k in range(1, len(p))),
            "Right",
        ),
        (lambda p, q, h: ..., "still a blank"),
        (lambda p, q, h: h * np.cumsum(p - q).sum(), "must be paid for as well"),
        (lambda p, q, h: h * abs(np.cumsum(p - q).sum()), "distance of the two means"),
        (lambda p, q, h: h * np.cumsum(np.abs(p - q)).sum(), "first add up"),
        (lambda p, q, h: h * np.abs(p - q).sum(), "heights place by place"),
        (lambda p, q, h: np.abs(np.cumsum(p - q)).sum(), "carries the earth on by h"),
        (lambda p, q, h: h * np.abs(np.cumsum(p - q)).mean(), "Yours is a mean"),
        (lambda p, q, h: h * np.maximum(np.cumsum(p - q), 0).sum(), "you have left out"),
        (lambda p, q, h: h * np.abs(np.cumsum(p - q)), "must be one number"),
    ],
)
def test_each_wrong_w1_gets_its_own_hint(answer, hint, capsys):
    assert checks.check_w1_line(answer) is (hint == "Right")
    assert hint in capsys.readouterr().out


@pytest.mark.parametrize(
    "answer, hint",
    [
        ([[0.5, 0, 0], [0, 0, 0.5], [0, 0, 0]], "Right"),
        (np.array([[0.5, 0, 0], [0, -1e-17, 0.5], [0, 0, 0]]), "Right"),
        (np.outer([0.5, 0.5, 0], [0.5, 0, 0.5]), "a mean distance of 1. There is a shorter"),
        ([[0, 0, 0.5], [0.5, 0, 0], [0, 0, 0]], "a mean distance of 1.5. There is a shorter"),
        ([[..., ..., ...]] * 3, "still a blank"),
        ([[0.5, 0, 0], [0, 0, ...], [0, 0, 0]], "still a blank"),
        ([[0.5, 0], [0, 0.5]], "of the shape (3, 3)"),
        ([[0.5, 0], [0, 0, 0.5]], "of the shape (3, 3)"),
        ([[0.5, np.nan, 0], [0, 0, 0.5], [0, 0, 0]], "finite numbers"),
        ("γ", "finite numbers"),
        (None, "finite numbers"),
        ([[0.5, 0, 0], [0, 0, 0], [0, 0.5, 0]], "are exchanged"),
        ([[1, 0, -0.5], [-0.5, 0, 1], [0, 0, 0]], "an entry is negative"),
        ([[0.5, 0, 0], [0, 0, 0], [0, 0, 0.5]], "what leaves the piles"),
        ([[0.5, 0, 0], [0, 0.5, 0], [0, 0, 0]], "what arrives"),
    ],
)
def test_each_wrong_coupling_gets_its_own_hint(answer, hint, capsys):
    assert checks.check_coupling(answer) is (hint == "Right")
    assert hint in capsys.readouterr().out


def piles_first(n, m):
    return np.repeat(np.eye(n), m, axis=1)


def holes(n, m):
    return np.hstack([np.eye(m)] * n)


def programme(c=np.ravel, conditions=(piles_first, holes), b=lambda p, q: [*p, *q], **more):
    """A learner's linear programme."""

    def transport(p, q, d):
        A = np.vstack([one(*d.shape) for one in conditions])
        return scipy.optimize.linprog(c(d), A_eq=A, b_eq=b(p, q), **more)

    return transport


def with_milp(p, q, d):
    A = np.vstack([piles_first(*d.shape), holes(*d.shape)])
    sums = scipy.optimize.LinearConstraint(A, [*p, *q], [*p, *q])
    return scipy.optimize.milp(d.ravel(), constraints=sums)


@pytest.mark.parametrize(
    "answer, hint",
    [
        (programme(), "Right"),
        (lambda p, q, d: None, "returns nothing yet"),
        (lambda p, q, d: scipy.optimize.linprog(..., A_eq=..., b_eq=...), "still a blank"),
        (lambda p, q, d: ..., "still a blank"),
        (lambda p, q, d: programme()(p, q, d).fun, "return all that linprog returns"),
        (lambda p, q, d: programme()(p, q, d).x, "return all that linprog returns"),
        (programme(conditions=[piles_first], b=lambda p, q: p), "column sums are missing"),
        (programme(c=lambda d: d.T.ravel()), "flatten d row by row"),
        (
            programme(conditions=(lambda n, m: holes(m, n), lambda n, m: piles_first(m, n))),
            "read γ column by column",
        ),
        (lambda p, q, d: programme()(p / p.sum(), q / q.sum(), d), "take p and q as they are"),
        (programme(b=lambda p, q: [*q, *p]), "in the same order"),
        (programme(conditions=(piles_first, lambda n, m: piles_first(m, n))), "Print `columns`"),
        (programme(bounds=(None, None)), "γ may not be negative"),
        (with_milp, "should get 7 conditions"),
        (
            programme(
                conditions=(piles_first, lambda n, m: holes(n, m)[1:]),
                b=lambda p, q: [*p, *q[1:]],
            ),
            "should get 7 conditions",
        ),
        (
            programme(conditions=(holes, piles_first), b=lambda p, q: [*q, *p]),
            "the piles should come first",
        ),
        (programme(c=lambda d: d), "your code stops with ValueError"),
        (programme(c=lambda d: -d.ravel()), "it should be"),
    ],
)
def test_each_wrong_programme_gets_its_own_hint(answer, hint, capsys):
    assert checks.check_transport(answer) is (hint == "Right")
    assert hint in capsys.readouterr().out


@pytest.mark.parametrize(
    "answer, hint",
    [
        (([0, 2, 1], [1, 2, 4]), "Right"),
        (([1, 3, 5], [0, 1, 0]), "Right"),
        (([..., ..., ...], [..., ..., ...]), "still a blank"),
        (([0, 2, 1], [1, 2, ...]), "still a blank"),
        (([0, 2, 1], [1, 2, np.inf]), "finite numbers of the shape (2, 3)"),
        (([0, 2, 1], [1, 2]), "finite numbers of the shape (2, 3)"),
        (([0, 2, 1], [1, 2, 4 - 5e-10]), "Right"),
        (([0, 2, 1], [2, 2, 4]), "refused: f[0] + g[0] is 2, more than the 1 km"),
        (([0, 0, 0], [0, 0, 0]), "Each of the nine sums is below its distance"),
        (([0, 2, 1], [1, 2, 3]), "Look at pile 2"),
        (([0, 2, 1], [1, 1, 4]), "Look at pile 0"),
        (([0, 1, 1], [1, 2, 4]), "Look at pile 1"),
    ],
)
def test_each_wrong_price_list_gets_its_own_hint(answer, hint, capsys):
    assert checks.check_prices(answer) is (hint == "Right")
    assert hint in capsys.readouterr().out


def by(pick):
    """A learner's W of two samples; pick: (distances, their r-th powers, r) -> a number."""

    def w_samples(x, y, r=1):
        d = np.sqrt(((x[:, None] - y) ** 2).sum(2))
        return pick(d, d**r, r)

    return w_samples


def best(costs):
    return linear_sum_assignment(costs)


def one_by_one(d, c, r):
    left, found = d.copy(), []
    for _ in d:
        i, j = np.unravel_index(left.argmin(), left.shape)
        found.append(d[i, j] ** r)
        left[i], left[:, j] = np.inf, np.inf
    return np.mean(found) ** (1 / r)


@pytest.mark.parametrize(
    "answer, hint",
    [
        (by(lambda d, c, r: c[best(c)].mean() ** (1 / r)), "Right"),
        (by(lambda d, c, r: ...), "still a blank"),
        (by(lambda d, c, r: d), "must be one number"),
        (by(lambda d, c, r: c[best(c)]), "must be one number"),
        (by(lambda d, c, r: c[best(c)].sum() ** (1 / r)), "Each point weighs 1/n"),
        (by(lambda d, c, r: c[best(c)].mean()), "the root of order r"),
        (by(lambda d, c, r: d[best(d)].mean()), "that is W1"),
        (by(lambda d, c, r: c[best(d)].mean() ** (1 / r)), "the best plan depends on r"),
        (by(lambda d, c, r: d[best(c)].mean()), "The mean is that of the r-th powers"),
        (by(lambda d, c, r: c.mean() ** (1 / r)), "the mean over all pairs"),
        (by(lambda d, c, r: c.diagonal().mean() ** (1 / r)), "need not go to point k"),
        (by(lambda d, c, r: c.min(1).mean() ** (1 / r)), "each point of x goes to its nearest"),
        (by(lambda d, c, r: c.min(0).mean() ** (1 / r)), "each point of y comes from its nearest"),
        (by(one_by_one), "the greedy plan"),
    ],
)
def test_each_wrong_w_of_samples_gets_its_own_hint(answer, hint, capsys):
    assert checks.check_w_samples(answer) is (hint == "Right")
    assert hint in capsys.readouterr().out


def blurring(K=lambda d, e: np.exp(-d / e), turns=500, first="alpha", turned=np.transpose):
    """A learner's algorithm of Sinkhorn."""

    def sinkhorn(p, q, d, epsilon):
        kernel = K(d, epsilon)
        alpha, beta = np.ones(len(p)), np.ones(len(q))
        for _ in range(turns):
            if first == "alpha":
                alpha = p / (kernel @ beta)
            beta = q / (turned(kernel) @ alpha)
            if first == "beta":
                alpha = p / (kernel @ beta)
        return np.diag(alpha) @ kernel @ np.diag(beta)

    return sinkhorn


@pytest.mark.parametrize(
    "answer, hint",
    [
        (blurring(), "Right"),
        (blurring(first="beta"), "Right"),
        (lambda p, q, d, e: ..., "still a blank"),
        (blurring(K=lambda d, e: np.exp(d / e)), "exp of *minus* d / ε"),
        (blurring(K=lambda d, e: np.exp(-d * e)), "divided by ε"),
        (blurring(turns=1), "the row sums are not p yet"),
        (blurring(turns=1, first="beta"), "the column sums are not q yet"),
        (blurring(turned=np.array), "there K must be transposed"),
        (lambda p, q, d, e: p, "must have shape (3, 3)"),
    ],
)
def test_each_wrong_sinkhorn_gets_its_own_hint(answer, hint, capsys):
    assert checks.check_sinkhorn(answer) is (hint == "Right")
    assert hint in capsys.readouterr().out
