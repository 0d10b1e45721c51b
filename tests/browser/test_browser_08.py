"""Lesson 08 in JupyterLab in a real Chromium: both panels are played and steered."""

import pytest
from lab import (
    ARTIFACTS,
    NOTEBOOKS,
    ask,
    assert_no_fault,
    button,
    code_cell,
    needs_chromium,
    opened,
    panel_of,
    panels_only,
    pause,
    picture,
    wait_for_frames,
    wait_for_status,
)

LESSON = "08_wgan_gp.ipynb"
pytestmark = needs_chromium


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with opened(panels_only(NOTEBOOKS / LESSON, tmp_path_factory.mktemp("short"))) as page:
        yield page


def live(page, name):
    return panel_of(page, f"{name} = LivePanel(")


def test_run_all_leaves_no_error(page):
    assert_no_fault(page)
    assert page.locator(".gan-live").count() == page.locator(".gan-panel").count() == 1


def test_the_gauge_follows_lambda(page):
    panel = live(page, "gauge")
    before = picture(panel)
    button(panel, "Play").click()
    wait_for_status(panel, r"playing · step \d{4}")
    slider = panel.get_by_role("slider", name="λ (lambda_gp)")
    slider.focus()
    for _ in range(20):  # a unit of the logarithm: from 0.5 to 5
        page.keyboard.press("ArrowRight")
    wait_for_status(panel, r"λ = 5\D")
    wait_for_frames(panel, 8)
    page.screenshot(path=ARTIFACTS / "08_gauge_1366x768.png")
    pause(panel)
    assert picture(panel) != before
    gap, w1 = map(
        float, ask(page, "*[gauge.view.measure(gauge.gan)[k] for k in ('gap', 'w1')]").split()
    )
    assert abs(gap / (w1 + w1**2 / 10) - 1) < 0.2


@pytest.fixture
def plane(page):
    found = code_cell(page, "panel = live(").locator(".gan-panel")
    found.locator(".gan-picture[data-frame]").wait_for(timeout=60_000)
    return found


def more_pictures(page, plane, n):
    plane.evaluate("element => element.scrollIntoView({block: 'start'})")
    shown = int(plane.locator(".gan-picture").get_attribute("data-shown"))
    condition = f"+element.querySelector('.gan-picture').dataset.shown > {shown} + {n}"
    page.wait_for_function(f"element => {condition}", arg=plane.element_handle())


def test_the_plane_keeps_playing(page, plane):
    plane.locator('[data-action="play"]').click()
    more_pictures(page, plane, 30)
    page.screenshot(path=ARTIFACTS / "08_plane_1366x768.png")
    box = plane.bounding_box()
    assert box["height"] <= 600 and plane.evaluate("e => e.scrollWidth <= e.clientWidth")


def test_from_the_penalty_to_scissors_and_back(page, plane):
    largest = "round(max(float(p.abs().max()) for p in panel.run.gan.D.parameters()), 4)"
    plane.locator('select[data-knob="constraint"][data-side="0"]').select_option("clipping")
    more_pictures(page, plane, 8)
    page.screenshot(path=ARTIFACTS / "08_clipped_1366x768.png")
    assert float(ask(page, largest)) <= 0.01
    plane.locator('select[data-knob="constraint"][data-side="0"]').select_option("penalty")
    more_pictures(page, plane, 8)
    assert float(ask(page, largest)) > 0.01
    names = ask(page, "[value for _, name, value in panel.run.moves if name == 'constraint']")
    assert names == "['clipping', 'penalty']"


def test_a_preset_begins_another_run_with_other_data(page, plane):
    plane.locator("button", has_text="the grid").click()
    more_pictures(page, plane, 8)
    page.screenshot(path=ARTIFACTS / "08_grid_1366x768.png")
    assert ask(page, "panel.run.gan.data, panel.run.knobs.lambda_gp") == "grid 0.1"


def test_at_projector_size(page, plane):
    page.set_viewport_size({"width": 1920, "height": 1080})
    more_pictures(page, plane, 8)
    page.screenshot(path=ARTIFACTS / "08_plane_1920x1080.png")
    assert plane.locator(".gan-picture").bounding_box()["width"] >= 1100
    plane.locator('[data-action="play"]').click()
    page.wait_for_function(
        "e => e.dataset.playing === 'false'", arg=plane.element_handle(), timeout=20_000
    )


def test_the_console_has_no_error(page):
    assert page.faults == []
