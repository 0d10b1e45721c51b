"""Train lesson 15's GAN on 300 drawn photos, without and with DiffAugment, and store what comes of it: python -m benchmarks.own_photos

Three seeds of each for 1,000 steps. The step is that of the notebook: its cells tagged "stored" are run. About a quarter
of an hour of one core; what is stored is kept, so a run that was stopped goes on with the next one.
"""

import json
import os
import time

import torch

from benchmarks.stored import defined, fingerprint
from gan_edu.faces import make_faces
from gan_edu.faces.dcgan import pictures
from gan_edu.faces.judge import face_quality
from gan_edu.lessons.l15_latent import faces_of
from gan_edu.lessons.l15_measures import STORED, Photos
from gan_edu.run import Run

NOTEBOOK = "15_latent_space"
RECIPES = {"mirrored": False, "mirrored and DiffAugment": True}
N_STEPS = 1000


def measured(run, photos, fresh, known):
    """Return what is stored of a run: how good its faces are, whether they are copies, and what D knows by heart."""
    x = faces_of(run.gan.mean_G, torch.randn(1000, 100, generator=torch.Generator().manual_seed(9)))
    quality = face_quality(x)
    with torch.no_grad():  # D as in training, in batches of 30
        says = [
            torch.cat([run.gan.D(part) for part in pictures(some, "cpu").split(30)])
            for some in (photos, fresh)
        ]
    real, new = (one.sigmoid().mean().item() for one in says)
    found = dict(frechet=quality.frechet, precision=quality.precision, recall=quality.recall)
    found |= dict(copied=(known.nearest(x)[0] < known.limit).float().mean().item())
    return {k: round(v, 4) for k, v in (found | dict(real=real, new=new)).items()}


def main():
    """Make what is missing and store it."""
    torch.set_num_threads(1)
    names = defined(NOTEBOOK)
    photos = names["photos"] = make_faces(300, seed=15)[0]
    fresh, known = make_faces(300, seed=16)[0], Photos(photos)
    stored = json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else {}
    if stored.get("code") != fingerprint(NOTEBOOK):
        stored = dict(code=fingerprint(NOTEBOOK), torch=torch.__version__, minutes=0, runs={})
    for seed, name in [(seed, name) for seed in range(3) for name in RECIPES]:
        rows, began = stored["runs"].setdefault(name, {}), time.process_time()
        if f"{seed}, {N_STEPS}" in rows:
            continue
        settings = names["settings"] | dict(diffaugment=RECIPES[name])
        run = Run(names["build"], names["step"], settings, seed)
        run.threads = 1
        rows[f"{seed}, {N_STEPS}"] = measured(run.steps(N_STEPS), photos, fresh, known)
        stored["minutes"] = round(stored["minutes"] + (time.process_time() - began) / 60, 1)
        unfinished = STORED.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(stored, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(unfinished, STORED)


if __name__ == "__main__":
    main()
