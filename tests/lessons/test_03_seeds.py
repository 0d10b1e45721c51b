"""Lesson 03: what it says of 64 runs, for 64 others."""

import contextlib
import io

import numpy as np
import pytest
import torch
from torch import nn

from gan_edu.lessons import l03_gaussian_gan_1d as room
from gan_edu.seeds import over_seeds
from notebooks import definitions

SETTINGS = dict(batch_size=64, lr_d=0.01, lr_g=0.002)
COMPANY = dict(batch_size=12, lr_d=0.03, lr_g=0.03)
Z = torch.linspace(-1, 1, 1000)[:, None]


@pytest.fixture(scope="module")
def lesson():
    return definitions("03")


def ends(lesson, build="build", knobs=SETTINGS, n_steps=1000, step="step", scale=1.0, n_seeds=64):
    """Return mean and std of runs with seeds that the page does not show, and the players."""

    def others():
        torch.manual_seed(1000 + torch.initial_seed())
        return build() if callable(build) else lesson[build]()

    with contextlib.redirect_stdout(io.StringIO()):
        runs = over_seeds(others, lesson[step], knobs, n_seeds=n_seeds, n_steps=n_steps)
    x = runs.members(runs.gan.G(scale * Z.repeat(n_seeds, 1))).detach()[..., 0]
    return x.mean(1), x.std(1), runs


def succeeded(mean, std, _):
    return int(room.succeeds(mean, std).sum())


@pytest.mark.again
def test_one_change_at_a_time_holds_for_other_seeds(lesson):
    few = succeeded(*ends(lesson))
    assert few > 54 and succeeded(*ends(lesson, n_steps=2000)) < few - 8
    assert succeeded(*ends(lesson, "build_sgd", SETTINGS | dict(lr_d=0.15, lr_g=0.03))) < 20
    slow = SETTINGS | dict(lr_d=0.002)
    assert succeeded(*ends(lesson, knobs=slow)) < 20
    assert succeeded(*ends(lesson, knobs=slow, n_steps=3000)) > 20
    assert succeeded(*ends(lesson, knobs=SETTINGS | dict(batch_size=12))) > 54
    assert 36 < succeeded(*ends(lesson, "build_normal")) < 58
    assert succeeded(*ends(lesson, step="stair_step", n_steps=2000)) > few - 4


@pytest.mark.again
def test_the_two_presets_fail_as_the_page_says_for_other_seeds(lesson):
    mean, _, runs = ends(lesson, knobs=SETTINGS | dict(lr_d=0.1))
    pushes = runs.members(room.push(runs.gan.D, runs.gan.G(Z.repeat(64, 1)))).abs().mean(1)
    assert (pushes < 1e-3).sum() > 54 and ((mean > 0.7) & (mean < 2.5)).sum() > 44
    assert abs(np.median(runs.log["loss of D"][:, -30:]) - 2 * np.log(2)) < 0.02
    mean, std, _ = ends(lesson, knobs=SETTINGS | dict(lr_g=0.02))
    assert std.median() < 0.15 and mean.min() < 3.4 and mean.max() > 4.6


@pytest.mark.again
def test_company_helps_for_other_seeds(lesson):
    _, std, _ = alone = ends(lesson, "build_sgd", COMPANY)
    assert succeeded(*alone) <= 8 and std.median() < 0.3
    assert succeeded(*ends(lesson, "build_shallow", COMPANY)) <= 10
    assert succeeded(*ends(lesson, "build_company", COMPANY)) > 34
    fast = COMPANY | dict(lr_d=0.1, lr_g=0.1)
    mean, std, _ = ends(lesson, "build_company", fast)
    plain, *_ = ends(lesson, "build_sgd", fast)
    assert (abs(mean - 4) > 3).double().mean() > 0.5 > (abs(plain - 4) > 3).double().mean()
    assert succeeded(*ends(lesson, "build_company", COMPANY | dict(batch_size=64), n_seeds=8)) == 0


@pytest.mark.again
def test_published_versions_fail_for_other_seeds(lesson):
    published, old = lesson["published"], dict(batch_size=12, stair=0.95, pretraining=1000)
    new = dict(batch_size=8, stair=1.0, pretraining=0, lr=0.001)
    june = published(act=nn.ReLU, optimizer=torch.optim.Adam)
    for make, values, n_steps in (
        (published(), old | dict(lr=0.005), 2200),
        (published(minibatch=True), old | dict(lr=0.005), 2200),
        (published(), old | dict(lr=0.03), 2200),
        (june, new, 5000),
    ):
        found = ends(lesson, make, values, n_steps, "published_step", 8.0, n_seeds=16)
        assert succeeded(*found) <= 6
