"""Lesson 03: what its cells show is what the package does, and what it claims holds for seeds it does not show."""

import functools

import numpy as np
import pytest
import torch

from gan_edu import networks
from gan_edu.first_edition.ensembles import train_ensemble
from gan_edu.lessons.l03_checks import check_minibatch_std
from gan_edu.lessons.say import check_prediction
from gan_edu.losses import generator_loss_saturating
from notebooks import cells, definitions

OTHER_SEEDS = range(1000, 1024)  # the notebook shows 0 to 63


@pytest.fixture(scope="module")
def lesson():
    return definitions("03")


def test_the_shown_layer_is_the_packages(lesson):
    shown, ours = (
        lesson["MinibatchDiscrimination"](6, 4, 2),
        networks.MinibatchDiscrimination(6, 4, 2),
    )
    ours.load_state_dict(shown.state_dict())
    x, company = torch.randn(9, 6), torch.randn(5, 6)
    torch.testing.assert_close(shown(x), ours(x))
    torch.testing.assert_close(shown(x, company), ours(x, company))
    torch.manual_seed(0)
    shown = lesson["MinibatchDiscrimination"](6)
    torch.manual_seed(0)
    torch.testing.assert_close(shown.weight, networks.MinibatchDiscrimination(6).weight)


@pytest.mark.parametrize("minibatch", [False, True])
def test_the_shown_step_is_the_packages(lesson, minibatch):
    gan = lesson["source_gan"](7, minibatch=minibatch)
    generator, discriminator = lesson["copy"].deepcopy((gan.generator, gan.discriminator))
    d_optimizer = torch.optim.SGD(discriminator.parameters(), lr=0.005)
    g_optimizer = torch.optim.SGD(generator.parameters(), lr=0.005)
    rng = torch.Generator().manual_seed(7)
    shown = np.array(
        [
            lesson["train_step"](generator, discriminator, d_optimizer, g_optimizer, rng)
            for _ in range(20)
        ]
    )
    gan.run(20)
    np.testing.assert_allclose(shown[:, 0], gan.history["d_loss"], rtol=1e-4)
    np.testing.assert_allclose(shown[:, 1], gan.history["g_loss"], rtol=1e-4)


def test_the_settings_are_the_sources(lesson):
    gan = lesson["source_gan"](0)
    assert [tuple(p.shape) for p in gan.generator.parameters()] == [(4, 1), (4,), (1, 4), (1,)]
    assert [p.shape[0] for p in gan.discriminator.parameters() if p.ndim == 2] == [8, 8, 8, 1]
    assert (gan.hparams.lr_d, gan.hparams.lr_g, gan.batch_size) == (0.005, 0.005, 12)
    assert [gan.lr_schedule(step) for step in (0, 150, 1199)] == [1, 0.95, pytest.approx(0.95**7)]
    assert type(gan.d_optimizer) is torch.optim.SGD
    z = gan.sample_latent(12, generator=torch.Generator())
    assert (z - torch.linspace(-8, 8, 12)[:, None]).abs().max() < 0.0101


# ---- claims, over seeds that the notebook does not show


def outcome(lesson, make_gan, n_steps=1000, seeds=OTHER_SEEDS):
    samples = train_ensemble(make_gan, seeds=seeds, n_steps=n_steps).samples
    mean, std = lesson["moments"](samples)
    return lesson["held"](samples).mean(), mean, std


@pytest.mark.parametrize("variant", [{}, {"minibatch": True}, {"pretraining": True}])
def test_with_the_source_settings_most_seeds_fail(lesson, variant):
    held, mean, std = outcome(lesson, functools.partial(lesson["source_gan"], **variant), 1200)
    assert held < 0.3
    assert (abs(mean - 4) > 0.5).mean() > 0.4  # off by far, not by a hair
    if not variant:  # both ways to fail, and the wide one is the more frequent
        assert (std > 1).mean() > 0.5 > (std < 0.4).mean() > 0


def test_minibatch_discrimination_moves_the_median_spread_but_not_the_verdict(lesson):
    plain, together = (
        outcome(lesson, functools.partial(lesson["source_gan"], minibatch=minibatch), 1200)[2]
        for minibatch in (False, True)
    )
    assert abs(np.median(together) - 0.5) < 0.3 < 2 < abs(np.median(plain) - 0.5)


def test_all_five_changes_hold(lesson):
    held, mean, std = outcome(lesson, lesson["modern_gan"])
    assert held > 0.9
    assert abs(np.median(std) - 0.5) < 0.05 and abs(np.median(mean) - 4) < 0.05


@pytest.mark.parametrize(
    "change, low, high",
    [
        ("latents", 0.0, 0.5),
        ("sgd", 0.0, 0.2),
        ("equal", 0.0, 0.5),
        ("batch", 0.6, 1.0),
        ("weights", 0.5, 0.95),
    ],
)
def test_what_each_change_is_worth(lesson, change, low, high):
    arguments = {
        "latents": dict(latent=lesson["latent_grid"]),
        "sgd": dict(optimizer=lesson["sgd"], lr_d=0.03, lr_g=0.03),
        "equal": dict(lr_d=0.005),
        "batch": dict(batch_size=12),
        "weights": dict(prepare=lesson["init_normal_"]),
    }[change]
    held, _, _ = outcome(lesson, functools.partial(lesson["modern_gan"], **arguments))
    assert low <= held <= high


def test_minibatch_discrimination_repairs_huddling_but_one_number_does_not(lesson):
    huddling = dict(optimizer=lesson["sgd"], lr_d=0.03, lr_g=0.03, batch_size=12)
    alone, _, std_alone = outcome(lesson, functools.partial(lesson["modern_gan"], **huddling))
    together, _, std_together = outcome(
        lesson, functools.partial(lesson["modern_gan"], minibatch=True, **huddling)
    )
    assert alone < 0.2 and together > 0.6
    assert np.median(std_alone) < 0.35 and abs(np.median(std_together) - 0.5) < 0.05
    namespace = lesson | {"check_minibatch_std": check_minibatch_std}
    (solution,) = [
        cell for cell in cells("03", "solution") if "MinibatchStdSolution" in cell.source
    ]
    exec(solution.source, namespace)  # with its own assertion
    (compared,) = [cell for cell in cells("03") if "def std_gan" in cell.source]
    exec(compared.source.partition("\n\n\n")[0], namespace)
    held, _, _ = outcome(lesson, namespace["std_gan"])
    assert held < 0.2


def test_a_batch_of_two_makes_no_difference(lesson):
    alone, together = (
        outcome(
            lesson,
            functools.partial(lesson["modern_gan"], batch_size=2, minibatch=minibatch),
            seeds=range(1000, 1064),
        )[0]
        for minibatch in (False, True)
    )
    assert abs(alone - together) < 0.25


def test_the_panels_three_experiments(lesson):
    def panel_gan(seed, **change):
        return lesson["modern_gan"](seed, lr_schedule=None, **change)

    def saturating(seed):
        gan = panel_gan(seed)
        gan.g_loss = generator_loss_saturating
        return gan

    assert outcome(lesson, panel_gan)[0] > 0.8
    assert outcome(lesson, functools.partial(panel_gan, lr_d=0.005))[0] < 0.6
    held, mean, std = outcome(lesson, saturating)
    assert (
        held < 0.4 and ((std < 0.3) & (abs(mean - 4) > 0.5)).mean() > 0.5
    )  # on one spot, far from the data
    narrowest = [
        np.quantile(
            outcome(
                lesson, functools.partial(panel_gan, lr_d=0.005, batch_size=12, minibatch=minibatch)
            )[2],
            0.1,
        )
        for minibatch in (False, True)
    ]
    assert narrowest[0] + 0.1 < narrowest[1]


# ---- exercises


def column(function):
    return lambda x: torch.cat([x, function(x).expand(len(x), 1)], dim=1)


@pytest.mark.parametrize(
    "answer, hint",
    [
        (column(lambda x: x.std(dim=0, correction=0).mean()), "Right"),
        (lambda x: None, "returns nothing yet"),
        (lambda x: 1 / 0, "stops with ZeroDivisionError"),
        (lambda x: x.detach().numpy(), "must return a tensor"),
        (
            lambda x: torch.cat([x, x.std(dim=0, correction=0).expand_as(x)], 1),
            "Average them over the features",
        ),
        (lambda x: x.std(dim=0, correction=0).mean(), "must become (3, 3)"),
        (
            lambda x: torch.cat([x.std(dim=0).expand(3, 2), x[:, :1]], 1),
            "the batch itself, unchanged",
        ),
        (
            lambda x: torch.cat([x, x.std(dim=1, correction=0, keepdim=True)], 1),
            "Take the spread over dim=0",
        ),
        (column(lambda x: x.var(dim=0, correction=0).mean()), "That is the variance".lower()),
        (column(lambda x: x.std(dim=0).mean()), "divide by N - 1"),
        (column(lambda x: x.std(correction=0)), "one spread over all numbers"),
        (column(lambda x: x.abs().mean()), "the number should be 1.633"),
        (column(lambda x: x.detach().std(dim=0, correction=0).mean()), "has lost its gradient"),
    ],
)
def test_each_wrong_answer_gets_its_own_hint(answer, hint, capsys):
    assert check_minibatch_std(answer) is (hint == "Right")
    assert hint in capsys.readouterr().out


def test_the_stub_is_not_an_answer(lesson):
    namespace = dict(lesson)
    (stub,) = [cell for cell in cells("03", "exercise") if "class MinibatchStd" in cell.source]
    exec(stub.source, namespace)
    assert not check_minibatch_std(namespace["MinibatchStd"]())


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
