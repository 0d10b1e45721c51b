"""Compare three GANs on the grid of lesson 10, each at its own best setting: python -m benchmarks.grid_methods

Settings are chosen by the median exact W1 over seeds 8 to 11, the choice is judged over seeds 0 to 7. Build and step are
those of the notebook: its cells tagged "stored" are run. About ten minutes on one core.
"""

import itertools
import json
import os
import platform
import statistics
import time

import torch

from benchmarks.stored import defined, fingerprint
from gan_edu.datasets import gaussian_grid, grid_centers
from gan_edu.lessons.l10_grid import GRID
from gan_edu.metrics import mode_coverage, wasserstein_samples
from gan_edu.run import Run
from gan_edu.seeds import over_seeds

NOTEBOOK = "10_is_my_loss_a_distance"
SEARCH_STEPS, N_STEPS, TRIED, N_SEEDS = 300, 600, range(8, 12), 8
SLOW, MIDDLE, FAST = (1e-3, 1e-3), (3e-3, 1e-3), (3e-3, 3e-3)  # rates of D and of G
PLANS = {  # method: the knob that it alone has, its values; rates; critic steps
    "GAN": ("c", (0.1,), (SLOW, MIDDLE, FAST), (1, 2)),  # c is not used
    "clip": ("c", (0.05, 0.1, 0.2), (MIDDLE, FAST), (5,)),
    "penalty": ("lambda_gp", (0.1, 1.0, 10.0), (MIDDLE,), (2, 5)),
}


def settings(method):
    """Yield every setting that is tried for a method."""
    name, values, rates, critic_steps = PLANS[method]
    for value, (lr_d, lr_g), n_critic in itertools.product(values, rates, critic_steps):
        yield {name: value, "lr_d": lr_d, "lr_g": lr_g, "n_critic": n_critic}


def quality(x):
    """Return modes, high quality, reverse KL and exact W1 of 4,000 samples (W1: of the first 1,000)."""
    cover = mode_coverage(x, grid_centers(5, 0.7), 0.05)
    rng = torch.Generator().manual_seed(1)
    real = gaussian_grid(1000, spacing=0.7, sigma=0.05, generator=rng)
    return cover.modes, cover.high_quality, cover.reverse_kl, wasserstein_samples(real, x[:1000])


def summary(rows):
    """Return {measure: a number for each run}."""
    names = "modes", "high quality", "reverse KL", "W1"
    return {name: [round(float(v), 4) for v in one] for name, one in zip(names, zip(*rows))}


def score(names, method, knobs, n_steps, seeds):
    """Train a setting on these seeds; return {measure: a number for each}."""

    def build():
        torch.manual_seed(seeds[0] + torch.initial_seed())
        return names["build"]()

    knobs = names["settings"] | dict(data="grid", method=method) | knobs
    runs = over_seeds(build, names["step"], knobs, len(seeds), n_steps)
    z = torch.randn(4000, 2, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        return summary(map(quality, runs.members(runs.gan.G(z.repeat(len(seeds), 1)))))


def costs(names, best, repeats=7, n_steps=30):
    """Return the processor time of a step of each method in units of the GAN's, measured in turn."""
    runs, seconds = {}, {method: [] for method in best}
    for method, knobs in best.items():
        knobs = names["settings"] | dict(data="grid", method=method) | knobs
        runs[method] = Run(names["build"], names["step"], knobs).steps(5)
    for _, (method, run) in itertools.product(range(repeats), runs.items()):
        since = time.process_time()
        run.steps(n_steps)
        seconds[method].append(time.process_time() - since)
    medians = {method: statistics.median(one) for method, one in seconds.items()}
    return {method: round(one / medians["GAN"], 2) for method, one in medians.items()}


def middle(found):
    return statistics.median(found["W1"])


def judge(names, searched):
    """Return {method: its best setting, what it costs, and what eight new seeds reach} for equal steps and seconds."""
    best = {m: min(tried, key=lambda pair: middle(pair[1]))[0] for m, tried in searched.items()}
    cost, table, seeds = costs(names, best), {}, range(N_SEEDS)
    for method, knobs in best.items():
        n_steps = round(N_STEPS * cost["penalty"] / cost[method])
        table[method] = {"setting": knobs, "cost": cost[method]}
        for budget, n in (("equal steps", N_STEPS), ("equal seconds", n_steps)):
            found = table[method]["equal steps"] if budget != "equal steps" and n == N_STEPS else score(names, method, knobs, n, seeds)  # fmt: skip
            table[method][budget] = found | {"steps": n}
        print(method, table[method], flush=True)
    by_lambda = {}
    for k in PLANS["penalty"][1]:
        one = best["penalty"] | dict(lambda_gp=k)
        by_lambda[str(k)] = table["penalty"]["equal steps"] if one == best["penalty"] else score(names, "penalty", one, N_STEPS, seeds)  # fmt: skip
    return dict(table=table, by_lambda=by_lambda)


def main():
    torch.set_num_threads(1)
    names, searched = defined(NOTEBOOK), {}
    for method in PLANS:
        searched[method] = [(k, score(names, method, k, SEARCH_STEPS, TRIED)) for k in settings(method)]  # fmt: skip
        print(method, *((k, middle(found)) for k, found in searched[method]), flush=True)
    torch.manual_seed(0)
    real = summary(quality(gaussian_grid(4000, spacing=0.7, sigma=0.05)) for _ in range(N_SEEDS))
    result = judge(names, searched) | dict(searched=searched, real=real)
    result["made"] = dict(code=fingerprint(NOTEBOOK), torch=torch.__version__, machine=platform.machine(), core_minutes=round(time.process_time() / 60, 1))  # fmt: skip
    unfinished = GRID.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    os.replace(unfinished, GRID)


if __name__ == "__main__":
    main()
