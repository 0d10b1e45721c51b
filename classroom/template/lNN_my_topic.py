"""Lesson NN: a least-squares GAN on the line, and the losses of its discriminators over many seeds."""

import numpy as np
import torch

from gan_edu.panel.figure import curves, describe
from gan_edu.style import CRITIC, FAKE, REAL

SEEDED = torch.Generator().manual_seed(0)  # the same points in each picture
X_REAL = 4 + 0.5 * torch.randn(500, generator=SEEDED)
LATENTS = torch.randn(500, 1, generator=SEEDED)
LINE = torch.linspace(-2, 7, 91)[:, None]


def view(fig, gan, log):
    """Draw real and generated samples under the score of D, and the mean of the generated ones."""
    line, mean = fig.subplots(1, 2)
    with torch.no_grad():
        x_fake, scores = gan.G(LATENTS)[:, 0], gan.D(LINE)[:, 0]
    for x, color, label in ((X_REAL, REAL, "real"), (x_fake, FAKE, "generated")):
        line.hist(x, bins=np.linspace(-2, 7, 46), density=True, color=color, alpha=0.6, label=label)
    line.plot(LINE[:, 0], scores, color=CRITIC, lw=2, label="score of D")
    line.set(xlim=(-2, 7), ylim=(-0.5, 1.5), xlabel="x", ylabel="density, and score")
    line.legend()
    curves(mean, log, "mean of samples", colors=[FAKE])
    mean.axhline(4, color=REAL, ls=":")
    mean.set(ylim=(-1, 7), ylabel="mean of samples", title="dotted: mean of the data")
    words = f"Generated samples with mean {x_fake.mean():.1f} after {log.n} steps, data at 4"
    describe(fig, f"{words}; the score of D over both.")


def draw_losses(losses):
    """Return what draws the losses (K, n_steps) of K discriminators: their median and their range."""

    def draw(fig):
        ax, steps = fig.subplots(), np.arange(1, losses.shape[1] + 1)
        middle = np.median(losses, axis=0)
        ax.fill_between(steps, losses.min(0), losses.max(0), color=CRITIC, alpha=0.3, label="range")
        ax.plot(steps, middle, color=CRITIC, label="median")
        ax.set(xlabel="step", ylabel="loss of D", ylim=(0, 0.6))
        ax.legend()
        ends = f"from {middle[0]:.2f} at step 1 to {middle[-1]:.2f} at step {len(steps)}"
        describe(fig, f"Loss of D over {len(losses)} seeds: the median goes {ends}.")

    return draw
