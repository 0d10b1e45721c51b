"""Train lesson 17's conditional GANs on faces and store what they are measured by: python -m benchmarks.conditional_faces

Seeds 0 to 2. The networks and steps are those of the notebook: its cells tagged "stored" are run. About 20 minutes of one
core; what is stored is kept, so a run that was stopped goes on with the next one. The first run goes on for longer, and
its averaged generator is stored as well.
"""

import json
import os
import time

import torch

from benchmarks.stored import defined, fingerprint
from gan_edu.lessons.l17_measures import AFTER, asked_twice, changes, obeyed, spread, varied
from gan_edu.lessons.l17_tables import STORED
from gan_edu.run import Run

NOTEBOOK, SEEDS = "17_conditional_faces", range(3)
LOOKS = 300, 600  # after how many steps a run is measured; the first one goes on:
LONG = 1200, 2000, 5000
RECIPES = {  # the discriminator, and what differs from the lesson's settings
    "projection": ("Projection", {}),
    "AC-GAN": ("Classifying", {}),
    "AC-GAN, class loss × 0.2": ("Classifying", dict(lambda_c=0.2)),
    "AC-GAN, learning rates × 0.3": ("Classifying", dict(lr_d=3e-4, lr_g=3e-4)),
    "AC-GAN, R1 × 0.1": ("Classifying", dict(r1=0.1)),
}
GENERATOR = STORED.with_name("conditional_generator.pt")


def begun(names, recipe, seed):
    """Return a new run of the lesson's cells."""
    D, other = RECIPES[recipe]
    classifies = D == "Classifying"
    settings = names["settings"] | (dict(lambda_c=1.0) if classifies else {}) | other
    step = names["step_acgan" if classifies else "step"]
    run = Run(lambda: names["players"](names[D]()), step, settings, seed)
    run.threads = 1
    return run


def measured(run):
    """Return what is stored of a run at this moment, of its averaged generator."""
    G = run.gan.mean_G.module
    (right, permuted), quality = obeyed(G), varied(G)
    found = dict(right=right, permuted=permuted, frechet=quality.frechet)
    found |= dict(precision=quality.precision, recall=quality.recall, spread=spread(G))
    found["changes"] = {name: changes(*asked_twice(G, name)) for name in AFTER}
    return json.loads(json.dumps(found), parse_float=lambda number: round(float(number), 4))


def write(path, content):
    """Write text, or what torch saves, whole or not at all."""
    unfinished = path.with_suffix(f".{os.getpid()}.unfinished")
    if isinstance(content, str):
        unfinished.write_text(content, encoding="utf-8")
    else:
        torch.save(content, unfinished)
    os.replace(unfinished, path)


def save_generator(run):
    """Store the averaged generator in half precision."""
    weights = run.gan.mean_G.module.state_dict()
    weights = {name: w.half() if w.is_floating_point() else w for name, w in weights.items()}
    weights = {name: w.cpu().contiguous() for name, w in weights.items()}
    write(GENERATOR, dict(weights=weights, steps=run.n))


def main():
    """Make what is missing and store it."""
    torch.set_num_threads(1)
    code = fingerprint(NOTEBOOK)
    names = defined(NOTEBOOK)
    stored = json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else {}
    if stored.get("code") != code:
        stored = dict(code=code, torch=torch.__version__, minutes=0, runs={})
    jobs = [(name, seed, LOOKS) for seed in SEEDS for name in list(RECIPES)[:2]]
    jobs[0] = (*jobs[0][:2], LOOKS + LONG)
    jobs += [(name, seed, LOOKS) for name in list(RECIPES)[2:] for seed in SEEDS]
    for name, seed, looks in jobs:
        rows, began = stored["runs"].setdefault(name, {}), time.process_time()
        if all(f"{seed}, {n}" in rows for n in looks):
            continue
        run = begun(names, name, seed)
        for n in looks:
            run.steps(n - run.n)
            rows[f"{seed}, {n}"] = measured(run)
            print(f"{name}, seed {seed}, step {n}: {rows[f'{seed}, {n}']}", flush=True)
        if looks != LOOKS:
            save_generator(run)
        stored["minutes"] = round(stored["minutes"] + (time.process_time() - began) / 60, 1)
        write(STORED, json.dumps(stored, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
