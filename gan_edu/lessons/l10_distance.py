"""Lesson 10: a GAN that is steered, with the exact W1 beside it, and a critic of the line as a gauge."""

import math

import torch

from gan_edu.metrics import wasserstein_samples
from gan_edu.panel.figure import canvas, curves, describe
from gan_edu.run import Knobs
from gan_edu.style import CRITIC, FAKE, MARK, OPTIMAL, REAL, W1
from gan_edu.views import finish, score_plane

LATENTS = torch.randn(300, 2, generator=torch.Generator().manual_seed(0))
LINE = torch.linspace(-1, 6, 281)[:, None]


def heart(t):
    y = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
    return round(1.4 * math.sin(t) ** 3, 2), round(y / 11.5 + 0.2, 2)


HEART = tuple(heart(2 * math.pi * k / 60) for k in range(60))  # a first drawing


def norms(D, x):
    """Return the length of the critic's gradient at each place x (N, d), shape (N,)."""
    x = x.detach().requires_grad_()
    return torch.autograd.grad(D(x).sum(), x)[0].norm(dim=1)


def fixed(real, knobs):
    """Return 300 real samples, the same each time; the run's own random numbers are not used up."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return real(300, knobs)


def watched(step, real):
    """Return the step with a judge beside it: each tenth step the exact W1; gan.x_real and gan.shown are for the picture."""

    def watch(gan, knobs):
        row, shown = step(gan, knobs), (knobs.data, knobs.drawing)
        new = getattr(gan, "shown", None) != shown
        if new:
            gan.shown, gan.x_real = shown, fixed(real, knobs)
        if new or knobs.n % 10 == 0:
            with torch.no_grad():
                gan.w1 = wasserstein_samples(gan.x_real, gan.G(LATENTS))
        return row | {"exact W1": gan.w1}

    return watch


def steering(real, knobs):
    """Return view(fig, gan, log): samples over the scores, where painted data are painted; the gap; the exact W1."""
    first = Knobs({name: getattr(knob, "value", knob) for name, knob in knobs.items()})

    def view(fig, gan, log):
        plane, gap, w1 = fig.subplots(1, 3, width_ratios=[1.3, 1, 1])
        kind = getattr(gan, "shown", (first.data,))[0]
        x_real = gan.x_real if log.n else fixed(real, first)
        x_fake = gan.G(LATENTS).detach()
        steepest = norms(gan.D, torch.cat([x_real, x_fake])).max()
        title = f"{kind}; the critic's largest slope: {steepest:.3g}"
        score_plane(plane, gan.D, x_real, x_fake, title=title)
        if kind == "painted":
            canvas(plane, "drawing")
        curves(gap, log, "critic gap", colors=[CRITIC])
        gap.set(title="what the critic says", ylabel="critic gap")
        curves(w1, log, "exact W1", colors=[W1])
        w1.set(title="how far it really is", ylabel="exact W1 of 300 and 300 samples")
        last = [log[name][-1] for name in ("critic gap", "exact W1") if log.n]
        said = "the critic's gap is {:.2f}, the exact W1 {:.2f}".format(*last) if last else "nothing is trained yet"  # fmt: skip
        describe(fig, f"Data: {kind}. After {log.n} steps {said}; the largest slope {steepest:.2f}.")  # fmt: skip

    return view


def tilted(fig, knobs):
    """Draw a critic s x over generated samples at 0 and real ones at W, what it wins and what it pays."""
    line, bars = fig.subplots(1, 2, width_ratios=[1.3, 1])
    s, W = knobs.s, knobs.W
    won, paid = s * W, knobs.lambda_gp * (s - 1) ** 2
    line.plot([-1, 6], [-s, 6 * s], color=CRITIC, lw=2, label="critic s x")
    line.plot([W, W], [0, won], color=MARK, lw=3, label="gap")
    line.scatter([0], [0], s=90, color=FAKE, label="generated")
    line.scatter([W], [0], s=90, color=REAL, label="real")
    finish(line, "upper left", xlim=(-1, 6), ylim=(-5, 20), xlabel="x", ylabel="score")
    bars.bar(["gap", "price", "gap − price"], [won, paid, won - paid], color=CRITIC)
    bars.set(ylim=(-W, 5 * W), ylabel="unit of x")  # still while s moves
    bars.set(title=f"gap − price: {won:.2f} − {paid:.2f} = {won - paid:.2f}")
    describe(fig, f"Slope {s:.2f}, shift {W:.2f}: gap {won:.2f}, penalty {paid:.2f}, difference {won - paid:.2f}.")  # fmt: skip


def steepest(D):
    """Return the largest slope of a critic of one number on the line from -1 to 6."""
    return (D(LINE).detach().diff(dim=0).abs().max() / (LINE[1] - LINE[0])).item()


def gauged(step, law):
    """Return the step of a critic of the line that logs the true W1, too, and the gap that law(W, λ) promises."""

    def gauge(gan, knobs):
        row = step(gan, knobs)
        safe = row["critic gap"].item() / steepest(gan.D)
        return row | {"W1": knobs.W, "the law": law(knobs.W, knobs.lambda_gp)[1], "gap / slope": safe}  # fmt: skip

    return gauge


def gauge(fig, gan, log):
    """Draw the critic's score over the line, and four readings: its gap, the law, the gap by the largest slope, W1."""
    line, needle = fig.subplots(1, 2)
    score = (gan.D(LINE) - gan.D(torch.zeros(1, 1))).detach()[:, 0]
    last = {name: log[name][-1] if log.n else math.nan for name in ("critic gap", "the law", "W1")}
    line.plot([-1, 6], [-1, 6], color=OPTIMAL, ls="--", label="slope 1")
    line.plot(LINE[:, 0], score, color=CRITIC, lw=2, label="score")
    line.axvline(0, color=FAKE, lw=3, label="generated")
    if log.n:
        line.axvline(last["W1"], color=REAL, lw=3, label="real")
    line.set(xlim=(-1, 6), ylim=(-5, 20), xlabel="x", ylabel="score")
    finish(line, "upper left", title=f"the critic's largest slope: {steepest(gan.D):.2f}")
    names = "critic gap", "the law", "gap / slope", "W1"
    curves(needle, log, *names, colors=[CRITIC, OPTIMAL, MARK, W1])
    said = f"gap {last['critic gap']:.2f}, the law {last['the law']:.2f}, W1 {last['W1']:.2f}"
    finish(needle, "upper right", title=said, ylabel="unit of x")
    describe(fig, f"A critic of the line after {log.n} steps: {said}.")
