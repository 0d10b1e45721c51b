"""Lesson 10 in JupyterLab in a real Chromium: its gauge is played and steered."""

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
    wait_for_frames,
    wait_for_status,
)

LESSON = "10_is_my_loss_a_distance.ipynb"
pytestmark = needs_chromium


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with opened(panels_only(NOTEBOOKS / LESSON, tmp_path_factory.mktemp("short"))) as page:
        yield page


def live(page, name):
    return panel_of(page, f"{name} = LivePanel(")


def test_run_all_leaves_no_error(page):
    assert_no_fault(page)


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
    page.screenshot(path=ARTIFACTS / "10_gauge_1366x768.png")
    pause(panel)
    assert picture(panel) != before
    gap, w1 = map(
        float, ask(page, "*[gauge.view.measure(gauge.gan)[k] for k in ('gap', 'w1')]").split()
    )
    assert abs(gap / (w1 + w1**2 / 10) - 1) < 0.2


def test_the_console_has_no_error(page):
    assert page.faults == []
