"""Lesson 01: five numbers beside two distributions: Gaussians, histograms, two humps."""

import numpy as np
from scipy.stats import norm

from gan_edu import divergences, style
from gan_edu.panel.figure import describe, handle, handles
from gan_edu.style import CRITIC, FAKE, REAL
from gan_edu.views import drawing, finish

NAMES = "KL(p‖q)", "KL(q‖p)", "JS", "TV", "W1"
COLORS = style.KL, style.REVERSE_KL, style.JS, style.TV, style.W1
LINE = np.linspace(-32, 32, 3201)
SEEN = LINE[abs(LINE) <= 8]
LARGEST = {2: np.log(2), 3: 1.0}  # JS and TV


def number(value):
    """Return a number as text: two decimals, none where it is large, and ∞."""
    return "∞" if value == np.inf else f"{max(value, 0):.2f}" if value < 10 else f"{value:,.0f}"


def gaussian(place, widest=8):
    """Return mean and std of the Gaussian whose peak is at place (mean, height), kept within the picture."""
    return np.clip(place[0], -widest, widest), norm.pdf(0) / np.clip(place[1], 0.1, 1.6)


def draw_bars(ax, values, low=0.01, high=1000, marks=LARGEST):
    """Draw the first of the five numbers as bars; marks: {which: its dashed line}; return words."""
    n = len(values)
    for k, value in enumerate(values):
        ax.bar([k], [np.clip(value, low, high) - low], bottom=low, color=COLORS[k], width=0.7)
        beyond = " ↑" if high < value < np.inf else ""
        ax.text(k, 1.25 * high, number(value) + beyond, ha="center")
    for k, mark in marks.items():
        ax.plot([k - 0.5, k + 0.5], [mark, mark], color="black", ls="--", lw=1.5)
    ax.set(xlim=(-0.6, n - 0.4), xticks=range(n), xticklabels=NAMES[:n])
    ax.set(ylim=(low, 2.6 * high), yscale="log")
    return ", ".join(f"{name} {number(value)}" for name, value in zip(NAMES, values))


def two_gaussians(fig, knobs):
    """Draw two Gaussians, each with a ring at its peak, and the five numbers."""
    left, right = fig.subplots(1, 2, width_ratios=[1.3, 1])
    one, other = gaussian(knobs.p), gaussian(knobs.q)
    for (mean, std), label, color in ((one, "p, data", REAL), (other, "q, generated", FAKE)):
        y = norm.pdf(SEEN, mean, std)
        left.fill_between(SEEN, 0 * y, y, color=color, alpha=0.4, label=label)
        handle(left, label[0], (mean, norm.pdf(0) / std), color=color)
    finish(left, xlim=(-8, 8), ylim=(0, 1.75), xlabel="x", ylabel="density")
    p, q = norm.pdf(LINE, *one), norm.pdf(LINE, *other)
    kl = divergences.kl_gaussians(*one, *other), divergences.kl_gaussians(*other, *one)
    js, tv = divergences.js_from_densities(p, q, LINE), abs(p - q).sum() * 0.02 / 2
    moved = divergences.wasserstein_gaussians(*one, *other, order=1)
    words = draw_bars(right, [*kl, js, min(tv, 1.0), moved])
    right.set(title="KL and JS in nats, W1 in units of x")
    where = "p = N({:.1f}, {:.1f}²), q = N({:.1f}, {:.1f}²)".format(*one, *other)
    describe(fig, f"{where}: {words}.")


def histograms(fig, knobs):
    """Draw two histograms over six bins, whose bars are dragged, and the five numbers."""
    left, right = fig.subplots(1, 2, width_ratios=[1.3, 1])
    p, q, bins = np.array(knobs.p), np.array(knobs.q), np.arange(1, 7)
    for name, heights, side, color in (("p", p, -0.19, REAL), ("q", q, 0.19, FAKE)):
        left.bar(bins + side, heights, width=0.34, color=color, alpha=0.5, label=name)
        handles(left, name, bins + side, heights, color=color)
    left.set(xlim=(0.4, 6.6), xticks=bins, xlabel="bin")
    finish(left, ylim=(0, 1.3), yticks=(0, 0.25, 0.5, 0.75, 1), ylabel="probability")
    kl = divergences.kl_divergence(p, q), divergences.kl_divergence(q, p)
    js, tv = divergences.js_divergence(p, q), divergences.total_variation(p, q)
    shown = (", ".join(f"{v:.2f}" for v in heights) for heights in (p, q))
    words = draw_bars(right, [*kl, js, tv, abs(np.cumsum(p - q)).sum()])
    right.set(title="KL and JS in nats, W1 in bins")
    describe(fig, "p = ({}) and q = ({}): {}.".format(*shown, words))


@np.errstate(all="ignore")
def lowest(line):
    """Return the answer d, between 0 and 1, at which the loss of a generated sample is smallest."""
    d = np.linspace(0, 1, 101)
    return d[np.nanargmin([line(np.zeros(1), one) for one in d[:, None]])]


@drawing
def draw_lines(fig, lines):
    """Draw the losses of one generated sample against D's answer; lines: {name: loss(y, d)}."""
    ax, d = fig.subplots(), np.linspace(0.001, 0.995, 200)
    for (name, line), dash in zip(lines.items(), ("-", "--")):
        loss = [line(np.zeros(1), one) for one in d[:, None]]
        ax.plot(d, loss, color=CRITIC, ls=dash, lw=2, label=name)
    finish(ax, xlabel="d, the answer of D (1: real)", ylabel="loss of a generated sample")
    describe(fig, "The loss of a generated sample falls in both lines as d grows to 1.")


@drawing
def two_humps(fig, knobs, log_humps, both_kl, best_fits):
    """Draw p with two humps, a Gaussian q that is dragged, and both KL with their smallest values."""
    left, right = fig.subplots(1, 2, width_ratios=[1.8, 1])
    (mean, std), fits = gaussian(knobs.q, 6), best_fits(knobs.gap)
    y = np.exp(log_humps(SEEN, knobs.gap))
    left.fill_between(SEEN, 0 * y, y, color=REAL, alpha=0.35, label="p, data")
    left.plot(SEEN, norm.pdf(SEEN, mean, std), color=FAKE, lw=2, label="q, your fit")
    for fit, name, color in zip(fits, NAMES, COLORS) if knobs.best else ():
        look = dict(color=color, ls="--", lw=2.5, label=f"smallest {name}")
        left.plot(SEEN, norm.pdf(SEEN, *fit), **look)
    handle(left, "q", (mean, norm.pdf(0) / std), color=FAKE)
    finish(left, xlim=(-8, 8), ylim=(0, 0.9), xlabel="x", ylabel="density")
    least = {k: both_kl(*fit, knobs.gap)[k] for k, fit in enumerate(fits)}
    words = draw_bars(right, both_kl(mean, std, knobs.gap), 0.1, 100, least)
    least = " and ".join(map(number, least.values()))
    right.set(title=f"dashed: {least}", ylabel="nats")
    best = " and ".join("N({:.1f}, {:.1f}²)".format(*fit) for fit in fits)
    best = f", reached by {best}" if knobs.best else ""
    describe(fig, f"Your q = N({mean:.1f}, {std:.1f}²): {words}; smallest: {least}{best}.")


@drawing
@np.errstate(invalid="ignore")  # inf has no slope
def draw_race(fig, shift, numbers, xlabel):
    """Draw KL, JS, TV and W1 and their slopes against a shift; numbers: (n, 4)."""
    left, right = fig.subplots(1, 2)
    slopes = np.gradient(numbers, shift, axis=0)
    slopes[1:-1][abs(np.diff(numbers, 2, axis=0)) > 0.01] = np.nan  # nor has a kink
    for k in (3, 0, 1, 2):  # W1 first and wide, to be seen below the others
        look = dict(color=COLORS[k + 1 if k else 0], lw=4 if k == 3 else 2)
        name = NAMES[k + 1] if k else "KL"
        name += "" if np.isfinite(numbers[:, k]).all() else ": ∞, not drawn"
        left.plot(shift, numbers[:, k], label=name, **look)
        right.plot(shift, slopes[:, k], **look)
    left.set(xlabel=xlabel, ylim=(-0.1, 4), title="the numbers")
    right.set(xlabel=xlabel, ylim=(-1.3 if shift[0] < 0 else -0.1, 2.2), title="their slopes")
    left.legend()
    ends = ", ".join(map(number, numbers[-1]))
    describe(fig, f"KL, JS, TV and W1 end at {ends}; the slopes of JS and TV end near 0.")
