"""Lesson 05: its formulas against brute force, scipy and POT, and what its panels say."""

import itertools
import types

import numpy as np
import ot
import pytest
import scipy.stats
from matplotlib.figure import Figure

from gan_edu import divergences
from gan_edu.lessons import l05_optimal_transport as room
from gan_edu.metrics import wasserstein_samples
from notebooks import definitions


@pytest.fixture(scope="module")
def lesson():
    return definitions("05")


def problem(seed, n, m):
    """Return (p, q, d): random masses and costs."""
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m)), rng.uniform(0, 5, (n, m))


# ---- its functions


@pytest.mark.parametrize("t", [0.0, 0.3, 0.9, 1.0])
def test_the_films_are_the_map_of_the_quantiles_and_the_mixture(lesson, t):
    p, q, slid, faded = room.piles(lesson["slide"], lesson["fade"], 6, t)
    u = (np.arange(20_000) + 0.5) / 20_000
    x, y, z = (np.interp(u, one.cumsum(), room.PLACES) for one in (p, q, slid))
    assert np.abs(z - (1 - t) * x - t * y).mean() < 0.01
    assert np.allclose(faded, (1 - t) * p + t * q) and abs(p @ room.PLACES + 3) < 1e-6


@pytest.mark.parametrize("seed", range(5))
def test_w1_on_the_line(lesson, seed):
    p, q, _ = problem(seed, 7, 7)
    places = 0.3 * np.arange(7)
    wanted = scipy.stats.wasserstein_distance(places, places, p, q)
    assert lesson["w1_line"](p, q, 0.3) == pytest.approx(wanted)


@pytest.mark.parametrize("n, m", [(3, 4), (5, 2), (6, 6), (1, 3)])
def test_the_linear_programme(lesson, n, m):
    p, q, d = problem(n + m, n, m)
    result = lesson["transport"](p, q, d)
    assert result.fun == pytest.approx(divergences.optimal_transport(p, q, d).cost, abs=1e-7)
    assert result.fun == pytest.approx(ot.emd2(p, q, d), abs=1e-7)
    plan = result.x.reshape(n, m)
    assert np.allclose(plan.sum(1), p) and np.allclose(plan.sum(0), q) and plan.min() >= -1e-9
    f, g = np.split(result.eqlin.marginals, [n])
    assert (f[:, None] + g <= d + 1e-7).all() and f @ p + g @ q == pytest.approx(result.fun)


@pytest.mark.parametrize("n, dim, r", [(6, 1, 1), (6, 2, 2), (7, 5, 1), (7, 5, 3)])
def test_w_of_samples(lesson, n, dim, r):
    x, y = np.random.default_rng(n + dim).normal(size=(2, n, dim))
    cost = np.linalg.norm(x[:, None] - y, axis=2) ** r
    least = min(cost[range(n), plan].mean() for plan in itertools.permutations(range(n)))
    assert lesson["w_samples"](x, y, r) == pytest.approx(least ** (1 / r))
    if r == 1:
        assert lesson["w_samples"](x, y) == pytest.approx(wasserstein_samples(x, y))


def test_samples_of_one_distribution_for_other_seeds(lesson):
    for dim, n, wanted, within in ((2, 10, 1.0, 0.35), (2, 100, 0.36, 0.05), (10, 100, 2.56, 0.06)):
        draws = [np.random.default_rng(seed).normal(size=(2, n, dim)) for seed in range(50, 66)]
        found = np.median([lesson["w_samples"](*both) for both in draws])
        assert found == pytest.approx(wanted, abs=within)


def test_sinkhorn_against_pot(lesson):
    p, q, d = problem(2, 6, 5)
    wanted = ot.sinkhorn(p, q, d, 0.5, numItermax=5000, stopThr=1e-12)
    assert np.allclose(lesson["sinkhorn"](p, q, d, 0.5), wanted, atol=1e-7)


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
