"""Lesson 18, the bug museum: wrong tests and repairs get their hints, its program is a plain WGAN-GP, its measures are right."""

import numpy as np
import pytest
import torch
from hints import each_wrong
from others import over_other_seeds
from torch import nn

from gan_edu import losses
from gan_edu.lessons import l18_checks as checks
from gan_edu.lessons import l18_program as right
from gan_edu.lessons import l18_verdicts as verdicts
from gan_edu.players import weights
from gan_edu.run import Run, descend
from notebooks import definitions

lesson = definitions("18")
SIGN, NORM, LEAK, BIAS, LAYOUT = (lesson[f"{n}_test"] for n in "sign norm leak bias layout".split())


def asserting(condition):
    def test(code):
        assert condition(code)

    return test


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


def counted(shares):
    points = [0.1, 0.6, 0.7, 0.8]
    assert abs(sum(shares(points, 2)) - 1) < 1e-9 and len(points) == 4


def alone(sample):
    G = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4))
    z = torch.randn(8, 2)
    assert torch.allclose(sample(G, z)[:4], sample(G, z[:4]))


def silent(code):
    return None


never, LOW, HIGH = asserting(lambda code: False), torch.zeros(4), torch.ones(4)
FLAT, TURN, MADE, READ, minus = (right.PARTS[name] for name in "penalty critic_turn make_critic to_tensor generator_loss".split())  # fmt: skip
OVER_1 = right.penalty_by(right.over_axis_1)
PLANE = lambda x: x.flatten(1).sum(1) * 5 / 8  # noqa: E731
x0, tilt = torch.zeros(8, 2), lambda x: x @ torch.tensor([[3.0], [4.0]])
COMMON = [(12, "write a function"), (silent, "with assert"), (never, "fails on the repaired code"), (asserting(lambda c: True), "lets the exhibit pass")]  # fmt: skip
REPAIRS = dict(sign=minus, norm=FLAT, leak=TURN, bias=MADE, layout=READ)
ROWS = {  # the wrong answers of each check beside those of COMMON: of rooms 1 to 5 a test and a repair
    "sign": [
        ((asserting(lambda c: c.generator_loss(HIGH) < c.generator_loss(LOW) and c.critic_loss(LOW, HIGH) > 0), minus), "both signs turned"),
        ((asserting(lambda c: (c.generator_loss(HIGH) < 0) or c.critic_loss(LOW, HIGH) < 0), minus), "critic has the wrong sign"),
        ((SIGN, torch.mean), "both losses still want the same"), ((SIGN, lambda s: -s.sum()), "mean over the batch"), ((SIGN, 1), "write the repaired"),
    ],
    "norm": [
        ((costs(lambda x: PLANE(x) / 5, 0), FLAT), "always 0"), ((costs(PLANE, 16, n=1), FLAT), "one norm for the whole batch"),
        ((costs(lambda x: 5 * x[:, 0, 0, 0], 16), FLAT), "sum of the sizes"),
        ((NORM, OVER_1), "norm 1 over the picture"), ((NORM, lambda D, *x: 0 * D(x[0]).mean()), "should be 16"),
        ((NORM, right.penalty_by(lambda g: g.norm(dim=(2, 3))[:, 0])), "in colour"), ((NORM, lambda *a: FLAT(*a).detach()), "create_graph"),
    ],
    "leak": [
        ((asserting(lambda c: gradients_after(c) < 0.05), TURN), "a hundred times weaker"),
        ((LEAK, right.leaking_turn), "still get a gradient"), ((LEAK, scores_cut), "not their scores"), ((LEAK, lambda *a: 1 / 0), "ZeroDivisionError"),
    ],
    "bias": [
        ((asserting(lambda c: all(p.bias is not None for p in c.make_critic(2) if isinstance(p, nn.Linear))), MADE), "LayerNorm"), ((curved, MADE), "last layer alone"),
        ((BIAS, right.critic(False, False, True)), "straight line"), ((BIAS, right.critic(False, True, True)), "without bias"), ((BIAS, lambda n: MADE(2)), "mat1 and mat2"),
    ],
    "layout": [
        ((at((0, 1, 1, 0), (0, 0, 1, 1)), READ), "rows and columns"), ((at((0, 1, 2, 0), (0, 0, 1, 2)), READ), "from 0 to 1"),
        ((at((0, 1, 2, 1), (0, 1, 1, 2), lambda x: x.min() == -1), READ), "red and blue"),
        ((LAYOUT, right.cut_anew), "stay together"), ((LAYOUT, lambda x: READ(x)[..., :-1]), "should become (2"), ((LAYOUT, lambda x: READ(x) / 2), "255 become 1"),
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


for name, rows in ROWS.items():
    common = [(lesson[f"{name}_test"], "Right"), *COMMON]
    if name in REPAIRS:
        common = [((x, REPAIRS[name]), hint) for x, hint in common]
    test = each_wrong(getattr(checks, f"check_{name}"), *common, *rows)
    globals()[f"test_each_wrong_{name}_gets_its_own_hint"] = test
del test


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
    one, other = (Run(build, s, right.KNOBS, seed=4).steps(4).gan for s in (step, plain_step))
    pairs = zip(weights(one), weights(other))
    assert all(torch.allclose(p, q, rtol=1e-4, atol=1e-6) for p, q in pairs)


@pytest.mark.parametrize("name, one, other", [
    ("penalty", lesson["exhibit_2"], OVER_1), ("critic_turn", lesson["exhibit_3"], right.leaking_turn),
    ("generator_loss", lesson["exhibit_1"], torch.mean), ("to_tensor", lesson["exhibit_5"], right.cut_anew),
    ("make_critic", lesson["exhibit_4"], right.critic(False, False, False)),
])  # fmt: skip
def test_the_checks_try_the_pages_exhibits(name, one, other):
    world = {"penalty": "digits", "to_tensor": "faces"}.get(name, "ring")
    codes = one, right.code_with(**{name: other})
    runs = [Run(*right.program(code, world), right.KNOBS, seed=1).steps(2) for code in codes]
    pairs = zip(*(run.gan.D.parameters() for run in runs))
    assert all(torch.equal(p, q) for p, q in pairs)


def test_its_measures_on_cases_with_known_answers():
    assert abs(verdicts.slope_without_cost(losses.gradient_penalty) - 1) < 0.06
    assert abs(verdicts.slope_without_cost(OVER_1) - 8) < 0.06
    assert abs(verdicts.at_twice(right.critic(False, False, False), 1.5) - 3) < 1e-4


@pytest.mark.again
def test_what_the_page_asserts_over_other_seeds():
    def found(k, n_steps, measure, world="ring", **knobs):
        program = right.program(codes[k], world)
        return measure(over_other_seeds(*program, right.KNOBS | knobs, n_steps))

    codes = {k: lesson[f"exhibit_{k}"] for k in range(1, 6)} | {0: right.code_with()}
    assert all(found(k, 60, verdicts.w1_to_ring).min() > 50 for k in (1, 3))
    good, streaks = (found(k, 200, verdicts.w1_to_ring) for k in (0, 4))
    assert good.max() < 0.4 < streaks.min()
    digits = dict(world="digits", lambda_gp=10.0)
    good, steep = (found(k, 100, verdicts.digit_distance, **digits) for k in (0, 2))
    assert good.max() < steep.min()
