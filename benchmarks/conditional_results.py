"""Train the variants of lesson 17 with several seeds and store how they obey: python -m benchmarks.conditional_results

Networks, losses, settings and measures are those of the notebook: its cells tagged "define" are run. Each result is
stored when it is there, and a second start goes on where the first one ended; with other settings all is made anew.
"""

import contextlib
import hashlib
import io
import json
import os
import pathlib
import platform
import sys
import time

import nbformat
import torch

from gan_edu.first_edition.runtime import num_threads
from gan_edu.lessons.l17_conditional_faces import RESULTS, load_results

NOTEBOOK = (
    pathlib.Path(__file__).resolve().parent.parent / "notebooks" / "17_conditional_faces.ipynb"
)
DIGIT_RUNS = {  # variant, are the labels shuffled, seeds
    "cGAN": ("cGAN", False, range(8)),
    "AC-GAN": ("AC-GAN", False, range(8)),
    "projection": ("projection", False, range(8)),
    "blind": ("blind", False, range(3)),
    "cGAN, shuffled labels": ("cGAN", True, range(3)),
}
FACE_RUNS = {
    "cGAN": ("cGAN", False, range(3)),
    "AC-GAN": ("AC-GAN", False, range(3)),
    "projection": ("projection", False, range(3)),
    "guided": ("guided", False, range(3)),
}


def defining_cells():
    """Return the sources of the notebook's defining cells, except those that read the stored results."""
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    code = [
        cell
        for cell in cells
        if cell.cell_type == "code" and "define" in cell.metadata.get("tags", [])
    ]
    return [cell.source for cell in code if "load_results" not in cell.source]


def fingerprint():
    """Return a short name of the code that the results are made with: they are those of other code if it differs."""
    return hashlib.sha256("\n".join(defining_cells()).encode()).hexdigest()[:16]


def lesson():
    """Return what the notebook's defining cells define."""
    namespace = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for source in defining_cells():
            exec(source, namespace)
    return namespace


def shuffled(y, seed):
    """Return the labels in another order, so that they say nothing about their pictures."""
    return y[torch.randperm(len(y), generator=torch.Generator().manual_seed(1000 + seed))]


def trained_scores(make_gan, judge, labels, n_steps, variant, shuffle, seed):
    """Return the scores of one run, and the seconds of processor time that its training took."""
    gan = make_gan(variant, seed, labels=shuffled(labels, seed) if shuffle else labels)
    since = time.process_time()
    for _ in range(n_steps):
        gan.step()
    seconds = time.process_time() - since
    return {key: round(float(value), 4) for key, value in judge(gan).items()} | {
        "cpu_seconds": round(seconds)
    }


def store(results):
    unfinished = RESULTS.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    os.replace(unfinished, RESULTS)


def main(only=""):
    """Make the runs whose task and variant begin with `only`, such as "faces AC-GAN", or all that are missing."""
    names = lesson()
    settings = {"digits": names["DIGITS"], "faces": names["FACES"]}
    results = load_results() if RESULTS.exists() else {}
    tasks = {
        "digits": (DIGIT_RUNS, names["digit_gan"], names["judge_digits"], names["y_digits"]),
        "faces": (FACE_RUNS, names["face_gan"], names["judge_faces"], names["y_faces"]),
    }
    same_code = results.get("made", {}).get("code") == fingerprint()
    known = results.get("settings", {}) if same_code else {}
    results = {
        "made": {
            "torch": torch.__version__,
            "machine": platform.machine(),
            "threads": 1,
            "code": fingerprint(),
        },
        "settings": settings,
        **{
            task: results.get(task, {}) if known.get(task) == settings[task] else {}
            for task in tasks
        },
    }
    for task, (runs, make_gan, judge, labels) in tasks.items():
        for place in range(8):  # seed by seed, so that an early look sees all variants
            for name, (variant, shuffle, seeds) in runs.items():
                found = results[task].setdefault(name, [])
                wanted = f"{task} {name}".startswith(only) and place < len(seeds)
                if wanted and len(found) <= place:
                    with num_threads(1):
                        n_steps = settings[task]["n_steps"]
                        scores = trained_scores(
                            make_gan, judge, labels, n_steps, variant, shuffle, seeds[place]
                        )
                    found.append(scores)
                    store(results)
                    print(task, name, seeds[place], scores, flush=True)


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]))
