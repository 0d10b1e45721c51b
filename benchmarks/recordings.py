"""Record the panels of lessons: python -m benchmarks.recordings [NN ...] writes notebooks/recordings/NN_panel.html.

The loop, its knobs and its view are the lesson's own: its defining cells are run, then the cell of the panel.
"""

import contextlib
import io
import pathlib
import sys

import nbformat

from gan_edu.panel import record

NOTEBOOKS = pathlib.Path(__file__).resolve().parent.parent / "notebooks"
STORIES = {  # lesson: (panel, steps between two pictures, [(steps, what moves then), ...])
    "08": ("panel", 10, [
        (300, dict(lambda_gp=100.0)), (150, dict(lambda_gp=0.01)), (150, dict(lambda_gp=1.0)),
        (200, dict(constraint="clipping")), (150, {}),
    ]),
}  # fmt: skip


def panel_of(lesson, name):
    """Return the panel of a lesson, as its cell makes it."""
    (path,) = NOTEBOOKS.glob(f"{lesson}_*.ipynb")
    space = {"__name__": "__main__"}
    for cell in nbformat.read(path, as_version=4).cells:
        wanted = f"\n{name} = live(" in cell.source
        if cell.cell_type == "code" and ("define" in cell.metadata.get("tags", []) or wanted):
            with contextlib.redirect_stdout(io.StringIO()):
                exec(cell.source, space)
        if wanted:
            return space[name]
    raise ValueError(f"lesson {lesson} has no cell with {name} = live(")


def main(lessons):
    """Record these lessons; all without any."""
    for lesson in lessons or STORIES:
        name, every, story = STORIES[lesson]
        panel = panel_of(lesson, name)
        panel.close()
        for n_steps, moves in story:
            panel.run.steps(n_steps).set(**moves)
        path = NOTEBOOKS / "recordings" / f"{lesson}_{name}.html"
        record(panel.run, panel.view, path, every=every)
        print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main(sys.argv[1:])
