"""Look at stored notebooks before they are committed: python tests/check_notebooks.py notebooks/*.ipynb

The form of what is stored, in a second; that the cells run is tested by pytest.
"""

import json
import pathlib
import re
import sys

import nbformat

MACHINE = re.compile(r"/(home|root|tmp|work|Users)/\w|\b[A-Z]:\\\\\w")  # a path, as JSON has it
COVERED = '<div class="gan-reveal"><details><summary>'


def faults(path):
    """Return what is wrong with a notebook as sentences: its ids, and the outputs of its one clean run."""
    text = pathlib.Path(path).read_text(encoding="utf-8")
    ids = [
        cell.get("id") for cell in json.loads(text)["cells"]
    ]  # nbformat would add what is missing
    cells = [cell for cell in nbformat.reads(text, as_version=4).cells if cell.cell_type == "code"]
    found = [] if None not in ids and len(set(ids)) == len(ids) else ["each cell needs its own id"]
    counts = [cell.execution_count for cell in cells]
    if counts != list(range(1, len(cells) + 1)):
        found.append(f"the cells were not run once from the top: {counts}")
    for cell in cells:
        name = next((line for line in cell.source.splitlines() if line.strip()), "")[:50]
        found += [f"{fault}, in the cell {name!r}" for fault in faults_of(cell)]
    return found if any(cell.outputs for cell in cells) else [*found, "no outputs are stored"]


def faults_of(cell):
    """Yield what is wrong with the outputs of a cell."""
    pages = [output.get("data", {}).get("text/html", "") for output in cell.outputs]
    if any(output.output_type == "error" for output in cell.outputs):
        yield "an error"
    if any(output.get("name") == "stderr" for output in cell.outputs):
        yield "a warning or another line of stderr"
    path = MACHINE.search(written(cell.outputs))
    if path:
        yield f"a path of this machine, {path[0]}..."
    if any(page.count('class="gan-reveal"') != page.count(COVERED) for page in pages):
        yield "a result that lies open: it must stay covered until a guess is entered"
    if "predict.reveal(" in cell.source and not any(COVERED in page for page in pages):
        yield "predict.reveal without its covered result"


def written(outputs):
    """Return the outputs as text, without the bytes of pictures, in which any letters may occur."""
    kept = []
    for output in outputs:
        data = {k: v for k, v in output.get("data", {}).items() if not k.startswith("image/")}
        kept.append({**output, "data": data})
    return re.sub(r"base64,[\w+/=]+", "base64,", json.dumps(kept))


if __name__ == "__main__":
    wrong = {path: faults(path) for path in sys.argv[1:]}
    for path, sentences in wrong.items():
        print("".join(f"{path}: {sentence}\n" for sentence in sentences), end="")
    sys.exit(any(wrong.values()))
