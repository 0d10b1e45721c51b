"""Lesson 03: its step and its layer against plain code, its checks, and what it claims for seeds that it does not show."""

import contextlib
import functools
import io

import numpy as np
import pytest
import torch
from scipy.stats import norm
from test_panels import panels_of
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from gan_edu.lessons import l03_checks as checks
from gan_edu.lessons import l03_gaussian_gan_1d as room
from gan_edu.log import Log
from gan_edu.networks import MinibatchDiscrimination
from gan_edu.panel.figure import Figure
from gan_edu.run import Run, descend
from gan_edu.seeds import over_seeds
from notebooks import cells, definitions

SETTINGS = dict(batch_size=64, lr_d=0.01, lr_g=0.002)
COMPANY = dict(batch_size=12, lr_d=0.03, lr_g=0.03)
Z = torch.linspace(-1, 1, 1000)[:, None]


@pytest.fixture(scope="module")
def lesson():
    return definitions("03")


# ---- its code


def test_the_step_is_that_of_a_textbook(lesson):
    run = Run(lesson["build"], lesson["step"], SETTINGS, seed=3).steps(20)
    torch.manual_seed(3)
    gan = lesson["build"]()
    for opt, lr in ((gan.opt_D, 0.01), (gan.opt_G, 0.002)):
        opt.param_groups[0]["lr"] = lr
    for _ in range(20):
        x_real = 4 + 0.5 * torch.randn(64, 1)
        logits = gan.D(x_real), gan.D(gan.G(2 * torch.rand(64, 1) - 1).detach())
        ones = torch.ones(64, 1)
        loss_D = binary_cross_entropy_with_logits(logits[0], ones)
        loss_D = loss_D + binary_cross_entropy_with_logits(logits[1], 0 * ones)
        gan.opt_D.zero_grad()
        loss_D.backward()
        gan.opt_D.step()
        logits = gan.D(gan.G(2 * torch.rand(64, 1) - 1))
        loss_G = binary_cross_entropy_with_logits(logits, ones)
        gan.opt_G.zero_grad()
        loss_G.backward()
        gan.opt_G.step()
    assert run.log["loss of D"][-1] == pytest.approx(loss_D.item(), rel=1e-4)
    assert run.log["loss of G"][-1] == pytest.approx(loss_G.item(), rel=1e-4)


@pytest.mark.parametrize("build, knobs", [("build", SETTINGS), ("build_company", COMPANY)])
def test_the_step_of_the_page_runs_over_seeds_at_once(lesson, build, knobs, capsys):
    runs = over_seeds(lesson[build], lesson["step"], knobs, n_seeds=5, n_steps=30)
    alone = Run(lesson[build], lesson["step"], knobs, seed=4).steps(30)
    assert "one after another" not in capsys.readouterr().out
    assert np.allclose(runs.log["loss of G"][4], alone.log["loss of G"], rtol=1e-3)


def test_the_step_of_the_page_is_what_its_panels_train(monkeypatch):
    live = [panel for panel in panels_of("03", monkeypatch) if hasattr(panel, "run")]
    assert [panel.run.step.__name__ for panel in live] == ["solved_step", "solved_step"]


def test_a_learners_own_step_takes_the_place_of_the_solution():
    namespace = definitions("03")
    (solution,) = [cell for cell in cells("03", "solution") if "def solved_step" in cell.source]
    exec(solution.source.replace("solved_step", "my_step"), namespace)
    (check,) = [cell for cell in cells("03", "define") if "check_step(" in cell.source]
    exec(check.source, namespace)
    assert namespace["step"] is namespace["my_step"]


def as_published(activation):
    """The features of the source's minibatch layer, by loops: (N, K, d) -> (N, K)."""
    n, n_kernels, _ = activation.shape
    found = np.zeros((n, n_kernels))
    for i in range(n):
        for k in range(n_kernels):
            for j in range(n):
                distance = np.abs(activation[i, k] - activation[j, k]).sum() + (i == j)
                found[i, k] += np.exp(-distance)
    return found


@pytest.mark.parametrize("n", [1, 2, 12])
def test_the_layer_of_the_page_is_the_published_one(lesson, n):
    torch.manual_seed(n)
    layer, features = lesson["MinibatchLayer"](8), torch.randn(n, 8)
    layer.T.data *= 30
    M = (features @ layer.T).detach().double().reshape(n, 5, 3).numpy()
    out = layer(features).detach().numpy()
    assert np.array_equal(out[:, :8], features.numpy())
    assert np.allclose(out[:, 8:], as_published(M), rtol=1e-5)
    core = MinibatchDiscrimination(8)
    core.weight.data = layer.T.data
    assert np.allclose(out[:, 8:] - np.exp(-1), core(features).detach()[:, 8:], atol=1e-5)


def test_the_push_of_the_page_is_that_of_the_pictures(lesson):
    gan, x = lesson["build_company"](), torch.randn(12, 1)
    assert torch.equal(lesson["push_solution"](gan.D, x), room.push(gan.D, x))
    alone = lesson["build"]()
    x = x.requires_grad_()
    logit = alone.D(x)
    (slope,) = torch.autograd.grad(logit.sum(), x)
    by_formula = (1 - torch.sigmoid(logit)) * slope  # as the lesson says
    assert torch.allclose(room.push(alone.D, x), by_formula, atol=1e-6)


def test_the_best_discriminator_in_the_picture(lesson):
    """D* of a generator of N(4, 0.5^2) is 1/2; of N(3, 0.5^2) it is the sigmoid of the difference of log densities."""
    gan = lesson["build"]()
    for mean in (4.0, 3.0):
        gan.G = lambda z, mean=mean: torch.tensor(norm.ppf((z.numpy() + 1) / 2, mean, 0.5)).float()
        fig = Figure()
        room.view(fig, gan, Log())
        at, size, kind = fig.axes[3].head["layers"][0]["data"][1]
        best = np.frombuffer(bytes(fig.block), kind, size, at)
        inside = (room.X > mean - 1) & (room.X < mean + 1)
        wanted = 1 / (1 + np.exp(norm.logpdf(room.X, mean, 0.5) - norm.logpdf(room.X, 4, 0.5)))
        assert np.abs(best - wanted)[inside].max() < 0.02


# ---- its exercises


def test_stubs_are_not_answers_and_solutions_are(lesson, capsys):
    namespace = dict(lesson, settings=SETTINGS, z=Z)
    for cell in cells("03", "exercise"):
        exec(cell.source, namespace)
    for check, name in (
        (checks.check_step, "my_step"),
        (checks.check_push, "push"),
        (checks.check_closeness, "closeness"),
    ):
        assert not check(namespace[name])
    said = capsys.readouterr().out
    assert said.count("Not yet") == 6 and "Right" not in said
    assert checks.check_ideal_map(lesson["ideal_map_solution"])
    assert checks.check_step(lesson["solved_step"])
    assert checks.check_push(lesson["push_solution"])
    assert checks.check_closeness(lesson["closeness_solution"])
    assert checks.check_stair(lesson["stair_solution"])
    (loop,) = [cell for cell in cells("03", "solution") if "found" in cell.source]
    exec(loop.source, namespace)
    assert checks.check_three_runs(namespace["found"], lesson["build"], lesson["step"], SETTINGS)
    as_array = [(m, s * np.sqrt(999 / 1000)) for m, s in namespace["found"]]  # NumPy's std
    assert checks.check_three_runs(as_array, lesson["build"], lesson["step"], SETTINGS)


@pytest.mark.parametrize(
    "answer, hint",
    [
        (lambda z: 4 + 0.5 * norm.ppf(0.5 + z / 2), "Right"),
        (lambda z: ..., "still a blank"),
        (lambda z: norm.ppf(z, 4, 0.5), "Which share of the latents"),
        (lambda z: norm.ppf((z + 1) / 2, 4, 0.25), "not its square"),
        (lambda z: norm.cdf(z, 4, 0.5), "the way back"),
        (lambda z: norm.pdf(z, 4, 0.5), "the way back"),
        (lambda z: norm.ppf((z + 1) / 2), "N(0, 1)"),
        (lambda z: norm.ppf((1 - z) / 2, 4, 0.5), "mirror image"),
        (lambda z: z, "should be"),
    ],
)
def test_each_wrong_map_gets_its_own_hint(answer, hint, capsys):
    assert checks.check_ideal_map(answer) is (hint == "Right")
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


def both(real, fake):
    return softplus(-real).mean() + softplus(fake).mean()


def towards_real(fake):
    return softplus(-fake).mean()


def by_label(logits, label):
    return binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


@pytest.mark.parametrize(
    "step, hint",
    [
        (stepping(both, towards_real), "Right"),
        (
            stepping(lambda r, f: by_label(r, 1.0) + by_label(f, 0.0), lambda f: by_label(f, 1.0)),
            "Right",
        ),
        (stepping(lambda r, f: both(f, r), towards_real), "Whose logit should rise?"),
        (stepping(lambda r, f: softplus(-r).mean(), towards_real), "no half for the generated"),
        (stepping(lambda r, f: softplus(f).mean(), towards_real), "no half for the real"),
        (stepping(lambda r, f: both(r, f) / 2, towards_real), "the sum of two means"),
        (stepping(both, lambda f: softplus(f).mean()), "G helps D"),
        (stepping(both, lambda f: -softplus(f).mean()), "the minimax loss"),
        (stepping(both, towards_real, cut=False), "no detach in this half"),
        (stepping(both, towards_real, again=True), "draw new ones"),
        (stepping(lambda r, f: both(r, f) * 3, towards_real), "should be"),
        (stepping(lambda r, f: softplus(-r) + softplus(f), towards_real), "your code stops with"),
        (lambda gan, knobs: None, "your code stops with ValueError: step must return numbers"),
        (None, "write a function"),
    ],
)
def test_each_wrong_step_gets_its_own_hint(step, hint, capsys):
    assert checks.check_step(step) is (hint == "Right")
    assert hint in capsys.readouterr().out


def slope(of):
    def answer(D, x):
        x = x.detach().requires_grad_()
        return torch.autograd.grad(of(D(x)), x)[0]

    return answer


@pytest.mark.parametrize(
    "answer, hint",
    [
        (lambda D, x: -slope(lambda a: softplus(-a).sum())(D, x), "Right"),
        (slope(lambda a: torch.sigmoid(a).log().sum()), "Right"),
        (lambda D, x: None, "returns nothing yet"),
        (slope(lambda a: softplus(-a).sum()), "this leads uphill. G"),
        (slope(lambda a: softplus(-a).mean()), "uphill, and the mean divides"),
        (slope(lambda a: -softplus(-a).mean()), "Take the sum"),
        (slope(lambda a: a.sum()), "the slope of the logit"),
        (slope(lambda a: softplus(a).sum()), "the push of the minimax loss"),
        (slope(lambda a: a.square().sum()), "should be"),
    ],
)
def test_each_wrong_push_gets_its_own_hint(answer, hint, capsys):
    assert checks.check_push(answer) is (hint == "Right")
    assert hint in capsys.readouterr().out


def counts(closeness=lambda c: torch.exp(-c), eye=1.0, power=1, root=1, total=torch.sum):
    def answer(M):
        c = (M[:, None] - M[None]).abs().pow(power).sum(-1) ** (1 / root)
        return total(closeness(c + eye * torch.eye(len(M))[..., None]), 1)

    return answer


@pytest.mark.parametrize(
    "answer, hint",
    [
        (counts(), "Right"),
        (lambda M: torch.exp(-torch.cdist(M.transpose(0, 1), M.transpose(0, 1), p=1)
                             - torch.eye(len(M))).sum(2).T, "Right"),
        (lambda M: None, "returns nothing yet"),
        (counts(eye=0.0), "counts itself with exp(−0) = 1"),
        (counts(eye=1e9), "left out"),
        (counts(total=torch.mean), "this is the mean"),
        (counts(power=2), "not squared ones"),
        (counts(closeness=torch.exp), "*minus* the distance"),
        (lambda M: counts()(M.detach()), "their gradient is not"),
        (lambda M: counts()(M).sum(1), "must have shape (4, 5)"),
        (counts(closeness=lambda c: 1 / (1 + c)), "should be"),
    ],
)  # fmt: skip
def test_each_wrong_count_gets_its_own_hint(answer, hint, capsys):
    assert checks.check_closeness(answer) is (hint == "Right")
    assert hint in capsys.readouterr().out


@pytest.mark.parametrize(
    "answer, hint",
    [
        (lambda n: 2.0 ** -(n // 500), "Right"),
        (lambda n: None, "returns nothing yet"),
        (lambda n: 0.5 ** (n / 500), "falls in every step"),
        (lambda n: 1 - 0.5 * (n // 500), "subtracted"),
        (lambda n: 1 / (n // 500 + 1), "divides by the number"),
    ],
)
def test_each_wrong_stair_gets_its_own_hint(answer, hint, capsys):
    assert checks.check_stair(answer) is (hint == "Right")
    assert hint in capsys.readouterr().out


@pytest.fixture(scope="module")
def ended(lesson):
    @functools.cache
    def after(seed, n_steps):
        x = Run(lesson["build"], lesson["step"], SETTINGS, seed=seed).steps(n_steps).gan.G(Z)
        return x.mean(), x.std()

    return after


@pytest.mark.parametrize(
    "seeds, n_steps, hint",
    [((), 1000, "still empty"), ((0, 0, 0), 1000, "the same run"), ((0, 1, 2), 0, "not trained"),
     ((0, 1), 1000, "must have shape (3, 2)"), ((0, 1, 3), 1000, "should be")],
)  # fmt: skip
def test_each_wrong_loop_gets_its_own_hint(lesson, ended, seeds, n_steps, hint, capsys):
    found = [ended(seed, n_steps) for seed in seeds]
    assert not checks.check_three_runs(found, lesson["build"], lesson["step"], SETTINGS)
    assert hint in capsys.readouterr().out


# ---- what it says of 64 runs, for 64 others


def ends(lesson, build="build", knobs=SETTINGS, n_steps=1000, step="step", scale=1.0, n_seeds=64):
    """Return mean and std of runs with seeds that the page does not show, and the players."""
    make = build if callable(build) else lesson[build]

    def others():
        torch.manual_seed(1000 + torch.initial_seed())
        return make()

    with contextlib.redirect_stdout(io.StringIO()):
        runs = over_seeds(others, lesson[step], knobs, n_seeds=n_seeds, n_steps=n_steps)
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
    assert (
        succeeded(*ends(lesson, knobs=slow))
        < 20
        < succeeded(*ends(lesson, knobs=slow, n_steps=3000))
    )
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
    start, *_ = ends(lesson, published(), old | dict(lr=0.005), 1000, "published_step", 8.0)
    later, *_ = ends(lesson, published(), old | dict(lr=0.005), 1150, "published_step", 8.0)
    assert 0.2 < (abs(later - 4) > abs(start - 4)).double().mean() < 0.65
