"""What a reader sees below each exercise before anything is filled in: a helpful word, and no error of Python's."""

import re

import pytest

from notebooks import NOTEBOOKS, cells


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb"))[1:], ids=lambda path: path.stem)
def test_a_stub_is_told_to_be_one(path):
    tried = [c for c in cells(path.stem) if re.search(r"(^| if )check_\w+\(", c.source, re.M)]
    tried = [c for c in tried if {"exercise", "define"} & {*c.metadata.tags}]
    for cell in tried:
        said = "".join(output.get("text", "") for output in cell.outputs)
        assert said.startswith("Not yet: ") and "stops with" not in said, cell.id
    assert tried
