"""The cells of a notebook on which stored numbers depend, those tagged "stored": what they define, and their fingerprint."""

import hashlib
import pathlib

import nbformat

NOTEBOOKS = pathlib.Path(__file__).resolve().parent.parent / "notebooks"


def sources(notebook):
    cells = nbformat.read(NOTEBOOKS / f"{notebook}.ipynb", as_version=4).cells
    return [cell.source for cell in cells if "stored" in cell.metadata.get("tags", [])]


def fingerprint(notebook):
    """Return a short name of these sources: the stored numbers are those of other code if it differs."""
    return hashlib.sha256("\n".join(sources(notebook)).encode()).hexdigest()[:16]


def defined(notebook):
    """Return what these cells define."""
    names = {}
    for source in sources(notebook):
        exec(source, names)
    return names
