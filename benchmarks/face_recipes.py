"""Train every recipe of lesson 14 with three seeds, measure its faces, and store that: python -m benchmarks.face_recipes

Networks and step are those of `gan_edu.faces.dcgan`, width 16, batches of 32. Each result is stored when it is there; a
second start goes on where the first one ended, and makes anew what was made with other settings. A run takes about two
minutes of one core with instructions for bfloat16. Seed 0 of FILMED also stores what its generator makes on the way.
"""

import io
import json
import os
import platform
import time

import numpy as np
import torch
from PIL import Image
from torch import nn

from gan_edu.faces import make_faces
from gan_edu.faces.dcgan import LATENT_DIM, build_faces, fast, step_faces
from gan_edu.faces.grid import tile
from gan_edu.faces.judge import face_quality, real_floor
from gan_edu.lessons.l14_recipes import BASE, FILM, RECIPES, STORED
from gan_edu.run import Run, adam

SEEDS, N_STEPS, N_JUDGED, N_IMAGES = (0, 1, 2), 600, 2000, 8000
FILMED = "R1, λ = 1"
FOLLOWED = {name: range(100, N_STEPS + 1, 100) for name in ("base", FILMED)}  # judged on the way
FRAMES = [0, 25, 50, 75, 100, 150, 200, 250, 300, 350, 400, 450, 500, 550, 600]
Z = torch.randn(N_JUDGED, LATENT_DIM, generator=torch.Generator().manual_seed(14))


def new_run(recipe, images, seed):
    """Return the Run of a recipe: `build_faces` and `step_faces` with its settings."""

    def build():
        gan = build_faces(images, betas=recipe["betas"], norm=recipe["norm"] == "batch")
        if recipe["norm"] == "spectral":
            for layer in gan.D.modules():
                if isinstance(layer, nn.Conv2d):
                    nn.utils.parametrizations.spectral_norm(layer)
            gan.opt_D = adam(gan.D, recipe["betas"])
        return gan

    run = Run(build, step_faces, {name: recipe[name] for name in ("lr_d", "lr_g", "r1")}, seed)
    run.threads = 1
    return run


@torch.no_grad()
def faces_of(G, z=Z):
    """Return what a generator makes of latents in evaluation mode, floats (n, 3, 64, 64); its mode is left as it was."""
    training, place = G.training, next(G.parameters()).device
    x = torch.cat([G.eval()(part.to(place)).float().cpu() for part in z.split(100)])
    G.train(training)
    return x


def judged(G):
    found = face_quality(faces_of(G))
    numbers = dict(frechet=found.frechet, precision=found.precision, recall=found.recall, off=found.off)  # fmt: skip
    return {name: float(f"{value:.4g}") for name, value in numbers.items()}


def both(gan):
    """Return the quality of the generator's own weights, and of their average."""
    return {"raw": judged(gan.G), "averaged": judged(gan.mean_G)}


def trained(name, images, seed, n_steps=N_STEPS):
    """Return (what is stored of one run, its run): losses of each 100 steps, and the faces' quality."""
    began = time.process_time()
    run, stops = new_run(BASE | RECIPES[name], images, seed), FOLLOWED.get(name, ())
    on_the_way, film = [], []
    for stop in sorted({*stops, *(FRAMES if (name, seed) == (FILMED, 0) else ()), n_steps}):
        if stop > n_steps:
            break
        run.steps(stop - run.n, every=N_STEPS, do=lambda run: None)  # without a progress bar
        if stop in stops:
            on_the_way.append({"step": stop} | both(run.gan))
        if (name, seed) == (FILMED, 0) and stop in FRAMES:
            film.append((stop, faces_of(run.gan.G, Z[:24]), judged(run.gan.G)["frechet"]))
    if film and n_steps == N_STEPS:
        store_film(film, faces_of(run.gan.mean_G, Z[:64]))
    losses = {key: run.log[key].reshape(-1, n_steps // 6).mean(1).round(3).tolist() for key in ("Loss_D", "Loss_G")}  # fmt: skip
    first = [round(float(v), 3) for v in run.log["Loss_D"][:3]]  # which a test plays again
    kept = dict(seed=seed, seconds=round(time.process_time() - began), losses=losses, first=first)
    return kept | both(run.gan) | {"on the way": on_the_way}, run


def jpeg(x, columns):
    """Return faces side by side, without gaps, as the bytes of a JPEG."""
    Image.fromarray(tile(x, columns, gap=0)).save(content := io.BytesIO(), "JPEG", quality=92)
    return np.frombuffer(content.getvalue(), np.uint8)


def store_film(film, last):
    """Store the film, a row of faces for each moment, and 64 faces of the averaged weights at its end."""
    steps, faces, frechet = zip(*film)
    unfinished = FILM.with_suffix(".unfinished.npz")
    np.savez(unfinished, steps=steps, frechet=frechet, rows=jpeg(torch.cat(faces), len(faces[0])), last=jpeg(last, 8))  # fmt: skip
    os.replace(unfinished, FILM)


def store(content):
    """Write the file anew, under its name only when it is complete."""
    unfinished = STORED.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")  # fmt: skip
    os.replace(unfinished, STORED)


def main():
    """Train what is missing."""
    torch.set_num_threads(1)
    images, _ = make_faces(N_IMAGES, seed=0)
    whole = dict(base=BASE | {"betas": list(BASE["betas"])}, steps=N_STEPS, images=N_IMAGES, judged=N_JUDGED)  # fmt: skip
    content = json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else {}
    if content.get("settings") != whole:
        floor = real_floor(N_JUDGED)
        floor = vars(floor) | {"off": floor.off}
        content = dict(settings=whole, floor=floor, runs={}, changes={})
    for name in RECIPES:
        change = json.loads(json.dumps(RECIPES[name]))
        if content["changes"].get(name) != change:
            content["changes"][name], content["runs"][name] = change, []
        runs = content["runs"][name]
        for seed in SEEDS[len(runs) :]:
            runs.append(trained(name, images, seed)[0])
            seconds = sum(run["seconds"] for done in content["runs"].values() for run in done)
            with fast("cpu"):
                precision = "bfloat16" if torch.is_autocast_enabled("cpu") else "float32"
            content["made"] = dict(
                by="python -m benchmarks.face_recipes", seeds=list(SEEDS), minutes=round(seconds / 60),
                machine=platform.machine(), precision=precision, torch=str(torch.__version__),
            )  # fmt: skip
            store(content)
            print(name, runs[-1], flush=True)


if __name__ == "__main__":
    main()
