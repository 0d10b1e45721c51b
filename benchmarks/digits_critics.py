"""Train the digits of lesson 11 with three critics, 3 seeds each, and store how good they are: python -m benchmarks.digits_critics

Generator, step and settings are those of the notebook: its cells tagged "stored" are run. About a quarter of an hour on one core.
"""

import json
import os
import platform
import time

import torch

from benchmarks.stored import defined, fingerprint
from gan_edu.lessons.l11_digits import digits_of
from gan_edu.lessons.l11_judge import MANY, Judge
from gan_edu.lessons.l11_source import CRITICS, STORED, critic_with
from gan_edu.run import Run

NOTEBOOK, N_SEEDS, N_STEPS = "11_digits", 3, 400


def trained(names, critic, seed, n_steps=N_STEPS):
    """Return the run of the notebook's step with this critic."""

    def build():
        names["critic_solution"] = lambda: critic_with(
            plain(), critic
        )  # which the page's build calls
        return names["build"]()

    plain = names["critic_solution"]
    try:
        run = Run(build, names["step_solution"], names["settings"], seed)
        run.threads = 1
        return run.steps(n_steps)
    finally:
        names["critic_solution"] = plain


def short(measured):
    return {
        name: [round(v, 3) for v in value] if isinstance(value, list) else float(f"{value:.3g}")
        for name, value in measured.items()
    }


def main():
    """Make all results anew and store them."""
    torch.set_num_threads(1)
    names = defined(NOTEBOOK)
    judge = Judge(names["images"], names["labels"])
    runs = {critic: [] for critic in CRITICS}
    for seed in range(N_SEEDS):
        for critic in CRITICS:
            run = trained(names, critic, seed)
            runs[critic].append(short(judge.measure(digits_of(run.gan.G, MANY))))
    made = dict(
        code=fingerprint(NOTEBOOK),
        torch=str(torch.__version__),
        machine=platform.machine(),
        seeds=f"0 to {N_SEEDS - 1}",
        steps=N_STEPS,
        minutes=round(time.process_time() / 60),
    )
    unfinished = STORED.with_suffix(".unfinished")
    text = json.dumps(dict(runs=runs, made=made), ensure_ascii=False)
    unfinished.write_text(text + "\n", encoding="utf-8")
    os.replace(unfinished, STORED)


if __name__ == "__main__":
    main()
