"""Lesson 08 in JupyterLab in a real Chromium: both panels are played and steered."""

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
    assert page.locator(".gan-live").count() >= 1


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


def test_the_plane_keeps_playing(page):
    panel = live(page, "panel")
    button(panel, "Play").click()
    wait_for_status(panel, r"playing · step \d{3}")
    wait_for_frames(panel, 30)
    page.screenshot(path=ARTIFACTS / "08_plane_1366x768.png")


def test_from_the_penalty_to_scissors_and_back(page):
    panel = live(page, "panel")
    panel.get_by_role("button", name="clipping, c = 0.01").click()
    wait_for_frames(panel, 8)
    page.screenshot(path=ARTIFACTS / "08_clipped_1366x768.png")
    assert (
        ask(
            page,
            "max(float(p.abs().max()) for p in panel.gan.discriminator.parameters()) <= 0.0101",
        )
        == "True"
    )
    panel = live(page, "panel")
    panel.get_by_role("button", name="penalty").click()
    wait_for_frames(panel, 4)
    assert (
        ask(page, "panel.gan.penalty.__name__, panel.gan.hparams.clip_value, panel.state")
        == "gradient_penalty None playing"
    )
    changes = ask(page, "[name for _, name, _ in panel.gan.history.changes]")
    assert "penalty" in changes and "clip_value" in changes


def test_another_data_set_is_another_run(page):
    panel = live(page, "panel")
    panel.get_by_role("combobox").select_option("Swiss roll")
    wait_for_status(panel, r"step \d+")
    wait_for_frames(panel, 8)
    page.screenshot(path=ARTIFACTS / "08_roll_1366x768.png")
    assert (
        ask(page, "panel.gan.sample_real.__name__, len(panel.gan.history) > 0") == "swiss_roll True"
    )


def test_at_projector_size(page):
    page.set_viewport_size({"width": 1920, "height": 1080})
    panel = live(page, "panel")
    page.wait_for_timeout(1000)
    page.screenshot(path=ARTIFACTS / "08_plane_1920x1080.png")
    assert panel.locator(".gan-live-picture").bounding_box()["width"] >= 1100
    pause(panel)


def test_the_console_has_no_error(page):
    assert page.faults == []
