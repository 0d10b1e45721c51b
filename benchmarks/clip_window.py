"""Train the WGAN of lesson 07 for many clip values and rates, 8 seeds each, and store how well: python -m benchmarks.clip_window

Networks, step and settings are those of the notebook: its cells tagged "stored" are run. A quarter of an hour on one core.
"""

import json
import os
import platform
import time

import numpy as np
import torch

from benchmarks.stored import defined, fingerprint
from gan_edu.lessons.l07_clip_table import STORED
from gan_edu.lessons.l07_clip_value import LATENTS, judged, judged_runs, steepest
from gan_edu.run import Run
from gan_edu.seeds import over_seeds

NOTEBOOK = "07_clip_value"
CLIPS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 100.0]  # no weight comes near 100
RATES = [1e-4, 5e-4, 3e-3, 1e-2]
ADAM_CLIPS, ADAM_RATES = [0.01, 0.03, 0.1, 0.3, 1.0], [5e-4, 3e-3]
BETAS = {"neither": (0.0, 0.0), "critic": (0.9, 0.0), "generator": (0.0, 0.9), "both": (0.9, 0.9)}
DEEP_CLIPS = [0.03, 0.05, 0.07, 0.1, 0.2, 0.3]
N_SEEDS, N_STEPS, LONGER, EVERY = 8, 500, 1000, 25


def cell(build, step, settings, **knobs):
    """Return share, W1 and gap (mean of the last 50 steps) of all seeds at these settings, lists of numbers."""
    runs = over_seeds(build, step, settings | knobs, n_seeds=N_SEEDS, n_steps=N_STEPS)
    share, w1 = judged_runs(runs)
    gap = runs.log["critic gap"][:, -50:].mean(1)
    return dict(share=short(share), W1=short(w1), gap=short(gap))


def short(values):
    return [float(f"{v:.3g}") for v in np.ravel(values)]


def window(build, step, settings, clips, rates):
    """Return a table of rates and clip values."""
    found = [[cell(build, step, settings, clip=c, lr_d=lr) for c in clips] for lr in rates]
    parts = {k: [[one[k] for one in row] for row in found] for k in found[0][0]}
    return dict(c=clips, lr_d=rates) | parts


def training(build, step, settings, c):
    """Return gap (mean of 25 steps) and exact W1 at every 25th step of each seed."""
    rows = []
    for seed in range(N_SEEDS):
        run, w1 = Run(build, step, settings | dict(clip=c), seed=seed), []
        for _ in range(LONGER // EVERY):
            run.steps(EVERY)
            with torch.no_grad():
                w1.append(judged(run.gan.G(LATENTS))[1])
        rows.append((short(run.log["critic gap"].reshape(-1, EVERY).mean(1)), short(w1)))
    steps = list(range(EVERY, LONGER + 1, EVERY))
    return dict(step=steps, gap=[gap for gap, _ in rows], W1=[w1 for _, w1 in rows])


def deep(names):
    """Return gap and largest slope of critics of 12 layers on the line, for each clip value."""
    gap, slope = [], []
    for c in DEEP_CLIPS:
        build = names["critic_of"](1, *[32] * 11, 1)
        knobs = names["on_the_line"] | dict(clip=c)
        runs = over_seeds(build, names["critic_step"], knobs, n_seeds=N_SEEDS, n_steps=200)
        gap.append(short(runs.log["critic gap"][:, -50:].mean(1)))
        slope.append(short(steepest(runs)))
    return dict(c=DEEP_CLIPS, gap=gap, slope=slope)


def main():
    """Make all results anew and store them."""
    torch.set_num_threads(1)
    since, names = time.monotonic(), defined(NOTEBOOK)
    build, step, settings = (names[name] for name in ("build", "step", "settings"))
    with_adam = names["with_adam"]
    results = {
        "RMSprop": window(build, step, settings, CLIPS, RATES),
        "Adam": window(with_adam(0.9, 0.9), step, settings, ADAM_CLIPS, ADAM_RATES),
        "betas": {who: cell(with_adam(*b), step, settings, clip=0.1) for who, b in BETAS.items()},
        "slow generator": cell(build, step, settings, clip=0.3, lr_d=5e-4, lr_g=3e-4),
        "training": {str(c): training(build, step, settings, c) for c in (0.1, 0.01)},
        "deep": deep(names),
        "made": dict(
            code=fingerprint(NOTEBOOK),
            torch=torch.__version__,
            machine=platform.machine(),
            seeds=f"0 to {N_SEEDS - 1}",
            n_steps=N_STEPS,
            minutes=round((time.monotonic() - since) / 60),
        ),
    }
    unfinished = STORED.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(results) + "\n", encoding="utf-8")
    os.replace(unfinished, STORED)


if __name__ == "__main__":
    main()
