"""Lesson 05: pictures of mass that slides or fades, of plans, of prices, and of two segments."""

import numpy as np
from scipy.stats import norm

from gan_edu.divergences import js_divergence
from gan_edu.panel.figure import describe, handles
from gan_edu.style import CRITIC, FAKE, JS, MARK, PUSH, REAL, SURFACE, W1
from gan_edu.views import drawing, finish

PLACES = np.linspace(-8, 8, 1601)


def piles(slide, fade, distance, t):
    """Return histograms at PLACES: one pile p, two piles q, and what slides or fades from p to q."""
    u, p = norm.cdf(np.linspace(-5, 5, 401)), norm.pdf(PLACES, -distance / 2, 0.5)
    q = sum(norm.pdf(PLACES, distance / 2 + side, 0.4) / 2 for side in (-1, 1))
    x, y = (np.interp(u, np.cumsum(one) / 100, PLACES) for one in (p, q))
    stretched = 1 / ((1 - t) / np.interp(x, PLACES, p) + t / np.interp(y, PLACES, q))
    slid = np.interp(PLACES, slide(x, y, t), stretched, 0, 0)
    return [one / one.sum() for one in (p, q, slid, fade(p, q, t))]


@drawing
def two_films(fig, knobs, slide, fade):
    """Draw a pile of earth that becomes two others, once by sliding and once by fading."""
    p, q, *now = piles(slide, fade, knobs.distance, knobs.t)
    words = "sliding: all mass, {:.0%} of the trip", "fading: {:.0%} of the mass, the whole trip"
    said = []
    for ax, height, what in zip(fig.subplots(1, 2), now, words):
        said.append(f"{what.format(knobs.t)}\nJS to q: {js_divergence(height, q):.2f}")
        ax.fill_between(PLACES, 100 * height, color=CRITIC, alpha=0.5)
        ax.plot(PLACES, 100 * p, color=REAL, ls="--", label="p")
        ax.plot(PLACES, 100 * q, color=FAKE, ls="--", label="q")
        ax.set(xlim=(-7, 7), ylim=(0, 0.9), xlabel="place", ylabel="height", title=said[-1])
        ax.legend(loc="upper right")
    describe(fig, f"Earth of p becomes q, {knobs.distance:g} away. {'; '.join(said)}.")


def least(costs, options):
    """Return the name with the smaller of two costs, or the last option where they are equal."""
    (name, low), (_, high) = sorted(costs.items(), key=lambda pair: pair[1])
    return options[-1] if high - low < 1e-3 * high else name


@drawing
def draw_area(fig, u, x, y):
    """Draw two distribution functions through (x, u) and (y, u), and the trips between."""
    ax = fig.subplots()
    for k in range(len(u) // 24, len(u), len(u) // 12):
        ax.annotate("", (y[k], u[k]), (x[k], u[k]), arrowprops=dict(arrowstyle="->", color=W1))
    ax.plot(x, u, color=REAL, lw=2, label="p")
    ax.plot(y, u, color=FAKE, lw=2, label="q")
    ax.set(xlim=(-5, 5), ylim=(0, 1), xlabel="place", ylabel="share u at or below it")
    ax.legend(loc="lower right")
    describe(fig, "Two distribution functions; arrows lead from p's to q's at equal heights.")


def draw_plan(ax, x, y, plan):
    """Draw parcels x, holes y and the trips of a plan; return what to say of it."""
    for i, j in enumerate(plan):
        ax.plot(*np.transpose([x[i], y[j]]), color=PUSH if plan.count(j) > 1 else CRITIC, lw=2)
    for places, mark, color in ((x, "s", REAL), (y, "o", FAKE)):
        ax.plot(places[:, 0], places[:, 1], mark, color=color, ms=8)
        for k, (a, b) in enumerate(places):
            ax.text(a, b + 0.4, k, ha="center", va="bottom", bbox=dict(fc="w", ec="w", pad=1))
    empty = ", ".join(str(j) for j in range(len(y)) if j not in plan)
    total = np.linalg.norm(x - y[list(plan)], axis=1).sum()
    said = f"no plan, empty holes: {empty}" if empty else f"{total:.1f} km"
    ax.set(xlim=(-0.5, 10.5), ylim=(-0.8, 7.2), aspect="equal", title=said)
    return said


@drawing
def parcels(fig, knobs, x, y):
    """Draw six parcels, six holes, and a plan that is set by hand."""
    rows, ax = fig.subplots(1, 2, width_ratios=[1, 1.5])
    handles(rows, "plan", np.arange(6), knobs.plan, color=CRITIC)
    rows.set(xlim=(-0.5, 5.5), ylim=(-0.5, 5.5), xticks=range(6), yticks=range(6))
    rows.set(xlabel="parcel (blue)", ylabel="goes to hole (orange)", title="your plan")
    describe(fig, f"Parcels 0 to 5 in the holes {knobs.plan}: {draw_plan(ax, x, y, knobs.plan)}.")


@drawing
def prices(fig, knobs, p, q, w1):
    """Draw the steps of a price list from place to place, the list, and what each border brings in."""
    (above, listed), (below, earned) = fig.subplots(2, 2, height_ratios=[1.5, 1])
    x, step, left = np.arange(len(p)), np.array(knobs.steps), np.cumsum(p - q)[:-1]
    borders, f, along = x[:-1] + 0.5, np.r_[0, step.cumsum()], dict(xlim=(-0.6, 8.6), xticks=x)
    colors = [PUSH if abs(one) > 1 else CRITIC for one in step]
    said = f"income {1e-9 - step @ left:.2f} of W1 = {w1:.2f}"
    said += ", refused: too steep" if PUSH in colors else ""
    above.plot([-1, 9, np.nan, -1, 9], [1, 1, np.nan, -1, -1], color=CRITIC, ls="--")
    for k, color in enumerate(colors):
        above.bar(borders[k : k + 1], step[k : k + 1], 0.2, color=color)
        listed.plot(x[k : k + 2], f[k : k + 2], "o-", color=color, lw=2)
    handles(above, "steps", borders, step, color=CRITIC)
    above.set(ylim=(-1.8, 1.8), ylabel="price step", title=said, **along)
    listed.set(ylim=(min(-4, *f - 1), max(4, *f + 1)), title="the price list f", **along)
    below.bar(x - 0.15, p, 0.3, color=REAL, label="p")
    below.bar(x + 0.15, q, 0.3, color=FAKE, label="q")
    finish(below, "upper center", ylim=(0, 0.45), xlabel="place", ylabel="mass", **along)
    earned.bar(borders, 0.0 - step * left, 0.4, color=CRITIC)
    earned.set(ylim=(-0.5, 0.5), xlabel="place", ylabel="income", **along)
    describe(fig, f"Prices at nine places, with the steps {knobs.steps} between them: {said}.")


def segments(fig, knobs):
    """Draw two segments at the distance θ with the horizontal plan, and W1 and JS against θ."""
    plane, right = fig.subplots(1, 2)
    theta, w1, js = knobs.theta, abs(knobs.theta), np.log(2) * (knobs.theta != 0)
    plane.plot([0, theta], [np.linspace(0.05, 0.95, 10)] * 2, color=CRITIC, lw=1)
    plane.plot([0, 0], [0, 1], color=REAL, lw=10, label="p")
    plane.plot([theta, theta], [0, 1], color=FAKE, lw=4, label="q")
    plane.set(xlim=(-1.2, 1.2), ylim=(-0.1, 1.3), xlabel="a", ylabel="b", title="two segments")
    right.plot([-1, 0, 1], [1, 0, 1], color=W1, label="W1")
    ring = np.r_[-1, 0.03 * np.exp(1j * np.linspace(np.pi, 4 * np.pi, 37)), 1]  # open at θ = 0
    right.plot(ring.real, ring.imag + np.log(2), color=JS, label="JS")
    right.plot([0], [0], "o", color=JS, ms=5)
    right.plot([theta, theta], [w1, js], "o", color=MARK, ms=9)
    right.set(xlabel="θ", ylim=(-0.05, 1.2), title=f"W1 = {w1:.2f}, JS = {js:.2f}")
    plane.legend(loc="upper right"), right.legend(loc="upper center")
    describe(fig, f"Two segments with θ = {theta:.2f} between them: W1 = {w1:.2f}, JS = {js:.2f}.")


def medians(found):
    """Return {(dimension, n): values} as an HTML table of medians and ranges."""
    row = "<tr><td>dimension {}, n = {:,}</td><td>{:.2f}</td><td>{:.2f} to {:.2f}</td></tr>"
    rows = [row.format(*at, np.median(w), min(w), max(w)) for at, w in found.items()]
    return f"<table><tr><th></th><th>median of W1</th><th>range</th></tr>{''.join(rows)}</table>"


@drawing
def blurred(fig, knobs, sinkhorn, p, q, d):
    """Draw the plan that sinkhorn finds as an image."""
    ax, gamma = fig.subplots(), sinkhorn(p, q, d, knobs.epsilon)
    ax.imshow(SURFACE(gamma.T[::-1] / gamma.max(), bytes=True), extent=(0, 8, 0, 8))
    said = f"ε = {knobs.epsilon:.2g}: cost {np.sum(gamma * d):.3f}"
    ax.set(title=said, xlabel="from x", ylabel="to y")
    describe(fig, f"A plan as an image, with entropy, {said}.")
