"""Train the GANs of lesson 16 with eight seeds each, measure their digits, and store that: python -m benchmarks.conditional_digits

Networks, steps and settings are those of the notebook: its cells tagged "stored" are run. Each result is stored when it is
there; a second start goes on where the first one ended, and makes anew what other code made. A run takes about half a minute
of one core.
"""

import json
import os
import platform
import time

import torch

from benchmarks.stored import defined, fingerprint
from gan_edu.lessons.l16_judge import Judge
from gan_edu.lessons.l16_measured import SETTINGS, STORED, VARIANTS
from gan_edu.run import Run

NOTEBOOK, SEEDS, N_STEPS = "16_conditional_digits", range(8), 2000


def trained(names, variant, seed, n_steps=N_STEPS):
    """Return the run of a variant after so many steps."""
    build, step = ("build_ac", "step_ac") if variant == "AC-GAN" else ("build", "step")
    run = Run(names[build], names[step], SETTINGS | VARIANTS[variant], seed)
    run.threads = 1
    return run.steps(n_steps, every=n_steps, do=lambda run: None)  # without a progress bar


def store(content):
    """Write the file anew, under its name only when it is complete."""
    unfinished = STORED.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")  # fmt: skip
    os.replace(unfinished, STORED)


def short(measured):
    return {name: float(f"{value:.3g}") for name, value in measured.items()}


def main():
    """Train what is missing, seed after seed."""
    torch.set_num_threads(1)
    names, judge = defined(NOTEBOOK), Judge()
    content = json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else {}
    if content.get("made", {}).get("code") != fingerprint(NOTEBOOK):
        content = dict(runs={name: [] for name in VARIANTS}, made=dict(seconds=0))
    content["floor"] = short(judge.floor())
    for seed in SEEDS:
        for variant, runs in content["runs"].items():
            if len(runs) > seed:
                continue
            began = time.process_time()
            runs.append(short(judge.measure(trained(names, variant, seed).gan.G)))
            print(seed, variant, runs[-1], flush=True)
            seconds = content["made"]["seconds"] + round(time.process_time() - began)
            content["made"] = dict(
                code=fingerprint(NOTEBOOK), by="python -m benchmarks.conditional_digits", steps=N_STEPS,
                seconds=seconds, torch=str(torch.__version__), machine=platform.machine(),
            )  # fmt: skip
            store(content)


if __name__ == "__main__":
    main()
