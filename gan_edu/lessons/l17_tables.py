"""Lesson 17: its tables, and the stored runs."""

import numpy as np
from IPython.display import HTML

from gan_edu.faces import ATTRIBUTES, make_faces
from gan_edu.faces.judge import load_judge
from gan_edu.lessons.l17_measures import AFTER, ASKED, COUNTS, changes
from gan_edu.predict import table
from gan_edu.views import WEIGHTS, load

NAMES = [name.replace("_", " ") for name in ASKED]
STORED = WEIGHTS / "conditional_faces.json"


def percent(shares):
    """Return shares in per cent, one or several."""
    return [100 * share for share in shares]


def above_chance(right):
    """Return for each attribute how far the share is above chance: 0 at chance, 1 where all is as asked."""
    return [(right[name] - 1 / n) / (1 - 1 / n) for name, n in zip(ASKED, COUNTS)]


def obeyed_table(right, control):
    """Return a table of what `obeyed` returned, of chance, and of how often the judge reads real faces right."""
    images, labels = make_faces(1000, seed=88)
    read = load_judge().predict(images)
    known = [(read[name] == labels[name]).float().mean().item() for name in ASKED]
    rows = {
        "as asked": right.values(),
        "control: the label asked of another face": control.values(),
    }
    rows |= {"chance": [1 / count for count in COUNTS], "real faces, read as drawn": known}
    head = "share read by the judge, %", *NAMES
    return table(head, [(name, *percent(shares)) for name, shares in rows.items()])


OWN = "beard", "hair_style", "skin"  # without a label: the latent decides them


def changes_table(others, with_glasses):
    """Return a table of what has changed, in per cent: {row: (before, after)} to compare with, and the generator's."""
    rows = []
    for name, pair in [*others.items(), ("glasses, this generator", with_glasses)]:
        found = changes(*pair)
        means = changed(found, "glasses"), np.mean([found[own] for own in OWN])
        rows.append((name, str(len(pair[0]["skin"])), *percent([*found.values(), *means])))
    head = "changed, %", "faces", *(name.replace("_", " ") for name in ATTRIBUTES)
    return table((*head, "mean of the five others", "mean of beard, hair style, skin"), rows)


# ---- stored runs


def load_runs():
    """Return {recipe: {(seed, steps): measured}} of benchmarks/conditional_faces.py, and how it was made."""
    stored = load(STORED)
    runs = {
        name: {tuple(map(int, key.split(", "))): row for key, row in rows.items()}
        for name, rows in stored.pop("runs").items()
    }
    return runs, stored


def column(rows, *names, steps=600):
    """Return one measure of all seeds after so many steps."""
    found = [row for (_, n), row in sorted(rows.items()) if n == steps]
    for name in names:
        found = [row[name] for row in found]
    return found


def verdict(runs, options):
    """Return the option that AC-GAN and projection give; a difference counts where the seeds' ranges are apart."""
    one, other = (runs[name] for name in ("AC-GAN", "projection"))
    obey = [[np.mean([*row.values()]) for row in column(found, "right")] for found in (one, other)]
    vary = [column(found, "spread") for found in (one, other)]
    more, less = min(obey[0]) > max(obey[1]), max(vary[0]) < min(vary[1])
    return options[{(True, True): 0, (True, False): 1, (False, True): 2, (False, False): 3}[more, less]]  # fmt: skip


HEAD = "", "seeds", *(f"{name}, % as asked" for name in (*NAMES, "mean")), "Fréchet distance", "variety within a label"  # fmt: skip


def row_of(name, rows, steps=600):
    """Return a row of a table: a recipe after so many steps, all seeds."""
    right = [percent(column(rows, "right", one, steps=steps)) for one in ASKED]
    right.append([np.mean(one) for one in zip(*right)])  # of each seed
    quality = (column(rows, one, steps=steps) for one in ("frechet", "spread"))
    return name, len(column(rows, steps=steps)), *right, *quality


def runs_table(runs, floor):
    """Return a table of stored runs, median and range of the seeds; floor: FaceQuality of real faces, as many."""
    rows = [row_of(name, found) for name, found in runs.items()]
    return table(HEAD, [*rows, ("real faces", *[""] * 5, floor.frechet, 1.0)])


def factor_table(runs):
    """Return a table of the AC-GAN with one thing changed at a time."""
    rows = [row_of("AC-GAN, half the steps", runs["AC-GAN"], 300)]
    return table(HEAD, rows + [row_of(name, found) for name, found in runs.items() if name != "projection"])  # fmt: skip


def every_run(runs, made):
    """Return a table of all stored runs, and how they were made."""
    rows = []
    for name, found in runs.items():
        for (seed, steps), row in sorted(found.items()):
            right = (100 * row["right"][one] for one in ASKED)
            others = [changed(row["changes"][name], name) for name in AFTER]
            rows.append((name, seed, steps, *right, row["frechet"], row["recall"], row["spread"], *percent(others)))  # fmt: skip
    head = "discriminator", "seed", "steps", *(f"{name}, %" for name in NAMES), "Fréchet distance", "recall", "variety within a label"  # fmt: skip
    head += tuple(f"others changed by {name}, %" for name in NAMES)
    return HTML(f"{table(head, rows).data}<p>{made['minutes']} minutes, torch {made['torch']}</p>")


def changed(shares, asked):
    """Return the mean share of changed labels over the five that nobody asked for."""
    return np.mean([share for name, share in shares.items() if name != asked])
