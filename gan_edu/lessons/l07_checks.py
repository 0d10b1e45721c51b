"""Lesson 07: checks of its exercises."""

import math

import numpy as np

from gan_edu.examine import check

C, RATES = np.geomspace(0.01, 1, 4), np.geomspace(1e-4, 1e-2, 4)
TABLES = [(C, RATES, np.array([list(row) for row in rows.split()]) == "1") for rows in ("0111 0010 1010 0110", "1000 0101 0011 0111")]  # fmt: skip
check_ratios = check(lambda c, lr, good: c[good.argmax(1)] / lr, TABLES, "one number for each rate.", {
    "that is c itself. Divide it by the rate of its row.": lambda c, lr, good: c[good.argmax(1)],
    "that is lr_d / c. Turn it round.": lambda c, lr, good: lr / c[good.argmax(1)],
    "those are the first cells that are *not* good: argmax finds the first True.": lambda c, lr, good: c[good.argmin(1)] / lr,
    "argmax went down the columns. Each row has a smallest good c: axis 1.": lambda c, lr, good: c[good.argmax(0)] / lr,
    "those are places in a row, counted from 0. c[...] takes the clip values there.": lambda c, lr, good: good.argmax(1),
    "a place in the row is not yet a clip value: c[...] takes it.": lambda c, lr, good: good.argmax(1) / lr,
    "those are the largest good clip values. Take the smallest in each row.": lambda c, lr, good: np.where(good, c, 0).max(1) / lr,
})  # fmt: skip


def product(factors, c):
    return math.prod(n * c for n in factors)


WIDTHS = [((1, 3, 5, 1), 0.2), ((1, 4, 1), 0.5), ((1, 2, 3, 4, 1), 3.0), ((1, 1), 0.7)]
check_largest_slope = check(lambda w, c: product(w[:-1], c), WIDTHS, "n·c for each layer, multiplied.", {
    "that is c to the power of the number of layers. How many units send their number into each?": lambda w, c: c ** (len(w) - 1),
    "that counts the units, but c only once. Each layer multiplies by c.": lambda w, c: c * math.prod(w[:-1]),
    "those are the units without c. Each layer multiplies by c.": lambda w, c: math.prod(w[:-1]),
    "there is one layer less than there are widths, so one c too many.": product,
    "the layers follow one another: their factors are multiplied, not added.": lambda w, c: sum(n * c for n in w[:-1]),
    "all units of the hidden layers are added up, but each layer multiplies by its own number.": lambda w, c: sum(w[1:-1]) * c ** (len(w) - 1),
    "with widths that differ each layer has its own factor.": lambda w, c: (w[1] * c) ** (len(w) - 2) * c,
})  # fmt: skip


def line(x, y, which=0):
    return np.polyfit(x, y, 1)[which]


log, c = np.log, np.array([0.03, 0.1, 0.3])
GAPS = [(c, 5 * c**1.5), (2 * c, 0.1 * c**3 * [1.1, 1.0, 1.05]), (c, c**-0.5 * [1, 2, 1])]
check_power = check(lambda c, g: line(log(c), log(g)), GAPS, "a straight line between logarithms.", {
    "that is the slope without logarithms. A power becomes a straight line when both axes are logarithmic.": line,
    "only the gap is logarithmic here. Take the logarithm of c too.": lambda c, g: line(c, log(g)),
    "only c is logarithmic here. Take the logarithm of the gap too.": lambda c, g: line(log(c), g),
    "the axes are exchanged: c goes to the right.": lambda c, g: line(log(g), log(c)),
    "that is the height of the line at c = 1. Its slope comes first in polyfit.": lambda c, g: line(log(c), log(g), 1),
    "polyfit returns two numbers, slope and height: take the first.": lambda c, g: np.polyfit(log(c), log(g), 1),
})  # fmt: skip


def walk(gradients, lr, eps, move=lambda g, v, lr, eps: lr * g / (v**0.5 + eps), keep=0.99, late=False):  # fmt: skip
    w = v = 0.0
    for g in gradients:
        old, v = v, keep * v + (1 - keep) * g * g
        w -= move(g, old if late else v, lr, eps)
    return w


SEEN = [([1.0, 2.0, -0.5], 0.01, 1e-8), ([3e-6] * 5, 0.1, 1e-8), ([1e-10] * 4, 0.01, 1e-8)]
check_rmsprop = check(walk, SEEN, "that is RMSprop.", {
    "the weight runs uphill: a minus.": lambda g, lr, e: -walk(g, lr, e),
    "that is SGD: the gradient is not divided by its size.": dict(move=lambda g, v, lr, e: lr * g),
    "v is an average of squares. Take its root.": dict(move=lambda g, v, lr, e: lr * g / (v + e)),
    "eps stands outside the root: √v + eps.": dict(move=lambda g, v, lr, e: lr * g / (v + e) ** 0.5),
    "eps is missing below the line. A gradient of 1e-10 shows it.": dict(move=lambda g, v, lr, e: lr * g / v**0.5),
    "v keeps 0.99 of itself and takes 0.01 of the new square; yours is the other way round.": dict(keep=0.01),
    "first v learns of the new gradient, then the weight moves.": dict(late=True),
})  # fmt: skip
