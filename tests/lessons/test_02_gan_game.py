"""Lesson 02: what its cells show is what the package does, and what it claims holds for seeds it does not show."""

import functools

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm
from torch import nn

from gan_edu.first_edition.best_responses import train_discriminators
from gan_edu.lessons import l02_gan_game as game
from gan_edu.lessons.l02_checks import check_discriminator_turn, check_smoothed_optimum, check_value
from gan_edu.losses import generator_loss_nonsaturating, generator_loss_saturating
from notebooks import cells, definitions

OTHER_SEEDS = range(1000, 1016)  # the notebook shows 0 to 15


@pytest.fixture(scope="module")
def lesson():
    return definitions("02")


# ---- what is shown is what runs


def test_the_shown_step_is_the_packages(lesson):
    gan = lesson["GAN"](
        lesson["make_generator"], lesson["make_discriminator"], lesson["sample_real"], lesson["latent_normal"],
        optimizer=lesson["sgd"], hparams=lesson["Hyperparameters"](lr_d=0.05, lr_g=0.02), seed=7,
    )  # fmt: skip
    generator, discriminator = lesson["copy"].deepcopy((gan.generator, gan.discriminator))
    d_optimizer = torch.optim.SGD(discriminator.parameters(), lr=0.05)
    g_optimizer = torch.optim.SGD(generator.parameters(), lr=0.02)
    rng = torch.Generator().manual_seed(7)
    shown = np.array(
        [
            lesson["train_step"](generator, discriminator, d_optimizer, g_optimizer, rng)
            for _ in range(30)
        ]
    )
    for _ in range(30):
        gan.step()
    np.testing.assert_allclose(shown[:, 0], gan.history["d_loss"], rtol=1e-4)
    np.testing.assert_allclose(shown[:, 1], gan.history["g_loss"], rtol=1e-4)
    for ours, theirs in zip(gan.generator.parameters(), generator.parameters()):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_the_shown_discriminators_are_the_packages(lesson):
    p, q = np.random.default_rng(0).uniform(0.01, 1, (2, 9))
    np.testing.assert_allclose(
        lesson["optimal_discriminator"](p, q), game.optimal_discriminator(p, q)
    )
    shown = lesson["train_discriminator"](5, n_steps=30)
    ours = train_discriminators(
        lesson["make_discriminator"],
        lesson["sample_real"],
        lesson["sample_fake"],
        seeds=[4, 5],
        n_steps=30,
    )
    x = torch.linspace(-3, 4, 60)[:, None]
    torch.testing.assert_close(ours(x)[1], shown(x).detach(), rtol=1e-3, atol=1e-4)


def test_the_shown_cross_entropy_is_the_packages_loss(lesson):
    on_real, on_fake = torch.randn(2, 40, 1, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        lesson["bce_of_both"](on_real, on_fake), lesson["discriminator_loss"](on_real, on_fake)
    )


def test_the_shown_penalty_is_half_the_mean_squared_gradient(lesson):
    torch.manual_seed(0)
    discriminator = lesson["mlp"](2, 8, 1, activation=nn.Tanh).double()
    x_real = torch.randn(6, 2, dtype=torch.float64)

    def by_differences():
        h = 1e-5
        slopes = [(discriminator(x_real + h * e) - discriminator(x_real - h * e)) / (2 * h) for e in torch.eye(2).double()]  # fmt: skip
        return torch.cat(slopes, dim=1).square().sum(1).mean() / 2

    penalty = lesson["r1_penalty"](discriminator, x_real, x_real + 5)
    torch.testing.assert_close(penalty, by_differences(), rtol=1e-6, atol=1e-9)
    weight = discriminator[0].weight  # and it can be differentiated by the weights
    (gradient,) = torch.autograd.grad(penalty, weight)
    (expected,) = torch.autograd.grad(by_differences(), weight)
    torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-8)


# ---- D* and the value, over seeds that the notebook does not show


@pytest.mark.parametrize(
    "mean_g, sigma_g", [(1.5, 0.7), (0.0, 1.0), (1.0, 1.0), (2.0, 1.0), (3.0, 1.0), (4.0, 1.0)]
)
def test_a_trained_discriminator_is_the_best_one_where_there_is_mass(lesson, mean_g, sigma_g):
    sample_fake = functools.partial(lesson["gaussian_1d"], mean=mean_g, std=sigma_g)
    logits = train_discriminators(
        lesson["make_discriminator"], lesson["sample_real"], sample_fake, seeds=OTHER_SEEDS
    )
    x = np.linspace(-6, 10, 1601)
    mass = lesson["with_mass"](x, mean_g, sigma_g)
    best = norm.pdf(x) / (norm.pdf(x) + norm.pdf(x, mean_g, sigma_g))
    error = abs(lesson["probs"](logits, x) - best)
    assert error[:, mass].max() < 0.05
    values = lesson["measured_values"](logits, lesson["sample_real"], sample_fake, len(OTHER_SEEDS))
    assert abs(values - game.value_at_optimum(mean_g, sigma_g)).max() < 0.03
    assert len(values) == len(error) == 16
    if sigma_g != 1:  # outside, D does not know better
        assert error[:, ~mass & (x < 6)].max(axis=1).min() > 0.5


def test_where_there_is_mass_are_the_central_98_percent(lesson):
    x = np.linspace(-8, 12, 200_001)
    mass = lesson["with_mass"](x, 1.5, 0.7)
    density = (norm.pdf(x) + norm.pdf(x, 1.5, 0.7)) / 2
    assert np.trapezoid(density * mass, x) == pytest.approx(0.98, abs=1e-3)
    assert np.trapezoid(density * (x < x[mass][0]), x) == pytest.approx(0.01, abs=1e-3)


# ---- two losses


def test_a_better_discriminator_starves_the_saturating_generator(lesson):
    (early, early_non), (late, late_non) = (
        lesson["pushes"](n_steps, OTHER_SEEDS) for n_steps in (10, 1000)
    )
    assert (late < 0.01 * early).all() and (late_non > early_non).all()
    assert 1e-6 < np.median(late) < 1e-4 and 0.2 < np.median(late_non) < 2


@pytest.mark.parametrize("mean, sigma", [(0.3, 0.7), (-1.2, 0.9), (2.5, 1.3)])
def test_what_the_losses_minimise_at_the_best_discriminator(lesson, mean, sigma):
    """Theorem 2.5 by another way: integrals by quad, derivatives by differences of the divergences themselves."""

    def divergences(m):
        p, q = norm(0, 1), norm(m, sigma)

        def integral(f):
            return quad(f, -15, 15, points=sorted([0.0, m]), limit=300)[0]

        kl = integral(lambda x: q.pdf(x) * (q.logpdf(x) - p.logpdf(x)))
        js = sum(
            integral(
                lambda x, d=d: (
                    d.pdf(x) * (d.logpdf(x) - np.logaddexp(p.logpdf(x), q.logpdf(x)) + np.log(2))
                )
            )
            / 2
            for d in (p, q)
        )
        return kl, js

    h = 1e-3
    (kl_high, js_high), (kl_low, js_low) = divergences(mean + h), divergences(mean - h)
    of_kl, of_js = (kl_high - kl_low) / (2 * h), (js_high - js_low) / (2 * h)
    saturating, nonsaturating = lesson["loss_slopes"](mean, sigma)
    assert saturating == pytest.approx(2 * of_js, abs=1e-5)
    assert nonsaturating == pytest.approx(of_kl - 2 * of_js, abs=1e-5)
    np.testing.assert_allclose(
        lesson["divergence_slopes"](mean, sigma), [2 * of_js, of_kl - 2 * of_js], atol=1e-5
    )


def test_the_loss_behind_the_non_saturating_gradient_prefers_the_lost_mode(lesson):
    namespace = dict(lesson)
    (cell,) = [cell for cell in cells("02") if "A: one mode, perfect" in cell.source]
    exec(cell.source, namespace)
    data = lambda x: 0.5 * norm.pdf(x, -2, 0.5) + 0.5 * norm.pdf(x, 2, 0.5)  # noqa: E731
    for name, mean, sigma in (("A", 2, 0.5), ("B", 0, 4.25**0.5)):
        q = norm(mean, sigma)
        low, high = mean - 12 * sigma, mean + 12 * sigma
        reverse, _ = quad(
            lambda x, q=q: q.pdf(x) * np.log(q.pdf(x) / data(x)),
            max(low, -12),
            min(high, 12),
            limit=400,
        )
        forward, _ = quad(
            lambda x, q=q: data(x) * (np.log(data(x)) - q.logpdf(x)),
            -6,
            6,
            points=[-2, 0, 2],
            limit=400,
        )
        assert namespace["costs"][name][:2] == pytest.approx((forward, reverse), abs=1e-3)
    assert namespace["costs"]["A"][3] < 0.3 < 1 < namespace["costs"]["B"][3]
    assert abs(namespace["costs"]["A"][2] - namespace["costs"]["B"][2]) < 0.05  # JS hardly cares


# ---- slips in the training step


def test_two_slips_change_the_game(lesson):
    def ends(g_loss, careless):
        return np.array([lesson["play"](seed, g_loss, careless) for seed in OTHER_SEEDS[:8]]).T

    mean, _ = ends(generator_loss_saturating, careless=True)
    assert 2 < mean.min() and abs(np.median(mean) - 3) < 0.4  # it stays where it started
    mean, std = ends(generator_loss_nonsaturating, careless=True)
    assert std.max() < 0.8 and mean.max() < 1.5
    for g_loss in (generator_loss_saturating, generator_loss_nonsaturating):
        mean, std = ends(g_loss, careless=False)
        assert abs(mean).max() < 0.5 and 0.7 < std.min() and std.max() < 1.2


def test_without_the_first_slip_detach_only_saves_time(lesson):
    (d_with, g_with, loss_with), (d_without, g_without, loss_without) = (
        lesson["gradients_of_d_loss"](detach) for detach in (True, False)
    )
    assert torch.equal(d_with, d_without) and not g_with.any() and g_without.any()
    count = lesson["count_operations"]
    assert count(loss_with.grad_fn, set()) < count(loss_without.grad_fn, set())


# ---- the Dirac-GAN


@pytest.mark.parametrize("rule", ["simultaneous", "alternating"])
@pytest.mark.parametrize("lam", [0.0, 0.3, 2.0])
def test_the_jacobian_is_that_of_the_update(lesson, rule, lam):
    h, e = 0.35, 1e-6
    columns = [
        (np.array(lesson[rule](*(e * unit), h, lam)) - lesson[rule](*(-e * unit), h, lam)) / (2 * e)
        for unit in np.eye(2)
    ]
    np.testing.assert_allclose(
        lesson["jacobian"](lesson[rule], h, lam), np.transpose(columns), atol=1e-8
    )


def test_by_hand_simultaneous_play_grows_and_alternating_play_turns(lesson):
    for h in (0.01, 0.2, 1.0, 3.0):
        size = lambda rule, h=h: abs(np.linalg.eigvals(lesson["jacobian"](lesson[rule], h)))  # noqa: E731
        np.testing.assert_allclose(size("simultaneous"), np.sqrt(1 + h**2 / 4))
        np.testing.assert_allclose(size("alternating"), 1)


def test_eigenvalues_predict_growth_and_turn(lesson):
    for rule, lam in lesson["GAMES"].values():
        for h in (0.1, 0.3):
            eigenvalues = np.linalg.eigvals(lesson["jacobian"](rule, h, lam))
            growth, turn = lesson["measure"](rule, lam, h=h)
            assert len(growth) == 16
            np.testing.assert_allclose(growth, np.log(abs(eigenvalues).max()), atol=1.5e-3)
            np.testing.assert_allclose(abs(turn), abs(np.angle(eigenvalues)).max(), atol=1.5e-3)


@pytest.mark.parametrize("penalty", [None, "r1_penalty"])
def test_the_alternating_rule_is_what_gan_does(lesson, penalty):
    gan = lesson["dirac_gan"](start=(0.8, -0.4), penalty=penalty and lesson[penalty])
    expected = lesson["path"](
        lesson["alternating"], -0.4, 0.8, 40, h=0.2, lam=0.3 if penalty else 0.0
    )
    states = [(gan.discriminator.psi.item(), gan.generator.theta.item())]
    for _ in range(40):
        gan.step()
        states.append((gan.discriminator.psi.item(), gan.generator.theta.item()))
    np.testing.assert_allclose(states, expected, rtol=1e-3, atol=1e-5)


def test_only_r1_brings_the_generator_to_the_data(lesson):
    for name, remedy in lesson["REMEDIES"].items():
        start, end = lesson["wandering"](seeds=OTHER_SEEDS, **remedy)
        assert len(end) == 16
        if name.startswith("R1"):
            assert end.max() < 0.001 < np.median(start)
        else:
            assert end.min() > 0.1
        if name == "penalty towards slope 1":
            assert end.min() > start.max()  # further out than it began
        if name == "clipping, c = 0.5":
            assert end.max() < 0.6  # it bounds the orbit


def follow(lesson, n_steps, change=(), lr_d=0.1, lr_g=0.1, penalty=None, lam=0.3, clip_value=10.0):
    """The panel's game from its start: (θ, ψ) after every step."""
    gan = lesson["dirac_gan"](start=(1.0, 0.0), lr=0.1, clip_value=clip_value, penalty=penalty)
    for name, value in dict(lr_d=lr_d, lr_g=lr_g, lambda_gp=lam).items():
        gan.set(name, value)
    states = []
    for _ in range(n_steps):
        gan.step()
        states.append((gan.generator.theta.item(), gan.discriminator.psi.item()))
    return np.array(states)


def test_the_panels_three_experiments(lesson):
    for lr in (0.1, 0.5):  # 1: round
        distance = np.hypot(*follow(lesson, 1000, lr_d=lr, lr_g=lr).T)
        assert 0.75 < distance.min() and distance.max() < 1.35
    theta, psi = abs(follow(lesson, 1000, lr_d=0.1 / 3)).max(axis=0)
    assert 0.9 < theta < 1.15 and 0.4 < psi < 0.7  # an ellipse, 1 : 1/sqrt(3)
    left = {
        lam: np.hypot(*follow(lesson, 150, penalty=lesson["r1_penalty"], lam=lam)[-1])
        for lam in (0.03, 0.3, 1.0, 5.0)
    }
    assert left[1.0] < left[0.3] < left[5.0] and left[0.3] < left[0.03] < 1  # 2: in, fastest near 1
    states = follow(lesson, 1000, clip_value=0.3)  # 3: stuck in a band
    assert (
        abs(states[:, 1]).max() <= 0.3 + 1e-6 and (abs(states[:60, 1]) > 0.299).sum() > 20
    )  # along the line
    assert (
        abs(np.hypot(*states[500:].T) - 0.3).max() < 0.03
    )  # then round, as widely as the band allows
    for clip_value in (0.3, 10.0):  # nor does the penalty towards slope 1 let it settle
        theta = follow(lesson, 1500, penalty=lesson["gradient_penalty"], clip_value=clip_value)[
            1200:, 0
        ]
        assert abs(theta).max() > 0.5


# ---- exercises

log = torch.log


@pytest.mark.parametrize(
    "answer, hint",
    [
        (lambda r, f: log(r).mean() + log(1 - f).mean(), "Right"),
        (lambda r, f: None, "returns nothing yet"),
        (lambda r, f: 1 / 0, "stops with ZeroDivisionError"),
        (lambda r, f: log(r), "must return one number"),
        (
            lambda r, f: -log(r).mean() - log(1 - f).mean(),
            "the sign is wrong: that is the discriminator's loss",
        ),
        (lambda r, f: (log(r).mean() + log(1 - f).mean()) / 2, "that is half of it"),
        (lambda r, f: torch.cat([log(r), log(1 - f)]).mean(), "one mean over both sets"),
        (lambda r, f: log(r).sum() + log(1 - f).sum(), "you add the logarithms up"),
        (lambda r, f: torch.log2(r).mean() + torch.log2(1 - f).mean(), "that is in bits"),
        (lambda r, f: torch.log10(r).mean() + torch.log10(1 - f).mean(), "that is log10"),
        (lambda r, f: log(1 - r).mean() + log(f).mean(), "the labels are swapped: log D belongs"),
        (
            lambda r, f: -log(1 - r).mean() - log(f).mean(),
            "the labels are swapped, and the sign is wrong",
        ),
        (lambda r, f: log(r).mean() + log(f).mean(), "log(1 - D), not log D"),
        (
            lambda r, f: log(r.sigmoid()).mean() + log(1 - f.sigmoid()).mean(),
            "these are probabilities already",
        ),
        (
            lambda r, f: -torch.log2(r).mean() - torch.log2(1 - f).mean(),
            "the sign is wrong, and that is in bits",
        ),
        (lambda r, f: r.mean() - f.mean(), "it is -0.672, not 0.450"),
    ],
)
def test_exercise_1_each_wrong_answer_gets_its_own_hint(answer, hint, capsys):
    assert check_value(answer) is (hint == "Right")
    assert hint in capsys.readouterr().out


@pytest.mark.parametrize(
    "answer, hint",
    [
        (lambda p, q, s: s * p / (p + q), "Right"),
        (lambda p, q, s: None, "returns nothing yet"),
        (lambda p, q, s: p / "q", "stops with TypeError"),
        (lambda p, q, s: (s * p / (p + q)).mean(), "three points need three answers"),
        (lambda p, q, s: 0.9 * p / (p + q), "wrong for 0.7"),
        (lambda p, q, s: p / (p + q), "that is D* for the label 1"),
        (lambda p, q, s: s * p / (s * p + q), "the rest of their weight is not gone"),
        (
            lambda p, q, s: s * q / (p + q),
            "the densities are swapped: D should be high where real samples are.",
        ),
        (lambda p, q, s: q / (p + q), "And where does the label enter?"),
        (lambda p, q, s: (1 - s) * p / (p + q), "label and 1 - label are swapped"),
        (lambda p, q, s: s * p / q, "a ratio of densities and can exceed 1"),
        (lambda p, q, s: np.log(s * p / (p + q)), "that is a logarithm"),
        (lambda p, q, s: s * p, "the best answer is 0.72, not 0.36"),
    ],
)
def test_exercise_2_each_wrong_answer_gets_its_own_hint(answer, hint, capsys):
    assert check_smoothed_optimum(answer) is (hint == "Right")
    assert hint in capsys.readouterr().out


def turn(
    detach=True,
    zero="before",
    step=True,
    sign=1.0,
    real=1.0,
    fake=1.0,
    swap=False,
    also=None,
    backward=True,
    cut="",
):
    """A discriminator's turn, right by default, with one fault for each argument."""

    def answer(generator, discriminator, d_optimizer, x_real, z):
        x_fake = generator(z).detach() if detach else generator(z)
        on_real, on_fake = discriminator(x_real), discriminator(x_fake)
        if cut:
            on_fake = on_fake.detach()
        if cut == "both outputs":
            on_real = on_real.detach()
        if swap:
            on_real, on_fake = -on_real, -on_fake
        soft = nn.functional.softplus
        loss = sign * (real * soft(-on_real).mean() + fake * soft(on_fake).mean())
        if zero == "before":
            d_optimizer.zero_grad()
        if backward:
            loss.backward()
        if zero == "after":
            d_optimizer.zero_grad()
        if step:
            d_optimizer.step()
        if also:
            also(generator)

    return answer


@torch.no_grad()
def nudge(generator):
    generator.weight.add_(0.1)


@pytest.mark.parametrize(
    "answer, hint",
    [
        (turn(), "Right"),
        (lambda *_: None, "the discriminator has not moved"),
        (lambda *_: 1 / 0, "stops with ZeroDivisionError"),
        (turn(step=False), "the discriminator has not moved"),
        (turn(zero="after"), "no zero_grad between them"),
        (turn(zero=None), "Call d_optimizer.zero_grad() before backward"),
        (turn(zero=None, backward=False), "Where is d_loss.backward()?"),
        (turn(detach=False), "Detach what it made"),
        (turn(cut="output"), "you cut off D's *output*"),
        (turn(cut="both outputs"), "in the wrong place"),
        (turn(swap=True), "the labels are swapped"),
        (turn(sign=-1.0), "went up its loss"),
        (turn(sign=0.5), "that is half of the gradient"),
        (turn(fake=0.0), "the generated samples are missing"),
        (turn(real=0.0), "the real samples are missing"),
        (turn(real=3.0), "but not by the gradient of its loss"),
        (turn(also=nudge), "the generator has moved"),
    ],
)
def test_exercise_3_each_wrong_answer_gets_its_own_hint(answer, hint, capsys):
    assert check_discriminator_turn(answer) is (hint == "Right")
    assert hint in capsys.readouterr().out


def test_the_stubs_are_no_answers(lesson):
    namespace, checks = dict(lesson), dict(value=check_value, smoothed_optimum=check_smoothed_optimum, discriminator_turn=check_discriminator_turn)  # fmt: skip
    for name, check in checks.items():
        (stub,) = [cell for cell in cells("02", "exercise") if f"def {name}(" in cell.source]
        exec(stub.source, namespace)
        assert not check(namespace[name])


def test_the_folded_solutions_are_right(lesson):
    namespace = lesson | {
        f.__name__: f for f in (check_value, check_smoothed_optimum, check_discriminator_turn)
    }
    solutions = cells("02", "solution")
    assert len(solutions) == 3
    for solution in solutions:
        assert solution.metadata["jupyter"]["source_hidden"]
        exec(solution.source, namespace)  # each with its own assertions
