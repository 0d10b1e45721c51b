"""Lesson 01 in JupyterLab in a real Chromium: every slider figure is moved, dragged or typed into."""

import pytest
from lab import (
    ARTIFACTS,
    NOTEBOOKS,
    ask,
    assert_no_fault,
    code_cell,
    needs_chromium,
    opened,
    panel_of,
    picture,
    wait_for_status,
)

from gan_edu.first_edition.explore import Explorer
from gan_edu.lessons.l01_distances import HistogramView

LESSON = "01_distances.ipynb"
pytestmark = needs_chromium


@pytest.fixture(scope="module")
def page():
    with opened(NOTEBOOKS / LESSON) as page:
        yield page


def explorer(page, name):
    """The figure of the cell that makes the explorer `name`, scrolled to."""
    return panel_of(page, f"{name} = Explorer(")


def at(panel, view, axes, x, y):
    """The place in the page of the data point (x, y) of an Axes of the view."""
    figure = view.figure
    fraction = axes.transData.transform((x, y)) / figure.canvas.get_width_height()
    box = panel.locator(".gan-live-picture").bounding_box()
    return box["x"] + fraction[0] * box["width"], box["y"] + (1 - fraction[1]) * box["height"]


def test_run_all_leaves_no_error(page):
    assert_no_fault(page)


@pytest.mark.parametrize(
    "name, slider, keys, pattern",
    [
        ("pair", "μ_q", 10, "N\\(2\\.0, 0\\.6²\\)"),
        ("fit", "gap", 5, "humps at -3\\.0"),
        ("lines", "θ", 4, "θ = 0\\.80"),
        ("earth", "order p", 2, "at order 2"),
        ("playground", "f0", 2, "less than 2[0-9.]+"),
        ("dual", "k", 5, "critic is 1\\.5 times"),
    ],
)
def test_a_slider_moves_the_figure(page, name, slider, keys, pattern):
    panel = explorer(page, name)
    before = picture(panel)
    panel.get_by_role("slider", name=slider).first.focus()
    for _ in range(keys):
        page.keyboard.press("ArrowRight")
    wait_for_status(panel, pattern)
    page.wait_for_timeout(200)
    assert picture(panel) != before
    page.screenshot(path=ARTIFACTS / f"01_{name}_1366x768.png")


def test_dragging_a_bar_of_the_histogram(page):
    view = Explorer(HistogramView(), name="layout").view  # the same layout as in the page
    panel = explorer(page, "histograms")
    page.wait_for_timeout(300)
    page.mouse.move(*at(panel, view, view._draggable, 2.8, 0.15))
    page.mouse.down()
    for height in (0.3, 0.5, 0.7, 0.8):
        page.mouse.move(*at(panel, view, view._draggable, 2.8, height), steps=4)
    page.mouse.up()
    page.wait_for_timeout(800)
    assert 0.77 < float(ask(page, "histograms.values['p'][3]")) < 0.83
    panel = explorer(page, "histograms")
    page.screenshot(path=ARTIFACTS / "01_histograms_1366x768.png")


def test_the_keyboard_moves_a_bar_too(page):
    panel = explorer(page, "histograms")
    panel.get_by_role("button", name="disjoint").click()
    wait_for_status(panel, "KL\\(p‖q\\) ∞.*JS 0\\.693")
    panel.locator(".gan-live-picture").focus()
    chosen = int(ask(page, "histograms.values['chosen']"))
    panel = explorer(page, "histograms")
    panel.locator(".gan-live-picture").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    page.wait_for_timeout(500)
    after, total = ask(page, "histograms.values['chosen'], sum(histograms.values['q'])").split()
    assert int(after) != chosen and 0.97 < float(total) < 1.03


def test_typing_a_plan_and_its_prices(page):
    panel = explorer(page, "playground")
    panel.get_by_role("button", name="best plan").click()
    wait_for_status(panel, "costs 29, the least")
    cell = panel.locator("input[type=number]").first
    cell.fill("4")
    cell.press("Enter")
    wait_for_status(panel, "no coupling yet")
    panel.get_by_role("button", name="best plan").click()
    panel.get_by_role("button", name="best prices").click()
    wait_for_status(panel, "gap between your two is 0\\.0")
    page.screenshot(path=ARTIFACTS / "01_playground_1366x768.png")


def test_stills_hide_while_the_figures_live(page):
    for name in ("pair", "dual"):
        outputs = code_cell(page, f"{name} = Explorer(").locator(".jp-OutputArea-child")
        assert outputs.count() == 2 and not outputs.nth(1).is_visible()


def test_at_projector_size(page):
    page.set_viewport_size({"width": 1920, "height": 1080})
    panel = explorer(page, "pair")
    page.wait_for_timeout(500)
    assert panel.locator(".gan-live-picture").bounding_box()["width"] >= 1100
    page.screenshot(path=ARTIFACTS / "01_pair_1920x1080.png")


def test_the_console_has_no_error(page):
    assert page.faults == []
