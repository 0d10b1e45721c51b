"""Lesson 13 in JupyterLab in a real Chromium: the faces panel is played and steered; its pictures move and are not blank.

Only the cells that define things and the panel's own are run: the lesson's trainings take minutes and are tested elsewhere.
"""

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
    picture,
    show,
    wait_for_frames,
    wait_for_status,
)

LESSON = "13_dcgan_faces.ipynb"
SHADES = """canvas => {  // how much the pixels of the grid of faces differ from each other
    const { width, height } = canvas, pixels = canvas.getContext("2d").getImageData(0, 0, width / 2, height).data;
    const values = Array.from(pixels).filter((_, k) => k % 4 === 0), mean = values.reduce((a, b) => a + b) / values.length;
    return Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length);
}"""
pytestmark = needs_chromium


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with opened(panels_only(NOTEBOOKS / LESSON, tmp_path_factory.mktemp("short"))) as page:
        yield page


@pytest.fixture
def panel(page):
    return panel_of(page, "panel = LivePanel(")


def canvas(panel):
    return panel.locator(".gan-live-picture").first


def test_the_cells_leave_no_error(page):
    assert_no_fault(page)


def test_the_panel_plays_and_its_pictures_move(page, panel):
    assert canvas(panel).evaluate(SHADES) > 5
    before = picture(panel)
    button(panel, "Play").click()
    wait_for_status(panel, r"playing · step ([7-9]\d|\d{3})")
    wait_for_frames(panel, 3)
    assert picture(panel) != before
    assert canvas(panel).evaluate(SHADES) > 5
    page.screenshot(path=ARTIFACTS / "13_panel_1366x768.png")


def test_a_slider_moves_a_learning_rate_while_it_plays(page, panel):
    slider = panel.get_by_role("slider", name="η_D (lr_d)")
    slider.focus()
    for _ in range(10):  # half a unit of the logarithm
        page.keyboard.press("ArrowRight")
    wait_for_status(panel, r"η_D = 0\.003")
    wait_for_frames(panel, 2)
    changes = ask(page, "panel.state, [name for _, name, _ in panel.gan.history.changes]")
    assert changes.startswith("playing") and "lr_d" in changes
    assert float(ask(page, "panel.gan.d_optimizer.param_groups[0]['lr']")) == pytest.approx(
        0.00316, rel=0.02
    )


def test_the_penalty_is_taken_away(page, panel):
    panel.get_by_role("button", name="none", exact=True).click()
    wait_for_frames(panel, 2)
    assert ask(page, "panel.gan.penalty, panel.state") == "None playing"


def test_another_discriminator_is_another_run(page, panel):
    panel.get_by_role("combobox").first.select_option("none")
    wait_for_status(panel, r"step \d+")
    wait_for_frames(panel, 2)
    found = ask(
        page, "any('BatchNorm' in type(m).__name__ for m in panel.gan.discriminator.modules())"
    )
    assert found == "False"


def test_at_projector_size(page, panel):
    page.set_viewport_size({"width": 1920, "height": 1080})
    show(panel)
    page.wait_for_timeout(1500)
    page.screenshot(path=ARTIFACTS / "13_panel_1920x1080.png")
    assert canvas(panel).bounding_box()["width"] >= 1100
    pause(panel)
    words = canvas(panel).get_attribute("aria-label")
    assert "24 generated pictures after" in words and "mean D(x)" in words


def test_the_console_has_no_error(page):
    assert page.faults == []
