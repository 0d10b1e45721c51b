"""Make a deck from each lesson: python -m classroom.slides [notebooks/06_wgan.ipynb ...] [--output slides]

nbconvert writes one page with a section for each slide; in the page, deck.js moves what does not fit onto a next slide, so
that a deck fits whatever fonts a machine has. reveal.js and MathJax come from the npm packages beside this file.
"""

import argparse
import pathlib
import re
import shutil
import sys

import nbformat
from nbconvert.exporters import SlidesExporter

HERE = pathlib.Path(__file__).resolve().parent
NOTEBOOKS = HERE.parent / "notebooks"
PACKAGES = HERE / "node_modules"
ASSETS = {
    "reveal.js": PACKAGES / "reveal.js" / "dist" / "reveal.js",
    "reveal.css": PACKAGES / "reveal.js" / "dist" / "reveal.css",
    "notes.js": PACKAGES / "reveal.js" / "plugin" / "notes" / "notes.js",
    "tex-svg.js": PACKAGES / "mathjax" / "es5" / "tex-svg.js",
    "deck.css": HERE / "deck" / "deck.css",
    "deck.js": HERE / "deck" / "deck.js",
}
MISSING = (
    "The decks need the npm packages reveal.js and mathjax in classroom/node_modules. Install Node.js (https://nodejs.org, "
    "or conda install nodejs), then: npm ci --prefix classroom"
)
PICTURES = {"image/png", "image/jpeg"}


def slides_of(notebook):
    """Set the slide metadata that the cells' tags already say; what a notebook says itself stays.

    Left out: claims, definitions that show nothing, and checks of answers that nobody has given. The code of figures and
    panels is left out, the picture stays. A result comes on another slide than its guess.
    """
    for cell in notebook.cells:
        kind = cell.metadata.get("slideshow", {}).get("slide_type", "-")
        tags, outputs = cell.metadata.get("tags", []), cell.get("outputs", [])
        if cell.cell_type == "markdown":
            kind = "subslide" if kind == "-" and cell.source.startswith("#") else kind
        elif (
            "claim" in tags
            or ("define" in tags and kind == "-" and not outputs)
            or ("exercise" in tags and outputs)
        ):
            kind = "skip"
        elif kind not in ("skip", "notes"):
            cell.source = re.sub(r"\n{3,}", "\n\n", cell.source)
            cell.outputs = [
                shown for shown in map(without_bars, outputs) if shown.get("text", True)
            ]
            found = [output.get("data", {}) for output in outputs]
            covered = any("gan-reveal" in data.get("text/html", "") for data in found)
            if covered or any(PICTURES & data.keys() for data in found):
                cell.metadata.transient = {"remove_source": True}
            if kind == "-" and (covered or "solution" in tags):
                kind = "subslide"
        cell.metadata.slideshow = {"slide_type": kind}
    return notebook


def without_bars(output):
    """Return an output without progress bars."""
    if output.output_type == "stream":
        output.text = re.sub(r"^.*\d%\|.*\|.*\n?", "", output.text, flags=re.MULTILINE).strip("\n")
    return output


def export(path):
    """Return the deck of a notebook as HTML."""
    notebook = slides_of(nbformat.read(path, as_version=4))
    title = re.search(r"^# (.+)$", notebook.cells[0].source, re.MULTILINE)
    notebook.metadata["title"] = title[1] if title else path.stem
    exporter = SlidesExporter(template_name="deck", extra_template_basedirs=[str(HERE)])
    return exporter.from_notebook_node(notebook)[0]


def make(paths, output):
    """Write a deck for each notebook, and beside them what they need; returns the decks' paths."""
    missing = [str(source) for source in ASSETS.values() if not source.exists()]
    if missing:
        raise FileNotFoundError(f"{MISSING}\nMissing: {', '.join(missing)}")
    (output / "assets").mkdir(parents=True, exist_ok=True)
    for name, source in ASSETS.items():
        shutil.copyfile(source, output / "assets" / name)
    for folder in NOTEBOOKS.glob("recordings"):  # the lessons link to them
        shutil.copytree(folder, output / "recordings", dirs_exist_ok=True)
    decks = []
    for path in paths:
        decks.append(output / f"{path.stem}.html")
        decks[-1].write_text(export(path), encoding="utf-8")
    return decks


def main():
    parser = argparse.ArgumentParser(description="Make a deck from each lesson.")
    parser.add_argument("notebooks", nargs="*", type=pathlib.Path, help="default: all lessons")
    parser.add_argument("--output", type=pathlib.Path, default=HERE.parent / "slides")
    arguments = parser.parse_args()
    try:
        decks = make(arguments.notebooks or sorted(NOTEBOOKS.glob("*.ipynb")), arguments.output)
    except FileNotFoundError as fault:
        sys.exit(str(fault))
    for deck in decks:
        print(
            f"{deck}: open it in a browser; arrow keys turn the slides, F is full screen, S shows the speaker's view"
        )


if __name__ == "__main__":
    main()
