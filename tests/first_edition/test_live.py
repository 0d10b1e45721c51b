"""The live panel without a browser: the same trajectories as without it, faults told and survived, one trainer only."""

import copy
import functools
import io
import math
import signal
import threading
import time

import ipywidgets
import numpy as np
import pytest
import torch
from line_view import LineView
from PIL import Image
from plane_view import PlaneView
from test_training import assert_same_history, make_gan, make_wgan_gp, weights
from torch import nn

from gan_edu.datasets import gaussian_1d, latent_uniform
from gan_edu.first_edition import live, screen
from gan_edu.first_edition.live import LivePanel, Painter, Slider
from gan_edu.first_edition.training import GAN, History, Hyperparameters
from gan_edu.losses import generator_loss_nonsaturating, generator_loss_saturating
from gan_edu.networks import mlp

LOSSES = {
    "non-saturating": {"g_loss": generator_loss_nonsaturating},
    "saturating": {"g_loss": generator_loss_saturating},
}


def rebuild(seed=0, batch_size=12):
    return make_gan(seed, batch_size=batch_size)


@pytest.fixture
def open_panel():
    """Make panels as if each stood in a cell of its own; all are closed at the end."""
    panels = []

    def open_one(gan=None, view=None, **arguments):
        panels.append(
            LivePanel(
                gan or make_gan(),
                view or LineView(),
                **({"name": str(len(panels))} | arguments),
            )
        )
        return panels[-1]

    yield open_one
    for panel in panels:
        panel.close()
    assert not any(thread.name == "gan_edu trainer" for thread in threading.enumerate())


def wait_for(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def play_until(panel, n_steps):
    panel.play()
    wait_for(lambda: len(panel.gan.history) >= n_steps)
    panel.pause()


def test_the_panel_trains_as_run_does(open_panel):
    panel, alone = open_panel(make_gan(3)), make_gan(3)
    panel.step(5)
    play_until(panel, 60)
    panel.step(2)
    alone.run(len(panel.gan.history))
    assert_same_history(panel.gan, alone)


def test_code_replays_what_sliders_buttons_and_reset_knobs_did(open_panel):
    panel = open_panel(
        rebuild(), rebuild=rebuild, choices={"batch_size": [2, 12, 64]}, toggles={"loss": LOSSES}
    )
    panel._choices["batch_size"].value = 64
    panel._buttons["New seed"].click()
    panel._buttons["Play"].click()
    wait_for(lambda: len(panel.gan.history) > 3)
    for k in range(12):  # as a learner's drag: from another thread, while training runs
        time.sleep(0.02)
        thread = threading.Thread(
            target=setattr, args=(panel._sliders["lr_d"], "value", 10 ** (-3 + k / 10))
        )
        thread.start(), thread.join()
    panel._toggles["loss"].value = "saturating"
    wait_for(lambda: panel.gan.history.changes and panel.gan.history.changes[-1][1] == "g_loss")
    panel._buttons["Pause"].click()
    panel.step_discriminator()
    panel.step_generator()
    assert panel.gan.batch_size == 64 and panel.gan.seed == 1 and len(panel.gan.history.changes) > 5
    built = {"rebuild": rebuild}
    exec(panel.code(), built)
    assert_same_history(built["gan"], panel.gan)
    assert "gan = rebuild(batch_size=64, seed=1)" in panel.code()


def test_without_rebuild_the_code_resets(open_panel):
    gan = make_gan(5)
    panel = open_panel(gan)
    panel.step(7)
    panel.set(lr_g=0.5)
    panel.step(7)
    expected = {column: gan.history[column] for column in History.columns}
    exec(panel.code(), {"gan": gan})
    for column, values in expected.items():
        np.testing.assert_array_equal(gan.history[column], values)


def test_reset_keeps_seed_and_knobs_and_new_seed_changes_it(open_panel):
    panel = open_panel(make_gan(3))
    panel.set(lr_d=0.02)
    panel.step(6)
    first = panel.gan.history["d_loss"]
    panel.reset()
    assert len(panel.gan.history) == 0
    panel.step(6)
    np.testing.assert_array_equal(panel.gan.history["d_loss"], first)
    assert panel.gan.hparams.lr_d == 0.02 and panel.gan.seed == 3
    panel.reset(seed=9)
    panel.step(6)
    assert panel.gan.seed == 9 and not np.array_equal(panel.gan.history["d_loss"], first)


def test_a_reset_knob_starts_a_new_run_and_keeps_the_live_knobs(open_panel):
    panel = open_panel(rebuild(4), rebuild=rebuild, choices={"batch_size": [2, 12, 64]})
    panel.set(lr_d=0.02, g_loss=generator_loss_saturating)
    panel.step(3)
    panel._choices["batch_size"].value = 2
    wait_for(lambda: panel.gan.batch_size == 2)
    assert len(panel.gan.history) == 0 and panel.gan.seed == 4
    assert panel.gan.hparams.lr_d == 0.02 and panel.gan.g_loss is generator_loss_saturating


def test_a_choice_of_the_loss_takes_effect_and_the_sliders_follow(open_panel):
    def game(seed=0, saturating=False):
        loss, lr_g = (
            (generator_loss_saturating, 0.05)
            if saturating
            else (generator_loss_nonsaturating, 0.01)
        )
        return make_gan(seed, g_loss=loss, hparams=Hyperparameters(lr_d=0.01, lr_g=lr_g))

    panel = open_panel(
        game(), rebuild=game, choices={"saturating": [False, True]}, toggles={"loss": LOSSES}
    )
    panel.set(lr_d=0.02)  # moved by the learner: stays; the rest belongs to the choice
    panel._choices["saturating"].value = True
    wait_for(lambda: panel.gan.g_loss is generator_loss_saturating)
    assert panel.gan.hparams.lr_d == 0.02 and panel.gan.hparams.lr_g == 0.05
    wait_for(
        lambda: (
            panel._sliders["lr_g"].value == 0.05 and panel._toggles["loss"].value == "saturating"
        )
    )
    panel._choices["saturating"].value = False
    wait_for(lambda: panel.gan.g_loss is generator_loss_nonsaturating)
    assert panel.gan.hparams.lr_d == 0.02 and panel.gan.hparams.lr_g == 0.01
    panel.step(2)
    assert panel.gan.history.changes == []


def test_running_the_cell_again_replaces_the_panel(open_panel):
    first = open_panel(name="cell")
    first.play()
    second = open_panel(name="cell")
    assert first.state == "closed"
    steps = len(first.gan.history)
    second.step(3)
    time.sleep(0.05)
    assert len(first.gan.history) == steps
    first.play()  # a click that was already under way does nothing
    assert first.state == "closed"


def test_only_one_panel_plays(open_panel):
    one, other = open_panel(), open_panel()
    one.play()
    other.play()
    wait_for(lambda: one.state == "paused")
    assert other.state == "playing"


# ---- fork here


def make_modules(seed=0, **arguments):
    with torch.random.fork_rng():
        torch.manual_seed(7)
        modules = mlp(1, 4, 1), mlp(1, 4, 1)
    return GAN(*modules, gaussian_1d, latent_uniform, seed=seed, **arguments)


def make_dropout(seed=0, **arguments):
    def generator():
        return nn.Sequential(
            nn.Linear(1, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.ReLU(), nn.Linear(8, 1)
        )

    return GAN(generator, lambda: mlp(1, 4, 1), gaussian_1d, latent_uniform, seed=seed, **arguments)


ALL_AT_ONCE = dict(penalty_every=3, ema=0.9, hparams=Hyperparameters(n_critic=2, clip_value=0.5))
GANS = {
    "minibatch": make_gan,
    "WGAN-GP": make_wgan_gp,
    "modules": make_modules,
    "dropout": make_dropout,
    "dropout, averaged": lambda seed=0: make_dropout(
        seed, ema=0.9, hparams=Hyperparameters(n_critic=2)
    ),
    "RMSprop": lambda seed=0: make_gan(seed, optimizer=torch.optim.RMSprop),
    "SGD with momentum": lambda seed=0: make_gan(
        seed, optimizer=functools.partial(torch.optim.SGD, momentum=0.9)
    ),
    "WGAN-GP, all at once": lambda seed=0: make_wgan_gp(seed, **copy.deepcopy(ALL_AT_ONCE)),
}


def everything(gan):
    """All numbers of a GAN that training changes, as one tensor."""
    state = gan.state_dict()
    found = []

    def collect(value):
        if torch.is_tensor(value):
            found.append(value.double().ravel())
        elif isinstance(value, dict | list):
            for item in value.values() if isinstance(value, dict) else value:
                collect(item)

    collect({name: value for name, value in state.items() if name != "history"})
    return torch.cat(found)


def memory(gan):
    """Where the tensors of a GAN lie in memory."""
    tensors = [
        *gan.generator.state_dict().values(),
        *gan.discriminator.state_dict().values(),
        gan._global_rng,
    ]
    for optimizer in (gan.d_optimizer, gan.g_optimizer):
        tensors += [
            v for state in optimizer.state.values() for v in state.values() if torch.is_tensor(v)
        ]
    if gan.averaged is not None:
        tensors += gan.averaged.state_dict().values()
    return {tensor.data_ptr() for tensor in tensors}


@pytest.mark.parametrize("make", GANS.values(), ids=GANS)
def test_a_fork_and_the_run_it_leaves_are_both_the_unforked_run(make):
    gan, alone = make(3), make(3)
    gan.run(11)
    fork = gan.fork()
    assert not memory(fork) & memory(gan)
    for _ in range(20):
        gan.step()
        fork.step()
        torch.rand(3)
    alone.run(31)
    for one in (gan, fork):
        assert_same_history(one, alone)
        assert torch.equal(everything(one), everything(alone))
        z = alone.fixed_z(5)
        assert torch.equal(one.generate(z), alone.generate(z))
    fork.reset()  # to the common start, and nothing else is touched
    assert torch.equal(everything(gan), everything(alone))
    fork.run(31)
    assert_same_history(fork, alone)
    assert torch.equal(everything(fork), everything(alone))
    gan.reset()
    assert torch.equal(everything(fork), everything(alone))


def test_a_fork_has_knobs_of_its_own():
    gan, alone = make_wgan_gp(1), make_wgan_gp(1)
    gan.run(5)
    gan.hparams.lr_d = 0.002
    fork = gan.fork()
    fork.hparams.lambda_gp = 0.1
    fork.g_loss = generator_loss_nonsaturating
    gan.run(7), fork.run(7)
    alone.run(5)
    alone.hparams.lr_d = 0.002
    alone.run(7)
    assert_same_history(gan, alone)
    assert [change[:2] for change in fork.history.changes] == [
        (5, "lr_d"),
        (5, "lambda_gp"),
        (5, "g_loss"),
    ]
    assert not torch.equal(weights(fork), weights(gan))


def test_a_fork_at_the_start_and_one_of_a_fork():
    gan = make_wgan_gp(2)
    forks = [gan.fork()]
    gan.run(4), forks[0].run(4)
    forks.append(forks[0].fork())
    gan.run(4), forks[0].run(4), forks[1].run(4)
    for fork in forks:
        assert_same_history(gan, fork)
        assert torch.equal(everything(gan), everything(fork))


def test_a_function_that_gives_the_same_module_again_cannot_be_forked():
    one = mlp(1, 4, 1)
    gan = GAN(lambda: one, lambda: mlp(1, 4, 1), gaussian_1d, latent_uniform)
    gan.run(3)
    before = everything(gan)
    with pytest.raises(
        ValueError, match="generator must be a function that builds a new module each time"
    ):
        gan.fork()
    assert torch.equal(everything(gan), before)


def test_the_panel_forks_and_the_fork_has_sliders_of_its_own(open_panel):
    panel, alone = (
        open_panel(make_wgan_gp(4), PlaneView(), sliders=["lambda_gp", "lr_d"]),
        make_wgan_gp(4),
    )
    panel.step(10)
    panel._buttons["Fork here"].click()
    wait_for(
        lambda: panel.branch is not None and panel._buttons["Fork here"].description == "End fork"
    )
    assert [slider.description for slider in panel._sliders.values()] == [
        "A: λ (lambda_gp)",
        "A: η_D (lr_d)",
    ]
    second = panel._second
    assert [slider.description for slider in second.sliders.values()] == [
        "B: λ (lambda_gp)",
        "B: η_D (lr_d)",
    ]
    panel.step(5)
    assert torch.equal(everything(panel.gan), everything(panel.branch))  # until a knob is moved
    play_until(panel, 40)
    assert torch.equal(everything(panel.gan), everything(panel.branch))
    panel.play()
    for value in (5.0, 1.0, 0.1):
        thread = threading.Thread(
            target=setattr, args=(second.sliders["lambda_gp"], "value", value)
        )
        thread.start(), thread.join()
        time.sleep(0.05)
    panel.pause()
    panel.step(3)
    assert (
        panel._status.value.count("step")
        and '<b class="gan-live-b">B</b> · λ = 0.1 · η_D' in panel._status.value
    )
    assert '<b class="gan-live-a">A</b> · λ = 10 · η_D' in panel._status.value
    assert len(panel.gan.history) == len(panel.branch.history)
    alone.run(len(panel.gan.history))
    assert_same_history(panel.gan, alone)
    assert torch.equal(everything(panel.gan), everything(alone))
    assert panel.branch.history.changes[-1][1:] == ("lambda_gp", 0.1)
    assert panel.gan.history.changes == [] and not torch.equal(
        weights(panel.gan), weights(panel.branch)
    )
    assert pixels(second.screen.picture).shape == pixels(panel._screen.picture).shape
    panel.end_fork()
    assert panel.branch is None and panel._sliders["lambda_gp"].description == "λ (lambda_gp)"
    panel.step(4)
    alone.run(4)
    assert torch.equal(everything(panel.gan), everything(alone))


@pytest.mark.parametrize("rebuilt", [True, False])
def test_the_code_of_a_branch_replays_it_exactly(open_panel, rebuilt):
    arguments = dict(rebuild=rebuild, choices={"batch_size": [2, 12, 64]}) if rebuilt else {}
    panel = open_panel(rebuild(5), toggles={"loss": LOSSES}, **arguments)
    panel.step(6)
    panel.set(lr_d=0.02)
    panel.step(3)
    panel.fork(lr_g=0.002)
    panel.step(4)
    panel.set_branch(g_loss=generator_loss_saturating)
    panel.set(lr_d=0.03)
    panel.step_discriminator()
    panel.step(5)
    assert (
        panel._second.toggles["loss"].value == "saturating"
        and panel._toggles["loss"].value == "non-saturating"
    )
    for gan in (panel.gan, panel.branch):
        expected = {column: gan.history[column] for column in History.columns}
        for code in (gan.code(), panel._code_of(gan)):
            built = {"gan": make_gan(0), "rebuild": rebuild}
            exec(code, built)
            for column, values in expected.items():
                np.testing.assert_array_equal(built["gan"].history[column], values)
            assert torch.equal(weights(built["gan"]), weights(gan))
    panel._buttons["Copy as code"].click()
    wait_for(lambda: panel._code.value)
    assert f"# A\n{panel.code()}\n# B, forked from A after step 9\n" in panel._code.value


def test_a_fork_while_it_plays_goes_on_playing(open_panel):
    panel = open_panel(make_wgan_gp(), PlaneView(), sliders=["lambda_gp"])
    panel.play()
    panel.fork(lambda_gp=0.5)
    since = len(panel.branch.history)
    wait_for(lambda: len(panel.branch.history) > since + 20)
    assert panel.state == "playing"
    panel.end_fork()
    assert panel.state == "playing"
    panel.pause()


def test_what_ends_a_fork(open_panel):
    panel = open_panel(rebuild(), rebuild=rebuild, choices={"batch_size": [2, 12]})
    widgets = len(ipywidgets.widgets.widget._instances)
    for end in (
        panel.reset,
        lambda: panel._buttons["New seed"].click(),
        lambda: setattr(panel._choices["batch_size"], "value", 2),
        lambda: panel._buttons["Fork here"].click(),
        panel.end_fork,
    ):
        panel.step(2)
        panel.fork(lr_d=0.1)
        panel.step(1)
        end()
        wait_for(
            lambda: panel.branch is None and panel._buttons["Fork here"].description == "Fork here"
        )
        wait_for(lambda: "forked" not in panel._status.value)
        assert len(panel._pictures.children) == 1 and panel._second_knobs.children == ()
    panel.end_fork()  # without a fork: nothing
    assert (
        len(ipywidgets.widgets.widget._instances) == widgets
    )  # a widget that is left over breaks a reloaded page


def test_what_cannot_be_forked_is_told(open_panel):
    panel = open_panel()
    with pytest.raises(RuntimeError, match="there is no fork: press Fork here"):
        panel.set_branch(lr_d=0.1)
    with pytest.raises(ValueError, match="lr_d must be"):
        panel.fork(lr_d=-1)
    assert panel.branch is None and len(panel._pictures.children) == 1
    panel.fork()
    with pytest.raises(
        RuntimeError, match="forked already, and a fork is not forked again: end_fork"
    ):
        panel.fork()
    assert panel.branch is not None

    class Bare:
        def __init__(self):
            self.inner = LineView()

        def __getattr__(self, name):
            if name == "another":
                raise AttributeError(name)
            return getattr(self.inner, name)

    with pytest.raises(
        RuntimeError, match=r"Bare shows one GAN only: a view that derives from views\.View forks"
    ):
        open_panel(view=Bare()).fork()


@pytest.mark.parametrize("which", ["A", "B"])
def test_one_branch_diverges_and_the_other_goes_on(open_panel, which):
    """A learning rate of 1e30 blows one branch up; the other one plays on, and the first catches up when it is mended."""
    panel, alone = open_panel(make_wgan_gp(6), PlaneView(), sliders=["lr_d"]), make_wgan_gp(6)
    panel.step(5)
    panel.fork()
    broken, set_broken = (
        (panel.gan, panel.set) if which == "A" else (panel.branch, panel.set_branch)
    )
    sound = panel.branch if which == "A" else panel.gan
    set_broken(lr_d=1e30)
    panel.play()
    wait_for(lambda: panel.state == "paused")
    wait_for(lambda: "Training diverged" in panel._status.value)
    assert f"{which}: Training diverged" in panel._status.value
    assert (
        f"Lower a learning rate (or λ) of {which}" in panel._status.value
        and "stopped after step" in panel._status.value
    )
    assert torch.isfinite(weights(broken)).all()
    stopped_at = len(broken.history)
    panel.play()  # without a change: the other one alone
    wait_for(lambda: len(sound.history) > stopped_at + 20)
    panel.pause()
    assert len(broken.history) == stopped_at and "diverged" not in panel._status.value
    set_broken(lr_d=1e-3)
    ahead = len(sound.history)
    panel.step(ahead - stopped_at)  # it catches up
    assert len(broken.history) == len(sound.history) == ahead
    panel.step(3)
    assert len(broken.history) == len(sound.history) == ahead + 3
    alone.run(ahead + 3)
    assert_same_history(sound, alone)
    assert torch.equal(everything(sound), everything(alone))
    panel.set(lr_d=1e30), panel.set_branch(lr_d=1e30)
    panel.step(4), panel.step(4)
    assert not panel._trainer.running()
    panel.set(lr_d=1e-3), panel.set_branch(lr_d=1e-3)
    taken = len(sound.history)
    panel.step(2)
    assert len(panel.gan.history) > taken or len(panel.branch.history) > taken
    panel.reset()
    assert panel.branch is None and not panel._trainer.stopped


def test_a_forked_panel_survives_interrupt_closed_page_and_its_cell_run_again(
    open_panel, monkeypatch
):
    panel = open_panel(make_wgan_gp(), PlaneView(), name="forked")
    panel.fork()
    panel.play()
    live.pause_all()
    wait_for(
        lambda: panel.state == "paused" and "the kernel was interrupted" in panel._status.value
    )
    assert len(panel.gan.history) == len(panel.branch.history)
    monkeypatch.setattr(screen, "NO_VIEWER_SECONDS", 0.5)
    panel.play()
    wait_for(lambda: panel.state == "paused" and "not on any open page" in panel._status.value)
    monkeypatch.undo()
    panel.play()
    other = open_panel(make_wgan_gp(), PlaneView(), name="forked")
    assert panel.state == "closed" and other.branch is None


def test_both_pictures_have_the_same_past_and_the_same_scales(open_panel):
    panel = open_panel(make_gan(), LineView())
    for _ in range(3):
        panel.step(10)
    panel.keep()
    panel.step(10)
    panel.fork(lr_d=1.0, lr_g=1.0)
    a, b = panel.view, panel._second.view
    assert a._trace == b._trace[: len(a._trace)] and len(a._trace) > 4
    for name, ghost in a.losses.ghosts.items():
        np.testing.assert_array_equal(ghost.get_data(), b.losses.ghosts[name].get_data())
    for _ in range(4):
        panel.step(60)
        for mine, its in zip(a.curves, b.curves):
            assert (
                mine.axes.get_xlim() == its.axes.get_xlim()
                and mine.axes.get_ylim() == its.axes.get_ylim()
            )
    _, values = b.losses.lines["g_loss"].get_data()
    np.testing.assert_allclose(values, panel.branch.history["g_loss"])
    width = pixels(panel._screen.picture).shape[1]
    panel.end_fork()
    assert pixels(panel._screen.picture).shape[1] > width
    assert a.curves[0].beside is None


# ---- faults


class Breaks:
    """A learner's loss that fails from its k-th call on, until it is mended."""

    def __init__(self, at, result):
        self.at, self.result, self.calls = at, result, 0

    def __call__(self, logits):
        self.calls += 1
        if self.at is not None and self.calls >= self.at:
            if isinstance(self.result, Exception):
                raise self.result
            return logits.mean() * self.result
        return generator_loss_nonsaturating(logits)


@pytest.mark.parametrize(
    "result, words",
    [
        (math.nan, "Training diverged: the generator&#x27;s loss became nan"),
        (
            TypeError("can't add <cats> to dogs"),
            "TypeError: can&#x27;t add &lt;cats&gt; to dogs. The last good state is kept",
        ),
    ],
)
def test_a_fault_pauses_with_a_message_and_play_goes_on(open_panel, result, words):
    # drawing calls the loss too: steps and pictures take turns here, so the call that fails may be either
    loss = Breaks(None, result)
    panel, alone = open_panel(make_gan(1, g_loss=loss)), make_gan(1)
    panel.step(10)
    loss.at = 0
    panel.play()
    wait_for(lambda: panel.state == "paused")
    wait_for(lambda: words in panel._status.value)
    assert "<details>" in panel._status.value and len(panel.gan.history) == 10
    loss.at = None
    panel.step(5)
    assert "fault" not in panel._status.value
    alone.run(15)
    for column in History.columns:
        np.testing.assert_array_equal(panel.gan.history[column], alone.history[column])


def test_a_broken_view_is_told_too(open_panel):
    panel = open_panel()
    panel.view.update = lambda gan: 1 / 0
    panel.play()
    wait_for(lambda: panel.state == "paused" and "ZeroDivisionError" in panel._status.value)
    with pytest.raises(ZeroDivisionError):  # called from a cell, the error is the cell's
        panel.step_generator()
    with pytest.raises(ValueError, match="lr_d must be"):
        panel.set(lr_d=-1)


@pytest.mark.parametrize("end", ["low", "high"])
@pytest.mark.parametrize("knob", sorted(live.SLIDERS))
def test_every_slider_at_either_end(open_panel, knob, end):
    panel = open_panel(make_wgan_gp(), PlaneView(), sliders=[knob])
    panel.step(3)
    slider = panel._sliders[knob]
    bound = slider.min if end == "low" else slider.max
    slider.value = bound if knob == "n_critic" else slider.base**bound
    panel.step(150)
    used = {
        knob: value
        for _, knob, value in [
            (0, knob, panel.gan.history.initial[knob]),
            *panel.gan.history.changes,
        ]
    }
    assert used == {knob: pytest.approx(getattr(live.SLIDERS[knob], end))}
    if panel._trainer.message:  # diverging is allowed, breaking is not
        assert panel._trainer.message.startswith("Training diverged")
    assert torch.isfinite(
        torch.cat([p.ravel() for p in panel.gan.discriminator.parameters()])
    ).all()
    panel.reset()
    assert len(panel.gan.history) == 0


def test_interrupt_pauses(open_panel):
    panel = open_panel()
    panel.play()
    live.pause_all()
    wait_for(
        lambda: panel.state == "paused" and "the kernel was interrupted" in panel._status.value
    )
    play_until(panel, len(panel.gan.history) + 5)
    assert "interrupted" not in panel._status.value


def test_interrupting_a_cell_that_steps_stops_the_steps(open_panel):
    panel = open_panel()
    interrupt = threading.Timer(
        0.5, signal.pthread_kill, args=(threading.main_thread().ident, signal.SIGINT)
    )
    interrupt.start()
    with pytest.raises(KeyboardInterrupt):
        panel.step(40_000)
    wait_for(lambda: "the kernel was interrupted" in panel._status.value)
    taken = len(panel.gan.history)
    panel.step(2)
    assert 0 < taken == len(panel.gan.history) - 2


def test_a_panel_nobody_sees_pauses_by_itself(open_panel, monkeypatch):
    monkeypatch.setattr(screen, "NO_VIEWER_SECONDS", 0.5)
    panel = open_panel()
    panel.play()
    wait_for(lambda: panel.state == "paused" and "not on any open page" in panel._status.value)


def test_pictures_wait_for_the_page(open_panel):
    """Without acknowledgements only a few pictures are sent, then one every two seconds; training goes on."""
    panel = open_panel()
    panel._painter.jpeg = lambda gan: b"a picture that costs nothing"
    panel.play()
    time.sleep(1.0)
    unacknowledged = panel._screen.frame
    assert unacknowledged <= 2 * panel._screen.acknowledge_every + 1
    steps = len(panel.gan.history)
    panel._screen.acknowledged = panel._screen.frame
    wait_for(lambda: panel._screen.frame > unacknowledged + 2 and len(panel.gan.history) > steps)


def test_slow_motion_and_leaving_it(open_panel):
    panel = open_panel()
    panel._speed.value = 10
    panel.play()
    time.sleep(1.0)
    assert 5 <= len(panel.gan.history) <= 13
    panel._speed.value = math.inf
    wait_for(lambda: len(panel.gan.history) > 100)


# ---- the picture


def test_words_are_written_seldom_enough_to_be_spoken(open_panel, monkeypatch):
    panel = open_panel()
    spoken = []
    panel._screen.observe(lambda change: spoken.append(change["new"]), "description")
    panel.play()
    time.sleep(1.0)
    assert len(spoken) <= 2
    panel.pause()
    assert spoken[-1].startswith(f"After {len(panel.gan.history)} steps") and panel._screen.words
    monkeypatch.setattr(live, "WORDS_EVERY", 0.2)
    panel._words_due, before = 0, len(spoken)
    panel.play()
    wait_for(lambda: len(spoken) >= before + 2)  # and while it plays, now and then


def test_words_about_another_run_do_not_wait(open_panel):
    panel = open_panel()
    panel.step(7)
    panel.play()
    wait_for(lambda: len(panel.gan.history) > 8)
    before = panel._screen.description
    panel.gan.reset()  # as a toggle that builds the run anew does
    wait_for(lambda: panel._screen.description != before, seconds=5)
    panel.pause()


def test_the_last_tick_label_of_a_long_run_has_room():
    gan, view = make_gan(), LineView()
    painter = Painter(view)
    painter.jpeg(gan)  # the layout is made here
    for curves in view.curves:
        curves.axes.set_xlim(0, 10_000)
    painter.forget_background()
    painter.jpeg(gan)
    for curves in view.curves:
        labels = [
            label.get_window_extent()
            for label in curves.axes.get_xticklabels()
            if label.get_text() == "10000"
        ]
        assert labels and labels[0].x1 <= view.figure.bbox.x1


def pixels(jpeg):
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")).astype(int)


@pytest.mark.parametrize("make, view", [(make_gan, LineView), (make_wgan_gp, PlaneView)])
def test_the_quick_picture_is_the_full_picture(make, view):
    gan, view = make(), view()
    painter = Painter(view, quality=95)
    painter.jpeg(gan)
    gan.run(30)
    gan.hparams.lr_d = 0.005
    gan.run(30)
    quick = pixels(painter.jpeg(gan))
    painter.forget_background()
    full = pixels(painter.jpeg(gan))
    assert np.abs(quick - full).mean() < 0.5
    for artist in view.artists:
        artist.set_animated(False)
    view.figure.canvas.draw()
    plain = np.asarray(view.figure.canvas.buffer_rgba())[..., :3].astype(int)
    assert (
        np.abs(quick - plain).max(-1) > 60
    ).mean() < 0.005  # JPEG rounds; nothing is missing or stale


def test_view_reads_only_and_shows_ghosts_and_marks():
    gan, alone, view = make_gan(), make_gan(), LineView()
    for _ in range(6):
        view.update(gan)
        gan.step()
    gan.hparams.lr_d = 0.5
    gan.step()
    view.update(gan)
    alone.run(6)
    np.testing.assert_array_equal(gan.history["g_loss"][:6], alone.history["g_loss"])
    assert view.losses.marks.get_segments()[0][0][0] == 6
    assert view.losses.labels[0].get_text().strip() == "lr_d = 0.5"
    view.keep()
    ghost = view.losses.ghosts["g_loss"].get_data()
    np.testing.assert_allclose(ghost[1], gan.history["g_loss"])
    view.clear()
    assert len(view.losses.lines["g_loss"].get_data()[0]) == 0
    np.testing.assert_allclose(view.losses.ghosts["g_loss"].get_data()[1], ghost[1])


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(gan="gan"), "gan must be a gan_edu.first_edition.training.GAN, got 'gan'"),
        (dict(sliders=["lr"]), r"sliders must be Slider\(...\) or names among .* got 'lr'"),
        (
            dict(choices={"batch_size": [2]}),
            "rebuild must be a function that makes a GAN from the choices, got None",
        ),
        (dict(rebuild=3), "rebuild must be a function such as"),
        (
            dict(rebuild=make_gan, choices={"batch_size": [2]}),
            r"choices must offer the present batch_size, 12, got \[2\]",
        ),
        (
            dict(rebuild=make_gan, choices={"variant": []}),
            r"choices must offer the present variant, None, got \[\]",
        ),
        (dict(fps=0), "fps must be a finite number above 0, got 0"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        LivePanel(**(dict(gan=make_gan(), view=LineView()) | arguments))
    assert not LivePanel._open.get("panel")


def test_the_speed_to_begin_with(open_panel):
    panel = open_panel(speed=10)
    assert panel._speed.label == "10 steps/s" and panel._trainer.speed == 10
    with pytest.raises(
        ValueError, match="speed must be one of 1, 3, 10, 30, 100, 300, inf steps per second, got 7"
    ):
        open_panel(speed=7)


def test_a_toggle_shows_what_code_has_set(open_panel):
    losses = {
        "saturating": generator_loss_saturating,
        "non-saturating": generator_loss_nonsaturating,
    }
    panel = open_panel(toggles={"loss": {name: {"g_loss": loss} for name, loss in losses.items()}})
    for name, loss in losses.items():
        panel.set(g_loss=loss)
        panel.step()
        assert panel._toggles["loss"].value == name and panel.gan.g_loss is loss
    panel.set(g_loss=lambda logits: -logits.mean())
    assert panel._toggles["loss"].value is None


def test_a_slider_of_ones_own(open_panel):
    panel = open_panel(sliders=[Slider("lr_d", "η", 1e-3, 1e-1)])
    assert panel._sliders["lr_d"].description == "η (lr_d)"
    assert (panel._sliders["lr_d"].min, panel._sliders["lr_d"].max) == (-3, -1)
