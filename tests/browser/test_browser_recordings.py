"""Recordings in a real Chromium: the page plays from a file, without a kernel and without a network; and in the panel."""

import re
import shutil

import nbformat
import pytest
from lab import (
    ARTIFACTS,
    NOTEBOOKS,
    PANEL,
    chromium_page,
    expect,
    needs_chromium,
    open_notebook,
    run_all,
    scratch_notebook,
    served,
)

from gan_edu.first_edition.record_panels import TAKES
from gan_edu.first_edition.recordings import load_recording

RECORDING = NOTEBOOKS / "recordings" / "17_panel.html"
NOTEBOOK = """
import functools
from gan_edu.datasets import gaussian_ring, latent_normal
from gan_edu.first_edition.live import LivePanel
from gan_edu.networks import mlp
from gan_edu.first_edition.training import GAN
import sys

sys.path.insert(0, TESTS)
from plane_view import PlaneView

latent = functools.partial(latent_normal, latent_dim=2)
gan = GAN(lambda: mlp(2, 8, 2), lambda: mlp(2, 8, 1), gaussian_ring, latent)
panel = LivePanel(gan, PlaneView(), recording="17_panel.html")
panel
""".replace("TESTS", repr(str(NOTEBOOKS.parent / "tests" / "first_edition")))
pytestmark = needs_chromium


@pytest.fixture(scope="module")
def page():
    with chromium_page(1366, 768) as page:
        page.requests = []
        page.on("request", lambda request: page.requests.append(request.url))
        page.goto(RECORDING.as_uri())
        page.locator("#picture[data-frame]").wait_for(timeout=60_000)
        yield page


def shows(page, run, frame):
    expect(page.locator(f'#picture[data-run="{run}"][data-frame="{frame}"]')).to_have_count(
        1, timeout=30_000
    )


def picture(page):
    return page.locator("#picture").evaluate("canvas => canvas.toDataURL()")


def test_it_says_what_it_is(page):
    badge = page.locator(".badge")
    assert badge.inner_text() == "Recording" and badge.bounding_box()["height"] >= 24
    expect(page.locator("#status")).to_have_text(
        re.compile("^Recording · paused · step 0 of 1500 · λ = 0.1$")
    )
    assert page.title().startswith("Recording: lesson 17")
    shows(page, 0, 0)
    page.screenshot(path=ARTIFACTS / "recording_1366x768.png")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    box = page.locator("#picture").bounding_box()
    assert box["y"] + box["height"] <= 768  # all controls and the picture without scrolling


def test_it_plays_and_pauses(page):
    before = picture(page)
    page.get_by_role("button", name="Play").click()
    page.locator("#picture:not([data-frame='0']):not([data-frame='1'])").wait_for(timeout=30_000)
    page.get_by_role("button", name="Pause").click()
    page.wait_for_timeout(300)
    rests = page.locator("#picture").get_attribute("data-frame")
    page.wait_for_timeout(800)
    assert page.locator("#picture").get_attribute("data-frame") == rests and picture(page) != before
    page.get_by_role("button", name="Step").click()
    shows(page, 0, int(rests) + 1)
    page.get_by_role("button", name="Reset").click()
    shows(page, 0, 0)
    assert picture(page) == before


def test_the_slider_of_the_knob_snaps_to_what_was_recorded(page):
    found = load_recording(RECORDING)
    page.get_by_role("slider", name="training step").focus()
    page.keyboard.press("End")
    last = len(found.descriptions[0]) - 1
    shows(page, 0, last)
    pictures = {picture(page)}
    knob = page.get_by_role("slider", name="λ (lambda_gp), recorded values only")
    knob.focus()
    for k in (1, 2):
        page.keyboard.press("ArrowRight")
        shows(page, k, len(found.descriptions[k]) - 1)
        assert knob.get_attribute("aria-valuetext") == f"λ = {found.values[k]:g}"
        pictures.add(picture(page))
    assert len(pictures) == 3
    expect(page.locator("#words")).to_have_text(found.descriptions[2][-1], timeout=20_000)
    assert found.descriptions[2][-1] in page.locator("#picture").get_attribute("aria-label")
    page.screenshot(path=ARTIFACTS / "recording_last_1366x768.png")
    knob.evaluate("slider => { slider.value = 0; slider.dispatchEvent(new Event('input')); }")
    shows(page, 0, last)


def test_the_keyboard_alone_is_enough(page):
    page.get_by_role("button", name="Reset").focus()
    page.keyboard.press("Enter")
    shows(page, 0, 0)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "knob"
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    shows(page, 0, 1)
    page.keyboard.press("Space")
    page.locator("#picture:not([data-frame='0']):not([data-frame='1'])").wait_for(timeout=30_000)
    page.keyboard.press("Space")
    expect(page.locator("#status")).to_have_text(re.compile("paused"))


def test_it_asks_for_nothing_and_has_no_fault(page):
    assert [url for url in page.requests if not url.startswith(("file:", "data:"))] == []
    assert [url for url in page.requests if url.startswith("file:")] == [RECORDING.as_uri()]
    assert page.faults == []


@pytest.mark.parametrize("take", TAKES, ids=lambda take: take.path.stem)
def test_every_recording_opens(page, take):
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.goto(take.path.as_uri())
    page.locator("#picture[data-frame]").wait_for(timeout=60_000)
    page.get_by_role("slider", name="training step").focus()
    page.keyboard.press("End")
    shows(page, 0, len(load_recording(take.path).descriptions[0]) - 1)
    page.screenshot(path=ARTIFACTS / f"recording_{take.path.stem}_1920x1080.png")
    assert page.faults == []


def test_in_the_panel_it_takes_the_place_of_the_pictures(page, tmp_path):
    page.set_viewport_size({"width": 1366, "height": 768})
    path = tmp_path / "recorded.ipynb"
    notebook = nbformat.read(scratch_notebook(path, NOTEBOOK, "pass"), as_version=4)
    notebook.cells.append(nbformat.v4.new_markdown_cell("[Open the recording](17_panel.html)"))
    nbformat.write(notebook, path)
    with served(path) as lab:
        shutil.copy(RECORDING, lab.folder / "notebooks")
        open_notebook(page, lab, path.name)
        run_all(page)
        panel = page.locator(".gan-live")
        panel.locator(".gan-live-picture[data-shown]").wait_for(timeout=60_000)
        panel.get_by_role("button", name="Recording").click()
        frame = page.frame_locator("iframe.gan-live-recording")
        frame.locator("#picture[data-frame='0']").wait_for(timeout=60_000)
        assert not panel.locator(".gan-live-picture").is_visible()
        frame.get_by_role("button", name="Play").click()
        frame.locator("#picture:not([data-frame='0'])").wait_for(timeout=30_000)
        panel.evaluate("panel => panel.scrollIntoView({block: 'start'})")
        page.screenshot(path=ARTIFACTS / "recording_in_panel_1366x768.png")
        panel.get_by_role("button", name="Back to live").click()
        expect(panel.locator(".gan-live-picture")).to_be_visible(timeout=20_000)
        assert page.locator(PANEL + '[data-mime-type="application/vnd.jupyter.error"]').count() == 0
        assert page.faults == []
        link = page.locator(PANEL + "a", has_text="Open the recording")
        link.scroll_into_view_if_needed()
        link.click()
        opened = page.frame_locator(".jp-HTMLViewer iframe")
        opened.locator(".badge").wait_for(
            timeout=60_000
        )  # without its script the page says what to press
        page.get_by_text("Trust HTML", exact=True).first.click()
        opened.locator("#picture[data-frame='0']").wait_for(timeout=60_000)
        opened.get_by_role("button", name="Step").click()
        opened.locator("#picture[data-frame='1']").wait_for(timeout=60_000)
        page.screenshot(path=ARTIFACTS / "recording_link_1366x768.png")
