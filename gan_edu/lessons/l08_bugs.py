"""Lesson 08: the symptoms of its five broken cells, as small tables."""

import torch

from gan_edu.datasets import gaussian_ring
from gan_edu.lessons.l08_penalties import penalty_with
from gan_edu.lessons.l08_wgan_gp import gradients
from gan_edu.losses import gradient_penalty
from gan_edu.networks import mlp
from gan_edu.predict import table
from gan_edu.run import Players, adam, descend


def rings(n=128):
    return gaussian_ring(n, radius=1.4, sigma=0.1), gaussian_ring(n, radius=1.0, sigma=0.1)


def where_flat(**penalties):
    """Return what each penalty of a critic is that is flat at 1 of 60 points x_hat, and what its weights feel, as a table."""
    torch.manual_seed(0)
    D, rows = mlp(2, 64, 1), []
    for p in D.parameters():
        p.data.abs_()
    D[0].bias.data.zero_()  # no unit is on where both coordinates are negative
    points = torch.rand(60, 2) + torch.tensor([[-2.0]] + [[1.0]] * 59)
    for name, penalty in penalties.items():
        value = penalty(D, points, points)
        (found,) = torch.autograd.grad(value, D[0].weight)
        rows.append((name, f"{value:.3f}", f"{found.abs().max():.3g}"))
    return table(("flat at 1 of 60 points", "penalty", "largest gradient of a weight"), rows)


def critic_after(weight, penalty):
    """Return a critic of two rings after 20 steps with this weight of a penalty."""
    torch.manual_seed(0)
    opt_D = adam(D := mlp(2, 64, 64, 1))
    for _ in range(20):
        x_real, x_fake = rings()
        gap = D(x_real).mean() - D(x_fake).mean()
        descend(opt_D, -gap + weight * penalty(D, x_real, x_fake), lr=3e-3)
    return D


def by_lambda(penalty):
    """Return a weight of a critic after 20 steps with λ = 0 and with λ = 10, as a table."""
    rows = [(f"λ = {k}", f"{critic_after(k, penalty)[0].weight[0, 0]:.7f}") for k in (0, 10)]
    return table(("", "a weight of D after 20 steps"), rows)


def tried(step):
    """Return (the error that one step ends with, or nothing; how often a gradient reached G; the players)."""
    torch.manual_seed(0)
    G, D = mlp(2, 8, 2), mlp(2, 8, 1)
    gan, reached = Players(G=G, D=D, opt_G=adam(G), opt_D=adam(D)), []
    G[-1].weight.register_hook(lambda _: reached.append(1))
    try:
        step(gan)
    except RuntimeError as fault:
        return str(fault).partition("(")[0].strip(), len(reached), gan
    return "", len(reached), gan


def last_line(step):
    """Return how one training step ends, as a table."""
    return table(("one training step",), [(tried(step)[0] or "no error",)])


def means_and_spreads(penalties):
    """Return the mean and the standard deviation of 400 values of each penalty of one critic."""
    D, pair = critic_after(1, gradient_penalty), rings()
    values = [torch.stack([one(D, *pair).detach() for _ in range(400)]) for one in penalties]
    return [(one.mean().item(), one.std().item()) for one in values]


def spread(penalty, options):
    """Return which of the options is true of one ε a batch, and a table with this penalty beside the right one."""
    batch = penalty_with(eps=lambda x: torch.rand(1, 1))
    found = means_and_spreads([gradient_penalty, batch, penalty])
    mean, wide = abs(found[1][0] / found[0][0] - 1) > 0.2, found[1][1] / found[0][1] > 1.3
    names = "one ε a pair", "one ε a batch", penalty.__name__
    rows = [(name, f"{m:.3f}", f"{s:.4f}") for name, (m, s) in zip(names, found)]
    return options[[3, 0, 1, 2][mean + 2 * wide]], table(("", "mean", "standard deviation"), rows)


def company(build_critic):
    """Return how much the gradient at one sample changes when the others are replaced, in its own length: (8,)."""
    changes = []
    for seed in range(8):
        torch.manual_seed(seed)
        D, (x, _), (others, _) = build_critic().train(), rings(64), rings(63)
        before, after = (gradients(D, batch)[0] for batch in (x, torch.cat([x[:1], others])))
        changes.append(((after - before).norm() / before.norm()).item())
    return changes
