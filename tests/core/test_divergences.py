"""The divergences against scipy, torch, brute force and closed forms; then the laws that they obey, over random cases."""

import dataclasses
import itertools
import math
import warnings

import numpy as np
import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from scipy.spatial.distance import jensenshannon

from gan_edu import divergences
from gan_edu.divergences import (
    cross_entropy,
    entropy,
    js_divergence,
    js_from_densities,
    kl_divergence,
    kl_from_densities,
    kl_gaussians,
    optimal_transport,
    total_variation,
    wasserstein_1d,
    wasserstein_gaussians,
)

pytestmark = pytest.mark.filterwarnings("error")
LOG2 = math.log(2)
for_all_cases = settings(derandomize=True, deadline=None, max_examples=80, database=None)


def close(value, rel=1e-9, abs=1e-12):
    return pytest.approx(value, rel=rel, abs=abs)


def random_pair(seed, shape=20):
    rng = np.random.default_rng(seed)
    p, q = rng.random(shape) ** 4, rng.random(shape) ** 4
    return p / p.sum(), q / q.sum()


# Probability vectors


@pytest.mark.parametrize("seed", range(5))
def test_probability_vectors_against_scipy(seed):
    p, q = random_pair(seed)
    assert entropy(p) == close(stats.entropy(p))
    assert kl_divergence(p, q) == close(stats.entropy(p, q))
    assert cross_entropy(p, q) == close(stats.entropy(p) + stats.entropy(p, q))
    assert js_divergence(p, q) == close(jensenshannon(p, q) ** 2)
    assert total_variation(p, q) == close(max(abs(p - q)[p > q].sum(), abs(p - q)[p < q].sum()))


def test_by_hand():
    p, q = [0.5, 0.5, 0.0], [0.25, 0.25, 0.5]
    assert entropy(p) == close(LOG2)
    assert cross_entropy(p, q) == close(2 * LOG2)
    assert kl_divergence(p, q) == close(LOG2)
    assert kl_divergence(q, p) == cross_entropy(q, p) == math.inf
    # m = (3/8, 3/8, 1/4): (log(4/3) + log(2/3) / 2 + log(2) / 2) / 2
    assert js_divergence(p, q) == close((math.log(4 / 3) + math.log(2 / 3) / 2 + LOG2 / 2) / 2)
    assert total_variation(p, q) == close(0.5)


def test_disjoint_and_identical():
    assert js_divergence([1, 0], [0, 1]) == close(LOG2)
    assert total_variation([1, 0], [0, 1]) == 1
    assert kl_divergence([1, 0], [0, 1]) == math.inf
    for n in range(1, 60):  # some of these sums are rounded up
        p = np.array([1 / n] * n + [0] * 7)
        q = np.array([0] * n + [1 / 7] * 7)
        assert 1 - 1e-15 < total_variation(p, q) <= 1
        assert LOG2 - 1e-15 < js_divergence(p, q) <= LOG2
    for p in ([1], [0.3, 0.7], [0.1] * 10, [1, 5e-324, 0]):
        assert kl_divergence(p, p) == js_divergence(p, p) == total_variation(p, p) == 0
        assert math.copysign(1, cross_entropy([1], [1])) == math.copysign(1, entropy([1])) == 1, (
            "no -0.0"
        )


def test_the_smallest_numbers():
    tiny = 5e-324  # half of it is 0
    assert js_divergence([1, tiny], [1, 0]) == 0
    assert kl_divergence([1, tiny], [1, 0]) == math.inf
    assert kl_divergence([0.5, 0.5], [1, tiny]) == close(-0.5 * math.log(tiny) - LOG2)


def test_small_divergences_keep_their_digits():
    # by the series: KL = Σ (p - q)^2 / (2 q) up to terms of order 3, JS is a quarter of it
    p, q = np.array([0.5, 0.5]), np.array([0.5 + 2.0**-20, 0.5 - 2.0**-20])
    assert kl_divergence(p, q) == close(2 * 2.0**-40, rel=1e-4, abs=0)
    assert js_divergence(p, q) == close(0.5 * 2.0**-40, rel=1e-4, abs=0)


@pytest.mark.parametrize("function", [kl_divergence, js_divergence, cross_entropy, total_variation])
def test_any_shape_and_number_type(function):
    p, q = np.array([1, 2, 3, 2]) / 8, np.array([3, 1, 2, 2]) / 8
    known = function(p, q)
    assert type(known) is float
    for change in (
        list,
        tuple,
        np.float32,
        torch.tensor,
        lambda x: torch.tensor(x).float(),
        lambda x: x.reshape(2, 2),
    ):
        assert function(change(p), change(q)) == known
    assert function([1, 0], [1, 0]) == 0


def test_the_tolerance_of_the_sum_is_divided_out():
    p, q = random_pair(0)
    assert kl_divergence(p * (1 + 9e-7), q * (1 - 9e-7)) == close(kl_divergence(p, q))
    assert entropy([1 + 9e-7]) == 0
    with pytest.raises(ValueError, match="sum"):
        entropy([1 + 1.1e-6])
    with pytest.raises(ValueError, match="sum"):
        entropy([1 - 1.1e-6])


# Gaussians on the line


GAUSSIANS = [
    (0, 1, 0, 1),
    (0, 1, 2, 1),
    (0, 1, 0, 3),
    (-1.5, 0.2, 2, 4),
    (3, 2.5, -1, 0.7),
    (4, 0.5, 4.1, 0.6),
]


@pytest.mark.parametrize("parameters", GAUSSIANS)
def test_kl_of_gaussians_against_torch_and_quadrature(parameters):
    mu_p, sigma_p, mu_q, sigma_q = parameters
    values = torch.tensor(parameters, dtype=torch.float64)
    p, q = torch.distributions.Normal(*values[:2]), torch.distributions.Normal(*values[2:])
    assert kl_gaussians(*parameters) == close(torch.distributions.kl_divergence(p, q).item())
    p, q = stats.norm(mu_p, sigma_p), stats.norm(mu_q, sigma_q)
    integral, _ = integrate.quad(
        lambda x: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)), mu_p - 12 * sigma_p, mu_p + 12 * sigma_p
    )
    assert kl_gaussians(*parameters) == close(integral, abs=1e-9)


def test_kl_of_gaussians_by_hand():
    assert kl_gaussians(0, 1, 40, 1) == 800
    assert kl_gaussians(0, 1, 0, math.e) == close(1 + (math.exp(-2) - 1) / 2)
    assert kl_gaussians(0, 1e-200, 0, 1e200) == close(400 * math.log(10) - 0.5)
    assert kl_gaussians(0, 1e200, 0, 1e-200) == math.inf


@pytest.mark.parametrize("order", [1, 1.5, 2, 2.5, 3, 7.3])
@pytest.mark.parametrize("parameters", GAUSSIANS)
def test_wasserstein_of_gaussians_against_quadrature(parameters, order):
    mu_p, sigma_p, mu_q, sigma_q = parameters
    shift, width = mu_p - mu_q, sigma_p - sigma_q
    kink = [-shift / width] if width and abs(shift / width) < 15 else None
    integral, _ = integrate.quad(
        lambda z: abs(shift + width * z) ** order * stats.norm.pdf(z),
        -15,
        15,
        points=kink,
        epsabs=0,
        epsrel=1e-11,
        limit=200,
    )
    assert wasserstein_gaussians(*parameters, order=order) == close(integral ** (1 / order))


def test_wasserstein_of_gaussians_by_hand():
    assert wasserstein_gaussians(1, 5, 4, 1) == 5  # sqrt(3^2 + 4^2)
    assert wasserstein_gaussians(0, 1, 0, 3, order=1) == close(2 * math.sqrt(2 / math.pi))
    folded_normal = 3 * math.sqrt(2 / math.pi) * math.exp(-2 / 9) + 2 * math.erf(
        2 / 3 / math.sqrt(2)
    )
    assert wasserstein_gaussians(2, 4, 0, 1, order=1) == close(folded_normal)
    for order in (1, 2, 3.5, 1e3):
        assert wasserstein_gaussians(-1, 2, 4, 2, order=order) == 5
        assert wasserstein_gaussians(-1, 0, 4, 0, order=order) == 5
        assert wasserstein_gaussians(3, 2, 3, 2, order=order) == 0
        assert wasserstein_gaussians(7, 1e-12, 0, 0, order=order) == close(7)


@pytest.mark.parametrize("order", [2, 4, 10, 40, 100, 1000])
@pytest.mark.parametrize("shift", [0, 1, 3, 10, 30, 100, 10**4, 10**8])
def test_high_orders_against_whole_numbers(order, shift):
    # E (shift + Z)^order for an even order, by the binomial formula, exactly
    moment = sum(
        math.comb(order, 2 * k) * shift ** (order - 2 * k) * math.prod(range(1, 2 * k, 2))
        for k in range(order // 2 + 1)
    )
    known = math.exp(math.log(moment) / order)
    assert wasserstein_gaussians(shift, 2, 0, 1, order=order) == close(known)
    assert wasserstein_gaussians(0, 1e-6, shift * 1e-6, 2e-6, order=order) == close(
        known * 1e-6, abs=0
    )


# Densities on a grid


LINE = np.linspace(-60, 60, 4001)
UNEVEN = np.sinh(np.linspace(-6, 6, 8001)) / 3.4  # from -60 to 60, dense around 0


@pytest.mark.parametrize("grid", [LINE, UNEVEN], ids=["even", "uneven"])
@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("parameters", GAUSSIANS)
def test_densities_of_gaussians(parameters, log, grid):
    p, q = stats.norm(*parameters[:2]), stats.norm(*parameters[2:])
    p, q = (p.logpdf, q.logpdf) if log else (p.pdf, q.pdf)
    tolerance = 1e-9 if grid is LINE else 1e-4
    assert kl_from_densities(p, q, grid, log=log) == close(kl_gaussians(*parameters), rel=tolerance)
    assert kl_from_densities(p(grid), list(q(grid)), grid, log=log) == kl_from_densities(
        p, q, grid, log=log
    )
    assert kl_from_densities(p, p, grid, log=log) == js_from_densities(q, q, grid, log=log) == 0


def test_densities_that_underflow():
    p, q, narrow = stats.norm(0, 1), stats.norm(40, 1), stats.norm(0, 0.1)
    assert kl_from_densities(p.pdf, p.pdf, np.linspace(-1000, 1000, 40001)) == 0
    assert kl_from_densities(p.logpdf, q.logpdf, LINE, log=True) == close(800, abs=1e-6)
    assert kl_from_densities(p.logpdf, q.logpdf, np.linspace(-1e4, 1e4, 400001), log=True) == close(
        800, abs=1e-6
    )
    assert js_from_densities(p.logpdf, q.logpdf, LINE, log=True) == close(LOG2)
    assert js_from_densities(p.pdf, q.pdf, LINE) == close(LOG2)
    # q is 0 beyond ±3.9, where p has 1e-4: infinite, as far as the values say; the log densities know better
    assert kl_from_densities(p.pdf, narrow.pdf, LINE) == math.inf
    assert kl_from_densities(p.logpdf, narrow.logpdf, LINE, log=True) == close(
        kl_gaussians(0, 1, 0, 0.1)
    )
    # q is 0 beyond ±9.7, where p has 4e-22: ignored
    assert kl_from_densities(p.pdf, stats.norm(0, 0.25).pdf, LINE) == close(
        kl_gaussians(0, 1, 0, 0.25)
    )


def test_densities_that_are_0():
    def uniform(low, high):
        return lambda x: np.where((x >= low) & (x <= high), 1 / (high - low), 0)

    grid = (np.arange(60000) + 0.5) / 10000 - 1  # from -1 to 5; no point on a jump
    assert kl_from_densities(uniform(1, 2), uniform(0, 4), grid) == close(2 * LOG2)
    assert kl_from_densities(uniform(0, 4), uniform(1, 2), grid) == math.inf
    assert js_from_densities(uniform(0, 1), uniform(3, 4), grid) == close(LOG2)
    # half of each is shared: 0 there, log 2 elsewhere
    assert js_from_densities(uniform(0, 2), uniform(1, 3), grid) == close(LOG2 / 2)
    with np.errstate(divide="ignore"):
        assert kl_from_densities(
            *np.log([uniform(1, 2)(grid), uniform(0, 4)(grid)]), grid, log=True
        ) == close(2 * LOG2)
        # a log density of -inf is meant, however little p has there
        p, q = stats.norm(2, 0.2).logpdf, lambda x: np.log(uniform(0.2, 3.8)(x))
        assert kl_from_densities(p, q, grid, log=True) == math.inf
        assert math.isfinite(kl_from_densities(stats.norm(2, 0.2).pdf, uniform(0.2, 3.8), grid))


@pytest.mark.parametrize(
    "pair", [(stats.laplace(), stats.norm(1, 2)), (stats.logistic(), stats.norm(-1, 3))]
)
def test_other_densities_against_quadrature(pair):
    p, q = pair
    grid = np.linspace(-300, 300, 200001)
    kl, _ = integrate.quad(
        lambda x: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)), -30, 30, points=[0], limit=500
    )
    assert kl_from_densities(p.logpdf, q.logpdf, grid, log=True) == close(kl, rel=1e-4)

    def js_integrand(x):
        a, b = p.pdf(x), q.pdf(x)
        return (a * np.log(2 * a / (a + b)) + b * np.log(2 * b / (a + b))) / 2

    js, _ = integrate.quad(js_integrand, -30, 30, points=[0], limit=500)
    assert js_from_densities(p.pdf, q.pdf, grid) == close(js, rel=1e-4)
    assert js_from_densities(q.logpdf, p.logpdf, grid, log=True) == close(js, rel=1e-4)


def test_what_is_off_by_little_is_divided_out():
    p, q = stats.norm(0, 1), stats.norm(1, 1)
    known = kl_from_densities(p.pdf, q.pdf, LINE)
    assert kl_from_densities(1.0009 * p.pdf(LINE), 0.9991 * q.pdf(LINE), LINE) == close(known)
    assert kl_from_densities(p.logpdf(LINE) + 9e-4, q.logpdf(LINE), LINE, log=True) == close(known)


# Samples on the line


@pytest.mark.parametrize("sizes", [(1, 1), (1, 7), (5, 5), (6, 4), (13, 100), (1000, 999)])
def test_samples_against_scipy(sizes):
    rng = np.random.default_rng(sum(sizes))
    x, y = rng.normal(size=sizes[0]), 2 * rng.normal(size=sizes[1]) + 1
    assert wasserstein_1d(x, y) == close(stats.wasserstein_distance(x, y))
    assert wasserstein_1d(np.round(x), np.round(y)) == close(
        stats.wasserstein_distance(np.round(x), np.round(y))
    )
    assert type(wasserstein_1d(x, y)) is float


@pytest.mark.parametrize("order", [1, 1.5, 2, 5])
@pytest.mark.parametrize("sizes", [(4, 4), (6, 4), (3, 11)])
def test_samples_against_the_linear_programme(sizes, order):
    rng = np.random.default_rng(sum(sizes))
    n, m = sizes
    x, y = rng.normal(size=n), 2 * rng.normal(size=m) + 1
    best = optimal_transport(np.ones(n) / n, np.ones(m) / m, np.abs(x[:, None] - y) ** order)
    assert wasserstein_1d(x, y, order=order) == close(best.cost ** (1 / order))


def test_samples_by_hand():
    assert wasserstein_1d([0, 0], [3, 4]) == 3.5
    assert wasserstein_1d([0, 0], [3, 4], order=2) == close(math.sqrt(12.5))
    assert wasserstein_1d([0, 1, 2], [1, 1]) == close(2 / 3)
    assert wasserstein_1d([0, 1, 2], [1, 1], order=3) == close((2 / 3) ** (1 / 3))
    assert wasserstein_1d([5], [5.0]) == 0
    column = torch.tensor([[2.0], [0.0], [7.0]])
    assert wasserstein_1d(column, [0, 2, 8]) == close(1 / 3)
    # no power overflows or underflows
    assert wasserstein_1d([0, 1e-200], [1e-200, 3e-200], order=2) == close(
        math.sqrt(2.5) * 1e-200, abs=0
    )
    assert wasserstein_1d([0, 0], [1e200, 2e200], order=1000) == close(2e200 * 0.5**0.001)
    assert wasserstein_1d([0], [1e300], order=1e6) == 1e300


def test_many_samples():
    # quantiles of two Gaussians: close to the closed form
    x = stats.norm(0, 1).ppf((np.arange(100_000) + 0.5) / 100_000)
    y = stats.norm(3, 2).ppf((np.arange(70_001) + 0.5) / 70_001)
    for order in (1, 2, 3):
        assert wasserstein_1d(x, y, order=order) == close(
            wasserstein_gaussians(0, 1, 3, 2, order=order), rel=1e-3
        )


# Optimal transport


def check_plan(a, b, cost, result):
    """Assert the margins, that no plan is cheaper (the potentials are the proof), and how the potentials are chosen."""
    a, b, cost = np.asarray(a, float), np.asarray(b, float), np.asarray(cost, float)
    a, b = a / a.sum(), b / b.sum()
    f, g = result.potentials
    size = max(np.abs(cost).max(), 1e-290)  # 1e-9 of the smallest floats would round to 0
    assert result.plan.shape == cost.shape and f.shape == a.shape and g.shape == b.shape
    assert result.plan.min() >= 0
    np.testing.assert_allclose(result.plan.sum(axis=1), a, rtol=0, atol=1e-9)
    np.testing.assert_allclose(result.plan.sum(axis=0), b, rtol=0, atol=1e-9)
    assert result.cost == close((result.plan * cost).sum(), abs=1e-12 * size)
    assert (f[:, None] + g - cost).max() <= 1e-12 * size
    assert f @ a + g @ b == close(result.cost, rel=0, abs=1e-8 * size)
    assert f[0] == 0
    np.testing.assert_allclose(f, (cost - g).min(axis=1), rtol=0, atol=1e-12 * size)
    np.testing.assert_allclose(g, (cost - f[:, None]).min(axis=0), rtol=0, atol=1e-12 * size)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("scale", [1, 1e-6, 1e6, -1])
def test_transport_against_all_permutations(n, scale):
    rng = np.random.default_rng(n)
    cost = scale * rng.random((n, n))
    best = min(cost[range(n), order].sum() / n for order in itertools.permutations(range(n)))
    result = optimal_transport(np.ones(n) / n, np.ones(n) / n, cost)
    assert result.cost == close(best, abs=0)
    check_plan(np.ones(n), np.ones(n), cost, result)


@pytest.mark.parametrize("shape", [(1, 4), (3, 1), (2, 3), (3, 3), (4, 3)])
def test_transport_against_all_vertices(shape):
    n, m = shape
    rng = np.random.default_rng(n * m)
    a, b, cost = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m)), rng.normal(size=shape)
    margins = np.vstack([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])[1:]
    best = math.inf
    for chosen in itertools.combinations(
        range(n * m), n + m - 1
    ):  # a vertex uses n + m - 1 cells at most
        basis = margins[:, chosen]
        if abs(np.linalg.det(basis)) > 0.5:  # it is 0, 1 or -1
            flow = np.linalg.solve(basis, np.append(a, b)[1:])
            if flow.min() > -1e-12:
                best = min(best, flow @ cost.ravel()[list(chosen)])
    result = optimal_transport(a, b, cost)
    assert result.cost == close(best)
    check_plan(a, b, cost, result)


def test_transport_by_hand():
    result = optimal_transport([0.75, 0.25], [0.5, 0.5], [[0, 2], [2, 0]])
    np.testing.assert_allclose(result.plan, [[0.5, 0.25], [0, 0.25]], atol=1e-12)
    assert result.cost == close(0.5)
    assert type(result.cost) is float
    f, g = result.potentials
    np.testing.assert_allclose(f, [0, -2])
    np.testing.assert_allclose(g, [0, 2])
    assert result != optimal_transport([0.75, 0.25], [0.5, 0.5], [[0, 2], [2, 0]]), (
        "compared as objects, not by entries"
    )
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.cost = 0


@pytest.mark.parametrize(
    "cost",
    [
        np.zeros((3, 3)),
        np.full((3, 3), -7.0),
        1e9 + np.arange(9).reshape(3, 3),
        1e-300 * np.eye(3),
        1e300 * np.eye(3),
    ],
)
@pytest.mark.parametrize("a", [[0.2, 0.3, 0.5], [0, 1, 0], [0.5, 0, 0.5], [1e-12, 1 - 1e-12, 0]])
def test_transport_with_zeros_and_odd_costs(a, cost):
    for b in ([0.5, 0.5, 0], [0, 0, 1], a):
        check_plan(a, b, cost, optimal_transport(a, b, cost))


def test_transport_of_weights_and_costs_of_every_size():
    # a starts with 0: were its first sum the one left out, the others would have to fit by themselves, to the last digit
    rng = np.random.default_rng(0)
    for _ in range(60):
        a, b, cost = (
            np.append(0, rng.random(30) ** 5),
            rng.random(40) ** 30,
            10 ** rng.uniform(-12, 0, (31, 40)),
        )
        a, b = a / a.sum(), b / b.sum()
        for x, y, c in ((a, b, cost), (b, a, cost.T)):
            result = optimal_transport(x, y, c)
            check_plan(x, y, c, result)
            f, g = result.potentials
            assert f @ x + g @ y == close(result.cost, rel=0, abs=1e-10)
            np.testing.assert_allclose(result.plan.sum(axis=1), x, rtol=0, atol=1e-11)
            np.testing.assert_allclose(result.plan.sum(axis=0), y, rtol=0, atol=1e-11)


@pytest.mark.parametrize(("n", "order"), [(100, 1), (100, 2), (200, 1)])
def test_transport_of_histograms_on_the_line(n, order):
    x = np.linspace(0, 1, n)
    a, b = np.exp(-((x - 0.3) ** 2) / 0.01), np.exp(-((x - 0.7) ** 2) / 0.01)  # down to 1e-21
    a, b = a / a.sum(), b / b.sum()
    cost = abs(x[:, None] - x) ** order
    result = optimal_transport(a, b, cost)
    check_plan(a, b, cost, result)
    np.testing.assert_allclose(result.plan.sum(axis=1), a, rtol=0, atol=1e-12)
    np.testing.assert_allclose(result.plan.sum(axis=0), b, rtol=0, atol=1e-12)
    if order == 1:
        assert result.cost == close(stats.wasserstein_distance(x, x, a, b))


def test_transport_in_the_plane():
    rng = np.random.default_rng(0)
    x, shift = rng.normal(size=(100, 2)), np.array([3.0, 4.0])
    squared = ((x[:, None] - (x + shift)[None]) ** 2).sum(-1)
    result = optimal_transport(np.ones(100) / 100, np.ones(100) / 100, squared)
    assert result.cost == close(25)  # a shift is the optimal map
    np.testing.assert_allclose(result.plan, np.eye(100) / 100, atol=1e-12)
    check_plan(np.ones(100), np.ones(100), squared, result)


def test_large_transport_warns():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimal_transport(np.ones(100) / 100, np.ones(1000) / 1000, np.zeros((100, 1000)))
    with pytest.warns(
        UserWarning, match=r"100 x 1001 points.*100,100 unknowns.* 2 s and 130 MB.*wasserstein_1d"
    ) as caught:
        optimal_transport(np.ones(100) / 100, np.ones(1001) / 1001, np.zeros((100, 1001)))
    assert caught[0].filename == __file__, "the warning points at the caller's line"


def test_a_solver_that_gives_up_is_heard(monkeypatch):
    failed = type("Result", (), {"success": False, "message": "time limit"})
    monkeypatch.setattr(divergences, "linprog", lambda *args, **kwargs: failed)
    with pytest.raises(RuntimeError, match="time limit"):
        optimal_transport([1], [1], [[1]])


# Laws, over random cases


def vectors(count):
    """Return a strategy for `count` probability vectors of one size, with zeros, ties and very small entries."""
    entry = st.one_of(st.just(0.0), st.floats(0.01, 1), st.sampled_from([0.5, 1.0, 1e-9, 1e-300]))

    def of_size(n):
        one = (
            st.lists(entry, min_size=n, max_size=n)
            .filter(lambda x: sum(x) > 1e-3)
            .map(lambda x: np.array(x) / sum(x))
        )
        return st.tuples(*[one] * count)

    return st.integers(1, 8).flatmap(of_size)


samples = st.lists(st.one_of(st.floats(-1e3, 1e3), st.integers(-3, 3)), min_size=1, max_size=12)
orders = st.one_of(st.sampled_from([1, 2]), st.floats(1, 10))


@for_all_cases
@given(vectors(2))
def test_laws_of_kl_js_and_total_variation(pair):
    p, q = pair
    kl, js, tv = kl_divergence(p, q), js_divergence(p, q), total_variation(p, q)
    assert kl >= 0 and 0 <= js <= LOG2 and 0 <= tv <= 1
    assert js == js_divergence(q, p) and tv == total_variation(q, p)
    assert kl_divergence(p, p) == js_divergence(p, p) == total_variation(p, p) == 0
    if tv > 1e-6:
        assert kl > 0 and js > 0
    assert tv <= math.sqrt(kl / 2) + 1e-7  # Pinsker; the root of a rounding error of 1e-16 is 1e-8
    assert (
        tv**2 / 2 - 1e-12 <= js <= LOG2 * tv + 1e-12
    )  # Lin (1991) above; Pinsker for p and m, q and m below
    assert cross_entropy(p, q) == close(entropy(p) + kl)
    assert 0 <= entropy(p) <= math.log(len(p)) + 1e-12
    m = (p + q) / 2
    assert js == close(entropy(m) - entropy(p) / 2 - entropy(q) / 2)


@for_all_cases
@given(vectors(3))
def test_triangle_inequalities(triple):
    p, q, r = triple
    for distance in (total_variation, lambda a, b: math.sqrt(js_divergence(a, b))):
        assert distance(p, r) <= distance(p, q) + distance(q, r) + 1e-7


@for_all_cases
@given(vectors(2), st.randoms(use_true_random=False))
def test_the_order_of_the_entries_does_not_matter(pair, random):
    p, q = pair
    order = list(range(len(p)))
    random.shuffle(order)
    for function in (kl_divergence, js_divergence, total_variation, cross_entropy):
        assert function(p[order], q[order]) == close(function(p, q))


@for_all_cases
@given(samples, samples, samples, orders, st.floats(-1e3, 1e3), st.floats(0.01, 100))
def test_laws_of_the_wasserstein_distance_of_samples(x, y, z, order, shift, scale):
    distance = wasserstein_1d(x, y, order=order)
    assert distance >= 0
    assert (
        distance
        == wasserstein_1d(y, x, order=order)
        == wasserstein_1d(x[::-1], sorted(y), order=order)
    )
    assert wasserstein_1d(x, x, order=order) == wasserstein_1d(x, x + x, order=order) == 0
    if len(x) == len(y):
        assert (distance > 0) == (sorted(x) != sorted(y))
        differences = np.abs(np.sort(x) - np.sort(y))
        assert distance == close(np.mean(differences**order) ** (1 / order), abs=1e-9)
    assert wasserstein_1d(np.array(x) + shift, np.array(y) + shift, order=order) == close(
        distance, abs=1e-9
    )
    assert wasserstein_1d(np.array(x) * scale, np.array(y) * scale, order=order) == close(
        distance * scale, abs=1e-9
    )
    assert (
        abs(np.mean(x) - np.mean(y)) - 1e-9
        <= distance
        <= np.abs(np.subtract.outer(x, y)).max() + 1e-9
    )
    assert distance <= wasserstein_1d(x, z, order=order) + wasserstein_1d(z, y, order=order) + 1e-9
    assert wasserstein_1d(x, y) <= distance + 1e-9  # W grows with the order
    assert wasserstein_1d(x, y) == close(stats.wasserstein_distance(x, y), abs=1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_plans_and_potentials_against_pot(seed):
    rng = np.random.default_rng(seed)
    n, m = rng.integers(2, 12, 2)
    a, b, cost = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m)), 5 * rng.random((n, m))
    plan, log = ot.emd(a, b, cost, log=True)
    result = optimal_transport(a, b, cost)
    assert result.cost == close(log["cost"], abs=1e-9)
    assert np.allclose(
        result.plan, plan, atol=1e-9
    )  # of random costs the best plan is the only one
    f, g = result.potentials
    assert f @ a + g @ b == close(log["u"] @ a + log["v"] @ b, abs=1e-9)


@for_all_cases
@given(samples, samples, st.sampled_from([1, 2]))
def test_samples_equal_the_linear_programme(x, y, order):
    n, m = len(x), len(y)
    cost = np.abs(np.subtract.outer(x, y)) ** order
    result = optimal_transport(np.ones(n) / n, np.ones(m) / m, cost)
    check_plan(np.ones(n), np.ones(m), cost, result)
    assert wasserstein_1d(x, y, order=order) ** order == close(
        result.cost, abs=1e-9 * max(1, cost.max())
    )


@for_all_cases
@given(
    vectors(1),
    vectors(1),
    st.randoms(use_true_random=False),
    st.sampled_from([1e-6, 1.0, 1e6]),
    st.floats(-10, 10),
)
def test_laws_of_optimal_transport(a, b, random, scale, offset):
    (a,), (b,) = a, b
    cost = np.array(
        [[scale * (random.choice([0, 1, random.random()]) + offset) for _ in b] for _ in a]
    )
    result = optimal_transport(a, b, cost)
    check_plan(a, b, cost, result)
    size = max(np.abs(cost).max(), 1e-290)  # 1e-9 of the smallest floats would round to 0
    order = list(range(len(a)))
    random.shuffle(order)
    assert optimal_transport(a[order], b, cost[order]).cost == close(result.cost, abs=1e-9 * size)
    assert optimal_transport(b, a, cost.T).cost == close(result.cost, abs=1e-9 * size)
    assert result.cost <= a @ cost @ b + 1e-9 * size  # a and b independent: a plan too


@for_all_cases
@given(vectors(2))
def test_transport_at_a_cost_of_one_is_total_variation(pair):
    p, q = pair
    assert optimal_transport(p, q, 1 - np.eye(len(p))).cost == close(
        total_variation(p, q), abs=1e-9
    )


@for_all_cases
@given(*[st.floats(-50, 50), st.floats(0.01, 50)] * 3, orders)
def test_laws_of_gaussians(mu_p, sigma_p, mu_q, sigma_q, mu_r, sigma_r, order):
    p, q, r = (mu_p, sigma_p), (mu_q, sigma_q), (mu_r, sigma_r)
    assert kl_gaussians(*p, *q) >= 0 == kl_gaussians(*p, *p)
    distance = wasserstein_gaussians(*p, *q, order=order)
    assert distance == wasserstein_gaussians(*q, *p, order=order)
    assert (distance > 0) == (p != q) and wasserstein_gaussians(*p, *p, order=order) == 0
    assert (
        distance
        <= wasserstein_gaussians(*p, *r, order=order)
        + wasserstein_gaussians(*r, *q, order=order)
        + 1e-9
    )
    assert abs(mu_p - mu_q) - 1e-9 <= wasserstein_gaussians(*p, *q, order=1) <= distance + 1e-9


# Bad input


BAD_VECTORS = [
    ([], r"at least one number, got shape \(0,\)"),
    (1.0, r"at least one number, got shape \(\)"),
    ([0.5, 0.7], r"sum to 1 \(within 1e-6\), its sum is 1.2"),
    ([0, 0], r"sum to 1 \(within 1e-6\), its sum is 0"),
    ([1.5, -0.5], "not be negative, its smallest entry is -0.5"),
    ([0.5, math.nan], "hold finite numbers, got nan"),
    ([math.inf, 0], "hold finite numbers, got inf"),
    ([-math.inf, 0], "hold finite numbers, got -inf"),
    ([0.5 + 0j, 0.5], "array of real numbers, got entries of type complex128"),
    (["a", "b"], "array of real numbers, got entries of type <U1"),
    ("ab", "array of real numbers, got entries of type <U2"),
    ([True, False], "array of real numbers, got entries of type bool"),
    ([None, 1.0], "array of real numbers, got entries of type object"),
    (None, "array of real numbers, got entries of type object"),
    ([[0.5], [0.25, 0.25]], "array of real numbers, got a list"),
    (
        torch.tensor([0.5, 0.5], requires_grad=True),
        "array of real numbers, got a Tensor: .*requires grad",
    ),
]
PAIRS = [kl_divergence, js_divergence, cross_entropy, total_variation]


@pytest.mark.parametrize(("value", "message"), BAD_VECTORS)
def test_bad_vectors_are_named(value, message):
    good = [0.5, 0.5]
    calls = [("p", entropy, (value,))]
    for function in PAIRS:
        calls += [("p", function, (value, good)), ("q", function, (good, value))]
    calls += [
        ("a", optimal_transport, (value, good, np.eye(2))),
        ("b", optimal_transport, (good, value, np.eye(2))),
    ]
    for name, function, arguments in calls:
        with pytest.raises(ValueError, match=f"^{name} must .*{message}"):
            function(*arguments)


@pytest.mark.parametrize("function", PAIRS)
def test_shapes_that_differ_are_named(function):
    with pytest.raises(
        ValueError,
        match=r"q must be a probability vector of the shape of p, \(3,\), got shape \(4,\)",
    ):
        function([0.5, 0.25, 0.25], [0.25] * 4)
    with pytest.raises(
        ValueError,
        match=r"q must be a probability vector of the shape of p, \(2, 2\), got shape \(4,\)",
    ):
        function([[0.25] * 2] * 2, [0.25] * 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((math.nan, 1, 0, 1), "mu_p must be a finite number, got nan"),
        ((0, 1, "x", 1), "mu_q must be a finite number, got 'x'"),
        ((0, -1, 0, 1), "sigma_p must be a finite number .*, got -1"),
        ((0, 1, 0, math.inf), "sigma_q must be a finite number .*, got inf"),
        ((0, 1, 0, [1, 2]), r"sigma_q must be a finite number .*, got \[1, 2\]"),
    ],
)
def test_bad_gaussians_are_named(arguments, message):
    for function in (kl_gaussians, wasserstein_gaussians):
        with pytest.raises(ValueError, match=message):
            function(*arguments)


def test_point_masses():
    with pytest.raises(ValueError, match="sigma_p must be a finite number above 0, got 0"):
        kl_gaussians(0, 0, 0, 1)
    with pytest.raises(ValueError, match="sigma_q must be a finite number above 0, got 0"):
        kl_gaussians(0, 1, 0, 0)
    assert wasserstein_gaussians(0, 0, 3, 4) == 5


@pytest.mark.parametrize("order", [0.99, 0, -1, math.inf, math.nan, None, "two"])
def test_bad_orders_are_named(order):
    with pytest.raises(ValueError, match="order must be a finite number at least 1, got"):
        wasserstein_gaussians(0, 1, 1, 1, order=order)
    with pytest.raises(ValueError, match="order must be a finite number at least 1, got"):
        wasserstein_1d([0], [1], order=order)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "at least one number"),
        (3.0, "at least one number"),
        ([[1, 2], [3, 4]], r"samples on the line, of shape \(n,\) or \(n, 1\), got shape \(2, 2\)"),
        ([[1, 2]], "samples on the line"),
        ([[[1]], [[2]]], "samples on the line"),
        ([1, math.nan], "finite numbers, got nan"),
        ([1j], "real numbers"),
        (["1"], "real numbers"),
    ],
)
def test_bad_samples_are_named(value, message):
    with pytest.raises(ValueError, match=f"^x must .*{message}"):
        wasserstein_1d(value, [0])
    with pytest.raises(ValueError, match=f"^y must .*{message}"):
        wasserstein_1d([0], value)


def gaussian(x):
    return stats.norm.pdf(x)


@pytest.mark.parametrize("function", [kl_from_densities, js_from_densities])
@pytest.mark.parametrize(
    ("p", "grid", "message"),
    [
        (
            gaussian,
            [0.0],
            r"grid must be increasing, of shape \(n,\) with n >= 2, got shape \(1,\)",
        ),
        (gaussian, [0.0, 2, 1], "grid must be increasing"),
        (gaussian, [0.0, 1, 1], "grid must be increasing"),
        (gaussian, [[0.0, 1], [2, 3]], "grid must be increasing"),
        (gaussian, [0.0, math.nan], "grid must hold finite numbers, got nan"),
        (gaussian, "grid", "grid must be an array of real numbers"),
        (
            gaussian,
            np.linspace(-2, 2, 100),
            r"p must integrate to 1 \(within 1e-3\).*integral is 0\.95\d+: the grid is too sh",
        ),
        (gaussian, np.linspace(-60, 60, 40), "p must integrate to 1"),
        (lambda x: 1.01 * gaussian(x), LINE, "p must integrate to 1 .* integral is 1.01"),
        (lambda x: 0.99 * gaussian(x), LINE, "p must integrate to 1 .* integral is 0.99"),
        (lambda x: 0 * x, LINE, "p must integrate to 1"),
        (
            lambda x: -gaussian(x),
            LINE,
            r"p must not be negative \(for log densities: log=True\), its minimum is -0.39",
        ),
        (lambda x: 1.0, LINE, r"p must be an array of at least one number, got shape \(\)"),
        (
            lambda x: gaussian(x)[:-1],
            LINE,
            r"p must give one number for each point of the grid, \(4001,\), got shape \(4000,",
        ),
        (lambda x: gaussian(x) * math.nan, LINE, "p must hold finite numbers, got nan"),
        (lambda x: np.full(x.shape, -math.inf), LINE, "p must hold finite numbers, got -inf"),
        (None, LINE, "p must be an array of real numbers"),
    ],
)
def test_bad_densities_are_named(function, p, grid, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        function(p, p, grid)
    if grid is LINE:
        with pytest.raises(ValueError, match=f"^q{message[1:]}"):
            function(gaussian, p, grid)


def test_bad_log_densities_are_named():
    with pytest.raises(ValueError, match=r"p must integrate to 1 .* or p is no log density"):
        kl_from_densities(gaussian, gaussian, LINE, log=True)
    with pytest.raises(ValueError, match="p must hold finite numbers, got inf"):
        kl_from_densities(lambda x: np.full(x.shape, math.inf), gaussian, LINE, log=True)
    with pytest.raises(ValueError, match=r"p must integrate to 1 .*, its integral is inf"):
        kl_from_densities(lambda x: 0 * x + 1000, gaussian, LINE, log=True)


@pytest.mark.parametrize(
    ("cost", "message"),
    [
        (
            np.eye(3),
            r"cost must have a row for each of a and a column for each of b, \(2, 3\), got shape \(3, 3\)",
        ),
        (np.zeros((3, 2)), r"\(2, 3\), got shape \(3, 2\)"),
        (np.zeros(6), r"got shape \(6,\)"),
        (1.0, r"got shape \(\)"),
        (np.full((2, 3), math.inf), "cost must hold finite numbers, got inf"),
        (np.full((2, 3), math.nan), "cost must hold finite numbers, got nan"),
        (np.full((2, 3), -1e301), r"cost must be at most 1e300 in size, got -1e\+301"),
        (np.zeros((2, 3), complex), "real numbers"),
    ],
)
def test_bad_costs_are_named(cost, message):
    with pytest.raises(ValueError, match=message):
        optimal_transport([0.5, 0.5], [0.5, 0.25, 0.25], cost)
    with pytest.raises(
        ValueError, match=r"a must be a probability vector of shape \(n,\), got shape \(1, 2\)"
    ):
        optimal_transport([[0.5, 0.5]], [0.5, 0.25, 0.25], np.zeros((2, 3)))
