"""Lesson 08: what was measured over seeds, as tables. The comparison of three methods is stored."""

import functools
import math

import numpy as np
import torch

from gan_edu.datasets import gaussian_ring
from gan_edu.lessons.l08_wgan_gp import gradients
from gan_edu.metrics import wasserstein_samples
from gan_edu.predict import table
from gan_edu.views import WEIGHTS, load, spread

STORED = WEIGHTS / "ring_methods.json"
load_methods = functools.partial(load, STORED)  # the comparison of three methods


def steepness(runs, lambda_gp):
    """Return each member's mean norm at 1,000 points x_hat, its exact W1, and the norm that W1 lets expect, three (K,)."""
    n, generator = 1000 * len(runs.alive), torch.Generator().manual_seed(0)
    real = gaussian_ring(n, radius=1.4, sigma=0.1, generator=generator)
    fake = runs.gan.G(torch.randn(n, 2, generator=generator)).detach()
    eps = torch.rand(n, 1, generator=generator)
    norms = gradients(runs.gan.D, eps * real + (1 - eps) * fake).norm(dim=1)
    w1 = np.array(list(map(wasserstein_samples, runs.members(real), runs.members(fake))))
    return runs.members(norms).mean(1).numpy(), w1, 1 + w1 / (2 * lambda_gp)


def steepness_table(rows):
    """Return rows (name, *steepness(...)) as a table."""
    head = "median of 8 seeds (range)", "mean norm", "exact W₁", "norm by the formula below"
    return table(head, [(name, *map(spread, parts)) for name, *parts in rows])


def methods_table(stored):
    """Return three methods, each at the best setting that was found for it, at three budgets, as a table."""

    def cells(found):  # where the shares vary by v, the KL is about v² / 2
        low, median, high = (f"{100 * math.sqrt(2 * kl):.0f}" for kl in found["reverse KL"])
        return found["high quality"], f"{median} % ({low} to {high})", found["W1"]

    rows = []
    for budget in ("equal steps", "equal seconds", "long"):
        for method, one in stored["table"].items():
            steps = one[budget].get("steps", stored["made"]["n_steps"])
            critic = steps * one["setting"]["n_critic"]
            rows.append((f"{method}, {steps:,} steps", *cells(one[budget]), f"{critic:,}", one["cost"]))  # fmt: skip
    rows.append(("real data", *cells(stored["real"]), "", ""))
    head = "high quality", "the modes' shares vary by", "exact W₁", "steps of D", "time of a step"
    return table(("", *head), rows)


def searched_table(stored):
    """Return the best setting of each method and the median W1 of all that were tried, as a table."""
    rows = []
    for method, tried in stored["searched"].items():
        setting = ", ".join(f"{k} = {v}" for k, v in stored["table"][method]["setting"].items())
        rows.append((method, f"{len(tried)}", setting, [found["W1"][1] for _, found in tried]))
    return table(("", "settings", "the best", "median W₁ of a setting: median (range)"), rows)


def frozen_table(stored):
    """Return how the gap of trained critics compares with W1, by λ and steps, as a table; the generator stood still."""
    rows = [(f"λ = {k}", *map(spread, by.values())) for k, by in stored["frozen"].items()]
    return table(("gap / W₁", *(f"{int(n):,} steps" for n in stored["frozen"]["1.0"])), rows)
