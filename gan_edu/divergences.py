"""Divergences and distances between distributions: exact, without networks, in nats (natural logarithm).

Probability vectors p and q may have any shape (a histogram of pictures, say), but the same; ValueError for anything else.
Their sums may be off by 1e-6, as after rounding to float32; what is off is divided out, so that no result is negative.
0 log 0 = 0 throughout.
"""

import math
import warnings
from collections import namedtuple

import numpy as np
from scipy import sparse
from scipy.optimize import linprog
from scipy.special import entr, rel_entr, xlogy

from gan_edu._arguments import check_number

LARGE_TRANSPORT = 100_000  # unknowns of a linear programme: about 2 seconds on one core, then growing with the square
NEGLIGIBLE_MASS = 1e-12  # of p, where the values of q have underflowed to 0
TransportPlan = namedtuple("TransportPlan", "plan cost potentials")


def numbers(name, value):
    """Return `value` as an array of floats, at least 1-D; ValueError unless all are real numbers."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        kind = type(value).__name__
        raise ValueError(f"{name} must be an array of numbers, got a {kind}: {error}") from error
    kind, shape = array.dtype, array.shape
    if kind.kind not in "iuf" or not shape or 0 in shape:
        raise ValueError(f"{name} must be at least one real number, got {kind} of shape {shape}")
    return array.astype(float)


def finite(name, array):
    """Return the array; ValueError unless all its numbers are finite."""
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must hold finite numbers, got {array[~np.isfinite(array)][0]}")
    return array


def _probabilities(name, value):
    """Return `value` as probabilities whose sum is 1 to rounding."""
    array = finite(name, numbers(name, value))
    if array.min() < 0:
        raise ValueError(f"{name} must not be negative, its smallest entry is {array.min():g}")
    total = array.sum()
    if not abs(total - 1) <= 1e-6:
        raise ValueError(f"{name} must sum to 1 (within 1e-6), its sum is {total:.8g}")
    return array / total


def _pair(p, q):
    p, q = _probabilities("p", p), _probabilities("q", q)
    if p.shape != q.shape:
        raise ValueError(f"p and q must have the same shape, got {p.shape} and {q.shape}")
    return p, q


def entropy(p):
    """Return -sum p log p, in nats: 0 for a sure outcome, log n for n equal ones. Shannon (1948)."""
    return max(0.0, float(entr(_probabilities("p", p)).sum()))


def cross_entropy(p, q):
    """Return -sum p log q, in nats: the entropy of p plus KL(p || q); inf where q = 0 < p."""
    p, q = _pair(p, q)
    return max(0.0, float(-xlogy(p, q).sum()))


def kl_divergence(p, q):
    """Return KL(p || q) = sum p log(p / q), in nats: not symmetric, inf where q = 0 < p. Kullback & Leibler (1951)."""
    return max(0.0, float(rel_entr(*_pair(p, q)).sum()))


def js_divergence(p, q):
    """Return (KL(p || m) + KL(q || m)) / 2 with m = (p + q) / 2, in nats: symmetric, from 0 to log 2 = 0.693.

    Its square root is a distance. Lin (1991).
    """
    return _js(*_pair(p, q))


def _js(p, q):
    # p log(p / m) is half of 2p log(2p / (p + q)): m itself would underflow to 0 next to the smallest numbers
    total = (rel_entr(2 * p, p + q) + rel_entr(2 * q, p + q)).sum() / 4
    return min(max(0.0, float(total)), math.log(2))


def total_variation(p, q):
    """Return sum |p - q| / 2, from 0 to 1: the largest difference in probability that p and q give to any event."""
    p, q = _pair(p, q)
    return min(float(np.abs(p - q).sum() / 2), 1.0)


def kl_gaussians(mu_p, sigma_p, mu_q, sigma_q):
    """Return KL(N(mu_p, sigma_p^2) || N(mu_q, sigma_q^2)) on the line, in nats.

    Scalars; ValueError unless both sigmas are above 0. The Gaussian case of Kullback & Leibler (1951).
    """
    mu_p, mu_q = check_number("mu_p", mu_p), check_number("mu_q", mu_q)
    sigma_p = check_number("sigma_p", sigma_p, low=0, low_open=True)
    sigma_q = check_number("sigma_q", sigma_q, low=0, low_open=True)
    ratio, shift = sigma_p / sigma_q, (mu_p - mu_q) / sigma_q
    return max(0.0, math.log(sigma_q) - math.log(sigma_p) + (ratio * ratio + shift * shift - 1) / 2)


def wasserstein_gaussians(mu_p, sigma_p, mu_q, sigma_q, order=2):
    """Return the Wasserstein distance of order 1 or 2 between two Gaussians on the line, in the unit of x.

    Scalars; ValueError unless both sigmas are at least 0 (0: a point mass). Both quantile functions are linear in that
    of Z ~ N(0, 1), so that W = (E |Δmu + Δsigma Z|^order)^(1/order): for order 2 sqrt(Δmu^2 + Δsigma^2), for order 1
    the mean of a folded normal distribution. Villani (2009), chapter 6.
    """
    shift = abs(check_number("mu_p", mu_p) - check_number("mu_q", mu_q))
    width = abs(check_number("sigma_p", sigma_p, low=0) - check_number("sigma_q", sigma_q, low=0))
    if order not in (1, 2):
        raise ValueError(f"order must be 1 or 2, got {order!r}")
    if order == 2 or width == 0:
        return math.hypot(shift, width)
    r = shift / width
    inside = width * math.sqrt(2 / math.pi) * math.exp(-r * r / 2)
    return inside + shift * math.erf(r / math.sqrt(2))


def kl_from_densities(p, q, grid, log=False):
    """Return KL(p || q) = integral of p log(p / q) over the grid, in nats, by the trapezoid rule.

    p, q: functions of x, or their values on the grid, of shape (n,); with log=True, log densities, whose ratio stays exact
    where the densities underflow to 0. grid: (n,), increasing, evenly spaced or not. ValueError if p or q does not
    integrate to 1 within 1e-3; what is off is divided out, as if both were cut off at the ends of the grid.

    inf where q = 0 < p. But values that are 0 may have underflowed, and the grid ignores what p has beyond its ends
    anyway: with log=False, p is ignored where q = 0, as long as its probability there is below 1e-12 in all.
    """
    grid = _grid(grid)
    log_p, mass_p = _masses("p", p, grid, log)
    log_q, _ = _masses("q", q, grid, log)
    somewhere = mass_p > 0
    if not log and mass_p[log_q == -np.inf].sum() < NEGLIGIBLE_MASS:
        somewhere &= log_q > -np.inf
    ratio = np.subtract(log_p, log_q, where=somewhere, out=np.zeros_like(grid))
    return max(0.0, float((mass_p * ratio).sum()))


def js_from_densities(p, q, grid, log=False):
    """Return the Jensen-Shannon divergence of two densities, in nats, by the trapezoid rule; from 0 to log 2.

    Arguments and errors as for `kl_from_densities`; underflow does no harm here, as no ratio p / m exceeds 2.
    """
    grid = _grid(grid)
    return _js(_masses("p", p, grid, log)[1], _masses("q", q, grid, log)[1])


def _grid(grid):
    grid, wanted = finite("grid", numbers("grid", grid)), "increasing, of shape (n,) with n >= 2"
    if grid.ndim != 1 or len(grid) < 2 or not (np.diff(grid) > 0).all():
        raise ValueError(f"grid must be {wanted}, got shape {grid.shape}: {grid}")
    return grid


def _masses(name, density, grid, log):
    """Return the log density on the grid, normalised there, and the probabilities that the trapezoid rule gives the points."""
    values = numbers(name, density(grid) if callable(density) else density)
    finite(name, values[values > -np.inf] if log else values)
    if values.shape != grid.shape:
        expected = f"one number for each point of the grid, {grid.shape}"
        raise ValueError(f"{name} must give {expected}, got shape {values.shape}")
    if not log and (low := values.min()) < 0:
        raise ValueError(f"{name} must not be negative (unless log=True), its minimum is {low:g}")
    weights = (np.diff(grid, append=grid[-1]) + np.diff(grid, prepend=grid[0])) / 2
    with np.errstate(divide="ignore", over="ignore"):  # log 0 = -inf is meant
        log_values = values if log else np.log(values)
        masses = weights * (np.exp(values) if log else values)
        total = masses.sum()
    if not abs(total - 1) <= 1e-3:
        reason = f"the grid is too short or too coarse, or {name} is no {'log ' * log}density"
        wanted = f"{name} must integrate to 1 (within 1e-3) over the grid"
        raise ValueError(f"{wanted}, its integral is {total:.6g}: {reason}")
    return log_values - math.log(total), masses / total


def wasserstein_1d(x, y, order=1):
    """Return the Wasserstein distance of finite order >= 1 between two sets of samples on the line, in the unit of x.

    x: (n,) or (n, 1), y: (m,) or (m, 1); each sample has weight 1/n or 1/m. Exact, also for different sizes: the distance
    between the two quantile functions. Peyré & Cuturi (2019), section 2.6.
    """
    order = check_number("order", order, low=1)
    x, y = np.sort(_samples("x", x)), np.sort(_samples("y", y))
    n, m = len(x), len(y)
    # the quantile functions jump at i / n and j / m: counted in units of 1 / (n m), these are whole numbers, free of rounding
    levels = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)
    distances = np.abs(x[(levels - 1) // m] - y[(levels - 1) // n])
    largest = float(distances.max())
    if largest in (0, math.inf):
        return largest
    weights = np.diff(levels, prepend=0) / (n * m)
    mean = float(weights @ (distances / largest) ** order)  # no power overflows
    return largest * mean ** (1 / order)


def _samples(name, value):
    array = finite(name, numbers(name, value))
    if array.size != len(array) or array.ndim > 2:
        wanted = "samples on the line, of shape (n,) or (n, 1)"
        raise ValueError(f"{name} must be {wanted}, got shape {array.shape}")
    return array.ravel()


def optimal_transport(a, b, cost):
    """Return TransportPlan(plan (n, m), cost, potentials (f (n,), g (m,))) from a to b of the least cost, sum of plan * cost.

    a: (n,), b: (m,), probability vectors; zeros are allowed. cost: (n, m), finite, any sign; for the Wasserstein distance
    of order r, pass distances^r and take the r-th root. An exact linear programme. The plan has row sums a and column sums b.
    The potentials prove that no plan is cheaper: f_i + g_j <= cost_ij everywhere and sum f a + sum g b = cost, to 1e-10 of
    the largest cost or so; f[0] = 0, and each is the largest that the other allows. UserWarning above 100,000 entries.
    Peyré & Cuturi (2019), sections 2.3 and 2.5.
    """
    a, b = _probabilities("a", a), _probabilities("b", b)
    n, m, cost = len(a), len(b), finite("cost", numbers("cost", cost))
    if a.ndim + b.ndim > 2 or cost.shape != (n, m):
        wanted = "a, b and cost must have shapes (n,), (m,) and (n, m)"
        raise ValueError(f"{wanted}, got {a.shape}, {b.shape} and {cost.shape}")
    if n * m > LARGE_TRANSPORT:
        task = f"optimal_transport of {n} x {m} points is a linear programme with {n * m:,} unknown"
        price = f"about {2 * (n * m / 1e5) ** 2:.0f} s and {1.3e-3 * n * m:.0f} MB"
        other = "For samples on the line, wasserstein_1d is immediate; otherwise take fewer points."
        warnings.warn(f"{task} numbers: expect {price}. {other}", stacklevel=2)
    rows = sparse.kron(sparse.eye_array(n), np.ones((1, m)))
    columns = sparse.kron(np.ones((1, n)), sparse.eye_array(m))
    # One sum follows from all the others. Left in, it contradicts them by a rounding error, which can cost a factor of
    # ten in time; the largest one can take up that error. The solver's tolerances are absolute: hence costs from 0 to 1,
    # and a mass of 1000.
    kept, span, mass = np.arange(n + m) != a.argmax(), float(np.ptp(cost)) or 1.0, 1000
    sums = sparse.vstack([rows, columns], format="csr")[kept], mass * np.concatenate([a, b])[kept]
    options = {f"{kind}_feasibility_tolerance": 1e-10 for kind in ("primal", "dual")}
    scaled = ((cost - cost.min()) / span).ravel()
    result = linprog(scaled, A_eq=sums[0], b_eq=sums[1], method="highs", options=options)
    if not result.success:
        raise RuntimeError(f"the linear programme was not solved: {result.message}")
    plan = np.maximum(result.x.reshape(n, m) / mass, 0)
    f = span * np.insert(result.eqlin.marginals[: n - 1], a.argmax(), 0)
    # The largest g that f allows, then the largest f: feasible without a tolerance.
    g = (cost - f[:, None]).min(axis=0)
    f = (cost - g).min(axis=1)
    return TransportPlan(plan, float((plan * cost).sum()), (f - f[0], g + f[0]))
