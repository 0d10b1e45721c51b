"""Lesson 15, own photos: what can be said of generated ones without a judge, stored runs, and grids of pictures."""

import os
import pathlib

import torch
import torch.nn.functional as F
from PIL import Image

from gan_edu.faces import make_faces
from gan_edu.faces.dcgan import pictures
from gan_edu.faces.grid import draw_faces
from gan_edu.metrics import frechet_distance
from gan_edu.panel.figure import describe
from gan_edu.predict import table
from gan_edu.views import WEIGHTS, compared, load, photo

STORED = WEIGHTS / "own_photos.json"
N_FEATURES, N_DRAWS, MOST = 20, 5, 150


def draw_photos(folder, n=300):
    """Write n drawn faces of 128 × 128 pixels as PNG files, unless the folder is there; return its name."""
    path = pathlib.Path(folder)
    if not path.exists():
        unfinished = path.with_name(f"{path.name}.{os.getpid()}")
        unfinished.mkdir()
        for k, face in enumerate(make_faces(n, seed=15, size=128)[0]):
            Image.fromarray(face.permute(1, 2, 0).numpy()).save(unfinished / f"{k:03}.png")
        unfinished.rename(path)
    return folder


def show(sets, columns, down=False, words="", path=None):
    """Return grids of {title: pictures}, side by side or one below the other, as a JPEG; path: a PNG of it, written too."""
    height = 9 * max(-(-len(x) // columns) for x in sets.values()) / columns
    height = len(sets) * (height + 0.35) if down else height / len(sets) + 0.5

    def draw(fig):
        axes = fig.subplots(len(sets), 1) if down else fig.subplots(1, len(sets))
        for ax, (title, x) in zip(axes, sets.items()):
            draw_faces(ax, x, columns, title=title)
        fig.suptitle(words, fontsize=10)
        counted = ", ".join(f"{title} ({len(x)})" for title, x in sets.items())
        describe(fig, f"Grids of faces, {'one below the other' if down else 'side by side'}: {counted}. {words}")  # fmt: skip
        if path:
            fig.savefig(path, dpi=200)

    return photo(draw, (9, height + 0.3 * bool(words)), dpi=90, quality=75)


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
        far, own = torch.cdist(self.rows[: len(self.x)], self.rows), torch.arange(len(self.x))
        far[own, own] = far[own, own + len(self.x)] = torch.inf  # itself, and itself mirrored
        self.between = far.min(1).values
        self.limit = self.between.quantile(0.01).item()

    def features(self, x):
        """Return thumbnails along the 20 directions in which those of the photos differ most, (n, 20)."""
        return (thumbnails(x) - self.mean) @ self.axes

    def nearest(self, x):
        """Return for each picture the distance of its thumbnail to that of the nearest photo, or mirrored one, and the photo."""
        far, which = torch.cdist(thumbnails(x), self.rows).min(1)
        return far, torch.cat([self.x, self.x.flip(3)])[which]

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
        return distance, 100 * (far < self.limit).float().mean().item()


def measures_table(rows):
    """Return a table of {name: what Photos.measure returned}, median and range of the draws."""
    head = "", "Fréchet distance", "nearer than the limit, %"
    return table(head, [(name, *map(list, zip(*found))) for name, found in rows.items()])


def load_runs():
    """Return what benchmarks/own_photos.py measured, {recipe: [one run a seed]}."""
    runs = load(STORED)["runs"]
    return {name: [*rows.values()] for name, rows in runs.items()}


def verdict(runs, options):
    """Return the option that the Fréchet distances give: first or second recipe ahead in all seeds, or not clear."""
    one, other = ([run["frechet"] for run in rows] for rows in runs.values())
    return compared(other, one, options)


def runs_table(runs):
    """Return a table of the stored runs, median and range of the seeds."""
    gaps = {name: [run["real"] - run["new"] for run in rows] for name, rows in runs.items()}
    rows = [(name, [run["frechet"] for run in runs[name]], gap) for name, gap in gaps.items()]
    return table(("recipe", "Fréchet distance", "D(training photos) − D(new photos)"), rows)
