"""Lesson 10, first edition: what it claims holds for seeds it does not show."""

import functools

import numpy as np
import pytest
import torch
from torch import nn

from gan_edu import datasets, losses
from gan_edu.first_edition.ensembles import train_ensemble
from gan_edu.lessons import l10_checks as checks
from gan_edu.lessons.l10_is_my_loss_a_distance import predicted_gap, predicted_slope
from gan_edu.networks import DigitCritic
from notebooks import cells, definitions

OTHER_SEEDS = range(1000, 1008)  # the notebook shows 0 to 7


@pytest.fixture(scope="module")
def lesson():
    return definitions("10")


# ---- the penalty


# ---- the gap


@pytest.mark.parametrize("lambda_gp", [0.5, 1.0, 10.0])
def test_the_law_of_slope_and_gap(lesson, lambda_gp):
    for seed in OTHER_SEEDS:
        found = lesson["settled"](seed, lambda_gp=lambda_gp)
        assert found["mean"] == pytest.approx(predicted_slope(2.0, lambda_gp), rel=0.2)
        assert found["gap"] == pytest.approx(predicted_gap(2.0, lambda_gp), rel=0.2)
        assert 0.7 * found["w1"] < found["safe"] <= found["w1"] + 1e-4


def test_a_quarter_of_the_distance_has_a_sixteenth_of_the_excess(lesson):
    gaps = {
        shift: lesson["settled"](1000, shift=shift, lambda_gp=0.5)["gap"] - shift
        for shift in (1.0, 4.0)
    }
    assert gaps[4.0] / gaps[1.0] == pytest.approx(16, rel=0.2)


def test_the_trap_of_the_line(lesson):
    seeds = range(1000, 1032)
    trapped, free = lesson["final_gaps"](10.0, seeds), lesson["final_gaps"](0.5, seeds)
    assert (np.minimum(abs(trapped - 2.2), abs(trapped + 1.8)) < 0.3).all()
    assert 0.1 < (trapped < 0).mean() < 0.9 and (abs(free - 6) < 0.6).all()


# ---- clipped and penalised critics


# ---- the ring and the grid


# ---- 512 features and digits


@pytest.mark.again
def test_no_lambda_is_right_for_the_512_features(lesson):
    lambdas = list(lesson["FEATURE_LAMBDAS"])
    runs = train_ensemble(
        lesson["feature_gan"], seeds=OTHER_SEEDS, n_steps=250, n_samples=512, lambda_gp=lambdas
    )
    medians = {
        name: np.median(values.reshape(4, 8), axis=1)
        for name, values in lesson["parts"](runs.samples).items()
    }
    assert np.ptp(medians["mean"]) > 0.3 and np.ptp(medians["pooled std"]) > 0.2
    off = abs(medians["mean"] - 3) + abs(medians["pooled std"] - 1) + abs(medians["within std"] - 1)
    assert (off > 0.3).all() and (medians["within std"] < 0.9).all()


def test_dropout_does_not_change_the_message(lesson):
    samples = []
    for seed in OTHER_SEEDS:
        gan = lesson["feature_gan"](seed, dropout=0.3)
        for _ in range(250):
            gan.step()
        samples.append(gan.generate(gan.fixed_z(512)))
    assert np.median(lesson["parts"](samples)["within std"]) < 0.9


def test_what_the_panels_experiment_shows(lesson):
    quality, gap, push = np.array(
        [lesson["switched"](seed) for seed in range(1000, 1012)]
    ).transpose(2, 1, 0)
    dead = push[2] < 0.05  # a critic whose ReLUs are all off: no penalty can wake it
    assert (
        (push[1] < 0.05 * push[0]).all()
        and (abs(push[2, ~dead] - 1) < 0.8).all()
        and dead.sum() < 6
    )
    assert np.median(quality[2]) < np.median(quality[0])
    assert np.median(gap[3, ~dead]) > 1.2 * np.median(gap[2, ~dead])


def test_adam_is_ahead_of_the_sources_rmsprop(lesson):
    for seed in (1000, 1001):
        ours, theirs = (
            lesson["digit_gan"](seed),
            lesson["digit_gan"](seed, optimizer=torch.optim.RMSprop, lr=5e-5),
        )
        for gan in (ours, theirs):
            for _ in range(100):
                gan.step()
        assert 1.5 * lesson["picture_distance"](ours) < lesson["picture_distance"](theirs)


def test_real_mnist_files_are_read_when_a_path_is_given(lesson, tmp_path):
    raw = np.arange(3 * 28 * 28, dtype=np.uint8).reshape(3, 28, 28)
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(
        bytes([0, 0, 8, 3]) + np.array(raw.shape, dtype=">u4").tobytes() + raw.tobytes()
    )
    pictures = lesson["load_pictures"](path)
    assert pictures.shape == (3, 1, 28, 28) and pictures.min() == -1 and pictures.max() == 1
    assert (
        lesson["load_pictures"]().shape == (1797, 1, 16, 16) and lesson["pictures"].abs().max() <= 1
    )


def test_digits_of_mnists_size_can_be_trained(lesson):
    small = lesson["pictures"]
    lesson["pictures"] = nn.functional.interpolate(
        datasets.load_digits()[0], size=28, mode="bilinear"
    )
    try:
        gan = lesson["digit_gan"]()
        gan.step()
        assert gan.generate(gan.fixed_z(2)).shape == (2, 1, 28, 28)
    finally:
        lesson["pictures"] = small


# ---- exercises


def says(capsys, check, *arguments):
    verdict = check(*arguments)
    return verdict, capsys.readouterr().out


def penalty(
    epsilon=None, norm=None, term=None, at=None, mean=torch.mean, create_graph=True, swap=False
):
    """A learner's penalty, right but for what is given."""

    def written(critic, x_real, x_fake, generator=None):
        shape = (len(x_real), *[1] * (x_real.ndim - 1)) if epsilon is None else epsilon(x_real)
        draws = torch.rand(shape, generator=generator)
        draws = 1 - draws if swap else draws
        x_hat = torch.lerp(x_fake, x_real, draws) if at is None else at(x_real, x_fake)
        x_hat = x_hat.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(critic(x_hat).sum(), x_hat, create_graph=create_graph)
        norms = gradient.flatten(1).norm(dim=1) if norm is None else norm(gradient)
        return mean((norms - 1).square() if term is None else term(norms))

    return written


@pytest.mark.parametrize(
    "answer, hint",
    [
        (lambda *a, generator=None: None, "returns nothing yet"),
        (lambda critic, x, y: 0, "stops with TypeError"),
        (lambda *a, generator=None: 0.5, "item() and float() cut the graph"),
        (penalty(mean=lambda v: v), "it has shape (6,)"),
        (penalty(epsilon=lambda x: (1,)), "same for the whole batch"),
        (penalty(epsilon=lambda x: x.shape), "different for each pixel"),
        (penalty(epsilon=lambda x: (len(x), 1)), "two shapes do not line up"),
        (penalty(epsilon=lambda x: (32, 1, 1, 1)), "whatever N is"),
        (
            lambda critic, x, y, generator=None: torch.autograd.grad(critic(x).detach().sum(), x),
            "no way back to x_hat",
        ),
        (penalty(norm=lambda g: g.norm(dim=1)), "flatten each gradient"),
        (penalty(norm=lambda g: g.norm(dim=-1)), "flatten each gradient"),
        (penalty(norm=torch.norm), "one norm over the whole batch"),
        (penalty(term=lambda n: n - 1), "the square is missing"),
        (penalty(term=lambda n: (n - 1).abs()), "that is |norm - 1|"),
        (penalty(term=lambda n: n**2 - 1), "not norm² - 1"),
        (penalty(term=torch.square), "you pull the slope to 0"),
        (penalty(term=lambda n: (n - 1).clamp(min=0).square()), "one-sided"),
        (penalty(at=lambda x, y: x), "the real samples only"),
        (penalty(at=lambda x, y: y), "the generated samples only"),
        (penalty(mean=torch.sum), "you add the samples up"),
        (penalty(mean=lambda v: 10 * v.mean()), "λ is inside"),
        (penalty(create_graph=False), "Where is create_graph=True?"),
        (
            penalty(at=lambda x, y: torch.lerp(y, x, torch.rand(6, 1, 1, 1))),
            "the same generator gives another ε",
        ),
        (penalty(mean=lambda v: v.mean() + 0.7), "it should be"),
    ],
)
def test_each_wrong_penalty_gets_its_own_hint(capsys, answer, hint):
    verdict, words = says(capsys, checks.check_gradient_penalty, answer)
    assert not verdict and hint in words


@pytest.mark.parametrize("answer", [penalty(), penalty(swap=True), losses.gradient_penalty])
def test_right_penalties_pass(capsys, answer):
    verdict, words = says(capsys, checks.check_gradient_penalty, answer)
    assert verdict and words.startswith("Right")


@pytest.mark.parametrize(
    "answers, hint",
    [
        (..., "on paper first"), ((..., 3.0), "on paper first"), ((1.0, 2.0, 3.0), "you gave 3"), ((4.0, 1.15), "those are the slopes"),
        ((3.0, 3.0), "W itself"), ((21.0, 3.9), "the 2 is missing"), ((6.0, 3.15), "W stands in both factors"),
        ((7.5, 3.225), "the objective"), ((5.25, 48.0), "wrong side"), ((-6.0, 2.55), "the sign is wrong"),
        ((3.45, 12.0), "exchanged"), ((1.0, 99.0), "is not it"),
    ],
)  # fmt: skip
def test_each_wrong_gap_gets_its_own_hint(capsys, answers, hint):
    verdict, words = says(capsys, checks.check_predicted_gap, answers)
    assert not verdict and hint in words


@pytest.mark.parametrize(
    "found, hint",
    [
        (..., "as a set"), ({"Z"}, "no layer Z"), ({"batch", "layer"}, "over the features of one sample"),
        ({"batch", "linear"}, "treats each sample alone"), (set(), "2 more of them"), ({"batch"}, "1 more of them"),
    ],
)  # fmt: skip
def test_each_wrong_finding_gets_its_own_hint(capsys, found, hint):
    layers = {
        "batch": nn.BatchNorm1d(6), "layer": nn.LayerNorm(6), "linear": nn.Linear(6, 6),
        "other batch": nn.BatchNorm1d(6, track_running_stats=False),
    }  # fmt: skip
    verdict, words = says(capsys, checks.check_batch_dependent, found, layers)
    assert not verdict and hint in words


def test_solutions_pass_and_stubs_do_not(lesson, capsys):
    namespace = dict(lesson)
    for tag in ("exercise", "solution"):
        for cell in cells("10", tag):
            exec(cell.source, namespace)  # the solutions carry assertions of their own
    assert capsys.readouterr().out.count("Not yet") == 2
    assert namespace["found_solution"] == {
        n for n, layer in lesson["layers"].items() if isinstance(layer, nn.BatchNorm1d)
    }
    assert checks.check_predicted_gap(namespace["gaps_solution"])


def test_the_critic_of_the_source_has_batch_normalisation_only_when_asked(lesson):
    assert [any(isinstance(m, nn.BatchNorm2d) for m in lesson["digit_gan"](batch_norm=b).discriminator.modules()) for b in (False, True)] == [False, True]  # fmt: skip
    assert isinstance(lesson["digit_gan"]().discriminator, DigitCritic)
    assert isinstance(functools.partial(lesson["digit_gan"], lr=1e-4)().hparams.lr_d, float)
