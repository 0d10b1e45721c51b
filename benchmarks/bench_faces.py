"""Speed of training on faces: pictures a second, against the DCGAN loop of PyTorch's tutorial.

The same networks, algorithm, batch and learning rates on both sides; they take turns in one process, and a ratio is that
of neighbours. The textbook decodes its pictures from files one by one and trains in float32, on all of torch's threads or
on one, whichever is faster here. "Its step alone" has the batch ready in memory: what is left is the arithmetic. The share
of the machine's peak counts the operations of the step, against a product of two matrices on all cores.
"""

import functools
import itertools
import pathlib
import statistics
import tempfile
import time

import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.textbook import PictureFiles, textbook_dcgan
from gan_edu.datasets import latent_normal
from gan_edu.faces import face_sampler, make_faces
from gan_edu.faces.judge import face_quality
from gan_edu.first_edition import runtime
from gan_edu.first_edition.training import GAN, Hyperparameters, adam
from gan_edu.networks import DCGANDiscriminator, DCGANGenerator, init_dcgan_weights_

OURS = (
    "ours",
    "ours, split",
)  # as it comes; with torch's threads, each operation split over all cores
TEXTBOOKS = "the textbook", "its step alone"
CASES = (
    (16, 32),
    (16, 128),
    (64, 32),
    (64, 128),
)  # width, batch size: the lesson's width, and the published one


def networks(width):
    """Return functions that build generator and discriminator."""
    return lambda: init_dcgan_weights_(DCGANGenerator(width=width)), lambda: init_dcgan_weights_(
        DCGANDiscriminator(width)
    )


def face_gan(images, width, batch_size, threads=None):
    """Return the GAN of the package with what the textbook has: no penalty, no averaging, the same fakes in both updates."""
    return GAN(
        *networks(width), face_sampler(images), functools.partial(latent_normal, latent_dim=100), batch_size=batch_size,
        hparams=Hyperparameters(lr_d=2e-4, lr_g=2e-4), optimizer=functools.partial(adam, betas=(0.5, 0.999)),
        precision=runtime.fast_precision("cpu"), same_fakes=True, threads=threads,
    )  # fmt: skip


def write_files(images, folder):
    """Write the faces as files of CelebA's size and kind, 178 x 218, JPEG."""
    for k, image in enumerate(images):
        picture = Image.fromarray(image.permute(1, 2, 0).contiguous().numpy())
        picture.crop((20, 0, 198, 218)).save(pathlib.Path(folder) / f"{k:06d}.jpg", quality=90)


def batches_of_files(folder, batch_size):
    """Yield batches for ever, as a DataLoader makes them."""
    loader = torch.utils.data.DataLoader(
        PictureFiles(folder), batch_size, shuffle=True, drop_last=True
    )
    while True:
        yield from loader


def seconds(step, threads):
    """Return how long one step takes."""
    with runtime.num_threads(threads):
        begun = time.perf_counter()
        step()
        return time.perf_counter() - begun


def peak(dtype, threads, n=1024):
    """Return the most floating-point operations a second that a product of two n x n matrices reaches."""
    x = torch.randn(n, n).to(dtype)
    return 2 * n**3 / min(seconds(lambda: x @ x, threads) for _ in range(12))


def operations(gan):
    """Return the floating-point operations of one step for one picture."""
    gan._side_by_side = False  # the counter sees one thread
    with FlopCounterMode(display=False) as counter:
        gan.step()
    return counter.get_total_flops() / gan.batch_size


def measure(width, batch_size, images, folder, rounds):
    """Return {name: seconds of a step, one number a round}; the names are those of two of ours and of two textbooks."""
    cores = torch.get_num_threads()
    gan, split = (
        face_gan(images, width, batch_size),
        face_gan(images, width, batch_size, threads=cores),
    )
    ready = itertools.repeat(gan.fixed_real(batch_size).contiguous())
    steps = {
        TEXTBOOKS[0]: textbook_dcgan(
            *(make() for make in networks(width)), batches_of_files(folder, batch_size)
        ),
        TEXTBOOKS[1]: textbook_dcgan(*(make() for make in networks(width)), ready),
    }
    for step in (gan.step, split.step, *steps.values()):
        seconds(step, 1)  # the first takes longer
    threads = min((1, cores), key=functools.partial(seconds, steps[TEXTBOOKS[1]]))
    times = {name: [] for name in (*OURS, *steps)}
    for _ in range(rounds):
        for name, ours in zip(OURS, (gan, split)):
            times[name].append(seconds(ours.step, cores))
        for name, step in steps.items():
            times[name].append(seconds(step, threads))
    return times


def drawing_and_judging():
    """Print how many procedural faces one core draws, and judges, a second; aims: 2,000 drawn, 2,000 judged in 2 s."""
    images = make_faces(2000, seed=1)[0]
    face_quality(images)  # the real side is computed once
    for name, act in {
        "drawn": lambda: make_faces(2000, seed=2),
        "judged": lambda: face_quality(images),
    }.items():
        print(
            f"faces {name} on one core: {2000 / min(seconds(act, 1) for _ in range(3)):.0f} a second",
            flush=True,
        )


def main():
    """Print pictures a second, ratios and shares of the machine's peak; takes about three minutes on two quiet cores."""
    cores, precision = torch.get_num_threads(), runtime.fast_precision("cpu")
    print(
        f"\nFaces of 64 x 64, {cores} core(s): pictures a second, their ratio to {' and to '.join(TEXTBOOKS)} (range)"
    )
    with runtime.num_threads(1), tempfile.TemporaryDirectory() as folder:
        drawing_and_judging()
        images = make_faces(1000, size=64)[0]
        write_files(make_faces(300, size=218)[0], folder)
        with runtime.num_threads(cores):
            peaks = {dtype: peak(dtype, cores) for dtype in {torch.float32, precision}}
            for width, batch_size in CASES:
                times = measure(
                    width, batch_size, images, folder, rounds=21 if width * batch_size < 1000 else 7
                )
                rates = {
                    name: batch_size / statistics.median(column) for name, column in times.items()
                }
                work = operations(face_gan(images, width, batch_size))
                print(
                    f"width {width}, batch {batch_size}: {', '.join(f'{n} {rates[n]:.0f}' for n in TEXTBOOKS)}"
                )
                for ours in OURS:
                    print(f"  {ours:16} {rates[ours]:6.0f}", end="")
                    for name in TEXTBOOKS:
                        ratios = [theirs / mine for theirs, mine in zip(times[name], times[ours])]
                        print(
                            f"  {statistics.median(ratios):5.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
                            end="",
                        )
                    for dtype, most in peaks.items():
                        share = f"{rates[ours] * work / most:.0%} of {most / 1e9:.0f} GFLOP/s in {dtype}"
                        print(f"  {share.replace('torch.', '')}", end="")
                    print(flush=True)


if __name__ == "__main__":
    main()
