"""Lesson 06 in JupyterLab in a real Chromium: both panels play, and the clip value moves the weights under the slider."""

import pytest
from lab import (
    ARTIFACTS,
    NOTEBOOKS,
    ask,
    assert_no_fault,
    button,
    needs_chromium,
    opened,
    panel_of,
    panels_only,
    pause,
    play,
    wait_for_frames,
    wait_for_status,
)

LESSON = "06_wgan.ipynb"
pytestmark = needs_chromium


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with opened(panels_only(NOTEBOOKS / LESSON, tmp_path_factory.mktemp("short"))) as page:
        yield page


def live(page, name):
    return panel_of(page, f"{name} = LivePanel(")


def test_run_all_leaves_no_error(page):
    assert_no_fault(page)


def test_the_weights_move_under_the_slider(page):
    panel = live(page, "microscope")
    play(panel)
    handle = panel.get_by_role("slider", name="c (clip_value)")
    handle.focus()
    for _ in range(10):
        page.keyboard.press("ArrowLeft")
    wait_for_status(panel, r"c = 0\.0316")
    wait_for_frames(panel, 8)
    page.screenshot(path=ARTIFACTS / "06_microscope_1366x768.png")
    pause(panel)
    largest, generator = ask(
        page,
        "max(float(p.abs().max()) for p in microscope.gan.discriminator.parameters()), "
        "microscope.gan.generator.weight.tolist()",
    ).split(" ", 1)
    assert abs(float(largest) - 10**-1.5) < 1e-6
    assert generator == "[[1.0, 0.0], [0.0, 1.0]]"  # it stands still


def test_another_depth_starts_a_new_run(page):
    panel = live(page, "microscope")
    panel.get_by_label("layers").select_option("3")
    wait_for_status(panel, r"paused · step 0 .*c = 0\.0316")
    play(panel)
    pause(panel)
    page.screenshot(path=ARTIFACTS / "06_microscope_3_layers_1366x768.png")
    assert ask(page, "sum(p.ndim == 2 for p in microscope.gan.discriminator.parameters())") == "3"


def test_the_512_features_play(page):
    panel = live(page, "panel")
    play(panel)
    page.screenshot(path=ARTIFACTS / "06_features_1366x768.png")
    handle = panel.get_by_role("slider", name="c (clip_value)")
    handle.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    wait_for_status(panel, r"c = 0\.1 ")
    pause(panel)
    changed = ask(page, "panel.gan.history.changes[-1]")
    assert "clip_value" in changed and 0.0999 < float(changed.split(",")[-1].strip(" )")) < 0.1001


def test_the_other_game_and_optimiser(page):
    panel = live(page, "panel")
    panel.get_by_label("optimizer").select_option("Adam")
    wait_for_status(panel, "paused · step 0 ")
    button(panel, "plain GAN").click()
    button(panel, "Step").click()
    wait_for_status(panel, "paused · step 1 .*c = off")
    assert "discriminator_loss Adam" in ask(
        page, "panel.gan.d_loss.__name__, type(panel.gan.d_optimizer).__name__"
    )


def test_at_projector_size(page):
    page.set_viewport_size({"width": 1920, "height": 1080})
    for name in ("microscope", "panel"):
        panel = live(page, name)
        play(panel)
        page.screenshot(path=ARTIFACTS / f"06_{name}_1920x1080.png")
        pause(panel)
        assert panel.locator(".gan-live-picture").bounding_box()["width"] >= 1100


def test_the_console_has_no_error(page):
    assert page.faults == []
