"""Lesson 09: its step against the loop of the source, its checks, its measures, its stored runs, its claims over other seeds."""

import json
import os

import numpy as np
import pytest
import torch
from hints import each_wrong
from scipy.stats import norm
from torch.nn.functional import softplus
from torch.nn.utils import parameters_to_vector

from benchmarks import features
from gan_edu.divergences import wasserstein_1d
from gan_edu.lessons import l09_checks as checks
from gan_edu.lessons import l09_many_features as room
from gan_edu.lessons import l09_measured as measured
from gan_edu.losses import discriminator_loss
from gan_edu.players import weights
from gan_edu.run import Run


def test_the_networks_have_the_sizes_of_the_source(lesson):
    gan = lesson["build"]()
    assert [sum(p.numel() for p in net.parameters()) for net in (gan.G, gan.D)] == [166784, 164353]


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
    assert all(map(torch.equal, weights(mine.gan), weights(core.gan)))
    torch.manual_seed(4)
    other = lesson["build"]()
    start = parameters_to_vector(weights(other)).detach()
    means = loop_of_the_source(other, method, 4)
    reached, theirs = (parameters_to_vector(weights(gan)) for gan in (mine.gan, other))
    assert (reached - theirs).norm() < 1e-2 * (reached - start).norm()
    assert np.allclose(mine.log["mean"], means, rtol=1e-3, atol=1e-4)


def learner(gan=lambda r, f: softplus(-r).mean() + softplus(f).mean(), critic=lambda r, f: f.mean() - r.mean(), gp=lambda loss, k, p: k * p + loss):  # fmt: skip
    return checks.stepping(gan, critic, gp)


test_each_wrong_step_gets_its_own_hint = each_wrong(checks.check_three_methods,
    (learner(), "Right"), (learner(lambda r, f: discriminator_loss(r, f)), "Right"), (None, "write a function"), (learner(gan=lambda r, f: ...), "still a blank"),
    (learner(critic=lambda r, f: ...), "still a blank"), (learner(gp=lambda loss, k, p: ...), "still a blank"),
    (learner(gan=lambda r, f: softplus(r).mean() + softplus(-f).mean()), "both signs are turned"), (learner(gan=lambda r, f: softplus(-r).mean()), "are missing in the loss of D"),
    (learner(gan=lambda r, f: softplus(-r).mean() + softplus(-f).mean()), "real, too"), (learner(gan=lambda r, f: f.mean() - r.mean()), "D returns logits"),
    (learner(critic=lambda r, f: r.mean() - f.mean()), "minus the gap"), (learner(critic=lambda r, f: softplus(-r).mean() + softplus(f).mean()), "without softplus"),
    (learner(gp=lambda loss, k, p: loss + p), "factor λ"), (learner(gp=lambda loss, k, p: k * p), "replaced the gap"), (learner(gp=lambda loss, k, p: loss - k * p), "paid for its penalty"),
    (learner(gp=lambda loss, k, p: loss), "penalty is missing"), (learner(critic=lambda r, f: 2 * (f.mean() - r.mean())), "should be"),
)  # fmt: skip

test_each_wrong_split_gets_its_own_hint = each_wrong(checks.check_split,
    (lambda x: (x.var(0).mean(), x.mean(0).var(), x.var()), "Right"), (lambda x: [x.var() - x.mean(0).var(), x.mean(0).var(), x.var()], "Right"), (lambda x: ..., "still a blank"),
    (lambda x: (..., 1.0, 2.0), "still a blank"), (lambda x: None, "returns nothing"), (lambda x: (x.var(0).mean() ** 0.5, x.mean(0).std(), x.std()), "Only variances add up"),
    (lambda x: (x.std(0).mean(), x.mean(0).var(), x.var()), "the root comes last"), (lambda x: (x.var(1).mean(), x.mean(1).var(), x.var()), "axes exchanged"),
    (lambda x: (x.var(0).mean(), x.mean(1).var(), x.var()), "each *feature*"), (lambda x: (x.var(1).mean(), x.mean(0).var(), x.var()), "first the variance of each feature"),
    (lambda x: (x.mean(1).var(), x.mean(0).var(), x.var()), "variance of the means of the vectors"),
    (lambda x: (x.var(0, ddof=1).mean(), x.mean(0).var(ddof=1), x.var(ddof=1)), "leave ddof alone"), (lambda x: (x.mean(0).var(), x.var(0).mean(), x.var()), "the order"),
    (lambda x: x.var(), "must have shape (3,)"), (lambda x: (0, 0, x.var()), "should be"),
)  # fmt: skip


def share(x, power=2):
    v = np.linalg.svd(x, compute_uv=False) ** power
    return v[0] / v.sum()


test_each_wrong_first_share_gets_its_own_hint = each_wrong(checks.check_first_share,
    (lambda x: share(x - x.mean(0)), "Right"), (lambda x: np.linalg.eigvalsh(np.cov(x.T))[-1] / np.trace(np.cov(x.T)), "Right"), (lambda x: ..., "still a blank"),
    (lambda x: share(x), "not centred"), (lambda x: share(x - x.mean(1, keepdims=True)), "centred each vector"), (lambda x: share(x - x.mean(0), 1), "A variance is the square"),
    (lambda x: np.linalg.svd(x - x.mean(0), compute_uv=False)[0] ** 2, "largest one alone"), (lambda x: 1 - share(x - x.mean(0)), "should be"),
    (lambda x: np.linalg.svd(x - x.mean(0), compute_uv=False) ** 2, "must be one number"),
)  # fmt: skip


DRAWN = torch.randn(512, generator=torch.Generator().manual_seed(3))
EVEN = 3 + (DRAWN - DRAWN.mean()) / DRAWN.std()

test_each_wrong_constant_generator_gets_its_own_hint = each_wrong(checks.check_constant_generator,
    (lambda z: EVEN.expand(len(z), 512), "Right"), (lambda z: EVEN.repeat(len(z), 1), "Right"), (lambda z: ..., "still a blank"), (lambda z: None, "returns nothing"),
    (lambda z: EVEN, "it became (512,)"), (lambda z: 3 + torch.randn(len(z), 512), "Draw once"), (lambda z: EVEN + z[:, :1] - z[:, :1].mean(), "must not look at it"),
    (lambda z: EVEN + torch.linspace(-0.1, 0.1, len(z))[:, None], "by their place"), (lambda z: torch.full((len(z), 512), 3.0), "Which spread is left"),
    (lambda z: 2 + 2 * (torch.arange(512) % 2).expand(len(z), 512), "Right"), (lambda z: EVEN.expand(64, 512), "number of rows from len(z)"),
    (lambda z: EVEN.expand(len(z), 512).numpy(), "not a NumPy array"), (lambda z: 0.1 + EVEN.expand(len(z), 512), "in one case of three"),
    (lambda z: 3 + 1.1 * (EVEN - 3).expand(len(z), 512), "Standardise them"), (lambda z: EVEN.expand(len(z), 512) - 3, "the mean of all numbers is"),
    (lambda z: 3 + 2 * (EVEN.expand(len(z), 512) - 3), "the std of all numbers is"),
)  # fmt: skip


def test_the_measures_against_other_ways(lesson):
    rng = np.random.default_rng(0)
    x = 2 + rng.normal(size=(500, 3)) @ np.array([[1, 2, 0.5], [0, 1, 1], [0, 0, 0.3]])
    row, values = dict(zip(measured.COLUMNS, measured.judged(x))), np.linalg.eigvalsh(np.cov(x.T))
    assert row["share of the 1st direction"] == pytest.approx(values[-1] / values.sum(), rel=1e-9)
    pairs = [abs(np.corrcoef(x[:, i], x[:, j])[0, 1]) for i, j in ((0, 1), (0, 2), (1, 2))]
    assert row["mean |corr|"] == pytest.approx(np.mean(pairs), rel=1e-9)
    exact = [wasserstein_1d(column, norm.ppf((np.arange(2e5) + 0.5) / 2e5, 3, 1)) for column in x.T]
    assert row["W1 of a feature"] == pytest.approx(np.mean(exact), rel=0.01)


def test_pictures_are_made_in_evaluation_mode(lesson):
    G = lesson["build"]().G.train()
    assert np.array_equal(room.made_by(G), room.made_by(G)) and G.training
    assert not torch.equal(G(room.LATENTS), G(room.LATENTS))  # dropout is on again


def test_the_critics_numbers_by_weights_set_by_hand(lesson):
    gan = lesson["build"]()
    first, bias = gan.D[0], gan.G[-1].bias
    with torch.no_grad():
        for p in [*first.parameters(), *gan.G[-1].parameters()]:
            p.zero_()
    assert measured.critic_at_its_samples(gan) == [0, 0, 0, 0]  # tanh(0), and G makes zeros
    torch.nn.init.constant_(first.weight[:64], 0.01)  # 64 of 256 units, at 15 for vectors near 3
    found = []
    for at in (0.0, -3.0, 3.0):
        torch.nn.init.constant_(bias, at)
        found.append(measured.critic_at_its_samples(gan))
    assert [shares for *shares, _ in found] == [[0.25, 0, 0], [0.25, 0.25, 0.25], [0.25, 0.25, 0]]
    assert found[0][3] > 0 and found[2][3] < 1e-6


def test_the_stored_runs_are_of_this_page(lesson):
    stored = json.loads(measured.STORED.read_text(encoding="utf-8"))
    assert stored["made"]["code"] == features.fingerprint(features.NOTEBOOK)
    plans = features.plans(lesson)
    assert set(plans) == set(stored["runs"]) and stored["made"]["seeds"] == "0 to 7"
    for name, (build, knobs, n_steps) in plans.items():
        one = stored["runs"][name]
        assert np.shape(one["judged"]) == (8, 7) and np.shape(one["mean"]) == (8, (n_steps + 9) // 10)  # fmt: skip
        assert [len(row) for row in one["critic"]] == [0 if name.startswith("repaired") else 4] * 8
        new = features.result(lesson["step"], build, knobs, 11, [5])
        assert len(new["critic"][0]) == len(one["critic"][5])
        assert new["mean"][0][0] == pytest.approx(one["mean"][5][0], abs=0.001)
        assert new["mean"][0][1] == pytest.approx(one["mean"][5][1], abs=0.3)  # chaotic: wide


def test_curves_are_saved(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = measured.save_curves(measured.load_features())
    assert names == sorted(os.listdir()) == ["my_wgan_mean.png", "my_wgan_std.png"]


AGAIN = {  # setting: {column: bounds of the median of eight other seeds}
    "WGAN": {"std over z": (0.2, 0.5), "std between": (0.3, 2)},
    "repaired WGAN": {"mean": (2.8, 3.2), "pooled std": (0.25, 0.5), "std between": (0, 0.2)},
}


@pytest.mark.again
@pytest.mark.parametrize("name", AGAIN)
def test_claims_about_training_hold_for_other_seeds(lesson, name):
    rows = features.result(lesson["step"], *features.plans(lesson)[name], range(100, 108))["judged"]
    middle = dict(zip(measured.COLUMNS, np.median(rows, axis=0)))
    for column, (low, high) in AGAIN[name].items():
        assert low < middle[column] < high
