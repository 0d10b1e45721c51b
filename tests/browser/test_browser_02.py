"""Lesson 02 in JupyterLab in a real Chromium: its sliders, and the Dirac-GAN's live panel."""

import re

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
    play,
    status,
    wait_for_status,
)

LESSON = "02_gan_game.ipynb"
NEEDED = (
    "measured = np.array(",
)  # what the explorer of the value shows beside the curve; make test runs the rest
pytestmark = needs_chromium


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with opened(panels_only(NOTEBOOKS / LESSON, tmp_path_factory.mktemp("short"), NEEDED)) as page:
        yield page


def dirac(page):
    return panel_of(page, "panel = LivePanel(")


def option(panel, name):
    return panel.locator(".widget-toggle-button", has_text=re.compile(rf"^\s*{name}\s*$"))


def state(page):
    """(θ, ψ) in the kernel."""
    return [
        float(n)
        for n in ask(
            page, "panel.gan.generator.theta.item(), panel.gan.discriminator.psi.item()"
        ).split()
    ]


def test_run_all_leaves_no_error(page):
    assert_no_fault(page)


@pytest.mark.parametrize(
    "text, slider, key, presses, pattern",
    [
        ("value_explorer = Explorer(", "μ_g", "ArrowLeft", 15, r"N\(0\.0, 1\.0²\).*value -1\.386 nats.*D\* = 0\.50"),
        ("value_explorer = Explorer(", "σ_g", "ArrowRight", 10, r"N\(0\.0, 2\.0²\).*value -1\.2\d\d nats"),
        ("push_explorer = Explorer(", "distance", "ArrowRight", 20, r"Distance 8\.0, σ = 1\.0.*8\.00 nats.*10\^-13"),
        ("push_explorer = Explorer(", "σ", "ArrowRight", 10, r"Distance 8\.0, σ = 2\.0.*10\^-3"),
    ],
)  # fmt: skip
def test_a_slider_computes_anew(page, text, slider, key, presses, pattern):
    panel = panel_of(page, text)
    before = picture(panel)
    panel.get_by_role("slider", name=slider, exact=True).focus()
    for _ in range(presses):
        page.keyboard.press(key)
    wait_for_status(panel, pattern)
    page.wait_for_timeout(300)
    assert picture(panel) != before
    name = slider.replace("μ", "mu").replace("σ", "sigma")
    page.screenshot(path=ARTIFACTS / f"02_{text.partition(' ')[0]}_{name}_1366x768.png")


def test_a_dragged_slider_ends_where_the_kernel_is(page):
    panel = panel_of(page, "value_explorer = Explorer(")
    box = panel.get_by_role("slider", name="μ_g", exact=True).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y, steps=20)
    page.mouse.up()
    page.wait_for_timeout(800)
    mean_g = float(ask(page, "value_explorer.values['mean_g']"))
    assert mean_g > 0.5 and f"N({mean_g:.1f}, " in status(panel)


def test_the_game_circles_while_it_plays(page):
    panel = dirac(page)
    before = picture(panel)
    play(panel, n_frames=30)
    page.screenshot(path=ARTIFACTS / "02_dirac_circles_1366x768.png")
    assert picture(panel) != before
    rate = float(re.search(r"(\d+) steps/s", status(panel))[1])
    assert (
        0 < rate < 35
    )  # the speed slider holds it back; how many a busy machine reaches is no matter of this test
    pause(panel)
    theta, psi = state(page)
    assert 0.9 < (theta**2 + psi**2) ** 0.5 < 1.1


def test_r1_at_the_press_of_a_button_brings_it_in(page):
    panel = dirac(page)
    option(panel, "R1").click()
    panel.get_by_role("slider", name="speed").focus()
    page.keyboard.press("End")  # full speed
    button(panel, "Play").click()
    wait_for_status(panel, r"^playing · step \d{4}")
    page.wait_for_timeout(300)
    page.screenshot(path=ARTIFACTS / "02_dirac_r1_1366x768.png")
    pause(panel)
    theta, psi = state(page)
    assert (theta**2 + psi**2) ** 0.5 < 0.01
    assert "r1_penalty" in ask(page, "panel.gan.penalty.__name__, panel.gan.history.changes[-1][1]")


def test_lambda_and_c_act_on_the_running_game(page):
    panel = dirac(page)
    button(panel, "Reset").click()
    option(panel, "no penalty").click()
    wait_for_status(panel, r"^paused · step 0")
    slider = panel.get_by_role("slider", name="c (clip_value)", exact=True)
    slider.focus()
    for _ in range(30):
        page.keyboard.press("ArrowLeft")
    wait_for_status(panel, r"c = 0\.31[0-9]?")
    panel.get_by_role("slider", name="λ (lambda_gp)", exact=True).focus()
    page.keyboard.press("ArrowRight")
    button(panel, "Play").click()
    wait_for_status(panel, r"^playing · step \d{4}")
    pause(panel)
    page.wait_for_timeout(300)
    page.screenshot(path=ARTIFACTS / "02_dirac_clipped_1366x768.png")
    largest = ask(page, "max(abs(psi) for psi in panel.view.trail.get_ydata())")
    assert 0.3 < float(largest) < 0.35
    lam, c = (
        float(n)
        for n in ask(page, "panel.gan.hparams.lambda_gp, panel.gan.hparams.clip_value").split()
    )
    assert lam > 0.3 and 0.3 < c < 0.33


def test_a_new_seed_starts_from_another_direction(page):
    panel = dirac(page)
    button(panel, "New seed").click()
    wait_for_status(panel, r"^paused · step 0 · seed 1")
    theta, psi = state(page)
    assert abs((theta**2 + psi**2) ** 0.5 - 1) < 1e-5 and abs(theta - 1) > 0.1
    assert ask(page, "panel.view.trail.get_xydata().shape") == "(1, 2)"
    button(dirac(page), "Step").click()
    wait_for_status(panel, r"^paused · step 1 ")
    assert ask(page, "panel.view.trail.get_xydata().shape") == "(3, 2)"


def test_at_projector_size(page):
    page.set_viewport_size({"width": 1920, "height": 1080})
    panel_of(page, "value_explorer = Explorer(")
    page.wait_for_timeout(500)
    page.screenshot(path=ARTIFACTS / "02_value_1920x1080.png")
    panel = dirac(page)
    option(panel, "towards slope 1").click()
    button(panel, "Reset").click()
    button(panel, "Play").click()
    wait_for_status(panel, r"^playing · step \d{3}")
    page.wait_for_timeout(1000)
    page.screenshot(path=ARTIFACTS / "02_dirac_1920x1080.png")
    pause(panel)
    assert panel.locator(".gan-live-picture").bounding_box()["width"] >= 1200


def test_the_console_has_no_error(page):
    assert page.faults == []
