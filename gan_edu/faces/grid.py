"""Many pictures as one: tiles, row by row."""

import numpy as np
import torch

from gan_edu._arguments import check_count


def tile(images, columns=8, gap=2):
    """Return the images side by side, row by row, as one white-gapped picture: uint8 (height, width, 3).

    images: (n, 3, h, w) or (n, 1, h, w), uint8, or floats from -1 to 1. columns: how many in a row; gap: pixels between.
    """
    columns, gap = check_count("columns", columns), check_count("gap", gap, least=0)
    images = torch.as_tensor(images).detach().cpu()
    shape = tuple(images.shape)
    if len(shape) != 4 or shape[1] not in (1, 3) or shape[0] == 0:
        raise ValueError(f"images must have shape (n, 3, h, w) or (n, 1, h, w), got {shape}")
    if images.dtype != torch.uint8:
        images = images.float().add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
    n, _, height, width = shape
    columns = min(columns, n)
    size = -(-n // columns) * (height + gap) - gap, columns * (width + gap) - gap, 3
    page = np.full(size, 255, dtype=np.uint8)
    for k, image in enumerate(images.permute(0, 2, 3, 1).numpy()):
        top, left = k // columns * (height + gap), k % columns * (width + gap)
        page[top : top + height, left : left + width] = image  # one channel for all three
    return page


def draw_faces(axes, images, columns=8, title="", interpolation="antialiased"):
    """Draw images as a grid on `axes`, without ticks; return the artist."""
    axes.set(title=title, xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    return axes.imshow(tile(images, columns), interpolation=interpolation)
