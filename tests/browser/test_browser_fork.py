"""Fork here, in JupyterLab in a real Chromium: two branches of one run side by side, each with a slider of its own."""

import re

import pytest
from lab import (
    ARTIFACTS,
    NOTEBOOKS,
    ask,
    assert_no_fault,
    button,
    expect,
    needs_chromium,
    opened,
    pause,
    scratch_notebook,
    show,
    wait_for_frames,
    wait_for_status,
)

NOTEBOOK = """
import functools
from gan_edu.datasets import gaussian_ring, latent_normal
from gan_edu.first_edition.live import LivePanel
from gan_edu.losses import critic_loss, generator_loss_wasserstein, gradient_penalty
from gan_edu.networks import mlp
from gan_edu.first_edition.training import GAN
import sys

sys.path.insert(0, TESTS)
from plane_view import PlaneView

gan = GAN(
    lambda: mlp(2, 32, 2), lambda: mlp(2, 32, 1), functools.partial(gaussian_ring, sigma=0.05),
    functools.partial(latent_normal, latent_dim=2), d_loss=critic_loss, g_loss=generator_loss_wasserstein,
    penalty=gradient_penalty,
)
panel = LivePanel(gan, PlaneView(bands=12), sliders=["lambda_gp", "lr_d"])
panel.step(40)
panel
""".replace("TESTS", repr(str(NOTEBOOKS.parent / "tests" / "first_edition")))
pytestmark = needs_chromium


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with opened(
        scratch_notebook(tmp_path_factory.mktemp("fork") / "fork.ipynb", NOTEBOOK, "pass")
    ) as page:
        page.locator(".gan-live-picture[data-shown]").wait_for(timeout=60_000)
        yield page


def live(page):
    return page.locator(".gan-live")


def pictures(page):
    return page.locator(".gan-live-picture").evaluate_all(
        "found => found.map(canvas => canvas.toDataURL())"
    )


def drag(page, slider, by):
    box = slider.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by, y, steps=10)
    page.mouse.up()


def test_words_stand_under_the_picture(page):
    words = page.locator(".gan-live-words")
    expect(words).to_have_text(
        re.compile("after 40 steps the critic's estimate is"), timeout=20_000
    )
    assert words.get_attribute("aria-live") == "polite" and words.is_visible()
    assert page.locator(".gan-live-picture").get_attribute("aria-label") == words.text_content()


def test_fork_here_puts_a_second_picture_beside_the_first(page):
    show(live(page))
    alone = page.locator(".gan-live-picture").bounding_box()
    button(live(page), "Fork here").click()
    expect(page.locator(".gan-live-picture")).to_have_count(2, timeout=60_000)
    page.locator(".gan-live-picture[data-shown]").nth(1).wait_for(timeout=60_000)
    wait_for_status(page, "paused · step 40 · seed 0 · forked after step 40A · λ = 10 .*B · λ = 10")
    show(live(page))
    a, b = (page.locator(".gan-live-picture").nth(k).bounding_box() for k in (0, 1))
    assert abs(a["y"] - b["y"]) < 2 and a["x"] + a["width"] <= b["x"]
    assert (
        abs(a["width"] - b["width"]) < 2
        and 0.45 * alone["width"] < a["width"] < 0.52 * alone["width"]
    )
    assert page.locator(".gan-live-caption:visible").all_text_contents() == ["A", "B"]
    assert pictures(page)[0] == pictures(page)[1]  # the same state


def test_the_slider_of_b_steers_b_alone(page):
    button(live(page), "Play").click()
    wait_for_status(page, r"playing · step \d{3}")
    slider = page.get_by_role("slider", name="B: λ (lambda_gp)")  # its name, for screen readers
    expect(slider).to_have_count(1, timeout=20_000)
    drag(page, slider, -60)
    wait_for_status(page, r"A · λ = 10 .*B · λ = (0\.|1\D)")
    wait_for_frames(live(page), 8)
    page.screenshot(path=ARTIFACTS / "fork_1366x768.png")
    a, b = pictures(page)
    assert a != b
    wait_for_frames(live(page), 3)
    assert pictures(page)[0] != a and pictures(page)[1] != b  # both go on
    pause(live(page))
    steps, of_a, of_b = ask(
        page, "len(gan.history), len(gan.history.changes), panel.branch.history.changes[-1][1]"
    ).split()
    assert of_a == "0" and of_b == "lambda_gp"
    assert ask(page, "len(panel.branch.history)") == steps
    expect(page.locator(".gan-live-words").nth(1)).to_contain_text(
        f"after {steps} steps", timeout=20_000
    )
    assert (
        ask(
            page,
            "[alone := gan.fork(), alone.reset(), [alone.step() for _ in range(len(gan.history))]] and 1",
        )
        == "1"
    )
    assert (
        ask(page, "all((alone.history[c] == gan.history[c]).all() for c in ('d_loss', 'g_loss'))")
        == "True"
    )


def test_the_keyboard_reaches_b(page):
    show(live(page))
    before = ask(page, "panel.branch.hparams.lr_d")
    page.get_by_role("slider", name="B: η_D (lr_d)").focus()
    page.keyboard.press("ArrowRight")
    wait_for_status(page, r"A · λ = 10 · η_D = 0\.001B · .* · η_D = 0\.0011")
    assert ask(page, "panel.branch.hparams.lr_d") != before


def test_on_a_narrow_page_they_stand_below_each_other(page):
    page.set_viewport_size({"width": 800, "height": 900})
    page.wait_for_timeout(1000)
    a, b = (page.locator(".gan-live-picture").nth(k).bounding_box() for k in (0, 1))
    assert b["y"] > a["y"] + a["height"] and abs(a["x"] - b["x"]) < 2


def test_at_projector_size(page):
    page.set_viewport_size({"width": 1920, "height": 1080})
    show(live(page))
    button(live(page), "Play").click()
    wait_for_status(page, "^playing")
    wait_for_frames(live(page), 4)
    page.screenshot(path=ARTIFACTS / "fork_1920x1080.png")
    assert page.locator(".gan-live-picture").nth(1).bounding_box()["width"] > 700


def test_end_fork_goes_on_with_a(page):
    button(live(page), "End fork").click()
    expect(page.locator(".gan-live-picture")).to_have_count(1, timeout=60_000)
    wait_for_status(page, r"playing · step \d+ .* · λ = 10 ")
    expect(page.get_by_role("slider", name="λ (lambda_gp)", exact=True)).to_have_count(
        1, timeout=20_000
    )
    wait_for_frames(live(page), 3)
    button(live(page), "Reset").click()
    pause(live(page))
    assert ask(page, "panel.branch") == "None"


def test_there_is_no_fault(page):
    assert_no_fault(page)
