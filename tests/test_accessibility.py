"""Who does not see colours, or does not see, can follow: colours simulated and measured, pages checked with axe-core.

Without a browser, or without the npm packages of classroom/package.json, the pages are skipped, unless
GAN_EDU_BROWSER=required: then they fail.
"""

import itertools
import os

import nbformat
import numpy as np
import pytest
from nbconvert.exporters import HTMLExporter

from classroom import slides
from gan_edu.first_edition import plotting
from notebooks import NOTEBOOKS

LESSONS = sorted(NOTEBOOKS.glob("*.ipynb"))
AXE = slides.PACKAGES / "axe-core" / "axe.min.js"
REQUIRED = os.environ.get("GAN_EDU_BROWSER") == "required"

# ---- colours

COLOURS = {
    name: getattr(plotting, name)
    for name in ("REAL", "FAKE", "CRITIC", "OPTIMAL", "MARK", "HIGHLIGHT")
}
SEEN_BY = {  # Machado, Oliveira and Fernandes (2009), "A Physiologically-based Model for Simulation of Color Vision
    # Deficiency", table 1, severity 1.0: matrices for linear RGB
    "everybody": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
# A difference of 1 is just seen between two large patches side by side. Lines and points are small and lie apart: ten times
# that for any two colours, and twice as much again for what is on every picture, real data, generated data and the critic.
FLOOR, MAIN_FLOOR = 10.0, 20.0


def linear(colour):
    """Return "#rrggbb" as linear RGB, (3,) in [0, 1] (IEC 61966-2-1)."""
    value = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """Return linear RGB as CIELAB under D65."""
    to_xyz = np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ]
    )
    ratio = to_xyz @ np.clip(rgb, 0, 1) / to_xyz.sum(1)
    x, y, z = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def difference(first, second):
    """Return CIEDE2000 between two CIELAB colours: Sharma, Wu and Dalal (2005), equations 2 to 22."""
    (l1, a1, b1), (l2, a2, b2) = first, second
    mean_c7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    g = 1.5 - 0.5 * np.sqrt(mean_c7 / (mean_c7 + 25**7))
    c1, c2 = np.hypot(g * a1, b1), np.hypot(g * a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, g * a1)) % 360, np.degrees(np.arctan2(b2, g * a2)) % 360
    turn = 0.0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    d_h = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))
    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2
    mean_h = (
        h1 + h2
        if c1 * c2 == 0
        else (h1 + h2) / 2
        if abs(h1 - h2) <= 180
        else ((h1 + h2 + 360) / 2) % 360
    )

    def cos(factor, shift):
        return np.cos(np.radians(factor * mean_h + shift))

    t = 1 - 0.17 * cos(1, -30) + 0.24 * cos(2, 0) + 0.32 * cos(3, 6) - 0.20 * cos(4, -63)
    s_l = 1 + 0.015 * (mean_l - 50) ** 2 / np.sqrt(20 + (mean_l - 50) ** 2)
    s_c, s_h = 1 + 0.045 * mean_c, 1 + 0.015 * mean_c * t
    rotation = 60 * np.exp(-(((mean_h - 275) / 25) ** 2))
    r_t = -2 * np.sqrt(mean_c**7 / (mean_c**7 + 25**7)) * np.sin(np.radians(rotation))
    dl, dc, dh = (l2 - l1) / s_l, (c2 - c1) / s_c, d_h / s_h
    return float(np.sqrt(dl**2 + dc**2 + dh**2 + r_t * dc * dh))


@pytest.mark.parametrize(
    "first, second, expected",
    [  # Sharma, Wu and Dalal (2005), table 1
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0000),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, 2.49, -0.001), (50, -2.49, 0.0009), 7.1792),
        ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
        ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((50, 2.5, 0), (61, -5, 29), 22.8977),
        ((50, 2.5, 0), (56, -27, -3), 31.9030),
        ((50, 2.5, 0), (58, 24, 15), 19.4535),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
        ((90.8027, -2.0831, 1.4410), (91.1528, -1.6435, 0.0447), 1.4441),
        ((6.7747, -0.2908, -2.4247), (5.8714, -0.0985, -2.2286), 0.6377),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_differences_are_those_of_the_literature(first, second, expected):
    assert difference(first, second) == pytest.approx(expected, abs=1e-4)
    assert difference(second, first) == pytest.approx(expected, abs=1e-4)


def test_lab_of_known_colours():
    assert lab(linear("#ffffff")) == pytest.approx([100, 0, 0], abs=1e-3)
    assert lab(linear("#ff0000")) == pytest.approx([53.24, 80.09, 67.20], abs=0.02)
    assert lab(linear("#0000ff")) == pytest.approx([32.30, 79.19, -107.86], abs=0.02)


def seen(colour, viewer):
    return lab(np.array(SEEN_BY[viewer]) @ linear(colour))


def test_the_simulation_keeps_grey():
    for viewer, matrix in SEEN_BY.items():
        assert np.sum(matrix, axis=1) == pytest.approx(1, abs=2e-6), viewer


@pytest.mark.parametrize(
    "viewer, first, second",
    [
        ("protanopia", "#808080", "#00948e"),
        ("protanopia", "#009e73", "#b08060"),
        ("deuteranopia", "#808080", "#009175"),
        ("deuteranopia", "#d00000", "#6a7a00"),
        ("tritanopia", "#0072b2", "#008180"),
    ],
)
def test_colours_that_would_be_confused_fall_below_the_floor(viewer, first, second):
    assert difference(seen(first, "everybody"), seen(second, "everybody")) > MAIN_FLOOR
    assert difference(seen(first, viewer), seen(second, viewer)) < FLOOR


@pytest.mark.parametrize("viewer", SEEN_BY)
def test_the_colours_stay_apart(viewer):
    close = {}
    for (first, one), (second, other) in itertools.combinations(COLOURS.items(), 2):
        main = {first, second} <= {"REAL", "FAKE", "CRITIC"}
        apart = difference(seen(one, viewer), seen(other, viewer))
        if apart < (MAIN_FLOOR if main else FLOOR):
            close[first, second] = round(apart, 1)
    assert not close


# ---- pages

NBCONVERT = {  # faults of nbconvert's own page, which a notebook cannot change: {rule: selector of what is not ours}
    "color-contrast": ".jp-InputPrompt, .jp-OutputPrompt, "  # the prompts "In [1]:" in light grey
    ".highlight span",  # comments and operators of its colour scheme on its light grey: 4.2 : 1
    "link-in-text-block": ".jp-RenderedMarkdown a",  # links are underlined only under the pointer
}
GRAVE = ("serious", "critical")
FAULTS = """async (known) => {
    const found = await axe.run({ exclude: [["mjx-container"]] }, { resultTypes: ["violations"] });
    return found.violations.filter((fault) => GRAVE.includes(fault.impact)).flatMap((fault) => fault.nodes
        .filter((node) => !(fault.id in known && document.querySelector(node.target[0]).matches(known[fault.id])))
        .map((node) => `${fault.impact}: ${fault.id}: ${node.html.slice(0, 120)}`));
}""".replace("GRAVE", str(list(GRAVE)))
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
COLOURS_OF_TEXT = """() => {
    const pairs = {};
    const words = document.createTreeWalker(document.querySelector(".slides"), NodeFilter.SHOW_TEXT);
    while (words.nextNode()) {
        const part = words.currentNode.parentElement;
        if (!words.currentNode.data.trim() || part.closest("mjx-assistive-mml")) continue;
        let ground = part;
        while (ground && getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)") ground = ground.parentElement;
        const back = ground ? getComputedStyle(ground).backgroundColor : "rgb(255, 255, 255)";
        pairs[`${getComputedStyle(part).color} on ${back}`] = words.currentNode.data.trim().slice(0, 40);
    }
    return pairs;
}"""


def contrast(first, second):
    """Return the contrast of two colours in linear RGB, 1 to 21 (Web Content Accessibility Guidelines 2.1)."""
    bright, dark = sorted(
        (float(np.dot(rgb, [0.2126, 0.7152, 0.0722])) for rgb in (first, second)), reverse=True
    )
    return (bright + 0.05) / (dark + 0.05)


def test_known_contrasts():
    white = linear("#ffffff")
    assert contrast(white, linear("#000000")) == pytest.approx(21)
    assert contrast(linear("#767676"), white) == pytest.approx(4.54, abs=0.005)
    assert contrast(linear("#777777"), white) == pytest.approx(4.48, abs=0.005)


@pytest.fixture(scope="module")
def page():
    pytest.importorskip("playwright.sync_api")
    from lab import CHROMIUM, chromium_page

    if not REQUIRED and CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    if not REQUIRED and not AXE.exists():
        pytest.skip(slides.MISSING)
    with chromium_page(1280, 720) as page:
        page.route(
            "http*://**", lambda route: route.abort()
        )  # nbconvert's page asks the network for MathJax
        yield page


@pytest.fixture(scope="module")
def decks(tmp_path_factory):
    return {deck.stem: deck for deck in slides.make(LESSONS, tmp_path_factory.mktemp("slides"))}


def open_deck(page, deck):
    page.goto(deck.resolve().as_uri())
    page.wait_for_function("document.body.dataset.ready", timeout=120_000)
    page.evaluate(SHOW_ALL)
    page.add_script_tag(path=AXE)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_the_exported_lesson_has_no_grave_fault(page, tmp_path, path):
    exported = tmp_path / f"{path.stem}.html"
    exported.write_text(HTMLExporter().from_filename(str(path))[0], encoding="utf-8")
    page.goto(exported.as_uri())
    page.add_script_tag(path=AXE)
    assert page.evaluate(FAULTS, NBCONVERT) == []


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_the_deck_has_no_grave_fault(page, decks, path):
    open_deck(page, decks[path.stem])
    assert page.evaluate(FAULTS, {}) == []
    images = page.evaluate("[...document.images].map(image => image.alt)")
    assert images and all(len(alt) > 40 for alt in images)
    weak = {}
    for pair, words in page.evaluate(COLOURS_OF_TEXT).items():
        colours = [
            "#" + "".join(f"{int(part):02x}" for part in colour[4:-1].split(","))
            for colour in pair.split(" on ")
        ]
        ratio = contrast(*map(linear, colours))
        if ratio < 4.5:
            weak[pair] = (round(ratio, 2), words)
    assert not weak


def test_grave_faults_are_seen(page, tmp_path):
    pale = '<p style="color: #aaa">pale</p>'
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(f"# One\n\n{pale}")])
    nbformat.write(notebook, tmp_path / "a.ipynb")
    open_deck(page, slides.make([tmp_path / "a.ipynb"], tmp_path)[0])
    page.evaluate(
        "document.querySelector('.page').append(document.createElement('button'), new Image(9, 9))"
    )
    faults = page.evaluate(FAULTS, {})
    assert [
        any(name in fault for fault in faults)
        for name in ("color-contrast", "button-name", "image-alt")
    ] == [True] * 3
    assert any("170, 170, 170" in pair for pair in page.evaluate(COLOURS_OF_TEXT))
    assert not any(
        "color-contrast" in fault for fault in page.evaluate(FAULTS, {"color-contrast": "p"})
    )
