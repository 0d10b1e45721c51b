"""Run notebooks from the top and store their outputs: python tests/store_outputs.py notebooks/*.ipynb

What a saved notebook should not carry is left out: views of widgets whose kernel is gone (a still picture takes the
place of a panel), and the overwritten states of progress bars.
"""

import os
import pathlib
import re
import sys
import tempfile

import nbformat
from nbclient import NotebookClient

STILLS = """
import base64, io, matplotlib, sys
from matplotlib.figure import Figure
from gan_edu.style import STYLE
found, page = {}, sys.modules.get("gan_edu.panel.page")
for (cell, *_), panel in (page.TRAINER.panels if page else {}).items():
    with matplotlib.rc_context(STYLE):
        figure, content = Figure(figsize=(11, 4.2), dpi=80), io.BytesIO()
        panel.draw_still(figure)
        figure.savefig(content, format="png")
    found[cell] = base64.b64encode(content.getvalue()).decode(), figure.words
display({"application/json": found}, raw=True)  # printed, it would take half a minute
"""


def clean(output, still):
    """Return the output as it should be stored, or None; still: (PNG, words) of the cell's panel, if it has one."""
    if "application/vnd.jupyter.widget-view+json" in output.get("data", {}):
        if still is None and "text/html" in output.data:  # a guess: its question stays
            del output.data["application/vnd.jupyter.widget-view+json"]
            return output
        if still is None:
            return None
        png, words = still
        data = {"image/png": png, "text/plain": words}
        return nbformat.v4.new_output("display_data", data, metadata={"image/png": {"alt": words}})
    if output.output_type == "stream":
        lines = [line.rpartition("\r")[2] for line in output.text.replace("\r\n", "\n").split("\n")]
        output.text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines))
        if not output.text.strip():
            return None
    return output


def store(path):
    os.environ["GAN_EDU_GUESSES"] = f"{tempfile.mkdtemp()}/none.json"  # nobody has guessed yet
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=3600,
        resources={"metadata": {"path": str(path.parent)}},
        store_widget_state=False,
        coalesce_streams=True,
    )
    notebook.cells.append(nbformat.v4.new_code_cell(STILLS))
    client.execute()
    stills = notebook.cells.pop().outputs[-1].data["application/json"]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            still = stills.get(cell.id) or stills.get(cell.source)
            kept = [clean(output, still) for output in cell.outputs]
            cell.outputs = [output for output in kept if output is not None]
            cell.metadata.pop("execution", None)  # times of day
    notebook.metadata["language_info"] = {"name": "python"}
    unfinished = path.with_suffix(".unfinished")
    nbformat.write(notebook, unfinished)
    os.replace(unfinished, path)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        store(pathlib.Path(name))
        print(f"{name}: {pathlib.Path(name).stat().st_size / 1e6:.2f} MB")
