"""Lesson 10: its step, its law, its checks, its judge, its stored numbers, its claims over other seeds."""

import json

import numpy as np
import pytest
import torch
from hints import each_wrong

from benchmarks import grid_methods, steered
from benchmarks.ring_methods import wasserstein_step
from gan_edu.lessons import l10_checks as checks
from gan_edu.lessons import l10_distance as room
from gan_edu.lessons import l10_grid, l10_measured
from gan_edu.metrics import wasserstein_samples
from gan_edu.run import Players, Run
from gan_edu.seeds import over_seeds


@pytest.mark.parametrize("method, theirs", [("penalty", "penalty"), ("clip", "clipping"), ("none", "none")])  # fmt: skip
def test_the_step_is_that_of_the_ring_to_the_last_bit(lesson, method, theirs):
    knobs = lesson["settings"] | dict(method=method, batch_size=32, n_critic=2)

    def build():
        gan = lesson["build"]()
        G, D = (gan.rms_G, gan.rms_D) if method == "clip" else (gan.adam_G, gan.adam_D)
        return Players(G=gan.G, D=gan.D, opt_G=G, opt_D=D)

    mine = Run(lesson["build"], lesson["step"], knobs, seed=1).steps(5)
    other = Run(build, wasserstein_step, knobs | dict(method=theirs, clip=0.1), seed=1).steps(5)
    assert all(map(torch.equal, mine.gan.G.parameters(), other.gan.G.parameters()))


@pytest.mark.parametrize("data", ["ring", "grid", "Swiss roll", "painted"])
def test_it_runs_over_seeds_at_once_on_all_data(lesson, data, capsys):
    knobs = lesson["settings"] | dict(data=data, method="GAN", n_critic=1, batch_size=16)
    runs = over_seeds(lesson["build"], lesson["step"], knobs, n_seeds=2, n_steps=4)
    assert "one after another" not in capsys.readouterr().out and runs.alive.all()


def test_the_judge_changes_nothing_and_sees_new_data_at_once(lesson):
    knobs = lesson["settings"] | dict(batch_size=16, n_critic=1)
    plain = Run(lesson["build"], lesson["step"], knobs).steps(12)
    seen = Run(lesson["build"], room.watched(lesson["step"], lesson["real"]), knobs).steps(12)
    assert np.array_equal(plain.log["critic gap"], seen.log["critic gap"])
    with torch.no_grad():
        x = seen.gan.G(room.LATENTS)
    seen.set(data="painted", drawing=((2.0, 2.0),))
    seen.steps(1)
    assert (seen.gan.x_real - 2).norm(dim=1).max() < 0.4
    w1 = wasserstein_samples(seen.gan.x_real, x)
    assert seen.log["exact W1"][-1] == pytest.approx(w1, abs=0.1)


def test_the_gauge_reads_the_slope_of_a_line():
    D = torch.nn.Linear(1, 1)
    torch.nn.init.constant_(D.weight, -2.5)
    assert room.steepest(D) == pytest.approx(2.5, rel=1e-3)


def test_the_stored_numbers_are_of_this_page(lesson):
    for path, script in ((l10_measured.STEERED, steered), (l10_grid.GRID, grid_methods)):
        stored = json.loads(path.read_text(encoding="utf-8"))
        assert stored["made"]["code"] == script.fingerprint(script.NOTEBOOK)
    stored, grid = l10_measured.load_steered(), l10_grid.load_grid()
    n = steered.N_STEPS // steered.EVERY
    assert {name: rows.shape for name, rows in stored["followed"].items()} == dict.fromkeys(steered.FOLLOWED, (8, n, 6))  # fmt: skip
    for method, tried in grid["searched"].items():
        assert [knobs for knobs, _ in tried] == list(grid_methods.settings(method))
        best, _ = min(tried, key=lambda one: grid_methods.middle(one[1]))
        assert grid["table"][method]["setting"] == best
        assert all(len(v) == 8 for v in grid["table"][method]["equal steps"].values() if v != 600)
    _, rows = steered.followed(lesson, dict(lambda_gp=1.0), 5)
    assert rows[0][1:4] == pytest.approx(stored["followed"]["penalty"][5, 0, 1:4], rel=0.1)


def test_verdicts_read_what_they_are_given():
    before, after = np.ones((8, 6)), np.full((8, 6), -5.0)
    verdict, options = l10_measured.verdict, ("less", "same", "more")
    assert verdict({"a": before, "b": after}, "gap", options, 0.5, 2) == "more"
    assert verdict({"b": after, "a": before}, "gap", options, 0.5, 2) == "less"


def of_parts(run, method, n=(300, 100), move=True):
    run.steps(n[0])
    if move:
        run.set(method=method)
    return run.steps(n[1])


test_each_wrong_switch_gets_its_own_hint = each_wrong(checks.check_switch,
    (of_parts, "Right"), (lambda run, method: of_parts(run, method, (0, 400)), "before the training"), (lambda run, method: of_parts(run, method, (300, 0)), "not trained any more"),
    (lambda run, method: of_parts(run, method, move=False), "its method never changed"), (lambda run, method: of_parts(run, method, (100, 300)), "exchange the two"),
    (lambda run, method: of_parts(run, "none"), "that was handed over"), (lambda run, method: of_parts(run, method).log, "return the run"),
    (lambda run, method: setattr(run.knobs, "method", method), "a step only reads its knobs"),
)  # fmt: skip

test_each_wrong_law_gets_its_own_hint = each_wrong(checks.check_law,
    (lambda W, k: (1 + W / (2 * k), W + W * W / (2 * k)), "Right"), (lambda W, k: (W + W * W / (2 * k), 1 + W / (2 * k)), "the gap first"), (lambda W, k: (1, W), "that is slope 1"),
    (lambda W, k: (1 + W / k, W + W * W / k), "the 2 is missing"), (lambda W, k: (W / (2 * k), W * W / (2 * k)), "the 1 is missing"),
    (lambda W, k: (1 + W * k / 2, W + W * W * k / 2), "wrong side"), (lambda W, k: (1 - W / (2 * k), W - W * W / (2 * k)), "the sign is wrong"),
    (lambda W, k: (1 + W / (2 * k), 1 + W / (2 * k)), "the slope times the shift"), (lambda W, k: (1 + W / (2 * k), W + W / (2 * k)), "in both factors"),
    (lambda W, k: (1 + W / (2 * k), W + W * W / (4 * k)), "the whole loss"), (lambda W, k: 1 + W / (2 * k), "return two numbers"),
)  # fmt: skip


def bound_by(finish, places=lambda x, y, mixed: [x, y, mixed]):
    def bound(D, x_real, x_fake):
        t = torch.rand(len(x_real), 1)
        x = torch.cat(places(x_real, x_fake, t * x_real + (1 - t) * x_fake)).requires_grad_()
        (grad,) = torch.autograd.grad(D(x).sum(), x)
        return finish(D(x_real).mean() - D(x_fake).mean(), grad)

    return bound


test_each_wrong_bound_gets_its_own_hint = each_wrong(checks.check_bound,
    (bound_by(lambda gap, g: gap / g.norm(dim=1).max()), "Right"), (bound_by(lambda gap, g: gap / g.norm(dim=1).mean()), "the mean slope"),
    (bound_by(lambda gap, g: gap / g.square().sum(1).max()), "the root is missing"), (bound_by(lambda gap, g: gap / g.abs().max()), "largest size of a number"),
    (bound_by(lambda gap, g: gap / g.norm()), "for all points together"), (bound_by(lambda gap, g: gap / g.norm(dim=1).max(), lambda x, y, mixed: [x, y]), "look between"),
    (bound_by(lambda gap, g: -gap / g.norm(dim=1).max()), "the sign of the gap"), (bound_by(lambda gap, g: gap), "divide by the largest slope"),
    (bound_by(lambda gap, g: gap * g.norm(dim=1).max()), "do not multiply"), (bound_by(lambda gap, g: g.norm(dim=1).max()), "The gap is divided by it"),
)  # fmt: skip

test_each_wrong_inverse_gets_its_own_hint = each_wrong(checks.check_inverse,
    (lambda gap, k: -k + (k * k + 2 * k * gap) ** 0.5, "Right"), (lambda gap, k: gap + gap * gap / (2 * k), "the law itself"),
    (lambda gap, k: -k - (k * k + 2 * k * gap) ** 0.5, "the other root"), (lambda gap, k: gap - gap * gap / (2 * k), "takes the gap for W"),
    (lambda gap, k: -k + (k * k + k * gap) ** 0.5, "the 2 is missing"), (lambda gap, k: -k + (k * k + 4 * k * gap) ** 0.5, "it should be a 2"),
)  # fmt: skip


@pytest.mark.again
def test_the_gap_of_a_critic_that_is_too_slow_is_mostly_negative(lesson):
    knobs = lesson["settings"] | dict(n_critic=1, lr_d=3e-4, lr_g=1e-2)
    runs = over_seeds(lesson["build"], lesson["step"], knobs, n_seeds=8, n_steps=200)
    assert ((runs.log["critic gap"][:, 50:] < 0).mean(1) > 0.5).all()


@pytest.mark.again
def test_a_slower_critic_rate_is_a_better_setting_for_a_longer_gan_on_the_grid(lesson):
    knobs = dict(lr_d=1e-3, lr_g=1e-3, n_critic=2)
    found = grid_methods.score(lesson, "GAN", knobs, 1818, range(8))["W1"]
    table = l10_grid.load_grid()["table"]
    chosen, penalty = (np.median(table[m]["equal seconds"]["W1"]) for m in ("GAN", "penalty"))
    assert 1.2 * penalty < np.median(found) < 0.75 * chosen


@pytest.mark.again
def test_after_the_scissors_samples_move_further_than_under_the_penalty(lesson):
    z = torch.randn(500, 2)
    for seed in (8, 9):
        run = Run(lesson["build"], lesson["step"], lesson["settings"], seed=seed).steps(300)
        moved, start = [], run.gan.G(z).detach()
        for change in ({}, dict(method="clip", c=0.01)):
            other = run.fork()
            other.set(**change)
            moved.append((other.steps(60).gan.G(z).detach() - start).norm(dim=1).mean())
        assert moved[1] > 1.2 * moved[0]
