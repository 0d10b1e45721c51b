"""Many seeds of one GAN: the same build() and step(gan, knobs); member k is the run of seed k."""

import contextlib
import os
import time

import joblib
import numpy as np
import torch
from torch import nn

from gan_edu._arguments import check_count
from gan_edu.log import progress
from gan_edu.members import NotTogether, together
from gan_edu.players import Players
from gan_edu.run import Run

PAYS = 20  # seconds of a plain loop from which on a second process is worth its start


def over_seeds(build, step, knobs=None, n_seeds=64, n_steps=1000):
    """Train n_seeds runs, member k with seed k, and return them as `Runs`.

    All at once where that gives the same numbers: three steps of the first and the last member decide; one after
    another where not, and says why. A member whose losses are no longer finite stops there, the others go on.
    """
    n_seeds, n_steps = check_count("n_seeds", n_seeds), check_count("n_steps", n_steps)
    ends = [trained(Run(build, step, knobs, seed=k), min(3, n_steps)) for k in (0, n_seeds - 1)]
    try:
        gan, log, alive = together(build, step, ends, n_seeds, n_steps)
    except Exception as fault:
        known = isinstance(fault, NotTogether)
        why = fault if known else f"their step does not take them at once ({fault})"
        print(f"over_seeds trains the {n_seeds} runs one after another: {why}.")
        gan, log, alive = one_by_one(build, step, knobs, n_seeds, n_steps)
    if not alive.all():
        print(f"The losses of {np.sum(~alive)} of {n_seeds} runs did not stay finite; see alive.")
    return Runs(build, step, knobs, n_steps, gan, log, alive)


class Runs:
    """What `over_seeds` trained: K members of N steps.

    log: {name: float64 (K, N)}, nan from where a member stopped; alive: bool (K,), who did not.
    gan: the players of all members; gan.G(z) takes K n rows of z, n for each member in turn.
    """

    def __init__(self, build, step, knobs, n_steps, gan, log, alive):
        self._make, self._n_steps = (build, step, knobs), n_steps
        self.gan, self.log, self.alive = gan, log, alive

    def members(self, x):
        """Return a batch of K n rows by member: (K n, ...) -> (K, n, ...)."""
        if len(x) % len(self.alive):
            raise ValueError(f"x must have n rows for each of {len(self.alive)}, got {len(x)}")
        return x.reshape(len(self.alive), -1, *x.shape[1:])

    def run(self, k):
        """Return the Run of seed k, trained alone as far as member k went."""
        if check_count("k", k, least=0) >= len(self.alive):
            raise ValueError(f"k must be a seed from 0 to {len(self.alive) - 1}, got {k}")
        return trained(Run(*self._make, seed=k), self._n_steps)


def trained(run, n_steps):
    """Train up to step n_steps, or to the last one whose losses are finite; return the run."""
    with contextlib.suppress(FloatingPointError):
        run.steps(n_steps - run.n)
    return run


class Each(nn.ModuleList):
    """K networks side by side: rows k n to (k + 1) n of a batch pass through network k."""

    def forward(self, x):
        apart = x.unflatten(0, (len(self), -1))
        return torch.cat([network(one) for network, one in zip(self, apart)])


def one_by_one(build, step, knobs, n_seeds, n_steps):
    """Return (players side by side, log, alive) of a plain loop over Run, in two processes where that pays."""

    def one(seed):
        run = trained(Run(build, step, knobs, seed=seed), n_steps)
        return run.gan, dict(run.log), run.n, run.threads

    begun = time.monotonic()
    found = [one(0)]
    alone = found[0][-1] == 1 and (os.cpu_count() or 1) > 1  # a core is free
    pays = alone and (time.monotonic() - begun) * (n_seeds - 1) > PAYS
    work = (joblib.delayed(one)(seed) for seed in range(1, n_seeds))
    with progress(total=n_seeds - 1) as bar:
        for result in joblib.Parallel(n_jobs=2 if pays else 1, return_as="generator")(work):
            found.append(result)
            bar.update()
    gans, logs, steps, _ = zip(*found)
    names = [name for columns in logs for name in columns]  # one may stop before its first step
    log = {name: np.full((n_seeds, n_steps), np.nan) for name in names}
    for k, columns in enumerate(logs):
        for name, column in columns.items():
            log[name][k, : len(column)] = column
    return side_by_side(gans), log, np.array(steps) == n_steps


def side_by_side(parts):
    """Return the parts of all members as one: networks as `Each`, other things as a list."""
    if isinstance(parts[0], nn.Module):
        return Each(parts)
    if isinstance(parts[0], Players):
        names = vars(parts[0])
        return Players(**{k: side_by_side([getattr(one, k) for one in parts]) for k in names})
    if isinstance(parts[0], (list, tuple)):
        return [side_by_side(one) for one in zip(*parts)]
    return parts
