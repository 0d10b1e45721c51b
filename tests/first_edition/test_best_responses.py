"""Critics trained many at once against plain loops; gradients by layer against hand computation."""

import functools
import math

import numpy as np
import pytest
import torch
from torch import nn

from gan_edu import losses
from gan_edu.datasets import gaussian_1d, swiss_roll
from gan_edu.first_edition.best_responses import (
    gradient_norms_by_layer,
    train_critics,
)
from gan_edu.networks import mlp

SMALL = functools.partial(mlp, 1, 4, 1)
REAL = functools.partial(gaussian_1d, mean=0.0, std=1.0)
FAKE = functools.partial(gaussian_1d, mean=2.0, std=1.0)


# ---- train_critics


@pytest.mark.parametrize("k, c, seed", [(0, 0.05, 3), (1, 0.05, 4), (2, None, 3), (3, None, 4)])
def test_each_critic_is_the_one_that_a_plain_loop_trains(k, c, seed):
    critics = train_critics(
        SMALL,
        REAL,
        FAKE,
        clip_values=(0.05, None),
        seeds=(3, 4),
        n_steps=20,
        batch_size=16,
        lr=0.01,
    )
    torch.manual_seed(seed)
    critic, rng = SMALL(), torch.Generator().manual_seed(seed)
    optimizer = torch.optim.RMSprop(critic.parameters(), lr=0.01)
    for step in range(20):
        x_real, x_fake = REAL(16, generator=rng), FAKE(16, generator=rng)
        loss = critic(x_fake).mean() - critic(x_real).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if c is not None:
            losses.clip_weights_(critic, c)
        assert critics.losses[k, step] == pytest.approx(loss.item(), rel=1e-4, abs=1e-6)
    for ours, plain in zip(critics.member(k).parameters(), critic.parameters()):
        torch.testing.assert_close(ours, plain, rtol=1e-3, atol=1e-6)
    assert (critics.seeds[k], critics.clip_values[k]) == (seed, math.inf if c is None else c)


def test_a_linear_critic_reports_c_times_the_shift():
    critics = train_critics(
        lambda: nn.Linear(1, 1), REAL, FAKE, clip_values=(0.01, 0.1), seeds=range(4), n_steps=200
    )
    estimates = -critics.losses[:, -100:].mean(1).reshape(2, 4)
    np.testing.assert_allclose(estimates, [[0.02] * 4, [0.2] * 4], rtol=0.05)
    assert len(critics) == 8 and critics.losses.shape == (8, 200)


def test_scores_and_slopes_are_those_of_the_members():
    critics = train_critics(
        functools.partial(mlp, 2, 8, 1, activation=nn.Tanh),
        swiss_roll,
        swiss_roll,
        n_steps=3,
        seeds=(0, 1),
    )
    x = torch.randn(5, 2, generator=torch.Generator().manual_seed(0))
    scores, slopes = critics.scores(x), critics.slopes(x)
    assert scores.shape == (2, 5) and slopes.shape == (2, 5, 2)
    for k in range(2):
        member = critics.member(k).double()
        np.testing.assert_allclose(scores[k], member(x.double()).detach().numpy()[:, 0], atol=1e-6)
        for i, h in enumerate(1e-4 * torch.eye(2, dtype=torch.float64)):
            difference = (member(x.double() + h) - member(x.double() - h)).detach().numpy()[
                :, 0
            ] / 2e-4
            np.testing.assert_allclose(slopes[k, :, i], difference, atol=1e-5)


@pytest.mark.parametrize(
    "change, words",
    [
        (dict(clip_values=(0.1, -1)), "clip_values must be"),
        (dict(clip_values=()), "clip_values and seeds must hold at least one each"),
        (dict(seeds=()), "clip_values and seeds must hold at least one each"),
        (dict(seeds=(0.5,)), "seeds must be a whole number"),
        (dict(n_steps=0), "n_steps must be a whole number"),
        (dict(lr=0), "lr must be a finite number above 0"),
        (dict(batch_size="64"), "batch_size must be a whole number"),
        (dict(d_loss=None), "d_loss must be a function"),
        (dict(sample_real=3), "sample_real must be a function"),
        (
            dict(make_critic=lambda: nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1))),
            "without buffers",
        ),
    ],
)
def test_bad_arguments_are_named(change, words):
    with pytest.raises(ValueError, match=words):
        train_critics(
            **dict(make_critic=SMALL, sample_real=REAL, sample_fake=FAKE, n_steps=1) | change
        )


# ---- inside a critic


def linear(*rows, bias=0.0):
    layer = nn.Linear(len(rows[0]), len(rows))
    layer.weight.data, layer.bias.data = torch.tensor(rows), torch.full((len(rows),), bias)
    return layer


def test_layer_gradients_by_hand():
    critic = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
    with torch.no_grad():
        critic[0].weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0]])), critic[0].bias.zero_()
        critic[2].weight.copy_(torch.tensor([[3.0, 4.0]]))
    x_real, x_fake = torch.tensor([[1.0, 1.0], [1.0, -1.0]]), torch.tensor([[2.0, 1.0]])
    # by the scores: -1/2, -1/2, 1; by the hidden outputs: times (3, 4) where ReLU is open
    wanted = [math.sqrt(2 * (1.5**2) + 2**2 + 3**2 + 4**2), math.sqrt(0.25 + 0.25 + 1)]
    np.testing.assert_allclose(gradient_norms_by_layer(critic, x_real, x_fake), wanted, rtol=1e-6)
    with pytest.raises(ValueError, match=r"critic must be an nn\.Sequential, got Linear"):
        gradient_norms_by_layer(nn.Linear(2, 1), x_real, x_fake)


def test_gradient_norms_by_layer_of_a_chain_of_numbers():
    critic = nn.Sequential(
        linear([2.0], bias=5.0), nn.ReLU(), linear([3.0]), nn.Identity(), linear([0.5])
    )
    found = gradient_norms_by_layer(critic, torch.rand(4, 1), torch.rand(4, 1))
    last = np.sqrt(8 * (1 / 4) ** 2)  # 8 samples, each with weight 1/4
    np.testing.assert_allclose(found, [last * 0.5 * 3, last * 0.5, last], rtol=1e-5)


def test_gradient_norms_by_layer_wants_layers():
    with pytest.raises(ValueError, match=r"critic must be an nn.Sequential, got Linear"):
        gradient_norms_by_layer(nn.Linear(1, 1), torch.rand(2, 1), torch.rand(2, 1))
    with pytest.raises(ValueError, match=r"at least one nn.Linear, got none"):
        gradient_norms_by_layer(nn.Sequential(nn.Tanh()), torch.rand(2, 1), torch.rand(2, 1))
