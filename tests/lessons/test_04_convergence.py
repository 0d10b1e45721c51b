"""Lesson 04: its formulas against long walks, its checks, its cure over other seeds."""

import itertools
import types

import numpy as np
import pytest
import torch
from hints import each_wrong
from test_03_gaussian_gan_1d import SETTINGS, ends, succeeded
from torch.nn.functional import softplus

from gan_edu.lessons import l04_checks as checks
from gan_edu.lessons import l04_convergence as room
from gan_edu.losses import r1_penalty
from gan_edu.run import Run, descend
from gan_edu.seeds import over_seeds

# ---- two numbers


@pytest.mark.parametrize("h, gamma", [(0.2, 0.0), (0.2, 1.0), (0.5, 0.3), (0.1, 3.0)])
def test_the_matrix_is_one_step_of_the_walk(lesson, h, gamma):
    knobs = types.SimpleNamespace(start=(0.7, -0.4), h=h, order="alternating", gamma=gamma)
    path = lesson["walk"](lesson["gradients_r1"], knobs, 20)
    for now, after in itertools.pairwise(path):
        assert np.allclose(np.array(lesson["matrix"](h, gamma)) @ now, after, atol=1e-12)


@pytest.mark.parametrize("h", [0.05, 0.2, 0.5])
def test_the_best_friction(lesson, h):
    """2 - h by the lesson's algebra; here by long walks with frictions around it."""
    assert room.best_friction(lesson["matrix"], h) == pytest.approx(2 - h, abs=0.011)

    def end(gamma):
        knobs = types.SimpleNamespace(start=(1.0, 0.3), h=h, order="alternating", gamma=gamma)
        return np.hypot(*lesson["walk"](lesson["gradients_r1"], knobs, round(20 / h))[-1])

    assert end(2 - h) < min(end(1.6 - h), end(2.4 - h))


@pytest.mark.parametrize("h", [0.02, 0.05, 0.1])
def test_only_r1_comes_to_rest_whatever_the_step(lesson, h):
    def last(**remedy):
        return np.abs(lesson["play"](h=h, n_steps=4000, **remedy)[-400:, 0]).max()

    assert last(gamma=1.0) < 1e-6 and min(last(c=0.5), last(penalty=1.0), last(n_critic=5)) > 0.1
    end = lesson["play"](h=h, penalty=1.0, n_steps=4000)[-1]
    assert end == pytest.approx((-2, 0), abs=0.05)


# ---- its exercises


def stepping(penalty, graph=True, at="real", through=lambda a: a):
    """A learner's step; penalty(slope, gamma)."""

    def step(gan, knobs):
        n = knobs.batch_size
        x_real, x_fake = 4 + 0.5 * torch.randn(n, 1), gan.G(2 * torch.rand(n, 1) - 1).detach()
        x = (x_real if at == "real" else x_fake).clone().requires_grad_()
        (slope,) = torch.autograd.grad(through(gan.D(x)).sum(), x, create_graph=graph)
        loss = softplus(-gan.D(x_real)).mean()
        loss = loss + softplus(gan.D(x_fake)).mean()
        descend(gan.opt_D, loss + penalty(slope, knobs.gamma), lr=knobs.lr_d)
        loss = softplus(-gan.D(gan.G(2 * torch.rand(n, 1) - 1))).mean()
        descend(gan.opt_G, loss, lr=knobs.lr_g)
        return {"squared slope": slope.square().mean()}

    return step


def r1(slope, gamma):
    return gamma / 2 * slope.square().mean()


test_each_wrong_matrix_gets_its_own_hint = each_wrong(checks.check_matrix,
    (lambda h, g: [[1 - h * h, h * (1 - h * g)], [-h, 1 - h * g]], "Right"),
    (lambda h, g: torch.tensor([[1 - h * h, h - h * h * g], [-h, 1 - h * g]]), "Right"),
    (lambda h, g: [[..., ...], [-h, 1]], "still a blank"), (lambda h, g: None, "returns nothing yet"),
    (lambda h, g: [[1, h], [-h, 1 - h * g]], "the simultaneous step"), (lambda h, g: [[1 - h * h, h], [-h, 1]], "the friction is missing"),
    (lambda h, g: [[1 - h * h, h], [-h, 1 - h * g]], "has felt the friction"),
    (lambda h, g: [[1 - h * h, -h], [h * (1 - h * g), 1 - h * g]], "exchanged"),
    (lambda h, g: [[1 - h * g, -h], [h * (1 - h * g), 1 - h * h]], "Let θ come first"),
    (lambda h, g: [[1 + h * h, -h * (1 - h * g)], [-h, 1 - h * g]], "G must go up"),
    (lambda h, g: [[1 - h * h, h * (1 + h * g)], [-h, 1 + h * g]], "a minus"), (lambda h, g: [1, 2], "must have shape (2, 2)"),
)  # fmt: skip

test_each_wrong_friction_gets_its_own_hint = each_wrong(checks.check_friction,
    (lambda t, p, k: (-p, t + k.gamma * p), "Right"), (lambda t, p, k: ..., "still a blank"),
    (lambda t, p, k: (-p, t), "still without friction"), (lambda t, p, k: (-p, t + k.gamma / 2 * p), "is γ ψ"),
    (lambda t, p, k: (-p, t + k.gamma / 2 * p**2), "its derivative"), (lambda t, p, k: (-p + k.gamma * p, t), "belongs to D"),
    (lambda t, p, k: (-p, t - k.gamma * p), "is added, too"),
)  # fmt: skip

test_each_wrong_penalty_gets_its_own_hint = each_wrong(checks.check_r1,
    (stepping(r1), "Right"), (stepping(lambda s, g: g * s.square().sum(1).mean() / 2), "Right"),
    (stepping(r1, graph=False), "create_graph=True"), (stepping(r1, at="fake"), "looks at generated ones"),
    (stepping(r1, through=lambda a: a / 6), "divided by n"), (stepping(lambda s, g: s.square().mean()), "is missing"),
    (stepping(lambda s, g: g * s.square().mean()), "The factor is γ/2".lower()),
    (stepping(lambda s, g: g / 2 * (s.abs() - 1).square().mean()), "as WGAN-GP does"),
    (stepping(lambda s, g: g / 2 * s.mean().square()), "square the slope of each sample"), (stepping(lambda s, g: -r1(s, g)), "wrong sign"),
    (stepping(r1, through=torch.sigmoid), "the slope of the probability"),
    (stepping(lambda s, g: g / 2 * s.square().sum()), "take the mean"), (stepping(lambda s, g: ... + s), "still a blank"),
)  # fmt: skip


# ---- a real GAN with friction


def test_the_penalty_of_the_page_is_the_packages(lesson):
    run = Run(lesson["build"], lesson["step"], SETTINGS | dict(gamma=2.0), seed=1)
    torch.manual_seed(1)
    gan = lesson["build"]()
    x_real = 4 + 0.5 * torch.randn(64, 1)
    wanted = 2 * r1_penalty(gan.D, x_real, None)  # that one has the factor 1/2
    assert run.steps(1).log["squared slope"][0] == pytest.approx(wanted.item(), rel=1e-5)


def test_it_runs_over_seeds_at_once(lesson, capsys):
    knobs = SETTINGS | dict(gamma=0.1)
    over_seeds(lesson["build"], lesson["step"], knobs, n_seeds=4, n_steps=4)
    assert "one after another" not in capsys.readouterr().out


@pytest.mark.again
def test_friction_holds_for_other_seeds(lesson):
    for gamma, low, high in ((0.1, 15, 16), (0.0, 4, 13)):
        found = ends(lesson, knobs=SETTINGS | dict(gamma=gamma), n_steps=3000, n_seeds=16)
        assert low <= succeeded(*found) <= high
    strong = ends(lesson, knobs=SETTINGS | dict(gamma=10.0), n_steps=3000, n_seeds=16)
    assert succeeded(*strong) <= 6 and strong[1].median() < 0.45
    slow = dict(batch_size=64, lr_d=0.0025, lr_g=0.0005, gamma=0.0)
    assert succeeded(*ends(lesson, knobs=slow, n_steps=3000, n_seeds=16)) >= 15
