"""Lesson 08: its penalty against formulas and the core, its checks, its critics, its table, its claims over other seeds."""

import contextlib
import io
import re

import numpy as np
import pytest
import torch

from benchmarks import ring_methods
from gan_edu.datasets import gaussian_ring
from gan_edu.lessons import l08_bugs as bugs
from gan_edu.lessons import l08_checks as checks
from gan_edu.lessons import l08_methods as methods
from gan_edu.lessons import l08_wgan_gp as room
from gan_edu.lessons.l08_double_gradient import double_gradient
from gan_edu.lessons.l08_penalties import penalty_with
from gan_edu.losses import gradient_penalty
from gan_edu.metrics import wasserstein_samples
from gan_edu.networks import mlp
from gan_edu.run import Run, descend
from gan_edu.seeds import over_seeds
from notebooks import cells, definitions

right = penalty_with()


@pytest.fixture(scope="module")
def lesson():
    return definitions("08")


# ---- the penalty, the loop, the best critic


@pytest.mark.parametrize("seed", range(3))
def test_the_penalty_of_the_page_is_the_cores_to_the_last_bit(lesson, seed):
    torch.manual_seed(seed)
    D, x_real, x_fake = mlp(2, 64, 64, 1), torch.randn(128, 2), torch.randn(128, 2)
    found = []
    for one in (lesson["penalty_solution"], gradient_penalty, right):
        torch.manual_seed(seed)
        value = one(D, x_real, x_fake)
        found.append([value, *torch.autograd.grad(value, list(D.parameters())[:-1])])
    assert all(torch.equal(a, b) for other in found[1:] for a, b in zip(found[0], other))


def test_the_penalty_by_formula_and_its_push_by_a_small_change(lesson):
    x_real, x_fake = torch.randn(2, 50, 2, generator=torch.Generator().manual_seed(3)).double()

    def value(scale):
        torch.manual_seed(1)
        D = lambda x: scale * ((3 * x[:, 0]).sin() + x[:, 1] ** 2)  # noqa: E731
        return lesson["penalty_solution"](D, x_real, x_fake)

    torch.manual_seed(1)
    eps = torch.rand(50, 1)
    x = (eps * x_real + (1 - eps) * x_fake).numpy()
    norm = 0.7 * np.hypot(3 * np.cos(3 * x[:, 0]), 2 * x[:, 1])
    scale = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    assert value(scale).item() == pytest.approx(np.mean((norm - 1) ** 2), rel=1e-6)
    (push,) = torch.autograd.grad(value(scale), scale)
    assert push.item() == pytest.approx((value(0.701) - value(0.699)).item() / 0.002, rel=1e-4)


def test_the_step_of_the_page_is_the_cores_to_the_last_bit(lesson):
    knobs = dict(lesson["settings"], batch_size=32, n_critic=2)
    mine = Run(lesson["build"], lesson["step"], knobs, seed=1).steps(5)
    other = Run(lesson["build"], ring_methods.wasserstein_step, knobs, seed=1).steps(5)
    assert all(map(torch.equal, mine.gan.G.parameters(), other.gan.G.parameters()))
    assert mine.step.__name__ == "step_solution"


@pytest.mark.parametrize("method", ["penalty", "clipping", "none"])
def test_it_runs_over_seeds_at_once(lesson, method, capsys):
    knobs = lesson["settings"] | dict(method=method, n_critic=2)
    runs = over_seeds(lesson["build"], lesson["step"], knobs, n_seeds=3, n_steps=15)
    assert "one after another" not in capsys.readouterr().out
    alone = runs.run(2)
    assert np.allclose(runs.log["penalty"][2], alone.log["penalty"], rtol=1e-2)
    fake = alone.gan.G(torch.randn(1000, 2)).detach()
    eps, real = torch.rand(1000, 1), lesson["ring"](1000)
    norm = room.gradients(alone.gan.D, eps * real + (1 - eps) * fake).norm(dim=1).mean().item()
    norms, w1, expected = (one[2].item() for one in methods.steepness(runs, 0.5))
    assert norms == pytest.approx(norm, rel=0.15) and expected == pytest.approx(1 + w1)
    assert w1 == pytest.approx(wasserstein_samples(real, fake), rel=0.15)


@pytest.mark.parametrize("kind", ["lowest", "midway", "highest"])
def test_the_best_critics_reach_w1_and_are_never_steeper_than_1(kind):
    torch.manual_seed(0)
    x_real, x_fake = gaussian_ring(60, radius=1.4, sigma=0.1), torch.randn(60, 2)
    critics, plan = room.best_critics(x_real, x_fake)
    D, (x, y), t = critics[kind], 2 * torch.randn(2, 500, 2), torch.rand(60, 1)
    gap = (D(x_real).mean() - D(x_fake).mean()).item()
    assert gap == pytest.approx(wasserstein_samples(x_real, x_fake), abs=2e-4)
    assert ((D(x) - D(y)).abs() <= (x - y).norm(dim=1) + 1e-3).all()
    assert (critics["lowest"](x) <= D(x) + 1e-3).all() and (D(x) <= critics["highest"](x) + 1e-3).all()  # fmt: skip
    on_plan = room.gradients(D, t * x_real + (1 - t) * x_fake[plan]).norm(dim=1)
    assert (on_plan - 1).abs().median() < 1e-3
    free = (room.gradients(D, x).norm(dim=1) - 1).abs().quantile(0.9)
    assert free > 0.05 if kind == "midway" else free < 1e-3


def test_tables_and_the_diagram_and_what_was_stored():
    page, stored = double_gradient().data, methods.load_methods()
    assert page.count('type="radio"') == page.count("<code") == page.count("<p ") == 5
    assert methods.methods_table(stored).data.count("<tr>") == 1 + 3 * 3 + 1
    for method, one in stored["table"].items():
        tried = [found["W1"][1] for _, found in stored["searched"][method]]
        (best,) = [k for k, found in stored["searched"][method] if found["W1"][1] == min(tried)]
        assert one["setting"] == best and len(tried) == len(list(ring_methods.settings(method)))
    assert methods.searched_table(stored).data.count("<tr>") == 4
    assert methods.frozen_table(stored).data.count("<tr>") == 5


def test_the_symptoms_are_those_of_the_broken_cells_and_not_of_the_repaired_ones(lesson):
    flat = [bugs.where_flat(it=one).data.count("nan") for one in (lesson["penalty_a"], right)]
    weights = [re.findall(r"-?0\.\d{7}", bugs.by_lambda(one).data) for one in (lesson["penalty_b"], right)]  # fmt: skip
    assert flat == [1, 0] and [len(set(two)) for two in weights] == [1, 2]
    assert "backward through the graph a second time" in bugs.last_line(lesson["step_c"]).data
    assert bugs.tried(lesson["step_repaired"])[:2] == ("", 1)
    options = "the mean", "the spread", "both", "nothing"
    assert bugs.spread(lesson["penalty_d"], options)[0] == "the spread"
    (_, fine), (_, noisy) = bugs.means_and_spreads([right, lesson["penalty_d"]])
    assert 1.8 < noisy / fine < 8
    assert 0.1 < np.median(bugs.company(lesson["critic_e"])) < 0.8
    assert max(bugs.company(lesson["critic_repaired"])) < 1e-4


# ---- its exercises


def test_stubs_are_not_answers_and_solutions_are(lesson, capsys):
    namespace = dict(lesson)
    for cell in cells("08", "exercise"):
        if "from gan_edu" not in cell.source:
            exec(cell.source, namespace)
    assert not checks.check_rise(namespace["rise"])
    assert not checks.check_five_lines(namespace["my_penalty"])
    assert not checks.check_gp_step(namespace["my_step"], right)
    assert capsys.readouterr().out.count("still a blank") == 3
    assert checks.check_rise(lesson["rise"])
    assert checks.check_five_lines(lesson["penalty_solution"])
    assert checks.check_gp_step(lesson["step_solution"], lesson["gradient_penalty"])
    assert checks.check_repairs(lesson["repaired"])


@pytest.mark.parametrize("answer, hint", [
    (lambda u, v, d, i, j: (u[i] + v[j]) / d[i, j], "Right"), (lambda u, v, d, i, j: ..., "still a blank"),
    (lambda u, v, d, i, j: (u[i] - v[j]) / d[i, j], "v is a price"), (lambda u, v, d, i, j: u[i] + v[j], "Divide it by the distance"),
    (lambda u, v, d, i, j: (-v[j] - u[i]) / d[i, j], "down to the generated one"),
    (lambda u, v, d, i, j: (u[i] + v[j]) / d[j, i], "columns to generated ones"),
    (lambda u, v, d, i, j: (u[i] + v[j]) / d[i, j].mean(), "an average distance"), (lambda u, v, d, i, j: u[i] / d[i, j], "should be"),
])  # fmt: skip
def test_each_wrong_rise_gets_its_own_hint(answer, hint, capsys):
    assert checks.check_rise(answer) is (hint == "Right")
    assert hint in capsys.readouterr().out


def penalty(D, x_real, x_fake, eps=None, cut=True, watched=True, graph=True, norm=None, last=None, of=torch.sum):  # fmt: skip
    """A learner's penalty, written differently, with room for one mistake."""
    a = torch.rand(len(x_real))[:, None] if eps is None else eps(len(x_real))
    x = a * x_real + (1 - a) * x_fake
    x = x.detach() if cut else x
    x = x.requires_grad_() if watched else x
    out = of(D(x))
    g = torch.autograd.grad(out, x, create_graph=graph)[0]
    n = g.norm(2, dim=1) if norm is None else norm(g)
    return ((n - 1) ** 2).mean() if last is None else last(n)


def wrong(**mistake):
    return lambda D, x_real, x_fake: penalty(D, x_real, x_fake, **mistake)


@pytest.mark.parametrize("answer, hint", [
    (wrong(), "Right"), (lambda D, r, f: penalty(D, f, r), "Right"), (lambda D, r, f: ..., "still a blank"),
    (lambda D, r, f: None, "returns nothing yet"), (wrong(eps=lambda n: torch.rand(1, 1)), "one ε for the whole batch"),
    (wrong(eps=lambda n: torch.rand(n, 2)), "leaves the line"), (wrong(eps=lambda n: torch.randn(n, 1)), "not torch.randn"),
    (wrong(watched=False), "keeps track of x_hat"), (wrong(graph=False), "create_graph=True"),
    (wrong(norm=lambda g: g.norm()), "one norm for the whole batch"), (wrong(norm=lambda g: g.norm(dim=0)), "adds up over the samples"),
    (wrong(norm=lambda g: g.square().sum(1)), "the root is missing"),
    (wrong(norm=lambda g: g.square().sum(1).sqrt()), "right, until the critic is flat"), (wrong(cut=False), "detach x_hat"), (wrong(of=torch.mean), "Take their sum"),
    (wrong(last=lambda n: (n**2).mean()), "where is the − 1"), (wrong(last=lambda n: (n - 1).mean()), "the square is missing"),
    (wrong(last=lambda n: (n - 1).abs().mean()), "The paper squares it"),
    (wrong(last=lambda n: (n - 1).clamp(min=0).square().mean()), "has two sides"),
    (wrong(last=lambda n: (n - 1).square().sum()), "not the sum"), (wrong(last=lambda n: (n - 1).square()), "must be one number"),
    (wrong(last=lambda n: (n - 2).square().mean()), "should be"),
])  # fmt: skip
def test_each_wrong_five_lines_gets_its_own_hint(answer, hint, capsys):
    assert checks.check_five_lines(answer) is (hint == "Right")
    said = capsys.readouterr().out
    assert hint in said and said.count("\n") == 1


def stepping(loss):
    def step(gan, knobs):
        n = knobs.batch_size
        for _ in range(knobs.n_critic):
            x_real, x_fake = gaussian_ring(n, radius=1.4, sigma=0.1), gan.G(torch.randn(n, 2)).detach()  # fmt: skip
            gap = gan.D(x_real).mean() - gan.D(x_fake).mean()
            weight = knobs.lambda_gp if knobs.method == "penalty" else 0.0
            loss_D = loss(gap, weight, right(gan.D, x_real, x_fake), knobs.lambda_gp)
            descend(gan.opt_D, loss_D, lr=knobs.lr_d)
        descend(gan.opt_G, -gan.D(gan.G(torch.randn(n, 2))).mean(), lr=knobs.lr_g)
        return {"critic gap": gap}

    return step


@pytest.mark.parametrize("step, hint", [
    (stepping(lambda gap, w, p, k: w * p - gap), "Right"), (stepping(lambda gap, w, p, k: ...), "still a blank"),
    (stepping(lambda gap, w, p, k: gap + w * p), "minus the gap"), (stepping(lambda gap, w, p, k: -gap - w * p), "paid for its penalty"),
    (stepping(lambda gap, w, p, k: -gap), "does not contain it"), (stepping(lambda gap, w, p, k: w * p + 0 * gap), "the gap is missing"),
    (stepping(lambda gap, w, p, k: p - gap), "(weight) is missing"), (stepping(lambda gap, w, p, k: k * p - gap), "use weight"),
    (stepping(lambda gap, w, p, k: 2 * w * p - gap), "should be"), (None, "write a function"),
])  # fmt: skip
def test_each_wrong_gp_step_gets_its_own_hint(step, hint, capsys):
    assert checks.check_gp_step(step, right) is (hint == "Right")
    assert hint in capsys.readouterr().out


def stepping_c(cut, **backward):
    """A learner's repair of cell (c)."""

    def step(gan):
        x_real, x_fake = gaussian_ring(64), gan.G(torch.randn(64, 2))
        x = x_fake.detach() if cut else x_fake
        gan.opt_D.zero_grad()
        (gan.D(x).mean() - gan.D(x_real).mean() + right(gan.D, x_real, x)).backward(**backward)
        gan.opt_D.step()
        descend(gan.opt_G, -gan.D(x_fake).mean())

    return step


def critic(norm=None):
    layers = torch.nn.Linear(2, 9), norm or torch.nn.Identity(), torch.nn.Tanh(), torch.nn.Linear(9, 1)  # fmt: skip
    return torch.nn.Sequential(*layers)


def repairs(**changed):
    return dict.fromkeys("abd", wrong()) | dict(c=stepping_c(True), e=critic) | changed


@pytest.mark.parametrize("answer, hint", [
    (repairs(), "Right"), ({}, "repaired: nothing yet. Cell a: write a function"), (None, "write a function"),
    (repairs(a=wrong(norm=lambda g: g.square().sum(1).sqrt())), "repaired: b, c, d, e. Cell a: the weights still become nan"),
    (repairs(b=wrong(graph=False)), "λ still has no effect"), (repairs(b=lambda D, r, f: ...), "Cell b: there is still a blank"),
    (repairs(c=stepping_c(False)), "still ends with: Trying to backward"),
    (repairs(c=stepping_c(False, retain_graph=True)), "still goes back through G"),
    (repairs(c=lambda gan: descend(gan.opt_G, -gan.D(gan.G(torch.randn(8, 2))).mean())), "G and D should both move"),
    (repairs(d=wrong(eps=lambda n: torch.rand(1))), "How many different ε"), (repairs(d=wrong(last=lambda n: (n**2).mean())), "where is the − 1"),
    (repairs(e=lambda: critic(torch.nn.BatchNorm1d(9))), "Which layer looks at the whole batch"),
    (repairs(e=lambda: critic(torch.nn.BatchNorm1d(9)).eval()), "Which layer looks at the whole batch"),
    (repairs(e=lambda: 1 / 0), "stops with ZeroDivisionError"),
])  # fmt: skip
def test_each_wrong_repair_gets_its_own_hint(answer, hint, capsys):
    assert checks.check_repairs(answer) is (hint == "Right")
    said = capsys.readouterr().out
    assert hint in said and said.count("\n") == 1


# ---- what it says of eight seeds, for eight others


@pytest.mark.again
def test_claims_about_training_hold_for_other_seeds(lesson):
    def build():
        torch.manual_seed(100 + torch.initial_seed())
        return lesson["build"]()

    def trained(n_steps=300, **knobs):
        with contextlib.redirect_stdout(io.StringIO()):
            runs = over_seeds(build, lesson["step"], lesson["settings"] | knobs, 8, n_steps)
        x = runs.members(runs.gan.G(torch.randn(1000, 2).repeat(8, 1))).detach()
        share = [ring_methods.quality(one)[0] for one in x]
        return np.median(methods.steepness(runs, 1.0)[0]), np.median(share)

    again, stored = ring_methods.frozen(100.0, 1500), methods.load_methods()["frozen"]
    assert again == pytest.approx(stored["100.0"]["1500"], abs=0.2)
    assert 1.5 < trained(lambda_gp=0.1)[0] < 2.3 and trained(lambda_gp=0.001)[0] > 15
    assert 1.02 < trained()[0] < 1.15 and trained()[1] > 0.5 and trained(500)[1] > 0.6
    assert trained(lambda_gp=10.0)[1] < 0.25 and trained(lambda_gp=100.0)[1] < 0.2
    assert trained(method="none")[0] > 15 and trained(method="clipping")[0] < 0.6
