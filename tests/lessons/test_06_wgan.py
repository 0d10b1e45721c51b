"""Lesson 06: its loop against plain code and the core, its checks, and what it claims for seeds that it does not show."""

import numpy as np
import pytest
import torch
from hints import each_wrong
from others import over_other_seeds as others
from scipy.optimize import linprog

from gan_edu.lessons import l06_checks as checks
from gan_edu.lessons import l06_price_list as line
from gan_edu.lessons import l06_race as race
from gan_edu.lessons import l06_wgan as room
from gan_edu.lessons.l06_wgan import variant
from gan_edu.losses import clip_weights_, critic_loss
from gan_edu.players import weights
from gan_edu.run import Run, descend
from gan_edu.seeds import over_seeds

SETTINGS = dict(lr_d=3e-3, lr_g=3e-3, clip=0.1, n_critic=5, batch_size=128)
RACE = dict(distance=8.0, lr=0.02, n_critic=5, batch_size=64)
V = [4, 3, 2, 1, 0, 1, 2, 3, 4]


def core(more=0):
    """The loop in the core's words; with `more` it also logs the gap of its last turn for that many batches."""

    def step(gan, knobs):
        n, ring = knobs.batch_size, lambda n: room.gaussian_ring(n, radius=1.4, sigma=0.1)
        for _ in range(knobs.n_critic):
            loss_D, *others = (critic_loss(gan.D(ring(n)), gan.D(gan.G(torch.randn(n, 2)).detach())) for _ in range(1 + more))  # fmt: skip
            descend(gan.opt_D, loss_D, lr=knobs.lr_d)
            clip_weights_(gan.D, knobs.clip)
        descend(gan.opt_G, -gan.D(gan.G(torch.randn(n, 2))).mean(), lr=knobs.lr_g)
        return {"critic gap": -loss_D, "true gap": -sum(others) / max(more, 1) + 0 * loss_D}

    return step


def test_the_step_of_the_page_is_that_of_the_core_bit_for_bit(lesson):
    steps = core(), lesson["step"], variant(), variant(cut=False), variant(clip="before")
    runs = [Run(lesson["build"], one, SETTINGS, seed=3).steps(30) for one in steps]
    for run, same in zip(runs[1:], (True, True, True, False)):
        assert np.array_equal(runs[0].log["critic gap"], run.log["critic gap"]) is same
        assert all(map(torch.equal, weights(runs[0].gan), weights(run.gan))) is same
    assert max(p.abs().max() for p in runs[1].gan.D.parameters()) <= 0.1


@pytest.mark.parametrize("which", ["ring", "race"])
def test_the_steps_run_over_seeds_at_once(lesson, which, capsys):
    parts = (lesson["build"], lesson["step"], SETTINGS), (race.build_race, race.race(), RACE)
    build, step, knobs = parts[which == "race"]
    over_seeds(build, step, knobs, n_seeds=3, n_steps=4)
    assert "one after another" not in capsys.readouterr().out


def test_w1_of_the_price_lists_against_a_linear_programme():
    """The dual on 101 of the places: heights f with differences of at most the distance, by linprog."""
    p, q = (np.add.reduceat(mass, np.arange(0, 1001, 10)) for mass in (line.P, line.Q))
    rows = np.diff(np.eye(101), axis=0)
    found = linprog(q - p, A_ub=np.vstack([rows, -rows]), b_ub=np.full(200, 0.1), bounds=(-9, 9))
    assert line.exact() == pytest.approx(-found.fun, abs=0.01)
    assert np.abs(np.diff(line.BEST)).max() < 0.01 + 1e-9


def test_guesses_are_judged_by_what_was_computed():
    assert [race.which(a, b, "bfsn") for a, b in ((1, 1), (1, 0), (0, 1), (0, 0))] == list("bfsn")
    rise, fall = np.r_[1, 3, np.ones(38) * 0.1], np.linspace(2, 0.1, 40)
    assert [room.begins(m[None], "frs") for m in (fall, rise, fall[::-1])] == list("frs")


test_each_wrong_price_list_gets_its_own_hint = each_wrong(checks.check_price_list,
    (V, "Right"), ([x - 7.5 for x in V], "Right"), ([...] * 9, "still a blank"), ([2 * x for x in V], "refused: between −4 and −3 the price changes by −2"), ([-x for x in V], "upside down"),
    ([0] * 9, "may be steeper"), ([4, 3, 2, 1, 0, 1, 2, 2.5, 3], "Between 2 and 3 the price may be steeper"), ([1, 0, 1, 0, 1, 0, 1, 2, 3], "not everywhere in the right direction"),
    (V[:8], "nine heights"),
)  # fmt: skip


def three(r, f, a=1, b=1, c=1):
    return a * (r.mean() - f.mean()), -b * (r.mean() - f.mean()), -c * f.mean()


test_each_wrong_triple_of_losses_gets_its_own_hint = each_wrong(checks.check_wgan_losses,
    (three, "Right"), (lambda r, f: (r.mean() - f.mean(), ..., ...), "still a blank"), (lambda r, f: three(r, f, b=-1), "the critic's loss has the wrong sign"),
    (lambda r, f: three(r, f, c=-1), "the generator's loss has the wrong sign"), (lambda r, f: three(r, f, b=-1, c=-1), "both losses"),
    (lambda r, f: three(r, f, a=-1, b=-1), "minus the gap"), (lambda r, f: three(r, f, a=-1), "minus the mean over the generated"),
    (lambda r, f: three(r.sigmoid(), f.sigmoid()), "no sigmoid"), (lambda r, f: (r.sum() - f.sum(), f.sum() - r.sum(), -f.sum()), "take means"),
    (lambda r, f: (*three(r, f)[:2], r.mean() - f.mean()), "leave the real ones out"), (lambda r, f: (three(r, f)[0], three(r.detach(), f.detach())[1], -f.mean()), "their gradient is not"),
)  # fmt: skip


def to(*factors):
    return dict(zip(("real", "fake", "generator"), factors))


test_each_wrong_target_gets_its_own_hint = each_wrong(checks.check_targets,
    (to(-1, 1, -1), "Right"), (to(..., 1, -1), "still a blank"), (to(1, -1, 1), "but then the gap is negative"), (to(1, 0, 1), "belong to a sigmoid"), (to(-1, 1, 1), "run to low scores"),
    (to(1, -1, -1), "two signs exchanged"), (to(2, 1, -1), "should be"),
)  # fmt: skip

test_each_wrong_clipping_gets_its_own_hint = each_wrong(checks.check_clipping,
    (clip_weights_, "Right"), (lambda net, c: [p.clamp(-c, c) for p in net.parameters()], "nothing has changed"),
    (lambda net, c: [p.data.clamp_(-c, c) for p in net.parameters() if p.dim() > 1], "the biases are clipped, too"),
    (lambda net, c: [p.data.mul_(p.abs() <= c) for p in net.parameters()], "not 0"), (lambda net, c: [p.data.clamp_(max=c) for p in net.parameters()], "upper end"),
    (lambda net, c: [p.data.sign_().mul_(c) for p in net.parameters()], "all moved"), (lambda net, c: [p.data.mul_(c / p.abs().max()) for p in net.parameters()], "as a whole"),
)  # fmt: skip

test_each_wrong_loop_gets_its_own_hint = each_wrong(checks.check_loop,
    (variant(), "Right"), (variant(cut=False), "cut x_fake off with detach"), (variant(forget=False), "Call zero_grad first"), (variant(clip="never"), "D is not clipped yet"),
    (variant(clip="never", forget=False), "neither clipped"), (variant(clip="before"), "before the optimiser's step"), (variant(whom="G"), "you clip G"),
    (variant(clip="late"), "after all turns"), (variant(turns=1), "one turn only"), (variant(sign_d=-1), "the critic's loss has the wrong sign"), (variant(sign_g=-1), "flee from the data"),
    (variant(sign_d=2), "should be"), (None, "write a function"),
)  # fmt: skip


def with_sigmoid(build, name):
    def make():
        gan = build()
        getattr(gan, name).append(torch.nn.Sigmoid())
        return gan

    return make


@pytest.mark.again
def test_the_race_for_other_seeds():
    build, step = race.build_race, race.race()
    log = {k: others(build, step, RACE | dict(n_critic=k), n).log for k, n in ((1, 100), (5, 200), (20, 100))}  # fmt: skip
    assert max(log[5]["left"][:, -1]) < 3.5 and min(log[5]["right"][:, -1]) > 6
    for side, sign in (("left", -1), ("right", 1)):
        assert sign * np.median(log[20][side][:, 99] - log[1][side][:, 99]) > 0.5
    early = [race.steepness(others(build, step, RACE | dict(n_critic=k), 20)) for k in (1, 5, 20)]
    slopes = np.median(early, 1)
    assert slopes[0] < 0.35 and 0.5 < slopes[1] < 1.2 and 0.7 < slopes[2] < 1.4
    slow = np.median(others(with_sigmoid(build, "a_D"), step, RACE, 600).log["left"], 0)
    assert slow[199] > 5.5 and slow[599] < 4  # hundreds of steps more
    assert max(others(build, race.race(loss=2), RACE, 200).log["right"][:, -1]) < 4.5


@pytest.mark.again
def test_the_ring_for_other_seeds(lesson):
    build, step = lesson["build"], lesson["step"]
    good, slow, one, few, two, five = (others(build, step, SETTINGS | more, n) for more, n in (
        ({}, 300), (dict(lr_d=3e-4), 300), (dict(n_critic=1), 300), ({}, 60), ({}, 2), ({}, 5)))  # fmt: skip
    w1 = [np.median(room.w1_of(runs)) for runs in (good, slow, one, few, two, five)]
    assert 0.2 < w1[0] < 0.4 and w1[1] > 0.6 and 0.24 < w1[2] < 0.5 and 0.35 < w1[3] < 0.8
    noise = [room.wasserstein_samples(*(room.gaussian_ring(500, radius=1.4, sigma=0.1) for _ in "ab")) for _ in V]  # fmt: skip
    assert 0.07 < np.median(noise) < 0.22
    gaps, late = good.log["critic gap"], slow.log["critic gap"]
    assert np.median(gaps[:, 1]) > 0.4 > np.median(gaps[:, 4]) and w1[5] > w1[4] > 0.9
    assert 0.06 > np.median(late[:, -20:]) > 1.3 * np.median(gaps[:, -20:])
    assert (gaps < 0).mean() < 0.12 and 0.15 < (late < 0).mean() < 0.4
    turns = room.each_turn(others(build, variant(), SETTINGS, 20))
    assert room.begins(turns, "frs") == "r" and np.array_equal(turns[:, 4::5], gaps[:, :20])
    log = others(build, core(more=16), SETTINGS, 300).log
    noise = [log["true gap"][:, part][log["critic gap"][:, part] < 0] > 0 for part in (slice(50), slice(50, 300))]  # fmt: skip
    assert noise[0].mean() < 0.4 and noise[1].mean() > 0.6


@pytest.mark.again
def test_faults_for_other_seeds(lesson):
    def log(**fault):
        return others(lesson["build"], variant(**fault), SETTINGS, 200).log["critic gap"]

    assert (log(sign_d=-1, sign_g=-1) < 0).mean() > 0.8
    wild = log(clip="never")
    assert np.median(np.abs(wild).max(1)) > 20 and 0.1 < (wild < 0).mean() < 0.6
    for sign, fault in ((1, "sign_g"), (-1, "sign_d")):
        away = sign * log(**{fault: -1})
        assert (np.diff(away[:, ::50]) > 0).all() and np.median(away[:, -1]) > 300
    unseen = others(with_sigmoid(lesson["build"], "D"), variant(), SETTINGS, 500)
    assert 0.15 < np.median(room.w1_of(unseen)) < 0.4
