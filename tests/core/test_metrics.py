"""The metrics against closed forms, scipy and scikit-learn, and numbers worked out by hand."""

import math
import statistics

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
import torch
from sklearn.neighbors import NearestNeighbors

from gan_edu import datasets, metrics

pytestmark = pytest.mark.filterwarnings("error")
CENTERS = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])


@pytest.fixture
def rng():
    return np.random.default_rng(0)


# ---- modes


def test_mode_coverage_by_hand():
    samples = [[0, 0], [3, 0], [3.001, 0], [10, 1], [0, 15]]  # hit, on the edge, miss, hit, miss
    coverage = metrics.mode_coverage(np.array(samples), CENTERS, sigma=1.0)
    assert coverage.modes == 2 and coverage.high_quality == 0.6
    assert coverage.reverse_kl == pytest.approx(0.6 * math.log(1.8) + 0.4 * math.log(0.6))
    collapsed = metrics.mode_coverage(np.zeros((7, 2)), CENTERS, 0.1)
    assert collapsed == (1, 1.0, pytest.approx(math.log(3)))
    assert metrics.mode_coverage(CENTERS + 1.0, CENTERS, 0.1) == (0, 0.0, 0.0)  # even, but off
    # a sample within 3 sigma of two centres counts for the nearer one only
    assert metrics.mode_coverage([[0.5]], [[0.0], [2.0]], 1.0).modes == 1


def test_real_samples_are_of_high_quality():
    samples = datasets.gaussian_grid(20_000, generator=torch.Generator().manual_seed(0))
    coverage = metrics.mode_coverage(samples, datasets.grid_centers(), sigma=0.05)
    assert coverage.modes == 25 and coverage.reverse_kl < 0.002
    hits = round(coverage.high_quality * 20_000)  # P(|x| < 3 sigma) in two dimensions
    assert scipy.stats.binomtest(hits, 20_000, 1 - math.exp(-4.5)).pvalue > 0.001


def test_runs_that_diverged():
    bad = [[np.nan, 0], [0, np.inf], [-np.inf, np.nan]]
    assert metrics.mode_coverage(bad, CENTERS, 1.0) == (0, 0.0, math.inf)
    partly = metrics.mode_coverage([*bad, [0, 0]], CENTERS, 1.0)
    assert partly == (1, 0.25, pytest.approx(math.log(3)))
    assert metrics.mode_coverage(torch.full((5, 2), 3e38), CENTERS, 1.0)[:2] == (0, 0.0)
    assert all(math.isnan(part) for part in metrics.variance_decomposition(bad))


# ---- Wasserstein


@pytest.mark.parametrize("n, m", [(40, 40), (20, 60), (47, 53)])
def test_wasserstein_against_scipy(rng, n, m):
    x, y = rng.normal(size=(n, 2)), rng.normal(size=(m, 2)) * [1, 3]
    expected = scipy.stats.wasserstein_distance_nd(x, y)
    assert metrics.wasserstein_samples(x, y) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("size", [1e-37, 1.0, 1e37])  # what float32 holds
def test_wasserstein_of_a_shift_is_its_length(rng, size):
    x = size * rng.normal(size=(300, 2))
    shifted = rng.permutation(x + size * np.array([3.0, 4.0]))
    assert metrics.wasserstein_samples(x, shifted) == pytest.approx(5 * size, rel=1e-9, abs=0)
    assert metrics.wasserstein_samples(x, rng.permutation(x)) == 0


def test_wasserstein_on_the_line_is_immediate_for_any_sizes(rng):
    x, y = rng.normal(size=(5_000, 1)), rng.gamma(2, size=(4_999, 1))
    expected = scipy.stats.wasserstein_distance(x.ravel(), y.ravel())
    assert metrics.wasserstein_samples(x, y) == pytest.approx(expected, rel=1e-9)


# ---- variance


def test_variance_decomposition_by_hand_and_by_statistics(rng):
    parts = metrics.variance_decomposition([[1, 5], [3, 5]])  # means 2 and 5, variances 1 and 0
    assert parts == (3.5, pytest.approx(math.sqrt(2.75)), math.sqrt(0.5), 1.5)
    samples = rng.normal(size=(30, 7)) * rng.uniform(0, 3, 7) + 5 * rng.normal(size=7)
    whole, columns = samples.ravel().tolist(), samples.T.tolist()
    within = math.sqrt(statistics.fmean(map(statistics.pvariance, columns)))
    between = statistics.pstdev(map(statistics.fmean, columns))
    expected = statistics.fmean(whole), statistics.pstdev(whole), within, between
    assert metrics.variance_decomposition(samples) == pytest.approx(expected, rel=1e-12)


# ---- Fréchet


def samples_with(rng, mean, covariance_root, n=50):
    """Samples whose mean and covariance (over n - 1) are exactly `mean` and `covariance_root @ covariance_root.T`."""
    white = rng.normal(size=(n, covariance_root.shape[1]))
    white -= white.mean(0)
    white = np.linalg.solve(np.linalg.cholesky(white.T @ white / (n - 1)), white.T).T
    return np.asarray(mean) + white @ covariance_root.T


def test_frechet_distance_by_hand_and_by_the_square_root_of_a_matrix(rng):
    # variances 2 and 8 over n - 1, means 0 and 3: 9 + (sqrt 8 - sqrt 2)^2
    assert metrics.frechet_distance([[-1.0], [1.0]], [[1.0], [5.0]]) == pytest.approx(11, rel=1e-12)
    x = rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6))
    y = 1 + rng.normal(size=(90, 6)) @ rng.normal(size=(6, 6))
    a, b = np.cov(x.T), np.cov(y.T)
    root = scipy.linalg.sqrtm(a @ b).real
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(a + b - 2 * root)
    assert metrics.frechet_distance(x, y) == pytest.approx(expected, rel=1e-8)


def test_frechet_distance_of_singular_covariances(rng):
    directions = np.linalg.qr(rng.normal(size=(40, 40)))[0]  # of 40 features, one varies
    along, across, zero = directions[:, :1], directions[:, 1:2], np.zeros(40)
    x, distance = samples_with(rng, zero, 3 * along, n=10), metrics.frechet_distance
    assert distance(x, samples_with(rng, zero, 5 * along, n=12)) == pytest.approx(4, rel=1e-10)
    assert distance(x, samples_with(rng, zero, 5 * across, n=12)) == pytest.approx(34, rel=1e-10)
    assert distance(x, np.zeros((7, 40))) == pytest.approx(9, rel=1e-10)
    assert distance(x, x) == pytest.approx(0, abs=1e-13)
    assert distance(x, x + 1e-5 * across.T) == pytest.approx(1e-10, rel=1e-3)


# ---- precision and recall


def test_precision_recall_by_hand():
    real = [[0.0], [1], [2], [3]]  # balls to the third nearest: 3, 2, 2, 3
    assert metrics.precision_recall(real, [[6.0], [6.01], [-3], [100]]) == (0.5, 1.0)
    # the balls of five equal points have radius 0, and hold a real 1 only
    assert metrics.precision_recall(real, [[1.0]] * 5) == (1.0, 0.25)
    assert metrics.precision_recall(real, np.array(real) + 100) == (0.0, 0.0)
    assert metrics.precision_recall(real, real) == (1.0, 1.0)


def test_precision_recall_of_many_samples(rng):
    real, generated = rng.normal(size=(2_300, 4)), 1 + rng.normal(size=(1_700, 4))

    def share(points, centers):  # scikit-learn leaves out the point itself
        radii = NearestNeighbors(n_neighbors=3).fit(centers).kneighbors()[0][:, -1]
        return (np.linalg.norm(points[:, None] - centers, axis=2) <= radii).any(1).mean()

    found = metrics.precision_recall(real, generated)
    assert found == (share(generated, real), share(real, generated))
    assert 0.1 < found.precision < 0.9 and 0.1 < found.recall < 0.9


# ---- what goes in

CALLS = {
    "mode_coverage": lambda x, y: metrics.mode_coverage(x, y, 1.0),
    "wasserstein_samples": metrics.wasserstein_samples,
    "variance_decomposition": lambda x, y: metrics.variance_decomposition(x),
    "frechet_distance": metrics.frechet_distance,
    "precision_recall": metrics.precision_recall,
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_tensors_and_arrays_of_any_type_give_the_same(call, rng):
    x, y = rng.integers(0, 9, (12, 2)), rng.integers(0, 9, (10, 2))
    expected, kept = call(x.astype(float), y.astype(float)), x.copy()
    for kind in (torch.uint8, torch.bfloat16, torch.float32):
        assert call(torch.tensor(x).to(kind), torch.tensor(y).to(kind)) == expected
    assert call(torch.tensor(x).float().requires_grad_(), y.tolist()) == expected
    assert (x == kept).all()


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("bad, message", [
    (np.zeros(5), r"must have shape \(n, d\) with n >= \d, got shape \(5,\)"),
    (np.zeros((0, 2)), "must be at least one real number"),
    ([["a", "b"]], "must be at least one real number, got <U1"),
])  # fmt: skip
def test_bad_samples_are_named(call, bad, message):
    with pytest.raises(ValueError, match="^(samples|x|real) " + message):
        call(bad, np.zeros((6, 2)))


@pytest.mark.parametrize("call, message", [
    (lambda: metrics.wasserstein_samples([[math.nan, 1]], [[1, 1]]), "x must hold finite numbers, got nan"),
    (lambda: metrics.wasserstein_samples(np.ones((3, 2)), np.ones((3, 3))), r"x and y must have as many columns, got shapes \(3, 2\), \(3, 3\)"),
    (lambda: metrics.mode_coverage(CENTERS, CENTERS, 0), "sigma must be a finite number above 0, got 0"),
    (lambda: metrics.frechet_distance([[1.0]], [[1.0], [2.0]]), r"x must have shape \(n, d\) with n >= 2"),
    (lambda: metrics.precision_recall(np.eye(3), np.eye(4)), r"real must have shape \(n, d\) with n >= 4"),
])  # fmt: skip
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
