"""Lesson 18: what the museum's code comes to over seeds, and which test catches which code."""

import numpy as np
import torch

from gan_edu.lessons.l18_program import KNOBS, code_with, program, real, ring
from gan_edu.lessons.l18_trial import says
from gan_edu.metrics import frechet_distance, wasserstein_samples
from gan_edu.panel.figure import describe
from gan_edu.players import finite
from gan_edu.predict import table
from gan_edu.run import Run
from gan_edu.seeds import over_seeds
from gan_edu.style import OPTIMAL, PUSH, REAL
from gan_edu.views import compared as compared
from gan_edu.views import drawing


def trained(code, world="ring", n_steps=60, **knobs):
    """Train the museum's GAN with this code over eight seeds, and return the runs."""
    return over_seeds(*program(code, world), KNOBS | knobs, n_seeds=8, n_steps=n_steps)


def made(runs, n=500):
    """Return n samples of each run, (K, n, ...)."""
    n_z = next(iter(runs.gan.G.parameters())).shape[-1]
    z = torch.randn(len(runs.alive) * n, n_z, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return runs.members(runs.gan.G(z))


def w1_to_ring(runs):
    """Return the exact W1 of 500 samples of each run to 500 real ones."""
    x_real = ring(500, generator=torch.Generator().manual_seed(1))
    return np.array([wasserstein_samples(x_real, one) for one in made(runs)])


def last_gap(runs):
    """Return each run's critic gap, the mean of the last 20 steps."""
    return runs.log["critic gap"][:, -20:].mean(1)


def shuffled_digits(seed):
    """Return all real digits, (1797, 64), in a random order: in the file they are ordered by writer."""
    x = real(code_with(), "digits").flatten(1)
    return x[torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))]


def digit_distance(runs):
    """Return the Fréchet distance of 800 digits of each run to 800 real ones, over pixels."""
    x_real = shuffled_digits(0)[:800]
    return np.array([frechet_distance(one.flatten(1), x_real) for one in made(runs, 800)])


def real_distance():
    """Return the same distance of 800 real digits to 800 other real ones, for eight drawings."""
    halves = [shuffled_digits(k)[:1600].split(800) for k in range(8)]
    return np.array([frechet_distance(*half) for half in halves])


def slopes(runs):
    """Return the mean norm of each critic's gradient, over whole digits between real and generated ones."""
    x_fake = made(runs, 64).flatten(0, 1)
    x_real = real(code_with(), "digits")[:64].repeat(len(runs.alive), 1, 1, 1)
    eps = torch.rand(len(x_fake), 1, 1, 1, generator=torch.Generator().manual_seed(2))
    x_hat = (eps * x_real + (1 - eps) * x_fake).requires_grad_()
    (grad,) = torch.autograd.grad(runs.gan.D(x_hat).sum(), x_hat)
    return runs.members(grad.flatten(1).norm(dim=1)).mean(1).numpy()


@drawing
def verdict(fig, measured, label, log=False):
    """Draw {name: a number a seed} as dots, with their medians."""
    ax, words = fig.subplots(), []
    for k, (name, values) in enumerate(measured.items()):
        color = {"repaired": OPTIMAL, "real digits": REAL}.get(name, PUSH)
        ax.scatter(values, k + np.linspace(-0.2, 0.2, len(values)), s=30, color=color)
        low, middle, high = np.quantile(values, (0, 0.5, 1))
        ax.plot([middle, middle], [k - 0.35, k + 0.35], color=color, lw=2)
        words.append(f"{name} {middle:.3g} ({low:.3g} to {high:.3g})")
    ax.set(yticks=range(len(measured)), yticklabels=list(measured), xlabel=label)
    ax.set(ylim=(len(measured) - 0.5, -0.5), xscale="log" if log else "linear")
    ax.set(title="a dot a seed, a line at the median")
    fig.set_size_inches(9, 1.0 + 0.55 * len(measured))
    describe(fig, f"{label}, median and range over seeds: {'; '.join(words)}.")


def slope_without_cost(penalty):
    """Return the norm, over a picture of 8 x 8, of the plane's gradient for which a penalty asks least."""
    norms, x = torch.linspace(0, 20, 401), torch.zeros(2, 4, 1, 8, 8)
    costs = [penalty(lambda x, n=n: n / 8 * x.flatten(1).sum(1), *x).item() for n in norms]
    return norms[int(np.argmin(costs))].item()


def pull(code, n_critic=3, n=4000):
    """Return the generator's gradient with this code, as a multiple of the right one; the critic stands still."""
    torch.manual_seed(0)
    gan = program(code)[0]()
    gan.opt_D.param_groups[0]["lr"] = 0.0

    def gradient(n_critic):
        x_fake = gan.G(torch.randn(n, 2))
        for _ in range(n_critic):
            x_fake = gan.G(torch.randn(n, 2))
            code.critic_turn(code, gan, ring(n), x_fake, 1.0)
        code.generator_loss(gan.D(x_fake)).backward()
        found = torch.cat([p.grad.flatten() for p in gan.G.parameters()])
        gan.opt_G.zero_grad()
        return found

    right, found = gradient(0), gradient(n_critic)
    return (found @ right / right.square().sum()).item()


def at_twice(make_critic, score):
    """Return the score at 2x of a critic that gives x this score."""
    D, x = make_critic(2), torch.ones(1, 2)
    return score * (D(2 * x) / D(x)).item()


def own(test, solution, exhibit):
    """Return a learner's test if it lets right code pass and catches the exhibit, else the solution."""
    good = says(test, code_with()) is True and says(test, exhibit) is False
    return test if good else solution


def runs_at_all(code):
    """The usual test: train three steps on faces, and look whether all numbers stay finite."""
    assert finite(Run(*program(code, "faces"), KNOBS).steps(3).gan)


def caught(tests, codes):
    """Return {test: [whether it catches each code]}; a test that stops has caught nothing."""
    return {n: [says(test, code) is False for code in codes.values()] for n, test in tests.items()}


def caught_table(found, codes):
    """Return what `caught` found as a table."""
    rows = [[name, *("caught" if one else "·" for one in row)] for name, row in found.items()]
    return table(("test", *codes), rows)
