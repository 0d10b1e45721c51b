"""Lesson 13: what a training leaves on the disk, grids and TensorBoard's files, and what is stored of longer ones."""

import copy
import os
import pathlib
import warnings

import numpy as np
import torch
from PIL import Image
from torch.utils.tensorboard import SummaryWriter

from gan_edu.faces.grid import draw_faces, tile
from gan_edu.lessons.l13_dcgan_faces import LOSSES, MEANS, faces_of
from gan_edu.lessons.l13_figures import draw_curves
from gan_edu.panel.figure import describe
from gan_edu.predict import table
from gan_edu.views import WEIGHTS, drawing


class Board:
    """TensorBoard's files in a folder: graphs of both networks, every step's numbers, and grids of fixed latents."""

    def __init__(self, folder):
        self.folder, self.writer, self.told = pathlib.Path(folder), SummaryWriter(folder), 0

    def write(self, run, z):
        """Write what is new in the run; at the first call the graphs, each in a folder of its own, as TensorBoard wants."""
        if not self.told:
            images = run.gan.batches.dataset
            for name, x in (("G", z[:1]), ("D", torch.zeros(1, *images.shape[1:]))):
                network = copy.deepcopy(getattr(run.gan, name)).cpu().eval()
                with SummaryWriter(self.folder / name) as writer, warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # what the tracer says of itself
                    writer.add_graph(network, x)
        for name in run.log:
            for n in range(self.told, run.n):
                self.writer.add_scalar(f"train/{name}", run.log[name][n], n + 1)
        grid = tile(faces_of(run.gan.G, z))
        self.writer.add_image("fixed latents", grid, run.n, dataformats="HWC")
        self.writer.flush()
        self.told = run.n

    def close(self):
        """Write no more."""
        self.writer.close()


def save_grid(path, G, z):
    """Write a grid of the faces of these latents as a PNG, whole or not at all."""
    unfinished = f"{path}.{os.getpid()}"
    Image.fromarray(tile(faces_of(G, z))).save(unfinished, format="png")
    os.replace(unfinished, path)


def report_line(run):
    """Return the tutorial's line for the last step of a run."""
    last, batches = {name: run.log[name][-1] for name in run.log}, run.gan.batches
    losses = ", ".join(f"{name} {last[name]:.3f}" for name in ("Loss_D", "Loss_G"))
    means = f"D(x) {last['D(x)']:.3f}, D(G(z)) {last['D(G(z)) before']:.3f} / {last['D(G(z)) after']:.3f}"
    return f"step {run.n:3}, epochs {batches.epoch}: {losses}, {means}"


def stored_curves():
    """Return {recipe: [{name: curve, "F": distance} of each seed]} and the minutes that they took."""
    found = {}
    with np.load(WEIGHTS / "face_curves.npz") as stored:
        for key in stored.files:
            if "/" in key:
                recipe, seed, name = key.replace("source", "tutorial").split("/")
                found.setdefault(recipe, {}).setdefault(seed, {})[name] = stored[key]
        minutes = float(stored["minutes"])
    return {recipe: list(seeds.values()) for recipe, seeds in found.items()}, minutes


@drawing
def compare_curves(fig, found):
    """Draw the curves of each recipe, a column each, three seeds over one another."""
    fig.set_size_inches(2.6 * len(found), 3.3)
    axes = fig.subplots(2, len(found))
    for column, (recipe, runs) in zip(axes.T, found.items()):
        for run in runs:
            draw_curves(column, run, low=10, legend=False)
        column[0].set(title=recipe, ylim=(0, 12))
    for ax, names, where in ((axes[0, 0], LOSSES, "upper right"), (axes[1, -1], MEANS, "center right")):  # fmt: skip
        ax.legend(handles=ax.lines[: len(names)], loc=where, fontsize=8)  # no curve is there
    ends = (f"{name}: D(x) {average(runs, 'D(x)'):.2f}, D(G(z)) {average(runs, 'D(G(z)) before'):.2f}" for name, runs in found.items())  # fmt: skip
    describe(fig, f"Losses and mean outputs of D, three seeds each. At the end, {'; '.join(ends)}.")


def average(runs, name):
    """Return the median over the seeds of a curve's mean over its last sixth."""
    return float(np.median([run[name][-len(run[name]) // 6 :].mean() for run in runs]))


def recipes_table(found):
    """Return a table of the recipes: where D stood at the end, and how good the faces are."""
    head = "recipe", "steps", "D(x)", "D(G(z)) before", "Fréchet distance (real faces: 1)"
    rows = []
    for recipe, runs in found.items():
        ends = [[run[name][-len(run[name]) // 6 :].mean() for run in runs] for name in ("D(x)", "D(G(z)) before")]  # fmt: skip
        rows.append((recipe, f"{len(runs[0]['D(x)'])}", *ends, [float(run["F"]) for run in runs]))
    return table(head, rows)


def draw_source(fig):
    """Draw the stored training of the tutorial's own recipe: faces at several steps, and its curves."""
    with np.load(WEIGHTS / "faces_source.npz") as stored:
        steps, frames = stored["steps"], stored["frames"]
        log = {name: stored[name] for name in stored.files if "(" in name or "Loss" in name}
    shown = [*range(len(steps))][-4:]
    above, below = fig.subfigures(2, 1, height_ratios=[1.2, 1])
    for ax, k in zip(above.subplots(1, len(shown)), shown):
        draw_faces(ax, torch.from_numpy(frames[k]), 4, title=f"after {steps[k]} steps")
    draw_curves(below.subplots(1, 2), log)
    fig.set_size_inches(10, 5.6)
    describe(fig, f"16 faces of the tutorial's own recipe after {', '.join(str(steps[k]) for k in shown)} steps, and its curves of losses and mean outputs.")  # fmt: skip


def source_table():
    """Return a table that says how the stored training of the tutorial's recipe was made."""
    with np.load(WEIGHTS / "faces_source.npz") as stored:
        names = "seed", "steps", "epochs", "minutes"
        made = [(name, f"{int(stored['steps'][-1] if name == 'steps' else stored[name]):,}") for name in names]  # fmt: skip
        return table(("the stored training", ""), [*made, ("device", str(stored["device"]))])
