"""Lesson 04 in JupyterLab in a real Chromium: both panels play, and the clip value moves the weights under the slider.

Without a browser these tests are skipped, unless GAN_EDU_BROWSER=required: then they fail.
"""

import os
import pathlib
import re

import pytest

playwright = pytest.importorskip("playwright.sync_api")

from lab import CHROMIUM, PANEL, Lab, ask, chromium_page, code_cell, open_notebook, panels_only, run_all  # noqa: E402
from lessons import NOTEBOOKS  # noqa: E402

ARTIFACTS = pathlib.Path(__file__).resolve().parent.parent / "test-artifacts"
LESSON = "04_wgan.ipynb"

if CHROMIUM is None and os.environ.get("GAN_EDU_BROWSER") != "required":
    pytest.skip("there is no Chromium on this machine", allow_module_level=True)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    assert CHROMIUM, "GAN_EDU_BROWSER=required, and there is no Chromium on this machine"
    ARTIFACTS.mkdir(exist_ok=True)
    short = panels_only(NOTEBOOKS / LESSON, tmp_path_factory.mktemp("short"))
    with Lab(short) as lab, chromium_page(1366, 768) as page:
        open_notebook(page, lab, LESSON)
        run_all(page, timeout=240)
        yield page


def live(page, name):
    """The panel of the cell that makes `name`, scrolled to."""
    cell = code_cell(page, f"{name} = LivePanel(")
    cell.scroll_into_view_if_needed()
    panel = cell.locator(".gan-live")
    panel.locator(".gan-live-picture[data-shown]").wait_for(timeout=30_000)
    panel.evaluate("panel => panel.scrollIntoView({block: 'start'})")
    return panel


def button(panel, name):
    return panel.get_by_role("button", name=re.compile(rf"(^|\W){name}$"))


def wait_for_status(panel, pattern, seconds=20):
    playwright.expect(panel.locator(".gan-live-status")).to_have_text(re.compile(pattern), timeout=1000 * seconds)


def frames(panel):
    return int(panel.locator(".gan-live-picture").get_attribute("data-shown"))


def play(page, panel, seconds):
    """Play for a while; return how many pictures a second were shown."""
    button(panel, "Play").click()
    wait_for_status(panel, "^playing")
    before = frames(panel)
    page.wait_for_timeout(1000 * seconds)
    return (frames(panel) - before) / seconds


def pause(panel):
    button(panel, "Pause").click()
    wait_for_status(panel, "^paused")


def test_run_all_leaves_no_error(page):
    assert page.locator(PANEL + '[data-mime-type="application/vnd.jupyter.error"]').count() == 0
    assert page.locator(PANEL + '[data-mime-type="application/vnd.jupyter.stderr"]').count() == 0
    assert page.faults == []


def test_the_weights_move_under_the_slider(page):
    panel = live(page, "microscope")
    assert play(page, panel, 3) > 2
    handle = panel.get_by_role("slider", name="c (clip_value)")
    handle.focus()
    for _ in range(10):
        page.keyboard.press("ArrowLeft")
    wait_for_status(panel, r"c = 0\.0316")
    page.wait_for_timeout(2000)
    page.screenshot(path=ARTIFACTS / "04_microscope_1366x768.png")
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
    assert play(page, panel, 2) > 2
    pause(panel)
    page.screenshot(path=ARTIFACTS / "04_microscope_3_layers_1366x768.png")
    assert ask(page, "sum(p.ndim == 2 for p in microscope.gan.discriminator.parameters())") == "3"


def test_the_512_features_play(page):
    panel = live(page, "panel")
    assert play(page, panel, 3) > 2
    page.screenshot(path=ARTIFACTS / "04_features_1366x768.png")
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
    assert "discriminator_loss Adam" in ask(page, "panel.gan.d_loss.__name__, type(panel.gan.d_optimizer).__name__")


def test_at_projector_size(page):
    page.set_viewport_size({"width": 1920, "height": 1080})
    for name in ("microscope", "panel"):
        panel = live(page, name)
        play(page, panel, 2)
        page.screenshot(path=ARTIFACTS / f"04_{name}_1920x1080.png")
        pause(panel)
        assert panel.locator(".gan-live-picture").bounding_box()["width"] >= 1100


def test_the_console_has_no_error(page):
    assert page.faults == []
