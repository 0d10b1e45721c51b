"""How well samples fit: modes covered, exact Wasserstein distance, parts of the variance, Fréchet distance, precision, recall.

Samples are arrays or torch tensors (on any device) of shape (n, d), one sample a row; everything is computed in float64.
"""

import math
import warnings
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from gan_edu._arguments import check_count, check_number
from gan_edu.divergences import kl_divergence, optimal_transport, wasserstein_1d

LARGE_ASSIGNMENT = 2000  # samples a side: a few seconds on one core, then growing with the cube


@dataclass(frozen=True)
class ModeCoverage:
    """Number of modes hit, share of samples of high quality, reverse KL in nats; see `mode_coverage`."""

    modes: int
    high_quality: float
    reverse_kl: float


def mode_coverage(samples, centers, sigma):
    """Return how samples spread over equal Gaussian modes, as ModeCoverage(modes, high_quality, reverse_kl).

    samples: (n, d), centers: (k, d), sigma: the standard deviation of each mode. A sample belongs to the nearest centre
    and is of high quality within 3 sigma of it (in two dimensions, 98.9 % of the real samples are). `modes` counts the
    centres with at least one such sample. reverse_kl is KL(share of each centre || uniform), in nats, over *all* samples:
    from 0 to log k, also where none is of high quality; read it together with high_quality.

    Samples that are not finite (a run that diverged) have no nearest centre: they are misses in high_quality and left out
    of reverse_kl, which is inf if there are no others. Srivastava et al. (2017) and Lin et al. (2018), both section 4.1.
    """
    samples, centers = _rows("samples", samples, finite=False), _rows("centers", centers)
    _same_width("samples", samples, "centers", centers)
    sigma = check_number("sigma", sigma, low=0, low_open=True)
    finite = samples[np.isfinite(samples).all(axis=1)]
    if len(finite) == 0:
        return ModeCoverage(0, 0.0, math.inf)
    distances = cdist(finite, centers)
    nearest = distances.argmin(axis=1)
    hits = distances.min(axis=1) <= 3 * sigma
    shares = np.bincount(nearest, minlength=len(centers)) / len(finite)
    uniform = np.full(len(centers), 1 / len(centers))
    return ModeCoverage(
        modes=len(np.unique(nearest[hits])),
        high_quality=float(hits.sum() / len(samples)),
        reverse_kl=kl_divergence(shares, uniform),
    )


def wasserstein_samples(x, y, order=1):
    """Return the Wasserstein distance of finite order >= 1 between two sets of samples in space, in the unit of x.

    x: (n, d), y: (m, d); exact, with Euclidean distances: the cheapest pairing. Sizes that differ are brought to their
    least common multiple by repetition, or, where that is over 2,000, left to `optimal_transport`, which is far slower.
    Pairings of over 2,000 samples are warned of. Two sets drawn from the *same* distribution are not at distance 0
    either: compare with that. Peyré & Cuturi (2019), sections 2.2 and 2.3.
    """
    x, y = _rows("x", x), _rows("y", y)
    _same_width("x", x, "y", y)
    order = check_number("order", order, low=1)
    if x.shape[1] == 1:
        return wasserstein_1d(x, y, order)
    distances = cdist(x, y)
    largest = float(distances.max())
    if largest in (0, math.inf):  # inf: squares overflowed, far beyond float32
        return largest
    costs = (distances / largest) ** order  # at most 1: no power overflows
    n, m, pairs = len(x), len(y), math.lcm(len(x), len(y))
    if n != m and pairs > LARGE_ASSIGNMENT:
        return largest * optimal_transport(np.full(n, 1 / n), np.full(m, 1 / m), costs).cost ** (
            1 / order
        )
    if pairs > LARGE_ASSIGNMENT:
        warnings.warn(
            f"wasserstein_samples pairs {n:,} samples exactly, in a time that grows with their cube and "
            f"{16 * n * n / 1e6:,.0f} MB: a random subset of at most {LARGE_ASSIGNMENT:,} takes seconds",
            stacklevel=2,
        )
    costs = costs.repeat(pairs // n, axis=0).repeat(pairs // m, axis=1)
    return largest * float(costs[linear_sum_assignment(costs)].mean()) ** (1 / order)


@dataclass(frozen=True)
class VarianceDecomposition:
    """Mean and standard deviation over all numbers, and its two parts: pooled_std^2 = within_std^2 + between_std^2."""

    pooled_mean: float
    pooled_std: float
    within_std: float
    between_std: float


def variance_decomposition(samples):
    """Return the VarianceDecomposition of samples (n, F): the spread over samples, and the offsets between features.

    within_std^2: the variance over the n samples, averaged over the features. between_std^2: the variance of the F means
    of the features. Both divide by n and F, not by n - 1, so that they add up (the law of total variance). A generator
    that ignores z has within_std = 0, and between_std can still bring pooled_std to the target. Independent real features
    of standard deviation s have about within_std = s sqrt(1 - 1/n) and between_std = s / sqrt(n). nan throughout if a
    sample is not finite (a run that diverged).
    """
    samples = _rows("samples", samples, finite=False)
    if not np.isfinite(samples).all():
        return VarianceDecomposition(*[math.nan] * 4)
    within, between = math.sqrt(samples.var(axis=0).mean()), float(samples.mean(axis=0).std())
    return VarianceDecomposition(
        float(samples.mean()), math.hypot(within, between), within, between
    )


def frechet_distance(x, y):
    """Return the Fréchet distance d^2 between Gaussians fitted to two sets of features, in the unit of x squared.

    x: (n, d), y: (m, d), with n, m >= 2. d^2 = |mean difference|^2 + tr(C_x + C_y - 2 (C_x C_y)^(1/2)), the covariances C
    over n - 1 and m - 1; they may be singular, as with fewer samples than features. The *square* of a distance, as is
    usual, and the "FID" if the features are those of an Inception network. Few samples bias it upwards: compare only
    equal n and m. Dowson & Landau (1982); Heusel et al. (2017), equation 6.
    """
    x, y = _rows("x", x, least=2), _rows("y", y, least=2)
    _same_width("x", x, "y", y)
    root_x, root_y = _covariance_root(x), _covariance_root(y)
    # The eigenvalues of C_x C_y are the squared singular values of root_x root_y^T. Taking their roots instead would turn
    # rounding errors of 1e-16 into 1e-8 where a covariance is singular, and into complex numbers where they are negative.
    overlap = np.linalg.svd(root_x @ root_y.T, compute_uv=False).sum()
    shift = x.mean(axis=0) - y.mean(axis=0)
    return max(0.0, float(shift @ shift + (root_x**2).sum() + (root_y**2).sum() - 2 * overlap))


def _covariance_root(x):
    """Return R of shape (min(n, d), d) with R^T R = the covariance of x."""
    return np.linalg.qr(x - x.mean(axis=0), mode="r") / math.sqrt(len(x) - 1)


@dataclass(frozen=True)
class PrecisionRecall:
    """Share of generated samples that look real, share of real ones that could be generated; see `precision_recall`."""

    precision: float
    recall: float


def precision_recall(real, generated, k=3):
    """Return PrecisionRecall(precision, recall) of generated features, each from 0 to 1.

    real: (n, d), generated: (m, d), with n, m > k. Precision: the share of generated features inside the balls around the
    real ones, each as wide as the distance to its k-th nearest other real one; recall: the same with the roles exchanged.
    Kynkäänniemi et al. (2019), equations 1 and 2.
    """
    k = check_count("k", k)
    real, generated = _rows("real", real, least=k + 1), _rows("generated", generated, least=k + 1)
    _same_width("real", real, "generated", generated)
    return PrecisionRecall(_share_inside(generated, real, k), _share_inside(real, generated, k))


def _share_inside(points, centers, k):
    radii = np.concatenate(
        [np.partition(cdist(few, centers), k)[:, k] for few in _blocks(centers)]
    )  # 0: itself
    return float(
        np.concatenate(
            [(cdist(few, centers) <= radii).any(axis=1) for few in _blocks(points)]
        ).mean()
    )


def _blocks(rows, size=1000):
    return (rows[i : i + size] for i in range(0, len(rows), size))


def _rows(name, value, finite=True, least=1):
    """Return `value` as a float64 array of shape (n, d); ValueError unless n >= least, d >= 1 and, if asked, all finite."""
    if hasattr(
        value, "detach"
    ):  # a torch tensor, perhaps with a gradient, on a GPU, or of a type that numpy lacks
        value = value.detach().cpu()
        value = value.double() if value.is_floating_point() else value
    try:
        array = np.asarray(value)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must be an array of shape (n, d), got a {type(value).__name__}: {error}"
        ) from error
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{name} must hold real numbers, got entries of type {array.dtype}")
    if array.ndim != 2 or len(array) < least or array.shape[1] == 0:
        raise ValueError(
            f"{name} must have shape (n, d) with n >= {least} and d >= 1, got shape {array.shape}"
        )
    array = array.astype(np.float64)
    if finite and not np.isfinite(array).all():
        raise ValueError(f"{name} must hold finite numbers, got {array[~np.isfinite(array)][0]}")
    return array


def _same_width(name, array, other_name, other):
    if array.shape[1] != other.shape[1]:
        raise ValueError(
            f"{name} and {other_name} must have the same number of columns, got shapes {array.shape} and {other.shape}"
        )
