"""Compare three GANs on the ring of lesson 08, each at its own best setting: python -m benchmarks.ring_methods

Settings are chosen by the median exact W1 over seeds 8 to 15, the choice is judged over seeds 0 to 7. The table is stored.
"""

import itertools
import json
import os
import platform
import statistics
import time

import torch
from torch.nn.functional import softplus

from gan_edu.datasets import gaussian_ring, ring_centers
from gan_edu.lessons.l08_methods import STORED
from gan_edu.losses import clip_weights_, gradient_penalty
from gan_edu.metrics import mode_coverage, wasserstein_samples
from gan_edu.networks import mlp
from gan_edu.run import Players, Run, adam, descend
from gan_edu.seeds import over_seeds

N_STEPS, N_SEEDS = 500, 8
RATES = (3e-3, 3e-3), (3e-3, 1e-3), (1e-3, 1e-3)  # of D, of G, for each method; and those beyond:
FASTER, SLOWER = ((1e-2, 1e-2), (1e-2, 3e-3)), ((3e-4, 3e-4), (1e-3, 3e-4))
GRID = {  # method: the knob that it alone has, its values, and its rates
    "plain GAN": ("optimiser", ("Adam", "RMSprop"), RATES + FASTER),
    "clipping": ("clip", (0.05, 0.1, 0.2), RATES + FASTER),
    "penalty": ("lambda_gp", (0.1, 1.0, 10.0), RATES + SLOWER),
}
LAMBDAS = 0.1, 1.0, 10.0, 100.0
FROZEN_STEPS = 1500, 6000


def ring(n):
    return gaussian_ring(n, radius=1.4, sigma=0.1)


def builder(method, knobs, first=0):
    """Return build(), which makes the players for seed k as those of seed first + k."""

    def opt(net):
        if method == "clipping" or knobs.get("optimiser") == "RMSprop":
            return torch.optim.RMSprop(net.parameters())
        return adam(net)

    def build():
        torch.manual_seed(first + torch.initial_seed())
        G, D = mlp(2, 64, 64, 2), mlp(2, 64, 64, 1)
        return Players(G=G, D=D, opt_G=opt(G), opt_D=opt(D))

    return build


def plain_step(gan, knobs):
    n = knobs.batch_size
    for _ in range(knobs.n_critic):
        x_real, x_fake = ring(n), gan.G(torch.randn(n, 2)).detach()
        loss_D = softplus(-gan.D(x_real)).mean() + softplus(gan.D(x_fake)).mean()
        descend(gan.opt_D, loss_D, lr=knobs.lr_d)
    loss_G = softplus(-gan.D(gan.G(torch.randn(n, 2)))).mean()
    descend(gan.opt_G, loss_G, lr=knobs.lr_g)
    return {"loss of D": loss_D, "loss of G": loss_G}


def wasserstein_step(gan, knobs):
    n = knobs.batch_size
    for _ in range(knobs.n_critic):
        x_real, x_fake = ring(n), gan.G(torch.randn(n, 2)).detach()
        gap = gan.D(x_real).mean() - gan.D(x_fake).mean()
        penalty = gradient_penalty(gan.D, x_real, x_fake) if knobs.method == "penalty" else 0
        descend(gan.opt_D, -gap + knobs.lambda_gp * penalty, lr=knobs.lr_d)
        if knobs.method == "clipping":
            clip_weights_(gan.D, knobs.clip)
    loss_G = -gan.D(gan.G(torch.randn(n, 2))).mean()
    descend(gan.opt_G, loss_G, lr=knobs.lr_g)
    return {"critic gap": gap, "generator loss": loss_G}


def step_of(method):
    return plain_step if method == "plain GAN" else wasserstein_step


def quality(x):
    """Return the high quality, reverse KL and exact W1 of 4,000 samples (W1: of the first 1,000)."""
    cover = mode_coverage(x, ring_centers(8, 1.4), 0.1)
    real = gaussian_ring(1000, radius=1.4, sigma=0.1, generator=torch.Generator().manual_seed(1))
    return cover.high_quality, cover.reverse_kl, wasserstein_samples(real, x[:1000])


def score(method, knobs, n_steps, first):
    """Train seeds first to first + 7; return {measure: (lowest, median, highest)}."""
    build, step = builder(method, knobs, first), step_of(method)
    runs = over_seeds(build, step, all_of(method, knobs), N_SEEDS, n_steps)
    z = torch.randn(4000, 2, generator=torch.Generator().manual_seed(2))
    found = zip(*map(quality, runs.members(runs.gan.G(z.repeat(N_SEEDS, 1))).detach()))
    return summary(found)


def summary(columns):
    names = "high quality", "reverse KL", "W1"
    return {
        name: [round(float(v), 4) for v in (min(one), statistics.median(one), max(one))]
        for name, one in zip(names, map(list, columns))
    }


def all_of(method, knobs):
    return dict(batch_size=128, method=method, lambda_gp=0.0, clip=0.0) | knobs


def settings(method):
    """Yield every setting of a method's grid."""
    name, values, rates = GRID[method]
    for value, (lr_d, lr_g), n_critic in itertools.product(values, rates, (1, 5)):
        yield {name: value, "lr_d": lr_d, "lr_g": lr_g, "n_critic": n_critic}


def frozen(lambda_gp, n_steps):
    """Train critics against a generator that stands still, a ring of radius 1; return (lowest, median, highest) of gap / W1.

    W1 is 0.40: moving each mode outwards costs 0.4, and the critic |x| has a gap of 0.399.
    """

    def narrow(n):
        return gaussian_ring(n, radius=1.0, sigma=0.1)

    def step(gan, knobs):
        x_real, x_fake = ring(knobs.batch_size), narrow(knobs.batch_size)
        gap = gan.D(x_real).mean() - gan.D(x_fake).mean()
        loss = -gap + knobs.lambda_gp * gradient_penalty(gan.D, x_real, x_fake)
        descend(gan.opt_D, loss, lr=1e-3 * (1 - knobs.n / n_steps))
        return {"critic gap": gap}

    def build():
        D = mlp(2, 64, 64, 1)
        return Players(D=D, opt_D=adam(D))

    knobs = dict(batch_size=128, lambda_gp=lambda_gp)
    runs = over_seeds(build, step, knobs, N_SEEDS, n_steps)
    torch.manual_seed(0)
    scores = [runs.members(runs.gan.D(x(20_000).repeat(N_SEEDS, 1))) for x in (ring, narrow)]
    gaps = (scores[0].mean(1) - scores[1].mean(1)).flatten() / 0.4
    return [round(gaps.quantile(q).item(), 3) for q in (0.0, 0.5, 1.0)]


def costs(best, repeats=7, n_steps=40):
    """Return the processor time of a step of each method in units of the plain GAN's, measured in turn."""
    runs = {
        method: Run(builder(method, knobs), step_of(method), all_of(method, knobs)).steps(5)
        for method, knobs in best.items()
    }
    seconds = {method: [] for method in runs}
    for _, (method, run) in itertools.product(range(repeats), runs.items()):
        since = time.process_time()
        run.steps(n_steps)
        seconds[method].append(time.process_time() - since)
    medians = {method: statistics.median(one) for method, one in seconds.items()}
    return {method: round(one / medians["plain GAN"], 2) for method, one in medians.items()}


def main():
    torch.set_num_threads(1)
    searched, best = {}, {}
    for method in GRID:
        searched[method] = [(knobs, score(method, knobs, N_STEPS, N_SEEDS)) for knobs in settings(method)]  # fmt: skip
        best[method], found = min(searched[method], key=lambda pair: pair[1]["W1"][1])
        print(method, best[method], found, flush=True)
    cost = costs(best)
    table = {}
    for method, knobs in best.items():
        n_steps = round(N_STEPS * cost["penalty"] / cost[method])
        table[method] = {
            "setting": knobs,
            "cost": cost[method],
            "equal steps": score(method, knobs, N_STEPS, 0),
            "equal seconds": score(method, knobs, n_steps, 0) | {"steps": n_steps},
            "long": score(method, knobs, 5 * N_STEPS, 0) | {"steps": 5 * N_STEPS},
        }
        print(method, table[method], flush=True)
    torch.manual_seed(0)
    real = summary(zip(*[quality(ring(4000)) for _ in range(N_SEEDS)]))
    steady = {str(k): {str(n): frozen(k, n) for n in FROZEN_STEPS} for k in LAMBDAS}
    made = dict(torch=torch.__version__, machine=platform.machine(), seeds="0 to 7, chosen on 8 to 15",
                n_steps=N_STEPS, core_minutes=round(time.process_time() / 60, 1))  # fmt: skip
    result = {"made": made, "table": table, "real": real, "frozen": steady, "searched": searched}
    unfinished = STORED.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    os.replace(unfinished, STORED)


if __name__ == "__main__":
    main()
