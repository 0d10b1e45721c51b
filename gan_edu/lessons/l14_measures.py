"""Lesson 14: two Gaussians, balls in the plane, and figures and tables of what was measured."""

import numpy as np
from scipy.spatial.distance import cdist

from gan_edu.panel.figure import describe, handle
from gan_edu.predict import table
from gan_edu.style import CRITIC, FAKE, REAL


def view_gaussians(fig, knobs):
    """Draw real N(0, 1), generated N(mean, spread²), and the two parts of their Fréchet distance."""
    left, right = fig.subplots(1, 2, width_ratios=[2, 1])
    x = np.linspace(-6, 6, 400)
    for name, mu, sigma, color in (("real", 0, 1, REAL), ("generated", knobs.mean, knobs.spread, FAKE)):  # fmt: skip
        p = np.exp(-0.5 * ((x - mu) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
        left.fill_between(x, p, color=color, alpha=0.25)
        left.plot(x, p, color=color, lw=2, label=name)
    left.set(xlabel="one feature", ylabel="density", xlim=(-6, 6), ylim=(0, 1.4))
    left.legend()
    parts = [knobs.mean**2, (knobs.spread - 1) ** 2]
    right.bar(["means", "spreads", "sum"], [*parts, sum(parts)], color=CRITIC)
    right.set(title=f"Fréchet distance: {sum(parts):.2f}", ylabel="unit of the feature, squared", ylim=(0, 9))  # fmt: skip
    describe(fig, f"Two bell curves: real with mean 0 and spread 1, generated with mean {knobs.mean:.2f} and spread {knobs.spread:.2f}. Bars: {parts[0]:.2f} from the means, {parts[1]:.2f} from the spreads.")  # fmt: skip


def plane():
    """Return fixed points of the plane: 40 real ones in two groups, and 40 normal numbers for the generated ones."""
    random = np.random.default_rng(3)
    groups = [random.normal(c, 0.45, (20, 2)) for c in ((-1.2, 0), (1.2, 0))]
    return np.concatenate(groups), random.normal(size=(40, 2))


def inside(points, centers, k):
    """Return (which points lie in a ball around a centre, the balls' radii)."""
    radii = np.sort(cdist(centers, centers))[:, k]
    return (cdist(points, centers) <= radii).any(1), radii


def view_balls(fig, knobs):
    """Draw balls around real points with the generated points in them, and the other way round."""
    real, noise = plane()
    fake = np.array(knobs.place) + knobs.spread * noise
    turn, shares = np.linspace(0, 2 * np.pi, 40), []
    both = (real, fake, REAL, FAKE, "precision", "generated"), (fake, real, FAKE, REAL, "recall", "real")  # fmt: skip
    for ax, (centers, points, ring, color, name, what) in zip(fig.subplots(1, 2), both):
        hit, radii = inside(points, centers, int(knobs.k))
        circles = [np.stack([a + r * np.cos(turn), b + r * np.sin(turn)]) for (a, b), r in zip(centers, radii)]  # fmt: skip
        gaps = np.concatenate([np.c_[c, [np.nan, np.nan]] for c in circles], 1)
        ax.plot(*gaps, color=ring, lw=0.8, alpha=0.5)
        ax.scatter(*centers.T, s=9, c=ring)
        for chosen, marker in ((hit, "o"), (~hit, "x")):
            if chosen.any():
                ax.scatter(*points[chosen].T, s=26, c=color, marker=marker)
        ax.set(xlim=(-4, 4), ylim=(-2.8, 2.8), aspect="equal", xlabel="feature 1", ylabel="feature 2", title=f"{name}: {hit.mean():.2f} of the {what} points")  # fmt: skip
        shares.append(hit.mean())
    handle(fig.axes[0], "place", knobs.place)
    describe(fig, f"Left, balls around 40 real points hold {shares[0]:.2f} of the generated points (precision). Right, balls around the generated points hold {shares[1]:.2f} of the real ones (recall).")  # fmt: skip


def draw_floors(floors):
    """Return draw(fig): the Fréchet distances of pairs of real sets, {n: [values]}, over n."""

    def draw(fig):
        ax = fig.subplots()
        for n, values in floors.items():
            ax.plot([n] * len(values), values, "o", color=REAL, ms=5)
        n = np.array([*floors])
        ax.plot(n, np.median(floors[max(n)]) * max(n) / n, color=CRITIC, ls="--", label="proportional to 1/n")  # fmt: skip
        ax.set(xscale="log", yscale="log", xlabel="faces in each of the two real sets, n", ylabel="Fréchet distance")  # fmt: skip
        ax.set_xticks(n, [str(one) for one in n])
        ax.legend()
        describe(fig, "Fréchet distances of two real sets: " + "; ".join(f"n = {n}: median {np.median(v):.3g}" for n, v in floors.items()) + ".")  # fmt: skip

    return draw


def quality_table(found):
    """Return a table of {name: [(Fréchet distance, precision, recall), one a draw]}: the median and the range of each."""

    def words(values, digits):
        ends = (f"{value:.{digits}f}" for value in (min(values), max(values)))
        return f"{np.median(values):.{digits}f} ({' to '.join(ends)})"

    rows = [(name, *map(words, zip(*draws), (1, 3, 2))) for name, draws in found.items()]
    return table(("1,000 faces", "Fréchet distance", "precision", "recall"), rows)


def copies_table(shares, new, own):
    """Return a table of {name: share of copies}, and of {name: (Fréchet, precision, recall)} to new people and to the faces copied."""
    head = "pictures", "called copies", *(f"{what}, to {whom}" for whom in ("new people", "the faces copied") for what in ("Fréchet", "precision", "recall"))  # fmt: skip
    numbers = [[(f"{max(F, 0):.1f}", f"{P:.2f}", f"{R:.2f}") for F, P, R in to.values()] for to in (new, own)]  # fmt: skip
    return table(head, [(name, f"{share:.0%}", *a, *b) for (name, share), a, b in zip(shares.items(), *numbers)])  # fmt: skip
