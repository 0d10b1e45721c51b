"""Speed of training: `GAN.step` against the textbook loop, and an ensemble against single runs, as ratios.

Both sides of a ratio take turns in one process, in rounds of a fraction of a second: what else the machine does then
falls on both. Printed are the median over the rounds and, in brackets, the smallest and the largest.
"""

import functools
import statistics
import time

from torch import nn

from benchmarks.textbook import textbook_gan, textbook_wgan_gp
from gan_edu.datasets import gaussian_1d, gaussian_ring, latent_normal
from gan_edu.first_edition import runtime
from gan_edu.first_edition.ensembles import _Trainer
from gan_edu.first_edition.training import GAN, Hyperparameters, adam
from gan_edu.losses import critic_loss, generator_loss_wasserstein, gradient_penalty
from gan_edu.networks import mlp


def gan_1d(seed=0):
    """Return the GAN of the 1-D lesson: N(4, 0.5²)."""
    return GAN(
        lambda: mlp(1, 4, 1, activation=nn.Softplus), lambda: mlp(1, 8, 8, 8, 1, activation=nn.Tanh),
        gaussian_1d, functools.partial(latent_normal, std=0.5),
        optimizer=functools.partial(adam, betas=(0.5, 0.999)), hparams=Hyperparameters(lr_d=2e-2, lr_g=5e-3), seed=seed,
    )  # fmt: skip


def wgan_gp_2d(seed=0):
    """Return a WGAN with gradient penalty on the ring of 8 Gaussians."""
    return GAN(
        lambda: mlp(2, 64, 64, 64, 2), lambda: mlp(2, 64, 64, 64, 1),
        functools.partial(gaussian_ring, sigma=0.1, radius=1.414), functools.partial(latent_normal, latent_dim=2),
        d_loss=critic_loss, g_loss=generator_loss_wasserstein, penalty=gradient_penalty, batch_size=128,
        hparams=Hyperparameters(lambda_gp=0.5), seed=seed,
    )  # fmt: skip


def textbook_step(make_gan, textbook):
    """Return a textbook step for the networks and data of make_gan()."""
    gan = make_gan()
    return textbook(
        gan.generator,
        gan.discriminator,
        gan.sample_real,
        gan.sample_latent,
        batch_size=gan.batch_size,
    )


def seconds_per_call(function, at_least):
    """Return the seconds per call of `function`, called until `at_least` seconds are over."""
    calls, begun = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - begun) < at_least or calls == 0:
        function()
        calls += 1
    return elapsed / calls


def compare(label, function, reference, rounds=9, seconds=0.25):
    """Print how many times as long as `reference` a call of `function` takes; return the median."""
    for f in (function, reference):
        seconds_per_call(f, seconds / 2)
    pairs = [
        (seconds_per_call(function, seconds), seconds_per_call(reference, seconds))
        for _ in range(rounds)
    ]
    ratios = [one / other for one, other in pairs]
    ours, theirs = (1e3 * statistics.median(column) for column in zip(*pairs))
    print(
        f"{label:52s} {statistics.median(ratios):6.2f}  ({min(ratios):.2f} to {max(ratios):.2f})   {ours:.2f} ms / {theirs:.2f} ms",
        flush=True,
    )
    return statistics.median(ratios)


def on_one_thread(function):
    """Return `function` with torch's thread count set to 1, as GAN.step sets it for small networks.

    With torch's default the textbook is about as fast on an idle machine; on a busy one it stalls, up to a hundredfold.
    """

    def run():
        with runtime.num_threads(1):
            function()

    return run


def main():
    """Print all ratios; takes about two minutes."""
    models = {"1-D GAN": (gan_1d, textbook_gan), "2-D WGAN-GP": (wgan_gp_2d, textbook_wgan_gp)}
    print("Textbook step / GAN.step, both on one thread (above 1: the package is faster)")
    for name, (make_gan, textbook) in models.items():
        step = make_gan().step
        compare(name, on_one_thread(textbook_step(make_gan, textbook)), step, rounds=15)
    print("\nOne step of K members at once / one GAN.step (a loop over the members would be K)")
    for name, (make_gan, _) in models.items():
        for n_members in (16, 64, 256):
            with _Trainer([make_gan(seed=k) for k in range(n_members)]) as trainer:
                block = 20 if make_gan is gan_1d else 2
                seconds = 0.25 if n_members < 256 else 0.6

                def some_steps(trainer=trainer, block=block):
                    trainer.run(range(block))

                gan = make_gan()

                def as_many(gan=gan, block=block):
                    for _ in range(block):
                        gan.step()

                compare(
                    f"{name}, K = {n_members}, on {len(trainer.groups)} core(s)",
                    some_steps,
                    as_many,
                    seconds=seconds,
                )


if __name__ == "__main__":
    main()
