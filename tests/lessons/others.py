"""Runs for the claims of the lessons with seeds that no page shows."""

import contextlib
import io

import torch

from gan_edu.seeds import over_seeds


def over_other_seeds(build, step, knobs, n_steps, n_seeds=8):
    """Return what over_seeds does, of the seeds 1000, 1001, ..."""

    def built():
        torch.manual_seed(1000 + torch.initial_seed())
        return build()

    with contextlib.redirect_stdout(io.StringIO()):
        return over_seeds(built, step, knobs, n_seeds=n_seeds, n_steps=n_steps)
