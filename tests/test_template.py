"""The template of a lesson: a lesson made from it runs, has the form of a lesson, and its checks refuse what is not done."""

import os
import pathlib
import shutil
import subprocess
import sys

import nbformat
import pytest
import test_notebooks

from classroom import lesson

TESTS = pathlib.Path(__file__).resolve().parent
PACKAGE = TESTS.parent / "gan_edu"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project with one lesson, which was made from the template."""
    root = tmp_path_factory.mktemp("project")
    left_out = shutil.ignore_patterns("weights", "faces", "__pycache__", "l[0-9]*")
    shutil.copytree(PACKAGE, root / "gan_edu", ignore=left_out)
    for folder in ("notebooks", "tests/lessons"):
        (root / folder).mkdir(parents=True)
    for file in ("notebooks.py", "lessons/hints.py", "lessons/conftest.py"):
        shutil.copy(TESTS / file, root / "tests" / file)
    lesson.begin("20", "new_one", root)
    return root


def run(project, *command):
    paths = [project, project / "tests", TESTS]
    environment = os.environ | dict(PYTHONPATH=os.pathsep.join(map(str, paths)), OMP_NUM_THREADS="1")  # fmt: skip
    more = dict(cwd=project, env=environment, capture_output=True, text=True)
    done = subprocess.run([sys.executable, *command], **more)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def stored(project):
    """The lesson's notebook with the outputs of one run."""
    path = project / "notebooks" / "20_new_one.ipynb"
    run(project, TESTS / "store_outputs.py", path)
    notebook = nbformat.read(path, as_version=4)
    notebook.path = path
    return notebook


def test_it_has_the_form_of_a_lesson(stored):
    for looks_at in (
        test_notebooks.test_outputs_come_from_one_run_from_the_top,
        test_notebooks.test_what_is_stored_shows_without_a_kernel,
        test_notebooks.test_every_picture_has_its_description,
        test_notebooks.test_size_and_shape,
    ):
        looks_at(stored)
    assert "my_topic" not in str(stored) and "NN" not in "".join(c.source for c in stored.cells)


def test_its_checks_refuse_what_is_not_done(stored):
    tried = [c for c in stored.cells if c.cell_type == "code" and "check_" in c.source]
    said = [output.text for cell in tried for output in cell.outputs]
    assert len(said) == 2 and all("there is still a blank" in words for words in said)


def test_its_tests_pass(project, stored):
    run(project, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", project, "-m", "not again", project / "tests" / "lessons")  # fmt: skip


@pytest.mark.parametrize("number, name", [("7", "a"), ("20", "My topic"), ("xx", "a"), ("20", "")])
def test_a_lesson_needs_a_number_and_a_name(number, name, tmp_path):
    with pytest.raises(ValueError, match="two digits and a name"):
        lesson.begin(number, name, tmp_path)


def test_no_lesson_is_overwritten(project):
    with pytest.raises(FileExistsError, match="a lesson 20 already"):
        lesson.begin("20", "other", project)
