"""Lesson 01: its functions against scipy, torch and brute force, its checks, what it says of fits and slopes."""

import itertools
import math
import types

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure as Still
from scipy import integrate, stats
from scipy.spatial import distance
from scipy.special import rel_entr, xlogy

from gan_edu import divergences
from gan_edu.lessons import l01_checks as checks
from gan_edu.lessons import l01_distances as room
from gan_edu.panel.figure import Figure
from notebooks import definitions

RNG = np.random.default_rng(1)
FULL = [tuple(RNG.dirichlet(np.ones(6), 2)) for _ in range(20)]
SHARED_ZERO = [(np.append(p, 0.0), np.append(q, 0.0)) for p, q in FULL[:3]]
HALF_ZERO = [(np.array([0.3, 0.7, 0.0]), np.array([0.2, 0.3, 0.5]))]
APART = [(np.array([0.5, 0.5, 0.0, 0.0]), np.array([0.0, 0.0, 0.1, 0.9]))]
PAIRS = FULL + SHARED_ZERO + HALF_ZERO + APART


@pytest.fixture(scope="module")
def lesson():
    return definitions("01")


# ---- its functions


@pytest.mark.parametrize("p, q", PAIRS)
def test_kl_js_and_tv_of_the_page(lesson, p, q):
    kl, js, tv = (lesson[name] for name in ("kl", "js", "tv"))
    for a, b in ((p, q), (q, p)):
        assert kl(a, b) == pytest.approx(stats.entropy(a, b), abs=1e-12)
        assert kl(a, b) == pytest.approx(divergences.kl_divergence(a, b), abs=1e-12)
        assert js(a, b) == pytest.approx(distance.jensenshannon(a, b) ** 2, abs=1e-12)
        assert js(a, b) == pytest.approx(divergences.js_divergence(a, b), abs=1e-12)
        assert tv(a, b) == pytest.approx(distance.cityblock(a, b) / 2, abs=1e-12)
        assert tv(a, b) == pytest.approx(divergences.total_variation(a, b), abs=1e-12)


@pytest.mark.parametrize("p, q", FULL + HALF_ZERO + APART)
def test_tv_is_the_best_event_and_the_best_judge(lesson, p, q):
    events = [np.array(event) for event in itertools.product([False, True], repeat=len(p))]
    best = max(p[event].sum() - q[event].sum() for event in events)
    right = max(p[event].sum() / 2 + q[~event].sum() / 2 for event in events)
    assert lesson["tv"](p, q) == pytest.approx(best)
    assert (1 + lesson["tv"](p, q)) / 2 == pytest.approx(right)


@pytest.mark.parametrize("p, q", FULL[:5] + HALF_ZERO + APART)
def test_the_least_cross_entropy_of_a_judge_is_log_2_minus_js(lesson, p, q):
    d = np.linspace(0, 1, 10_001)[:, None]  # one answer for each bin, tried out
    least = (-xlogy(p, d) - xlogy(q, 1 - d)).min(0).sum() / 2
    assert least == pytest.approx(math.log(2) - lesson["js"](p, q), abs=1e-6)


def test_bce_of_the_page(lesson):
    y, d = torch.tensor([1.0, 0, 0, 1, 1]), torch.tensor([0.9, 0.2, 0.6, 0.4, 0.01])
    wanted = torch.nn.functional.binary_cross_entropy(y.double() * 0 + d.double(), y.double())
    assert lesson["bce"](y.numpy(), d.double().numpy()) == pytest.approx(wanted.item())
    a = torch.logit(d.double())
    wanted = torch.nn.functional.binary_cross_entropy_with_logits(a, y.double())
    by_logits = torch.log(1 + torch.exp(torch.where(y == 1, -a, a))).mean()
    assert by_logits.item() == pytest.approx(wanted.item())


@pytest.mark.parametrize("values", [(0, 1, 1, 2), (1.5, 0.5, -1, 2), (0, 1, 0.3, 1)])
def test_kl_of_gaussians(lesson, values):
    p, q = (torch.distributions.Normal(*map(float, pair)) for pair in (values[:2], values[2:]))
    wanted = torch.distributions.kl_divergence(p, q).item()
    assert lesson["kl_gaussians"](*values) == pytest.approx(wanted, rel=1e-5)
    assert lesson["kl"](*(lesson["in_bins"](*pair) for pair in (values[:2], values[2:]))) == (
        pytest.approx(wanted, rel=1e-5)
    )


def test_a_batch_estimates_kl_with_an_error_that_falls_like_one_over_root_n(lesson):
    log_p, log_q = stats.norm(0, 1).logpdf, stats.norm(1, 2).logpdf
    spread = {}
    for n in (100, 10_000):
        found = [lesson["kl_batch"](RNG.normal(0, 1, n), log_p, log_q) for _ in range(200)]
        assert np.mean(found) == pytest.approx(0.4431, abs=4 * np.std(found) / math.sqrt(200))
        spread[n] = np.std(found)
    assert 8 < spread[100] / spread[10_000] < 12.5


# ---- two humps


@pytest.mark.parametrize("gap", [0.5, 1.75, 2.0, 3.0])
def test_best_fits(lesson, gap):
    """The first has mean and variance of p; both are least, by another integral and brute force."""
    density = 0.6 * stats.norm(-gap, 0.7).pdf(lesson["x"])
    density = density + 0.4 * stats.norm(gap, 0.7).pdf(lesson["x"])
    assert np.allclose(np.exp(lesson["log_humps"](lesson["x"], gap)), density)
    (mean, std), (m, s) = lesson["best_fits"](gap)
    assert mean == pytest.approx(-0.2 * gap) and std**2 == pytest.approx(0.49 + 0.96 * gap**2)
    grid = [
        lesson["both_kl"](a, b, gap)
        for a in np.arange(-4, 4.01, 0.25)
        for b in np.geomspace(0.3, 4, 16)
    ]
    least = np.min(grid, axis=0)
    assert lesson["both_kl"](mean, std, gap)[0] <= least[0] + 1e-9
    assert lesson["both_kl"](m, s, gap)[1] <= least[1] + 1e-9


@pytest.mark.parametrize("mean, std", [(0.0, 1.0), (-3.0, 0.7), (5.0, 0.25)])
def test_both_kl(lesson, mean, std):
    def log_p(x):
        return np.log(0.6 * stats.norm.pdf(x, -3, 0.7) + 0.4 * stats.norm.pdf(x, 3, 0.7))

    def log_q(x):
        return stats.norm.logpdf(x, mean, std)

    forward = integrate.quad(lambda x: np.exp(log_p(x)) * (log_p(x) - log_q(x)), -12, 12, limit=500)
    backward = integrate.quad(
        lambda x: np.exp(log_q(x)) * (log_q(x) - log_p(x)), -10, 10, limit=500, points=[mean]
    )
    wanted = forward[0], backward[0]
    assert lesson["both_kl"](mean, std, 3.0) == pytest.approx(wanted, rel=1e-6)


# ---- what breaks where


@pytest.mark.parametrize("s", [0.5, 2.0, 4.0, 8.0])
def test_two_gaussians_of_width_1(lesson, s):
    p, q = lesson["in_bins"](0), lesson["in_bins"](s)
    assert lesson["kl"](p, q) == pytest.approx(s * s / 2)
    assert lesson["kl"](q, p) == pytest.approx(s * s / 2)
    assert lesson["tv"](p, q) == pytest.approx(2 * stats.norm.cdf(s / 2) - 1, abs=1e-5)
    assert stats.wasserstein_distance(lesson["x"], lesson["x"], p, q) == pytest.approx(s)


@pytest.mark.parametrize("theta", [-2.0, -0.1, 0.1, 0.5, 1.0, 3.0])
def test_two_boxes(theta):
    """JS and TV in proportion to what does not overlap; KL infinite; W1 = |θ|: by samples laid evenly."""
    x = (np.arange(1000) + 0.5) / 1000
    assert stats.wasserstein_distance(x, x + theta) == pytest.approx(abs(theta))
    cells = np.arange(-400, 500)
    p, q = ((cells >= 100 * t) & (cells < 100 * (t + 1) - 1e-9) for t in (0, theta))
    p, q = p / 100, q / 100
    share = min(1, abs(theta))
    assert distance.jensenshannon(p, q) ** 2 == pytest.approx(share * math.log(2))
    assert distance.cityblock(p, q) / 2 == pytest.approx(share)
    assert np.isinf(rel_entr(p, q).sum()) and np.isinf(rel_entr(q, p).sum())


# ---- its panels


def words_of(view, **knobs):
    fig = Figure()
    view(fig, types.SimpleNamespace(**knobs))
    return fig.words


@pytest.mark.parametrize("p, q", [((-3, 0.4), (3, 0.4)), ((0, 1.0), (0, 0.2)), ((1, 0.3), (-2, 1.4))])  # fmt: skip
def test_the_five_numbers_of_two_gaussians(p, q):
    (a, b), (c, d) = ((mean, 1 / (peak * math.sqrt(2 * math.pi))) for mean, peak in (p, q))
    x = np.linspace(-40, 40, 80_001)
    p_, q_ = stats.norm.pdf(x, a, b), stats.norm.pdf(x, c, d)
    mix = np.log((p_ + q_) / 2, where=p_ + q_ > 0, out=0 * x)
    js = sum(np.sum(xlogy(one, one) - one * mix) for one in (p_, q_)) * 1e-3 / 2
    kl = torch.distributions.kl_divergence
    one, other = torch.distributions.Normal(a, b), torch.distributions.Normal(c, d)
    numbers = [kl(one, other).item(), kl(other, one).item(), js, abs(p_ - q_).sum() * 1e-3 / 2]
    numbers.append(stats.wasserstein_distance(x, x, p_, q_))
    words = ", ".join(f"{n} {room.number(v)}" for n, v in zip(room.NAMES, numbers))
    assert words in words_of(room.two_gaussians, p=p, q=q)


def test_the_five_numbers_of_two_histograms():
    words = words_of(room.histograms, p=(0.5, 0.5, 0, 0, 0, 0), q=(0, 0, 0, 0, 0.5, 0.5))
    assert "KL(p‖q) ∞, KL(q‖p) ∞, JS 0.69, TV 1.00, W1 4.00" in words
    words = words_of(room.histograms, p=(0.05, 0.15, 0.3, 0.3, 0.15, 0.05), q=(0.3, 0.3, 0.2, 0.2, 0, 0))  # fmt: skip
    assert "KL(p‖q) ∞, KL(q‖p) 0.58" in words


def test_pulled_apart_js_and_tv_stop_and_the_others_grow():
    """What section 3 says of the first panel; and of its last two presets, in which p and q change places."""
    words = words_of(room.two_gaussians, p=(-3, 0.4), q=(3, 0.4))
    assert "KL(p‖q) 18, KL(q‖p) 18, JS 0.69, TV 1.00, W1 6.00" in words
    words = words_of(room.two_gaussians, p=(-6, 0.4), q=(6, 0.4))
    assert "KL(p‖q) 72, KL(q‖p) 72, JS 0.69, TV 1.00, W1 12" in words
    one = words_of(room.two_gaussians, p=(0, 0.2), q=(0, 1))
    other = words_of(room.two_gaussians, p=(0, 1), q=(0, 0.2))
    assert "KL(p‖q) 10, KL(q‖p) 1.13" in one and "KL(p‖q) 1.13, KL(q‖p) 10" in other
    assert one.partition("JS")[2] == other.partition("JS")[2]


def test_each_bar_ends_at_its_number():
    ax = Still().subplots()
    words = room.draw_bars(ax, [0.5, np.inf, 0.001, 5000.0, 0.0], 0.01, 1000, {0: 0.25})
    ends = [bar.get_y() + bar.get_height() for bar in ax.patches]
    assert ends == pytest.approx([0.5, 1000, 0.01, 1000, 0.01]) and ax.get_yscale() == "log"
    assert [text.get_text() for text in ax.texts] == ["0.50", "∞", "0.00", "5,000 ↑", "0.00"]
    assert list(ax.lines[0].get_ydata()) == [0.25, 0.25] and "KL(q‖p) ∞" in words


def test_slopes_have_a_gap_at_a_kink():
    fig, shift = Still(), np.linspace(-3, 3, 121)
    corner = np.minimum(abs(shift), 1)
    room.draw_race(shift, np.stack([0 * shift + np.inf, corner, corner, abs(shift)], 1), "θ")(fig)
    w1, kl, js, tv = (line.get_ydata() for line in fig.axes[1].lines)
    assert np.allclose(w1, np.where(shift == 0, np.nan, np.sign(shift)), equal_nan=True)
    away = abs(abs(shift) - 1) < 1e-9
    wanted = np.where((shift == 0) | away, np.nan, np.sign(shift) * (abs(shift) < 1))
    assert np.allclose(js, wanted, equal_nan=True) and np.allclose(tv, wanted, equal_nan=True)
    assert np.isnan(kl).all()


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


@pytest.mark.parametrize(
    "answer, hint",
    [
        (right_kl, "Right"),
        (stats.entropy, "Right"),
        (lambda p, q: np.nansum(p * np.log(p / q)), "Right"),
        (lambda p, q: ... * p, "still a blank"),
        (nothing, "returns nothing yet"),
        (3.0, "write a function"),
        (plain, "nan where p is 0"),
        (lambda p, q: right_kl(q, p), "that is KL(q‖p)"),
        (lambda p, q: plain(p[p * q > 0], q[p * q > 0]), "the surprise is infinite"),
        (lambda p, q: -xlogy(p, q).sum(), "the cross-entropy"),
        (lambda p, q: rel_entr(p, q).sum() * -1, "the sign is wrong"),
        (lambda p, q: rel_entr(p, q).sum() / np.log(2), "in bits"),
        (lambda p, q: rel_entr(p, q).mean(), "You take their mean"),
        (lambda p, q: np.log(p[p > 0] / q[p > 0]).sum(), "weighted with p"),
        (lambda p, q: rel_entr(p, q), "Is a sum or a mean missing?"),
        (lambda p, q: np.inf if (q == 0).any() else right_kl(p, q), "Where both are 0"),
        (lambda p, q: np.inf if (q == 0).any() else plain(p, q), "Where both are 0"),
        (lambda p, q: rel_entr(p, q + 1e-8).sum(), "add a small number"),
        (lambda p, q: np.sum(p * np.log(p / (q + 1e-8))), "add a small number"),
    ],
)
def test_each_wrong_kl_gets_its_own_hint(answer, hint, capsys):
    assert checks.check_kl(answer) is (hint == "Right")
    assert hint in capsys.readouterr().out


def right_bce(y, d):
    return -np.mean(np.where(y == 1, np.log(d), np.log(1 - d)))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (right_bce, "Right"),
        (nothing, "returns nothing yet"),
        (lambda y, d: np.mean(-y * np.log(d) + (1 - y) * np.log(1 - d)), "still line A"),
        (lambda y, d: np.mean(-y * np.log(d) + (1 - y) * (1 - d)), "still line B"),
        (lambda y, d: -np.mean(y * np.log(d) + (1 - y) * (1 - d)), "still has no logarithm"),
        (lambda y, d: -right_bce(y, d), "in front of the whole"),
        (lambda y, d: len(y) * right_bce(y, d), "not the sum"),
        (lambda y, d: -np.mean(y * np.log(d)), "is missing"),
        (lambda y, d: -np.mean(np.log(d)), "of 1 − d"),
        (lambda y, d: right_bce(y, d) / np.log(2), "in bits"),
        (lambda y, d: -np.mean([y * np.log(d), (1 - y) * np.log(1 - d)]), "half of it"),
        (lambda y, d: right_bce(1 - y, d), "real and generated are exchanged"),
        (lambda y, d: -np.mean(d * np.log(y) + (1 - d) * np.log(1 - y)), "labels and answers"),
        (
            lambda y, d: -np.log(d[y == 1]).mean() - np.log(1 - d[y == 0]).mean(),
            "one mean over all N",
        ),
    ],
)
def test_each_wrong_bce_gets_its_own_hint(answer, hint, capsys):
    assert checks.check_bce(answer) is (hint == "Right")
    assert hint in capsys.readouterr().out


def right_tv(p, q):
    return np.maximum(p - q, 0).sum()


@pytest.mark.parametrize(
    "answer, hint",
    [
        (right_tv, "Right"),
        (lambda p, q: 1 - np.minimum(p, q).sum(), "Right"),
        (lambda p, q: p[p > q].sum() - q[p > q].sum(), "Right"),
        (nothing, "returns nothing yet"),
        (lambda p, q: np.abs(p - q).max(), "largest difference of one bin"),
        (lambda p, q: (p - q).max(), "the bin with the largest p − q"),
        (lambda p, q: np.abs(p - q).sum(), "twice too much"),
        (lambda p, q: (p - q).sum(), "add up to 0"),
        (lambda p, q: np.abs(p - q).mean(), "the mean over the bins"),
        (lambda p, q: np.minimum(p, q).sum(), "have in common"),
        (lambda p, q: p[p > q].sum(), "subtract their q"),
        (lambda p, q: np.minimum(p - q, 0).sum(), "it is below 0"),
        (lambda p, q: (q - p)[p > q].sum(), "it is below 0"),
        (lambda p, q: np.ptp(np.append(0, np.cumsum(p - q))), "a run of neighbouring bins"),
        (lambda p, q: np.abs(np.cumsum(p - q)).max(), "a run of neighbouring bins"),
    ],
)
def test_each_wrong_tv_gets_its_own_hint(answer, hint, capsys):
    assert checks.check_tv(answer) is (hint == "Right")
    assert hint in capsys.readouterr().out


def right_js(p, q):
    return right_kl(p, (p + q) / 2) / 2 + right_kl(q, (p + q) / 2) / 2


@pytest.mark.parametrize(
    "answer, hint",
    [
        (right_js, "Right"),
        (lambda p, q: distance.jensenshannon(p, q) ** 2, "Right"),
        (nothing, "returns nothing yet"),
        (lambda p, q: 2 * right_js(p, q), "factor 1/2 is missing"),
        (lambda p, q: right_kl(p, (p + q) / 2), "KL(p‖m) alone"),
        (lambda p, q: right_kl(q, (p + q) / 2), "KL(q‖m) alone"),
        (lambda p, q: right_kl(p, p + q) / 2 + right_kl(q, p + q) / 2, "adds up to 2"),
        (
            lambda p, q: right_kl((p + q) / 2, p) / 2 + right_kl((p + q) / 2, q) / 2,
            "KL(m‖p) and KL(m‖q)",
        ),
        (lambda p, q: (right_kl(p, q) + right_kl(q, p)) / 2, "compared with m"),
        (lambda p, q: (right_kl(p, p + q / 2) + right_kl(q, p + q / 2)) / 2, "your bracket end"),
        (distance.jensenshannon, "the root of JS"),
        (lambda p, q: right_js(p, q) / np.log(2), "in bits"),
        (lambda p, q: (plain(p, (p + q) / 2) + plain(q, (p + q) / 2)) / 2, "knows about zeros"),
    ],
)
def test_each_wrong_js_gets_its_own_hint(answer, hint, capsys):
    assert checks.check_js(answer) is (hint == "Right")
    assert hint in capsys.readouterr().out


@pytest.mark.parametrize(
    "answer, hint",
    [
        (lambda x, a, b: np.mean(a(x) - b(x)), "Right"),
        (lambda x, a, b: np.log(np.exp(a(x)) / np.exp(b(x))).mean(), "Right"),
        (nothing, "returns nothing yet"),
        (lambda x, a, b: np.mean(np.exp(a(x)) * (a(x) - b(x))), "Do not weight them again"),
        (lambda x, a, b: np.sum(np.exp(a(x)) * (a(x) - b(x))), "and add up"),
        (lambda x, a, b: np.mean(b(x) - a(x)), "log p − log q"),
        (lambda x, a, b: np.sum(a(x) - b(x)), "not the sum"),
        (lambda x, a, b: np.mean(np.log(a(x) / b(x))), "logarithms already"),
        (lambda x, a, b: np.mean(a(x) / b(x)), "is a difference"),
        (lambda x, a, b: np.abs(a(x) - b(x)).mean(), "no absolute value"),
        (lambda x, a, b: -np.mean(b(x)), "the cross-entropy"),
        (lambda x, a, b: a(x) - b(x), "Is a sum or a mean missing?"),
        (
            lambda x, a, b: np.mean(stats.norm.logpdf(x) - stats.norm.logpdf(x, 1, 2)),
            "that you are given",
        ),
    ],
)
def test_each_wrong_batch_estimate_gets_its_own_hint(answer, hint, capsys):
    assert checks.check_kl_batch(answer) is (hint == "Right")
    assert hint in capsys.readouterr().out
