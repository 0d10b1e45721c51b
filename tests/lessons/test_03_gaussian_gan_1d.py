"""Lesson 03: its step and its layer against plain code, and its checks."""

import numpy as np
import pytest
import torch
from hints import each_wrong
from others import over_other_seeds
from scipy.stats import norm
from test_panels import panels_of
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import softplus

from gan_edu.lessons import l03_checks as checks
from gan_edu.lessons import l03_gaussian_gan_1d as room
from gan_edu.losses import discriminator_loss as both
from gan_edu.losses import generator_loss_nonsaturating as towards_real
from gan_edu.networks import MinibatchDiscrimination
from gan_edu.run import Run, descend
from gan_edu.seeds import over_seeds
from notebooks import cells

SETTINGS = dict(batch_size=64, lr_d=0.01, lr_g=0.002)
COMPANY = dict(batch_size=12, lr_d=0.03, lr_g=0.03)
Z = torch.linspace(-1, 1, 1000)[:, None]


@pytest.mark.parametrize("build, knobs", [("build", SETTINGS), ("build_company", COMPANY)])
def test_the_step_of_the_page_runs_over_seeds_at_once(lesson, build, knobs, capsys):
    over_seeds(lesson[build], lesson["step"], knobs, n_seeds=3, n_steps=4)
    assert "one after another" not in capsys.readouterr().out


def test_the_step_of_the_page_is_what_its_panels_train(monkeypatch):
    live = [panel for panel in panels_of("03", monkeypatch) if hasattr(panel, "run")]
    assert [panel.run.step.__name__ for panel in live] == ["solved_step", "solved_step"]


@pytest.mark.parametrize("n", [1, 2, 12])
def test_the_layer_of_the_page_is_the_cores_but_counts_each_sample_itself(lesson, n):
    torch.manual_seed(n)
    layer, core = lesson["MinibatchLayer"](8), MinibatchDiscrimination(8)
    features = torch.randn(n, 8)
    layer.T.data *= 30
    core.weight.data = layer.T.data
    before, out = layer(features).split((8, 5), 1)
    assert torch.equal(before, features)  # in the source each sample counts itself, at distance 1
    assert torch.allclose(out - np.exp(-1), core(features)[:, 8:], atol=1e-5)


def test_the_push_of_the_page_is_that_of_the_pictures_and_of_the_formula(lesson):
    gan, x = lesson["build_company"](), torch.randn(12, 1, requires_grad=True)
    assert torch.equal(lesson["push_solution"](gan.D, x), room.push(gan.D, x))
    alone = lesson["build"]().D
    (slope,) = torch.autograd.grad(alone(x).sum(), x)
    by_formula = (1 - torch.sigmoid(alone(x))) * slope  # as the lesson says
    assert torch.allclose(room.push(alone, x), by_formula, atol=1e-6)


def test_solutions_are_right_answers(lesson, capsys):
    assert checks.check_step(lesson["solved_step"]) and checks.check_push(lesson["push_solution"])
    assert checks.check_closeness(lesson["closeness_solution"])
    assert checks.check_stair(lesson["stair_solution"])
    namespace = dict(lesson, settings=SETTINGS, z=Z)
    (loop,) = [cell for cell in cells("03", "solution") if "found" in cell.source]
    exec(loop.source, namespace)
    more = lesson["build"], lesson["step"], SETTINGS
    assert checks.check_three_runs(namespace["found"], *more)
    as_array = [(m, s * np.sqrt(999 / 1000)) for m, s in namespace["found"]]  # NumPy's std
    assert checks.check_three_runs(as_array, *more)
    wrong = {"still empty": [], "must have shape (3, 2)": as_array[:2], "the same run": as_array[:1] * 3}  # fmt: skip
    untrained = [Run(*more, seed=seed).gan.G(Z).detach() for seed in range(3)]
    wrong |= {"not trained": [(x.mean(), x.std()) for x in untrained], "should be": as_array[::-1]}
    for hint, found in wrong.items():
        assert not checks.check_three_runs(found, *more)
        assert hint in capsys.readouterr().out


def stepping(loss_of_D, loss_of_G, cut=True, again=False):
    """A learner's step with these losses of logits."""

    def step(gan, knobs):
        n = knobs.batch_size
        z = 2 * torch.rand(n, 1) - 1
        x_fake, x_real = gan.G(z).detach(), 4 + 0.5 * torch.randn(n, 1)
        loss_D = loss_of_D(gan.D(x_real), gan.D(x_fake))
        descend(gan.opt_D, loss_D, lr=knobs.lr_d)
        z = z if again else 2 * torch.rand(n, 1) - 1
        x_fake = gan.G(z) if cut else gan.G(z).detach()
        loss_G = loss_of_G(gan.D(x_fake))
        descend(gan.opt_G, loss_G, lr=knobs.lr_g)
        return {"loss of D": loss_D, "loss of G": loss_G}

    return step


def slope(of):
    def answer(D, x):
        x = x.detach().requires_grad_()
        return torch.autograd.grad(of(D(x)), x)[0]

    return answer


def counts(closeness=lambda c: torch.exp(-c), eye=1.0, power=1, root=1, total=torch.sum):
    def answer(M):
        c = (M[:, None] - M[None]).abs().pow(power).sum(-1) ** (1 / root)
        return total(closeness(c + eye * torch.eye(len(M))[..., None]), 1)

    return answer


test_each_wrong_map_gets_its_own_hint = each_wrong(checks.check_ideal_map,
    (lambda z: 4 + 0.5 * norm.ppf(0.5 + z / 2), "Right"), (lambda z: ..., "still a blank"),
    (lambda z: norm.ppf(z, 4, 0.5), "Which share of the latents"), (lambda z: norm.ppf((z + 1) / 2, 4, 0.25), "not its square"),
    (lambda z: norm.cdf(z, 4, 0.5), "the way back"), (lambda z: norm.pdf(z, 4, 0.5), "the way back"),
    (lambda z: norm.ppf((z + 1) / 2), "N(0, 1)"), (lambda z: norm.ppf((1 - z) / 2, 4, 0.5), "mirror image"), (lambda z: z, "should be"),
)  # fmt: skip

test_each_wrong_step_gets_its_own_hint = each_wrong(checks.check_step,
    (stepping(both, towards_real), "Right"),
    (stepping(lambda r, f: bce(r, 0 * r + 1) + bce(f, 0 * f), lambda f: bce(f, 0 * f + 1)), "Right"),
    (stepping(lambda r, f: both(f, r), towards_real), "Whose logit should rise?"),
    (stepping(lambda r, f: softplus(-r).mean(), towards_real), "no half for the generated"),
    (stepping(lambda r, f: softplus(f).mean(), towards_real), "no half for the real"),
    (stepping(lambda r, f: both(r, f) / 2, towards_real), "the sum of two means"),
    (stepping(both, lambda f: softplus(f).mean()), "G helps D"), (stepping(both, lambda f: -softplus(f).mean()), "the minimax loss"),
    (stepping(both, towards_real, cut=False), "no detach in this half"), (stepping(both, towards_real, again=True), "draw new ones"),
    (stepping(lambda r, f: both(r, f) * 3, towards_real), "should be"),
    (stepping(lambda r, f: softplus(-r) + softplus(f), towards_real), "your code stops with"),
    (lambda gan, knobs: None, "your code stops with ValueError: step must return numbers"), (None, "write a function"),
)  # fmt: skip

test_each_wrong_push_gets_its_own_hint = each_wrong(checks.check_push,
    (lambda D, x: -slope(lambda a: softplus(-a).sum())(D, x), "Right"), (slope(lambda a: torch.sigmoid(a).log().sum()), "Right"),
    (lambda D, x: None, "returns nothing yet"), (slope(lambda a: softplus(-a).sum()), "this leads uphill. G"),
    (slope(lambda a: softplus(-a).mean()), "uphill, and the mean divides"), (slope(lambda a: -softplus(-a).mean()), "Take the sum"),
    (slope(lambda a: a.sum()), "the slope of the logit"), (slope(lambda a: softplus(a).sum()), "the push of the minimax loss"),
    (slope(lambda a: a.square().sum()), "should be"),
)  # fmt: skip

test_each_wrong_count_gets_its_own_hint = each_wrong(checks.check_closeness,
    (counts(), "Right"),
    (lambda M: torch.exp(-torch.cdist(M.transpose(0, 1), M.transpose(0, 1), p=1) - torch.eye(len(M))).sum(2).T, "Right"),
    (lambda M: None, "returns nothing yet"), (counts(eye=0.0), "counts itself with exp(−0) = 1"), (counts(eye=1e9), "left out"),
    (counts(total=torch.mean), "this is the mean"), (counts(power=2), "not squared ones"),
    (counts(closeness=torch.exp), "*minus* the distance"), (lambda M: counts()(M.detach()), "their gradient is not"),
    (lambda M: counts()(M).sum(1), "must have shape (4, 5)"), (counts(closeness=lambda c: 1 / (1 + c)), "should be"),
)  # fmt: skip

test_each_wrong_stair_gets_its_own_hint = each_wrong(checks.check_stair,
    (lambda n: 2.0 ** -(n // 500), "Right"), (lambda n: None, "returns nothing yet"), (lambda n: 0.5 ** (n / 500), "falls in every step"),
    (lambda n: 1 - 0.5 * (n // 500), "subtracted"), (lambda n: 1 / (n // 500 + 1), "divides by the number"),
)  # fmt: skip


# ---- what the page says of 64 runs, for 64 others


def ends(lesson, build="build", knobs=SETTINGS, n_steps=1000, step="step", scale=1.0, n_seeds=64):
    """Return mean and std of runs with seeds that the page does not show, and the players."""
    build = build if callable(build) else lesson[build]
    runs = over_other_seeds(build, lesson[step], knobs, n_steps, n_seeds)
    x = runs.members(runs.gan.G(scale * Z.repeat(n_seeds, 1))).detach()[..., 0]
    return x.mean(1), x.std(1), runs


def succeeded(mean, std, _):
    return int(room.succeeds(mean, std).sum())


@pytest.mark.again
def test_one_change_at_a_time_holds_for_other_seeds(lesson):
    few = succeeded(*ends(lesson))
    assert few > 54 and succeeded(*ends(lesson, n_steps=2000)) < few - 8
    assert succeeded(*ends(lesson, "build_sgd", SETTINGS | dict(lr_d=0.15, lr_g=0.03))) < 20
    slow = SETTINGS | dict(lr_d=0.002)
    assert succeeded(*ends(lesson, knobs=slow)) < 20
    assert succeeded(*ends(lesson, knobs=slow, n_steps=3000)) > 20
    assert succeeded(*ends(lesson, knobs=SETTINGS | dict(batch_size=12))) > 54
    assert 36 < succeeded(*ends(lesson, "build_normal")) < 58
    assert succeeded(*ends(lesson, step="stair_step", n_steps=2000)) > few - 4


@pytest.mark.again
def test_the_two_presets_fail_as_the_page_says_for_other_seeds(lesson):
    mean, _, runs = ends(lesson, knobs=SETTINGS | dict(lr_d=0.1))
    pushes = runs.members(room.push(runs.gan.D, runs.gan.G(Z.repeat(64, 1)))).abs().mean(1)
    assert (pushes < 1e-3).sum() > 54 and ((mean > 0.7) & (mean < 2.5)).sum() > 44
    assert abs(np.median(runs.log["loss of D"][:, -30:]) - 2 * np.log(2)) < 0.02
    mean, std, _ = ends(lesson, knobs=SETTINGS | dict(lr_g=0.02))
    assert std.median() < 0.15 and mean.min() < 3.4 and mean.max() > 4.6


@pytest.mark.again
def test_company_helps_for_other_seeds(lesson):
    _, std, _ = alone = ends(lesson, "build_sgd", COMPANY)
    assert succeeded(*alone) <= 8 and std.median() < 0.3
    assert succeeded(*ends(lesson, "build_shallow", COMPANY)) <= 10
    assert succeeded(*ends(lesson, "build_company", COMPANY)) > 34
    fast = COMPANY | dict(lr_d=0.1, lr_g=0.1)
    mean, std, _ = ends(lesson, "build_company", fast)
    plain, *_ = ends(lesson, "build_sgd", fast)
    assert (abs(mean - 4) > 3).double().mean() > 0.5 > (abs(plain - 4) > 3).double().mean()
    assert succeeded(*ends(lesson, "build_company", COMPANY | dict(batch_size=64), n_seeds=8)) == 0


@pytest.mark.again
def test_published_versions_fail_for_other_seeds(lesson):
    published, old = lesson["published"], dict(batch_size=12, stair=0.95, pretraining=1000)
    new = dict(batch_size=8, stair=1.0, pretraining=0, lr=0.001)
    june = published(act=nn.ReLU, optimizer=torch.optim.Adam)
    for make, values, n_steps in (
        (published(), old | dict(lr=0.005), 2200),
        (published(minibatch=True), old | dict(lr=0.005), 2200),
        (published(), old | dict(lr=0.03), 2200),
        (june, new, 5000),
    ):
        found = ends(lesson, make, values, n_steps, "published_step", 8.0, n_seeds=16)
        assert succeeded(*found) <= 6
