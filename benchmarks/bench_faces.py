"""Speed of the step of lesson 13: pictures a second, against the DCGAN loop of PyTorch's tutorial.

Both sides take turns in one process, step by step, and a ratio is that of neighbours; the batches of both are ready in
memory. The textbook trains in float32 on all of torch's threads or on one, whichever is faster here; the page's step on one
thread and on all. Without R1 and averaging, which the textbook does not have. Bars: 1.6 where the processor has bfloat16,
1.15 in float32. "faces from files": the textbook decodes its pictures one by one, as the tutorial does.
"""

import contextlib
import functools
import itertools
import statistics
import tempfile
import time

import torch
from PIL import Image

from benchmarks.face_curves import lesson
from benchmarks.textbook import PictureFiles, textbook_dcgan
from gan_edu.faces import make_faces
from gan_edu.faces.dcgan import fast
from gan_edu.networks import DCGANDiscriminator, DCGANGenerator, init_dcgan_weights_
from gan_edu.run import Knobs

CASES = (32, 128)  # batch sizes, at the lesson's width
BARS = {True: 1.6, False: 1.15}  # with bfloat16, without
KNOBS = Knobs(dict(lr_d=2e-4, lr_g=2e-4, r1=0.0, real_label=1.0))


def seconds(step, threads):
    """Return how long one step takes."""
    torch.set_num_threads(threads)
    begun = time.perf_counter()
    step()
    return time.perf_counter() - begun


def page(names, batch_size):
    """Return the lesson's step on its own players."""
    gan = names["build"]()
    gan.batches.batch_size = batch_size
    return functools.partial(names["step"], gan, KNOBS)


def textbook(batches):
    """Return the tutorial's step on networks of the lesson's width."""
    nets = DCGANGenerator(width=16), DCGANDiscriminator(width=16)
    return textbook_dcgan(*map(init_dcgan_weights_, nets), batches)


def batches_of_files(folder, batch_size):
    """Yield batches for ever, as a DataLoader makes them of JPEG files."""
    for k, image in enumerate(make_faces(300, size=64)[0]):
        pixels = image.permute(1, 2, 0).contiguous().numpy()
        Image.fromarray(pixels).save(f"{folder}/{k:06d}.jpg", quality=90)
    files = PictureFiles(folder)
    loader = torch.utils.data.DataLoader(files, batch_size, shuffle=True, drop_last=True)
    return itertools.chain.from_iterable(itertools.repeat(loader))


def measure(names, batch_size, cores, rounds=31):
    """Return the seconds of each step, {name: one number a round}."""
    ready = itertools.repeat(names["images"][:batch_size].float() / 127.5 - 1)
    plain = textbook(ready)
    best = min((1, cores), key=lambda n: min(seconds(plain, n) for _ in range(4)))
    steps = {"page, 1 thread": (page(names, batch_size), 1), "textbook": (plain, best)}
    if cores > 1:
        steps[f"page, {cores} threads"] = page(names, batch_size), cores
    with tempfile.TemporaryDirectory() as folder:
        steps["textbook, faces from files"] = textbook(batches_of_files(folder, batch_size)), best
        for step, threads in steps.values():
            seconds(step, threads)  # the first takes longer
        times = {name: [] for name in steps}
        for _ in range(rounds):
            for name, (step, threads) in steps.items():
                times[name].append(seconds(step, threads))
    return times


def rows():
    """Yield (figure, ratios, bar), in bfloat16 where there is any and in float32; about three minutes."""
    cores, names = torch.get_num_threads(), lesson()
    with fast("cpu"):
        has = torch.is_autocast_enabled("cpu")
    for bfloat16 in (True, False) if has else (False,):
        if not bfloat16:
            names["fast"] = lambda device: contextlib.nullcontext()
        for batch_size in CASES:
            times = measure(names, batch_size, cores)
            ratios = {
                name: [theirs / mine for theirs, mine in zip(times["textbook"], column)]
                for name, column in times.items()
                if name != "textbook"
            }
            best = max(
                (n for n in ratios if n.startswith("page")),
                key=lambda n: statistics.median(ratios[n]),
            )
            for name, column in ratios.items():
                words = f"faces, {'bfloat16' if bfloat16 else 'float32'}, batch {batch_size}: {name} / textbook"
                yield words, column, f"≥ {BARS[bfloat16]}" if name == best else ""
