"""Lesson 02: pictures of one discriminator, of two losses, of two generators, and of a game of two Gaussians."""

import numpy as np
import torch
from scipy.stats import norm

from gan_edu.divergences import kl_from_densities
from gan_edu.panel.figure import curves, describe
from gan_edu.style import CRITIC, FAKE, KL, MARK, OPTIMAL, PUSH, REAL, REVERSE_KL
from gan_edu.views import drawing, finish

X = np.linspace(-5, 8, 261)
P, PLACES = norm.pdf(X), torch.tensor(X, dtype=torch.float32)[:, None]
GRID = np.linspace(-14, 14, 5601)  # for log densities of data and two generators
TWO_MODES = np.logaddexp(norm.logpdf(GRID, -2, 0.5), norm.logpdf(GRID, 2, 0.5)) - np.log(2)
GENERATORS = {"A": norm.logpdf(GRID, 2, 0.5), "B": norm.logpdf(GRID, 0, 4.25**0.5)}


def draw_densities(ax, x, p, q, **more):
    """Draw the densities of data and samples at the places x."""
    ax.fill_between(x, 0, p, color=REAL, alpha=0.4, label="data")
    ax.fill_between(x, 0, q, color=FAKE, alpha=0.5, label="generated")
    ax.set(**more)


def view(fig, gan, log):
    """Draw both densities, D, the best D where a network is the generator, and the loss of D over the steps."""
    densities, judge, losses = fig.subplots(1, 3)
    mean, std, trained = 3.0, 0.7, hasattr(gan, "G")
    if trained:
        mean, std = gan.G.bias.item(), abs(gan.G.weight.item())
    elif log.n:  # made by hand, and written into the log
        mean, std = log["mean"][-1], log["std"][-1]
    q = norm.pdf(X, mean, std)
    title = f"generated: mean {mean:.2f}, std {std:.2f}"
    draw_densities(densities, X, P, q, title=title, ylabel="density")
    with torch.no_grad():
        judge.plot(X, torch.sigmoid(gan.D(PLACES))[:, 0], color=CRITIC, lw=2.5, label="D(x)")
    if trained:
        some = np.where(P + q > 1e-12, P + q, np.nan)  # where neither comes nothing is drawn
        judge.plot(X, P / some, color=OPTIMAL, ls="--", label="D*, the best D")
    judge.axhline(0.5, color=CRITIC, ls=":")
    judge.set(ylabel="D(x)")
    for ax in (densities, judge):
        finish(ax, "upper right", xlim=(-5, 8), ylim=(-0.02, 1.02), xlabel="x")
    curves(losses, log, "loss of D", colors=[CRITIC])
    losses.axhline(2 * np.log(2), color=CRITIC, ls=":", label="2 log 2")
    finish(losses, "upper right", ylabel="loss of D (nats)", ylim=(0, 2))
    describe(fig, f"Densities of data and generated samples, and D: the samples have mean {mean:.2f} and std {std:.2f} after {log.n} steps.")  # fmt: skip


def one_place(fig, knobs):
    """Draw what one place adds to the value, p log d + q log(1 - d), over d, and the two pulls on d."""
    left, right = fig.subplots(1, 2, width_ratios=[1.4, 1])
    p, q, d = knobs.p, knobs.q, knobs.d
    ds = np.r_[np.linspace(0.005, 0.995, 199), d]
    *value, here = p * np.log(ds) + q * np.log(1 - ds)
    left.plot(ds[:-1], value, color=CRITIC, lw=2)
    left.plot([d], [here], "o", color=MARK, ms=10)
    left.set(xlim=(0, 1), ylim=(-2.5, 0.05), xlabel="d, what D says here")
    left.set(title=f"p log d + q log(1 − d) = {here:.3f}", ylabel="added to the value")
    right.bar([0], [p / d], color=REAL)
    right.bar([1], [q / (1 - d)], color=FAKE)
    right.set(xticks=[0, 1], xticklabels=["up: p / d", "down: q / (1 − d)"], ylim=(0, 4))
    right.set(title="the two pulls on d", ylabel="slope of each term")
    describe(fig, f"The value at one place over d, and its two slopes: p = {p:g}, q = {q:g}, d = {d:g}: the pull up is {p / d:.2f}, down {q / (1 - d):.2f}.")  # fmt: skip


def two_losses(fig, knobs):
    """Draw both losses of the generator over D, and over the logit how hard they push."""
    left, right = fig.subplots(1, 2)
    logits = np.linspace(-8, 8, 161)
    D, here = 1 / (1 + np.exp(-logits)), 1 / (1 + np.exp(-knobs.logit))
    saturating = "saturating: log(1 − D)", MARK, np.log(1 - D), D, here
    other = "non-saturating: −log D", PUSH, -np.log(D), 1 - D, 1 - here
    for name, color, loss, push, now in (saturating, other):
        left.plot(D, loss, color=color, lw=2, label=name)
        right.plot(logits, push, color=color, lw=2, label=name)
        right.plot([knobs.logit], [now], "o", color=color, ms=9)
    left.axvline(here, color=CRITIC, ls=":")
    left.set(xlim=(0, 1), ylim=(-6, 6), xlabel="D of a generated sample", ylabel="loss (nats)")
    finish(left, title=f"D = {here:.2g}")
    slopes = f"{here:.2g} and {1 - here:.2g}"
    right.set(xlabel="logit of D", ylabel="size of the slope", title=f"slopes: {slopes}")
    describe(fig, f"The generator's two losses over D, and their slopes over the logit: {slopes}.")


@drawing
def draw_trained(fig, D, best, middle):
    """Draw the discriminators of several seeds D (K, n), the best one, and where the samples are."""
    above, below = fig.subplots(2, 1, sharex=True, height_ratios=[1, 2])
    draw_densities(above, X, P, norm.pdf(X, 1.5, 0.7), ylabel="density", xlim=(-5, 8))
    below.plot(X, D.T, color=CRITIC, lw=1, label=["D, 8 seeds"] + [None] * (len(D) - 1))
    below.plot(X, best, color=OPTIMAL, ls="--", lw=2, label="D*")
    below.set(xlabel="x (dotted: 98 % of all samples lie between)", ylabel="D(x)")
    for edge in X[middle][[0, -1]]:
        below.axvline(edge, color=MARK, ls=":")
    below.legend(loc="center right")
    inside, outside = (abs(D - best)[:, part].max() for part in (middle, ~middle))
    describe(fig, f"Eight trained discriminators differ from the best one by up to {inside:.2f} where the samples are, and by up to {outside:.2f} outside.")  # fmt: skip


def numbers(log_p, log_q):
    """Return KL(p||q), KL(q||p) and 2 KL(m||p) of two log densities on GRID."""
    pairs = (log_p, log_q), (log_q, log_p), (np.logaddexp(log_p, log_q) - np.log(2), log_p)
    return np.array([1, 1, 2]) * [kl_from_densities(*pair, GRID, log=True) for pair in pairs]


def draw_generators(fig):
    """Draw both generators on the data, and three numbers for each."""
    *axes, right = fig.subplots(1, 3, width_ratios=[1, 1, 1.2])
    words = []
    for k, (ax, (name, log_q)) in enumerate(zip(axes, GENERATORS.items())):
        draw_densities(ax, GRID, np.exp(TWO_MODES), np.exp(log_q), title=f"generator {name}")
        ax.set(xlim=(-5, 5), ylim=(0, 0.85), xlabel="x")
        found, look = numbers(TWO_MODES, log_q), dict(width=0.38, color=[KL, REVERSE_KL, CRITIC])
        bars = right.bar(np.arange(3) + 0.4 * k, np.minimum(found, 4), **look)
        right.bar_label(bars, [f"{name} {v:.2g}" for v in found], fontsize=9)
        words.append(f"{name} " + ", ".join(f"{v:.3g}" for v in found))
    axes[0].set(ylabel="density")
    right.set(ylim=(0, 4.6), ylabel="nats, cut at 4")
    right.set_xticks(np.arange(3) + 0.2, ["KL(p‖q)", "KL(q‖p)", "2 KL(m‖p)"])
    describe(fig, f"KL(p‖q), KL(q‖p) and 2 KL(m‖p) of two generators: {'; '.join(words)}.")


@drawing
def draw_ends(fig, ends):
    """Draw where the generators of several training steps end, {name: (means, stds, loss of D)}."""
    ax = fig.subplots()
    looks = zip(ends.items(), (PUSH, CRITIC, MARK, FAKE, OPTIMAL))
    for (name, (means, stds, loss)), color in looks:
        ax.plot(means, stds, "o", color=color, ms=7, label=f"{name}: loss of D {loss:.2f}")
    ax.plot([6], [1], "x", color="black", ms=12, mew=2)
    ax.annotate("start", (6, 1), (5.6, 1.6))
    ax.plot([0], [1], "s", mfc="none", mec=REAL, ms=16, mew=2, label="the data")
    ax.set(xlabel="mean of the samples", ylabel="std of the samples", ylim=(0, 4.6))
    ax.legend(loc="upper right")
    found = (f"{k} {np.median(m):.1f} and {np.median(s):.1f}" for k, (m, s, _) in ends.items())
    describe(fig, f"Mean and std after 400 steps, medians of 8 runs: {', '.join(found)}.")
