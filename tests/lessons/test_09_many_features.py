"""Lesson 09, first edition: what it claims holds for seeds it does not show."""

import functools

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from gan_edu import losses
from gan_edu.lessons.l09_checks import (
    check_constant_generator,
    check_critic_loss,
)
from notebooks import cells, definitions

OTHER_SEEDS = range(1000, 1008)  # the notebook shows 0 to 7


@pytest.fixture(scope="module")
def lesson():
    return definitions("09")


# ---- shown code


def test_the_settings_of_the_512_features(lesson):
    gan = lesson["features_gan"](0)
    assert [p.shape[0] for p in gan.generator.parameters() if p.ndim == 2] == [128, 256, 512]
    assert [p.shape[0] for p in gan.discriminator.parameters() if p.ndim == 2] == [256, 128, 1]
    assert sorted({type(m).__name__ for m in gan.generator}) == ["Dropout", "LeakyReLU", "Linear"]
    assert {m.p for m in gan.generator if isinstance(m, nn.Dropout)} == {0.3}
    assert (gan.hparams.lr_d, gan.hparams.lr_g, gan.hparams.clip_value, gan.hparams.n_critic) == (
        0.01,
        0.001,
        0.01,
        1,
    )
    assert (gan.batch_size, type(gan.d_optimizer)) == (64, torch.optim.RMSprop)
    z, x = gan.fixed_z(500), gan.fixed_real(500)
    assert z.shape == (500, 16) and 0 <= z.min() < 0.01 and 0.99 < z.max() < 1
    assert x.shape == (500, 512) and abs(x.mean() - 3) < 0.01 and abs(x.std() - 1) < 0.01
    plain = lesson["features_gan"](0, game="plain GAN")
    assert plain.hparams.clip_value is None and plain.d_loss is losses.discriminator_loss
    assert lesson["trace"].__defaults__[0] == 1001


# ---- claims, over seeds that the notebook does not show


@pytest.mark.again
def test_what_the_pooled_statistics_of_512_features_hide(lesson):
    found = {
        game: [lesson["trace"](lesson["features_gan"](seed, game)) for seed in OTHER_SEEDS]
        for game in ("plain GAN", "WGAN")
    }
    last = {game: np.array([run[0][-1] for run in runs]) for game, runs in found.items()}
    assert last["plain GAN"][:, 0].max() < 1 and 1.5 < np.median(last["WGAN"][:, 0]) < 4.5
    off = {game: abs(values - [3, 1]).sum(axis=1) for game, values in last.items()}
    assert (off["WGAN"] < off["plain GAN"]).mean() > 0.8 and off["WGAN"].min() < 1
    verdicts = {
        (game, k): np.array([lesson["judge"](run[k]) for run in runs])
        for game, runs in found.items()
        for k in (1, 2)
    }
    _, _, over_z, between, w1, together = verdicts["WGAN", 2].T
    assert np.median(over_z) < 0.65 and np.median(between**2 / (between**2 + over_z**2)) > 0.5
    assert (over_z < verdicts["WGAN", 1][:, 2]).all() and np.median(together) > 0.5
    assert np.median(w1) < np.median(verdicts["plain GAN", 2][:, 4])
    idle, saturated = np.array([run[3] for run in found["WGAN"]]).T
    assert np.median(saturated) > 0.9 and np.median(idle) > 0.3


def test_the_experiments_of_the_second_panel(lesson):
    outcome = functools.partial(lesson["live_outcome"], seeds=OTHER_SEEDS)
    as_above, large, small = outcome(), outcome(clip_value=0.1), outcome(clip_value=0.003)
    swapped, adam = outcome(lr_d=0.001, lr_g=0.01), outcome(optimizer=torch.optim.Adam)
    mean, std = (np.median([large[:, k], as_above[:, k], small[:, k]], axis=1) for k in (0, 1))
    assert mean[0] < 1 < mean[1] < mean[2]
    assert np.median(adam[:, 2]) < 0.5 * np.median(adam[:, 1])  # it is the features that part
    assert np.median(swapped[:, 1]) > 3 and np.median(adam[:, 1]) > 2 * std[1]


# ---- exercises


@pytest.mark.parametrize(
    "answer, hint",
    [
        (lambda r, f: f.mean() - r.mean(), "Right"),
        (lambda r, f: r.mean() - f.mean(), "that is the estimate"),
        (lambda r, f: torch.log(torch.sigmoid(r)).mean() + torch.log(1 - torch.sigmoid(f)).mean(), "sign is wrong for a minimiser too"),
        (lambda r, f: softplus(-r).mean() + softplus(f).mean(), "that is binary cross-entropy"),
        (lambda r, f: f.sigmoid().mean() - r.sigmoid().mean(), "squeezes every score"),
        (lambda r, f: r.sigmoid().mean() - f.sigmoid().mean(), "sigmoid is still there, and the sign is wrong"),
        (lambda r, f: abs(f.mean() - r.mean()), "no absolute value: it would reward"),
        (lambda r, f: -abs(f.mean() - r.mean()), "no absolute value, and the critic"),
        (lambda r, f: f.mean() + r.mean(), "you add the two means"),
        (lambda r, f: -f.mean() - r.mean(), "wrong for both"),
        (lambda r, f: f.sum() - r.sum(), "not the sum"),
        (lambda r, f: -f.mean(), "the generator's loss"),
        (lambda r, f: (r - 1).square().mean() + f.square().mean(), "least-squares"),
        (lambda r, f: None, "returns nothing yet"),
        (lambda r, f: 1 / 0, "stops with ZeroDivisionError"),
        (lambda r, f: f - f, "returned an array"),
        (lambda r, f: f.max() - r.max(), "it should be"),
        (..., "write a function"),
    ],
)  # fmt: skip
def test_hints_for_the_critics_loss(answer, hint, capsys):
    assert check_critic_loss(answer) is (hint == "Right")
    assert hint in capsys.readouterr().out


OFFSETS = 3 + torch.tensor(np.repeat([-1.0, 1.0], 256), dtype=torch.float32)


@pytest.mark.parametrize(
    "answer, hint",
    [
        (lambda z: OFFSETS.expand(len(z), 512), "Right"),
        (lambda z: torch.full((len(z), 512), 3.0), "the pooled standard deviation is 0"),
        (lambda z: 3 + torch.randn(len(z), 512), "you draw in forward"),
        (lambda z: OFFSETS + z.mean(1, keepdim=True), "your samples depend on z"),
        (lambda z: OFFSETS + torch.linspace(0, 1, len(z))[:, None], "by their place in the batch"),
        (lambda z: OFFSETS, "it became (512,)"),
        (lambda z: (OFFSETS - 3).expand(len(z), 512), "the mean over all numbers is 0.00"),
        (lambda z: (3 + 2 * (OFFSETS - 3)).expand(len(z), 512), "standard deviation is 2.00"),
        (lambda z: None, "returns nothing yet"),
        (lambda z: 1 / 0, "stops with ZeroDivisionError"),
    ],
)
def test_hints_for_the_constant_generator(answer, hint, capsys):
    assert check_constant_generator(answer) is (hint == "Right")
    assert hint in capsys.readouterr().out


@pytest.mark.parametrize("number, check", [(1, "check_critic_loss"), (2, "check_constant_generator")])  # fmt: skip
def test_stubs_fail_and_solutions_pass(lesson, number, check, capsys):
    stubs = [
        cell
        for cell in cells("09", "exercise")
        if "nbval-ignore-output" not in cell.metadata["tags"]
    ]
    solutions = cells("09", "solution")
    (checked,) = [cell for cell in cells("09", "exercise") if f"\n{check}(" in "\n" + cell.source]
    namespace = lesson | {check: globals()[check]}
    exec(stubs[number - 1].source, namespace)
    exec(checked.source, namespace)
    assert capsys.readouterr().out.startswith("Not yet: ")
    exec(solutions[number - 1].source, namespace)  # with its own assertion
    assert "Right" in capsys.readouterr().out
