"""Lesson 08: its penalty against formulas and the core, its checks, its critics, its table, its claims over other seeds."""

import contextlib
import io
import re

import numpy as np
import pytest
import torch
from hints import each_wrong

from benchmarks import ring_methods
from gan_edu.datasets import gaussian_ring
from gan_edu.lessons import l08_bugs as bugs
from gan_edu.lessons import l08_checks as checks
from gan_edu.lessons import l08_methods as methods
from gan_edu.lessons import l08_wgan_gp as room
from gan_edu.lessons.l08_penalties import penalty_with
from gan_edu.losses import gradient_penalty
from gan_edu.networks import mlp
from gan_edu.run import Run, descend
from gan_edu.seeds import over_seeds

right = penalty_with()


def test_the_penalty_of_the_page_is_the_cores_to_the_last_bit(lesson):
    torch.manual_seed(0)
    D, x_real, x_fake = mlp(2, 64, 64, 1), torch.randn(128, 2), torch.randn(128, 2)
    found = []
    for one in (lesson["penalty_solution"], gradient_penalty, right):
        torch.manual_seed(1)
        value = one(D, x_real, x_fake)
        found.append([value, *torch.autograd.grad(value, list(D.parameters())[:-1])])
    assert all(torch.equal(a, b) for other in found[1:] for a, b in zip(found[0], other))


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
    fake, real, eps = runs.run(2).gan.G(torch.randn(1000, 2)), lesson["ring"](1000), torch.rand(1000, 1)  # fmt: skip
    norm = room.gradients(runs.run(2).gan.D, eps * real + (1 - eps) * fake).norm(dim=1).mean()
    norms, w1, expected = (one[2] for one in methods.steepness(runs, 0.5))
    assert norms == pytest.approx(norm.item(), rel=0.15) and expected == pytest.approx(1 + w1)


def test_the_stored_settings_are_the_best_of_those_tried():
    stored = methods.load_methods()
    for method, one in stored["table"].items():
        tried = [found["W1"][1] for _, found in stored["searched"][method]]
        (best,) = [k for k, found in stored["searched"][method] if found["W1"][1] == min(tried)]
        assert one["setting"] == best and len(tried) == len(list(ring_methods.settings(method)))


def test_the_symptoms_are_those_of_the_broken_cells_and_not_of_the_repaired_ones(lesson):
    flat = [bugs.where_flat(it=one).data.count("nan") for one in (lesson["penalty_a"], right)]
    weights = [re.findall(r"-?0\.\d{7}", bugs.by_lambda(one).data) for one in (lesson["penalty_b"], right)]  # fmt: skip
    assert flat == [1, 0] and [len(set(two)) for two in weights] == [1, 2]
    assert "backward through the graph a second time" in bugs.last_line(lesson["step_c"]).data
    assert bugs.tried(lesson["step_repaired"])[:2] == ("", 1)


test_each_wrong_rise_gets_its_own_hint = each_wrong(checks.check_rise,
    (lambda u, v, d, i, j: (u[i] + v[j]) / d[i, j], "Right"), (lambda u, v, d, i, j: ..., "still a blank"), (lambda u, v, d, i, j: (u[i] - v[j]) / d[i, j], "v is a price"),
    (lambda u, v, d, i, j: u[i] + v[j], "Divide it by the distance"), (lambda u, v, d, i, j: (-v[j] - u[i]) / d[i, j], "down to the generated one"),
    (lambda u, v, d, i, j: (u[i] + v[j]) / d[j, i], "columns to generated ones"), (lambda u, v, d, i, j: (u[i] + v[j]) / d[i, j].mean(), "an average distance"),
    (lambda u, v, d, i, j: u[i] / d[i, j], "should be"),
)  # fmt: skip


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


test_each_wrong_five_lines_gets_its_own_hint = each_wrong(checks.check_five_lines,
    (wrong(), "Right"), (lambda D, r, f: penalty(D, f, r), "Right"), (lambda D, r, f: ..., "still a blank"), (lambda D, r, f: None, "returns nothing yet"),
    (wrong(eps=lambda n: torch.rand(1, 1)), "one ε for the whole batch"), (wrong(eps=lambda n: torch.rand(n, 2)), "leaves the line"),
    (wrong(eps=lambda n: torch.randn(n, 1)), "not torch.randn"), (wrong(watched=False), "keeps track of x_hat"), (wrong(graph=False), "create_graph=True"),
    (wrong(norm=lambda g: g.norm()), "one norm for the whole batch"), (wrong(norm=lambda g: g.norm(dim=0)), "adds up over the samples"),
    (wrong(norm=lambda g: g.square().sum(1)), "the root is missing"), (wrong(norm=lambda g: g.square().sum(1).sqrt()), "right, until the critic is flat"), (wrong(cut=False), "detach x_hat"),
    (wrong(of=torch.mean), "Take their sum"), (wrong(last=lambda n: (n**2).mean()), "where is the − 1"), (wrong(last=lambda n: (n - 1).mean()), "the square is missing"),
    (wrong(last=lambda n: (n - 1).abs().mean()), "The paper squares it"), (wrong(last=lambda n: (n - 1).clamp(min=0).square().mean()), "has two sides"),
    (wrong(last=lambda n: (n - 1).square().sum()), "not the sum"), (wrong(last=lambda n: (n - 1).square()), "must be one number"),
    (wrong(last=lambda n: (n - 2).square().mean()), "should be"),
)  # fmt: skip


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


test_each_wrong_gp_step_gets_its_own_hint = each_wrong(checks.check_gp_step,
    (stepping(lambda gap, w, p, k: w * p - gap), "Right"), (stepping(lambda gap, w, p, k: ...), "still a blank"), (stepping(lambda gap, w, p, k: gap + w * p), "minus the gap"),
    (stepping(lambda gap, w, p, k: -gap - w * p), "paid for its penalty"), (stepping(lambda gap, w, p, k: -gap), "does not contain it"),
    (stepping(lambda gap, w, p, k: w * p + 0 * gap), "the gap is missing"), (stepping(lambda gap, w, p, k: p - gap), "(weight) is missing"),
    (stepping(lambda gap, w, p, k: k * p - gap), "use weight"), (stepping(lambda gap, w, p, k: 2 * w * p - gap), "should be"), (None, "write a function"),
)  # fmt: skip


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


test_each_wrong_repair_gets_its_own_hint = each_wrong(checks.check_repairs,
    (repairs(), "Right"), ({}, "repaired: nothing yet. Cell a: write a function"), (None, "write a function"),
    (repairs(a=wrong(norm=lambda g: g.square().sum(1).sqrt())), "repaired: b, c, d, e. Cell a: the weights still become nan"), (repairs(b=wrong(graph=False)), "λ still has no effect"),
    (repairs(b=lambda D, r, f: ...), "Cell b: there is still a blank"), (repairs(c=stepping_c(False)), "still ends with: Trying to backward"),
    (repairs(c=stepping_c(False, retain_graph=True)), "still goes back through G"),
    (repairs(c=lambda gan: descend(gan.opt_G, -gan.D(gan.G(torch.randn(8, 2))).mean())), "G and D should both move"), (repairs(d=wrong(eps=lambda n: torch.rand(1))), "How many different ε"),
    (repairs(d=wrong(last=lambda n: (n**2).mean())), "where is the − 1"), (repairs(e=lambda: critic(torch.nn.BatchNorm1d(9))), "Which layer looks at the whole batch"),
    (repairs(e=lambda: critic(torch.nn.BatchNorm1d(9)).eval()), "Which layer looks at the whole batch"), (repairs(e=lambda: 1 / 0), "stops with ZeroDivisionError"),
)  # fmt: skip


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
