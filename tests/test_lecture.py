"""A lesson as a full-screen page: what runs before it opens, and the page itself in a real Chromium.

Without a browser the last tests are skipped, unless GAN_EDU_BROWSER=required: then they fail.
"""

import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest
from test_accessibility import AXE, FAULTS

from classroom import lecture
from notebooks import NOTEBOOKS

ROOT = pathlib.Path(__file__).resolve().parent.parent
ARTIFACTS = ROOT / "test-artifacts"
LESSONS = sorted(NOTEBOOKS.glob("*.ipynb"))
BROWSER = os.environ.get("GAN_EDU_BROWSER") == "required"


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lecture_shows_every_figure_with_its_description(path):
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    plain = [
        cell for cell in code if not {"define", "live-panel"} & {*cell.metadata.get("tags", [])}
    ]
    shown = [data for cell in plain for output in cell.outputs if (data := output.get("data"))]
    pictures = [data for data in shown if {"image/png", "image/jpeg"} & data.keys()]
    made = lecture.lecture_of(notebook)
    text = "".join(cell.source for cell in made.cells if cell.cell_type == "markdown")
    described = re.findall(r'<img src="data:image/\w+;base64,[^"]+" alt="[^"]{40,}">', text)
    assert len(described) == len(pictures)


def test_lessons_are_known_by_their_number():
    for name in ("6", "06", "06_wgan"):
        assert lecture.lesson(name) == NOTEBOOKS / "06_wgan.ipynb"
    with pytest.raises(ValueError, match=r"number or the name of one of .*06_wgan.*, got '77'"):
        lecture.lesson("77")


# ---- in the browser


def wait_until_served(url, server):
    deadline = time.monotonic() + 90
    while True:
        try:
            return urllib.request.urlopen(url, timeout=2).close()
        except OSError:
            assert time.monotonic() < deadline and server.poll() is None, "it is not served"
            time.sleep(0.3)


@pytest.fixture(scope="module")
def page():
    playwright = pytest.importorskip("playwright.sync_api")
    from lab import CHROMIUM, chromium_page, free_port

    if CHROMIUM is None and not BROWSER:
        pytest.skip("there is no Chromium on this machine")
    ARTIFACTS.mkdir(exist_ok=True)
    port = free_port()
    log = open(ARTIFACTS / "lecture.log", "wb")
    words = [sys.executable, "-m", "classroom.lecture", "03", "--no-browser", f"--port={port}"]
    server = subprocess.Popen(words, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_until_served(f"http://127.0.0.1:{port}/voila/static/voila.js", server)
        with chromium_page(1366, 768) as page:
            page.expect, page.requests = playwright.expect, []
            page.on("request", lambda request: page.requests.append(request.url))
            page.goto(f"http://127.0.0.1:{port}/", wait_until="domcontentloaded", timeout=180_000)
            page.locator(".gan-picture[data-frame]").nth(1).wait_for(timeout=60_000)
            yield page
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
        log.close()


@pytest.fixture
def panel(page):
    """The panel of section 3."""
    found = page.locator(".gan-panel").nth(1)
    found.evaluate("panel => panel.scrollIntoView()")
    return found


def more_pictures(page, panel, n):
    picture = panel.locator(".gan-picture")
    shown = int(picture.get_attribute("data-shown"))
    condition = f"picture => +picture.dataset.shown > {shown + n}"
    page.wait_for_function(condition, arg=picture.element_handle(), timeout=30_000)


def test_the_panel_plays_and_its_slider_moves_training(page, panel):
    panel.locator('[data-action="play"]').click()
    more_pictures(page, panel, 5)
    slider = panel.locator('input[data-knob="lr_g"][data-side="0"]')
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    more_pictures(page, panel, 5)
    page.screenshot(path=ARTIFACTS / "lecture_1366x768.png")
    knobs = "panel => JSON.parse(panel.querySelector('.gan-picture').dataset.knobs)"
    assert panel.evaluate(knobs)["lr_g"] > 0.0021
    right = "Math.max(...[...panel.querySelectorAll('*')].map(part => part.getBoundingClientRect().right))"
    assert panel.evaluate(f"panel => {right}") <= 1366, "nothing is cut off"


def test_a_panel_fills_a_projector(page, panel):
    page.set_viewport_size({"width": 1920, "height": 1080})
    panel.evaluate("panel => panel.scrollIntoView()")
    more_pictures(page, panel, 5)
    panel.evaluate("panel => panel.scrollIntoView()")
    page.screenshot(path=ARTIFACTS / "lecture_1920x1080.png")
    box = panel.locator(".gan-picture").bounding_box()
    assert box["width"] > 1300 and 0 < box["y"] and box["y"] + box["height"] < 1080
    panel.locator('[data-action="play"]').click()
    stopped = "panel => panel.dataset.playing === 'false'"
    page.wait_for_function(stopped, arg=panel.element_handle(), timeout=20_000)


def test_a_result_is_covered_until_the_room_has_guessed(page):
    covered = page.locator(".gan-reveal details").first
    assert covered.locator("img").count() == 1 and not covered.locator("img").is_visible()
    covered.locator("summary").click()
    assert covered.locator("img").is_visible()
    covered.locator("summary").click()


def test_keys_turn_to_the_next_section_and_show_the_code(page):
    to_the_top = "title => { title.scrollIntoView(); document.activeElement.blur(); }"
    page.locator("h1").evaluate(to_the_top)

    def at():
        return page.locator("h1").bounding_box()["y"]

    places = [at()]
    for _ in range(3):
        page.keyboard.press("n")
        places.append(at())
    assert places == sorted(places, reverse=True) and len(set(places)) == 4
    page.keyboard.press("p")
    assert at() == places[2]
    code = page.locator(".celltag_lecture-code").first
    assert not code.is_visible()
    page.keyboard.press("c")
    assert code.is_visible()
    page.keyboard.press("c")
    assert not code.is_visible()
    prose = page.locator(".jp-RenderedMarkdown p").first
    assert prose.is_visible()
    page.keyboard.press("t")
    assert not prose.is_visible() and page.locator("h2").first.is_visible()
    assert page.locator(".celltag_lecture-output summary").first.is_visible()
    page.keyboard.press("t")
    assert prose.is_visible()


def test_formulas_and_pictures_are_there(page):
    assert page.locator("mjx-container").count() > 40
    assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
    assert page.locator('[data-mime-type="application/vnd.jupyter.stderr"]').count() == 0


def test_it_has_no_grave_fault_of_accessibility(page):
    if not AXE.exists() and not BROWSER:
        pytest.skip("there is no axe-core: npm ci --prefix classroom")
    page.add_script_tag(path=AXE)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("c")  # the code as well
    assert page.evaluate(FAULTS, {}) == []


def test_it_works_offline_and_without_an_error(page):
    local = ("http://127.0.0.1:", "data:", "blob:")
    assert [url for url in page.requests if not url.startswith(local)] == []
    assert page.faults == []
