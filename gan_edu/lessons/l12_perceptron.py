"""Lesson 12, *More*: the stored runs of the perceptron and of the convolutional pair."""

import numpy as np
import torch
from IPython.display import HTML

from gan_edu.predict import table
from gan_edu.views import WEIGHTS, compared, load

STORED = WEIGHTS / "pictures_perceptron.json"


def draw_latents(n):
    """Return n latents, always the same."""
    return torch.randn(n, 100, generator=torch.Generator().manual_seed(12))


def load_runs():
    """Return what is stored; an unfinished table would have medians of too few seeds."""
    found = load(STORED)
    if min(map(len, found["runs"].values())) < 3:
        raise ValueError(f"{STORED.name} is unfinished: python -m benchmarks.pictures_perceptron")
    return found


def reached(runs):
    """Return {network, settings: [one number a seed]}: the median distance of the last three measured moments."""
    found = {}
    for name, some in runs["runs"].items():
        last = [[one["frechet"] for one in run["measured"][-3:]] for run in some]
        found[name] = np.median(last, axis=1).tolist()
    return found


def better(runs, answers):
    """Return which of the answers is true: perceptron, convolutional, or neither, where the ranges overlap.

    Of each network the settings count with which its median is smaller.
    """
    found = {}
    for name, numbers in reached(runs).items():
        kind = name.split(",")[0]
        found[kind] = min(found.get(kind, numbers), numbers, key=np.median)
    return compared(found["convolutional"], found["perceptron"], answers)


def runs_table(runs):
    """Return the table of the fair run: medians and ranges over the seeds."""
    rows = []
    for name, distances in sorted(reached(runs).items()):
        kind, settings = name.replace("convolutional", "DCGAN").split(", ", 1)
        minutes = [run["minutes"] for run in runs["runs"][name]]
        rows.append((kind, settings, distances, minutes))
    head = "network", "learning rate, β of Adam", "Fréchet distance", "minutes of one core"
    return table(head, rows)


def show_grids(grids):
    """Return stored grids of generated faces as HTML, two in a row; grids: {title: letters of a JPEG file}."""
    shown = ""
    for title, letters in grids.items():
        title = title.replace("convolutional", "DCGAN")
        alt = f"A grid of 24 generated faces. {title}."
        shown += f'<figure style="margin: 0"><figcaption>{title}</figcaption><img alt="{alt}" style="width: 100%" src="data:image/jpeg;base64,{letters}"></figure>'
    return HTML(f'<div style="display: grid; grid-template-columns: 1fr 1fr; gap: 8px; max-width: 900px">{shown}</div>')  # fmt: skip


def alone_of(runs):
    """Return what to show of the long run of the perceptron alone, words and grids: nothing where it is not stored."""
    found = runs.get("alone")
    if not found:
        return []
    measured = {str(one["step"]): one["frechet"] for one in found["measured"]}
    grids = {f"{int(n):,} steps: Fréchet distance {measured[n]:.0f}": one for n, one in list(found["grids"].items())[-4:]}  # fmt: skip
    epochs = found["steps"] * found["batch_size"] / 16_000
    words = f"The perceptron alone on our faces, with the defaults of gan.py (batches of 64, learning rate 2e-4, β = (0.5, 0.999)), seed 0: {found['steps']:,} steps, {epochs:.1f} epochs, {found['minutes']:.0f} minutes of one core."  # fmt: skip
    return [words, show_grids(grids)]
