"""Train the perceptron of source 003 and a DCGAN on the same faces, and store how good they are.

    python -m benchmarks.pictures_perceptron        both, three seeds, two settings: about 20 minutes on one core
    python -m benchmarks.pictures_perceptron 120    the perceptron alone, in its own settings, for so many minutes of a core

The perceptron is that of the notebook: its cells tagged "stored" are run. What the first has done is kept, and not
done again; the second begins anew, and stores what there is whenever its number of steps has doubled and at its end
(Ctrl-C ends it).
"""

import base64
import contextlib
import io
import itertools
import json
import os
import platform
import sys
import time

import torch
from PIL import Image
from torch.nn.functional import softplus

from benchmarks.stored import defined, fingerprint
from gan_edu.datasets import Batches
from gan_edu.faces import make_faces
from gan_edu.faces.grid import tile
from gan_edu.faces.judge import face_quality, real_floor
from gan_edu.lessons.l12_perceptron import STORED, draw_latents
from gan_edu.networks import DCGANDiscriminator, DCGANGenerator
from gan_edu.run import Players, adam, descend

NOTEBOOK, N_FACES, N_SEEDS, N_STEPS = "12_pictures", 16_000, 3, 500  # 500 batches of 32: one epoch
MEASURED = (200, 400, 460, 480, 500)
SETTINGS = {"2e-4, (0.5, 0.999)": (2e-4, (0.5, 0.999)), "1e-3, (0.5, 0.99)": (1e-3, (0.5, 0.99))}
PAIRS = list(zip(("perceptron", "convolutional") * 2, [*SETTINGS, *list(SETTINGS)[::-1]]))


def players(kind, images, batch_size, betas):
    """Return the players: "perceptron" of the page, or "convolutional", a DCGAN of width 16 with biases."""
    if kind == "perceptron":
        names = defined(NOTEBOOK)
        G, D = names["perceptron_generator"](), names["perceptron_discriminator"]()
    else:
        G, D = DCGANGenerator(width=16, bias=True), DCGANDiscriminator(width=16, bias=True)
    opts = dict(opt_G=adam(G, betas=betas), opt_D=adam(D, betas=betas))
    return Players(G=G, D=D, batches=Batches(images, batch_size), **opts)


def train(gan, lr):
    """Train both once, the discriminator first."""
    x_real = next(gan.batches).float() / 127.5 - 1
    x_fake = gan.G(torch.randn(len(x_real), 100)).detach()
    loss_D = softplus(-gan.D(x_real)).mean() + softplus(gan.D(x_fake)).mean()
    descend(gan.opt_D, loss_D, lr=lr)
    loss_G = softplus(-gan.D(gan.G(torch.randn(len(x_real), 100)))).mean()
    descend(gan.opt_G, loss_G, lr=lr)


@torch.no_grad()
def pictures(G, n):
    """Return n pictures in evaluation mode, always of the same latents."""
    x = torch.cat([G.eval()(z) for z in draw_latents(n).split(250)])
    G.train()
    return x


def measure(G):
    found = face_quality(pictures(G, 2000))
    off = sum(found.marginals.values()) / len(found.marginals)
    rounded = dict(frechet=found.frechet, precision=found.precision, recall=found.recall, off=off)
    return {name: round(float(value), 3) for name, value in rounded.items()}


def jpeg(G, n=24, columns=8):
    """Return a grid of pictures as the letters of a JPEG file."""
    content = io.BytesIO()
    Image.fromarray(tile(pictures(G, n), columns)).save(content, "JPEG", quality=85)
    return base64.b64encode(content.getvalue()).decode()


def write(stored):
    made = dict(
        code=fingerprint(NOTEBOOK), torch=str(torch.__version__), machine=platform.machine()
    )
    stored["made"] = stored.get("made", {}) | made | dict(steps=N_STEPS, batch_size=32)
    unfinished = STORED.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(stored) + "\n", encoding="utf-8")
    os.replace(unfinished, STORED)


def fair(stored, images):
    """Train both networks with both settings, each first with its own, and store what they reach."""
    stored["floor"] = round(real_floor().frechet, 3)
    runs, grids = stored.setdefault("runs", {}), stored.setdefault("grids", {})
    runs |= {name: [] for name in (f"{kind}, {words}" for kind, words in PAIRS) if name not in runs}
    for pairs in (PAIRS[:2], PAIRS[2:]):
        for seed, (kind, words) in itertools.product(range(N_SEEDS), pairs):
            name, (lr, betas) = f"{kind}, {words}", SETTINGS[words]
            if len(runs[name]) > seed:
                continue
            begun, found = time.process_time(), []
            torch.manual_seed(seed)
            gan = players(kind, images, 32, betas)
            for n in range(1, N_STEPS + 1):
                train(gan, lr)
                if n in MEASURED:
                    found.append(measure(gan.G) | dict(step=n))
            minutes = (time.process_time() - begun) / 60
            runs[name].append(dict(seed=seed, minutes=round(minutes, 2), measured=found))
            if seed == 0:
                grids[name] = jpeg(gan.G)
            write(stored)


def alone(stored, images, minutes):
    """Train the perceptron in the settings of its source for so long, and store its faces on the way."""
    stored["alone"] = log = dict(batch_size=64, settings="2e-4, (0.5, 0.999)", seed=0, measured=[])
    torch.manual_seed(0)
    gan = players("perceptron", images, 64, (0.5, 0.999))
    begun, n, due, spent = time.process_time(), 0, 250, 0

    def keep():
        log["measured"].append(measure(gan.G) | dict(step=n))
        log["grids"] = log.get("grids", {}) | {str(n): jpeg(gan.G)}
        log.update(steps=n, minutes=round(spent, 1))
        write(stored)

    with contextlib.suppress(KeyboardInterrupt):  # stopped early: what is there is kept
        while (spent := (time.process_time() - begun) / 60) < minutes:
            train(gan, 2e-4)
            n += 1
            if n == due:
                keep()
                due *= 2
    keep()


def main(minutes=None):
    torch.set_num_threads(1)
    stored = json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else {}
    if stored.get("made", {}).get("code") != fingerprint(NOTEBOOK):
        stored = {}
    images, _ = make_faces(N_FACES, seed=1)
    alone(stored, images, float(minutes)) if minutes else fair(stored, images)


if __name__ == "__main__":
    main(*sys.argv[1:])
