"""Lesson 12, *More*: the stored runs of the perceptron and of the convolutional pair."""

import base64
import io
import json
import pathlib

import numpy as np
import torch
from PIL import Image

from gan_edu.panel.figure import describe
from gan_edu.predict import table

STORED = pathlib.Path(__file__).parent.parent / "weights" / "pictures_perceptron.json"


def draw_latents(n):
    """Return n latents, always the same."""
    return torch.randn(n, 100, generator=torch.Generator().manual_seed(12))


def load_runs():
    return json.loads(STORED.read_text(encoding="utf-8"))


def reached(runs, measure="frechet"):
    """Return {network, settings: [one number a seed]}: the median of what was measured at the last three moments."""
    found = {}
    for name, some in runs["runs"].items():
        last = [[one[measure] for one in run["measured"][-3:]] for run in some]
        found |= {name: np.median(last, axis=1).tolist()} if last else {}
    return found


def better(runs, answers):
    """Return which of the answers is true: perceptron, convolutional, or neither, where the ranges overlap.

    Of each network the settings count with which its median is smaller.
    """
    found = {}
    for name, numbers in reached(runs).items():
        kind = name.split(",")[0]
        found[kind] = min(found.get(kind, numbers), numbers, key=np.median)
    if max(found["perceptron"]) < min(found["convolutional"]):
        return answers[0]
    return answers[1 if max(found["convolutional"]) < min(found["perceptron"]) else 2]


def runs_table(runs):
    """Return the table of the fair run: medians and ranges over the seeds."""
    columns = [reached(runs, measure) for measure in ("frechet", "precision", "recall", "off")]
    rows = []
    for name in columns[0]:
        kind, settings = name.replace("convolutional", "DCGAN").split(", ", 1)
        minutes = [run["minutes"] for run in runs["runs"][name]]
        rows.append((kind, settings, *(column[name] for column in columns), minutes))
    head = ("network", "learning rate, β", "Fréchet distance", "precision", "recall", "attributes off by", "minutes of one core")  # fmt: skip
    return table(head, rows)


def picture(letters):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(letters))))


def draw_grids(grids, words):
    """Return draw(fig): stored grids of generated faces, {title: letters of a JPEG file}, two in a row."""

    def draw(fig):
        rows = -(-len(grids) // 2)
        axes = fig.subplots(rows, 2, squeeze=False).ravel()
        for ax in axes:
            ax.axis("off")
        for ax, (title, letters) in zip(axes, grids.items()):
            ax.imshow(picture(letters))
            ax.set(title=title.replace("convolutional", "DCGAN"))
        fig.set_size_inches(10, 2.1 * rows)
        describe(fig, words)

    return draw


def alone_of(runs):
    """Return what to show of the long run of the perceptron alone: a sentence, and draw(fig) where it is stored."""
    found = runs.get("alone")
    if not found:
        return ["It is not stored yet: python -m benchmarks.pictures_perceptron 60 makes it."]
    measured = {str(one["step"]): one["frechet"] for one in found["measured"]}
    grids = {f"{int(n):,} steps: Fréchet distance {measured[n]:.0f}": one for n, one in list(found["grids"].items())[-4:]}  # fmt: skip
    epochs = found["steps"] * found["batch_size"] / 16_000
    words = f"{found['steps']:,} steps in batches of {found['batch_size']}, {epochs:.1f} epochs, {found['minutes']:.0f} minutes of one core."  # fmt: skip
    return [words, draw_grids(grids, f"Grids of 24 faces of the perceptron at {len(grids)} moments of one long training, the last after {found['steps']:,} steps.")]  # fmt: skip
