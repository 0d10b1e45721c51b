"""Train the 512 numbers of lesson 09, 8 seeds of each setting, and store what they make: python -m benchmarks.features

Networks, step and settings are those of the notebook: its cells tagged "stored" are run. About a quarter of an hour on one core.
"""

import json
import os
import platform
import time

import torch

from benchmarks.stored import defined, fingerprint
from gan_edu.lessons.l09_many_features import made_by
from gan_edu.lessons.l09_measured import STORED, critic_at_its_samples, judged
from gan_edu.run import Run

NOTEBOOK = "09_many_features"
N_SEEDS, EVERY = 8, 10


def plans(names):
    """Return {name: (build, knobs, steps)}."""
    build, settings, found = names["build"], names["settings"], {}
    for method in names["METHODS"]:
        found[method] = build, settings | dict(method=method), 1001
    found["GAN, lr_d = 0.001"] = build, settings | dict(method="GAN", lr_d=0.001), 1001
    for method in names["METHODS"]:
        found[f"repaired {method}"] = names["repaired"], names["gentle"] | dict(method=method), 500
    return found


def result(step, build, knobs, n_steps, seeds):
    """Return samples and critic at the end, and mean and std at every tenth step, a row for each seed."""
    rows = {"judged": [], "critic": [], "mean": [], "std": []}
    for seed in seeds:
        run = Run(build, step, knobs, seed=seed).steps(n_steps)
        rows["judged"].append(short(judged(made_by(run.gan.G))))
        has_tanh = isinstance(run.gan.D[1], torch.nn.Tanh)  # else no unit can be saturated
        rows["critic"].append(short(critic_at_its_samples(run.gan)) if has_tanh else [])
        for name in ("mean", "std"):
            rows[name].append(short(run.log[name][::EVERY]))
    return rows


def short(values):
    return [float(f"{v:.3g}") for v in values]


def main():
    """Make all results anew and store them."""
    torch.set_num_threads(1)
    since, names = time.monotonic(), defined(NOTEBOOK)
    results = {
        name: result(names["step_solution"], *plan, range(N_SEEDS))
        for name, plan in plans(names).items()
    }
    torch.manual_seed(0)
    real = [short(judged(3 + torch.randn(500, 512))) for _ in range(N_SEEDS)]
    made = dict(
        code=fingerprint(NOTEBOOK),
        torch=torch.__version__,
        machine=platform.machine(),
        seeds=f"0 to {N_SEEDS - 1}",
        minutes=round((time.monotonic() - since) / 60),
    )
    unfinished = STORED.with_suffix(".unfinished")
    text = json.dumps(dict(runs=results, real=real, made=made), ensure_ascii=False)
    unfinished.write_text(text + "\n", encoding="utf-8")
    os.replace(unfinished, STORED)


if __name__ == "__main__":
    main()
