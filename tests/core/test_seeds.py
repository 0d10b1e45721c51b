"""Many seeds: member k is the run of seed k, at once or one after another."""

import numpy as np
import pytest
import torch
from core import loops
from core.loops import LOOPS, RING_KNOBS, ring_build, ring_step
from torch import nn

from gan_edu import seeds
from gan_edu.datasets import gaussian_ring
from gan_edu.networks import MinibatchDiscrimination, mlp
from gan_edu.run import Players, Run, adam, descend
from gan_edu.seeds import over_seeds


def company_build():
    """A discriminator that looks at its batch, and reals that are drawn with replacement and sorted."""
    G = mlp(1, 8, 1)
    D = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), MinibatchDiscrimination(8), nn.Linear(13, 1))
    opt_G = torch.optim.SGD(G.parameters(), 0.1, momentum=0.9)
    return Players(G=G, D=D, opt_G=opt_G, opt_D=torch.optim.SGD(D.parameters(), 0.1), note="mine")


def company_step(gan, knobs):
    n = knobs.batch_size
    x_real = torch.linspace(0, 1, 10)[torch.randint(0, 10, (n,))][:, None]
    x_real, order = torch.sort(x_real + 0.01 * torch.randn_like(x_real), 0)
    z = torch.rand((n, 1))[order.squeeze(1)]
    like = nn.BCEWithLogitsLoss()
    real, fake = gan.D(x_real), gan.D(gan.G(z).detach())
    loss_D = like(real, torch.ones_like(real)) + like(fake, torch.zeros(n, 1))
    descend(gan.opt_D, loss_D, lr=knobs.lr)
    fake = gan.D(gan.G(torch.rand(n, 1)))
    loss_G = like(fake, torch.ones_like(fake))
    gan.opt_G.zero_grad()
    loss_G.backward()
    gan.opt_G.step()
    return {"loss D": loss_D, "loss G": loss_G, "lr": knobs.lr}


def relu_build():
    """A critic that begins with ReLU, which must not change the samples that it is given."""
    G, D = mlp(2, 8, 2), nn.Sequential(nn.ReLU(), nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))
    return Players(G=G, D=D, opt_G=adam(G), opt_D=adam(D))


def relu_step(gan, knobs):
    x_fake = gan.G(torch.randn(knobs.batch_size, 2))
    loss = -gan.D(x_fake).mean()
    descend(gan.opt_G, loss + x_fake.square().mean(), lr=0.01)
    return {"loss": loss, "x_fake": x_fake.mean()}


TOGETHER = {
    "ring": (ring_build, ring_step, RING_KNOBS),
    "clipped": (ring_build, loops.clipped_step, RING_KNOBS | {"batch_size": 100}),
    "line": (loops.line_build, loops.line_step, dict(batch_size=64, lr=0.005)),
    "company": (company_build, company_step, dict(batch_size=16, lr=5e-4)),
    "relu": (relu_build, relu_step, dict(batch_size=16)),
}


@pytest.mark.parametrize("name", TOGETHER)
def test_member_k_is_the_run_of_seed_k(name, capsys):
    build, step, knobs = TOGETHER[name]
    state = torch.get_rng_state()
    runs = over_seeds(build, step, knobs, n_seeds=5, n_steps=100)
    assert torch.equal(torch.get_rng_state(), state)
    assert "one after another" not in capsys.readouterr().out
    z = torch.randn(50, 1 if name in ("line", "company") else 2)
    x = runs.members(runs.gan.G(z))
    assert x.shape[:2] == (5, 10) and runs.alive.all() and runs.alive.shape == (5,)
    for k in (0, 2, 4):
        alone = Run(build, step, knobs, seed=k).steps(100)
        for what, column in runs.log.items():
            assert column.shape == (5, 100) and column.dtype == np.float64
            np.testing.assert_allclose(column[k], alone.log[what], rtol=1e-5, atol=1e-5)
        for player in "GD":
            stacked = [p[k] for p in getattr(runs.gan, player).parameters()]
            for p, q in zip(stacked, getattr(alone.gan, player).parameters(), strict=True):
                torch.testing.assert_close(p, q, rtol=0, atol=1e-5)
        torch.testing.assert_close(x[k], alone.gan.G(z[10 * k : 10 * k + 10]), rtol=0, atol=1e-4)
    twin = runs.run(2)
    assert twin.seed == 2 and twin.n == 100
    with pytest.raises(ValueError, match="k must be a seed from 0 to 4, got 5"):
        runs.run(5)
    with pytest.raises(ValueError, match="x must have n rows for each of 5, got 7"):
        runs.members(torch.zeros(7, 1))


# ---- what cannot be done at once is found out, and said


def sum_step(gan, knobs):
    n = knobs.batch_size
    gap = gan.D(gaussian_ring(n)).sum() - gan.D(gan.G(torch.randn(n, 2)).detach()).sum()
    descend(gan.opt_D, -gap, lr=knobs.lr_d)
    return {"critic gap": gap}


def norm_step(gan, knobs):
    n = knobs.batch_size
    gap = gan.D(gaussian_ring(n)).mean() - gan.D(gan.G(torch.randn(n, 2)).detach()).mean()
    gan.opt_D.zero_grad()
    (-gap).backward()
    nn.utils.clip_grad_norm_(gan.D.parameters(), 0.1)
    gan.opt_D.step()
    return {"constant": 1.0}  # only the weights show it


def of_samples(draw, last=lambda loss: loss):
    def step(gan, knobs):
        loss = (gan.G(draw(knobs)) - 1).square().mean()
        descend(gan.opt_G, loss, lr=knobs.lr_g)
        return {"loss": last(loss)}

    return step


def of_numpy(knobs):
    return torch.from_numpy(np.random.normal(size=(knobs.batch_size, 2))).float()


fixed_step = of_samples(lambda knobs: torch.randn(64, 2))
APART = {
    "sum": (ring_build, sum_step, RING_KNOBS),
    "norm": (ring_build, norm_step, RING_KNOBS),
    "numpy": (ring_build, of_samples(of_numpy), RING_KNOBS),
    "arange": (ring_build, of_samples(lambda knobs: torch.arange(2.0 * knobs.batch_size).reshape(-1, 2) / knobs.batch_size), RING_KNOBS),
    "item": (ring_build, of_samples(lambda knobs: torch.randn(knobs.batch_size, 2), torch.Tensor.item), RING_KNOBS),
    "fixed": (ring_build, fixed_step, RING_KNOBS),
    "no batch_size": (ring_build, fixed_step, {"lr_g": 1e-3}),
}  # fmt: skip
APART |= {name: loop for name, loop in LOOPS.items() if name != "ring"}


@pytest.mark.parametrize("name", APART)
def test_what_cannot_be_done_at_once_is_done_one_after_another(name, capsys):
    build, step, knobs = APART[name]
    runs = over_seeds(build, step, knobs, n_seeds=3, n_steps=12)
    said = capsys.readouterr().out
    assert said.count("over_seeds") == 1  # beside a bar, where the machine is slow
    assert "over_seeds trains the 3 runs one after another: " in said
    for k in range(3):
        alone = Run(build, step, knobs, seed=k).steps(12)
        for what, column in runs.log.items():
            np.testing.assert_array_equal(column[k], alone.log[what])
    if not isinstance(runs.gan.G, list):
        assert runs.members(runs.gan.G(torch.randn(12, 2))).shape == (3, 4, 2)


def test_two_processes_where_that_pays(monkeypatch, capsys):
    begun = []
    original = seeds.joblib.Parallel
    monkeypatch.setattr(seeds, "PAYS", 0)
    monkeypatch.setattr(seeds.os, "cpu_count", lambda: 2)
    parallel = lambda **more: begun.append(more) or original(**more)  # noqa: E731
    monkeypatch.setattr(seeds.joblib, "Parallel", parallel)
    runs = over_seeds(*LOOPS["pool"], n_seeds=4, n_steps=12)
    assert begun[0]["n_jobs"] == 2
    for k in range(4):
        alone = Run(*LOOPS["pool"], seed=k).steps(12)
        np.testing.assert_array_equal(runs.log["loss D"][k], alone.log["loss D"])
        for p, q in zip(runs.gan.D[k].parameters(), alone.gan.D.parameters(), strict=True):
            assert torch.equal(p, q)


# ---- who diverges


def bold_build():
    G = mlp(1, 8, 1)
    return Players(G=G, opt_G=torch.optim.SGD(G.parameters(), 0.1))


def bold_step(gan, knobs):
    """Some seeds draw samples with which the rate is too bold: their loss goes to infinity."""
    x = torch.randn(knobs.batch_size, 1)
    loss = (gan.G(x) - 3 * x).square().square().mean()
    descend(gan.opt_G, loss, lr=knobs.lr)
    return {"loss": loss}


@pytest.mark.parametrize("stacked", [True, False])
def test_a_member_that_diverges_stops_alone(stacked, capsys, monkeypatch):
    if not stacked:
        apart = "raise NotTogether('no')"
        monkeypatch.setattr(seeds, "together", lambda *_: exec(apart, vars(seeds)))
    build, step, knobs = bold_build, bold_step, dict(batch_size=8, lr=0.006)
    runs = over_seeds(build, step, knobs, n_seeds=12, n_steps=60)
    alone = [seeds.trained(Run(build, step, knobs, seed=k), 60) for k in range(12)]
    ends = np.array([run.n for run in alone])
    assert 0 < (ends < 60).sum() < 12, ends  # some do, some do not
    assert (runs.alive == (ends == 60)).all()
    said = f"The losses of {(ends < 60).sum()} of 12 runs did not stay finite"
    assert said in capsys.readouterr().out
    for k, run in enumerate(alone):
        n = max(0, ends[k] - 3)
        assert np.isnan(runs.log["loss"][k, ends[k] :]).all()
        np.testing.assert_allclose(runs.log["loss"][k, :n], run.log["loss"][:n], rtol=1e-3)
    assert runs.run(int(ends.argmin())).n == ends.min()


def test_the_first_member_may_stop_in_its_first_step(monkeypatch):
    monkeypatch.setattr(seeds, "together", lambda *_: exec("raise NotTogether('no')", vars(seeds)))

    def step(gan, knobs):
        loss = gan.G(torch.randn(4, 1)).mean() / (torch.initial_seed() > 0)
        descend(gan.opt_G, loss, lr=1e-3)
        return {"loss": loss}

    runs = over_seeds(lambda: (G := mlp(1, 1)) and Players(G=G, opt_G=adam(G)), step, {}, 3, 4)
    assert runs.alive.tolist() == [False, True, True] and np.isnan(runs.log["loss"][0]).all()
    assert runs.run(0).n == 0 and runs.run(2).n == 4


def test_a_fault_of_the_step_is_the_learners_own():
    def step(gan, knobs):
        return {"loss": gan.H(torch.randn(knobs.batch_size, 2))}

    with pytest.raises(AttributeError, match="'H'"):
        over_seeds(ring_build, step, RING_KNOBS, n_seeds=3, n_steps=10)
    with pytest.raises(ValueError, match="n_seeds must be a whole number of at least 1, got 0"):
        over_seeds(ring_build, ring_step, RING_KNOBS, n_seeds=0)


def test_one_seed_and_one_step():
    runs = over_seeds(ring_build, ring_step, RING_KNOBS, n_seeds=1, n_steps=1)
    assert runs.log["critic gap"].shape == (1, 1) and runs.alive.tolist() == [True]
    assert adam(mlp(1, 1)).defaults["fused"]
