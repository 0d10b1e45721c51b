"""Lesson 18, the bug museum: wrong tests and repairs get their hints, its program is a plain WGAN-GP, its measures are right."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from gan_edu import losses
from gan_edu.lessons import l18_checks as checks
from gan_edu.lessons import l18_museum as museum
from gan_edu.lessons import l18_parts as parts
from gan_edu.lessons import l18_program as right
from gan_edu.lessons import l18_verdicts as verdicts
from gan_edu.run import Run, descend
from notebooks import definitions

lesson = definitions("18")
SIGN, NORM, LEAK, BIAS, LAYOUT = (lesson[f"{n}_test"] for n in "sign norm leak bias layout".split())


def asserting(condition):
    """Return a test that asserts condition(code)."""

    def test(code):
        assert condition(code)

    return test


def silent(code):
    return None


def costs(plane, value, n=4):
    return asserting(lambda c: abs(c.penalty(plane, *torch.randn(2, n, 1, 8, 8)) - value) < 0.01)


def gradients_after(code):
    gan = right.program(code)[0]()
    code.critic_turn(code, gan, torch.randn(8, 2), gan.G(torch.randn(8, 2)), 1.0)
    return max(0 if p.grad is None else p.grad.norm() for p in gan.G.parameters())


def curved(code):
    D, x = code.make_critic(2), torch.randn(8, 2)
    assert not torch.allclose(D(2 * x), 2 * D(x), atol=1e-4)


def at(where, goes, more=lambda x: True):
    picture = np.zeros((1, 4, 4, 3), np.uint8)
    picture[where] = 255
    return asserting(lambda c: c.to_tensor(picture)[goes] == 1 and more(c.to_tensor(picture)))


def scores_cut(code, gan, x_real, x_fake, lambda_gp):
    """The scores are detached in place of the samples: the critic no longer learns from generated ones."""
    loss = code.critic_loss(gan.D(x_real), gan.D(x_fake).detach())
    loss = loss + lambda_gp * code.penalty(gan.D, x_real, x_fake.detach())
    gan.opt_D.zero_grad()
    loss.backward(retain_graph=True)
    gan.opt_D.step()


def minus(scores_fake):
    return -scores_fake.mean()


def counted(shares):
    points = [0.1, 0.6, 0.7, 0.8]
    assert abs(sum(shares(points, 2)) - 1) < 1e-9 and len(points) == 4


def alone(sample):
    G = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4))
    z = torch.randn(8, 2)
    assert torch.allclose(sample(G, z)[:4], sample(G, z[:4]))


never, LOW, HIGH = asserting(lambda code: False), torch.zeros(4), torch.ones(4)
FLAT, TURN, MADE, READ = parts.penalty_by(parts.flat), right.critic_turn, right.make_critic, right.to_tensor  # fmt: skip
PLANE = lambda x: x.flatten(1).sum(1) * 5 / 8  # noqa: E731
x0, tilt = torch.zeros(8, 2), lambda x: x @ torch.tensor([[3.0], [4.0]])
COMMON = [(12, "write a function"), (silent, "with assert"), (never, "fails on the repaired code"), (asserting(lambda c: True), "lets the exhibit pass")]  # fmt: skip
REPAIRS = dict(sign=minus, norm=FLAT, leak=TURN, bias=MADE, layout=READ)
ROWS = {  # the wrong answers of each check beside those of COMMON: of rooms 1 to 5 a test and a repair
    "sign": [
        ((SIGN, minus), "Right"),
        ((asserting(lambda c: c.generator_loss(HIGH) < c.generator_loss(LOW) and c.critic_loss(LOW, HIGH) > 0), minus), "both signs turned"),
        ((asserting(lambda c: (c.generator_loss(HIGH) < 0) or c.critic_loss(LOW, HIGH) < 0), minus), "critic has the wrong sign"),
        ((SIGN, parts.plus), "both losses still want the same"), ((SIGN, lambda s: -s.sum()), "mean over the batch"), ((SIGN, 1), "write the repaired"),
    ],
    "norm": [
        ((NORM, FLAT), "Right"),
        ((costs(lambda x: PLANE(x) / 5, 0), FLAT), "always 0"), ((costs(PLANE, 16, n=1), FLAT), "one norm for the whole batch"),
        ((costs(lambda x: 5 * x[:, 0, 0, 0], 16), FLAT), "sum of the sizes"),
        ((NORM, parts.penalty_by(parts.over_axis_1)), "norm 1 over the picture"), ((NORM, parts.always_0), "should be 16"),
        ((NORM, parts.penalty_by(lambda g: parts.root(g.square().sum((2, 3)))[:, 0])), "in colour"), ((NORM, lambda *a: FLAT(*a).detach()), "create_graph"),
    ],
    "leak": [
        ((LEAK, TURN), "Right"),
        ((asserting(lambda c: gradients_after(c) < 0.05), TURN), "a hundred times weaker"),
        ((LEAK, parts.turn()), "still get a gradient"), ((LEAK, scores_cut), "not their scores"), ((LEAK, lambda *a: 1 / 0), "ZeroDivisionError"),
    ],
    "bias": [
        ((BIAS, MADE), "Right"),
        ((asserting(lambda c: all(p.bias is not None for p in c.make_critic(2) if isinstance(p, nn.Linear))), MADE), "LayerNorm"), ((curved, MADE), "last layer alone"),
        ((BIAS, parts.critic(False, False, True)), "straight line"), ((BIAS, parts.critic(False, True, True)), "without bias"), ((BIAS, lambda n: MADE(2)), "mat1 and mat2"),
    ],
    "layout": [
        ((LAYOUT, READ), "Right"),
        ((at((0, 1, 1, 0), (0, 0, 1, 1)), READ), "rows and columns"), ((at((0, 1, 2, 0), (0, 0, 1, 2)), READ), "from 0 to 1"),
        ((at((0, 1, 2, 1), (0, 1, 1, 2), lambda x: x.min() == -1), READ), "red and blue"),
        ((LAYOUT, parts.cut_anew), "stay together"), ((LAYOUT, lambda x: READ(x)[..., :-1]), "should become (2"), ((LAYOUT, lambda x: READ(x) / 2), "255 become 1"),
    ],
    "added": [
        (asserting(lambda f: f(tilt, x0, x0, 1.0) != f(tilt, x0, x0, 2.0)), "subtracted"),
        (asserting(lambda f: f(tilt, x0, x0, 1.0) > 0), "without λ"),
    ],
    "from_z": [
        (asserting(lambda f: f(torch.sigmoid, lambda z: 3 * z, x0 + 1, x0 + 1) != f(torch.sigmoid, lambda z: z, x0 + 1, x0 + 1)), "latents should matter"),
    ],
    "shares": [
        (asserting(lambda f: np.allclose(f([0.1, 0.2, 0.3, 0.4, 0.9], 2), [0.8, 0.2])), "empties the list"),
        (counted, "divides by their number"),
    ],
    "spread": [
        (asserting(lambda f: f(1, 8)[1].momentum == 0.1 and f(1, 8)[1].eps < 0.1), "another momentum"),
        (asserting(lambda f: abs(f(1, 8)[1](torch.randn(4000, 8)).std() - 1) < 0.1), "eps = 0.05"),
    ],
    "eval": [(alone, "evaluation mode")],
}  # fmt: skip


def each_wrong(name):
    """Return the test of one check: every wrong answer gets its own hint."""
    common = [((x, REPAIRS[name]), hint) for x, hint in COMMON] if name in REPAIRS else COMMON

    @pytest.mark.parametrize("answer, hint", [*common, *ROWS[name]])
    def test(answer, hint, capsys):
        check = getattr(checks, f"check_{name}")
        verdict = check(*answer) if isinstance(answer, tuple) else check(answer)
        words = capsys.readouterr().out
        assert verdict is (hint == "Right") and hint in words, words

    return test


for name in ROWS:
    globals()[f"test_each_wrong_{name}_gets_its_own_hint"] = each_wrong(name)


# ---- the museum


def plain_step(gan, knobs):
    """The loop of lesson 8, written out; the generator learns from the samples that the critic saw last."""
    n = knobs.batch_size
    for _ in range(knobs.n_critic):
        x_real = right.ring(n)
        x_fake = gan.G(torch.randn(n, 2))
        gap = gan.D(x_real).mean() - gan.D(x_fake.detach()).mean()
        penalty = losses.gradient_penalty(gan.D, x_real, x_fake.detach())
        descend(gan.opt_D, knobs.lambda_gp * penalty - gap, lr=knobs.lr)
    descend(gan.opt_G, -gan.D(x_fake).mean(), lr=knobs.lr)
    return {"critic gap": gap}


def test_the_right_code_is_the_loop_of_lesson_8():
    build, step = right.program(right.code_with())
    runs = [Run(build, one, right.KNOBS, seed=4).steps(4) for one in (step, plain_step)]
    for name in ("G", "D"):
        pairs = zip(*(getattr(run.gan, name).parameters() for run in runs))
        assert all(torch.allclose(p, q, rtol=1e-4, atol=1e-6) for p, q in pairs)


@pytest.mark.parametrize("name, one, other", [
    ("penalty", lesson["exhibit_2"], parts.penalty_by(parts.over_axis_1)), ("critic_turn", lesson["exhibit_3"], parts.turn()),
    ("generator_loss", lesson["exhibit_1"], parts.plus), ("to_tensor", lesson["exhibit_5"], parts.cut_anew),
    ("make_critic", lesson["exhibit_4"], parts.critic(False, False, False)),
])  # fmt: skip
def test_the_checks_try_the_pages_exhibits(name, one, other):
    world = {"penalty": "digits", "to_tensor": "faces"}.get(name, "ring")
    codes = one, right.code_with(**{name: other})
    runs = [Run(*right.program(code, world), right.KNOBS, seed=1).steps(2) for code in codes]
    pairs = zip(*(run.gan.D.parameters() for run in runs))
    assert all(torch.equal(p, q) for p, q in pairs)


def test_its_measures_on_cases_with_known_answers():
    assert abs(verdicts.slope_without_cost(losses.gradient_penalty) - 1) < 0.06
    assert abs(verdicts.slope_without_cost(parts.penalty_by(parts.over_axis_1)) - 8) < 0.06
    assert abs(verdicts.at_twice(parts.critic(False, False, False), 1.5) - 3) < 1e-4
    found = [verdicts.compared(a, [4, 5], "lso") for a in ([6, 7], [1, 2], [3, 6])]
    assert found == ["l", "s", "o"]
    before = torch.get_rng_state()
    assert verdicts.own(silent, SIGN, lesson["exhibit_1"]) is SIGN
    assert torch.equal(before, torch.get_rng_state())  # tests leave the page's random numbers alone
    page = museum.mosaic(torch.arange(4.0).reshape(4, 1, 1, 1).expand(4, 1, 2, 2) / 2 - 1, 2)
    assert page.shape == (6, 6, 1) and page[0, 0] == 0 and page[0, 4] == 0.25 and page[4, 0] == 0.5
    with pytest.raises(ValueError, match="no part G"):
        right.code_with(G=1)


@pytest.mark.again
def test_what_the_page_asserts_over_other_seeds():
    def alone(code, n_steps, measure, world="ring", **knobs):
        found = []
        for seed in range(1000, 1008):
            build, step = right.program(code, world)
            run = Run(build, step, right.KNOBS | knobs, seed=seed).steps(n_steps)
            shown = copy.copy(run)
            shown.alive, shown.members = [True], lambda x: x[None]
            found.append(measure(shown)[0])
        return np.array(found)

    codes = {k: lesson[f"exhibit_{k}"] for k in range(1, 6)} | {0: right.code_with()}
    for k in (1, 3):
        assert alone(codes[k], 60, verdicts.w1_to_ring).min() > 50
    w1 = {k: alone(codes[k], 200, verdicts.w1_to_ring) for k in (0, 4)}
    assert w1[0].max() < 0.4 < w1[4].min()
    digits = dict(world="digits", lambda_gp=10.0)
    far = {k: alone(codes[k], 100, verdicts.digit_distance, **digits) for k in (0, 2)}
    assert far[0].max() < far[2].min()
