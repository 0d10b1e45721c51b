"""Lesson 08: its shown penalty is the package's, and what it claims holds for seeds it does not show."""

import functools

import numpy as np
import pytest
import torch
from torch import nn

from gan_edu import datasets, losses
from gan_edu.first_edition.best_responses import gradient_norms_by_layer
from gan_edu.first_edition.ensembles import train_ensemble
from gan_edu.lessons import l08_checks as checks
from gan_edu.lessons.l08_wgan_gp import DATA, plane_view, predicted_gap, predicted_slope, slopes
from gan_edu.networks import DigitCritic, mlp
from gan_edu.panel.figure import Figure as PageFigure
from notebooks import cells, definitions

OTHER_SEEDS = range(1000, 1008)  # the notebook shows 0 to 7


@pytest.fixture(scope="module")
def lesson():
    return definitions("08")


# ---- the penalty


@pytest.mark.parametrize("shape", [(16, 2), (7, 1), (5, 1, 4, 4), (6, 3)])
def test_the_shown_penalty_is_the_packages(lesson, shape):
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Flatten(), mlp(int(np.prod(shape[1:])), 16, 1, activation=nn.Tanh))
    x_real, x_fake = torch.randn(2, *shape)
    penalties = [
        penalty(critic, x_real, x_fake, generator=torch.Generator().manual_seed(3))
        for penalty in (lesson["gradient_penalty"], losses.gradient_penalty)
    ]
    torch.testing.assert_close(*penalties)
    gradients = [
        torch.autograd.grad(p, list(critic.parameters()), allow_unused=True)[:3] for p in penalties
    ]
    for shown, ours in zip(*gradients):
        torch.testing.assert_close(shown, ours, rtol=1e-4, atol=1e-6)


def test_what_the_learner_wrote_is_what_trains(lesson):
    assert lesson["plane_gan"]().penalty is lesson["gradient_penalty"]
    assert lesson["digit_gan"]().penalty is lesson["gradient_penalty"]
    assert lesson["plane_gan"](method="WGAN, clipped").penalty is None
    assert lesson["plane_gan"](method="WGAN, clipped").hparams.clip_value == 0.01
    assert lesson["plane_gan"]().hparams.clip_value is None


@pytest.mark.parametrize("seed", range(3))
def test_a_linear_critic_pays_the_distance_of_its_norm_from_one(lesson, seed):
    torch.manual_seed(seed)
    critic = nn.Sequential(nn.Flatten(), nn.Linear(12, 1))
    penalty = lesson["gradient_penalty"](critic, *torch.randn(2, 5, 3, 2, 2))
    torch.testing.assert_close(penalty, (critic[1].weight.norm() - 1) ** 2)


@pytest.mark.parametrize("norm, tied", [(nn.Identity, False), (lambda: nn.LayerNorm(32), False), (lambda: nn.BatchNorm1d(32), True)])  # fmt: skip
def test_which_layers_tie_a_sample_to_its_mates(lesson, norm, tied):
    assert (lesson["change_with_mates"](norm) > 0.1) is tied


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


@pytest.mark.parametrize("data", ["ring", "grid"])
def test_penalised_critics_have_hills_where_the_modes_are(lesson, data):
    heights = {
        method: [
            lesson["hill_height"](lesson["trained_critic"](data, method, seed=seed).discriminator, lesson["CENTERS"][data])
            for seed in OTHER_SEEDS
        ]
        for method in ("WGAN, clipped", "WGAN-GP")
    }  # fmt: skip
    assert max(heights["WGAN, clipped"]) < 0.1 < min(heights["WGAN-GP"])
    assert 2 * np.median(heights["WGAN, clipped"]) < np.median(heights["WGAN-GP"])


def test_clipped_weights_pile_up_and_gaps_never_exceed_w1_times_slope(lesson):
    for seed in OTHER_SEEDS:
        for method in ("WGAN, clipped", "WGAN-GP"):
            gan = lesson["trained_critic"]("Swiss roll", method, seed=seed)
            gap, largest, share = lesson["share_of_w1"](gan)
            assert 0 < share <= 1 and gap > 0
            values = abs(lesson["weights"](gan.discriminator))
            if method == "WGAN, clipped":
                assert (
                    (values > 0.0085).mean() > 0.6
                    and values.max() <= 0.01 * (1 + 1e-6)
                    and largest < 0.1
                )
            else:
                assert values.max() > 0.1 and 0.8 < largest < 5


def test_gradients_by_depth(lesson):
    growth = {}
    for name, method, clip_value in (
        ("0.01", "WGAN, clipped", 0.01),
        ("0.3", "WGAN, clipped", 0.3),
        ("gp", "WGAN-GP", 0.01),
    ):
        runs = [lesson["trained_critic"]("Swiss roll", method, 150, seed=s, depth=11, lr=1e-3, clip_value=clip_value) for s in OTHER_SEEDS]  # fmt: skip
        norms = [
            gradient_norms_by_layer(g.discriminator, g.fixed_real(256), g.generate(g.fixed_z(256)))
            for g in runs
        ]
        growth[name] = [n[0] / n[-1] for n in norms]
    assert max(growth["0.01"]) < 1e-6 and min(growth["0.3"]) > 1e6
    assert 0.01 < min(growth["gp"]) and max(growth["gp"]) < 100


# ---- the ring and the grid


@pytest.fixture(scope="module")
def ring(lesson):
    return {
        method: lesson["judged"](lesson["sweep"](method, seeds=OTHER_SEEDS))
        for method in lesson["METHODS"]
    }


@pytest.mark.again
def test_the_penalty_covers_the_ring_at_every_learning_rate(lesson, ring):
    assert (np.median(ring["WGAN-GP"]["modes"], axis=1) == 8).all()
    at = lesson["RATES"].index(3e-3)
    assert (ring["WGAN-GP"]["modes"][at] == 8).all() and np.median(
        ring["WGAN-GP"]["high quality"][at]
    ) >= 0.8


@pytest.mark.again
def test_clipping_at_001_is_visibly_worse(lesson, ring):
    for at in range(len(lesson["RATES"])):
        assert np.median(ring["WGAN, clipped"]["high quality"][at]) + 0.1 < np.median(
            ring["WGAN-GP"]["high quality"][at]
        )
    at = lesson["RATES"].index(3e-3)
    assert (
        ring["WGAN, clipped"]["high quality"][at].max() + 0.2
        < ring["WGAN-GP"]["high quality"][at].min()
    )


@pytest.mark.again
def test_the_penalty_is_the_most_even(ring):
    worst = {
        method: np.median(outcome["reverse KL"], axis=1).max() for method, outcome in ring.items()
    }
    assert 2 * worst["WGAN-GP"] < min(worst["GAN"], worst["WGAN, clipped"])


@pytest.mark.again
def test_the_plain_gan_does_not_collapse_on_this_ring(lesson, ring):
    at = lesson["RATES"].index(3e-3)
    assert (
        np.median(ring["GAN"]["modes"][at]) == 8
        and np.median(ring["GAN"]["high quality"][at]) > 0.8
    )


@pytest.mark.again
def test_the_grid(lesson):
    settings = dict(
        data="grid", rates=(3e-3,), seeds=OTHER_SEEDS, n_steps=1500, n_critic=2, lambda_gp=0.1
    )
    grid = {
        method: lesson["judged"](lesson["sweep"](method, **settings), "grid")
        for method in lesson["METHODS"]
    }
    assert np.median(grid["WGAN-GP"]["modes"]) >= 24
    assert np.median(grid["WGAN, clipped"]["high quality"]) + 0.05 < np.median(
        grid["WGAN-GP"]["high quality"]
    )
    assert 0.3 < np.median(grid["WGAN-GP"]["high quality"]) < 0.7  # coverage alone is no fit
    assert np.median(grid["GAN"]["high quality"]) > np.median(grid["WGAN-GP"]["high quality"])


def test_the_members_of_a_sweep_are_the_runs_they_stand_for(lesson):
    samples = lesson["sweep"]("WGAN-GP", rates=(1e-3, 1e-2), seeds=(5, 6), n_steps=3)
    gan = lesson["plane_gan"](6, lr=1e-2, schedule=lesson["linear_decay"](3))
    for _ in range(3):
        gan.step()
    alone = gan.generate(
        gan.fixed_z(2500)
    ).numpy()  # Adam's first steps magnify rounding: not to the last digit
    assert abs(samples[1, 1] - alone).max() < 0.05
    assert all(
        abs(other - alone).max() > 0.2 for other in (samples[0, 0], samples[0, 1], samples[1, 0])
    )


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
    dead = push[2] < 1e-6  # a critic whose ReLUs are all off: no penalty can wake it
    assert (
        (push[1] < 0.05 * push[0]).all()
        and (abs(push[2, ~dead] - 1) < 0.8).all()
        and dead.sum() < 6
    )
    assert np.median(quality[2]) < np.median(quality[0])
    assert np.median(gap[3, ~dead]) > 1.2 * np.median(gap[2, ~dead])


def test_no_penalty_wakes_a_critic_whose_relus_are_all_off(lesson):
    torch.manual_seed(0)
    critic, x = mlp(2, 8, 8, 1), torch.randn(2, 16, 2)
    critic[0].bias.data.fill_(-100.0)  # off wherever there are samples
    loss = losses.critic_loss(critic(x[0]), critic(x[1])) + lesson["gradient_penalty"](critic, *x)
    gradients = torch.autograd.grad(loss, list(critic.parameters()), allow_unused=True)
    assert all(g is None or not g.any() for g in gradients[:2])  # the first layer cannot move
    assert lesson["gradient_penalty"](critic, *x).item() == 1.0


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
        for cell in cells("08", tag):
            exec(cell.source, namespace)  # the solutions carry assertions of their own
    assert capsys.readouterr().out.count("Not yet") == 3
    assert namespace["found_solution"] == {
        n for n, layer in lesson["layers"].items() if isinstance(layer, nn.BatchNorm1d)
    }
    assert checks.check_gradient_penalty(namespace["penalty_solution"])
    assert checks.check_predicted_gap(namespace["gaps_solution"])


@pytest.fixture
def panel(lesson):
    namespace = dict(lesson)
    (cell,) = [c for c in cells("08", "live-panel") if "plane_view" in c.source]
    exec(cell.source, namespace)
    namespace["panel"].close()
    return namespace["panel"]


def test_each_constraint_of_the_panel_does_what_it_says(panel):
    run = panel.run.steps(60)

    def largest():
        return max(float(p.detach().abs().max()) for p in run.gan.D.parameters())

    def trained(**values):
        run.goto(60).set(**values)
        return run.steps(40).gan.D

    x = torch.randn(400, 2, generator=torch.Generator().manual_seed(0))
    penalised = np.median(slopes(trained(lambda_gp=100.0), x))
    assert abs(penalised - 1) < 0.3 < largest()
    assert np.median(slopes(trained(constraint="none"), x)) > 1.2 * penalised
    trained(constraint="clipping", clip=0.02)
    assert 0.019 < largest() <= 0.02


def test_the_panels_knobs_reach_its_step_and_its_picture(panel):
    few = panel.run.steps(30).gan.D(torch.ones(1, 2)).item()
    panel.run.reset()
    panel.run.set(n_critic=1)
    assert panel.run.steps(30).gan.D(torch.ones(1, 2)).item() != few
    for name, data in DATA.items():
        panel.run.set(data=name)
        fig = PageFigure()
        plane_view(fig, panel.run.steps().gan, panel.run.log)
        at, size, kind = fig.axes[0].head["layers"][1]["data"][0]
        assert np.array_equal(np.frombuffer(bytes(fig.block), kind, size, at), data[:, 0])
    assert "After 33 steps the gap is" in fig.words


def test_the_critic_of_the_source_has_batch_normalisation_only_when_asked(lesson):
    assert [any(isinstance(m, nn.BatchNorm2d) for m in lesson["digit_gan"](batch_norm=b).discriminator.modules()) for b in (False, True)] == [False, True]  # fmt: skip
    assert isinstance(lesson["digit_gan"]().discriminator, DigitCritic)
    assert isinstance(functools.partial(lesson["digit_gan"], lr=1e-4)().hparams.lr_d, float)
