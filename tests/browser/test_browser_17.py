"""Lesson 17 in JupyterLab in a real Chromium: the conditional panel is played, the trained generator is asked."""

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
    wait_for_another_picture,
    wait_for_status,
)

LESSON = "17_conditional_faces.ipynb"
LONG = r"faces.run(FACES[\"n_steps\"])"  # 150 steps are enough for faces that follow their labels a little
NEEDED = ("panel = LivePanel(", "faces = face_gan(", "asked = Explorer(")  # make test runs the rest
pytestmark = needs_chromium


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    short = panels_only(NOTEBOOKS / LESSON, tmp_path_factory.mktemp("short"), NEEDED)
    text = short.read_text(encoding="utf-8")
    assert LONG in text
    short.write_text(text.replace(LONG, "faces.run(150)"), encoding="utf-8")
    with opened(short, timeout=300) as page:
        yield page


def test_run_all_leaves_no_error(page):
    assert_no_fault(page)
    assert page.locator(".gan-live").count() >= 1


def test_the_panel_trains_and_the_grid_follows(page):
    panel = panel_of(page, NEEDED[0])
    before = picture(panel)
    button(panel, "Play").click()
    wait_for_status(panel, r"playing · step [5-9]\d\d")
    wait_for_another_picture(panel, before)
    slider = panel.get_by_role("slider", name="λ (lambda_gp)")
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    wait_for_status(panel, r"λ = 10\b")
    page.screenshot(path=ARTIFACTS / "17_panel_1366x768.png")
    pause(panel)
    assert float(ask(page, "panel.view.measure(panel.gan)")) > 0.3  # chance is 0.1


def test_another_variant_is_another_run(page):
    panel = panel_of(page, NEEDED[0])
    panel.get_by_role("combobox").select_option("blind")
    wait_for_status(panel, r"^paused · step 0\D")
    assert (
        ask(page, "type(panel.gan.discriminator.module).__name__, len(panel.gan.history)")
        == "BlindDiscriminator 0"
    )


def test_the_portrait_follows_buttons_and_sliders(page):
    panel = panel_of(page, NEEDED[2])
    shown = picture(panel)
    for row, value in (("smile", "no"), ("glasses", "yes"), ("hair colour", "red")):
        group = panel.locator(".widget-toggle-buttons").filter(has_text=row)
        group.get_by_role("button", name=value, exact=True).click()
        shown = wait_for_another_picture(panel, shown)
    for name in ("person", "from the one to the other"):
        handle = panel.get_by_role("slider", name=name, exact=True)
        handle.focus()
        for _ in range(4):
            page.keyboard.press("ArrowRight")
            shown = wait_for_another_picture(panel, shown)
    page.screenshot(path=ARTIFACTS / "17_ask_1366x768.png")
    values = ask(
        page, "[asked.values[k] for k in ('person', 't', 'smile', 'glasses', 'hair_colour')]"
    )
    assert values == "[7, 0.2, 0, 1, 3]"


def test_at_projector_size(page):
    page.set_viewport_size({"width": 1920, "height": 1080})
    for name, text in (("panel", NEEDED[0]), ("ask", NEEDED[2])):
        panel = panel_of(page, text)
        page.wait_for_timeout(1000)
        page.screenshot(path=ARTIFACTS / f"17_{name}_1920x1080.png")
        assert panel.locator(".gan-live-picture").bounding_box()["width"] >= 1000


def test_the_console_has_no_error(page):
    assert page.faults == []
