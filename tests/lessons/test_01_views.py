"""The views of lesson 01: their numbers against scipy or a hand computation, their pictures against their numbers."""

import itertools

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from gan_edu import divergences
from gan_edu.first_edition.explore import Explorer
from gan_edu.lessons import l01_distances as divergence_views
from gan_edu.lessons.l01_distances import (
    DualView,
    FitView,
    GaussianPairView,
    HistogramView,
    ParallelLinesView,
    PlaygroundView,
    TransportView,
)

VIEWS = [
    GaussianPairView,
    FitView,
    HistogramView,
    ParallelLinesView,
    TransportView,
    PlaygroundView,
    DualView,
]


@pytest.fixture
def explore():
    opened = []

    def explore(view):
        opened.append(Explorer(view, name="test"))
        return opened[-1]

    yield explore
    for explorer in opened:
        explorer.close()


@pytest.mark.parametrize("make_view", VIEWS)
def test_every_slider_button_and_preset_from_end_to_end(explore, make_view):
    explorer = explore(make_view())
    pictures = set()

    def look():
        assert "alert" not in explorer._words.value, explorer._words.value
        assert (
            60 < len(explorer._screen.description) < 600
            and "nan" not in explorer._screen.description
        )
        pictures.add(explorer._screen.picture)

    look()
    for control in explorer._controls.values():
        options = getattr(control, "options", None)
        if options:
            ends = (
                [value for _, value in options]
                if isinstance(options, tuple)
                else list(options.values())
            )
        else:
            ends = [control.min, control.max] if hasattr(control, "min") else []
        for end in ends:
            control.value = end
            look()
    for values in getattr(explorer.view, "presets", {}).values():
        explorer.set(**values)
        look()
    assert len(pictures) >= 3


@pytest.mark.parametrize(
    "pair", [(-1.0, 1.0, 1.0, 0.6), (0.0, 2.5, 0.5, 0.3), (-4.0, 0.3, 4.0, 0.3)]
)
def test_three_ways_agree_with_quadrature(pair):
    mu_p, sigma_p, mu_q, sigma_q = pair
    p, q = stats.norm(mu_p, sigma_p), stats.norm(mu_q, sigma_q)

    def log_m(x):
        return np.logaddexp(p.logpdf(x), q.logpdf(x)) - np.log(2)

    wanted = {
        "KL(p‖q)": lambda x: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)),
        "KL(q‖p)": lambda x: q.pdf(x) * (q.logpdf(x) - p.logpdf(x)),
        "JS": lambda x: (
            (p.pdf(x) * (p.logpdf(x) - log_m(x)) + q.pdf(x) * (q.logpdf(x) - log_m(x))) / 2
        ),
        "TV": lambda x: abs(p.pdf(x) - q.pdf(x)) / 2,
        "W1": lambda x: abs(p.cdf(x) - q.cdf(x)),
    }
    places = sorted(
        {mu_p, mu_q, mu_p - 3 * sigma_p, mu_p + 3 * sigma_p, mu_q - 3 * sigma_q, mu_q + 3 * sigma_q}
    )
    for name, (closed, integral, estimate, error) in GaussianPairView().compute(*pair).items():
        exact = integrate.quad(wanted[name], -30, 30, points=places, limit=500)[0]
        assert integral == pytest.approx(
            exact, abs=2e-3 if name in ("W1", "TV") else 1e-6, rel=1e-6
        )
        assert np.isnan(closed) == (name in ("JS", "TV"))
        if not np.isnan(closed):
            assert closed == pytest.approx(exact, rel=1e-6)
        if not np.isnan(error):  # 5 standard errors, and none of them absurdly wide
            assert abs(estimate - exact) <= 5 * error + 1e-9 and error < 0.1 * exact + 0.1


def test_the_standard_error_is_the_spread_of_the_estimates():
    estimates, errors = zip(
        *(GaussianPairView(seed=k).compute(-1, 1, 1, 0.6)["JS"][2:] for k in range(200))
    )
    assert np.std(estimates) == pytest.approx(np.mean(errors), rel=0.2)


def test_the_best_fits_are_best():
    view = FitView()
    x = np.linspace(-15, 15, 3001)
    for gap in (0.0, 1.0, 2.5, 4.0):
        p = view.weight * stats.norm(-gap, view.width).pdf(x) + (1 - view.weight) * stats.norm(
            gap, view.width
        ).pdf(x)

        def forward(parameters, p=p):
            return -np.sum(p * stats.norm(*parameters).logpdf(x))

        def reverse(parameters, p=p):
            q = stats.norm(*parameters)
            return np.sum(q.pdf(x) * (q.logpdf(x) - np.log(p)))

        for loss, found in zip((forward, reverse), view.best_fits(gap)):
            ranges = (slice(-5, 5, 0.25), slice(0.3, 5, 0.25))
            searched = optimize.fmin(loss, optimize.brute(loss, ranges, finish=None), disp=False)
            np.testing.assert_allclose(found, searched, atol=2e-2)


def test_parts_of_histograms_add_up_to_the_divergences():
    view, rng = HistogramView(), np.random.default_rng(0)
    for _ in range(20):
        p, q = rng.dirichlet(np.full(6, 0.5)), rng.dirichlet(np.full(6, 0.5))
        p[0] = 0
        p /= p.sum()
        for name, whole in {
            "KL(p‖q)": stats.entropy(p, q), "KL(q‖p)": stats.entropy(q, p), "TV": np.abs(p - q).sum() / 2,
            "JS": (stats.entropy(p, (p + q) / 2) + stats.entropy(q, (p + q) / 2)) / 2,
        }.items():  # fmt: skip
            assert view.parts(p, q, name).sum() == pytest.approx(whole)


@pytest.mark.parametrize(
    "weights, index, height, wanted",
    [
        ((0.5, 0.25, 0.25), 0, 0.2, (0.2, 0.4, 0.4)),
        ((0.5, 0.5, 0.0), 2, 0.5, (0.25, 0.25, 0.5)),
        ((1.0, 0.0, 0.0), 0, 0.4, (0.4, 0.3, 0.3)),
        ((0.5, 0.5, 0.0), 1, 7.0, (0.0, 1.0, 0.0)),
        ((0.5, 0.5, 0.0), 1, -7.0, (1.0, 0.0, 0.0)),
    ],
)
def test_a_bar_that_moves_takes_from_the_others(weights, index, height, wanted):
    np.testing.assert_allclose(divergence_views._move_bar(weights, index, height), wanted)


def test_dragging_and_arrow_keys_move_the_bars_of_the_histograms(explore):
    explorer = explore(HistogramView())
    view = explorer.view
    moved = view.drag(explorer.values, view._draggable, np.array([2.8, 0.2]), np.array([9.0, 0.9]))
    assert (
        moved["p"][3] == pytest.approx(0.9)
        and sum(moved["p"]) == pytest.approx(1)
        and "q" not in moved
    )
    assert (
        view.drag(explorer.values, view._draggable, np.array([3.2, 0.2]), np.array([0.0, 0.9]))[
            "q"
        ][3]
        == 0.9
    )
    assert (
        view.drag(explorer.values, view._below, np.array([3.2, 0.2]), np.array([0.0, 0.9])) is None
    )
    order = []
    for _ in range(12):
        explorer.set(**view.key(explorer.values, "ArrowRight"))
        order.append(explorer.values["chosen"])
    assert sorted(order) == list(range(12)) and order[-1] == 0
    before = explorer.values["p"][0]
    explorer.set(**view.key(explorer.values, "ArrowUp"))
    assert explorer.values["p"][0] == pytest.approx(before + 0.05)


def test_a_long_drag_keeps_probabilities(explore):
    explorer, rng = explore(HistogramView()), np.random.default_rng(1)
    for _ in range(300):
        at = np.array([rng.uniform(-0.6, 5.6), 0.1])
        explorer.set(
            **explorer.view.drag(
                explorer.values, explorer.view._draggable, at, rng.normal(0.3, 0.5, 2)
            )
        )
        for name in "pq":
            assert min(explorer.values[name]) >= 0 and sum(explorer.values[name]) == pytest.approx(
                1, abs=0.03
            )
    assert "alert" not in explorer._words.value


def test_parallel_lines():
    for theta in (-1.0, -0.35, 0.0, 0.8):
        values = ParallelLinesView().values(theta)
        apart = float(theta != 0)
        assert values["W1"] == pytest.approx(abs(theta))
        assert values["JS"] == pytest.approx(apart * np.log(2)) and values["TV"] == pytest.approx(
            apart
        )
        assert values["KL"] == (np.inf if apart else 0)


def test_ribbons_are_as_wide_as_their_mass_and_fill_their_heaps():
    plan = np.array([[0.1, 0.3], [0.0, 0.2], [0.4, 0.0]])
    outlines, mass = divergence_views.ribbons(plan, np.arange(3.0), np.arange(2.0), width=1.0)
    np.testing.assert_allclose(mass, [0.1, 0.3, 0.2, 0.4])
    starts = {row: [] for row in range(3)}
    for outline, m, row in zip(outlines, mass, (0, 0, 1, 2)):
        left, right = outline[0, 0], outline[-1, 0]
        assert right - left == pytest.approx(m) and outline[20, 0] - outline[
            19, 0
        ] == pytest.approx(m)
        starts[row] += [left, right]
    for row, total in enumerate((0.4, 0.2, 0.4)):
        assert min(starts[row]) == pytest.approx(row - total / 2) and max(
            starts[row]
        ) == pytest.approx(row + total / 2)


@pytest.mark.parametrize("order", [1, 1.5, 3])
def test_plans_have_their_margins_and_their_order(order):
    p, q = np.array([0.3, 0.4, 0.2, 0.1, 0.0]), np.array([0.0, 0.1, 0.2, 0.3, 0.4])
    costs = {}
    for kind in ("optimal", "independent", "crossed"):
        plan, costs[kind] = TransportView.plan(p, q, order, kind)
        np.testing.assert_allclose(plan.sum(1), p, atol=1e-9)
        np.testing.assert_allclose(plan.sum(0), q, atol=1e-9)
    places = (
        np.repeat(np.arange(5), np.rint(10 * p).astype(int)),
        np.repeat(np.arange(5), np.rint(10 * q).astype(int)),
    )
    assert costs["optimal"] == pytest.approx(np.mean(np.abs(places[0] - places[1]) ** order))
    assert costs["crossed"] == pytest.approx(np.mean(np.abs(places[0] - places[1][::-1]) ** order))
    assert costs["optimal"] <= costs["independent"] <= costs["crossed"] + 1e-9


def test_the_playground_judges_plans_and_prices():
    view = PlaygroundView()
    rows = [
        [r for r in itertools.product(range(n + 1), repeat=4) if sum(r) == n] for n in view.supply
    ]
    plans = [
        np.array(plan)
        for plan in itertools.product(*rows)
        if (np.sum(plan, 0) == view.demand).all()
    ]
    assert view.least == pytest.approx(min((plan * view.cost).sum() for plan in plans)) == 29
    cost, holds, bound = view.judge(((2, 2, 0, 0), (0, 1, 1, 1), (0, 1, 2, 2)), (0, 0, 0))
    assert (cost, holds) == (6 + 6 + 1 + 6 + 3 + 4 + 14 + 2, True)
    assert bound == 2 * 1 + 4 * 1 + 3 * 4 + 3 * 1  # each parcel by the cheapest way to its place
    assert not view.judge(((2, 2, 0, 0), (0, 2, 0, 1), (0, 1, 2, 2)), (0, 0, 0))[1]
    best = view.judge(
        view.presets["best plan"]["plan"], [view.presets["best prices"][f"f{i}"] for i in range(3)]
    )
    assert best == (pytest.approx(29), True, pytest.approx(29))
    rng = np.random.default_rng(0)
    for _ in range(200):  # weak duality
        assert view.judge(view.presets["best plan"]["plan"], rng.uniform(-4, 6, 3))[2] <= 29 + 1e-9


def test_a_best_plan_uses_tight_cells_only():
    view = PlaygroundView()
    tight = set(zip(*view.tight([view.presets["best prices"][f"f{i}"] for i in range(3)])))
    used = {
        (i, j)
        for i, row in enumerate(view.presets["best plan"]["plan"])
        for j, n in enumerate(row)
        if n
    }
    assert used <= tight and len(tight) < 12


@pytest.mark.parametrize("shift, sigma", [(2.0, 0.6), (-3.0, 1.0), (0.0, 2.5), (0.5, 1.7)])
def test_the_best_critic_reaches_w1_with_slope_one(shift, sigma):
    log_p, log_q = (
        stats.norm(mu, s).logpdf(divergence_views.WIDE) for mu, s in ((0, 1), (shift, sigma))
    )
    f, step = DualView.critic(log_p, log_q), divergence_views.WIDE[1] - divergence_views.WIDE[0]
    assert np.abs(np.diff(f)).max() / step <= 1 + 1e-9
    gain = np.sum(f * (np.exp(log_p) - np.exp(log_q))) * step
    assert gain == pytest.approx(
        divergences.wasserstein_gaussians(0, 1, shift, sigma, order=1), abs=1e-3
    )
