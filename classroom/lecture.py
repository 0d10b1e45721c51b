"""Serve a lesson as a full-screen page with live panels: python -m classroom.lecture 04

Voila runs all cells before it shows the page. So that this takes seconds, only definitions and panels run; what was
measured, figures and printed numbers, is shown as it is stored in the lesson.
"""

import argparse
import html
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import nbformat

HERE = pathlib.Path(__file__).resolve().parent
NOTEBOOKS = HERE.parent / "notebooks"


def lecture_of(notebook):
    """Return the notebook of the lecture: prose, definitions, panels, and the stored outputs of all other cells.

    Exercises stay as text. Definitions need each other only, and panels need definitions.
    """
    cells = []
    for cell in notebook.cells:
        tags = set(cell.metadata.get("tags", []))
        if cell.cell_type == "markdown":
            cells.append(nbformat.v4.new_markdown_cell(cell.source))
        elif tags & {"define", "live-panel"}:
            cells.append(nbformat.v4.new_code_cell(cell.source, metadata={"tags": list(tags)}))
        elif not tags & {"exercise", "solution"}:
            stored = "\n\n".join(filter(None, map(as_html, cell.outputs)))
            cells.append(aside(f"```python\n{cell.source}\n```", "lecture-code"))
            cells.append(aside(stored, "lecture-output"))
    return nbformat.v4.new_notebook(cells=cells, metadata=notebook.metadata)


def aside(source, tag):
    return nbformat.v4.new_markdown_cell(source, metadata={"tags": [tag]})


def as_html(output):
    """Return a stored output as HTML, "" if it is none of text and pictures."""
    if output.output_type == "stream":
        lines = [
            line for line in output.text.splitlines() if "%|" not in line
        ]  # without progress bars
        return f"<pre>{html.escape(chr(10).join(lines)).replace(chr(10) * 2, chr(10) + ' ' + chr(10))}</pre>"
    for kind in ("image/png", "image/jpeg"):
        if kind in output.get("data", {}):
            alt = html.escape(output.metadata[kind]["alt"], quote=True)
            return (
                f'<img src="data:{kind};base64,{"".join(output.data[kind].split())}" alt="{alt}">'
            )
    if "text/html" in output.get("data", {}):  # a guess, a covered result, the picture of a GAN
        return re.sub(r"\n\s*", " ", "".join(output.data["text/html"]))  # one block of Markdown
    return html.escape(output.get("data", {}).get("text/plain", ""))


def command(path, port, browser):
    """Return the command that serves the notebook at `path` with Voila, and its environment."""
    words = [
        sys.executable,
        "-m",
        "voila",
        str(path),
        f"--port={port}",
        "--template=lecture",
        "--theme=light",
    ]
    words += ["--strip_sources=False", "--show_tracebacks=True", "--Voila.ip=127.0.0.1"]
    paths = [str(HERE), os.environ.get("JUPYTER_PATH", "")]
    environment = os.environ | {"JUPYTER_PATH": os.pathsep.join(filter(None, paths))}
    return words + ([] if browser else ["--no-browser"]), environment


def lesson(number):
    """Return the path of a lesson by its number or name, e.g. "6", "06" or "06_wgan"."""
    exact = NOTEBOOKS / f"{number}.ipynb"  # copies may lie beside it
    found = [exact] if exact.exists() else sorted(NOTEBOOKS.glob(f"{number.zfill(2)}*.ipynb"))
    if len(found) != 1:
        names = ", ".join(path.stem for path in sorted(NOTEBOOKS.glob("*.ipynb")))
        raise ValueError(f"lesson must be the number or the name of one of {names}, got {number!r}")
    return found[0]


def main():
    parser = argparse.ArgumentParser(
        description="Serve a lesson as a full-screen page with live panels."
    )
    parser.add_argument("lesson", help="its number, e.g. 04")
    parser.add_argument("--port", type=int, default=8866)
    parser.add_argument("--no-browser", action="store_true")
    arguments = parser.parse_args()
    try:
        path = lesson(arguments.lesson)
    except ValueError as fault:
        sys.exit(str(fault))
    print(
        f"The page opens in some seconds at http://127.0.0.1:{arguments.port}. Ctrl-C here ends the lecture."
    )
    with tempfile.TemporaryDirectory(prefix="gan_edu_lecture_") as folder:
        copy = pathlib.Path(folder) / path.name
        nbformat.write(lecture_of(nbformat.read(path, as_version=4)), copy)
        words, environment = command(copy, arguments.port, not arguments.no_browser)
        try:
            sys.exit(subprocess.run(words, env=environment).returncode)
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
