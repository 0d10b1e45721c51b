"""Lesson 14: checks of its exercises."""

import numpy as np
import torch
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist

from gan_edu.examine import check
from gan_edu.metrics import frechet_distance


def cloud(n, d, scale=1.0, seed=0):
    """Return n correlated points in d dimensions."""
    random = np.random.default_rng(seed)
    return scale * random.normal(size=(n, d)) @ random.normal(size=(d, d)) + random.normal(size=d)


def frechet(x, y, root=lambda a, b: sqrtm(a @ b).real, shift=lambda m: (m**2).sum(), twice=2, trace=np.trace, cov=lambda x: np.cov(x.T)):  # fmt: skip
    a, b = cov(x), cov(y)
    return shift(x.mean(0) - y.mean(0)) + trace(a + b - twice * root(a, b))


def real(answer, x, y):
    found = answer(x, y)
    return found.real if isinstance(found, np.ndarray | np.generic) else found


CLOUDS = [(cloud(30, 3), cloud(40, 3, seed=1)), (cloud(25, 2, 0.5, 2), cloud(25, 2, 2.0, 3))]
check_frechet = check(frechet, CLOUDS, "it agrees with gan_edu.metrics.frechet_distance.", {
    "your root takes the root of each entry. A matrix root is another thing: sqrtm(...).": dict(root=lambda a, b: np.sqrt(a @ b)),
    "you multiply the two roots. The formula has the root of the product; that is not the same for matrices.": dict(root=lambda a, b: (sqrtm(a) @ sqrtm(b)).real),
    "you multiply entry by entry: the product of two matrices is C_x @ C_y.": dict(root=lambda a, b: sqrtm(a * b).real),
    "the factor 2 before the root is missing.": dict(twice=1),
    "the distance of the means is not squared.": dict(shift=lambda m: np.sqrt((m**2).sum())),
    "the part of the means is missing.": dict(shift=lambda m: 0),
    "you take the mean of the squared differences of the means; it is their sum.": dict(shift=lambda m: (m**2).mean()),
    "you add all entries of the matrix. The trace adds those on its diagonal only.": dict(trace=np.sum),
    "only the variances are in it. The covariances between two features belong to it, too: np.cov(x.T).": dict(cov=lambda x: np.diag(x.var(0, ddof=1))),
    "that is the root of it: the square of the distance is asked for.": lambda x, y: np.sqrt(frechet_distance(x, y)),
}, given=real)  # fmt: skip


def precision(real, fake, k=3, far=cdist, radius=lambda d, k: np.sort(d, axis=1)[:, k], share=lambda hit: hit.any(1).mean(), swap=False):  # fmt: skip
    real, fake = (fake, real) if swap else (real, fake)
    return share(far(fake, real) <= radius(cdist(real, real), k))


RANDOM = np.random.default_rng(0)
POINTS = [(RANDOM.normal(size=(40, 2)), RANDOM.normal(0.6, 1.2, (30, 2)), 3), (RANDOM.normal(size=(25, 3)), RANDOM.normal(0.3, 1, (35, 3)), 2)]  # fmt: skip
check_precision = check(precision, POINTS, "and the recall is the same with the roles exchanged.", {
    "your k-th neighbour counts the point itself, at distance 0. Go one further.": dict(radius=lambda d, k: np.sort(d, axis=1)[:, k - 1]),
    "that is the recall: the balls belong to the generated points.": dict(swap=True),
    "that is the share of pairs. A generated point counts once, as soon as any ball holds it.": dict(share=np.mean),
    "a generated point need not lie in all balls; one is enough: any.": dict(share=lambda hit: hit.all(1).mean()),
    "that is the share of balls that hold a generated point. Ask of each generated point: any(1).": dict(share=lambda hit: hit.any(0).mean()),
    "all balls have one size. Each real point has its own radius.": dict(radius=lambda d, k: np.sort(d, axis=1)[:, k].mean()),
    "your radius is the distance to the farthest neighbours. Sort each row from small to large.": dict(radius=lambda d, k: -np.sort(-d, axis=1)[:, k]),
    "that is the share outside.": dict(share=lambda hit: 1 - hit.any(1).mean()),
})  # fmt: skip


def copies(x, train, fresh, least=lambda far: far.min(1).values, q=0.01, of="fresh", side=lambda near, limit: near < limit):  # fmt: skip
    limit = least(torch.cdist(dict(fresh=fresh, x=x)[of], train)).quantile(q)
    return side(least(torch.cdist(x, train)), limit).float().mean()


def faces():
    seeded = torch.Generator().manual_seed(0)
    for n, copied in ((60, 20), (80, 60)):
        train, fresh, x = (torch.randn(size, 4, generator=seeded) for size in (100, 300, n))
        x *= 0.3  # in the middle of all, near to nobody
        x[:copied] = train[:copied] + 0.01 * torch.randn(copied, 4, generator=seeded)
        yield x, train, fresh


check_copies = check(copies, [*faces()], "a copy is what lies nearer than 99 % of new faces do.", {
    "your limit comes from x itself. Then about 1 % of any set is below it. Take it from fresh.": dict(of="x"),
    "your limit is near the top of the fresh distances: quantile(0.01), not 0.99.": dict(q=0.99),
    "your limit is the median of the fresh distances. Then half of all new faces would be called copies.": dict(q=0.5),
    "that is the share above the limit. Copies are nearer.": dict(side=lambda near, limit: near > limit),
    "you take the mean distance to all training faces. What counts is the nearest one: min.": dict(least=lambda far: far.mean(1)),
    "you take the smallest number of each column: one for each training face. Take that of each row.": dict(least=lambda far: far.min(0).values),
})  # fmt: skip


def r1(D, x_real, square=lambda g: g.square().sum((1, 2, 3)), half=2, over=torch.mean, total=torch.sum):  # fmt: skip
    x = x_real.detach().requires_grad_()
    (slope,) = torch.autograd.grad(total(D(x)), x, create_graph=True)
    return over(square(slope)) / half


def of_weights(penalty, w, x):
    """Return the penalty of a small discriminator, whose gradient must reach the weights."""
    return penalty(lambda pictures: (pictures * w).sum((1, 2, 3)).square(), x)


SEEDED = torch.Generator().manual_seed(0)
PICTURES = [(torch.randn(3, 4, 4, generator=SEEDED, requires_grad=True), torch.randn(n, 3, 4, 4, generator=SEEDED)) for n in (2, 5)]  # fmt: skip
check_r1_pictures = check(r1, PICTURES, "and its gradient reaches D's weights.", {
    "the factor 1/2 is missing.": dict(half=1),
    "that is the mean over the pixels, too. Add them up, and take the mean over the pictures.": dict(square=lambda g: g.square().mean((1, 2, 3))),
    "you add up the pictures. Take their mean.": dict(over=torch.sum),
    "that is the length. The square of it is asked for.": dict(square=lambda g: g.square().sum((1, 2, 3)).sqrt()),
    "the slope is that of the mean output, n times too small for each picture. Take the sum, D(x).sum().": dict(total=torch.mean),
    "you add up the slopes before you square them. Square each, then add.": dict(square=lambda g: g.sum((1, 2, 3)).square()),
    "that is the penalty of WGAN-GP, which wants the slope 1. R1 wants it to be 0.": dict(square=lambda g: (g.square().sum((1, 2, 3)).sqrt() - 1).square(), half=1),
}, through=of_weights)  # fmt: skip

N = np.array([250.0, 500.0, 1000.0, 2000.0])
MEASURED = [(N, 3 + 900 / N), (N, 0.5 + 1200 / N + np.array([0.1, -0.1, 0.05, 0.0]))]
check_limit = check(lambda n, F: np.polyfit(1 / n, F, 1)[1], MEASURED, "that is what is left when n grows without end.", {
    "that is the slope of the line. Where the line meets 1/n = 0 is the other number.": lambda n, F: np.polyfit(1 / n, F, 1)[0],
    "your line is in n. The distance falls with 1/n.": lambda n, F: np.polyfit(n, F, 1)[1],
    "that is the mean of the measured distances.": lambda n, F: np.mean(F),
    "that is the distance at the largest n. Follow the line on, to 1/n = 0.": lambda n, F: F[np.argmax(n)],
    "your line goes through 0. It need not: leave its height free.": lambda n, F: 0.0,
})  # fmt: skip


def mean_of(w, s=lambda n, N: n / (n + 9), new=lambda s: 1 - s):
    mean = w[0]
    for n, w_n in enumerate(w[1:], start=2):
        mean = s(n, len(w)) * mean + new(s(n, len(w))) * w_n
    return mean


WEIGHTS = [(np.random.default_rng(n).normal(size=n),) for n in (5, 40)]
check_average = check(mean_of, WEIGHTS, "so the recipes' weights are averaged.", {
    "turned round: s belongs to the mean so far, and 1 − s to the new weight.": dict(s=lambda n, N: 9 / (n + 9)),
    "the new weight lacks its factor 1 − s.": dict(new=lambda s: 1),
    "s is that of the last step all the time. Compute it anew in each step.": dict(s=lambda n, N: N / (N + 9)),
    "that is the plain mean, in which all steps count alike. Here s = n / (n + 9).": np.mean,
    "your n is one too small: the mean begins with step 1, so the loop begins with step 2.": dict(s=lambda n, N: (n - 1) / (n + 8)),
})  # fmt: skip
