"""Lesson 04: pictures of a GAN of two numbers, and of a GAN on the line with friction."""

import numpy as np
import torch
from scipy.stats import norm

from gan_edu.panel.figure import curves, describe, handle
from gan_edu.style import CRITIC, FAKE, MARK, OPTIMAL, PUSH, REAL
from gan_edu.views import drawing, finish

SIDE = np.linspace(-2, 2, 9)
LATENTS = torch.linspace(-1, 1, 2002)[1:-1, None]
EDGES = np.linspace(1, 7, 121)


@drawing
def picture(fig, knobs, walk, gradients):
    """Draw a walk in the plane of θ and ψ, and of its distance from the goal."""
    plane, right = fig.subplots(1, 2, width_ratios=[1, 1.3])
    path, X, Y = walk(gradients, knobs), np.tile(SIDE, 9), np.repeat(SIDE, 9)
    pushes = -0.2 * np.array([gradients(x, y, knobs) for x, y in zip(X, Y)])
    arrows = dict(color=PUSH, angles="xy", scale_units="xy", scale=1)
    plane.quiver(X, Y, *pushes.T, **arrows)
    plane.plot(*path.T, "o-", color=FAKE, lw=1, ms=3)
    plane.plot([0], [0], "s", color=REAL, ms=7)
    handle(plane, "start", knobs.start)
    plane.set(xlim=(-2.2, 2.2), ylim=(-2.2, 2.2), aspect="equal", xlabel="θ, where G is")
    plane.set(ylabel="ψ, the slope of D", title="the blue square is the goal")
    radius = np.hypot(*path.T)
    right.plot(radius, color=FAKE, lw=2)
    right.set(xlabel="step", ylabel="distance from the goal", ylim=(1e-15, 1e3), yscale="log")
    right.set(title=f"after {len(path) - 1} steps: {radius[-1]:.3g}")
    describe(fig, f"A walk of generator and discriminator; its distance from the goal: {radius[0]:.2g} at the start, {radius[-1]:.2g} after {len(path) - 1} steps.")  # fmt: skip


def fate(modulus, answers):
    """Return which of "grows", "stays", "shrinks" a modulus means."""
    return answers[1 if abs(modulus - 1) < 1e-6 else 0 if modulus > 1 else 2]


def moduli(matrix, frictions, h):
    """Return the larger modulus of the eigenvalues of matrix(h, γ) for each friction γ."""
    return [abs(np.linalg.eigvals(np.array(matrix(h, g), float))).max() for g in frictions]


@drawing
def draw_frictions(fig, matrix, h):
    """Draw what remains of the distance in each step, for frictions from 0 to 4."""
    ax, frictions = fig.subplots(), np.linspace(0, 4, 201)
    ax.plot(frictions, moduli(matrix, frictions, h), color=OPTIMAL, lw=2)
    ax.axvline(2 - h, color=MARK, ls="--", label="2 − h")
    finish(ax, xlabel="friction γ", ylabel="factor in each step", ylim=(0.7, 1.05))
    describe(fig, "The factor falls from 1 to 0.8 at friction 1.8 and rises again after it.")


def best_friction(matrix, h):
    """Return the friction, to 0.01, at which the larger modulus is smallest."""
    frictions = np.arange(0, 4, 0.01)
    return float(frictions[np.argmin(moduli(matrix, frictions, h))])


@drawing
def draw_remedies(fig, paths):
    """Draw where the generator is over the steps, for several walks {name: path}."""
    ax = fig.subplots()
    for (name, path), color in zip(paths.items(), (CRITIC, MARK, PUSH, OPTIMAL)):
        ax.plot(path[:, 0], color=color, lw=2 if name == "R1" else 1, label=name)
    ax.axhline(0, color=REAL, ls="--")
    ax.set(xlabel="step", ylabel="θ, where G is", ylim=(-2.5, 2.2))
    ax.legend(loc="upper right", ncols=4)
    last = {name: path[-200:, 0] for name, path in paths.items()}
    ends = ", ".join(f"{name} {x.min():.2f} to {x.max():.2f}" for name, x in last.items())
    describe(fig, f"Where the generator is in the last 200 steps: {ends}.")


def who_rests(paths, answers):
    """Return the answer: the names of the walks whose last 50 distances are below 0.01, or the last one."""
    rest = [name for name, path in paths.items() if np.hypot(*path[-50:].T).max() < 0.01]
    return next((name for name in answers if name in rest), answers[-1])


def line_view(fig, gan, log):
    """Draw the densities of data and samples, D, and the squared slope of D at the data over the steps."""
    left, right = fig.subplots(1, 2)
    x = (EDGES[1:] + EDGES[:-1]) / 2
    with torch.no_grad():
        samples = gan.G(LATENTS)[:, 0].numpy()
        D = torch.sigmoid(gan.D(torch.tensor(x, dtype=torch.float32)[:, None]))[:, 0]
    density = np.histogram(samples, EDGES)[0] / len(samples) / np.diff(EDGES)
    left.fill_between(x, 0 * x, norm.pdf(x, 4, 0.5), color=REAL, alpha=0.35, label="data")
    left.step(EDGES[1:], density, color=FAKE, lw=2, label="generated")
    left.plot(x, D, color=CRITIC, lw=2, label="D(x)")
    left.set(xlim=(1, 7), ylim=(0, 1.5), xlabel="x", ylabel="density; D(x)")
    left.set(title=f"generated: mean {samples.mean():.2f}, std {samples.std():.2f}")
    left.legend(loc="upper left")
    curves(right, log, "squared slope", colors=[CRITIC])
    right.set(ylabel="squared slope", yscale="log", title="of D's logit at the data")
    describe(fig, f"The generated samples beside the data, and D: they have mean {samples.mean():.2f} and std {samples.std():.2f} after {log.n} steps.")  # fmt: skip


def succeeds(runs):
    """Return how many runs end within 0.1 of both, the mean 4 and the std 0.5."""
    k = len(runs.alive)
    x = runs.members(runs.gan.G(LATENTS.repeat(k, 1))).detach()[..., 0]
    return int((((x.mean(1) - 4).abs() < 0.1) & ((x.std(1) - 0.5).abs() < 0.1)).sum())
