"""Lesson 12: stamps of a transposed convolution, networks as boxes, logits over the contrast of a picture."""

import math

import numpy as np
import torch
from IPython.display import HTML

from gan_edu.panel.figure import describe, handles
from gan_edu.style import CRITIC, FAKE, REAL
from gan_edu.views import drawing

STAMPS = "#56B4E9", "#009E73", "#CC79A7", "#D55E00", "#F0E442"
DRAWN = (1.3, 0.4, 0.9, 1.2, 0.3, 0.7)  # weights "drawn at random", once


def stamped(x, kernel, stride):
    """Return what each number of x lays down, (n, (n - 1) * stride + k): the kernel times it, `stride` further each time."""
    rows = np.zeros((len(x), (len(x) - 1) * stride + len(kernel)))
    for i, value in enumerate(x):
        rows[i, i * stride : i * stride + len(kernel)] = value * np.asarray(kernel)
    return rows


def draw_stack(ax, rows, padding):
    """Draw stamps on top of each other; what the padding cuts away is pale. Return the sum that is kept."""
    kept = np.arange(padding, rows.shape[1] - padding)
    for i, row in enumerate(rows):
        below = rows[:i].sum(0)
        for places, alpha in ((kept, 0.85), (np.setdiff1d(np.arange(len(row)), kept), 0.2)):
            if len(places):
                ax.bar(places, row[places], 0.9, below[places], color=STAMPS[i], alpha=alpha)
    ax.set(xlim=(-0.7, rows.shape[1] - 0.3), xlabel="place in the output (pale: cut away)")
    return rows.sum(0)[kept]


def view_stamps(fig, knobs):
    """Draw a row of numbers and its transposed convolution; knobs: x, kernel, stride, padding, weights."""
    left, right = fig.subplots(1, 2, width_ratios=[1, 2.4])
    kernel = DRAWN[: knobs.kernel] if knobs.weights == "random" else [1.0] * knobs.kernel
    rows = stamped(knobs.x, kernel, knobs.stride)
    for i, value in enumerate(knobs.x):
        left.bar([i], [value], color=STAMPS[i])
    handles(left, "x", range(len(knobs.x)), knobs.x)
    left.set(title="input: drag the rings", ylim=(0, 3.2), xlabel="place in the input", ylabel="number", xticks=[0, 1, 2, 3, 4])  # fmt: skip
    padding = min(knobs.padding, (rows.shape[1] - 1) // 2)
    out = draw_stack(right, rows, padding)
    right.set(title=f"output: {len(out)} numbers", ylabel="sum of the stamps")
    describe(fig, f"Five numbers in five colours. Each lays the kernel of {knobs.kernel} weights down, {knobs.stride} places further each time; the stamps are stacked, and {padding} places are cut away at both ends: {len(out)} numbers are left.")  # fmt: skip


@drawing
def draw_stamps(fig, x, kernel, stride, padding):
    """Draw the stamps of a small example, stacked, with the numbers of their sums."""
    ax = fig.subplots()
    total = stamped(x, kernel, stride).sum(0)
    draw_stack(ax, stamped(x, kernel, stride), padding)
    for place, value in enumerate(total):
        ax.text(place, value + 0.2, f"{value:g}", ha="center", fontsize=11)
    ax.set(ylim=(0, 1.15 * total.max()), ylabel="sum of the stamps", xticks=range(len(total)))
    fig.set_size_inches(7, 3)
    words = ", ".join(f"{value:g}" for value in total)
    describe(fig, f"Stacked stamps; their sums are {words}. The first and the last {padding} are cut away.")  # fmt: skip


def stages(network, shape):
    """Return what a network makes of one thing of this shape: [(shape, [kind, ...])], a new entry at each convolution."""
    found, x = [(shape, [])], torch.zeros(2, *shape)
    for layer in (one for one in network.modules() if not list(one.children())):
        with torch.no_grad():
            x, kind = layer(x), type(layer).__name__
        if "Conv" in kind:
            kernel, stride, padding = layer.kernel_size[0], layer.stride[0], layer.padding[0]
            sizes = f"kernel {kernel}, stride {stride},", f"padding {padding}"
            found.append((None, [kind, *sizes]))
        elif found[1:]:
            found[-1][1].append(kind)
        found[-1] = tuple(x.shape[1:]), found[-1][1]
    return found


def blocks(network, shape):
    """Return the picture of a network as boxes: the higher, the larger the side; the wider, the more channels."""
    found, parts, step = stages(network, shape), [], 132
    inward = len(shape) == 3  # a discriminator: a picture goes in
    for k, (size, kinds) in enumerate(found):
        channels, side = (size[0], size[-1]) if len(size) == 3 else (math.prod(size), 1)
        w, h, x = 8 + 5 * math.log2(channels), 12 + 20 * math.log2(side), 70 + step * k
        color = REAL if inward and not k else CRITIC if inward else FAKE
        parts.append(f'<rect x="{x - w / 2:.0f}" y="{105 - h / 2:.0f}" width="{w:.0f}" height="{h:.0f}" rx="3" fill="{color}" fill-opacity=".3" stroke="{color}" stroke-width="1.5"/>')  # fmt: skip
        lines = [(x, 195, 13, " × ".join(map(str, size)) or "1 logit")]
        lines += [(x - step / 2, 112, 20, "→")] if k else []
        lines += [(x - step / 2, 218 + 15 * j, 10.5, kind) for j, kind in enumerate(kinds)]
        parts += [f'<text x="{a}" y="{b}" font-size="{c}">{words}</text>' for a, b, c, words in lines]  # fmt: skip
    said = "; ".join(f"{' '.join(kinds)}: {size}" for size, kinds in found[1:])
    box = f"0 25 {140 + step * (len(found) - 1)} {195 + 15 * max(len(kinds) for _, kinds in found)}"
    drawn = f'<g fill="currentColor" font-family="system-ui, sans-serif" text-anchor="middle">{"".join(parts)}</g>'
    return HTML(f'<svg viewBox="{box}" style="width: 100%; max-width: 900px; height: auto" role="img" aria-label="A network as boxes: {shape} goes in. {said}">{drawn}</svg>')  # fmt: skip


@drawing
def draw_contrast(fig, networks, faces):
    """Draw the logits of faces whose contrast is c times theirs; networks: {title: discriminator}."""
    c = torch.linspace(0, 2, 41)
    for ax, (title, D) in zip(np.atleast_1d(fig.subplots(1, len(networks))), networks.items()):
        with torch.no_grad():
            logits = torch.stack([D(one * faces) for one in c])
        ax.plot(c, logits, color=CRITIC, lw=1.5)
        ax.plot(c[[0] * len(faces)], logits[0], "o", color=FAKE)
        ax.axhline(0, color=CRITIC, lw=0.8, ls=":")
        ax.set(title=title, xlabel="contrast c (0: grey, 1: the face)", ylabel="logit of c x")
    fig.set_size_inches(9, 3.2)
    describe(fig, f"Logits of {len(faces)} faces over their contrast from 0 to 2. Without biases straight lines that all begin at 0; with biases curves that begin elsewhere.")  # fmt: skip
