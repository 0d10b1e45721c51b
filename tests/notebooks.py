"""Read the lessons as the tests need them: cells by tag, definitions as a namespace."""

import contextlib
import io
import pathlib

import nbformat

NOTEBOOKS = pathlib.Path(__file__).resolve().parent.parent / "notebooks"


def all_cells(name):
    """Return the cells of a notebook."""
    return nbformat.read(next(NOTEBOOKS.glob(f"{name}*.ipynb")), as_version=4).cells


def cells(name, tag=None):
    """Return the code cells of a notebook, or those with a tag."""
    code = [cell for cell in all_cells(name) if cell.cell_type == "code"]
    return [cell for cell in code if tag is None or tag in cell.metadata.get("tags", [])]


def definitions(name):
    """Run the cells tagged "define", in order, and return what they define."""
    namespace = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for cell in cells(name, "define"):
            exec(cell.source, namespace)
    return namespace
