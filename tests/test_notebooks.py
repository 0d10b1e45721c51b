"""The stored notebooks: complete, readable without a kernel, within the limits of the design; and the sentinels work.

That they run is tested by pytest itself, which collects notebooks/ (run_notebooks.py, with the sentinels).
"""

import json
import math
import os
import pathlib
import re
import subprocess
import sys

import check_notebooks
import nbformat
import pytest

from notebooks import NOTEBOOKS

TESTS = pathlib.Path(__file__).resolve().parent
ROOT = TESTS.parent
LESSONS = sorted(NOTEBOOKS.glob("*.ipynb"))
IMAGES = ("image/png", "image/jpeg", "image/gif")


@pytest.fixture(params=LESSONS, ids=lambda path: path.stem)
def notebook(request):
    notebook = nbformat.read(request.param, as_version=4)
    notebook.path = request.param
    return notebook


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_outputs_come_from_one_run_from_the_top(notebook):
    assert check_notebooks.faults(notebook.path) == []


SOUND = nbformat.v4.new_output("stream", text="as it should be")
SHOWN = '<div class="gan-reveal"><details><summary>No guess yet</summary>2</details></div>'


def html(text):
    return nbformat.v4.new_output("display_data", {"text/html": text})


@pytest.mark.parametrize("more, fault", [
    ({}, None), ({"source": "predict.reveal(guess, 2)", "outputs": [html(SHOWN)]}, None),
    ({"outputs": [html('<img src="data:image/png;base64,/tmp/x">')]}, None),  # letters of a picture
    ({"execution_count": 2}, "not run once from the top: [1, 2, 2]"),
    ({"id": "first"}, "its own id"), ({"id": None}, "its own id"),
    ({"outputs": [nbformat.v4.new_output("error", ename="E")]}, "an error, in the cell 'two = 1 + 1'"),
    ({"outputs": [nbformat.v4.new_output("stream", name="stderr", text="old")]}, "stderr"),
    ({"outputs": [nbformat.v4.new_output("stream", text="/home/ann/a.py")]}, "a path of this machine"),
    ({"outputs": [nbformat.v4.new_output("stream", text="C:\\Users\\ann")]}, "a path of this machine"),
    ({"outputs": [html(SHOWN.replace("<details>", "<details open>"))]}, "lies open"),
    ({"outputs": [html('<div class="gan-reveal"><p>You said 2.</p></div>')]}, "lies open"),
    ({"source": "predict.reveal(guess, 2)"}, "without its covered result"),
])  # fmt: skip
def test_what_should_not_be_stored_is_told(more, fault, tmp_path):
    cells = [nbformat.v4.new_code_cell(f"{k} = 1 + 1") for k in ("one", "three", "two")]
    for n, cell in enumerate(cells, 1):
        cell.update(execution_count=n, outputs=[SOUND], id=("first", "second", "third")[n - 1])
    cells[-1].update(more)
    if cells[-1]["id"] is None:
        del cells[-1]["id"]
    path, notebook = tmp_path / "one.ipynb", nbformat.v4.new_notebook()
    notebook.cells = cells  # given to new_notebook, their ids would be repaired
    path.write_text(json.dumps(notebook), encoding="utf-8")
    found = check_notebooks.faults(path)
    assert not found if fault is None else len(found) == 1 and fault in found[0], found


def test_what_is_stored_shows_without_a_kernel(notebook):
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    view = "application/vnd.jupyter.widget-view+json"
    assert not any(view in output.get("data", {}) for output in outputs)
    for cell in code_cells(notebook):
        if "live-panel" in cell.metadata.get("tags", []):
            kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
            assert kinds & set(IMAGES), "no still picture"


def test_every_picture_has_its_description(notebook):
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    pictures = [(kind, one) for one in outputs for kind in IMAGES if kind in one.get("data", {})]
    assert pictures
    for kind, output in pictures:
        assert len(output.metadata.get(kind, {}).get("alt", "")) > 40


def test_size_and_shape(notebook):
    assert notebook.path.stat().st_size < 1_500_000
    lengths = [len(cell.source.splitlines()) for cell in code_cells(notebook)]
    assert max(lengths) <= 35
    assert sum(length <= 15 for length in lengths) >= 0.9 * len(lengths)
    text = " ".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    words = len(re.findall(r"\w+", text))
    most = 20 if notebook.path.stem[:2] != "00" else math.inf  # it is a page of instructions
    assert 5 <= words / sum(lengths) <= most


def relative_links(text):
    """Return the targets of Markdown links and pictures that are files of the project, without anchors."""
    targets = [target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)]
    return [one for one in targets if one and "://" not in one and "attachment:" not in one]


PAGES = [ROOT / "README.md", NOTEBOOKS / "glossary.md", *LESSONS]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_links_lead_somewhere(path):
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = nbformat.reads(text, as_version=4).cells
        text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    missing = [target for target in relative_links(text) if not (path.parent / target).exists()]
    assert not missing


def test_links_are_found():
    text = "[one](a.ipynb), ![two](images/b.png), [three](https://example.org), [four](c.md#part), [five](#here)"
    assert relative_links(text) == ["a.ipynb", "images/b.png", "c.md"]


FAULTS = {  # source of a cell -> what the report says of it
    "import threading\nt = threading.Thread(target=lambda: 1 / 0)\nt.start(); t.join()": r"thread .*ZeroDivisionError",
    "import asyncio\nasync def fails():\n    {}['key']\nasyncio.ensure_future(fails());": r"(?<!unfinished )task: .*KeyError",
    "task = asyncio.ensure_future(asyncio.sleep(60))": r"unfinished task",
    "threading.Thread(target=threading.Event().wait, args=(20,)).start()": r"unfinished thread",
    "from core.loops import RING_KNOBS, ring_build, ring_step\nfrom panel.views import plane\n"
    "from gan_edu.panel import live\nnew = live(ring_build, ring_step, plane, RING_KNOBS)\nnew.play()": r"a panel is still playing",
    "import time\nfrom gan_edu.panel import explore\nbad = explore(lambda fig, knobs: fig.subplots(), {})\n"
    "bad.view = lambda fig, knobs: 1 / 0\nbad.dirty = True": r"a panel has a fault: ZeroDivisionError",
}


def run_notebook(path, sources):
    """Run a notebook of these cells as the lessons are run; return pytest's exit code and output."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    for cell in cells:
        cell.metadata["tags"] = ["nbval-ignore-output"]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "run_notebooks", "-c", os.devnull]
    command += ["--rootdir", str(path.parent), str(path)]
    environment = os.environ | {"PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent}"}
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 1
    return run.stdout


def test_faults_in_the_background_fail_a_notebook(tmp_path):
    output = run_notebook(tmp_path / "one.ipynb", FAULTS)
    assert "1 failed, 7 passed" in output, output  # the one after the last fails
    for said in FAULTS.values():
        assert re.search(said, output), (said, output)
