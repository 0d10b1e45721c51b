"""Lesson 09 in JupyterLab in a real Chromium: its panel plays and is steered."""

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
    wait_for_status,
)

LESSON = "09_many_features.ipynb"
pytestmark = needs_chromium


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with opened(panels_only(NOTEBOOKS / LESSON, tmp_path_factory.mktemp("short"))) as page:
        yield page


def live(page, name):
    return panel_of(page, f"{name} = LivePanel(")


def test_run_all_leaves_no_error(page):
    assert_no_fault(page)


def test_the_512_features_play(page):
    panel = live(page, "panel")
    play(panel)
    page.screenshot(path=ARTIFACTS / "09_features_1366x768.png")
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
    panel = live(page, "panel")
    play(panel)
    page.screenshot(path=ARTIFACTS / "09_panel_1920x1080.png")
    pause(panel)
    assert panel.locator(".gan-live-picture").bounding_box()["width"] >= 1100


def test_the_console_has_no_error(page):
    assert page.faults == []
