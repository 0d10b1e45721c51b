"""The metrics against brute force, closed forms, scipy and scikit-learn, and numbers worked out by hand."""

import itertools
import math
import statistics
import warnings

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
import torch
from sklearn.neighbors import NearestNeighbors

from gan_edu import datasets, metrics


@pytest.fixture
def rng():
    return np.random.default_rng(0)


CENTERS = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])


def test_mode_coverage_by_hand():
    samples = [
        [0, 0],
        [3, 0],
        [3.001, 0],
        [10, 1],
        [0, 15],
    ]  # hit, hit on the edge, near miss, hit, far miss
    coverage = metrics.mode_coverage(np.array(samples), CENTERS, sigma=1.0)
    assert coverage.modes == 2 and coverage.high_quality == 0.6
    assert coverage.reverse_kl == pytest.approx(
        0.6 * math.log(1.8) + 0.4 * math.log(0.6), abs=1e-12
    )


def test_mode_coverage_of_extremes():
    assert metrics.mode_coverage(CENTERS, CENTERS, 0.1) == metrics.ModeCoverage(3, 1.0, 0.0)
    collapsed = metrics.mode_coverage(np.zeros((7, 2)), CENTERS, 0.1)
    assert collapsed == metrics.ModeCoverage(1, 1.0, pytest.approx(math.log(3)))
    nowhere = metrics.mode_coverage(
        CENTERS + 1.0, CENTERS, 0.1
    )  # evenly spread, but none of high quality
    assert nowhere == metrics.ModeCoverage(0, 0.0, 0.0)
    # a sample within 3 sigma of two centres counts for the nearer one only
    assert metrics.mode_coverage([[0.5]], [[0.0], [2.0]], 1.0).modes == 1
    assert metrics.mode_coverage([[0.5], [1.5]], [[0.0], [2.0]], 1.0).modes == 2


def test_mode_coverage_by_brute_force(rng):
    centers = rng.normal(size=(6, 3))
    samples = np.concatenate(
        [
            centers[rng.integers(5, size=80)] + 0.3 * rng.normal(size=(80, 3)),
            9 + rng.normal(size=(20, 3)),
        ]
    )
    counts, hit_modes, hits = [0] * 6, set(), 0
    for sample in samples:
        distances = [math.dist(sample, center) for center in centers]
        nearest = distances.index(min(distances))
        counts[nearest] += 1
        if min(distances) <= 3 * 0.2:
            hits += 1
            hit_modes.add(nearest)
    assert 0 < hits < 100 and len(hit_modes) > 1
    coverage = metrics.mode_coverage(samples, centers, 0.2)
    assert (coverage.modes, coverage.high_quality) == (len(hit_modes), hits / 100)
    assert coverage.reverse_kl == pytest.approx(
        scipy.stats.entropy(np.array(counts) / 100, np.full(6, 1 / 6))
    )


def test_real_samples_are_of_high_quality():
    samples = datasets.gaussian_grid(20_000, generator=torch.Generator().manual_seed(0))
    coverage = metrics.mode_coverage(samples, datasets.grid_centers(), sigma=0.05)
    assert coverage.modes == 25 and coverage.reverse_kl < 0.002
    hits = round(coverage.high_quality * 20_000)
    assert (
        scipy.stats.binomtest(hits, 20_000, 1 - math.exp(-4.5)).pvalue > 0.001
    )  # P(|x| < 3 sigma) in two dimensions


def test_mode_coverage_of_runs_that_diverged():
    bad = [[np.nan, 0], [0, np.inf], [-np.inf, np.nan]]
    assert metrics.mode_coverage(bad, CENTERS, 1.0) == metrics.ModeCoverage(0, 0.0, math.inf)
    partly = metrics.mode_coverage([*bad, [0, 0]], CENTERS, 1.0)
    assert partly == metrics.ModeCoverage(1, 0.25, pytest.approx(math.log(3)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        far = metrics.mode_coverage(torch.full((5, 2), 3e38), CENTERS, 1.0)
    assert (far.modes, far.high_quality) == (0, 0.0)


def cheapest_pairing(x, y, order):
    """The Wasserstein distance by trying all pairings of points, repeated to equal numbers."""
    pairs = math.lcm(len(x), len(y))
    x, y = (
        [p for p in x for _ in range(pairs // len(x))],
        [p for p in y for _ in range(pairs // len(y))],
    )
    costs = (
        sum(math.dist(a, b) ** order for a, b in zip(x, other))
        for other in itertools.permutations(y)
    )
    return (min(costs) / pairs) ** (1 / order)


@pytest.mark.parametrize("order", [1, 2, 3.5])
@pytest.mark.parametrize(
    "n, m, d", [(1, 1, 2), (5, 5, 2), (6, 6, 3), (2, 3, 2), (6, 3, 1), (7, 7, 1)]
)
def test_wasserstein_by_brute_force(rng, n, m, d, order):
    x, y = rng.normal(size=(n, d)), 1 + 2 * rng.normal(size=(m, d))
    assert metrics.wasserstein_samples(x, y, order) == pytest.approx(
        cheapest_pairing(x, y, order), rel=1e-9
    )


@pytest.mark.parametrize(
    "n, m", [(40, 40), (20, 60), (47, 53)]
)  # 47 x 53 > 2000: by the linear programme
def test_wasserstein_against_scipy(rng, n, m):
    x, y = rng.normal(size=(n, 2)), rng.normal(size=(m, 2)) * [1, 3]
    expected = scipy.stats.wasserstein_distance_nd(x, y)
    assert metrics.wasserstein_samples(x, y) == pytest.approx(expected, rel=1e-6)
    assert metrics.wasserstein_samples(y, x) == pytest.approx(expected, rel=1e-6)
    assert metrics.wasserstein_samples(x, y, 2) > 1.001 * expected  # Jensen


@pytest.mark.parametrize("order", [1, 2, 20])
@pytest.mark.parametrize("size", [1e-37, 1.0, 1e37])  # what float32 holds
def test_wasserstein_of_a_shift_is_its_length(rng, order, size):
    x = size * rng.normal(size=(300, 2))
    shifted = rng.permutation(x + size * np.array([3.0, 4.0]))
    assert metrics.wasserstein_samples(x, shifted, order) == pytest.approx(
        5 * size, rel=1e-9, abs=0
    )
    assert metrics.wasserstein_samples(x, rng.permutation(x), order) == 0


def test_wasserstein_on_the_line_is_immediate_for_any_sizes(rng):
    x, y = rng.normal(size=(5_000, 1)), rng.gamma(2, size=(4_999, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        distance = metrics.wasserstein_samples(x, y)
    assert distance == pytest.approx(
        scipy.stats.wasserstein_distance(x.ravel(), y.ravel()), rel=1e-9
    )


def test_wasserstein_of_points_that_coincide():
    assert metrics.wasserstein_samples(np.ones((4, 2)), np.ones((6, 2)), 2) == 0
    assert (
        metrics.wasserstein_samples(np.full((4, 2), 1e200), np.zeros((4, 2))) == math.inf
    )  # its squares overflow


def test_large_pairings_are_warned_of(rng, monkeypatch):
    monkeypatch.setattr(metrics, "LARGE_ASSIGNMENT", 6)
    x, y = rng.normal(size=(7, 2)), rng.normal(size=(7, 2))
    with pytest.warns(UserWarning, match="pairs 7 samples exactly"):
        distance = metrics.wasserstein_samples(x, y)
    assert distance == pytest.approx(cheapest_pairing(x, y, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metrics.wasserstein_samples(x[:6], y[:6])
        assert metrics.wasserstein_samples(x[:2], y[:4]) == pytest.approx(
            cheapest_pairing(x[:2], y[:4], 1)
        )
        transported = metrics.wasserstein_samples(
            x[:2], y[:5], 2
        )  # 10 pairs: by the linear programme
    monkeypatch.undo()
    assert transported == pytest.approx(metrics.wasserstein_samples(x[:2], y[:5], 2), rel=1e-6)


def test_variance_decomposition_by_hand():
    parts = metrics.variance_decomposition(
        [[1, 5], [3, 5]]
    )  # features: mean 2, variance 1; mean 5, variance 0
    assert (parts.pooled_mean, parts.within_std, parts.between_std) == (3.5, math.sqrt(0.5), 1.5)
    assert parts.pooled_std == pytest.approx(math.sqrt(2.75), rel=1e-15)


def test_variance_decomposition_adds_up(rng):
    samples = rng.normal(size=(30, 7)) * rng.uniform(0, 3, 7) + 5 * rng.normal(size=7)
    parts = metrics.variance_decomposition(samples)
    columns = samples.T.tolist()
    assert parts.pooled_mean == pytest.approx(statistics.fmean(samples.ravel().tolist()))
    assert parts.pooled_std == pytest.approx(statistics.pstdev(samples.ravel().tolist()), rel=1e-12)
    assert parts.within_std == pytest.approx(
        math.sqrt(statistics.fmean(map(statistics.pvariance, columns))), rel=1e-12
    )
    assert parts.between_std == pytest.approx(
        statistics.pstdev(map(statistics.fmean, columns)), rel=1e-12
    )
    assert parts.pooled_std**2 == pytest.approx(
        parts.within_std**2 + parts.between_std**2, rel=1e-14
    )


def test_pooled_numbers_can_deceive(rng):
    real = metrics.variance_decomposition(
        3 + 2 * torch.randn(100, 4096, generator=torch.Generator().manual_seed(0))
    )
    assert real.within_std == pytest.approx(2 * math.sqrt(0.99), rel=0.01)
    assert real.between_std == pytest.approx(2 / math.sqrt(100), rel=0.05)
    constant = metrics.variance_decomposition(
        np.tile(rng.normal(3, 1, 512), (100, 1))
    )  # ignores z altogether
    assert constant.within_std == pytest.approx(0, abs=1e-12)
    assert constant.pooled_mean == pytest.approx(
        3, abs=0.2
    ) and constant.pooled_std == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_variance_decomposition_of_a_run_that_diverged(bad):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parts = metrics.variance_decomposition([[1.0, bad], [2.0, 3.0]])
    assert all(math.isnan(part) for part in vars(parts).values())


def samples_with(rng, mean, covariance_root, n=50):
    """Samples whose mean and covariance (over n - 1) are exactly `mean` and `covariance_root @ covariance_root.T`."""
    white = rng.normal(size=(n, covariance_root.shape[1]))
    white -= white.mean(0)
    white = np.linalg.solve(np.linalg.cholesky(white.T @ white / (n - 1)), white.T).T
    return np.asarray(mean) + white @ covariance_root.T


def test_frechet_distance_by_hand():
    # variances 2 and 8 over n - 1, means 0 and 3: 9 + (sqrt 8 - sqrt 2)^2
    assert metrics.frechet_distance([[-1.0], [1.0]], [[1.0], [5.0]]) == pytest.approx(
        9 + 2, rel=1e-12
    )


def test_frechet_distance_of_diagonal_covariances(rng):
    mean_x, mean_y = rng.normal(size=5), rng.normal(size=5)
    std_x, std_y = rng.uniform(0.1, 3, 5), rng.uniform(0.1, 3, 5)
    x, y = (
        samples_with(rng, mean_x, np.diag(std_x)),
        samples_with(rng, mean_y, np.diag(std_y), n=80),
    )
    expected = ((mean_x - mean_y) ** 2).sum() + ((std_x - std_y) ** 2).sum()
    assert metrics.frechet_distance(x, y) == pytest.approx(expected, rel=1e-10)


def test_frechet_distance_against_the_square_root_of_a_matrix(rng):
    x, y = (
        rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6)),
        1 + rng.normal(size=(90, 6)) @ rng.normal(size=(6, 6)),
    )
    cov_x, cov_y = np.cov(x.T), np.cov(y.T)
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(
        cov_x + cov_y - 2 * scipy.linalg.sqrtm(cov_x @ cov_y).real
    )
    assert metrics.frechet_distance(x, y) == pytest.approx(expected, rel=1e-8)
    assert metrics.frechet_distance(y, x) == pytest.approx(expected, rel=1e-8)


def test_frechet_distance_of_singular_covariances(rng):
    directions = np.linalg.qr(rng.normal(size=(40, 40)))[0]  # of 40 features, two or three vary
    along, across = directions[:, :1], directions[:, 1:2]
    x, zero = samples_with(rng, np.zeros(40), 3 * along, n=10), np.zeros(40)
    assert metrics.frechet_distance(x, samples_with(rng, zero, 5 * along, n=12)) == pytest.approx(
        4, rel=1e-10
    )
    assert metrics.frechet_distance(x, samples_with(rng, zero, 5 * across, n=12)) == pytest.approx(
        34, rel=1e-10
    )
    assert metrics.frechet_distance(x, np.zeros((7, 40))) == pytest.approx(9, rel=1e-10)
    assert metrics.frechet_distance(x, x) == pytest.approx(0, abs=1e-13)
    assert metrics.frechet_distance(x, x + 1e-5 * across.T) == pytest.approx(1e-10, rel=1e-3)
    few, others = (
        rng.normal(size=(30, 3)),
        2 * rng.normal(size=(20, 3)),
    )  # turning the space changes nothing
    embedded = metrics.frechet_distance(few @ directions[:3], others @ directions[:3])
    assert embedded == pytest.approx(metrics.frechet_distance(few, others), rel=1e-10)


def test_precision_recall_by_hand():
    real, generated = [[0.0], [1], [2], [3]], [[0.5], [4.0], [4.5], [10]]
    # k = 1: all real balls have radius 1 and hold 0.5 and, on the edge, 4; those of the generated 3.5, 0.5, 0.5, 5.5
    assert metrics.precision_recall(real, generated, k=1) == metrics.PrecisionRecall(0.5, 1.0)
    assert metrics.precision_recall(generated, real, k=1) == metrics.PrecisionRecall(1.0, 0.5)
    collapsed = metrics.precision_recall(real, [[1.0]] * 5)
    assert collapsed == metrics.PrecisionRecall(
        1.0, 0.25
    )  # its balls have radius 0 and hold a real 1 only
    assert metrics.precision_recall(real, np.array(real) + 100) == metrics.PrecisionRecall(0.0, 0.0)
    assert metrics.precision_recall(real, real) == metrics.PrecisionRecall(1.0, 1.0)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_precision_recall_by_brute_force(rng, k):
    real, generated = rng.normal(size=(25, 2)), rng.normal(size=(15, 2)) * [0.5, 2]

    def share(points, centers):
        inside = 0
        for point in points:
            for i, center in enumerate(centers):
                others = sorted(
                    math.dist(center, other) for j, other in enumerate(centers) if j != i
                )
                if math.dist(point, center) <= others[k - 1]:
                    inside += 1
                    break
        return inside / len(points)

    expected = metrics.PrecisionRecall(share(generated, real), share(real, generated))
    assert expected.precision != expected.recall
    assert metrics.precision_recall(real, generated, k) == expected
    assert metrics.precision_recall(generated, real, k) == metrics.PrecisionRecall(
        expected.recall, expected.precision
    )


def test_precision_recall_of_many_samples_and_the_default_k(rng):
    real, generated = rng.normal(size=(2_300, 4)), 1 + rng.normal(size=(1_700, 4))

    def share(points, centers):
        radii = (
            NearestNeighbors(n_neighbors=3).fit(centers).kneighbors()[0][:, -1]
        )  # without the point itself
        distances = np.linalg.norm(points[:, None] - centers, axis=2)
        return (distances <= radii).any(1).mean()

    found = metrics.precision_recall(real, generated)
    assert found == metrics.PrecisionRecall(share(generated, real), share(real, generated))
    assert 0.1 < found.precision < 0.9 and 0.1 < found.recall < 0.9


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
    expected = call(x.astype(float), y.astype(float))
    kept = x.copy()
    tensor_x, tensor_y = torch.tensor(x), torch.tensor(y)
    for kind in (torch.uint8, torch.int64, torch.float16, torch.bfloat16, torch.float32):
        assert call(tensor_x.to(kind), tensor_y.to(kind)) == expected
    assert call(tensor_x.float().requires_grad_(), tensor_y.float()) == expected
    assert (
        call(x.tolist(), y.astype(np.uint8)) == expected
    )  # unsigned differences must not wrap around
    assert call(x.astype(np.float16), y.astype(np.float32)) == expected
    assert call(np.asfortranarray(x), y) == expected and (x == kept).all()


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(
    "bad, message",
    [
        (np.zeros(5), r"must have shape \(n, d\) with n >= \d and d >= 1, got shape \(5,\)"),
        (np.zeros((5, 0)), r"got shape \(5, 0\)"),
        (np.zeros((0, 2)), r"got shape \(0, 2\)"),
        (torch.zeros(5, 1, 2), r"got shape \(5, 1, 2\)"),
        (np.zeros((5, 2), complex), "must hold real numbers, got entries of type complex128"),
        (torch.ones(5, 2, dtype=torch.bool), "must hold real numbers, got entries of type bool"),
        ("abc", "must hold real numbers"),
        (None, "must hold real numbers"),
        ([[1, 2], [3]], "must be an array of shape"),
    ],
)
def test_bad_samples_are_named(call, bad, message):
    name = r"^(samples|x|real) "
    with pytest.raises(ValueError, match=name + ".*" + message):
        call(bad, np.zeros((5, 2)))


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda: metrics.mode_coverage([[0, 0]], [[0]], 1),
            r"samples and centers must have the same number of columns",
        ),
        (
            lambda: metrics.mode_coverage([[0]], [[np.nan]], 1),
            "centers must hold finite numbers, got nan",
        ),
        (
            lambda: metrics.mode_coverage([[0]], [[0]], 0),
            "sigma must be a finite number above 0, got 0",
        ),
        (
            lambda: metrics.wasserstein_samples([[0]], [[0, 1]]),
            r"same number of columns, got shapes \(1, 1\) and \(1, 2\)",
        ),
        (
            lambda: metrics.wasserstein_samples([[0]], [[0]], 0.5),
            "order must be a finite number at least 1, got 0.5",
        ),
        (
            lambda: metrics.wasserstein_samples([[0]], [[np.inf]]),
            "y must hold finite numbers, got inf",
        ),
        (
            lambda: metrics.frechet_distance([[0]], [[0], [1]]),
            r"x must have shape \(n, d\) with n >= 2",
        ),
        (
            lambda: metrics.frechet_distance([[0], [1]], [[0]]),
            r"y must have shape \(n, d\) with n >= 2",
        ),
        (
            lambda: metrics.frechet_distance([[0], [np.nan]], [[0], [1]]),
            "x must hold finite numbers, got nan",
        ),
        (
            lambda: metrics.frechet_distance([[0], [1]], [[0, 1]] * 2),
            "x and y must have the same number of columns",
        ),
        (
            lambda: metrics.precision_recall([[0]] * 3, [[0]] * 4),
            r"real must have shape \(n, d\) with n >= 4",
        ),
        (
            lambda: metrics.precision_recall([[0]] * 4, [[0]] * 3),
            r"generated must have shape \(n, d\) with n >= 4",
        ),
        (
            lambda: metrics.precision_recall([[0]] * 4, [[0]] * 4, k=0),
            "k must be a whole number of at least 1, got 0",
        ),
        (
            lambda: metrics.precision_recall([[0]] * 4, [[0, 1]] * 4),
            "real and generated must have the same number",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
