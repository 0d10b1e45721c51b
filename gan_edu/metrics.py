"""How well samples fit: modes covered, exact Wasserstein distance, parts of the variance, Fréchet distance, precision, recall.

Samples are arrays or torch tensors (on any device) of shape (n, d), one sample a row; everything is computed in float64.
"""

import math
from collections import namedtuple

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from gan_edu._arguments import check_number
from gan_edu.divergences import finite, kl_divergence, numbers, optimal_transport, wasserstein_1d

K = 3  # precision_recall: a ball reaches to the third nearest other feature
ModeCoverage = namedtuple("ModeCoverage", "modes high_quality reverse_kl")
Parts = namedtuple("VarianceDecomposition", "pooled_mean pooled_std within_std between_std")
PrecisionRecall = namedtuple("PrecisionRecall", "precision recall")


def mode_coverage(samples, centers, sigma):
    """Return how samples spread over equal Gaussian modes, as ModeCoverage(modes, high_quality, reverse_kl).

    samples: (n, d), centers: (k, d), sigma: the standard deviation of each mode. A sample belongs to the nearest centre
    and is of high quality within 3 sigma of it (in two dimensions, 98.9 % of the real samples are). `modes` counts the
    centres with at least one such sample. reverse_kl is KL(share of each centre || uniform), in nats, over *all* samples:
    from 0 to log k, also where none is of high quality; read it together with high_quality.

    Samples that are not finite (a run that diverged) have no nearest centre: they are misses in high_quality and left out
    of reverse_kl, which is inf if there are no others. Srivastava et al. (2017) and Lin et al. (2018), both section 4.1.
    """
    samples, centers = _rows("samples", samples), finite("centers", _rows("centers", centers))
    sigma = check_number("sigma", sigma, low=0, low_open=True)
    placed = samples[np.isfinite(samples).all(axis=1)]
    if len(placed) == 0:
        return ModeCoverage(0, 0.0, math.inf)
    distances = cdist(placed, centers)
    nearest = distances.argmin(axis=1)
    hits = distances.min(axis=1) <= 3 * sigma
    shares = np.bincount(nearest, minlength=len(centers)) / len(placed)
    reverse_kl = kl_divergence(shares, np.full(len(centers), 1 / len(centers)))
    modes = len(np.unique(nearest[hits]))
    return ModeCoverage(modes, float(hits.sum() / len(samples)), reverse_kl)


def wasserstein_samples(x, y):
    """Return the Wasserstein distance of order 1 between two sets of samples in space, in the unit of x.

    x: (n, d), y: (m, d); exact, with Euclidean distances: the cheapest pairing, or the plan of `optimal_transport`, far
    slower, where n and m differ. 2,000 pairs take seconds, in a time that grows with their cube. Two sets drawn from
    the *same* distribution are not at distance 0 either: compare with that. Peyré & Cuturi (2019), sections 2.2 and 2.3.
    """
    x, y = _pair("x", x, "y", y)
    if x.shape[1] == 1:
        return wasserstein_1d(x, y)
    costs, n, m = cdist(x, y), len(x), len(y)
    if n != m:
        return optimal_transport(np.full(n, 1 / n), np.full(m, 1 / m), costs).cost
    return float(costs[linear_sum_assignment(costs)].mean())


def variance_decomposition(samples):
    """Return VarianceDecomposition(pooled_mean, pooled_std, within_std, between_std) of samples (n, F).

    Mean and standard deviation over all numbers, and its two parts, pooled_std^2 = within_std^2 + between_std^2.
    within_std^2: the variance over the n samples, averaged over the features. between_std^2: the variance of the F means
    of the features. Both divide by n and F, not by n - 1, so that they add up (the law of total variance). A generator
    that ignores z has within_std = 0, and between_std can still bring pooled_std to the target. Independent real features
    of standard deviation s have about within_std = s sqrt(1 - 1/n) and between_std = s / sqrt(n). nan throughout if a
    sample is not finite (a run that diverged).
    """
    samples = _rows("samples", samples)
    if not np.isfinite(samples).all():
        return Parts(*[math.nan] * 4)
    within, between = math.sqrt(samples.var(axis=0).mean()), float(samples.mean(axis=0).std())
    return Parts(float(samples.mean()), math.hypot(within, between), within, between)


def frechet_distance(x, y):
    """Return the Fréchet distance d^2 between Gaussians fitted to two sets of features, in the unit of x squared.

    x: (n, d), y: (m, d), with n, m >= 2. d^2 = |mean difference|^2 + tr(C_x + C_y - 2 (C_x C_y)^(1/2)), the covariances C
    over n - 1 and m - 1; they may be singular, as with fewer samples than features. The *square* of a distance, as is
    usual, and the "FID" if the features are those of an Inception network. Few samples bias it upwards: compare only
    equal n and m. Dowson & Landau (1982); Heusel et al. (2017), equation 6.
    """
    x, y = _pair("x", x, "y", y, least=2)
    # R with R^T R = C, of shape (min(n, d), d).
    pair = [np.linalg.qr(s - s.mean(axis=0), mode="r") / math.sqrt(len(s) - 1) for s in (x, y)]
    root_x, root_y = pair
    # The eigenvalues of C_x C_y are the squared singular values of root_x root_y^T. Taking their roots instead would turn
    # rounding errors of 1e-16 into 1e-8 where a covariance is singular, and into complex numbers where they are negative.
    overlap = np.linalg.svd(root_x @ root_y.T, compute_uv=False).sum()
    shift = x.mean(axis=0) - y.mean(axis=0)
    return max(0.0, float(shift @ shift + (root_x**2).sum() + (root_y**2).sum() - 2 * overlap))


def precision_recall(real, generated):
    """Return PrecisionRecall(precision, recall) of generated features, each from 0 to 1.

    real: (n, d), generated: (m, d), with n, m > 3. Precision: the share of generated features inside the balls around the
    real ones, each as wide as the distance to its third nearest other real one; recall: the same with the roles exchanged.
    Kynkäänniemi et al. (2019), equations 1 and 2.
    """
    real, generated = _pair("real", real, "generated", generated, least=K + 1)
    return PrecisionRecall(_share_inside(generated, real), _share_inside(real, generated))


def _share_inside(points, centers):
    """Return the share of points in a ball; some thousand rows at a time, to save memory."""
    around, asked = (np.array_split(x, len(x) // 1000 + 1) for x in (centers, points))
    radii = [np.partition(cdist(few, centers), K)[:, K] for few in around]  # 0: itself
    inside = [(cdist(few, centers) <= np.concatenate(radii)).any(axis=1) for few in asked]
    return float(np.concatenate(inside).mean())


def _rows(name, value, least=1):
    """Return `value` as a float64 array of shape (n, d); ValueError unless n >= least and d >= 1."""
    if hasattr(value, "detach"):  # with a gradient, on a GPU, or of a type that numpy lacks
        value = value.detach().cpu().double()
    array = numbers(name, value)
    shape = array.shape
    if len(shape) != 2 or shape[0] < least:
        raise ValueError(f"{name} must have shape (n, d) with n >= {least}, got shape {shape}")
    return array


def _pair(name, array, other_name, other, least=1):
    """Return both as finite arrays with the same number of columns."""
    array = finite(name, _rows(name, array, least))
    other = finite(other_name, _rows(other_name, other, least))
    a, b = array.shape, other.shape
    if a[1] != b[1]:
        raise ValueError(f"{name} and {other_name} must have as many columns, got shapes {a}, {b}")
    return array, other
