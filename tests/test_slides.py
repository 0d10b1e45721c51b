"""The decks: made from the lessons, opened offline in a real Chromium, every slide measured.

Without a browser, or without the npm packages of classroom/package.json, these tests are skipped, unless
GAN_EDU_BROWSER=required: then they fail.
"""

import os
import pathlib
import re

import nbformat
import pytest

pytest.importorskip("playwright.sync_api")

from lab import CHROMIUM, chromium_page
from test_accessibility import AXE, FAULTS

from classroom import slides
from notebooks import NOTEBOOKS

LESSONS = sorted(NOTEBOOKS.glob("*.ipynb"))
WIDTH, HEIGHT = 1280, 720
MEASURE = """() => Reveal.getSlides().map((slide) => {
    const {h, v} = Reveal.getIndices(slide);
    Reveal.slide(h, v);
    let excess = 0, what = "";
    for (const part of slide.querySelectorAll("*")) {
        const box = part.getBoundingClientRect();
        if (!box.width || !box.height || part.closest("mjx-assistive-mml")) continue;
        const over = Math.max(box.right - innerWidth, box.bottom - innerHeight, -box.left, -box.top);
        if (over > excess) [excess, what] = [over, part.tagName.toLowerCase()];
    }
    const scrolls = [...slide.querySelectorAll("*")].some((part) =>
        /auto|scroll|hidden/.test(getComputedStyle(part).overflow) && part.tagName !== "svg" &&
        !part.closest("mjx-container") && part.scrollHeight > part.clientHeight + 1);
    return {
        excess, what, scrolls,
        words: slide.innerText.trim(),
        pictures: [...slide.querySelectorAll("img")].map((image) => image.width / image.naturalWidth),
        type: Object.fromEntries(["p, li", "td", ".highlight .line", ".jp-OutputArea .line"].map((kind) =>
            [kind, Math.min(...[...slide.querySelectorAll(kind)].map((e) => parseFloat(getComputedStyle(e).fontSize)))])),
    };
})"""
FORMULAS = """() => [document.querySelectorAll("mjx-container").length,
    document.querySelectorAll("mjx-container [data-mjx-error], mjx-container .merror").length
    + [...document.querySelectorAll(".page p")].filter((p) => p.innerText.includes("$")).length]"""
SHOW_ALL = """() => {
    document.body.className = "measuring";
    document.querySelector(".backgrounds").remove();
    document.querySelector(".slides").style = "";
    for (const slide of document.querySelectorAll(".slides section")) {
        slide.removeAttribute("hidden");
        slide.removeAttribute("aria-hidden");
        slide.style.display = "";
    }
}"""
# px on a slide 720 px high
SMALLEST = {"p, li": 20, "td": 18, ".highlight .line": 17, ".jp-OutputArea .line": 14}

if os.environ.get("GAN_EDU_BROWSER") != "required":
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine", allow_module_level=True)
    if not slides.PACKAGES.exists():
        pytest.skip(slides.MISSING, allow_module_level=True)


def open_deck(page, deck):
    page.goto(deck.resolve().as_uri())
    page.wait_for_function("document.body.dataset.ready", timeout=120_000)


def measured_in(page, deck):
    open_deck(page, deck)
    return page.evaluate(MEASURE)


def seen_whole(page):
    """What axe-core says of all slides below one another, as it looks at what is on the page; the texts of pictures."""
    before = len(page.faults)
    page.evaluate(SHOW_ALL)
    page.add_script_tag(path=AXE)
    faults = page.evaluate(FAULTS, {})
    del page.faults[before:]  # axe-core asks for the style sheets, which a file may not have
    return faults, page.evaluate("[...document.images].map(image => image.alt)")


def faults_of(name, measured):
    """What is wrong with the slides of a deck, each with its number and by how much."""
    faults = []
    for number, slide in enumerate(measured, start=1):
        where = f"{name}, slide {number} ({slide['words'][:40]!r})"
        if slide["excess"] > 0.5:
            faults.append(f"{where}: <{slide['what']}> {slide['excess']:.0f} px beyond the slide")
        if slide["scrolls"]:
            faults.append(f"{where}: something would have to be scrolled")
        if not slide["words"] and not slide["pictures"]:
            faults.append(f"{where}: empty")
        for kind, size in slide["type"].items():
            if size is not None and size < SMALLEST[kind]:
                faults.append(f"{where}: {kind} at {size} px, wanted at least {SMALLEST[kind]}")
        if min(slide["pictures"], default=1) < 0.9:
            faults.append(f"{where}: a picture at {min(slide['pictures']):.2f} of its size")
    return faults


@pytest.fixture(scope="module")
def page():
    assert CHROMIUM, "GAN_EDU_BROWSER=required, and there is no Chromium on this machine"
    with chromium_page(WIDTH, HEIGHT) as page:
        page.requests = []
        page.on("request", lambda request: page.requests.append(request.url))
        yield page


@pytest.fixture(scope="module")
def found(page, tmp_path_factory):
    """Of each deck: its slides as measured, its formulas, and what axe-core says of them all; opened once, which takes long."""
    decks = {}
    for deck in slides.make(LESSONS, tmp_path_factory.mktemp("slides")):
        decks[deck.stem] = [measured_in(page, deck), page.evaluate(FORMULAS), *seen_whole(page)]
    return decks


each_deck = pytest.mark.parametrize("name", [path.stem for path in LESSONS])


@each_deck
def test_no_slide_overflows_and_formulas_are_set(found, name):
    measured, (formulas, bad), *_ = found[name]
    assert faults_of(name, measured) == [] and bad == 0
    assert 3 < len(measured) < 140 and (formulas > 100 or name != "02_gan_game")


@each_deck
def test_the_deck_has_no_grave_fault(found, name):
    *_, faults, images = found[name]
    assert faults == [] and images and all(len(alt) > 40 for alt in images)


def test_a_deck_needs_nothing_from_the_network(page, found):
    assert page.requests and page.faults == []
    assert [url for url in page.requests if not url.startswith(("file:", "data:", "blob:"))] == []


@each_deck
def test_every_picture_and_every_heading_is_in_the_deck(found, name):
    """Pictures, the panels' stills among them, and the headings; those of skipped cells excepted."""
    cells = slides.slides_of(nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)).cells
    kept = [c for c in cells if c.metadata.slideshow.slide_type not in ("skip", "notes")]
    shown = 0
    for data in (output.get("data", {}) for cell in kept for output in cell.get("outputs", [])):
        if slides.PICTURES & data.keys():
            shown += 1
        else:  # in HTML, as in the results of guesses
            shown += data.get("text/html", "").count("<img ")
    measured = found[name][0]
    assert sum(len(slide["pictures"]) for slide in measured) == shown >= 2
    words = " ".join(slide["words"] for slide in measured)
    for cell in kept:
        for heading in re.findall(r"^#+ (.+)$", cell.source, re.M) if cell.cell_type == "markdown" else ():  # fmt: skip
            plain = re.sub(r"[`*\\]|\$.*?\$", "\0", heading).split("\0")[0].strip()
            assert plain in words, heading
    for cell in cells:
        if "live-panel" in cell.metadata.get("tags", []):
            assert cell in kept and cell.metadata.transient["remove_source"]


# ---- the measuring itself, on decks with known contents


def deck_of(folder, *sources):
    cells = [nbformat.v4.new_markdown_cell(source) for source in sources]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbformat.write(notebook, folder / "a.ipynb")
    return slides.make([folder / "a.ipynb"], folder)[0]


def test_what_cannot_be_divided_is_reported(page, tmp_path):
    tall = '<p style="height: 900px">tall</p>'
    wide = '<p style="width: 1400px; background: red">wide</p>'
    deck = deck_of(tmp_path, "# One\n\nfits", f"# Two\n\n{tall}", f"# Three\n\n{wide}")
    found = faults_of("a", measured_in(page, deck))
    assert len(found) == 2
    assert "slide 3" in found[0] and re.search(r"\b2\d\d px beyond", found[0])
    assert "slide 4" in found[1] and "160 px beyond" in found[1]


def test_what_is_long_is_divided_and_nothing_is_lost(page, tmp_path):
    items = "\n".join(f"- item {k}" for k in range(60))
    code = "```python\n" + "\n".join(f"x_{k} = {k}" for k in range(60)) + "\n```"
    rows = "| a | b |\n| --- | --- |\n" + "\n".join(f"| row {k} | {k} |" for k in range(60))
    deck = deck_of(tmp_path, f"# One\n\n{items}", f"# Two\n\n{code}\n\n## Three\n\n{rows}")
    found = measured_in(page, deck)
    assert faults_of("a", found) == []
    words = " ".join(slide["words"] for slide in found)
    for pattern in (r"item (\d+)\b", r"x_(\d+) =", r"row (\d+)\b"):
        assert [int(k) for k in re.findall(pattern, words)] == list(range(60))
    assert not any(slide["words"].endswith("Three") for slide in found), (
        "a heading stands with what follows it"
    )


def test_what_is_missing_is_said(monkeypatch, tmp_path):
    monkeypatch.setitem(slides.ASSETS, "reveal.js", pathlib.Path("nowhere/reveal.js"))
    with pytest.raises(FileNotFoundError, match="npm ci --prefix classroom"):
        slides.make(LESSONS[:1], tmp_path)


def test_grave_faults_are_seen(page, tmp_path):
    open_deck(page, deck_of(tmp_path, '# One\n\n<p style="color: #aaa">pale</p>'))
    added = (
        "document.querySelector('.page').append(document.createElement('button'), new Image(9, 9))"
    )
    page.evaluate(added)
    said = "".join(seen_whole(page)[0])
    assert all(name in said for name in ("color-contrast", "button-name", "image-alt"))
    assert "color-contrast" not in "".join(page.evaluate(FAULTS, {"color-contrast": "p"}))
