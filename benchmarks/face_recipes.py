"""Train every recipe of lesson 13 with several seeds and store how good its faces are: python -m benchmarks.face_recipes

Networks and settings are those of the notebook: its cells tagged "define" are run, and each of its RECIPES is trained on
IMAGES pictures, and the lesson's own recipe, GOOD, for as many steps as there. Each result is stored when it is there, and a second start
goes on where the first one ended; results of settings, or of a discriminator, that have changed since are made anew.
"""

import contextlib
import dataclasses
import io
import json
import os
import pathlib
import platform
import sys
import time

import nbformat
import numpy as np
import torch

from gan_edu.faces.judge import face_quality, is_face, real_floor
from gan_edu.first_edition.runtime import num_threads
from gan_edu.lessons.l13_dcgan_faces import RECIPES, load_recipes

NOTEBOOK = pathlib.Path(__file__).resolve().parent.parent / "notebooks" / "13_dcgan_faces.ipynb"
SEEDS = (0, 1, 2)
IMAGES = 19_200  # pictures that each recipe sees: as many as the plain one in the lesson
N_JUDGED = 1000
# Of all runs, also where the processor has to imitate it: runs of two precisions would not compare.
PRECISION = torch.bfloat16


def lesson():
    """Return what the notebook's defining cells define."""
    namespace = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
            if cell.cell_type == "code" and "define" in cell.metadata.get("tags", []):
                exec(cell.source, namespace)
    return namespace


def parameters_of_d(defined, recipe):
    """Return the number of parameters of the discriminator that a recipe trains: another network, another number."""
    network = defined["DISCRIMINATORS"][recipe.get("norm", "batch")]()
    return sum(parameter.numel() for parameter in network.parameters())


def judged(gan):
    """Return the quality of the generator's pictures as a dictionary of numbers."""
    found = dataclasses.asdict(face_quality(gan.generate(gan.fixed_z(N_JUDGED))))
    grid = is_face(gan.generate(gan.fixed_z(32)))
    return with_off(found | {"faces_in_grid": int(grid.sum())})


def with_off(found):
    """Return the numbers with "off", the mean over the attributes' marginals, rounded."""
    return rounded(found | {"off": float(np.mean(list(found["marginals"].values())))})


def rounded(found):
    """Return the numbers with four digits behind the point, dictionaries in it too."""
    return {
        key: rounded(value)
        if isinstance(value, dict)
        else round(value, 4)
        if isinstance(value, float)
        else value
        for key, value in found.items()
    }


def without_average(gan):
    """Return `judged` of the generator's own weights."""
    averaged, gan.averaged = gan.averaged, None
    try:
        return judged(gan)
    finally:
        gan.averaged = averaged


def train(gan, n_steps):
    """Train with one thread, so that several may run side by side; return the seconds of the processor."""
    gan.num_threads, begun = 1, time.process_time()
    for _ in range(n_steps):
        gan.step()
    return time.process_time() - begun


def store(content):
    """Write the file anew, under its name only when it is complete."""
    unfinished = RECIPES.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    os.replace(unfinished, RECIPES)


def main():
    """Train what is missing and print it."""
    defined = lesson()
    defined["fast_precision"] = lambda device: PRECISION
    recipes, good, n_steps = defined["RECIPES"], defined["GOOD"], defined["N_STEPS"]
    jobs = {"the lesson's": (good, n_steps)}
    for name, recipe in recipes.items():
        jobs[name] = (recipe | {"ema": good["ema"]}, IMAGES // recipe.get("batch_size", 128))
    content = load_recipes() if RECIPES.exists() else {"runs": {}, "settings": {}}
    content |= {"recipes": recipes, "good": good, "n_steps": n_steps}
    for seed in SEEDS:
        for name, (recipe, steps) in jobs.items():
            settings = recipe | {"n_steps": steps, "parameters_d": parameters_of_d(defined, recipe)}
            runs = content["runs"].setdefault(name, [])
            if content["settings"].get(name) != settings:
                runs.clear()
                content["settings"][name] = settings
            if len(runs) > seed:
                continue
            with num_threads(1):
                gan = defined["face_gan"](seed, **recipe)
                seconds = train(gan, steps)
                runs.append({"seed": seed, "seconds": round(seconds), "raw": without_average(gan), "averaged": judged(gan)})  # fmt: skip
                content["floor"] = with_off(dataclasses.asdict(real_floor(N_JUDGED)))
            total = sum(run["seconds"] for runs in content["runs"].values() for run in runs)
            content["made"] = {
                "by": "python -m benchmarks.face_recipes", "images": IMAGES, "seeds": list(SEEDS), "minutes": round(total / 60),
                "machine": platform.machine(), "precision": str(gan.precision), "torch": torch.__version__,
            }  # fmt: skip
            store(content)
            print(name, runs[-1], flush=True)


if __name__ == "__main__":
    sys.exit(main())
