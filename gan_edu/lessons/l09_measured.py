"""Lesson 09: what was measured over eight seeds, as tables, curves and files. The runs are stored."""

import os

import matplotlib
import numpy as np
import torch
from matplotlib.figure import Figure
from scipy.stats import norm

from gan_edu import predict
from gan_edu.lessons.l09_many_features import LATENTS
from gan_edu.metrics import variance_decomposition
from gan_edu.panel.figure import describe
from gan_edu.style import CRITIC, FAKE, MARK, REAL, STYLE
from gan_edu.views import WEIGHTS, band, drawing, load

STORED = WEIGHTS / "features.json"
QUANTILES = norm.ppf((np.arange(500) + 0.5) / 500, 3, 1)[:, None]
COLUMNS = "mean", "pooled std", "std over z", "std between", "mean |corr|", "share of the 1st direction", "W1 of a feature"  # fmt: skip
CRITIC_COLUMNS = "saturated at real", "saturated at generated", "on opposite sides", "gradient of D at generated"  # fmt: skip
COLORS = {"GAN": CRITIC, "WGAN": FAKE, "WGAN-GP": MARK}


def judged(x):
    """Return the seven numbers of COLUMNS for 500 vectors, (500, 512)."""
    x, parts = np.asarray(x, float), variance_decomposition(x)
    along = np.linalg.svd(x - x.mean(0), compute_uv=False) ** 2
    together = np.abs(np.corrcoef(x.T)[np.triu_indices(x.shape[1], 1)]).mean()
    w1 = np.abs(np.sort(x, axis=0) - QUANTILES).mean()
    return [parts.pooled_mean, parts.pooled_std, parts.within_std, parts.between_std, together, along[0] / along.sum(), w1]  # fmt: skip


def critic_at_its_samples(gan):
    """Return the four numbers of CRITIC_COLUMNS: shares of the first tanh units, and a norm, at vectors of training mode."""
    x_real = 3 + torch.randn(500, 512, generator=torch.Generator().manual_seed(1))
    x_fake = gan.G(LATENTS).detach().requires_grad_()
    at_real, at_fake = gan.D[:2](x_real), gan.D[:2](x_fake)
    (slope,) = torch.autograd.grad(gan.D(x_fake).sum(), x_fake)
    opposite = (at_real.mean(0) * at_fake.mean(0) < -0.9).float().mean()
    saturated = [(hidden.abs() > 0.999).float().mean() for hidden in (at_real, at_fake)]
    return [*saturated, opposite, slope.norm(dim=1).median()]


def load_features():
    """Return {setting: {column: (8,)}} of 8 runs, and their mean and std at every tenth step; see benchmarks/features.py."""
    kept = load(STORED)
    found = {"real data": dict(zip(COLUMNS, np.array(kept["real"]).T))}
    for name, one in kept["runs"].items():
        columns = dict(zip(COLUMNS + CRITIC_COLUMNS, np.hstack([one["judged"], one["critic"]]).T))
        found[name] = columns | {"steps": one}
    return found


def features_table(found, names, columns):
    """Return medians and ranges of eight runs as a table."""
    return predict.table(["", *columns], [[n, *(found[n][c] for c in columns)] for n in names])


@drawing
def draw_curves(fig, found, columns=("mean", "std")):
    """Draw mean and std of the batches over the steps, median and range of eight runs a method."""
    ends = []
    for ax, column in zip(np.ravel(fig.subplots(1, len(columns))), columns):
        for name, color in COLORS.items():
            values = np.array(found[name]["steps"][column])  # (8, 101)
            middle = band(ax, 10 * np.arange(values.shape[1]) + 1, values, color, label=name)
            ends.append(f"{name} {column} {middle[-1]:.2f}")
        target, limits = {"mean": (3, (-2, 7)), "std": (1, (0, 3))}[column]
        ax.axhline(target, color=REAL, ls="--", label="target")
        ax.set(xlabel="step", ylabel=f"{column} of a batch", ylim=limits)
        ax.legend(loc="upper left", ncols=2)
    describe(fig, f"Mean and std over 1,001 steps, median and range of 8 runs. At the end: {'; '.join(ends)}.")  # fmt: skip


def save_curves(found):
    """Write my_wgan_mean.png and my_wgan_std.png, each whole or not at all, and return their names."""
    names = {column: f"my_wgan_{column}.png" for column in ("mean", "std")}
    for column, name in names.items():
        with matplotlib.rc_context(STYLE):
            draw_curves(found, columns=[column])(fig := Figure(figsize=(6, 4)))
            fig.savefig(f"{name}.{os.getpid()}", format="png")
        os.replace(f"{name}.{os.getpid()}", name)
    return [*names.values()]
