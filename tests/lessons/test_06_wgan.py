"""Lesson 06: what its cells show is what the package does, and what it claims holds for seeds it does not show."""

import copy
import functools

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import nn
from torch.nn.functional import softplus

from gan_edu import losses
from gan_edu.datasets import gaussian_1d
from gan_edu.divergences import wasserstein_1d
from gan_edu.first_edition.best_responses import train_critics
from gan_edu.first_edition.ensembles import train_ensemble
from gan_edu.lessons.l06_checks import (
    check_clip_weights,
    check_constant_generator,
    check_critic_loss,
)
from gan_edu.lessons.say import check_prediction
from gan_edu.networks import mlp
from notebooks import cells, definitions

OTHER_SEEDS = range(1000, 1008)  # the notebook shows 0 to 7


@pytest.fixture(scope="module")
def lesson():
    return definitions("06")


# ---- shown code


def test_the_shown_losses_are_the_packages(lesson):
    real, fake = torch.randn(9, 1), torch.randn(7, 1)
    for name, arguments in {
        "wasserstein_estimate": (real, fake), "critic_loss": (real, fake), "generator_loss_wasserstein": (fake,)
    }.items():  # fmt: skip
        assert lesson[name](*arguments) == getattr(losses, name)(*arguments)


def test_the_shown_clipping_is_the_packages(lesson):
    ours = mlp(3, 8, 1)
    shown = copy.deepcopy(ours)
    losses.clip_weights_(ours, 0.05)
    lesson["clip_weights_"](shown, 0.05)
    for a, b in zip(ours.parameters(), shown.parameters()):
        assert torch.equal(a, b) and a.abs().max() == np.float32(
            0.05
        )  # some weights were beyond it
    assert all(p.requires_grad for p in shown.parameters())


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


@pytest.fixture(scope="module")
def shift_and_width(lesson):
    def estimates(depth, generated, clips):
        make = functools.partial(mlp, *lesson["DEPTHS"][depth])
        return train_critics(
            make, lesson["standard"], generated, clip_values=clips, seeds=OTHER_SEEDS, n_steps=300
        )

    return estimates


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_the_estimate_grows_like_c_to_the_number_of_layers(lesson, shift_and_width, depth):
    critics = shift_and_width(depth, lesson["shifted"], lesson["CLIPS"])
    estimates, clips = lesson["final"](critics), np.array(lesson["CLIPS"])
    power = np.polyfit(np.log(clips), np.log(np.median(estimates, axis=1)), 1)[0]
    assert power == pytest.approx(depth, rel=0.25)
    bound = 2 * np.prod(np.outer(lesson["DEPTHS"][depth][:-1], clips), axis=0)
    assert (estimates < 1.05 * bound[:, None]).all()
    if depth == 1:  # at c = 0.2 a weight that began at the wrong end may still be on its way
        np.testing.assert_allclose(estimates[:2], 2 * clips[:2, None] * np.ones((1, 8)), rtol=0.05)


def test_unclipped_critics_do_not_settle(lesson, shift_and_width):
    critics = shift_and_width(3, lesson["shifted"], (None,))
    assert (-critics.losses[:, -1] > 2 * -critics.losses[:, 149]).all()


def test_the_factor_is_not_the_same_for_all_distributions(lesson, shift_and_width):
    def factor(mean, std):
        generated = functools.partial(gaussian_1d, mean=mean, std=std)
        rng = torch.Generator().manual_seed(5)
        exact = wasserstein_1d(
            lesson["standard"](20_000, generator=rng), generated(20_000, generator=rng)
        )
        return lesson["final"](shift_and_width(3, generated, (0.1,)))[0] / exact

    near, far, wide = factor(0.5, 1.0), factor(8.0, 1.0), factor(0.0, 3.0)
    assert 1.3 < np.median(near / far) < 3
    assert np.median(wide) < np.median(factor(1.0, 1.0))


def test_the_critic_pushes_at_every_distance_and_the_saturating_loss_does_not(lesson):
    met = [lesson["pushes"](distance, OTHER_SEEDS)[2] for distance in lesson["DISTANCES"]]
    medians = {name: np.array([np.median(each[name]) for each in met]) for name in met[0]}
    assert medians["saturating loss"][0] < 0.05 and medians["saturating loss"][1:].max() < 1e-3
    plain = medians["non-saturating loss"]
    assert plain.min() > 0.3 and plain[0] > 2 * plain[-1]
    critic = medians["critic, c = 0.1"]
    assert critic.min() > 0.05 and critic.max() < 1.5 * critic.min()


def test_clipping_inside_a_deep_critic(lesson):
    clips, exact = lesson["DEEP_CLIPS"], lesson["exact"]
    deep, flat = lesson["look_inside"](12, OTHER_SEEDS), lesson["look_inside"](3, OTHER_SEEDS)
    per_layer = (deep["gradients"][..., 0] / deep["gradients"][..., -1]) ** (1 / 11)
    assert (per_layer[:2] < 0.3).all() and (per_layer[-2:] > 2).all()
    assert (deep["at_bound"][clips.index(0.1)] > 0.4).all()
    assert deep["estimate"][clips.index(0.05)].max() < exact / 1000
    assert deep["estimate"][clips.index(0.2)].min() > 1000 * exact

    def usable(estimates):
        near = abs(np.log(np.maximum(estimates, 1e-30) / exact)) < np.log(3)
        return {c for c, seeds in zip(clips, near) if seeds.mean() > 0.5}

    assert np.median(deep["slope"][clips.index(0.09)]) < 0.3
    assert usable(deep["estimate"]) <= {0.08, 0.09} and usable(flat["estimate"]) == {0.14, 0.2}


@pytest.fixture(scope="module")
def rings(lesson):
    runs = train_ensemble(
        lesson["ring_gan"], seeds=OTHER_SEEDS, n_steps=lesson["N_STEPS"], every=75, clip_value=lesson["RING_CLIPS"],
        lr_d=lesson["RING_RATES"],
    )  # fmt: skip
    lesson["runs"] = runs  # estimate_and_exact reads it
    quality, modes = (values.reshape(5, 4, 8) for values in lesson["ring_quality"](runs.samples))
    return quality, modes


@pytest.mark.again
def test_clipping_has_a_window_on_the_ring(rings):
    quality, modes = rings
    window = np.median(quality[:, 2], axis=1)
    assert (
        window[0] < 0.3
        and window[2:4].max() > 0.5
        and window.argmax() in (2, 3)
        and window[4] < window.max() - 0.1
    )
    assert quality[0, 2].max() < quality[2:4, 2].max(axis=0).min()  # for every seed, visibly worse
    assert modes[4, 2].min() < 8 == np.median(modes[2, 2])


@pytest.mark.again
def test_the_learning_rate_moves_the_window(rings):
    table = np.median(rings[0], axis=2)
    best = table.argmax(axis=0)  # rows: 0.01, 0.03, 0.1, 0.3, 1
    assert best[0] <= 1 and best[3] >= 3 and table[0, 0] > table[0, 2] + 0.15


@pytest.mark.again
def test_the_estimate_is_a_trend_inside_the_window_only(lesson, rings):
    rank, ends = {}, {}
    for i, c in enumerate(lesson["RING_CLIPS"]):
        estimates, exact = lesson["estimate_and_exact"](i)
        rank[c] = np.median([spearmanr(e, w[1:]).statistic for e, w in zip(estimates, exact)])
        ends[c] = np.median(exact[:, -1])
        if c == 0.3:
            assert (exact[:, -1] < 0.5 * exact[:, 0]).all()
    assert ends[0.01] > 1.4 * ends[0.3]
    assert rank[0.1] > 0.4 and rank[0.3] > 0.6 > rank[0.01] + 0.2


@pytest.mark.again
def test_the_same_ratio_of_c_and_rate_gives_the_same_outcome(lesson, rings):
    make = functools.partial(lesson["ring_gan"], lr_d=0.001, clip_value=0.01 / 3)
    smaller = train_ensemble(make, seeds=OTHER_SEEDS, n_steps=lesson["N_STEPS"])
    measured = np.median(lesson["ring_quality"](smaller.samples)[0])
    assert measured < 0.35 and abs(measured - np.median(rings[0][0, 2])) < 0.15


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


@torch.no_grad()
def clip_each(module, change):
    for parameter in module.parameters():
        parameter.copy_(change(parameter))


def clips_gradients(module, c):
    for parameter in module.parameters():
        parameter.grad.clamp_(-c, c)


@torch.no_grad()
def clips_weights_only(module, c):
    for layer in module:
        layer.weight.clamp_(-c, c)


def returns_a_copy(module, c):
    module = copy.deepcopy(module)
    losses.clip_weights_(module, c)
    return module


def only_names_it(module, c):
    for parameter in module.parameters():
        parameter = parameter.clamp(-c, c)


def without_no_grad(module, c):
    for parameter in module.parameters():
        parameter.clamp_(-c, c)


def new_parameters(module, c):
    for layer in module:
        layer.weight = nn.Parameter(layer.weight.detach().clamp(-c, c))
        layer.bias = nn.Parameter(layer.bias.detach().clamp(-c, c))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (losses.clip_weights_, "Right"),
        (clips_gradients, "you clip the gradients"),
        (clips_weights_only, "the biases are not clipped"),
        (returns_a_copy, "you return a clipped copy"),
        (only_names_it, "only gives a new tensor a name"),
        (without_no_grad, "under torch.no_grad()"),
        (new_parameters, "the optimiser would go on with the old ones"),
        (lambda m, c: losses.clip_weights_(m[0], c), "not every layer is clipped"),
        (lambda m, c: clip_each(m, lambda p: p.clamp(max=c)), "Clamp from both sides"),
        (lambda m, c: clip_each(m, lambda p: p.clamp(0, c)), "the lower bound is -c"),
        (lambda m, c: clip_each(m, lambda p: p.sign() * c), "don't round to"),
        (
            lambda m, c: clip_each(m, lambda p: p * min(1.0, c / float(p.norm()))),
            "Each number is clamped for itself",
        ),
        (lambda m, c: clip_each(m, lambda p: p * 0), "the first weights should be"),
        (lambda m, c: None, "nothing has changed"),
        (lambda m, c: 1 / 0, "stops with ZeroDivisionError"),
        (..., "write a function"),
    ],
)
def test_hints_for_clipping(answer, hint, capsys):
    assert check_clip_weights(answer) is (hint == "Right")
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


@pytest.mark.parametrize("number, check", [(1, "check_critic_loss"), (2, "check_clip_weights"), (3, "check_constant_generator")])  # fmt: skip
def test_stubs_fail_and_solutions_pass(lesson, number, check, capsys):
    stubs = [
        cell
        for cell in cells("06", "exercise")
        if "nbval-ignore-output" not in cell.metadata["tags"]
    ]
    solutions = cells("06", "solution")
    (checked,) = [cell for cell in cells("06", "exercise") if f"\n{check}(" in "\n" + cell.source]
    namespace = lesson | {check: globals()[check]}
    exec(stubs[number - 1].source, namespace)
    exec(checked.source, namespace)
    assert capsys.readouterr().out.startswith("Not yet: ")
    exec(solutions[number - 1].source, namespace)  # with its own assertion
    assert "Right" in capsys.readouterr().out


@pytest.mark.parametrize(
    "said, right, words",
    [
        (..., False, "down first"),
        (0.65, True, "it is 0.70"),
        (0.95, False, "too high"),
        (0.1, False, "too low"),
        (0.3, False, "the share of all the *others*"),
        (70, False, "write 0.7"),
        (-0.2, False, "cannot be one"),
    ],
)
def test_predictions_are_compared(said, right, words, capsys):
    assert check_prediction("the share", said, 0.7, tolerance=0.1) is right
    assert words in capsys.readouterr().out


def test_a_prediction_is_a_number():
    with pytest.raises(ValueError, match="predicted must be a finite number"):
        check_prediction("the share", "70 %", 0.7, tolerance=0.1)
