"""Discriminators and critics trained many at once against plain loops; gradients by layer against hand computation."""

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
    train_discriminators,
)
from gan_edu.losses import discriminator_loss
from gan_edu.networks import mlp

make_discriminator = functools.partial(mlp, 1, 8, 1, activation=nn.Tanh)
SMALL = functools.partial(mlp, 1, 4, 1)
REAL = functools.partial(gaussian_1d, mean=0.0, std=1.0)
FAKE = functools.partial(gaussian_1d, mean=2.0, std=1.0)


# ---- discriminators trained to the end


def test_one_seed_is_one_plain_run():
    torch.manual_seed(3)
    discriminator, rng = make_discriminator(), torch.Generator().manual_seed(3)
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=0.02)
    for step in range(40):
        optimizer.param_groups[0]["lr"] = 0.02 * (1 - step / 40)
        loss = discriminator_loss(
            discriminator(REAL(32, generator=rng)), discriminator(FAKE(32, generator=rng))
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    logits = train_discriminators(
        make_discriminator, REAL, FAKE, seeds=[8, 3], n_steps=40, batch_size=32, lr=0.02
    )
    x = torch.linspace(-3, 5, 50)[:, None]
    torch.testing.assert_close(logits(x)[1], discriminator(x).detach(), rtol=1e-4, atol=1e-5)
    assert (logits(x)[0] - logits(x)[1]).abs().max() > 0.01


def test_what_is_returned_is_a_function_of_x():
    logits = train_discriminators(make_discriminator, REAL, FAKE, seeds=range(3), n_steps=5)
    x = torch.linspace(-2, 2, 7)[:, None]
    assert logits(x).shape == (3, 7, 1)
    each = x.repeat(3, 1, 1).requires_grad_()
    torch.testing.assert_close(logits(each), logits(x))
    (slopes,) = torch.autograd.grad(logits(each).sum(), each)
    step = 1e-2
    torch.testing.assert_close(
        slopes, (logits(x + step) - logits(x - step)) / (2 * step), rtol=1e-2, atol=1e-3
    )


def test_the_loss_is_the_one_that_is_passed():
    def only_real(logits_real, logits_fake):
        return (logits_real - 5).square().mean() + 0 * logits_fake.sum()

    logits = train_discriminators(
        make_discriminator, REAL, FAKE, seeds=range(2), n_steps=300, d_loss=only_real
    )
    assert (logits(torch.zeros(1, 1)) - 5).abs().max() < 0.1


def test_training_leaves_the_learners_random_numbers_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train_discriminators(make_discriminator, REAL, FAKE, seeds=range(2), n_steps=2)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    "change, words",
    [
        (dict(make_discriminator=3), "make_discriminator must be a function"),
        (dict(sample_real=None), "sample_real must be a function"),
        (dict(sample_fake=0), "sample_fake must be a function"),
        (dict(d_loss="bce"), "d_loss must be a function"),
        (dict(seeds=[]), "must hold at least one each"),
        (dict(seeds=[-1]), "seeds must be a whole number of at least 0, got -1"),
        (dict(n_steps=1.5), "n_steps must be a whole number"),
        (dict(batch_size=0), "batch_size must be a whole number of at least 1, got 0"),
        (dict(lr=0), "lr must be a finite number above 0, got 0"),
        (
            dict(make_discriminator=lambda: nn.BatchNorm1d(1)),
            "make_discriminator must make a module without buffers",
        ),
    ],
)
def test_bad_arguments_of_discriminators_are_refused(change, words):
    arguments = dict(
        make_discriminator=make_discriminator, sample_real=REAL, sample_fake=FAKE, n_steps=1
    )
    with pytest.raises(ValueError, match=words):
        train_discriminators(**arguments | change)


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
