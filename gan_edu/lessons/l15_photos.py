"""Lesson 15, own photos: files to practise with, bad ones too, grids, pairs, and the page to hand in."""

import base64
import html
import io
import os
import pathlib
import shutil
import warnings

import matplotlib
import numpy as np
import torch
from IPython.display import HTML
from matplotlib.figure import Figure
from PIL import Image

from gan_edu.faces import load_faces, make_faces
from gan_edu.faces.grid import draw_faces, tile
from gan_edu.panel.figure import describe
from gan_edu.style import CRITIC, FAKE, REAL, STYLE


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


def load_with_bad_files(folder="my_bad_photos"):
    """Write four faces and four bad files into a folder, load it; return what is said."""
    bad = pathlib.Path(folder)
    shutil.rmtree(bad, ignore_errors=True)
    draw_photos(bad, 4)
    (bad / "empty.jpg").touch()
    (bad / "not found.png").write_text("<html>404: no such picture</html>")
    (bad / "half.png").write_bytes((bad / "000.png").read_bytes()[:2000])
    np.save(bad / "labels.npy", np.arange(5))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        load_faces(bad)
    return str(said[0].message)


def save_grid(path, x, columns=8):
    """Write pictures as one PNG, whole or not at all."""
    unfinished = f"{path}.{os.getpid()}"
    Image.fromarray(tile(x, columns)).save(unfinished, format="png")
    os.replace(unfinished, path)


def draw_changed(x, changed):
    """Return draw(fig): pictures (n, 3, S, S) above and, below, what transforms {name: pictures} make of them."""

    def draw(fig):
        rows = {"as they are": x} | changed
        for ax, (name, row) in zip(fig.subplots(1, len(rows)), rows.items()):
            draw_faces(ax, row.clamp(-1, 1), 2, title=name)
        fig.set_size_inches(9, 9.6 / len(rows))
        describe(fig, f"{len(x)} faces each: {', '.join(rows)}.")

    return draw


def draw_run(made, log):
    """Return draw(fig): faces {step: pictures} of a training above, its curves below."""

    def draw(fig):
        top, below = fig.subfigures(2, 1, height_ratios=[1.4, 1])
        for ax, (n, x) in zip(top.subplots(1, len(made)), made.items()):
            draw_faces(ax, x[:36], 6, title=f"{n} steps")
        pairs = (("Loss_D", "Loss_G"), ("D(x)", "D(G(z))"))
        for ax, names in zip(below.subplots(1, 2), pairs):
            for name, color in zip(names, (CRITIC if names[0] == "Loss_D" else REAL, FAKE)):
                smooth = np.convolve(log[name], np.ones(20) / 20, "valid")
                ax.plot(np.arange(20, len(log[name]) + 1), smooth, color=color, label=name)
            ax.set(xlabel="step", ylabel="mean of 20 steps")
            ax.legend()
        fig.set_size_inches(9, 5.4)
        describe(fig, f"Above, 36 faces each after {', '.join(map(str, made))} steps; below, losses and what D says of real and generated faces over the steps.")  # fmt: skip

    return draw


def draw_limit(photo, other, distance):
    """Return draw(fig): a photo and the other photo nearest to it, (1, 3, S, S) each."""

    def draw(fig):
        draw_faces(fig.subplots(), torch.cat([photo, other]), 2, title=f"two photos at a distance of {distance.item():.1f}")  # fmt: skip
        fig.set_size_inches(4, 2.3)
        describe(fig, f"A photo beside the other photo nearest to it, at a distance of {distance.item():.1f}.")  # fmt: skip

    return draw


def draw_pairs(x, photos, distance):
    """Return draw(fig): generated faces above the photos that are nearest to them."""

    def draw(fig):
        ax = fig.subplots()
        draw_faces(ax, torch.cat([x, photos]), len(x), title="above: generated; below: the nearest photo (mirrored where that is nearer)")  # fmt: skip
        fig.set_size_inches(9, 2.7)
        describe(fig, f"{len(x)} generated faces above the training photos nearest to them, at distances from {distance.min():.1f} to {distance.max():.1f}.")  # fmt: skip

    return draw


def hand_in(path, real, fake, words):
    """Write one page with 64 photos, 64 generated faces and a line of words; return draw(fig) of it."""

    def draw(fig):
        for ax, x, name in zip(fig.subplots(1, 2), (real, fake), ("photos", "generated")):
            draw_faces(ax, x[:64], 8, title=f"{len(x[:64])} {name}")
        fig.suptitle(words, fontsize=10)
        fig.set_size_inches(9, 5)
        describe(fig, f"64 training photos beside 64 generated faces. {words}")

    with matplotlib.rc_context(STYLE):
        fig = Figure()
        draw(fig)
        fig.savefig(path, dpi=200)
    return draw


def show(draw):
    """Return the figure of draw(fig) as a JPEG with its description: faces as PNG make a notebook large."""
    content = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        fig = Figure(figsize=(9, 3.6))
        draw(fig)
        fig.savefig(content, format="jpeg", dpi=90, pil_kwargs=dict(quality=75))
    data = base64.b64encode(content.getvalue()).decode()
    words = html.escape(fig.words, quote=True)
    return HTML(f'<img alt="{words}" style="max-width: 100%" src="data:image/jpeg;base64,{data}">')
