"""Lesson 12: a face grows layer by layer; pictures of odd sizes on their way to a batch."""

import math

import numpy as np
import torch
from PIL import Image
from torch import nn

from gan_edu.faces import make_faces
from gan_edu.faces.grid import draw_faces, tile
from gan_edu.faces.train import load_generator
from gan_edu.panel.figure import describe
from gan_edu.style import REAL
from gan_edu.views import Screen, drawing, finish, picture

CORNERS = torch.randn(5, 100, generator=torch.Generator().manual_seed(4))  # of the walk
COLORS = {"red": "#D62728", "green": "#2CA02C", "blue": REAL}
EACH = 12  # steps from one corner to the next


class Growing(Screen):
    """A panel in which a trained generator makes one face after another, all of its layers in sight; nothing trains."""

    def __init__(self):
        self.G = load_generator()

    def latent(self, n):
        """Return the latent after n steps (1, 100), on a walk round that leads through all corners."""
        k, rest = divmod(n % (len(CORNERS) * EACH), EACH)
        a, b = CORNERS[k], CORNERS[(k + 1) % len(CORNERS)]
        angle = math.pi / 2 * rest / EACH
        return (math.cos(angle) * a + math.sin(angle) * b)[None]

    def stages(self, z):
        """Return what stands behind each block, [(1, C, S, S)]: after every ReLU, and at the end."""
        found, x = [], z
        for layer in self.G:
            x = layer(x)
            if isinstance(layer, (nn.ReLU, nn.Tanh)):
                found.append(x)
        return found

    def view(self, fig, gan, log):
        """Draw the latent, four channels behind each block, and the face."""
        *axes, last = fig.subplots(1, 6, width_ratios=[1, 1, 1.1, 1.3, 1.5, 2.2])
        z = self.latent(log.n)
        *hidden, face = self.stages(z)
        picture(axes[0], shades(z.reshape(1, 10, 10), 1), "z: 100 numbers")
        for ax, x in zip(axes[1:], hidden):
            picture(ax, shades(x[0, :4], 2), " × ".join(map(str, x.shape[1:])))
        picture(last, tile(face) // 8 * 8, "3 × 64 × 64")  # fewer colours: recordings stay small
        sizes = ", ".join(str(x.shape[2]) for x in hidden)
        describe(fig, f"Latent number {log.n} as 100 grey squares, four channels behind each block at the sides {sizes}, and the face.")  # fmt: skip


def shades(x, columns):
    """Return channels (C, S, S) side by side as one grey picture of 16 shades, each channel from its lowest to its highest."""
    low, high = x.amin((1, 2), keepdim=True), x.amax((1, 2), keepdim=True)
    grey = 2 * ((x - low) / (high - low).clamp_min(1e-6) * 15).round() / 15 - 1
    return tile(grey[:, None], columns, gap=max(1, x.shape[1] // 16))


# ---- pictures on their way to a tensor


def odd_faces(n):
    """Return n pictures of drawn faces of odd sizes, some grey, some with transparency: what a folder holds."""
    images, rng = make_faces(n, seed=12, size=120)[0], np.random.default_rng(12)
    found = []
    for k, image in enumerate(images.permute(0, 2, 3, 1).numpy()):
        h, w = rng.integers(80, 121, 2)
        top, left = rng.integers(0, 121 - h), rng.integers(0, 121 - w)
        picture = Image.fromarray(image[top : top + h, left : left + w])
        found.append(picture.convert("L" if k % 5 == 4 else "RGBA" if k % 7 == 6 else "RGB"))
    return found


@drawing
def pipeline(fig, knobs, pictures, fit):
    """Draw one picture on its way; knobs.number says which. fit: the page's function."""
    axes = fig.subplots(1, 4, width_ratios=[1.2, 1, 1, 1.5])
    picture = pictures[knobs.number]
    rgb = picture.convert("RGB")
    small = rgb.resize([round(64 / min(rgb.size) * side) for side in rgb.size])
    crop = np.asarray(fit(rgb, 64))
    for ax, one, words in zip(axes, (rgb, small, crop), (picture.mode, "resized", "cropped")):
        ax.imshow(np.asarray(one))
        height, width = np.shape(one)[:2]
        ax.set(title=f"{words}: {width} × {height}", xlabel="pixels")
    for channel, (name, color) in enumerate(COLORS.items()):
        shares, edges = np.histogram(crop[..., channel] / 127.5 - 1, 24, (-1, 1))
        axes[3].step(edges, [*shares, shares[-1]], where="post", color=color, lw=2, label=name)
    finish(axes[3], title="values of x", xlabel="value", ylabel="pixels", xticks=[-1, 0, 1])
    describe(fig, f"Picture {knobs.number}, {rgb.width} wide and {rgb.height} high, in the mode {picture.mode}: as it is, with the short side at 64, cropped to 64 × 64, and how often each value occurs in red, green and blue.")  # fmt: skip


@drawing
def draw_batches(fig, loaded, mistaken):
    """Draw pictures of a batch, and pictures whose channels permute and `reshape` have brought forward."""
    left, right = fig.subplots(1, 2, width_ratios=[1.4, 1])
    draw_faces(left, loaded, 8, f"one batch: {tuple(loaded.shape)}")
    draw_faces(right, mistaken, 4, "above: permute; below: reshape")
    fig.set_size_inches(9, 3)
    describe(fig, f"Left: a batch of {len(loaded)} faces of 64 × 64. Right: four faces, and below what reshape makes of the same numbers: false colours and a fine pattern.")  # fmt: skip
