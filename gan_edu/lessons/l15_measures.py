"""Lesson 15: what can be said of generated photos without a judge, and the stored runs with and without DiffAugment."""

import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

from gan_edu.faces.dcgan import pictures
from gan_edu.metrics import frechet_distance
from gan_edu.predict import table

STORED = pathlib.Path(__file__).parent.parent / "weights" / "own_photos.json"
N_FEATURES, N_DRAWS, MOST = 20, 5, 150


def thumbnails(x):
    """Return pictures (n, 3, S, S) as rows of 16 × 16 × 3 numbers, each the mean of its pixels."""
    return F.interpolate(x.float(), (16, 16), mode="area").flatten(1)


class Photos:
    """Training photos, uint8 (N, 3, S, S), as a measuring stick for generated ones.

    limit: 1 % of the photos are nearer than this to their nearest other photo.
    """

    def __init__(self, photos):
        self.x = pictures(photos, "cpu")
        self.rows = torch.cat([thumbnails(self.x), thumbnails(self.x.flip(3))])
        self.mean = self.rows.mean(0)
        axes = torch.linalg.svd(self.rows - self.mean, full_matrices=False)[2]
        self.axes = axes[:N_FEATURES].T
        self.between = self._others().min(1).values
        self.limit = self.between.quantile(0.01).item()

    def _others(self):
        n = len(self.x)
        far, own = torch.cdist(self.rows[:n], self.rows), torch.arange(n)
        far[own, own] = far[own, own + n] = torch.inf  # itself, and itself mirrored
        return far

    def features(self, x):
        """Return thumbnails along the 20 directions in which those of the photos differ most, (n, 20)."""
        return (thumbnails(x) - self.mean) @ self.axes

    def nearest(self, x):
        """Return for each picture the distance of its thumbnail to that of the nearest photo, or mirrored one, and the photo."""
        far, which = torch.cdist(thumbnails(x), self.rows).min(1)
        n = len(self.x)
        both = torch.cat([self.x, self.x.flip(3)])
        return far, both[which], which % n

    def at_limit(self):
        """Return a photo, the other photo nearest to it, and their distance, which is about the limit."""
        one = (self.between - self.limit).abs().argmin()
        other = self._others()[one].argmin()
        both = torch.cat([self.x, self.x.flip(3)])
        return self.x[one][None], both[other][None], self.between[one][None]

    def halves(self):
        """Yield random halves of the photos, (x, y), or 150 each if there are more, as often as there are draws."""
        seeded = torch.Generator().manual_seed(0)
        for _ in range(N_DRAWS):
            order = torch.randperm(len(self.x), generator=seeded)
            n = min(len(order) // 2, MOST)
            yield order[:n], order[n : 2 * n]

    def measure(self, x):
        """Return what the table shows, a list of the draws: pictures (n, 3, S, S) against halves of the photos, as many."""
        found = []
        for k, (half, _) in enumerate(self.halves()):
            part = x[torch.arange(k * len(half), (k + 1) * len(half)) % len(x)]
            found.append(self._row(half, part, self.nearest(part)[0]))
        return found

    def floor(self):
        """Return the same for the photos themselves: half against half, and the nearest *other* photo."""
        return [self._row(a, self.x[b], self.between[b]) for a, b in self.halves()]

    def _row(self, half, x, far):
        distance = frechet_distance(self.features(self.x[half]), self.features(x))
        near, share = far.median().item(), (far < self.limit).float().mean().item()
        return distance, near, 100 * share


def measures_table(rows):
    """Return a table of {name: what Photos.measure returned}, median and range of the draws."""
    head = "", "Fréchet distance", "nearest photo", "nearer than the limit, %"
    return table(head, [(name, *map(list, zip(*found))) for name, found in rows.items()])


# ---- stored runs


def load_runs(path=STORED):
    """Return {recipe: {(seed, steps): measured}} of benchmarks/own_photos.py, and how it was made."""
    stored = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    runs = {
        name: {tuple(map(int, key.split(", "))): row for key, row in rows.items()}
        for name, rows in stored.pop("runs").items()
    }
    return runs, stored


def column(rows, measure, steps):
    """Return one measure of the seeds after so many steps."""
    return [row[measure] for (_, n), row in sorted(rows.items()) if n == steps]


def verdict(runs, options, steps=1000):
    """Return the option that the Fréchet distances give: first or second recipe ahead in all seeds, or not clear."""
    one, other = (column(rows, "frechet", steps) for rows in runs.values())
    return options[0 if max(one) < min(other) else 1 if max(other) < min(one) else 2]


def runs_table(runs):
    """Return a table of the stored runs, median and range of the seeds after 1,000 steps."""
    rows = []
    for name, found in runs.items():
        frechet, recall, copied, real, new = (column(found, key, 1000) for key in ("frechet", "recall", "copied", "real", "new"))  # fmt: skip
        gap = list(np.subtract(real, new))
        rows.append((name, len(frechet), frechet, recall, [100 * share for share in copied], gap))
    head = "recipe", "seeds", "Fréchet distance (judge)", "recall (judge)", "nearer than the limit, %", "D(training photos) − D(new photos)"  # fmt: skip
    return table(head, rows)
