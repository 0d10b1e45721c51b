"""Lesson 06 in JupyterLab in a real Chromium: the faces panel is played and steered; its pictures move and are not blank.

Only the cells that define things and the panel's own are run: the lesson's trainings take minutes and are tested elsewhere.
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
LESSON = "06_dcgan_faces.ipynb"
SHADES = """canvas => {  // how much the pixels of the grid of faces differ from each other
    const { width, height } = canvas, pixels = canvas.getContext("2d").getImageData(0, 0, width / 2, height).data;
    const values = Array.from(pixels).filter((_, k) => k % 4 === 0), mean = values.reduce((a, b) => a + b) / values.length;
    return Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length);
}"""

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


@pytest.fixture
def panel(page):
    cell = code_cell(page, "panel = LivePanel(")
    cell.scroll_into_view_if_needed()
    panel = cell.locator(".gan-live")
    panel.locator(".gan-live-picture[data-shown]").first.wait_for(timeout=20_000)
    panel.evaluate("panel => panel.scrollIntoView({block: 'start'})")
    return panel


def button(panel, name):
    # the icon before the text is part of the button's name
    return panel.get_by_role("button", name=re.compile(rf"(^|\W){name}$"))


def wait_for_status(panel, pattern, timeout=60_000):
    playwright.expect(panel.locator(".gan-live-status").first).to_have_text(re.compile(pattern), timeout=timeout)


def canvas(panel):
    return panel.locator(".gan-live-picture").first


def picture(panel):
    return canvas(panel).evaluate("canvas => canvas.toDataURL()")


def test_the_cells_leave_no_error(page):
    assert page.locator(PANEL + '[data-mime-type="application/vnd.jupyter.error"]').count() == 0
    assert page.locator(PANEL + '[data-mime-type="application/vnd.jupyter.stderr"]').count() == 0
    assert page.faults == []


def test_the_panel_plays_and_its_pictures_move(page, panel):
    assert canvas(panel).evaluate(SHADES) > 5
    before, shown = picture(panel), int(canvas(panel).get_attribute("data-shown"))
    button(panel, "Play").click()
    wait_for_status(panel, r"playing · step ([7-9]\d|\d{3})")
    page.wait_for_timeout(4000)
    assert picture(panel) != before and int(canvas(panel).get_attribute("data-shown")) > shown + 2
    assert canvas(panel).evaluate(SHADES) > 5
    page.screenshot(path=ARTIFACTS / "06_panel_1366x768.png")


def test_a_slider_moves_a_learning_rate_while_it_plays(page, panel):
    slider = panel.get_by_role("slider", name="η_D (lr_d)")
    slider.focus()
    for _ in range(10):  # half a unit of the logarithm
        page.keyboard.press("ArrowRight")
    wait_for_status(panel, r"η_D = 0\.003")
    page.wait_for_timeout(3000)
    changes = ask(page, "panel.state, [name for _, name, _ in panel.gan.history.changes]")
    assert changes.startswith("playing") and "lr_d" in changes
    assert float(ask(page, "panel.gan.d_optimizer.param_groups[0]['lr']")) == pytest.approx(0.00316, rel=0.02)


def test_the_penalty_is_taken_away(page, panel):
    panel.get_by_role("button", name="none", exact=True).click()
    page.wait_for_timeout(3000)
    assert ask(page, "panel.gan.penalty, panel.state") == "None playing"


def test_another_discriminator_is_another_run(page, panel):
    panel.get_by_role("combobox").first.select_option("none")
    wait_for_status(panel, r"step \d+")
    page.wait_for_timeout(3000)
    found = ask(page, "any('BatchNorm' in type(m).__name__ for m in panel.gan.discriminator.modules())")
    assert found == "False"


def test_at_projector_size(page, panel):
    page.set_viewport_size({"width": 1920, "height": 1080})
    panel.evaluate("panel => panel.scrollIntoView({block: 'start'})")
    page.wait_for_timeout(1500)
    page.screenshot(path=ARTIFACTS / "06_panel_1920x1080.png")
    assert canvas(panel).bounding_box()["width"] >= 1100
    button(panel, "Pause").click()
    wait_for_status(panel, "^paused")
    words = canvas(panel).get_attribute("aria-label")
    assert "24 generated pictures after" in words and "mean D(x)" in words


def test_the_console_has_no_error(page):
    assert page.faults == []
