"""What holds for the exercises of all lessons; each list of wrong answers, with their hints, stands with the lesson's tests."""

import importlib
import re

import hints
import pytest

from notebooks import NOTEBOOKS, cells

LESSONS = [path.stem for path in sorted(NOTEBOOKS.glob("*.ipynb"))[1:]]
CALL = re.compile(r"(?:^| if )(check_\w+)\(", re.MULTILINE)


@pytest.mark.parametrize("name", LESSONS)
def test_every_lesson_has_two_exercises_whose_checks_are_tested(name):
    importlib.import_module(f"test_{name}")
    checks = vars(importlib.import_module(f"gan_edu.lessons.l{name[:2]}_checks"))
    called = {check for cell in cells(name) for check in CALL.findall(cell.source)}
    called -= {"check_three_runs"}  # it needs the step
    assert len(called) >= 2 and {checks[check] for check in called} <= hints.TRIED


@pytest.mark.parametrize("name", LESSONS)
def test_a_stub_is_told_to_be_one(name):
    """What a reader sees below each exercise before anything is filled in: a helpful word, and no error of Python's."""
    tried = [cell for cell in cells(name) if CALL.search(cell.source)]
    tried = [cell for cell in tried if {"exercise", "define"} & {*cell.metadata.tags}]
    for cell in tried:
        said = "".join(output.get("text", "") for output in cell.outputs)
        assert said.startswith("Not yet: ") and "stops with" not in said, cell.id
    assert tried
