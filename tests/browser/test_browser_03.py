"""Lesson 03's panel in JupyterLab in a real Chromium, as a learner uses it."""

import re

import pytest
from lab import (
    ARTIFACTS,
    NOTEBOOKS,
    PANEL,
    ask,
    assert_no_fault,
    button,
    code_cell,
    expect,
    menu,
    needs_chromium,
    opened,
    panels_only,
    pause,
    picture,
    run_cell,
    show,
    status,
    wait_for_frames,
    wait_for_status,
)

LESSON = "03_gaussian_gan_1d.ipynb"
THREADS = "[t.name for t in __import__('threading').enumerate() if t.name == 'gan_edu trainer']"
pytestmark = needs_chromium


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with opened(panels_only(NOTEBOOKS / LESSON, tmp_path_factory.mktemp("short"))) as page:
        yield page


def panel_cell(page):
    return code_cell(page, "panel = LivePanel(")


def live(page):
    return page.locator(".gan-live")


def said(page):
    """Return (state, step, whole text) of the panel's status line."""
    found = re.match(r"(\w+) · step (\d+)", status(page))
    return found[1], int(found[2]), found.string


def test_run_all_leaves_no_error(page):
    assert_no_fault(page)
    assert page.locator(".gan-live").count() == 1


def test_the_still_picture_hides_while_the_panel_lives(page):
    show(live(page))
    output = (
        page.locator(PANEL + ".jp-CodeCell")
        .filter(has=page.locator(".gan-live"))
        .locator(".jp-OutputArea-child")
    )
    assert output.count() == 2
    assert output.nth(0).is_visible() and not output.nth(1).is_visible()


def test_play_moves_the_picture_and_pause_stops_it(page):
    show(live(page))
    before = picture(page)
    button(live(page), "Play").click()
    wait_for_status(page, r"playing · step \d{3}")
    wait_for_frames(live(page), 8)
    assert picture(page) != before
    page.screenshot(path=ARTIFACTS / "playing_1366x768.png")
    pause(live(page))
    page.wait_for_timeout(300)
    rests, step = picture(page), said(page)[1]
    page.wait_for_timeout(800)
    assert picture(page) == rests and said(page)[1] == step
    assert (
        ask(page, "len(panel.gan.history), panel.gan.history.changes") == f"{step} []"
    )  # looking moved no knob


def test_dragging_a_slider_changes_the_knob_in_the_kernel(page):
    show(live(page))
    button(live(page), "Play").click()
    wait_for_status(page, "^playing")
    handle = page.get_by_role("slider", name="η_D (lr_d)")
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 30, y, steps=15)
    page.mouse.up()
    wait_for_status(page, r"η_D = 0\.00\d")
    pause(live(page))
    slider, knob, last = ask(
        page, "panel._sliders['lr_d'].value, panel.gan.hparams.lr_d, panel.gan.history.changes[-1]"
    ).split(" ", 2)
    assert slider == knob and "lr_d" in last and float(knob) < 0.02
    assert f"η_D = {float(knob):.3g}" in said(page)[2]


def test_the_keyboard_alone_is_enough(page):
    show(live(page))
    page.get_by_role("slider", name="η_G (lr_g)").focus()
    page.keyboard.press("ArrowRight")
    wait_for_status(page, r"η_G = 0\.0056")
    button(live(page), "Play").focus()
    page.keyboard.press("Enter")
    wait_for_status(page, "^playing")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Pause"
    page.keyboard.press("Space")
    wait_for_status(page, "^paused")


def test_step_discriminator_generator_and_reset(page):
    show(live(page))
    start = said(page)[1]
    for name in ("Step", "D step", "G step"):
        button(live(page), name).click()
    wait_for_status(page, f"paused · step {start + 3} ")
    assert ask(page, "panel.gan.history['mover'][-3:].tolist()") == "[0.0, 1.0, 2.0]"
    button(live(page), "Keep this run").click()
    button(live(page), "Reset").click()
    wait_for_status(page, "paused · step 0 · seed 0")
    button(live(page), "New seed").click()
    wait_for_status(page, "paused · step 0 · seed 1")


def test_copy_as_code_shows_what_replays_the_run(page):
    show(live(page))
    button(live(page), "Step").click()
    wait_for_status(page, "paused · step 1 ")
    button(live(page), "Copy as code").click()
    code = page.locator(".gan-live textarea")
    expect(code).to_have_value(
        re.compile(r"gan = panel_gan\(batch_size=64, minibatch=False, seed=1\)")
    )
    assert "gan.run(1)" in code.input_value()


def test_interrupt_pauses_and_play_goes_on(page):
    show(live(page))
    button(live(page), "Play").click()
    wait_for_status(page, "^playing")
    menu(page, "Kernel", "Interrupt Kernel")
    wait_for_status(page, "^paused.*the kernel was interrupted")
    step = said(page)[1]
    button(live(page), "Play").click()
    wait_for_status(page, "^playing")
    page.wait_for_timeout(600)
    assert said(page)[1] > step and "interrupted" not in said(page)[2]
    assert ask(page, "panel.state") == "playing"  # other cells run meanwhile


def test_running_the_cell_again_leaves_one_trainer(page):
    assert said(page)[0] == "playing"
    run_cell(page, panel_cell(page))
    wait_for_status(page, "paused · step 150")
    assert page.locator(".gan-live").count() == 1
    assert ask(page, THREADS) == "['gan_edu trainer']"
    show(live(page))
    button(live(page), "Play").click()
    wait_for_status(page, "^playing")


def test_a_reloaded_page_goes_on(page):
    menu(page, "File", "Save Notebook")
    page.wait_for_timeout(1500)
    page.reload(wait_until="domcontentloaded")
    page.locator(".gan-live-picture[data-shown]").wait_for(timeout=60_000)
    show(live(page))
    wait_for_frames(live(page), 3)
    assert said(page)[0] == "playing"


def test_clearing_the_output_pauses(page):
    panel_cell(page).locator(".jp-InputArea-prompt").click()
    menu(page, "Edit", "Clear Cell Output")
    page.locator(".gan-live").wait_for(state="detached")
    page.wait_for_timeout(4000)
    assert ask(page, "panel.state") == "paused"
    assert "not on any open page" in ask(page, "panel._trainer.message")


def test_at_projector_size(page):
    run_cell(page, panel_cell(page))
    page.set_viewport_size({"width": 1920, "height": 1080})
    show(live(page))
    button(live(page), "Play").click()
    wait_for_status(page, r"playing · step \d{3}")
    page.wait_for_timeout(1500)
    page.screenshot(path=ARTIFACTS / "playing_1920x1080.png")
    pause(live(page))
    box = page.locator(".gan-live-picture").bounding_box()
    assert box["width"] >= 1200


def test_the_console_has_no_error(page):
    assert page.faults == []
