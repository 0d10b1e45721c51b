"""Training: exact replay, steps that happen wholly or not at all, knobs, and a step against plain torch code."""

import copy
import functools
import math
import threading

import numpy as np
import pytest
import torch
from torch import nn

from gan_edu.datasets import gaussian_1d, gaussian_ring, latent_normal, latent_uniform
from gan_edu.faces import make_faces
from gan_edu.first_edition import runtime, training
from gan_edu.first_edition.training import (
    GAN,
    Adam,
    History,
    Hyperparameters,
    _tensors,
    adam,
    linear_decay,
    sgd,
)
from gan_edu.losses import (
    critic_loss,
    discriminator_loss,
    generator_loss_nonsaturating,
    generator_loss_saturating,
    generator_loss_wasserstein,
    gradient_penalty,
    r1_penalty,
)
from gan_edu.networks import (
    DCGANDiscriminator,
    DCGANGenerator,
    MinibatchDiscrimination,
    init_dcgan_weights_,
    mlp,
)


def minibatch_discriminator():
    return nn.Sequential(nn.Linear(1, 8), nn.Tanh(), MinibatchDiscrimination(8), nn.Linear(13, 1))


def make_gan(seed=0, **arguments):
    settings = (
        dict(batch_size=12, hparams=Hyperparameters(lr_d=0.01, lr_g=0.01), seed=seed) | arguments
    )
    players = dict(
        generator=lambda: mlp(1, 4, 1, activation=nn.Softplus),
        discriminator=minibatch_discriminator,
    )
    return GAN(**players | settings, sample_real=gaussian_1d, sample_latent=latent_uniform)


def make_wgan_gp(seed=0, **arguments):
    latent = functools.partial(latent_normal, latent_dim=2)
    losses = dict(d_loss=critic_loss, g_loss=generator_loss_wasserstein, penalty=gradient_penalty)
    return GAN(
        lambda: mlp(2, 16, 2),
        lambda: mlp(2, 16, 1),
        gaussian_ring,
        latent,
        **losses,
        seed=seed,
        **arguments,
    )


def assert_same_history(one, other):
    for column in History.columns:
        np.testing.assert_array_equal(one.history[column], other.history[column])
    assert one.history.changes == other.history.changes
    assert one.history.initial == other.history.initial


def weights(gan):
    return torch.cat(
        [p.detach().ravel() for p in [*gan.generator.parameters(), *gan.discriminator.parameters()]]
    )


@pytest.mark.parametrize("make", [make_gan, make_wgan_gp])
def test_the_same_seed_gives_the_same_history(make):
    by_hand, at_once, again, other = make(3), make(3), make(3), make(4)
    for _ in range(40):
        by_hand.step()
        torch.rand(3)  # the learner's own random numbers change nothing
    at_once.run(40)
    again.run(25)
    again.reset()
    again.run(40)
    other.run(40)
    assert_same_history(by_hand, at_once)
    assert_same_history(by_hand, again)
    assert torch.equal(weights(by_hand), weights(again))
    assert not np.array_equal(by_hand.history["d_loss"], other.history["d_loss"])


def test_reset_to_another_seed_is_that_seed():
    gan, other = make_gan(3), make_gan(7)
    gan.run(10)
    gan.reset(seed=7)
    gan.run(10)
    other.run(10)
    assert_same_history(gan, other)


def test_modules_keep_the_weights_they_came_with():
    generator, discriminator = mlp(1, 4, 1), mlp(1, 4, 1)
    before = copy.deepcopy(generator.state_dict())
    gan = GAN(generator, discriminator, gaussian_1d, latent_uniform, seed=1)
    gan.run(5)
    first = gan.history["d_loss"]
    gan.reset()
    torch.testing.assert_close(generator.state_dict(), before)
    gan.run(5)
    np.testing.assert_array_equal(gan.history["d_loss"], first)


def test_dropout_is_repeatable_too():
    def make():
        return GAN(lambda: nn.Sequential(nn.Linear(1, 8), nn.Dropout(0.5), nn.Linear(8, 1)), lambda: mlp(1, 4, 1), gaussian_1d, latent_uniform, seed=2)  # fmt: skip

    one, other = make(), make()
    state = torch.get_rng_state()
    one.run(10)
    assert torch.equal(
        torch.get_rng_state(), state
    )  # and leaves the learner's random numbers alone
    torch.rand(100)
    other.run(10)
    assert_same_history(one, other)


def test_a_step_is_what_plain_torch_code_does():
    """n_critic = 2, SGD: the package's step against the loop of any tutorial."""
    gan = make_gan(
        5, optimizer=torch.optim.SGD, hparams=Hyperparameters(lr_d=0.1, lr_g=0.05, n_critic=2)
    )
    generator, discriminator = copy.deepcopy(gan.generator), copy.deepcopy(gan.discriminator)
    d_optimizer = torch.optim.SGD(discriminator.parameters(), lr=0.1)
    g_optimizer = torch.optim.SGD(generator.parameters(), lr=0.05)
    rng = torch.Generator().manual_seed(5)
    for _ in range(4):
        gan.step()
        for _ in range(2):
            x_real = gaussian_1d(12, generator=rng)
            x_fake = generator(latent_uniform(12, generator=rng)).detach()
            d_loss = discriminator_loss(discriminator(x_real), discriminator(x_fake))
            d_optimizer.zero_grad()
            d_loss.backward()
            d_optimizer.step()
        g_loss = generator_loss_nonsaturating(
            discriminator(generator(latent_uniform(12, generator=rng)))
        )
        g_optimizer.zero_grad()
        g_loss.backward()
        norm = torch.cat([p.grad.ravel() for p in generator.parameters()]).norm()
        g_optimizer.step()
        assert gan.history["d_loss"][-1] == pytest.approx(d_loss.item(), rel=1e-5)
        assert gan.history["g_loss"][-1] == pytest.approx(g_loss.item(), rel=1e-5)
        assert gan.history["grad_norm_g"][-1] == pytest.approx(norm.item(), rel=1e-4)
    for mine, plain in zip(gan.discriminator.parameters(), discriminator.parameters()):
        torch.testing.assert_close(mine, plain)


def test_one_pass_for_real_and_fake_gives_what_two_give():
    """With an activation the package does not know, the discriminator judges the two batches apart."""

    class Tanh(nn.Tanh):
        pass

    def make(activation):
        return make_gan(
            4, discriminator=lambda: mlp(1, 8, 8, 1, activation=activation), optimizer=sgd
        )

    one, two = make(nn.Tanh), make(Tanh)
    one.run(30), two.run(30)
    np.testing.assert_allclose(one.history["d_loss"], two.history["d_loss"], rtol=1e-4)
    np.testing.assert_allclose(one.history["grad_norm_g"], two.history["grad_norm_g"], rtol=1e-3)


@pytest.mark.parametrize(
    "layer", [nn.BatchNorm1d(8), MinibatchDiscrimination(8, 1, 1), nn.Dropout(0.5)]
)
def test_layers_that_mix_samples_see_real_and_fake_apart(layer):
    sizes = []
    layer.register_forward_pre_hook(lambda module, inputs: sizes.append(len(inputs[0])))
    n_out = 9 if isinstance(layer, MinibatchDiscrimination) else 8
    make_gan(discriminator=nn.Sequential(nn.Linear(1, 8), layer, nn.Linear(n_out, 1))).step()
    assert sizes == [12, 12, 12]


@pytest.mark.parametrize("optimizer", [adam, sgd, torch.optim.RMSprop])
def test_gradients_of_any_memory_layout(optimizer):
    """The gradient of a transposed product is a transposed view, which a fused optimiser would read in the wrong order."""

    class Transposed(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(5, 3))

        def forward(self, x):
            return torch.bmm(x[None], self.weight.T[None])[0]

    gan = make_gan(
        discriminator=lambda: nn.Sequential(nn.Linear(1, 3), Transposed(), nn.Linear(5, 1)),
        optimizer=optimizer,
    )
    weight = gan.discriminator[1].weight
    gan.hparams.lr_d = 1e-3
    before = weight.detach().clone()
    gan.step_discriminator()
    moved, gradient = before - weight.detach(), weight.grad
    assert (moved * gradient > 0).all()  # every weight moved down its own slope


def test_adam_is_torchs_adam():
    def run(make_optimizer):
        torch.manual_seed(0)
        net = mlp(3, 5, 1)
        optimizer = make_optimizer(net.parameters(), lr=0.01, betas=(0.5, 0.99))
        for k in range(20):
            if k == 5:
                early = copy.deepcopy(optimizer.state_dict())
            if k == 10:  # a checkpoint is loaded into the optimiser that has gone on
                optimizer.load_state_dict(early)
            if k == 15:
                optimizer.param_groups[0]["lr"] = 0.1
            for p in net.parameters():
                p.grad = torch.sin(p.detach() * 7 + k)
            optimizer.step()
        return torch.cat([p.detach().ravel() for p in net.parameters()]), optimizer

    (mine, optimizer), (theirs, _) = run(Adam), run(torch.optim.Adam)
    torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)
    assert {state["step"].item() for state in optimizer.state.values()} == {15}


def test_penalty_and_clipping_are_applied():
    gan = make_wgan_gp(hparams=Hyperparameters(lambda_gp=3.0, clip_value=0.05))
    gan.run(3)
    assert np.isfinite(gan.history["penalty"]).all()
    assert max(p.abs().max().item() for p in gan.discriminator.parameters()) == pytest.approx(0.05)
    free = make_wgan_gp(hparams=Hyperparameters(lambda_gp=0.0))
    held = make_wgan_gp(hparams=Hyperparameters(lambda_gp=100.0))
    free.run(60), held.run(60)
    assert held.history["penalty"][-10:].mean() < free.history["penalty"][-10:].mean()


# ---- knobs


def test_a_change_is_used_in_the_very_next_step_and_recorded():
    gan = make_gan(optimizer=torch.optim.SGD)
    gan.run(3)
    before = weights(gan).clone()
    gan.hparams.lr_d = gan.hparams.lr_g = 0.0
    gan.step()
    assert torch.equal(weights(gan), before)
    gan.set("g_loss", generator_loss_saturating)
    gan.hparams.lr_g = 0.25
    gan.hparams.lr_g = 0.5
    gan.step()
    assert gan.history["g_loss"][-1] < 0
    assert gan.history.initial["lr_d"] == 0.01
    expected = [
        (3, "lr_d", 0.0),
        (3, "lr_g", 0.0),
        (4, "lr_g", 0.5),
        (4, "g_loss", generator_loss_saturating),
    ]
    assert gan.history.changes == expected


def test_a_new_learning_rate_keeps_adams_moments():
    gan = make_gan()
    gan.run(5)
    optimizer = gan.d_optimizer
    gan.hparams.lr_d = 1e-4
    gan.step()
    assert gan.d_optimizer is optimizer
    assert next(iter(optimizer.state.values()))["step"].item() == 6


def test_schedules():
    schedule = linear_decay(100, start=0.5)
    assert [schedule(step) for step in (0, 50, 75, 100, 500)] == [1, 1, 0.5, 0, 0]
    gan = make_gan(optimizer=sgd, lr_schedule=lambda step: 0.5**step)
    gan.run(3)
    assert gan.d_optimizer.param_groups[0]["lr"] == pytest.approx(0.01 * 0.25)


@pytest.mark.parametrize(
    "name, bad, message",
    [
        ("lr_d", -1, "lr_d must be a finite number at least 0, got -1"),
        ("lr_g", math.nan, "lr_g must be a finite number at least 0, got nan"),
        ("lr_g", "fast", "lr_g must be a finite number at least 0, got 'fast'"),
        ("n_critic", 0, "n_critic must be a whole number of at least 1, got 0"),
        ("n_critic", 2.5, "n_critic must be a whole number of at least 1, got 2.5"),
        ("lambda_gp", math.inf, "lambda_gp must be a finite number at least 0, got inf"),
        ("clip_value", 0, "clip_value must be a finite number above 0, got 0"),
        ("lr", 0.1, "name must be one of lr_d, lr_g, n_critic, lambda_gp, clip_value, got 'lr'"),
    ],
)
def test_bad_knobs_are_refused_where_they_are_set(name, bad, message):
    gan = make_gan()
    before = dict(vars(gan.hparams))
    with pytest.raises(ValueError, match=message):
        setattr(gan.hparams, name, bad)
    with pytest.raises(ValueError, match=message):
        gan.set(name, bad)
    assert vars(gan.hparams) == before


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(generator="big"), "generator must be a function such as lambda: mlp"),
        (
            dict(discriminator=lambda: 3),
            "discriminator must be a torch module or a function that builds one, got 3",
        ),
        (dict(sample_real=torch.zeros(3)), "sample_real must be a function such as"),
        (
            dict(sample_latent=lambda n: torch.zeros(n, 1)),
            r"sample_latent must take .* generator=.* got a function of \(n\)",
        ),
        (
            dict(d_loss="bce"),
            "d_loss must be a function such as gan_edu.losses.discriminator_loss, got 'bce'",
        ),
        (dict(hparams={"lr_d": 1}), "hparams must be a Hyperparameters"),
        (dict(batch_size=0), "batch_size must be a whole number of at least 1, got 0"),
        (dict(seed=-1), "seed must be a whole number of at least 0, got -1"),
        (dict(threads=0), "threads must be a whole number of at least 1, got 0"),
        (dict(penalty_every=0), "penalty_every must be a whole number of at least 1, got 0"),
        (dict(ema=1.5), "ema must be a finite number at least 0 and at most 1, got 1.5"),
        (dict(precision="bf16"), "precision must be torch.float32 or torch.bfloat16, got 'bf16'"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    good = dict(
        generator=mlp(1, 1),
        discriminator=mlp(1, 1),
        sample_real=gaussian_1d,
        sample_latent=latent_uniform,
    )
    with pytest.raises(ValueError, match=message):
        GAN(**(good | arguments))


def test_history_names_its_columns():
    with pytest.raises(ValueError, match=r"column must be one of d_loss, g_loss, .* got 'loss'"):
        make_gan().history["loss"]


# ---- a step happens wholly or not at all


class Fails:
    """A generator loss that misbehaves at its k-th call."""

    def __init__(self, at, how):
        self.at, self.how, self.calls = at, how, 0

    def __call__(self, logits):
        self.calls += 1
        if self.calls == self.at:
            if self.how == "nan":
                return logits.mean() * math.nan
            raise self.how("as a learner would")
        return generator_loss_nonsaturating(logits)


@pytest.mark.parametrize("at", [1, 6])
@pytest.mark.parametrize("how", ["nan", RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize(
    "optimizer", [adam, torch.optim.Adam, torch.optim.SGD, torch.optim.RMSprop]
)
def test_a_step_that_fails_is_undone_and_training_goes_on(at, how, optimizer, capsys):
    """The discriminator has already moved when the generator's loss fails: it must be put back."""
    smooth, rough = (
        make_gan(optimizer=optimizer),
        make_gan(optimizer=optimizer, g_loss=Fails(at, how)),
    )
    smooth.run(10)
    with pytest.raises(FloatingPointError if how == "nan" else how):
        rough.run(10)
    assert len(rough.history) == at - 1
    rough.run(10 - len(rough.history))
    for column in History.columns:
        np.testing.assert_array_equal(rough.history[column], smooth.history[column])
    assert torch.equal(weights(rough), weights(smooth))
    if how is KeyboardInterrupt:
        assert f"Stopped by you after step {at - 1}. Nothing is lost" in capsys.readouterr().out


def test_divergence_is_said_in_plain_words():
    gan = make_gan(g_loss=Fails(3, "nan"))
    with pytest.raises(
        FloatingPointError,
        match=r"the generator's loss became nan .* in step 3; .* the state after step 2 is kept",
    ):
        gan.run(5)


# ---- replay as code


def test_code_replays_a_run_exactly():
    gan = make_gan(3, hparams=Hyperparameters(lr_d=0.0123, lr_g=1 / 3e2))
    gan.run(20)
    gan.hparams.lr_d = 10**-2.35
    gan.run(11)
    gan.step_discriminator()
    gan.step_discriminator()
    gan.g_loss = generator_loss_saturating
    gan.step_generator()
    gan.step()
    gan.hparams.lambda_gp = 0.1 + 0.2
    gan.run(4)
    built = {"make_gan": make_gan}
    exec(gan.code("make_gan(seed=3)"), built)
    assert_same_history(built["gan"], gan)
    code = gan.code()
    again = {"gan": gan}
    expected = {column: gan.history[column] for column in History.columns}
    gan.run(5)
    gan.hparams.lr_g = 1.0
    exec(code, again)
    for column in History.columns:
        np.testing.assert_array_equal(gan.history[column], expected[column])


def test_code_of_a_run_that_has_not_begun():
    gan = make_gan(2)
    built = {"make_gan": make_gan}
    exec(gan.code("make_gan(seed=2)"), built)
    assert len(built["gan"].history) == 0 and built["gan"].hparams == gan.hparams


def test_code_says_what_it_cannot_name():
    gan = make_gan(g_loss=lambda logits: -logits.mean())
    gan.run(1)
    assert (
        "# gan.g_loss = ...  a function without a name was used here: write it out with def"
        in gan.code()
    )


# ---- around a run


def test_looking_changes_nothing():
    quiet, watched = make_gan(), make_gan()
    for _ in range(10):
        quiet.step()
        watched.generate(watched.fixed_z(100)), watched.fixed_real(50)
        watched.step()
    assert_same_history(quiet, watched)
    assert torch.equal(watched.fixed_z(100), watched.fixed_z(100))


def test_steps_of_two_threads_never_overlap():
    gan, alone = make_gan(), make_gan()
    threads = [threading.Thread(target=lambda: [gan.step() for _ in range(50)]) for _ in range(3)]
    [thread.start() for thread in threads], [thread.join() for thread in threads]
    alone.run(150)
    assert_same_history(gan, alone)


def test_callback_sees_every_so_many_steps():
    seen = []
    make_gan().run(10, every=4, callback=lambda gan: seen.append(len(gan.history)))
    assert seen == [0, 4, 8]


def test_a_long_history_keeps_every_row():
    history = History()
    for k in range(1000):
        history.append([k] * len(History.columns))
    np.testing.assert_array_equal(history["g_loss"], np.arange(1000.0))


# ---- pictures: lazy penalty, averaged generator, bfloat16, memory layout, outputs


def sample_faces(n, generator=None):
    """Return n faces, floats (n, 3, 8, 8)."""
    images = make_faces(40, size=8)[0]
    x = images[torch.randint(len(images), (n,), generator=generator)]
    return x.to(torch.float32, memory_format=torch.channels_last) / 127.5 - 1


def make_picture_gan(seed=0, **arguments):
    """Return a GAN on coloured pictures of 8 x 8 with all that a DCGAN uses."""
    settings = dict(
        penalty=r1_penalty, penalty_every=3, ema=0.9, precision=torch.bfloat16, batch_size=6, seed=seed,
        hparams=Hyperparameters(lr_d=1e-3, lr_g=1e-3, lambda_gp=2.0),
    )  # fmt: skip
    players = dict(
        generator=lambda: init_dcgan_weights_(DCGANGenerator(4, 8, 3, 8)),
        discriminator=lambda: init_dcgan_weights_(DCGANDiscriminator(8, 3, 8)),
    )
    players |= {name: arguments.pop(name) for name in list(players) if name in arguments}
    return GAN(
        *players.values(),
        sample_faces, functools.partial(latent_normal, latent_dim=4), **settings | arguments,
    )  # fmt: skip


def everything(gan):
    """Return all that a step may change, as one flat tensor of bits."""
    networks = [gan.generator, gan.discriminator, *[gan.averaged] * (gan.averaged is not None)]
    return torch.cat(
        [t.double().ravel() for t in _tensors(networks, [gan.d_optimizer, gan.g_optimizer])]
    )


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_pictures_too_give_the_same_bits_however_the_steps_are_called(precision):
    by_hand, at_once, again = (make_picture_gan(3, precision=precision) for _ in range(3))
    for _ in range(7):
        by_hand.step()
        by_hand.generate(by_hand.fixed_z(5))
    at_once.run(7)
    again.run(4), again.reset(), again.run(7)
    assert_same_history(by_hand, at_once)
    assert_same_history(by_hand, again)
    assert torch.equal(everything(by_hand), everything(at_once)) and torch.equal(
        everything(by_hand), everything(again)
    )
    z = by_hand.fixed_z(5)
    assert torch.equal(by_hand.generate(z), again.generate(z))


@pytest.mark.parametrize("at", [1, 2, 5])
def test_a_step_on_pictures_that_fails_is_undone_and_training_goes_on(at):
    """The penalty's turn, the averaged weights and the statistics of the normalisation must be put back as well."""
    smooth, rough = make_picture_gan(), make_picture_gan(g_loss=Fails(at, "nan"))
    smooth.run(8)
    with pytest.raises(FloatingPointError):
        rough.run(8)
    rough.run(8 - len(rough.history))
    for column in History.columns:
        np.testing.assert_array_equal(rough.history[column], smooth.history[column])
    assert torch.equal(everything(rough), everything(smooth))


def test_a_lazy_penalty_comes_every_so_many_updates_and_as_much_stronger():
    def make(penalty_every, lambda_gp):
        settings = dict(
            penalty_every=penalty_every, hparams=Hyperparameters(0.05, 0.05, lambda_gp=lambda_gp)
        )
        return make_picture_gan(precision=torch.float32, optimizer=torch.optim.SGD, **settings)

    lazy, strong, none = make(3, 2.0), make(1, 6.0), make(1, 0.0)
    for gan in (lazy, strong):
        gan.step_discriminator()
    assert torch.equal(everything(lazy), everything(strong))  # the first update has it, three times
    lazy.run(6)
    assert np.isfinite(lazy.history["penalty"]).tolist() == [
        True,
        False,
        False,
        True,
        False,
        False,
        True,
    ]
    lazy.reset()
    lazy.step_discriminator()
    none.discriminator.load_state_dict(lazy.discriminator.state_dict())
    before = none.discriminator.state_dict()["0.weight"].clone()
    none.rng.set_state(lazy.rng.get_state())
    none.generator.load_state_dict(lazy.generator.state_dict())
    for gan in (lazy, none):
        gan.step_discriminator()
        assert not torch.equal(gan.discriminator.state_dict()["0.weight"], before)
    assert torch.equal(everything(lazy), everything(none))  # the second is one without a penalty


def test_the_turn_of_the_penalty_counts_updates_not_steps():
    gan = make_picture_gan(hparams=Hyperparameters(n_critic=2))
    gan.run(
        6
    )  # updates 0 1, 2 3, 4 5, 6 7, 8 9, 10 11: of each step the last is recorded; 0, 3, 6 and 9 have the penalty
    assert np.isfinite(gan.history["penalty"]).tolist() == [False, True, False, False, True, False]


def test_averaged_weights_by_hand():
    gan, expected = make_picture_gan(), None
    for n in range(120):
        gan.step_generator() if n % 5 else gan.step()
        now = [p.detach().double() for p in gan.generator.parameters()]
        share = min(0.9, (n + 1) / (10 + n))
        expected = expected or [p.double() for p in make_picture_gan().generator.parameters()]
        expected = [share * e + (1 - share) * p for e, p in zip(expected, now)]
    assert share == 0.9
    for mine, known, raw in zip(gan.averaged.parameters(), expected, gan.generator.parameters()):
        torch.testing.assert_close(mine.double(), known, rtol=1e-4, atol=1e-6)
        assert not mine.requires_grad and not torch.equal(mine, raw)
    for mine, its in zip(gan.averaged.buffers(), gan.generator.buffers()):
        assert torch.equal(mine, its)
    z = gan.fixed_z(3)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        averaged, raw = (
            gan.averaged.eval()(z).float(),
            copy.deepcopy(gan.generator).eval()(z).float(),
        )
    assert torch.equal(gan.generate(z), averaged) and not torch.equal(averaged, raw)
    assert gan.generator.training


def test_without_ema_there_is_no_average():
    gan = make_picture_gan(ema=None, precision=torch.float32)
    gan.run(2)
    with torch.no_grad():
        assert gan.averaged is None
        known = copy.deepcopy(gan.generator).eval()(gan.fixed_z(3))
        torch.testing.assert_close(gan.generate(gan.fixed_z(3)), known, rtol=1e-4, atol=1e-5)


def test_bfloat16_is_used_in_the_passes_and_nowhere_else():
    seen = []
    short, long = (
        make_picture_gan(penalty_every=1),
        make_picture_gan(penalty_every=1, precision=torch.float32),
    )
    for gan in (short, long):
        for network in (gan.generator, gan.discriminator):
            network[1 if network is gan.generator else 0].register_forward_hook(
                lambda *args: seen.append(args[2].dtype)
            )
        seen.clear()
        gan.run(3)
        assert set(seen) == {gan.precision}
        assert {p.dtype for p in [*gan.generator.parameters(), *gan.averaged.parameters()]} == {
            torch.float32
        }
        assert {p.grad.dtype for p in gan.discriminator.parameters()} == {torch.float32}
        assert {value.dtype for value in gan.last_outputs.values()} == {torch.float32}
        assert gan.generate(gan.fixed_z(2)).dtype == torch.float32
    for column in ("d_loss", "g_loss", "penalty"):  # near each other, and not the same
        np.testing.assert_allclose(short.history[column], long.history[column], rtol=0.05)
        assert not np.array_equal(short.history[column], long.history[column])


@pytest.mark.parametrize("optimizer", [adam, sgd, torch.optim.Adam])
def test_the_memory_layout_changes_speed_not_numbers(optimizer, monkeypatch):
    fast = make_picture_gan(optimizer=optimizer, precision=torch.float32)
    monkeypatch.setattr(training, "_is_for_colour", lambda discriminator: False)
    plain = make_picture_gan(optimizer=optimizer, precision=torch.float32)
    assert fast.discriminator[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert not plain.discriminator[0].weight.is_contiguous(memory_format=torch.channels_last)
    for gan in (fast, plain):
        gan.hparams.lr_d = gan.hparams.lr_g = 1e-4
        gan.run(5)
    for column in ("d_loss", "g_loss", "penalty", "grad_norm_d", "grad_norm_g"):
        np.testing.assert_allclose(fast.history[column], plain.history[column], rtol=5e-3)


def test_grey_pictures_and_numbers_keep_their_layout():
    gan = GAN(lambda: DCGANGenerator(4, 4, 1, 8), lambda: DCGANDiscriminator(4, 1, 8), lambda n, generator: torch.zeros(n, 1, 8, 8), functools.partial(latent_normal, latent_dim=4))  # fmt: skip
    assert not gan.discriminator[2].weight.is_contiguous(memory_format=torch.channels_last)


def test_adam_takes_moments_of_another_memory_layout():
    gan, other = make_picture_gan(), make_picture_gan()
    gan.run(2)
    other.run(1)
    state = gan.state_dict()
    for moments in state["d_optimizer"]["state"].values():
        moments["exp_avg"], moments["exp_avg_sq"] = (
            moments[n].contiguous() for n in ("exp_avg", "exp_avg_sq")
        )
    other.load_state_dict(state)
    gan.run(2), other.run(2)
    assert_same_history(gan, other)


def test_the_last_outputs_are_what_the_discriminator_said():
    gan = make_gan(optimizer=torch.optim.SGD)
    assert gan.last_outputs == {}
    twin = make_gan(optimizer=torch.optim.SGD)
    gan.step()
    x_real, z = gaussian_1d(12, generator=twin.rng), latent_uniform(12, generator=twin.rng)
    with torch.no_grad():
        torch.testing.assert_close(gan.last_outputs["real"], twin.discriminator(x_real))
        torch.testing.assert_close(gan.last_outputs["fake"], twin.discriminator(twin.generator(z)))
        after = gan.discriminator(twin.generator(latent_uniform(12, generator=twin.rng)))
        torch.testing.assert_close(gan.last_outputs["fake_after"], after)
    assert not any(value.requires_grad for value in gan.last_outputs.values())
    kept = gan.last_outputs
    gan.g_loss = Fails(1, "nan")
    with pytest.raises(FloatingPointError):
        gan.step()
    assert gan.last_outputs is kept  # those of the last good step
    gan.step_discriminator()
    assert set(gan.last_outputs) == {"real", "fake"}
    gan.reset()
    assert gan.last_outputs == {}


@pytest.mark.parametrize("n_critic", [1, 3])
def test_the_same_fakes_are_judged_in_both_updates(n_critic):
    """Against the loop of the tutorial: D sees them detached, then G's update sees them again."""
    gan = make_gan(
        5, same_fakes=True, optimizer=torch.optim.SGD, hparams=Hyperparameters(0.1, 0.05, n_critic)
    )
    generator, discriminator = copy.deepcopy(gan.generator), copy.deepcopy(gan.discriminator)
    rng = torch.Generator().manual_seed(5)
    for _ in range(4):
        gan.step()
        for _ in range(n_critic):
            x_real, fake = (
                gaussian_1d(12, generator=rng),
                generator(latent_uniform(12, generator=rng)),
            )
            d_loss = discriminator_loss(discriminator(x_real), discriminator(fake.detach()))
            gradients = torch.autograd.grad(d_loss, list(discriminator.parameters()))
            with torch.no_grad():
                [
                    p.sub_(0.1 * gradient)
                    for p, gradient in zip(discriminator.parameters(), gradients)
                ]
        g_loss = generator_loss_nonsaturating(discriminator(fake))
        gradients = torch.autograd.grad(g_loss, list(generator.parameters()))
        with torch.no_grad():
            [p.sub_(0.05 * gradient) for p, gradient in zip(generator.parameters(), gradients)]
        assert gan.history["d_loss"][-1] == pytest.approx(d_loss.item(), rel=1e-5)
        assert gan.history["g_loss"][-1] == pytest.approx(g_loss.item(), rel=1e-5)
    for mine, plain in zip([*gan.generator.parameters(), *gan.discriminator.parameters()], [*generator.parameters(), *discriminator.parameters()]):  # fmt: skip
        torch.testing.assert_close(mine, plain)
    gan.step_generator()  # alone: with new samples, whose graph is at hand
    assert gan._fakes is None


# ---- two threads side by side


def test_side_by_side_gives_the_numbers_of_one_after_the_other(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    alone = make_picture_gan(penalty=None)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    beside = make_picture_gan(penalty=None)
    monkeypatch.undo()
    assert not alone._side_by_side and beside._side_by_side and beside.num_threads == 1
    alone.run(6), beside.run(6)
    assert_same_history(alone, beside)
    assert torch.equal(everything(alone), everything(beside))
    for gan in (alone, beside):
        gan.penalty = r1_penalty
        gan.run(6)
    for column in History.columns:
        np.testing.assert_allclose(alone.history[column], beside.history[column], rtol=1e-3)
    assert np.isfinite(beside.history["penalty"]).sum() == 2


def test_a_fault_in_the_second_thread_undoes_the_step(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    gan, smooth = make_picture_gan(), make_picture_gan()
    monkeypatch.undo()
    gan.run(2), smooth.run(2)
    main, threads = threading.current_thread(), threading.enumerate()

    def fails_elsewhere(module, inputs):
        if threading.current_thread() is not main:
            raise RuntimeError("in the other thread")

    hook = gan.discriminator[-2].register_forward_pre_hook(fails_elsewhere)
    with pytest.raises(RuntimeError, match="in the other thread"):
        gan.step()
    hook.remove()
    assert torch.equal(everything(gan), everything(smooth)) and set(threading.enumerate()) <= set(
        threads
    )
    gan.run(3), smooth.run(3)
    assert_same_history(gan, smooth)


def test_the_fast_precision_is_that_of_the_device_named(gpu_beside_an_old_processor):
    assert runtime.fast_precision("cpu") is torch.float32
    assert runtime.fast_precision("cuda") is torch.bfloat16
    with pytest.raises(TypeError):  # never that of a device which the networks are not on
        runtime.fast_precision()


def test_dropout_and_other_networks_are_trained_one_after_the_other(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    with_dropout = make_picture_gan(
        discriminator=lambda: nn.Sequential(nn.Dropout(0.3), DCGANDiscriminator(4, 3, 8))
    )
    assert not with_dropout._side_by_side and not make_gan()._side_by_side
    asked = make_picture_gan(threads=2)
    assert asked.num_threads == 2 and not asked._side_by_side
