"""Lesson 01: its functions against scipy, torch and the core, its panels' numbers, its checks."""

import math
import types

import numpy as np
import pytest
import torch
from hints import each_wrong
from scipy import stats
from scipy.spatial import distance
from scipy.special import rel_entr, xlogy

from gan_edu.lessons import l01_checks as checks
from gan_edu.lessons import l01_distances as room
from gan_edu.panel.figure import Figure


@pytest.mark.parametrize("gap", [0.5, 2.0, 3.0])
def test_best_fits(lesson, gap):
    """The first has mean and variance of p; both are least, by brute force."""
    (mean, std), (m, s) = lesson["best_fits"](gap)
    assert mean == pytest.approx(-0.2 * gap) and std**2 == pytest.approx(0.49 + 0.96 * gap**2)
    places = [(a, b) for a in np.arange(-4, 4.01, 0.25) for b in np.geomspace(0.3, 4, 16)]
    least = np.min([lesson["both_kl"](a, b, gap) for a, b in places], axis=0)
    assert lesson["both_kl"](mean, std, gap)[0] <= least[0] + 1e-9
    assert lesson["both_kl"](m, s, gap)[1] <= least[1] + 1e-9


# ---- its panels


def words_of(view, **knobs):
    fig = Figure()
    view(fig, types.SimpleNamespace(**knobs))
    return fig.words


@pytest.mark.parametrize("p, q", [((-3, 0.4), (3, 0.4)), ((0, 1.0), (0, 0.2)), ((1, 0.3), (-2, 1.4))])  # fmt: skip
def test_the_numbers_of_two_gaussians(p, q):
    one, other = ((mean, 1 / (peak * math.sqrt(2 * math.pi))) for mean, peak in (p, q))
    x = np.linspace(-40, 40, 80_001)
    p_, q_ = stats.norm.pdf(x, *one), stats.norm.pdf(x, *other)
    kl = torch.distributions.kl_divergence
    one, other = torch.distributions.Normal(*one), torch.distributions.Normal(*other)
    found = {"KL(p‖q)": kl(one, other).item(), "KL(q‖p)": kl(other, one).item()}
    found |= {"TV": abs(p_ - q_).sum() * 1e-3 / 2, "W1": stats.wasserstein_distance(x, x, p_, q_)}
    words = words_of(room.two_gaussians, p=p, q=q)
    assert all(f"{name} {room.number(value)}" in words for name, value in found.items())


@pytest.mark.parametrize("p, q, words", [
    ((0.5, 0.5, 0, 0, 0, 0), (0, 0, 0, 0, 0.5, 0.5), "KL(p‖q) ∞, KL(q‖p) ∞, JS 0.69, TV 1.00, W1 4.00"),
    ((0.05, 0.15, 0.3, 0.3, 0.15, 0.05), (0.3, 0.3, 0.2, 0.2, 0, 0), "KL(p‖q) ∞, KL(q‖p) 0.58"),
])  # fmt: skip
def test_the_five_numbers_of_two_histograms(p, q, words):
    assert words in words_of(room.histograms, p=p, q=q)


@pytest.mark.parametrize("place", [(-20, 0.4), (3, 50.0), (3, -1.0)])
def test_a_ring_that_is_dragged_out_of_the_picture(place):
    assert "nan" not in words_of(room.two_gaussians, p=(0, 0.4), q=place)


# ---- its exercises


def nothing(*values):
    return None


def plain(p, q):
    return np.sum(p * np.log(p / q))


def right_kl(p, q):
    return rel_entr(p, q).sum()


def right_bce(y, d):
    return -np.mean(np.where(y == 1, np.log(d), np.log(1 - d)))


def right_tv(p, q):
    return np.maximum(p - q, 0).sum()


def right_js(p, q):
    return right_kl(p, (p + q) / 2) / 2 + right_kl(q, (p + q) / 2) / 2


test_each_wrong_kl_gets_its_own_hint = each_wrong(checks.check_kl,
    (right_kl, "Right"), (stats.entropy, "Right"), (lambda p, q: np.nansum(p * np.log(p / q)), "Right"),
    (lambda p, q: ... * p, "still a blank"), (nothing, "returns nothing yet"), (3.0, "write a function"), (plain, "nan where p is 0"),
    (lambda p, q: right_kl(q, p), "that is KL(q‖p)"), (lambda p, q: plain(p[p * q > 0], q[p * q > 0]), "the surprise is infinite"),
    (lambda p, q: -xlogy(p, q).sum(), "the cross-entropy"), (lambda p, q: rel_entr(p, q).sum() * -1, "the sign is wrong"),
    (lambda p, q: rel_entr(p, q).sum() / np.log(2), "in bits"), (lambda p, q: rel_entr(p, q).mean(), "You take their mean"),
    (lambda p, q: np.log(p[p > 0] / q[p > 0]).sum(), "weighted with p"), (lambda p, q: rel_entr(p, q), "Is a sum or a mean missing?"),
    (lambda p, q: np.inf if (q == 0).any() else right_kl(p, q), "Where both are 0"),
    (lambda p, q: np.inf if (q == 0).any() else plain(p, q), "Where both are 0"),
    (lambda p, q: rel_entr(p, q + 1e-8).sum(), "add a small number"),
    (lambda p, q: np.sum(p * np.log(p / (q + 1e-8))), "add a small number"),
)  # fmt: skip

test_each_wrong_bce_gets_its_own_hint = each_wrong(checks.check_bce,
    (right_bce, "Right"), (nothing, "returns nothing yet"), (lambda y, d: np.mean(-y * np.log(d) + (1 - y) * np.log(1 - d)), "still line A"),
    (lambda y, d: np.mean(-y * np.log(d) + (1 - y) * (1 - d)), "still line B"),
    (lambda y, d: -np.mean(y * np.log(d) + (1 - y) * (1 - d)), "still has no logarithm"),
    (lambda y, d: -right_bce(y, d), "in front of the whole"), (lambda y, d: len(y) * right_bce(y, d), "not the sum"),
    (lambda y, d: -np.mean(y * np.log(d)), "is missing"), (lambda y, d: -np.mean(np.log(d)), "of 1 − d"),
    (lambda y, d: right_bce(y, d) / np.log(2), "in bits"), (lambda y, d: -np.mean([y * np.log(d), (1 - y) * np.log(1 - d)]), "half of it"),
    (lambda y, d: right_bce(1 - y, d), "real and generated are exchanged"),
    (lambda y, d: -np.mean(d * np.log(y) + (1 - d) * np.log(1 - y)), "labels and answers"),
    (lambda y, d: -np.log(d[y == 1]).mean() - np.log(1 - d[y == 0]).mean(), "one mean over all N"),
)  # fmt: skip

test_each_wrong_tv_gets_its_own_hint = each_wrong(checks.check_tv,
    (right_tv, "Right"), (lambda p, q: 1 - np.minimum(p, q).sum(), "Right"), (lambda p, q: p[p > q].sum() - q[p > q].sum(), "Right"),
    (nothing, "returns nothing yet"), (lambda p, q: np.abs(p - q).max(), "largest difference of one bin"),
    (lambda p, q: (p - q).max(), "the bin with the largest p − q"), (lambda p, q: np.abs(p - q).sum(), "twice too much"),
    (lambda p, q: (p - q).sum(), "add up to 0"), (lambda p, q: np.abs(p - q).mean(), "the mean over the bins"),
    (lambda p, q: np.minimum(p, q).sum(), "have in common"), (lambda p, q: p[p > q].sum(), "subtract their q"),
    (lambda p, q: np.minimum(p - q, 0).sum(), "it is below 0"), (lambda p, q: (q - p)[p > q].sum(), "it is below 0"),
    (lambda p, q: np.ptp(np.append(0, np.cumsum(p - q))), "a run of neighbouring bins"),
    (lambda p, q: np.abs(np.cumsum(p - q)).max(), "a run of neighbouring bins"),
)  # fmt: skip

test_each_wrong_js_gets_its_own_hint = each_wrong(checks.check_js,
    (right_js, "Right"), (lambda p, q: distance.jensenshannon(p, q) ** 2, "Right"), (nothing, "returns nothing yet"),
    (lambda p, q: 2 * right_js(p, q), "factor 1/2 is missing"), (lambda p, q: right_kl(p, (p + q) / 2), "KL(p‖m) alone"),
    (lambda p, q: right_kl(q, (p + q) / 2), "KL(q‖m) alone"), (lambda p, q: right_kl(p, p + q) / 2 + right_kl(q, p + q) / 2, "adds up to 2"),
    (lambda p, q: right_kl((p + q) / 2, p) / 2 + right_kl((p + q) / 2, q) / 2, "KL(m‖p) and KL(m‖q)"),
    (lambda p, q: (right_kl(p, q) + right_kl(q, p)) / 2, "compared with m"),
    (lambda p, q: (right_kl(p, p + q / 2) + right_kl(q, p + q / 2)) / 2, "your bracket end"), (distance.jensenshannon, "the root of JS"),
    (lambda p, q: right_js(p, q) / np.log(2), "in bits"),
    (lambda p, q: (plain(p, (p + q) / 2) + plain(q, (p + q) / 2)) / 2, "knows about zeros"),
)  # fmt: skip

test_each_wrong_batch_estimate_gets_its_own_hint = each_wrong(checks.check_kl_batch,
    (lambda x, a, b: np.mean(a(x) - b(x)), "Right"), (lambda x, a, b: np.log(np.exp(a(x)) / np.exp(b(x))).mean(), "Right"),
    (nothing, "returns nothing yet"), (lambda x, a, b: np.mean(np.exp(a(x)) * (a(x) - b(x))), "Do not weight them again"),
    (lambda x, a, b: np.sum(np.exp(a(x)) * (a(x) - b(x))), "and add up"), (lambda x, a, b: np.mean(b(x) - a(x)), "log p − log q"),
    (lambda x, a, b: np.sum(a(x) - b(x)), "not the sum"), (lambda x, a, b: np.mean(np.log(a(x) / b(x))), "logarithms already"),
    (lambda x, a, b: np.mean(a(x) / b(x)), "is a difference"), (lambda x, a, b: np.abs(a(x) - b(x)).mean(), "no absolute value"),
    (lambda x, a, b: -np.mean(b(x)), "the cross-entropy"), (lambda x, a, b: a(x) - b(x), "Is a sum or a mean missing?"),
    (lambda x, a, b: np.mean(stats.norm.logpdf(x) - stats.norm.logpdf(x, 1, 2)), "that you are given"),
)  # fmt: skip
