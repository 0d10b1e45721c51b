"""Lesson 12: checks of its exercises on files, axes, sizes and waves."""

import numpy as np
import torch

from gan_edu.examine import Remark, examine
from gan_edu.lessons.l12_faults import check_discriminator as check_discriminator
from gan_edu.lessons.l12_faults import check_down_block as check_down_block
from gan_edu.lessons.l12_faults import check_up_block as check_up_block
from gan_edu.lessons.l12_files import check_faces as check_faces


def check_to_batch(answer):
    """Check grey pictures (H, W, N) of a .npy file -> tensor (N, 1, H, W), the numbers as they are."""

    def given(data):
        found = answer(data)
        if isinstance(found, torch.Tensor) and found.ndim == 3 and len(found) == data.shape[2]:
            raise Remark("the axis of channels is missing: networks want (N, 1, H, W). x[:, None] adds an axis.")  # fmt: skip
        return found

    def by(order):
        return lambda data: torch.from_numpy(data).permute(*order)[:, None]

    def right(data):
        return by((2, 0, 1))(data)

    mistakes = {
        "`reshape` cuts the row of numbers anew: every picture is made of pieces of others. Move the axes with permute.": lambda d: torch.from_numpy(d).reshape(d.shape[2], 1, *d.shape[:2]),
        "the pictures lie on their side: height comes before width.": by((2, 1, 0)),
        "the axes are right, but the numbers have changed: scaling comes later.": lambda d: right(d) / 127.5 - 1,
    }  # fmt: skip
    case = (np.arange(5 * 5 * 4).reshape(5, 5, 4).astype(np.uint8),)
    answer_ = given if callable(answer) else answer
    return examine(answer_, [case], right, mistakes, "picture k of the file is row k of the batch.")


def conv(n, k, s, p):
    return (n + 2 * p - k) // s + 1


def up(n, k, s, p):
    return (n - 1) * s + k - 2 * p


def check_size_out(answer):
    """Check size_out(n, kernel, stride, padding, transposed) -> the side that comes out of Conv2d or ConvTranspose2d."""

    def sizes(up=up):
        return lambda n, k, s, p, transposed: (up if transposed else conv)(n, k, s, p)

    mistakes = {
        "n stamps make n − 1 moves. The last one does not move on.": sizes(up=lambda n, k, s, p: n * s + k - 2 * p),
        "here the padding cuts away, it adds nothing.": sizes(up=lambda n, k, s, p: (n - 1) * s + k + 2 * p),
        "the padding cuts at both ends.": sizes(up=lambda n, k, s, p: (n - 1) * s + k - p),
        "the last stamp is `kernel` wide, and none of it is counted yet.": sizes(up=lambda n, k, s, p: (n - 1) * s - 2 * p),
        "a transposed convolution has its own formula: count how far n stamps reach.": sizes(up=conv),
    }  # fmt: skip
    cases = [(64, 4, 2, 1, False), (28, 3, 2, 1, False)]
    cases += [(1, 4, 1, 0, True), (5, 4, 2, 1, True), (7, 3, 2, 1, True), (6, 2, 3, 0, True)]
    return examine(answer, cases, sizes(), mistakes, "torch's layers give the same sizes.")


def power_ratio(x, squared=True, axis=-1, beside=slice(-3, -1)):
    """Return the power at period 2 over the mean of the two next, along the rows of pictures (n, c, S, S)."""
    size = torch.fft.rfft(x, dim=axis).abs()
    size = size.movedim(axis, -1).flatten(0, -2)
    power = size.square().mean(0) if squared else size.mean(0)
    return power[-1] / power[beside].mean()


def check_period_two(answer):
    """Check pictures (n, c, S, S) -> power of the waves of period 2 along the rows, over the mean of the two next."""
    waves = {
        "you averaged the sizes. The power is the square: .abs().square().": lambda x: power_ratio(x, squared=False),
        "square first, then average: waves of different pictures must not be mixed before.": lambda x: (lambda p: p[-1] / p[-3:-1].mean())(torch.fft.rfft(x).abs().mean((0, 1, 2)).square()),
        "that goes along the columns. rfft takes the last axis: leave dim out.": lambda x: power_ratio(x, axis=2),
        "the period-2 wave itself is among its neighbours: power[-3:-1] leaves it out.": lambda x: power_ratio(x, beside=slice(-3, None)),
        "compare with the mean of the two next waves, power[-3:-1], not of all.": lambda x: power_ratio(x, beside=slice(None)),
        "upside down: power[-1] goes above.": lambda x: 1 / power_ratio(x),
        "waves added up before squaring cancel each other: square, then average over pictures, channels and rows.": lambda x: (lambda p: p[-1] / p[-3:-1].mean())(torch.fft.rfft(x.mean((0, 1, 2))).abs().square()),
    }  # fmt: skip
    seeded = torch.Generator().manual_seed(0)
    stripes = torch.tensor([1.0, -1.0]).repeat(8)
    cases = [(torch.randn(5, 3, 16, 16, generator=seeded) + 0.4 * stripes,)]
    cases += [(torch.randn(2, 1, 8, 8, generator=seeded),)]
    return examine(answer, cases, power_ratio, waves, "1 for pictures in which period 2 is nothing special.")  # fmt: skip
