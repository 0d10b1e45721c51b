"""Who does not see colours, or does not see, can follow: known colours, and pages checked with axe-core (decks: test_slides.py).

Without a browser, or without the npm packages of classroom/package.json, the pages are skipped, unless
GAN_EDU_BROWSER=required: then they fail.
"""

import os

import pytest
from nbconvert.exporters import HTMLExporter

from classroom import slides
from gan_edu import style
from notebooks import NOTEBOOKS

LESSONS = sorted(NOTEBOOKS.glob("*.ipynb"))
AXE = slides.PACKAGES / "axe-core" / "axe.min.js"
REQUIRED = os.environ.get("GAN_EDU_BROWSER") == "required"

# ---- colours

OKABE_AND_ITO = "#000000 #E69F00 #56B4E9 #009E73 #F0E442 #0072B2 #D55E00 #CC79A7".split()


def test_colours_are_those_that_readers_who_confuse_colours_can_tell_apart():
    """Okabe and Ito (2008), "Color Universal Design"; the critic is grey."""
    for names in ("REAL FAKE OPTIMAL PUSH MARK", "KL REVERSE_KL JS TV W1"):
        chosen = [getattr(style, name) for name in names.split()]
        assert set(chosen) <= set(OKABE_AND_ITO) and len(set(chosen)) == len(chosen)
    assert len(set(style.CRITIC[k : k + 2] for k in (1, 3, 5))) == 1


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


@pytest.fixture(scope="module")
def page():
    pytest.importorskip("playwright.sync_api")
    from lab import CHROMIUM, chromium_page

    if not REQUIRED and CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    if not REQUIRED and not AXE.exists():
        pytest.skip(slides.MISSING)
    with chromium_page(1280, 720) as page:
        # nbconvert's page asks the network for MathJax
        page.route("http*://**", lambda route: route.abort())
        yield page


# The decks show the cells of all lessons; here are the guesses, the diagrams and the covered results as a web page has them.
@pytest.mark.parametrize("path", [LESSONS[n] for n in (0, 2, 16)], ids=lambda path: path.stem)
def test_the_exported_lesson_has_no_grave_fault(page, tmp_path, path):
    exported = tmp_path / f"{path.stem}.html"
    exported.write_text(HTMLExporter().from_filename(str(path))[0], encoding="utf-8")
    page.goto(exported.as_uri())
    page.add_script_tag(path=AXE)
    assert page.evaluate(FAULTS, NBCONVERT) == []
