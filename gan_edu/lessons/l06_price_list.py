"""Lesson 06: price lists over three humps on the line, the exact W1 beside them, and a list that stands still."""

import numpy as np
from scipy.stats import norm

from gan_edu.panel.figure import describe, handles
from gan_edu.style import CRITIC, FAKE, MARK, OPTIMAL, PUSH, REAL, W1
from gan_edu.views import finish

X = np.linspace(-5, 5, 1001)
KNOTS = np.arange(-4, 5)


def hump(*parts):
    """Return the masses at X of a mixture of Gaussians (weight, mean, std)."""
    p = sum(weight * norm.pdf(X, mean, std) for weight, mean, std in parts)
    return p / p.sum()


def moved(h):
    """Return the masses of the generated samples, all moved by h to the right."""
    return hump((1, 0.3 + h, 0.6))


P, Q = hump((0.3, -3, 0.4), (0.7, 2.5, 0.4)), moved(0)
BEST = np.r_[0, -np.sign(np.cumsum(P - Q))[:-1].cumsum()] * 0.01  # rises where mass must go left


def exact(h=0):
    """Return the exact W1 between the real samples and the generated ones, moved by h."""
    return float(np.abs(np.cumsum(P - moved(h))).sum() * 0.01)


def gap(f, h=0):
    """Return mean f over the real samples minus mean f over the generated ones; f: heights at KNOTS or at X."""
    f = np.interp(X, KNOTS, f) if len(f) == len(KNOTS) else f
    return float((P - moved(h)) @ f)


def price_list(fig, knobs):
    """Draw nine heights of a price list over three humps, and its gap as an arrow beside the exact W1."""
    ax, right = fig.subplots(1, 2, width_ratios=[3, 1])
    f, found = np.array(knobs.f), gap(knobs.f)
    steep, names = abs(np.diff(f)).max(), ("real", "generated")
    for mass, color, name in zip((P, Q), (REAL, FAKE), names):
        ax.fill_between(X, 0 * X - 5, -5 + 2 * mass / Q.max(), color=color, alpha=0.35, label=name)
        end = float(mass @ np.interp(X, KNOTS, f))
        right.plot([0, 1], [end, end], color=color, lw=2.5, label=f"mean over {name}")
    for k, slope in enumerate(np.diff(f)):
        ax.plot(KNOTS[k : k + 2], f[k : k + 2], color=PUSH if abs(slope) > 1 else CRITIC, lw=2.5)
    handles(ax, "f", KNOTS, f, color=CRITIC)
    refused = f", slope {steep:g}: refused, gap / slope {found / steep:.2f}" if steep > 1 else ""
    said = f"gap {found:.2f}{refused}"
    finish(ax, "upper center", xlim=(-4.6, 4.6), ylim=(-5.2, 5), xticks=KNOTS, xlabel="x", ylabel="price f(x)", title=said)  # fmt: skip
    right.annotate("", (0.5, end + found), (0.5, end), arrowprops=dict(arrowstyle="->", color=CRITIC))  # fmt: skip
    right.plot([1.4, 1.4], [end, end + exact()], color=W1, lw=5, label="W1, exact")
    right.set(xlim=(-0.2, 1.8), ylim=(-5.2, 5), xticks=[], title=f"W1 = {exact():.2f}")
    right.legend(loc="lower left")
    describe(fig, f"A price list with the heights {knobs.f}: {said}; W1 is {exact():.2f}.")


def random_slopes():
    """Return gap / largest slope of 2,000 random price lists."""
    lists = np.random.default_rng(0).normal(size=(2000, 9)).cumsum(1)
    return np.array([gap(f) / np.abs(np.diff(f)).max() for f in lists])


def known(ratios, answers):
    """Return what gap / slope says of W1: answer 0 if none is above W1, 1 if none is below, 2 otherwise."""
    return answers[0 if max(ratios) <= exact() + 1e-3 else 1 if min(ratios) >= exact() else 2]


def draw_lists(fig):
    """Draw gap / largest slope of 2,000 random price lists beside the exact W1."""
    ax, ratios = fig.subplots(), random_slopes()
    ax.hist(ratios, bins=np.linspace(-2.5, 2.5, 51), color=CRITIC)
    ax.axvline(exact(), color=W1, lw=2.5, label="W1, exact")
    finish(ax, "upper left", xlabel="gap / largest slope", ylabel="lists of 2,000")
    describe(fig, f"2,000 random price lists: gap over largest slope from {ratios.min():.2f} to {ratios.max():.2f}; W1 is {exact():.2f}.")  # fmt: skip


def draw_frozen(fig):
    """Draw W1 and the gap of the best price list, frozen, over the shift h of the samples."""
    ax, h = fig.subplots(), np.linspace(-1.5, 1.5, 61)
    ax.plot(h, [exact(one) for one in h], color=W1, lw=2, label="W1, exact")
    ax.plot(h, [gap(BEST, one) for one in h], color=OPTIMAL, ls="--", lw=2, label="gap of the frozen f")  # fmt: skip
    ax.plot([0], [exact()], "o", color=MARK, ms=8)
    finish(ax, "lower left", xlabel="shift h of the generated samples", ylabel="W1; gap")
    describe(fig, "Over the shift of the samples the frozen gap touches W1 at 0 and is below it elsewhere.")  # fmt: skip
