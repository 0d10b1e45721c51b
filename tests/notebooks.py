"""Read the lessons as the tests need them: cells by tag, definitions as a namespace."""

import contextlib
import io
import pathlib
import re
from unittest import mock

import nbformat

from gan_edu.panel.page import TRAINER

MANY_FACES = re.compile(r"(?<=make_faces\()\d+_\d+")  # thousands, drawn in a quarter of a minute
NOTEBOOKS = pathlib.Path(__file__).resolve().parent.parent / "notebooks"


def all_cells(name):
    """Return the cells of a notebook."""
    return nbformat.read(next(NOTEBOOKS.glob(f"{name}*.ipynb")), as_version=4).cells


def cells(name, tag=None):
    """Return the code cells of a notebook, or those with a tag."""
    code = [cell for cell in all_cells(name) if cell.cell_type == "code"]
    return [cell for cell in code if tag is None or tag in cell.metadata.get("tags", [])]


def definitions(name, faces=None):
    """Run the cells tagged "define", in order, and return what they define; faces: so many in place of thousands.

    Their panels stand still: one that drew beside a test would put back random numbers that the test uses.
    """
    namespace = {}
    with contextlib.redirect_stdout(io.StringIO()), mock.patch.object(TRAINER, "add"):
        for cell in cells(name, "define"):
            exec(MANY_FACES.sub(faces, cell.source) if faces else cell.source, namespace)
    return namespace
