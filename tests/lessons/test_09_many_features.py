"""Lesson 09: its step against the loop of the source, its exercises and their checks."""

import numpy as np
import pytest
import torch
from torch.nn.functional import softplus
from torch.nn.utils import parameters_to_vector

from gan_edu.lessons import l09_checks as checks
from gan_edu.losses import discriminator_loss
from gan_edu.run import Run
from notebooks import cells, definitions


@pytest.fixture(scope="module")
def lesson():
    return definitions("09")


def weights(gan):
    return parameters_to_vector([*gan.G.parameters(), *gan.D.parameters()]).detach()


# ---- networks and step


def test_the_networks_are_those_of_the_source(lesson):
    gan = lesson["build"]()
    assert [sum(p.numel() for p in net.parameters()) for net in (gan.G, gan.D)] == [166784, 164353]
    slopes = [layer.negative_slope for layer in gan.G if hasattr(layer, "negative_slope")]
    dropped = [layer.p for layer in gan.G if isinstance(layer, torch.nn.Dropout)]
    assert slopes == [0.01, 0.01] and dropped == [0.3, 0.3]
    assert sum(isinstance(layer, torch.nn.Tanh) for layer in gan.D) == 2
    kinds = {m: {type(opt).__name__ for opt in pair} for m, pair in gan.opts.items()}
    assert kinds == {"GAN": {"RMSprop"}, "WGAN": {"RMSprop"}, "WGAN-GP": {"Adam"}}
    assert not any(isinstance(layer, torch.nn.Tanh) for layer in lesson["repaired"]().D)


def loop_of_the_source(gan, method, n_steps):
    """Train as the code of the post does, with torch's random numbers in the place of NumPy's."""
    D, G, kind = gan.D, gan.G, torch.optim.Adam if method == "WGAN-GP" else torch.optim.RMSprop
    optimiser_D, optimiser_G, G_mean = kind(D.parameters(), lr=0.01), kind(G.parameters(), lr=0.001), []  # fmt: skip
    for _ in range(n_steps):
        real_data, fake_data = 3 + torch.randn(64, 512), G(torch.rand(64, 16)).detach()
        d_loss = -(D(real_data).mean() - D(fake_data).mean())
        if method == "GAN":
            d_loss = -(D(real_data).sigmoid().log().mean() + (1 - D(fake_data).sigmoid()).log().mean())  # fmt: skip
        if method == "WGAN-GP":
            sigma = torch.rand(64, 1).expand(64, 512)
            x_hat = (sigma * real_data + (1 - sigma) * fake_data).requires_grad_()
            y = D(x_hat)
            gradients = torch.autograd.grad(y, x_hat, torch.ones(y.size()), create_graph=True)[0]
            d_loss = d_loss + ((gradients.norm(2, dim=1) - 1) ** 2).mean() * 0.5
        optimiser_D.zero_grad()
        d_loss.backward()
        optimiser_D.step()
        for p in D.parameters() if method == "WGAN" else ():
            p.data.clamp_(-0.01, 0.01)
        fake_data = G(torch.rand(64, 16))
        scores = D(fake_data)
        g_loss = -scores.sigmoid().log().mean() if method == "GAN" else -scores.mean()
        optimiser_G.zero_grad()
        g_loss.backward()
        optimiser_G.step()
        G_mean.append(fake_data.mean().item())
    return G_mean


@pytest.mark.parametrize("method", ["GAN", "WGAN", "WGAN-GP"])
def test_the_step_is_that_of_the_source_and_of_the_core(lesson, method):
    knobs = lesson["settings"] | dict(method=method)
    mine = Run(lesson["build"], lesson["step"], knobs, seed=4).steps(4)
    core = Run(lesson["build"], checks.stepping(), knobs, seed=4).steps(4)
    assert torch.equal(weights(mine.gan), weights(core.gan))
    torch.manual_seed(4)
    other = lesson["build"]()
    start = weights(other)
    means = loop_of_the_source(other, method, 4)
    way = (weights(mine.gan) - start).norm()
    assert (weights(mine.gan) - weights(other)).norm() < 1e-2 * way
    assert np.allclose(mine.log["mean"], means, rtol=1e-3, atol=1e-4)


# ---- its exercises


def test_stubs_are_not_answers_and_solutions_are(lesson, capsys):
    namespace = dict(lesson)
    for cell in cells("09", "exercise"):
        if "from gan_edu" not in cell.source:
            exec(cell.source, namespace)
    asked = {"three_methods": "my_step", "split": "my_split", "first_share": "first_share", "constant_generator": "ignores_z"}  # fmt: skip
    for check, name in asked.items():
        assert not getattr(checks, f"check_{check}")(namespace[name])
        assert "still a blank" in capsys.readouterr().out
    asked |= {"three_methods": "step_solution", "split": "split_solution"}
    assert all(getattr(checks, f"check_{check}")(lesson[name]) for check, name in asked.items())


def learner(gan=lambda r, f: softplus(-r).mean() + softplus(f).mean(), critic=lambda r, f: f.mean() - r.mean(), gp=lambda loss, k, p: k * p + loss):  # fmt: skip
    return checks.stepping(gan, critic, gp)


@pytest.mark.parametrize("step, hint", [
    (learner(), "Right"), (learner(lambda r, f: discriminator_loss(r, f)), "Right"), (None, "write a function"),
    (learner(gan=lambda r, f: ...), "still a blank"), (learner(critic=lambda r, f: ...), "still a blank"), (learner(gp=lambda loss, k, p: ...), "still a blank"),
    (learner(gan=lambda r, f: softplus(r).mean() + softplus(-f).mean()), "both signs are turned"),
    (learner(gan=lambda r, f: softplus(-r).mean()), "are missing in the loss of D"), (learner(gan=lambda r, f: softplus(-r).mean() + softplus(-f).mean()), "real, too"),
    (learner(gan=lambda r, f: f.mean() - r.mean()), "D returns logits"), (learner(critic=lambda r, f: r.mean() - f.mean()), "minus the gap"),
    (learner(critic=lambda r, f: softplus(-r).mean() + softplus(f).mean()), "without softplus"), (learner(gp=lambda loss, k, p: loss + p), "factor λ"),
    (learner(gp=lambda loss, k, p: k * p), "replaced the gap"), (learner(gp=lambda loss, k, p: loss - k * p), "paid for its penalty"),
    (learner(gp=lambda loss, k, p: loss), "penalty is missing"), (learner(critic=lambda r, f: 2 * (f.mean() - r.mean())), "should be"),
])  # fmt: skip
def test_each_wrong_step_gets_its_own_hint(step, hint, capsys):
    assert checks.check_three_methods(step) is (hint == "Right")
    said = capsys.readouterr().out
    assert hint in said and said.count("\n") == 1


@pytest.mark.parametrize("answer, hint", [
    (lambda x: (x.var(0).mean(), x.mean(0).var(), x.var()), "Right"), (lambda x: [x.var() - x.mean(0).var(), x.mean(0).var(), x.var()], "Right"),
    (lambda x: ..., "still a blank"), (lambda x: (..., 1.0, 2.0), "still a blank"), (lambda x: None, "returns nothing"),
    (lambda x: (x.var(0).mean() ** 0.5, x.mean(0).std(), x.std()), "Only variances add up"),
    (lambda x: (x.std(0).mean(), x.mean(0).var(), x.var()), "the root comes last"), (lambda x: (x.var(1).mean(), x.mean(1).var(), x.var()), "axes exchanged"),
    (lambda x: (x.var(0).mean(), x.mean(1).var(), x.var()), "each *feature*"), (lambda x: (x.var(1).mean(), x.mean(0).var(), x.var()), "first the variance of each feature"),
    (lambda x: (x.mean(1).var(), x.mean(0).var(), x.var()), "variance of the means of the vectors"),
    (lambda x: (x.var(0, ddof=1).mean(), x.mean(0).var(ddof=1), x.var(ddof=1)), "leave ddof alone"),
    (lambda x: (x.mean(0).var(), x.var(0).mean(), x.var()), "the order"), (lambda x: x.var(), "must have shape (3,)"), (lambda x: (0, 0, x.var()), "should be"),
])  # fmt: skip
def test_each_wrong_split_gets_its_own_hint(answer, hint, capsys):
    assert checks.check_split(answer) is (hint == "Right")
    assert hint in capsys.readouterr().out


def share(x, power=2):
    v = np.linalg.svd(x, compute_uv=False) ** power
    return v[0] / v.sum()


@pytest.mark.parametrize("answer, hint", [
    (lambda x: share(x - x.mean(0)), "Right"), (lambda x: np.linalg.eigvalsh(np.cov(x.T))[-1] / np.trace(np.cov(x.T)), "Right"),
    (lambda x: ..., "still a blank"), (lambda x: share(x), "not centred"), (lambda x: share(x - x.mean(1, keepdims=True)), "centred each vector"),
    (lambda x: share(x - x.mean(0), 1), "A variance is the square"), (lambda x: np.linalg.svd(x - x.mean(0), compute_uv=False)[0] ** 2, "largest one alone"),
    (lambda x: 1 - share(x - x.mean(0)), "should be"), (lambda x: np.linalg.svd(x - x.mean(0), compute_uv=False) ** 2, "must be one number"),
])  # fmt: skip
def test_each_wrong_first_share_gets_its_own_hint(answer, hint, capsys):
    assert checks.check_first_share(answer) is (hint == "Right")
    assert hint in capsys.readouterr().out


DRAWN = torch.randn(512, generator=torch.Generator().manual_seed(3))
EVEN = 3 + (DRAWN - DRAWN.mean()) / DRAWN.std()


@pytest.mark.parametrize("answer, hint", [
    (lambda z: EVEN.expand(len(z), 512), "Right"), (lambda z: EVEN.repeat(len(z), 1), "Right"), (lambda z: ..., "still a blank"), (lambda z: None, "returns nothing"),
    (lambda z: EVEN, "it became (512,)"), (lambda z: 3 + torch.randn(len(z), 512), "Draw once"), (lambda z: EVEN + z[:, :1] - z[:, :1].mean(), "must not look at it"),
    (lambda z: EVEN + torch.linspace(-0.1, 0.1, len(z))[:, None], "by their place"), (lambda z: torch.full((len(z), 512), 3.0), "Which spread is left"),
    (lambda z: 2 + 2 * (torch.arange(512) % 2).expand(len(z), 512), "Right"), (lambda z: EVEN.expand(64, 512), "number of rows from len(z)"), (lambda z: EVEN.expand(len(z), 512).numpy(), "not a NumPy array"),
    (lambda z: 0.1 + EVEN.expand(len(z), 512), "in one case of three"), (lambda z: 3 + 1.1 * (EVEN - 3).expand(len(z), 512), "Standardise them"), (lambda z: EVEN.expand(len(z), 512) - 3, "the mean of all numbers is"), (lambda z: 3 + 2 * (EVEN.expand(len(z), 512) - 3), "the std of all numbers is"),
])  # fmt: skip
def test_each_wrong_constant_generator_gets_its_own_hint(answer, hint, capsys):
    assert checks.check_constant_generator(answer) is (hint == "Right")
    assert hint in capsys.readouterr().out
