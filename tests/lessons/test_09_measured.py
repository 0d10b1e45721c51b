"""Lesson 09: its measures against other ways to compute them, its stored runs, its files, its claims over other seeds."""

import json
import os

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from scipy.stats import norm

from benchmarks import features
from gan_edu.divergences import wasserstein_1d
from gan_edu.lessons import l09_many_features as room
from gan_edu.lessons import l09_measured as measured
from gan_edu.metrics import variance_decomposition, wasserstein_samples
from notebooks import definitions


@pytest.fixture(scope="module")
def lesson():
    return definitions("09")


@pytest.mark.parametrize("seed", range(3))
def test_the_split_is_the_cores_and_adds_up(lesson, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(50, 7)) * rng.uniform(1, 3, 7) + rng.normal(size=7)
    over_z, between, pooled = lesson["split"](x)
    parts, columns = variance_decomposition(x), [np.mean((c - c.mean()) ** 2) for c in x.T]
    assert over_z + between == pytest.approx(pooled) and over_z == pytest.approx(np.mean(columns))
    stds = parts.within_std, parts.between_std, parts.pooled_std
    assert np.sqrt([over_z, between, pooled]) == pytest.approx(stds, rel=1e-9)


def test_the_seven_numbers_against_other_ways(lesson):
    rng = np.random.default_rng(0)
    x = 2 + rng.normal(size=(500, 3)) @ np.array([[1, 2, 0.5], [0, 1, 1], [0, 0, 0.3]])
    row = dict(zip(measured.COLUMNS, measured.judged(x)))
    values = np.linalg.eigvalsh(np.cov(x.T))
    assert row["share of the 1st direction"] == pytest.approx(values[-1] / values.sum(), rel=1e-9)
    assert lesson["first_share"](x) == pytest.approx(values[-1] / values.sum(), rel=1e-9)
    pairs = [abs(np.corrcoef(x[:, i], x[:, j])[0, 1]) for i, j in ((0, 1), (0, 2), (1, 2))]
    assert row["mean |corr|"] == pytest.approx(np.mean(pairs), rel=1e-9)
    target = norm.ppf((np.arange(200_000) + 0.5) / 200_000, 3, 1)
    exact = np.mean([wasserstein_1d(column, target) for column in x.T])
    assert row["W1 of a feature"] == pytest.approx(exact, rel=0.01)
    assert [row["mean"], row["pooled std"]] == pytest.approx([x.mean(), x.std()], rel=1e-9)


def test_pictures_are_made_in_evaluation_mode_and_the_suspects_differ_only_over_z(lesson):
    G = lesson["build"]().G.train()
    once, again = room.made_by(G), room.made_by(G)
    assert G.training and np.array_equal(once, again) and once.shape == (500, 512)
    assert not torch.equal(G(room.LATENTS), G(room.LATENTS))  # dropout is on again
    sets = room.suspects()
    assert all(abs(x.mean() - 3) < 0.01 and abs(x.std() - 1) < 0.01 for x in sets.values())
    worst = room.worthless(sets)
    (best,) = set(sets) - {worst}
    assert np.ptp(sets[worst], axis=0).max() == 0 and sets[best].std(0).min() > 0.8


def test_the_curse_by_formula():
    x, y = 3 + torch.randn(2, 64, 512, generator=torch.Generator().manual_seed(1))
    threes = torch.full((64, 512), 3.0)
    assert wasserstein_samples(x, threes) == pytest.approx(np.sqrt(512), abs=0.4)
    assert 29.5 < wasserstein_samples(x, y) < np.sqrt(1024)
    flat = torch.randn(500, 16) @ torch.randn(16, 512)
    assert measured.judged(flat.numpy())[4] == pytest.approx(np.sqrt(2 / np.pi / 16), abs=0.02)


def test_the_critics_numbers_by_weights_set_by_hand(lesson):
    gan = lesson["build"]()
    first, bias = gan.D[0], gan.G[-1].bias
    with torch.no_grad():
        for p in [*first.parameters(), *gan.G[-1].parameters()]:
            p.zero_()
    assert measured.critic_at_its_samples(gan) == [0, 0, 0, 0]  # tanh(0), and G makes zeros
    torch.nn.init.constant_(first.weight[:64], 0.01)  # 64 of 256 units, at 15 for vectors near 3
    at_real, at_generated, opposite, slope = measured.critic_at_its_samples(gan)
    assert (at_real, at_generated, opposite) == (0.25, 0, 0) and slope > 0
    torch.nn.init.constant_(bias, -3.0)
    assert measured.critic_at_its_samples(gan)[:3] == [0.25, 0.25, 0.25]
    torch.nn.init.constant_(bias, 3.0)
    *shares, slope = measured.critic_at_its_samples(gan)
    assert shares == [0.25, 0.25, 0] and slope < 1e-6
    torch.nn.init.constant_(first.weight[:64], 0.001)  # tanh(1.5) = 0.91
    assert measured.critic_at_its_samples(gan)[:3] == [0, 0, 0]


# ---- its stored runs, its files, and the same over other seeds


def test_the_stored_runs_are_of_this_page(lesson):
    stored = json.loads(measured.STORED.read_text(encoding="utf-8"))
    assert stored["made"]["code"] == features.fingerprint(features.NOTEBOOK)
    plans = features.plans(lesson)
    assert set(plans) == set(stored["runs"]) and stored["made"]["seeds"] == "0 to 7"
    slow = lesson["settings"] | dict(method="GAN", lr_d=0.001)
    assert plans["GAN, lr_d = 0.001"] == (lesson["build"], slow, 1001)
    for name, (build, knobs, n_steps) in plans.items():
        one = stored["runs"][name]
        assert np.shape(one["judged"]) == (8, 7) and np.shape(one["mean"]) == (8, (n_steps + 9) // 10)  # fmt: skip
        assert [len(row) for row in one["critic"]] == [0 if name.startswith("repaired") else 4] * 8
        new = features.result(lesson["step"], build, knobs, 11, [5])
        assert len(new["critic"][0]) == len(one["critic"][5])
        assert new["mean"][0][0] == pytest.approx(one["mean"][5][0], abs=0.001)
        assert new["mean"][0][1] == pytest.approx(one["mean"][5][1], abs=0.3)  # chaotic: wide


def test_curves_are_saved_whole(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = measured.load_features()
    assert measured.save_curves(found) == sorted(os.listdir()) == ["my_wgan_mean.png", "my_wgan_std.png"]  # fmt: skip
    assert all(open(name, "rb").read(4) == b"\x89PNG" for name in os.listdir())
    fig = Figure()
    measured.draw_curves(found)(fig)
    middle = np.median([run[-1] for run in found["WGAN"]["steps"]["mean"]])
    (line,) = (line for line in fig.axes[0].lines if line.get_label() == "WGAN")
    assert line.get_ydata()[-1] == pytest.approx(middle)


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
