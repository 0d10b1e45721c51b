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
N_FEATURES, N_DRAWS = 20, 5


def thumbnails(x):
    """Return pictures (n, 3, S, S) as rows of 16 × 16 × 3 numbers, each the mean of its pixels."""
    return F.interpolate(x.float(), (16, 16), mode="area").flatten(1)


def sharpness(x):
    """Return the mean difference between neighbouring pixels of pictures."""
    return (x.diff(dim=2).abs().mean() + x.diff(dim=3).abs().mean()).item() / 2


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

    def halves(self):
        """Yield random halves of the photos, (x, y), as often as there are draws."""
        seeded = torch.Generator().manual_seed(0)
        for _ in range(N_DRAWS):
            order = torch.randperm(len(self.x), generator=seeded)
            n = len(order) // 2
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
        return distance, near, 100 * share, sharpness(x) / sharpness(self.x)


def measures_table(rows):
    """Return a table of {name: what Photos.measure returned}, median and range of the draws."""
    head = "", "Fréchet distance", "nearest photo", "nearer than the limit, %", "sharpness"
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
    """Return a table of the stored runs, three seeds after 1,000 steps and one after 5,000."""
    rows = []
    for steps in (1000, 5000):
        for name, found in runs.items():
            columns = {key: column(found, key, steps) for key in ("frechet", "copied", "real", "new")}  # fmt: skip
            if not columns["frechet"]:
                continue
            seeds = f"{len(columns['frechet'])} seeds" if steps == 1000 else "seed 0"
            copied = [100 * share for share in columns["copied"]]
            gap = list(np.subtract(columns["real"], columns["new"]))
            rows.append((name, f"{steps:,}", seeds, columns["frechet"], copied, gap))
    head = "recipe", "steps", "", "Fréchet distance (judge)", "nearer than the limit, %", "D(training photos) − D(new photos)"  # fmt: skip
    return table(head, rows)
