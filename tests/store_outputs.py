"""Run notebooks from the top and store their outputs: python tests/store_outputs.py notebooks/*.ipynb

What a saved notebook should not carry is left out: views of widgets whose kernel is gone (a still picture follows each),
and the overwritten states of progress bars.
"""

import os
import pathlib
import re
import sys

import nbformat
from nbclient import NotebookClient


def clean(output):
    """Return the output as it should be stored, or None."""
    if "application/vnd.jupyter.widget-view+json" in output.get("data", {}):
        return None
    if output.output_type == "stream":
        lines = [line.rpartition("\r")[2] for line in output.text.replace("\r\n", "\n").split("\n")]
        output.text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines))
        if not output.text.strip():
            return None
    return output


def store(path):
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=600,
        resources={"metadata": {"path": str(path.parent)}},
        store_widget_state=False,
        coalesce_streams=True,
    )
    client.execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [kept for kept in map(clean, cell.outputs) if kept is not None]
            cell.metadata.pop("execution", None)  # times of day
    notebook.metadata["language_info"] = {"name": "python"}
    unfinished = path.with_suffix(".unfinished")
    nbformat.write(notebook, unfinished)
    os.replace(unfinished, path)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        store(pathlib.Path(name))
        print(f"{name}: {pathlib.Path(name).stat().st_size / 1e6:.2f} MB")
