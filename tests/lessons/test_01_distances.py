"""What lesson 01 says, held: its shown function, its examples, its exercises and their hints."""

import itertools

import numpy as np
import pytest
from scipy import stats

from gan_edu import divergences
from gan_edu.lessons import l01_checks as checks
from gan_edu.lessons.l01_distances import GaussianPairView, PlaygroundView
from notebooks import cells, definitions


def test_the_shown_kl_is_the_packages():
    kl = definitions("01")["kl"]
    rng = np.random.default_rng(0)
    for _ in range(50):
        p, q = rng.dirichlet(np.ones(5)), rng.dirichlet(np.ones(5))
        assert (
            kl(p, q)
            == pytest.approx(divergences.kl_divergence(p, q))
            == pytest.approx(stats.entropy(p, q))
        )


def test_kl_breaks_the_triangle_inequality():
    p, q, r = np.array([0.9, 0.1]), np.array([0.5, 0.5]), np.array([0.1, 0.9])
    kl = divergences.kl_divergence
    assert kl(p, r) > kl(p, q) + kl(q, r)


def test_the_best_judge_is_right_with_half_of_one_plus_tv():
    rng = np.random.default_rng(0)
    for _ in range(20):
        p, q = rng.dirichlet(np.ones(6)), rng.dirichlet(np.ones(6))
        judges = itertools.product(
            [False, True], repeat=6
        )  # every rule that says "real" on a set of bins
        best = max(p[np.array(real)].sum() / 2 + q[~np.array(real)].sum() / 2 for real in judges)
        assert best == pytest.approx((1 + divergences.total_variation(p, q)) / 2)


def test_what_section_3_says_of_its_settings():
    view = GaussianPairView()
    narrow = view.compute(-1, 1, 1, 0.3)
    assert 10 < narrow["KL(p‖q)"][1] < 100 and narrow["JS"][1] < np.log(2)
    equal = view.compute(-1, 0.8, 1.5, 0.8)
    assert equal["KL(p‖q)"][1] == pytest.approx(equal["KL(q‖p)"][1])
    wide = view.compute(0, 1, 0, 2.5)
    assert wide["KL(p‖q)"][1] < 0.5 * wide["KL(q‖p)"][1]
    assert view.compute(-4, 1, 4, 1)["JS"][1] > 0.99 * np.log(2)


def test_the_playground_has_two_best_plans_and_greed_finds_neither():
    view = PlaygroundView()
    rows = [
        [r for r in itertools.product(range(n + 1), repeat=4) if sum(r) == n] for n in view.supply
    ]
    plans = [
        np.array(plan)
        for plan in itertools.product(*rows)
        if (np.sum(plan, 0) == view.demand).all()
    ]
    costs = np.array([(plan * view.cost).sum() for plan in plans])
    assert costs.min() == 29 and (costs == 29).sum() == 2 and (costs == 33).any()


def test_many_samples_fewer_errors():
    """Section 3: a hundred times as many samples buy one digit."""
    errors = {}
    for n in (100, 10_000):
        runs = [
            GaussianPairView(n_samples=n, seed=seed).compute(-1, 1, 1, 0.6)["KL(q‖p)"]
            for seed in range(64)
        ]
        errors[n] = np.std([estimate for _, _, estimate, _ in runs])
    assert 7 < errors[100] / errors[10_000] < 14


# ---- exercises


def says(capsys, check, *arguments):
    verdict = check(*arguments)
    return verdict, capsys.readouterr().out


def right_kl(mu_p, sigma_p, mu_q, sigma_q):
    return np.log(sigma_q / sigma_p) + (sigma_p**2 + (mu_p - mu_q) ** 2) / (2 * sigma_q**2) - 0.5


@pytest.mark.parametrize(
    "function, hint",
    [
        (lambda a, b, c, d: None, "returns nothing yet"),
        (lambda a, b, c, d: right_kl(c, d, a, b), "swapped"),
        (lambda a, b, c, d: np.log2(d / b) + (b**2 + (a - c) ** 2) / (2 * d**2) - 0.5, "np.log2"),
        (lambda a, b, c, d: right_kl(a, b, c, d) / np.log(2), "in bits"),
        (lambda a, b, c, d: right_kl(a, b, c, d) + 0.5, "-1/2 at the end"),
        (lambda a, b, c, d: np.log(b / d) + (b**2 + (a - c) ** 2) / (2 * d**2) - 0.5, "wrong sign"),
        (lambda a, b, c, d: np.log(d / b) + (b + (a - c) ** 2) / (2 * d) - 0.5, "variances"),
        (lambda a, b, c, d: np.log(d / b) + b**2 / (2 * d**2) - 0.5, "distance of the means"),
        (
            lambda a, b, c, d: np.log(d / b) + (b**2 + (a - c) ** 2) / d**2 - 0.5,
            "divided by 2 σ_q²",
        ),
        (lambda a, b, c, d: 7.0, "it should be 0.4431, it is 7"),
        (lambda a, b, c, d: 1 / 0, "ZeroDivisionError"),
        (lambda a, b, c, d: np.ones(2), "one number"),
        (3.0, "write a function"),
    ],
)
def test_each_wrong_kl_gets_its_own_hint(capsys, function, hint):
    verdict, words = says(capsys, checks.check_kl_gaussians, function, 0.443)
    assert not verdict and hint in words


@pytest.mark.parametrize(
    "by_hand, hint",
    [
        (None, "on paper first"), (..., "on paper first"), (0.443147 / np.log(2), "bits"), (1.306853, "other way round"),
        (0.943147, "-1/2"), (0.693147, "= 8"), (0.318147, "1 + 1"), (-0.943147, "wrong sign"), (5.0, "5 is not it"),
    ],
)  # fmt: skip
def test_each_wrong_number_by_hand_gets_its_own_hint(capsys, by_hand, hint):
    verdict, words = says(capsys, checks.check_kl_gaussians, right_kl, by_hand)
    assert not verdict and hint in words


@pytest.mark.parametrize(
    "answer, hint",
    [
        (None, "write your answer down"), (..., "write your answer down"), (1.0, "in bits"), (2 * np.log(2), "factor 1/2"),
        (np.log(2) / 2, "two terms"), (np.inf, "that is KL"), (0, "equal"), (-np.log(2), "negative"), (0.3, "not 0.3"),
    ],
)  # fmt: skip
def test_each_wrong_js_gets_its_own_hint(capsys, answer, hint):
    verdict, words = says(capsys, checks.check_js_disjoint, answer)
    assert not verdict and hint in words


def with_a_loop(x, y):
    return sum(abs(a - b) for a, b in zip(sorted(x), sorted(y))) / len(x)


@pytest.mark.parametrize(
    "function, hint",
    [
        (lambda x, y: ..., "returns nothing yet"),
        (lambda x, y: np.abs(x - y).mean(), "Sort both"),
        (lambda x, y: np.abs(np.sort(x) - y).mean(), "only one"),
        (lambda x, y: (np.sort(x) - np.sort(y)).mean(), "cancel"),
        (lambda x, y: abs(x.mean() - y.mean()), "inside the mean"),
        (lambda x, y: np.abs(np.sort(x) - np.sort(y)).sum(), "take the mean"),
        (lambda x, y: ((np.sort(x) - np.sort(y)) ** 2).mean(), "squared"),
        (lambda x, y: np.sqrt(((np.sort(x) - np.sort(y)) ** 2).mean()), "W2"),
        (with_a_loop, "there is a loop in it"),
    ],
)
def test_each_wrong_w1_gets_its_own_hint(capsys, function, hint):
    verdict, words = says(capsys, checks.check_wasserstein_samples, function)
    assert not verdict and hint in words


def test_solutions_pass_and_stubs_do_not(capsys):
    namespace = definitions("01")
    for tag in ("exercise", "solution"):
        for cell in cells("01", tag):
            exec(cell.source, namespace)
    assert (
        capsys.readouterr().out.count("Not yet") == 3
    )  # the stubs; the solutions carry assertions of their own
    assert checks.check_kl_gaussians(
        namespace["kl_gaussians_solution"], namespace["by_hand_solution"]
    )
    assert checks.check_js_disjoint(namespace["js_solution"])
    assert checks.check_wasserstein_samples(namespace["w1_solution"])
