"""Train lesson 13's cells in five ways, three seeds each, on the same number of pictures; store curves and distances.

python -m benchmarks.face_curves   about fifteen minutes of one core that has bfloat16; the runs are stored one by one

Seeds 0 to 2. Each run sees 19,200 pictures. It goes on after the last stored run when it is started again.
"""

import io
import os
import pathlib
import platform
import time

import numpy as np
import torch

from benchmarks.stored import NOTEBOOKS, fingerprint, sources
from gan_edu.faces import make_faces
from gan_edu.faces.judge import face_quality
from gan_edu.run import Run

NOTEBOOK, SEEDS = "13_dcgan_faces", (0, 1, 2)
STORED = NOTEBOOKS.parent / "gan_edu" / "weights" / "face_curves.npz"
RATES = dict(lr_d=2e-4, lr_g=2e-4)
RECIPES = {  # batch size, β₂, and the steps with the knobs that are then not the lesson's
    "your settings": (32, 0.99, [(500, {}), (100, RATES)]),
    "0.001 to the end": (32, 0.99, [(600, {})]),
    "learning rates 0.0002": (32, 0.99, [(600, RATES)]),
    "without R1": (32, 0.99, [(500, dict(r1=0.0)), (100, RATES)]),
    "the source's settings": (128, 0.999, [(150, RATES | dict(r1=0.0))]),
}


def trained(names, recipe, seed):
    """Return a run of the lesson's cells, after its last step."""
    batch_size, beta2, parts = RECIPES[recipe]

    def build():
        gan = names["build"]()
        gan.batches.batch_size = batch_size
        for opt in (gan.opt_G, gan.opt_D):
            opt.param_groups[0]["betas"] = (0.5, beta2)
        return gan

    run = Run(build, names["step"], names["settings"], seed)
    run.threads = 1
    for n_steps, knobs in parts:
        run.set(**knobs)
        run.steps(n_steps)
    return run


def lesson():
    """Return what the lesson's stored cells define."""
    names = {"images": make_faces(6_400, seed=1)[0]}
    for source in sources(NOTEBOOK):
        exec(source, names)
    return names


def distance(run):
    """Return the Fréchet distance of 1,000 faces made in evaluation mode."""
    z = torch.randn(1000, 100, generator=torch.Generator().manual_seed(1))
    device = next(run.gan.G.parameters()).device
    with torch.no_grad():
        return face_quality(run.gan.G.eval()(z.to(device))).frechet


def main():
    """Train what is not stored yet."""
    code, found, begun = fingerprint(NOTEBOOK), {}, time.process_time()
    if STORED.exists():
        with np.load(STORED) as stored:
            found = dict(stored) if stored["code"] == code else {}
    before, names = float(found.get("minutes", 0)), lesson()
    for recipe in RECIPES:
        for seed in SEEDS:
            key = f"{recipe}/{seed}"
            if f"{key}/F" in found:
                continue
            run = trained(names, recipe, seed)
            columns = {f"{key}/{name}": column.astype("f4") for name, column in run.log.items()}
            found |= columns | {f"{key}/F": distance(run)}
            found |= dict(code=code, minutes=before + (time.process_time() - begun) / 60)
            found |= dict(torch=str(torch.__version__), machine=platform.machine())
            content = io.BytesIO()
            np.savez_compressed(content, **found)
            unfinished = pathlib.Path(f"{STORED}.{os.getpid()}.unfinished")
            unfinished.write_bytes(content.getvalue())
            os.replace(unfinished, STORED)
            print(f"{key}: F {found[f'{key}/F']:.1f}, {found['minutes']:.1f} minutes", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
