"""What the steps of a run returned, and the bar that tells how long they will take."""

import collections
import math
import sys
import threading

import numpy as np
from tqdm.std import tqdm


class Log(collections.abc.Mapping):
    """log["critic gap"] is what the steps returned, float64 (n,); nan where a step did not return it."""

    def __init__(self, columns=(), n=0):
        self._columns, self.n = dict(columns), n
        self.moves, self.ghosts = [], []  # what a picture of the curves shows beside them

    def __getitem__(self, name):
        if name not in self._columns:
            raise KeyError(f"{name} (the log has {', '.join(self._columns) or 'nothing yet'})")
        return self._columns[name][: self.n].copy()

    def __iter__(self):
        return iter(self._columns)

    def __len__(self):
        return len(self._columns)

    def append(self, row):
        """Add what one step returned, {name: float}."""
        for name in {**self._columns, **row}:
            column = self._columns.get(name, np.full(self.n, np.nan))
            if self.n == len(column):
                column = np.append(column, np.full(max(256, self.n), np.nan))
            column[self.n] = row.get(name, math.nan)
            self._columns[name] = column
        self.n += 1

    def first(self, n):
        """Return a log of its own of the first n steps."""
        columns = {name: column[:n].copy() for name, column in self._columns.items()}
        return Log({k: v for k, v in columns.items() if not np.isnan(v).all()}, n)


def to_numbers(row, n):
    """Return what step number n returned as {name: float}.

    ValueError where something is no number, FloatingPointError where it is not finite.
    """
    if not isinstance(row, dict):
        raise ValueError(f'step must return numbers by name, {{"critic gap": gap}}, got {row!r}')
    found = {}
    for name, value in row.items():
        try:
            found[name] = value.item() if hasattr(value, "item") else float(+value)  # not of text
        except (TypeError, ValueError, RuntimeError):  # of a tensor with several numbers
            shape = f" of shape {tuple(value.shape)}" if hasattr(value, "shape") else ""
            what = f"step returned {name!r} as {type(value).__name__}{shape}"
            raise ValueError(f"{what}, a log takes one number, such as its .mean()") from None
        if not math.isfinite(found[name]):
            raise FloatingPointError(f"{name!r} is {found[name]} in step {n}")
    return found


def progress(disable=False, **settings):
    """Return a one-line bar with the time left, which appears when half a second was not enough."""
    # A panel trains in a thread of its own, and has its own line of words.
    aside = threading.current_thread() is not threading.main_thread()
    looks = dict(file=sys.stdout, ncols=88, delay=0.5, mininterval=0.25)
    # Plain text on stdout: a widget bar would be empty in a saved notebook, and stderr is shown as an error.
    return tqdm(disable=aside or disable, **looks, **settings)
