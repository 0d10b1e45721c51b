"""The divergences against scipy, torch, POT and closed forms; then laws that they obey, over random cases."""

import math

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
PAIRS = [kl_divergence, js_divergence, cross_entropy, total_variation]
for_all_cases = settings(derandomize=True, deadline=None, max_examples=60, database=None)


def close(value, rel=1e-9, abs=1e-12):
    return pytest.approx(value, rel=rel, abs=abs)


# ---- probability vectors


@pytest.mark.parametrize("seed", range(3))
def test_probability_vectors_against_scipy(seed):
    rng = np.random.default_rng(seed)
    p, q = (w / w.sum() for w in rng.random((2, 20)) ** 4)
    with_zeros = np.where(p > 0.02, p, 0) / p[p > 0.02].sum()
    for a, b in ((p, q), (with_zeros, q), (q, with_zeros)):
        assert entropy(a) == close(stats.entropy(a))
        assert kl_divergence(a, b) == close(stats.entropy(a, b))
        assert cross_entropy(a, b) == close(stats.entropy(a) + stats.entropy(a, b))
        assert js_divergence(a, b) == close(jensenshannon(a, b) ** 2)
    assert total_variation(p, q) == close(max(abs(p - q)[p > q].sum(), abs(p - q)[p < q].sum()))
    assert kl_divergence(p * (1 + 9e-7), q * (1 - 9e-7)) == close(kl_divergence(p, q))


def test_disjoint_and_identical():
    for n in range(1, 60):  # some of these sums are rounded up
        p, q = np.array([1 / n] * n + [0] * 7), np.array([0] * n + [1 / 7] * 7)
        assert 1 - 1e-15 < total_variation(p, q) <= 1 and kl_divergence(p, q) == math.inf
        assert LOG2 - 1e-15 < js_divergence(p, q) <= LOG2
    for p in ([1], [0.3, 0.7], [0.1] * 10, [1, 5e-324, 0]):
        assert kl_divergence(p, p) == js_divergence(p, p) == total_variation(p, p) == 0
    assert math.copysign(1, cross_entropy([1], [1])) == math.copysign(1, entropy([1])) == 1


def test_the_smallest_numbers():
    tiny = 5e-324  # half of it is 0
    assert js_divergence([1, tiny], [1, 0]) == 0 and kl_divergence([1, tiny], [1, 0]) == math.inf
    assert kl_divergence([0.5, 0.5], [1, tiny]) == close(-0.5 * math.log(tiny) - LOG2)
    # by the series: KL = Σ (p - q)^2 / (2 q) up to terms of order 3, JS is a quarter of it
    p, q = np.array([0.5, 0.5]), np.array([0.5 + 2.0**-20, 0.5 - 2.0**-20])
    assert kl_divergence(p, q) == close(2 * 2.0**-40, rel=1e-4, abs=0)
    assert js_divergence(p, q) == close(0.5 * 2.0**-40, rel=1e-4, abs=0)


@pytest.mark.parametrize("function", PAIRS)
def test_any_shape_and_number_type(function):
    p, q = np.array([1, 2, 3, 2]) / 8, np.array([3, 1, 2, 2]) / 8
    known = function(p, q)
    assert type(known) is float
    for change in (list, np.float32, torch.tensor, lambda x: x.reshape(2, 2)):
        assert function(change(p), change(q)) == known
    assert function([1, 0], [1, 0]) == 0


# ---- Gaussians on the line

GAUSSIANS = [(0, 1, 0, 1), (0, 1, 2, 1), (0, 1, 0, 3), (-1.5, 0.2, 2, 4), (3, 2.5, -1, 0.7), (4, 0.5, 4.1, 0.6)]  # fmt: skip


@pytest.mark.parametrize("parameters", GAUSSIANS)
def test_gaussians_against_torch_and_quadrature(parameters):
    mu_p, sigma_p, mu_q, sigma_q = parameters
    values = torch.tensor(parameters, dtype=torch.float64)
    p, q = torch.distributions.Normal(*values[:2]), torch.distributions.Normal(*values[2:])
    assert kl_gaussians(*parameters) == close(torch.distributions.kl_divergence(p, q).item())
    shift, width = mu_p - mu_q, sigma_p - sigma_q
    kink = [-shift / width] if width and abs(shift / width) < 15 else None
    for order in (1, 2):
        integral, _ = integrate.quad(
            lambda z, order=order: abs(shift + width * z) ** order * stats.norm.pdf(z),
            -15, 15, points=kink, epsabs=0, epsrel=1e-11, limit=200,
        )  # fmt: skip
        assert wasserstein_gaussians(*parameters, order=order) == close(integral ** (1 / order))


def test_gaussians_by_hand():
    assert kl_gaussians(0, 1, 40, 1) == 800
    assert kl_gaussians(0, 1e-200, 0, 1e200) == close(400 * math.log(10) - 0.5)
    assert wasserstein_gaussians(1, 5, 4, 1) == 5  # sqrt(3^2 + 4^2)
    assert wasserstein_gaussians(0, 0, 3, 4) == 5  # a point mass
    assert wasserstein_gaussians(0, 1, 0, 3, order=1) == close(2 * math.sqrt(2 / math.pi))
    for order in (1, 2):
        assert wasserstein_gaussians(-1, 2, 4, 2, order) == 5
        assert wasserstein_gaussians(3, 2, 3, 2, order) == 0
        assert wasserstein_gaussians(7, 1e-200, 0, 0, order) == 7


# ---- densities on a grid

LINE = np.linspace(-60, 60, 4001)
UNEVEN = np.sinh(np.linspace(-6, 6, 8001)) / 3.4  # from -60 to 60, dense around 0


@pytest.mark.parametrize("grid", [LINE, UNEVEN], ids=["even", "uneven"])
@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("parameters", GAUSSIANS)
def test_densities_of_gaussians(parameters, log, grid):
    p, q = stats.norm(*parameters[:2]), stats.norm(*parameters[2:])
    p, q = (p.logpdf, q.logpdf) if log else (p.pdf, q.pdf)
    tolerance = 1e-9 if grid is LINE else 1e-4
    found = kl_from_densities(p, q, grid, log=log)
    assert found == close(kl_gaussians(*parameters), rel=tolerance)
    assert found == kl_from_densities(p(grid), list(q(grid)), grid, log=log)
    assert kl_from_densities(p, p, grid, log=log) == js_from_densities(q, q, grid, log=log) == 0


def test_densities_that_underflow():
    p, q, narrow = stats.norm(0, 1), stats.norm(40, 1), stats.norm(0, 0.1)
    assert kl_from_densities(p.logpdf, q.logpdf, LINE, log=True) == close(800, abs=1e-6)
    assert js_from_densities(p.logpdf, q.logpdf, LINE, log=True) == close(LOG2)
    assert js_from_densities(p.pdf, q.pdf, LINE) == close(LOG2)
    # narrow is 0 beyond ±3.9, where p has 1e-4: infinite, as far as the values say; the log densities know better
    assert kl_from_densities(p.pdf, narrow.pdf, LINE) == math.inf
    known = close(kl_gaussians(0, 1, 0, 0.1))
    assert kl_from_densities(p.logpdf, narrow.logpdf, LINE, log=True) == known
    # q is 0 beyond ±9.7, where p has 4e-22: ignored
    known = close(kl_gaussians(0, 1, 0, 0.25))
    assert kl_from_densities(p.pdf, stats.norm(0, 0.25).pdf, LINE) == known


def test_densities_that_are_0():
    def uniform(low, high):
        return lambda x: np.where((x >= low) & (x <= high), 1 / (high - low), 0)

    grid = (np.arange(60000) + 0.5) / 10000 - 1  # from -1 to 5; no point on a jump
    assert kl_from_densities(uniform(1, 2), uniform(0, 4), grid) == close(2 * LOG2)
    assert kl_from_densities(uniform(0, 4), uniform(1, 2), grid) == math.inf
    # half of each is shared: 0 there, log 2 elsewhere
    assert js_from_densities(uniform(0, 2), uniform(1, 3), grid) == close(LOG2 / 2)
    p, q = stats.norm(2, 0.2), uniform(0.2, 3.8)
    assert math.isfinite(kl_from_densities(p.pdf, q, grid))
    with np.errstate(divide="ignore"):  # a log density of -inf is meant, however little p has there
        assert kl_from_densities(p.logpdf, lambda x: np.log(q(x)), grid, log=True) == math.inf


def test_other_densities_against_quadrature_and_what_is_off_by_little():
    p, q, grid = stats.laplace(), stats.norm(1, 2), np.linspace(-300, 300, 200001)

    def js_integrand(x):
        a, b = p.pdf(x), q.pdf(x)
        return (a * np.log(2 * a / (a + b)) + b * np.log(2 * b / (a + b))) / 2

    kl, js = (
        integrate.quad(function, -30, 30, points=[0], limit=500)[0]
        for function in (lambda x: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)), js_integrand)
    )
    assert kl_from_densities(p.logpdf, q.logpdf, grid, log=True) == close(kl, rel=1e-4)
    assert js_from_densities(p.pdf, q.pdf, grid) == close(js, rel=1e-4)
    assert js_from_densities(q.logpdf, p.logpdf, grid, log=True) == close(js, rel=1e-4)
    off = 1.0009 * p.pdf(grid), 0.9991 * q.pdf(grid)
    assert kl_from_densities(*off, grid) == close(kl_from_densities(p.pdf, q.pdf, grid))


# ---- samples on the line


@pytest.mark.parametrize("sizes", [(1, 1), (1, 7), (6, 4), (13, 100), (1000, 999)])
def test_samples_against_scipy_and_the_linear_programme(sizes):
    rng = np.random.default_rng(sum(sizes))
    x, y = rng.normal(size=sizes[0]), 2 * rng.normal(size=sizes[1]) + 1
    assert wasserstein_1d(x, y) == close(stats.wasserstein_distance(x, y))
    if sum(sizes) < 20:
        weights = np.ones(sizes[0]) / sizes[0], np.ones(sizes[1]) / sizes[1]
        for order in (1, 1.5, 5):
            best = optimal_transport(*weights, np.abs(x[:, None] - y) ** order)
            assert wasserstein_1d(x, y, order) == close(best.cost ** (1 / order))


def test_samples_by_hand():
    assert wasserstein_1d([0, 0], [3, 4]) == 3.5
    assert wasserstein_1d([0, 1, 2], [1, 1], order=3) == close((2 / 3) ** (1 / 3))
    assert wasserstein_1d(torch.tensor([[2.0], [0.0], [7.0]]), [0, 2, 8]) == close(1 / 3)
    small = [0, 1e-200], [1e-200, 3e-200]  # no power underflows
    assert wasserstein_1d(*small, order=2) == close(math.sqrt(2.5) * 1e-200, abs=0)


# ---- optimal transport


def check_plan(a, b, cost, result):
    """The plan has the right sums, and the potentials prove that it is optimal."""
    a, b = np.asarray(a) / np.sum(a), np.asarray(b) / np.sum(b)
    size, (f, g) = max(np.abs(cost).max(), 1e-290), result.potentials
    assert result.plan.shape == cost.shape and result.plan.min() >= 0
    np.testing.assert_allclose(result.plan.sum(axis=1), a, rtol=0, atol=1e-9)
    np.testing.assert_allclose(result.plan.sum(axis=0), b, rtol=0, atol=1e-9)
    assert result.cost == close((result.plan * cost).sum(), abs=1e-12 * size)
    assert (f[:, None] + g - cost).max() <= 1e-12 * size and f[0] == 0
    assert f @ a + g @ b == close(result.cost, rel=0, abs=1e-8 * size)
    np.testing.assert_allclose(f, (cost - g).min(axis=1), rtol=0, atol=1e-12 * size)
    np.testing.assert_allclose(g, (cost - f[:, None]).min(axis=0), rtol=0, atol=1e-12 * size)


@pytest.mark.parametrize("seed", range(4))
def test_plans_and_potentials_against_pot(seed):
    rng = np.random.default_rng(seed)
    n, m = rng.integers(2, 12, 2)
    a, b, cost = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m)), 5 * rng.random((n, m))
    plan, log = ot.emd(a, b, cost, log=True)
    result = optimal_transport(a, b, cost)
    assert result.cost == close(log["cost"], abs=1e-9)
    np.testing.assert_allclose(result.plan, plan, atol=1e-9)  # of random costs the only one
    check_plan(a, b, cost, result)


@pytest.mark.parametrize("a", [[0.2, 0.3, 0.5], [0, 1, 0], [1e-12, 1 - 1e-12, 0]])
def test_transport_with_zeros_and_odd_costs(a):
    for cost in (np.zeros((3, 3)), 1e9 + np.arange(9).reshape(3, 3), 1e-300 * np.eye(3)):
        for b in ([0.5, 0.5, 0], [0, 0, 1], a):
            check_plan(a, b, cost, optimal_transport(a, b, cost))


def test_transport_of_weights_and_costs_of_every_size():
    # a starts with 0: were its first sum the one left out, the others would have to fit by themselves, to the last digit
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = np.append(0, rng.random(30) ** 5), rng.random(40) ** 30
        a, b, cost = a / a.sum(), b / b.sum(), 10 ** rng.uniform(-12, 0, (31, 40))
        for x, y, c in ((a, b, cost), (b, a, cost.T)):
            result = optimal_transport(x, y, c)
            check_plan(x, y, c, result)
            np.testing.assert_allclose(result.plan.sum(axis=1), x, rtol=0, atol=1e-11)


def test_large_transport_warns(monkeypatch):
    monkeypatch.setattr(divergences, "LARGE_TRANSPORT", 6)
    optimal_transport(np.ones(2) / 2, np.ones(3) / 3, np.zeros((2, 3)))  # a warning is an error
    with pytest.warns(UserWarning, match="7 points is a linear programme with 7 unk") as caught:
        optimal_transport([1], np.ones(7) / 7, np.zeros((1, 7)))
    assert caught[0].filename == __file__  # it points at the caller's line


# ---- laws, over random cases


def vectors(count):
    """Return a strategy for `count` probability vectors of one size, with zeros, ties and very small entries."""
    entry = st.one_of(st.just(0.0), st.floats(0.01, 1), st.sampled_from([0.5, 1.0, 1e-9, 1e-300]))

    def of_size(n):
        lists = st.lists(entry, min_size=n, max_size=n).filter(lambda x: sum(x) > 1e-3)
        return st.tuples(*[lists.map(lambda x: np.array(x) / sum(x))] * count)

    return st.integers(1, 8).flatmap(of_size)


samples = st.lists(st.one_of(st.floats(-1e3, 1e3), st.integers(-3, 3)), min_size=1, max_size=12)


@for_all_cases
@given(vectors(3))
def test_laws_of_kl_js_and_total_variation(triple):
    p, q, r = triple
    kl, js, tv = kl_divergence(p, q), js_divergence(p, q), total_variation(p, q)
    assert kl >= 0 and js == js_divergence(q, p) and tv == total_variation(q, p)
    assert tv <= 1e-6 or (kl > 0 and js > 0)
    assert tv <= math.sqrt(kl / 2) + 1e-7  # Pinsker; the root of a rounding error of 1e-16 is 1e-8
    assert tv**2 / 2 - 1e-12 <= js <= LOG2 * tv + 1e-12  # Lin (1991)
    assert cross_entropy(p, q) == close(entropy(p) + kl)
    assert js == close(entropy((p + q) / 2) - entropy(p) / 2 - entropy(q) / 2)
    assert optimal_transport(p, q, 1 - np.eye(len(p))).cost == close(tv, abs=1e-9)
    for distance in (total_variation, lambda a, b: math.sqrt(js_divergence(a, b))):
        assert distance(p, r) <= distance(p, q) + distance(q, r) + 1e-7


@for_all_cases
@given(samples, samples, samples, st.floats(1, 10), st.floats(-1e3, 1e3), st.floats(0.01, 100))
def test_laws_of_the_wasserstein_distance_of_samples(x, y, z, order, shift, scale):
    def distance(x, y):
        return wasserstein_1d(x, y, order=order)

    found = distance(x, y)
    assert found == distance(y, x) == distance(x[::-1], sorted(y)) and distance(x, x + x) == 0
    assert distance(np.array(x) + shift, np.array(y) + shift) == close(found, abs=1e-9)
    assert distance(np.array(x) * scale, np.array(y) * scale) == close(found * scale, abs=1e-9)
    assert abs(np.mean(x) - np.mean(y)) - 1e-9 <= wasserstein_1d(x, y) <= found + 1e-9
    assert found <= distance(x, z) + distance(z, y) + 1e-9


# ---- bad input

BAD_VECTORS = [
    ([], r"at least one real number, got float64 of shape \(0,\)"),
    ([0.5, 0.7], r"sum to 1 \(within 1e-6\), its sum is 1.2"),
    ([1.5, -0.5], "not be negative, its smallest entry is -0.5"),
    ([0.5, math.nan], "hold finite numbers, got nan"),
    ("ab", "at least one real number, got <U2"),
    ([[0.5], [0.25, 0.25]], "be an array of numbers, got a list"),
    (torch.tensor([0.5, 0.5], requires_grad=True), "be an array of numbers, got a Tensor: .*grad"),
]


@pytest.mark.parametrize("value, message", BAD_VECTORS)
def test_bad_vectors_are_named(value, message):
    good = [0.5, 0.5]
    calls = [("p", entropy, (value,)), ("a", optimal_transport, (value, good, np.eye(2)))]
    calls += [("p", function, (value, good)) for function in PAIRS]
    calls += [("q", function, (good, value)) for function in PAIRS]
    for name, function, arguments in calls:
        with pytest.raises(ValueError, match=f"^{name} must .*{message}"):
            function(*arguments)


@pytest.mark.parametrize("call, message", [
    *[(lambda f=f: f([0.5, 0.5], [0.25] * 4), r"p and q must have the same shape, got \(2,\) and \(4,\)") for f in PAIRS],
    (lambda: kl_gaussians(math.nan, 1, 0, 1), "mu_p must be a finite number, got nan"),
    (lambda: kl_gaussians(0, 1, 0, 0), "sigma_q must be a finite number above 0, got 0"),
    (lambda: wasserstein_gaussians(0, -1, 0, 1), "sigma_p must be a finite number at least 0, got -1"),
    (lambda: wasserstein_gaussians(0, 1, 0, 1, 3), "order must be 1 or 2, got 3"),
    (lambda: wasserstein_1d([0], [1], order=0.9), "order must be a finite number at least 1, got 0.9"),
    (lambda: wasserstein_1d([[1, 2], [3, 4]], [0]), r"x must be samples on the line, .* got shape \(2, 2\)"),
    (lambda: wasserstein_1d([0], [1, math.nan]), "y must hold finite numbers, got nan"),
    (lambda: optimal_transport([0.5, 0.5], [0.5, 0.25, 0.25], np.eye(3)), r"got \(2,\), \(3,\) and \(3, 3\)"),
    (lambda: optimal_transport([[0.5, 0.5]], [1], np.eye(2)), r"a, b and cost must have shapes \(n,\), \(m,\) and \(n, m\)"),
    (lambda: optimal_transport([1], [1], [[math.inf]]), "cost must hold finite numbers, got inf"),
])  # fmt: skip
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def bell(x):
    return stats.norm.pdf(x)


@pytest.mark.parametrize("function", [kl_from_densities, js_from_densities])
@pytest.mark.parametrize("p, grid, message", [
    (bell, [0.0], r"grid must be increasing, of shape \(n,\) with n >= 2, got shape \(1,\)"),
    (bell, [0.0, 2, 1], "grid must be increasing"),
    (bell, np.linspace(-2, 2, 100), r"p must integrate to 1 \(within 1e-3\).*integral is 0\.95\d+: the grid is too sh"),
    (lambda x: 1.01 * bell(x), LINE, "p must integrate to 1 .* integral is 1.01"),
    (lambda x: -bell(x), LINE, r"p must not be negative \(unless log=True\), its minimum is -0.39"),
    (lambda x: bell(x)[:-1], LINE, r"p must give one number for each point of the grid, \(4001,\), got shape \(4000,"),
    (lambda x: np.full(x.shape, -math.inf), LINE, "p must hold finite numbers, got -inf"),
])  # fmt: skip
def test_bad_densities_are_named(function, p, grid, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        function(p, p, grid)


@pytest.mark.parametrize("p, message", [
    (bell, r"p must integrate to 1 .* or p is no log density"),
    (lambda x: np.full(x.shape, math.inf), "p must hold finite numbers, got inf"),
    (lambda x: 0 * x + 1000, r"p must integrate to 1 .*, its integral is inf"),
])  # fmt: skip
def test_bad_log_densities_are_named(p, message):
    with pytest.raises(ValueError, match=message):
        kl_from_densities(p, stats.norm.logpdf, LINE, log=True)
