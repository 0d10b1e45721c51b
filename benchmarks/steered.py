"""Measure the gaps of lesson 10, 8 seeds each: python -m benchmarks.steered

A critic whose generator stands still; GANs whose gap, slope and exact W1 are followed; GANs whose method is changed in the
middle. Build and steps are those of the notebook: its cells tagged "stored" are run. A few minutes on one core.
"""

import json
import os
import platform
import time

import torch

from benchmarks.stored import defined, fingerprint
from gan_edu.datasets import gaussian_ring, ring_centers
from gan_edu.lessons.l10_distance import norms
from gan_edu.lessons.l10_measured import STEERED
from gan_edu.metrics import mode_coverage, wasserstein_samples
from gan_edu.run import Run
from gan_edu.seeds import over_seeds

NOTEBOOK = "10_is_my_loss_a_distance"
N_SEEDS, EVERY, N_STEPS = 8, 20, 300
LAMBDAS, FAR_STEPS = (0.1, 1.0, 10.0, 100.0), 1500
FOLLOWED = {  # the runs that are followed
    "penalty": dict(lambda_gp=1.0),
    "λ = 0.1": dict(lambda_gp=0.1),
    "clip": dict(method="clip", c=0.1, lr_d=3e-3, lr_g=3e-3),
}
STAGES = {  # what a run with the penalty is changed into, for how many steps
    "none": [("none", dict(method="none"), 100)],
    "scissors": [("c = 0.01", dict(method="clip", c=0.01), 60), ("penalty again", dict(method="penalty"), 100)],
}  # fmt: skip


def far(names, lambda_gp):
    """Return gap / W1 of 8 critics of a generator that stands at (0, 0), on 20,000 fresh samples.

    W1 is the mean distance of the real samples from that point.
    """
    knobs = dict(batch_size=128, lambda_gp=lambda_gp, n_steps=FAR_STEPS)
    runs = over_seeds(names["build_critic"], names["step_far"], knobs, N_SEEDS, FAR_STEPS)
    x_real = gaussian_ring(20_000, radius=1.4, sigma=0.1, generator=torch.Generator().manual_seed(0))  # fmt: skip
    with torch.no_grad():
        real, fake = (runs.members(runs.gan.D(x.repeat(N_SEEDS, 1))) for x in (x_real, torch.zeros(1, 2)))  # fmt: skip
    return short(((real.mean(1) - fake.mean(1)).flatten() / x_real.norm(dim=1).mean()).tolist())


def measured(names, gan):
    """Return gap, its lower bound, exact W1, high quality, and the median push on generated samples."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        x_real = gaussian_ring(1000, radius=1.4, sigma=0.1)
        x_fake = gan.G(torch.randn(1000, 2)).detach()
        bound = names["bound_solution"](gan.D, x_real, x_fake).item()
    gap = (gan.D(x_real).mean() - gan.D(x_fake).mean()).item()
    share = mode_coverage(x_fake, ring_centers(8, 1.4), 0.1).high_quality
    push = norms(gan.D, x_fake).median().item()
    return short([gap, bound, wasserstein_samples(x_real[:500], x_fake[:500]), share, push])


def followed(names, knobs, seed):
    """Return the run of a seed, and what was measured at every 20th step."""
    rows, run = [], Run(names["build"], names["step"], names["settings"] | knobs, seed=seed)
    run.steps(N_STEPS, every=EVERY, do=lambda run: rows.append([run.n, *measured(names, run.gan)]))
    return run, rows


def changed(names, run, stages):
    """Return {stage: what was measured at its end, and the largest |gap| of its last 20 steps}."""
    found, run = {}, run.fork()
    for name, values, n_steps in stages:
        run.set(**values)
        run.steps(n_steps, every=n_steps, do=lambda run: None)
        found[name] = measured(names, run.gan) + short([abs(run.log["critic gap"][-20:]).max()])
    return found


def short(values):
    return [float(f"{v:.4g}") for v in values]


def main():
    torch.set_num_threads(1)
    names, runs, steered = defined(NOTEBOOK), {}, {}
    for name, knobs in FOLLOWED.items():
        pairs = [followed(names, knobs, seed) for seed in range(N_SEEDS)]
        runs[name] = [rows for _, rows in pairs]
        if name == "penalty":
            steered = {k: [changed(names, run, stages) for run, _ in pairs] for k, stages in STAGES.items()}  # fmt: skip
        print(name, flush=True)
    made = dict(code=fingerprint(NOTEBOOK), torch=torch.__version__, machine=platform.machine(), core_minutes=round(time.process_time() / 60, 1))  # fmt: skip
    result = dict(
        far={f"{k:g}": far(names, k) for k in LAMBDAS}, followed=runs, steered=steered, made=made
    )
    unfinished = STEERED.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(result, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(unfinished, STEERED)


if __name__ == "__main__":
    main()
