"""Lesson 11: a judge of digits, and what it measures: how sure it is, which digits there are, copies, Fréchet distance."""

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from gan_edu.datasets import Batches
from gan_edu.lessons.l11_digits import digits_of, draw_digits
from gan_edu.metrics import frechet_distance
from gan_edu.panel.figure import describe
from gan_edu.run import adam, descend
from gan_edu.style import FAKE, REAL
from gan_edu.views import finish

N = 1000  # pictures in each set that is measured; few bias the Fréchet distance
LATENTS = [torch.randn(N, 100, generator=torch.Generator().manual_seed(k)) for k in range(1, 6)]
MANY = LATENTS[0]


class Judge:
    """A small classifier of digits, trained on all but the last 2,000: `others` and `reference`, which it has not seen."""

    def __init__(self, images, labels, seed=0):
        outside = torch.get_rng_state()
        torch.manual_seed(seed)
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(),
            nn.Flatten(), nn.Linear(7 * 7 * 32, 64), nn.ReLU(),
        )  # fmt: skip
        self.last = nn.Linear(64, 10)
        network = nn.Sequential(self.features, self.last)
        opt, first = adam(network, betas=(0.9, 0.999)), len(images) - 2 * N
        batches = Batches(torch.arange(first), 50)
        n_steps = 16 * len(batches)
        for k in range(n_steps):
            chosen = next(batches)
            moved = images[chosen].roll(torch.randint(-1, 2, (2,)).tolist(), (2, 3))  # by a pixel
            loss = cross_entropy(network(moved), labels[chosen])
            descend(opt, loss, lr=3e-3 * min(1, 2 - 2 * k / n_steps))
        torch.set_rng_state(outside)
        self.images, self.reference, self.others = images, images[-N:], images[-2 * N : -N]
        with torch.no_grad():
            read = network(images[first:]).argmax(1)
            self.known = self.features(self.reference)
        self.accuracy = (read == labels[first:]).float().mean().item()

    @torch.no_grad()
    def sure(self, x):
        """Return the largest of the ten probabilities of each picture (n, 1, 28, 28), (n,)."""
        return self.last(self.features(x)).softmax(1).amax(1)

    def read(self, film):
        """Return how sure it is of a film's pictures, (K,), of real digits, and draw(fig)."""
        means = np.array([self.sure(x).mean().item() for x in film.x])
        real = self.sure(self.others).mean().item()

        def draw(fig):
            ax, *grids = fig.subplots(1, 3, width_ratios=[1.7, 1, 1])
            ax.axhline(real, color=REAL, ls="--", label="real digits")
            ax.plot(film.steps, means, color=FAKE, label="25 digits of the film")
            ax.set_xscale("symlog", linthresh=1)  # step 0 belongs to it
            finish(ax, "lower right", xlabel="training step", ylabel="mean top probability", ylim=(0.4, 1), xlim=(0, film.steps[-1]))  # fmt: skip
            draw_digits(grids[0], film.x[-1], title=f"film, step {film.steps[-1]:,}")
            draw_digits(grids[1], self.others[:25], REAL, title="real digits")
            describe(fig, f"The judge's mean top probability over the steps of the film: {means[0]:.2f} at first; for real digits it is {real:.2f}. Beside it the film's last picture and real digits.")  # fmt: skip

        return means, real, draw

    @torch.no_grad()
    def measure(self, x, own=False, known=None):
        """Return {measure: value} of pictures (n, 1, 28, 28); own: they are some of `images`; known: others' features."""
        features = self.features(x)
        sure, digit = self.last(features).softmax(1).max(1)
        shares = digit.bincount(minlength=10) / len(x)
        return {
            "top probability": sure.mean().item(),
            "shares": shares.tolist(),
            "unevenness": (shares - 0.1).abs().sum().item() / 2,
            "nearest": nearest(x, self.images, own)[0].median().item(),
            "Fréchet": frechet_distance(features, self.known if known is None else known),
        }

    @torch.no_grad()
    def closest(self, x):
        """Return which of the pictures that are read as 0, 1, ... 9 is nearest to a training digit: ten numbers."""
        far, digit = nearest(x, self.images)[0], self.last(self.features(x)).argmax(1)
        return torch.stack([far.where(digit == k, torch.inf).argmin() for k in range(10)])

    def draws(self, G):
        """Return the measures of what a generator makes of five sets of 1,000 latents: a list."""
        return [self.measure(digits_of(G, z)) for z in LATENTS]

    @torch.no_grad()
    def floor(self):
        """Return the measures of real digits: five random halves of the last 2,000, each compared with the other half."""
        both, found = torch.cat([self.others, self.reference]), []
        for k in range(5):
            order = torch.randperm(2 * N, generator=torch.Generator().manual_seed(k))
            half, other = both[order[:N]], both[order[N:]]
            found.append(self.measure(half, own=True, known=self.features(other)))
        return found


def nearest(x, images, own=False):
    """Return (distance to the nearest of images, its number), (n,) each; own: not counting the picture itself."""
    found = torch.cdist(x.flatten(1), images.flatten(1)).topk(2, largest=False)
    return found.values[:, int(own)], found.indices[:, int(own)]
