"""Ensembles: each member against the same GAN trained alone, a member that diverges, interruption, arguments."""

import _thread
import functools
import threading

import numpy as np
import pytest
import torch
from torch import nn

from gan_edu.datasets import (
    gaussian_1d,
    gaussian_ring,
    latent_normal,
    latent_uniform,
)
from gan_edu.first_edition import ensembles
from gan_edu.first_edition.ensembles import train_ensemble
from gan_edu.first_edition.training import GAN, Hyperparameters, adam, sgd
from gan_edu.losses import (
    critic_loss,
    discriminator_loss,
    generator_loss_nonsaturating,
    generator_loss_wasserstein,
    gradient_penalty,
)
from gan_edu.networks import MinibatchDiscrimination, init_normal_, mlp

WASSERSTEIN = dict(d_loss=critic_loss, g_loss=generator_loss_wasserstein)
rmsprop = torch.optim.RMSprop


def make_gan(seed=0, hparams=None, **arguments):
    """The GAN of the 1-D lesson, small."""
    settings = dict(
        generator=lambda: mlp(1, 4, 1, activation=nn.Softplus),
        discriminator=lambda: mlp(1, 8, 8, 1, activation=nn.Tanh),
        sample_latent=latent_normal,
        batch_size=32,
    )
    hparams = Hyperparameters(**dict(lr_d=0.02, lr_g=0.005) | (hparams or {}))
    return GAN(sample_real=gaussian_1d, seed=seed, hparams=hparams, **settings | arguments)


def make_with_minibatch_discrimination(seed=0, **arguments):
    """The source's setting: a batch of 12 on a grid, SGD."""

    def discriminator():
        return init_normal_(
            nn.Sequential(nn.Linear(1, 8), nn.Tanh(), MinibatchDiscrimination(8), nn.Linear(13, 1))
        )

    settings = dict(
        discriminator=discriminator, sample_latent=latent_uniform, batch_size=12, optimizer=sgd
    )
    return make_gan(seed, **settings | arguments)


def make_ring(seed=0, **arguments):
    settings = dict(
        generator=lambda: mlp(2, 16, 16, 2), discriminator=lambda: mlp(2, 16, 16, 1), **WASSERSTEIN
    )
    latent = functools.partial(latent_normal, latent_dim=2)
    hparams = Hyperparameters(**dict(lr_d=1e-3, lr_g=1e-3) | arguments.pop("hparams", {}))
    return GAN(
        sample_real=gaussian_ring,
        sample_latent=latent,
        seed=seed,
        hparams=hparams,
        **settings | arguments,
    )


make_clipped = functools.partial(make_ring, hparams=dict(clip_value=0.05))
make_wgan_gp = functools.partial(make_ring, penalty=gradient_penalty, hparams=dict(lambda_gp=0.5))


def learners_penalty(critic, x_real, x_fake, generator=None):
    """The gradient penalty as a learner may write it: other calls, the same numbers."""
    eps = torch.rand(len(x_real), 1, generator=generator)
    x_hat = eps * x_real + (1 - eps) * x_fake
    x_hat.requires_grad = True
    scores = critic(x_hat)
    slopes = torch.autograd.grad(
        outputs=scores, inputs=x_hat, grad_outputs=torch.ones_like(scores), create_graph=True
    )[0]
    return ((slopes.view(slopes.size(0), -1).norm(2, dim=1) - 1) ** 2).mean()


def learners_slow_penalty(critic, x_real, x_fake, generator=None):
    """A penalty that cannot be computed for all members at once."""
    eps = torch.empty(len(x_real), 1).uniform_(generator=generator)
    x_hat = (eps * x_real + (1 - eps) * x_fake).requires_grad_()
    (slopes,) = torch.autograd.grad(critic(x_hat).sum(), x_hat, create_graph=True)
    assert slopes.norm().item() >= 0
    return (slopes.norm(dim=1) - 1).square().mean() + 0.01 * sum(
        p.square().sum() for p in critic.parameters()
    )


def learners_loss(logits_fake):
    loss = nn.functional.binary_cross_entropy_with_logits(logits_fake, torch.ones_like(logits_fake))
    return loss if loss.item() < 100 else 0 * loss


def assert_member_is(ensemble, k, gan, rtol=1e-3):
    """Member k against the run of `gan` alone, to rounding errors (which grow with every step)."""
    for column, values in ensemble.history.items():
        np.testing.assert_allclose(
            values[k], gan.history[column], rtol=rtol, atol=rtol / 10, err_msg=column
        )
    n = ensemble.samples.shape[1]
    np.testing.assert_allclose(
        ensemble.samples[k], gan.generate(gan.fixed_z(n)), rtol=rtol, atol=rtol
    )


def assert_members_are_solo_runs(make, n_steps=12, seeds=(3, 0, 11), **arguments):
    ensemble = train_ensemble(make, seeds, n_steps=n_steps, n_samples=50, **arguments)
    for k, seed in enumerate(seeds):
        gan = make(seed=seed)
        gan.run(n_steps)
        assert_member_is(ensemble, k, gan)
    assert not np.allclose(ensemble.history["d_loss"][0], ensemble.history["d_loss"][1])
    return ensemble


@pytest.mark.parametrize(
    "optimizer", [adam, sgd, rmsprop, torch.optim.Adam, functools.partial(sgd, momentum=0.9)]
)
@pytest.mark.parametrize(
    "make", [make_gan, make_with_minibatch_discrimination, make_clipped, make_wgan_gp]
)
def test_each_member_is_the_solo_run_of_its_seed(make, optimizer):
    assert_members_are_solo_runs(functools.partial(make, optimizer=optimizer))


@pytest.mark.parametrize(
    "arguments",
    [
        dict(hparams=dict(n_critic=3)),
        dict(hparams=dict(n_critic=2, clip_value=0.3)),
        dict(lr_schedule=(lambda step: 0.5 ** (step // 3))),
        dict(g_loss=learners_loss),
        dict(
            batch_size=13
        ),  # not a multiple of 16: torch draws the rest of its normal numbers in another way
        dict(
            discriminator=lambda: nn.Sequential(
                nn.Linear(1, 8), nn.LayerNorm(8), nn.PReLU(), nn.Linear(8, 1, bias=False)
            )
        ),
        dict(sample_latent=lambda n, generator: torch.empty(n, 1).normal_(generator=generator)),
        dict(
            discriminator=lambda: nn.Sequential(
                nn.Linear(1, 4), *[act := nn.Tanh()], nn.Linear(4, 4), act, nn.Linear(4, 1)
            )
        ),
    ],
)
def test_variants_follow_their_solo_runs(arguments):
    assert_members_are_solo_runs(functools.partial(make_gan, **arguments))


def test_a_learners_penalty_is_computed_for_all_members_at_once(recwarn):
    assert_members_are_solo_runs(
        functools.partial(make_wgan_gp, penalty=learners_penalty, hparams=dict(n_critic=2))
    )
    assert not recwarn.list


def test_a_penalty_that_needs_its_member_alone_is_right_too():
    with pytest.warns(
        UserWarning,
        match="the penalty is computed for one member after the other, which is slow: drawn with",
    ):
        assert_members_are_solo_runs(functools.partial(make_wgan_gp, penalty=learners_slow_penalty))


def test_samplers_of_their_own():
    """Each member may have other data: an odd seed learns another mean."""

    def make(seed):
        players = (lambda: mlp(1, 4, 1), lambda: mlp(1, 4, 1))
        return GAN(
            *players, functools.partial(gaussian_1d, mean=seed % 2), latent_normal, seed=seed
        )

    assert_members_are_solo_runs(make)


def test_many_groups_give_the_same_runs(monkeypatch):
    alone = train_ensemble(make_wgan_gp, range(5), n_steps=10, every=5)
    monkeypatch.setattr(ensembles, "_suitable_groups", lambda gans: 3)
    grouped = train_ensemble(make_wgan_gp, range(5), n_steps=10, every=5)
    np.testing.assert_allclose(
        grouped.history["d_loss"], alone.history["d_loss"], rtol=1e-3, atol=1e-4
    )
    np.testing.assert_allclose(grouped.snapshots, alone.snapshots, rtol=1e-2, atol=1e-3)


def test_blocks_of_any_length_give_the_same_runs(monkeypatch):
    """The random numbers of a block are drawn together: they must not depend on where blocks end."""
    once = train_ensemble(make_gan, range(3), n_steps=40)
    monkeypatch.setattr(ensembles, "BLOCK_SECONDS", 0)
    again = train_ensemble(make_gan, range(3), n_steps=40, every=7)
    np.testing.assert_array_equal(once.history["d_loss"], again.history["d_loss"])
    np.testing.assert_array_equal(once.samples, again.samples)


@pytest.mark.parametrize(
    "sampler",
    [
        gaussian_1d,
        functools.partial(gaussian_ring, num_modes=5),
        latent_uniform,
        functools.partial(latent_normal, latent_dim=3),
        lambda n, generator: torch.linspace(0, 1, 50)[torch.randint(50, (n,), generator=generator)][
            :, None
        ],
    ],
)
@pytest.mark.parametrize("batch_size", [12, 64])
def test_samplers_are_called_once_for_all_members(sampler, batch_size):
    """What falls back to one call for each member is right too, but slow."""
    width = sampler(1, generator=torch.Generator()).shape[1]
    players = (lambda: mlp(width, width), lambda: mlp(width, 4, 1))
    gans = [GAN(*players, sampler, sampler, batch_size=batch_size, seed=seed) for seed in range(3)]
    rngs = [torch.Generator().manual_seed(gan.seed) for gan in gans]
    draws = ensembles._draws_at_once(gans)
    assert draws is not None
    draws.prepare(3)
    for _ in range(3):
        for turn in ("sample_real", "sample_latent", "sample_latent"):
            alone = [sampler(batch_size, generator=rng) for rng in rngs]
            assert torch.equal(draws.sample(turn), torch.stack(alone))


def test_later_members_and_solo_runs_agree_in_distribution():
    seeds, n_steps = range(24), 400
    ensemble = train_ensemble(make_gan, seeds, n_steps=n_steps, n_samples=500)
    solo = []
    for seed in seeds:
        gan = make_gan(seed)
        for _ in range(n_steps):
            gan.step()
        solo.append(gan.generate(gan.fixed_z(500)).numpy())
    mean, solo_mean = ensemble.samples.mean((1, 2)), np.mean(solo, axis=(1, 2))
    error = np.sqrt((mean.var() + solo_mean.var()) / len(seeds))
    assert abs(mean.mean() - solo_mean.mean()) < 4 * error + 0.02
    assert mean.std() == pytest.approx(solo_mean.std(), rel=1.0)


# ---- knobs


@pytest.mark.parametrize("optimizer", [adam, sgd, rmsprop])
def test_lists_of_knobs_against_solo_runs(optimizer):
    make = functools.partial(make_wgan_gp, optimizer=optimizer)
    ensemble = train_ensemble(
        make, [5, 6], n_steps=6, n_samples=50, lambda_gp=[0, 10], lr_d=[1e-3, 1e-2], lr_g=0.002
    )
    assert ensemble.seeds.tolist() == [5, 6] * 4
    assert ensemble.hparams["lambda_gp"].tolist() == [0] * 4 + [10] * 4
    assert ensemble.hparams["lr_d"].tolist() == [1e-3, 1e-3, 1e-2, 1e-2] * 2
    assert ensemble.hparams["lr_g"].tolist() == [0.002] * 8
    assert len(ensemble) == 8
    for k in range(8):
        gan = make(seed=int(ensemble.seeds[k]))
        for name in ("lambda_gp", "lr_d", "lr_g"):
            gan.set(name, ensemble.hparams[name][k])
        gan.run(6)
        assert_member_is(ensemble, k, gan, rtol=1e-2)


def test_clip_values_and_learning_rates_of_zero():
    ensemble = train_ensemble(
        make_clipped, [1], n_steps=8, n_samples=50, clip_value=[0.01, None, 0.3], lr_g=[0.0, 0.01]
    )
    np.testing.assert_array_equal(
        ensemble.hparams["clip_value"], [0.01, 0.01, np.inf, np.inf, 0.3, 0.3]
    )
    for k in range(6):
        gan = make_clipped(seed=1)
        gan.hparams.clip_value = [0.01, 0.01, None, None, 0.3, 0.3][k]
        gan.hparams.lr_g = [0.0, 0.01][k % 2]
        gan.run(8)
        assert_member_is(ensemble, k, gan)


# ---- what comes back


def test_snapshots_are_those_of_the_solo_run():
    ensemble = train_ensemble(make_gan, [2, 9], n_steps=10, every=4, n_samples=30)
    assert ensemble.steps.tolist() == [0, 4, 8]
    assert ensemble.snapshots.shape == (3, 2, 30, 1)
    for k, seed in enumerate([2, 9]):
        gan, seen = make_gan(seed), []
        gan.run(
            10,
            every=4,
            callback=lambda gan, seen=seen: seen.append(gan.generate(gan.fixed_z(30)).numpy()),
        )
        np.testing.assert_allclose(ensemble.snapshots[:, k], np.array(seen), rtol=1e-3, atol=1e-4)
    plain = train_ensemble(make_gan, [2], n_steps=3)
    assert (
        plain.steps.shape == (0,)
        and plain.snapshots.shape == (0, 1, 1000, 1)
        and plain.n_steps == 3
    )


def test_the_same_call_gives_the_same_bits_and_leaves_the_learners_numbers_alone():
    state = torch.get_rng_state()
    one = train_ensemble(make_wgan_gp, range(4), n_steps=20)
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(5)
    other = train_ensemble(make_wgan_gp, range(4), n_steps=20)
    for column in one.history:
        np.testing.assert_array_equal(one.history[column], other.history[column])
    np.testing.assert_array_equal(one.samples, other.samples)


@pytest.mark.parametrize("n_groups", [1, 2])
def test_a_member_that_diverges_is_reported_and_disturbs_nobody(n_groups, monkeypatch):
    """A learning rate of 1e10 is over after a step or two."""
    make = functools.partial(make_ring, optimizer=sgd)
    monkeypatch.setattr(ensembles, "_suitable_groups", lambda gans: n_groups)
    rates = [1e-3, 1e10, 1e-2]
    ensemble = train_ensemble(make, [4], n_steps=30, every=10, n_samples=40, lr_g=rates)
    assert list(ensemble.diverged) == [1]
    step = ensemble.diverged[1]
    gan = make(seed=4)
    gan.hparams.lr_g = 1e10
    with pytest.raises(FloatingPointError):
        gan.run(30)
    assert step == len(gan.history) > 0
    assert np.isfinite(ensemble.history["d_loss"][1, :step]).all()
    for column in ("d_loss", "g_loss", "grad_norm_d", "grad_norm_g"):
        assert np.isnan(ensemble.history[column][1, step:]).all()
    assert np.isfinite(ensemble.samples).all() and np.isfinite(ensemble.snapshots).all()
    np.testing.assert_allclose(ensemble.samples[1], gan.generate(gan.fixed_z(40)), rtol=1e-3)
    np.testing.assert_array_equal(ensemble.snapshots[-1, 1], ensemble.samples[1])
    for k in (0, 2):
        gan = make(seed=4)
        gan.hparams.lr_g = rates[k]
        gan.run(30)
        assert_member_is(ensemble, k, gan)


@pytest.mark.parametrize("n_groups", [1, 2])
def test_an_interruption_returns_what_is_done(n_groups, monkeypatch, capsys):
    monkeypatch.setattr(ensembles, "_suitable_groups", lambda gans: n_groups)
    train_ensemble(make_gan, [0, 1], n_steps=2)  # torch imports much at its first step
    timer = threading.Timer(0.7, _thread.interrupt_main)  # what Interrupt Kernel does
    timer.start()
    ensemble = train_ensemble(make_gan, [0, 1], n_steps=40_000, every=20, n_samples=30)
    timer.join()
    n = ensemble.n_steps
    assert 20 < n < 40_000
    assert (
        f"Stopped by you after step {n} of 40000: these are the runs up to there."
        in capsys.readouterr().out
    )
    assert (
        ensemble.history["d_loss"].shape == (2, n) and np.isfinite(ensemble.history["d_loss"]).all()
    )
    assert ensemble.steps.tolist() == list(range(0, n + 1, 20)) and len(ensemble.snapshots) == len(
        ensemble.steps
    )
    again = train_ensemble(make_gan, [0, 1], n_steps=n, n_samples=30)
    np.testing.assert_array_equal(
        again.samples, ensemble.samples
    )  # weights, samples and history are of the same step


def test_a_fault_in_a_learners_loss_is_shown():
    calls = []

    def loss(logits):
        calls.append(1)
        if len(calls) > 5:
            raise ZeroDivisionError("as a learner would")
        return generator_loss_nonsaturating(logits)

    with pytest.raises(ZeroDivisionError, match="as a learner would"):
        train_ensemble(functools.partial(make_gan, g_loss=loss), range(2), n_steps=20)


# ---- arguments


class Branches(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


def by_seed(**options):
    """Return a make_gan whose arguments depend on the seed."""
    return lambda seed: make_gan(seed, **{name: values[seed] for name, values in options.items()})


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            dict(make_gan="gan"),
            r"make_gan must be a function such as lambda seed: GAN\(\.\.\., seed=seed\), got 'gan'",
        ),
        (dict(make_gan=lambda seed: 3), "make_gan must return a GAN, got 3"),
        (dict(seeds=[]), "seeds must hold at least one seed, got none"),
        (dict(seeds=[-1]), "seeds must be a whole number of at least 0, got -1"),
        (dict(seeds=3), "seeds must be a list of whole numbers such as range"),
        (dict(n_steps=0), "n_steps must be a whole number of at least 1, got 0"),
        (dict(every=0), "every must be a whole number of at least 1, got 0"),
        (dict(n_samples=0), "n_samples must be a whole number of at least 1, got 0"),
        (
            dict(lr=[0.1]),
            "hparam_lists must be among lr_d, lr_g, n_critic, lambda_gp, clip_value, got 'lr'",
        ),
        (dict(lr_d=[]), "lr_d must hold at least one value, got none"),
        (dict(lr_d=[-1]), "lr_d must be a finite number at least 0, got -1"),
        (
            dict(n_critic=[1, 2]),
            r"n_critic must be the same for all members, which move together, got \[1, 2\]",
        ),
        (dict(lambda_gp=[1, 2]), "lambda_gp weighs a penalty, and the GANs of make_gan have none"),
        (
            dict(make_gan=by_seed(discriminator=[lambda: mlp(1, 8, 1), lambda: mlp(1, 9, 1)])),
            r"make_gan must give every seed the same discriminator, got .*\(8, 1\).* for seed 0, .*\(9, 1\).* for seed 1",
        ),
        (
            dict(
                make_gan=by_seed(
                    generator=[lambda: mlp(1, 8, 1), lambda: mlp(1, 8, 1, activation=nn.Tanh)]
                )
            ),
            "make_gan must give every seed the same generator, got .*ReLU.* for seed 0, .*Tanh.* for seed 1",
        ),
        (
            dict(make_gan=by_seed(batch_size=[8, 9])),
            "every seed the same batch_size, got 8 for seed 0, 9 for seed 1",
        ),
        (
            dict(make_gan=by_seed(d_loss=[critic_loss, discriminator_loss])),
            "every seed the same d_loss, got .*critic_loss",
        ),
        (dict(make_gan=by_seed(optimizer=[adam, sgd])), "every seed the same optimizer, got"),
        (
            dict(
                make_gan=by_seed(
                    lr_schedule=[
                        (lambda step: 0.5 ** (step // 3)),
                        (lambda step: 0.6 ** (step // 3)),
                    ]
                )
            ),
            "every seed the same lr_schedule, got",
        ),
        (
            dict(
                make_gan=by_seed(
                    discriminator=[lambda: nn.Sequential(nn.Linear(1, 1), nn.Dropout())]
                )
            ),
            r"make_gan must give a discriminator without dropout, batch normalisation .* got the layer Dropout",
        ),
        (
            dict(
                make_gan=by_seed(
                    generator=[lambda: nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1))]
                )
            ),
            r"make_gan must give a generator without dropout, batch normalisation .* got the layer BatchNorm1d",
        ),
        (
            dict(make_gan=by_seed(generator=[lambda: nn.Sequential(nn.Linear(1, 1), Branches())])),
            "make_gan must give a generator whose copies can be computed at once .* got Sequential",
        ),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    good = dict(make_gan=make_gan, seeds=[0, 1] if "same" in message else [0], n_steps=2)
    with pytest.raises(ValueError, match=f"(?s){message}"):
        train_ensemble(**good | arguments)


def test_functions_that_make_gan_builds_anew_are_the_same():
    def make(seed):
        return make_gan(
            seed,
            g_loss=lambda logits: -logits.mean(),
            sample_latent=functools.partial(latent_normal, latent_dim=1),
            lr_schedule=lambda step: 0.9 ** (step // 10),
            optimizer=functools.partial(adam, betas=(0.5, 0.99)),
        )

    assert train_ensemble(make, [0, 1], n_steps=2).n_steps == 2


class Shift(nn.Module):
    """A generator with one number, of no dimension."""

    def __init__(self):
        super().__init__()
        self.shift = nn.Parameter(torch.tensor(0.5))

    def forward(self, z):
        return z + self.shift


def test_parameters_without_a_dimension():
    def make(seed):
        return GAN(Shift, lambda: mlp(1, 4, 1), gaussian_1d, latent_uniform, seed=seed)

    ensemble = train_ensemble(make, seeds=range(3), n_steps=5)
    for seed in range(3):
        alone = make(seed)
        alone.run(5)
        np.testing.assert_allclose(
            ensemble.history["grad_norm_g"][seed], alone.history["grad_norm_g"], rtol=1e-4
        )
