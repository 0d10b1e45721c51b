"""The live panel without a browser: the same trajectories as without it, faults told and survived, one trainer only."""

import io
import math
import signal
import threading
import time

import numpy as np
import pytest
import torch
from PIL import Image
from test_training import assert_same_history, make_gan, make_wgan_gp

from gan_edu import live, screen
from gan_edu.live import LivePanel, Painter, Slider
from gan_edu.losses import generator_loss_nonsaturating, generator_loss_saturating
from gan_edu.training import History
from gan_edu.views import GaussianView, PlaneView

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
        panels.append(LivePanel(gan or make_gan(), view or GaussianView(), **({"name": str(len(panels))} | arguments)))
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
    panel = open_panel(rebuild(), rebuild=rebuild, choices={"batch_size": [2, 12, 64]}, toggles={"loss": LOSSES})
    panel._choices["batch_size"].value = 64
    panel._buttons["New seed"].click()
    panel._buttons["Play"].click()
    wait_for(lambda: len(panel.gan.history) > 3)
    for k in range(12):  # as a learner's drag: from another thread, while training runs
        time.sleep(0.02)
        thread = threading.Thread(target=setattr, args=(panel._sliders["lr_d"], "value", 10 ** (-3 + k / 10)))
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
    used = {knob: value for _, knob, value in [(0, knob, panel.gan.history.initial[knob]), *panel.gan.history.changes]}
    assert used == {knob: pytest.approx(getattr(live.SLIDERS[knob], end))}
    if panel._trainer.message:  # diverging is allowed, breaking is not
        assert panel._trainer.message.startswith("Training diverged")
    assert torch.isfinite(torch.cat([p.ravel() for p in panel.gan.discriminator.parameters()])).all()
    panel.reset()
    assert len(panel.gan.history) == 0


def test_interrupt_pauses(open_panel):
    panel = open_panel()
    panel.play()
    live.pause_all()
    wait_for(lambda: panel.state == "paused" and "the kernel was interrupted" in panel._status.value)
    play_until(panel, len(panel.gan.history) + 5)
    assert "interrupted" not in panel._status.value


def test_interrupting_a_cell_that_steps_stops_the_steps(open_panel):
    panel = open_panel()
    interrupt = threading.Timer(0.5, signal.pthread_kill, args=(threading.main_thread().ident, signal.SIGINT))
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


def pixels(jpeg):
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")).astype(int)


@pytest.mark.parametrize("make, view", [(make_gan, GaussianView), (make_wgan_gp, PlaneView)])
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
    assert (np.abs(quick - plain).max(-1) > 60).mean() < 0.005  # JPEG rounds; nothing is missing or stale


def test_view_reads_only_and_shows_ghosts_and_marks():
    gan, alone, view = make_gan(), make_gan(), GaussianView()
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
        (dict(gan="gan"), "gan must be a gan_edu.training.GAN, got 'gan'"),
        (dict(sliders=["lr"]), r"sliders must be Slider\(...\) or names among .* got 'lr'"),
        (dict(choices={"batch_size": [2]}), "rebuild must be a function that makes a GAN from the choices, got None"),
        (dict(rebuild=3), "rebuild must be a function such as"),
        (dict(fps=0), "fps must be a finite number above 0, got 0"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        LivePanel(**(dict(gan=make_gan(), view=GaussianView()) | arguments))
    assert not LivePanel._open.get("panel")


def test_the_speed_to_begin_with(open_panel):
    panel = open_panel(speed=10)
    assert panel._speed.label == "10 steps/s" and panel._trainer.speed == 10
    panel.play()
    time.sleep(0.75)
    panel.pause()
    assert 4 <= len(panel.gan.history) <= 10
    with pytest.raises(ValueError, match="speed must be one of 1, 3, 10, 30, 100, 300, inf steps per second, got 7"):
        open_panel(speed=7)


def test_a_toggle_shows_what_code_has_set(open_panel):
    losses = {"saturating": generator_loss_saturating, "non-saturating": generator_loss_nonsaturating}
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
