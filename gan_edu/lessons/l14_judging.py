"""Lesson 14: the film of a training, two Gaussians, balls in the plane, and rows of faces."""

import io

import numpy as np
import torch
from matplotlib.image import imread
from scipy.spatial.distance import cdist

from gan_edu import views
from gan_edu.faces import make_faces
from gan_edu.faces.grid import tile
from gan_edu.lessons.l14_recipes import FILM
from gan_edu.panel.figure import describe, handle
from gan_edu.style import CRITIC, FAKE, REAL
from gan_edu.views import Screen, few_colours, finish, made_by, photographed, picture

faces_of = made_by  # in the words of the page


class Film(Screen):
    """A stored training as a panel: each of its steps shows the next moment and trains nothing."""

    pause = 0.3

    def __init__(self):
        with np.load(FILM) as stored:
            rows, last = (imread(io.BytesIO(stored[k].tobytes()), "jpg") for k in ("rows", "last"))
            self.steps, self.frechet = stored["steps"], stored["frechet"]
        rows = rows.reshape(len(self.steps), 64, -1, 64, 3).transpose(0, 2, 4, 1, 3)
        self.x = torch.from_numpy(rows.copy())  # (moments, 24, 3, 64, 64), bytes
        last = last.reshape(8, 64, 8, 64, 3).transpose(0, 2, 4, 1, 3).reshape(64, 3, 64, 64)
        self.last = torch.from_numpy(last.copy())  # averaged weights, after the last step
        self.pages = [few_colours(tile(x[:12], 4), 64) for x in self.x]
        self.real = tile(make_faces(12, seed=1400)[0], 4)

    def view(self, fig, gan, log):
        """Draw real faces, generated ones, and the Fréchet distance up to this moment."""
        left, middle, right = fig.subplots(1, 3, width_ratios=[1.1, 1.1, 1])
        k = log.n % len(self.steps)
        n = int(self.steps[k])
        picture(left, self.real, "real")
        picture(middle, self.pages[k], f"generated, after {n} steps")
        right.plot(self.steps[: k + 1], self.frechet[: k + 1], "o-", color=FAKE, lw=1.5)
        right.axhline(0, color=CRITIC, lw=1)
        right.set(title=f"Fréchet distance: {self.frechet[k]:.0f}", xlabel="training step", ylabel="Fréchet distance, 2,000 faces each", xlim=(-15, 615), ylim=(-5, 180))  # fmt: skip
        describe(fig, f"12 real faces, 12 generated ones after {n} training steps, and the curve of their Fréchet distance up to there, now {self.frechet[k]:.0f}.")  # fmt: skip


def view_gaussians(fig, knobs):
    """Draw real N(0, 1), generated N(mean, spread²), and the two parts of their Fréchet distance."""
    left, right = fig.subplots(1, 2, width_ratios=[2, 1])
    x = np.linspace(-6, 6, 400)
    for name, mu, sigma, color in (("real", 0, 1, REAL), ("generated", knobs.mean, knobs.spread, FAKE)):  # fmt: skip
        p = np.exp(-0.5 * ((x - mu) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
        left.fill_between(x, p, color=color, alpha=0.25)
        left.plot(x, p, color=color, lw=2, label=name)
    finish(left, xlabel="one feature", ylabel="density", xlim=(-6, 6), ylim=(0, 1.4))
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
        ax.plot(*gaps, color=ring, lw=0.9, alpha=0.75)
        ax.scatter(*centers.T, s=9, c=ring)
        for chosen, marker in ((hit, "o"), (~hit, "x")):
            if chosen.any():
                ax.scatter(*points[chosen].T, s=26, c=color, marker=marker)
        ax.set(xlim=(-4, 4), ylim=(-2.8, 2.8), aspect="equal", xlabel="feature 1", ylabel="feature 2", title=f"{name}: {hit.mean():.2f} of the {what} points")  # fmt: skip
        shares.append(hit.mean())
    handle(fig.axes[0], "place", knobs.place)
    describe(fig, f"Left, balls around 40 real points hold {shares[0]:.2f} of the generated points (precision). Right, balls around the generated points hold {shares[1]:.2f} of the real ones (recall).")  # fmt: skip


def photo(draw, width, height):
    """Return what draw(fig) draws as a JPEG to reveal."""
    return views.photo(draw, (width, height))


@photographed
def draw_rows(fig, sets):
    """Draw a row of twelve faces for each of {name: faces}."""
    for ax, (name, x) in zip(np.ravel(fig.subplots(len(sets), 1)), sets.items()):
        picture(ax, tile(x[:12], 12), name)
    fig.set_size_inches(9, 1.05 * len(sets))
    describe(fig, f"Rows of 12 faces: {', '.join(sets)}.")
