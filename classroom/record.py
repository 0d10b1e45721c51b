"""Record the lessons' panels, to be played without a kernel: python -m classroom.record [08 ...]

For each take it makes the panel as its lesson does, moves its knobs at the steps that are written here, and writes
notebooks/recordings/<take>.html.
"""

import pathlib
import sys

import nbformat

from gan_edu.panel import record

NOTEBOOKS = pathlib.Path(__file__).resolve().parent.parent / "notebooks"
# The lesson and a name; a word of the panel's cell; steps between two pictures; steps to train, and the knobs moved then.
TAKES = {
    "02_both": ("both, game", 5, [(400, dict(loss="saturating")), (100, {})]),
    "03_one_number": ("step, view", 10, [(600, dict(lr_g=0.02)), (300, dict(lr_g=0.002)), (300, {})]),
    "03_company": ("in_batches", 10, [(1000, dict(lr_d=0.1, lr_g=0.1)), (300, {})]),
    "04_friction": ("line_view", 20, [(1600, dict(gamma=0.1)), (800, dict(gamma=10)), (400, {})]),
    "06_race": ("view_race", 5, [(200, dict(distance=3)), (150, {})]),
    "06_ring": ("step, plane", 5, [(250, dict(lr_d=3e-4)), (100, dict(lr_d=3e-3)), (150, {})]),
    "07_clip_value": ("watched(step)", 10, [(300, dict(clip=0.1)), (200, dict(clip=1.0)), (200, dict(clip=0.1, lr_d=1e-4)), (200, {})]),
    "09_features": ("step, view_source", 10, [(400, dict(method="WGAN-GP")), (200, dict(lambda_gp=50)), (200, {})]),
    "08_penalty": ("plane, knobs", 10, [(200, dict(lambda_gp=0.001)), (100, dict(lambda_gp=1.0)), (150, dict(method="clipping")), (100, {})]),
    "11_film": ("film.view", 1, [(91, {})]),
    "18_flight": ("exhibit_1", 5, [(60, dict(lr=3e-4)), (60, dict(lambda_gp=100.0)), (160, {})]),
    "12_growing": ("growing.view", 1, [(60, {})]),
    "14_film": ("film.view", 1, [(60, {})]),
    "13_faces": ("view_faces", 11, [(600, {})]),
    "10_steering": ("watched(step, real)", 8, [(160, dict(method="none")), (60, dict(method="penalty")), (100, dict(data="painted")), (160, {})]),
    "16_rows": ("view_rows", 20, [(1100, {})]),
    "17_ask": ("view_walk", 2, [(30, dict(hair="red")), (30, dict(smile=True)), (30, dict(glasses=False)), (20, {})]),
    "15_walk": ("walk_build", 2, [(60, dict(pair=2)), (60, {})]),
    "10_gauge": ("gauged", 5, [(150, dict(W=1.5)), (60, dict(lambda_gp=10.0)), (60, dict(W=4.0)), (60, {})]),
}  # fmt: skip


def panel_of(lesson, word):
    """Return the panel whose cell has this word, made as the lesson makes it."""
    (path,) = NOTEBOOKS.glob(f"{lesson}_*.ipynb")
    namespace = {}
    for cell in nbformat.read(path, as_version=4).cells:
        tags = cell.metadata.get("tags", [])
        if "live-panel" in tags and word in cell.source:
            exec(cell.source, namespace)
            return namespace["panel"]
        if "define" in tags:
            exec(cell.source, namespace)
    raise ValueError(f"lesson {lesson} has no panel with {word!r}")


def write(name, path):
    """Train the take `name` and write its recording to path."""
    word, every, moves = TAKES[name]
    panel = panel_of(name[:2], word)
    panel.close()
    for n_steps, values in moves:
        panel.run.steps(n_steps).set(**values)
    record(panel.run, panel.view, path, every=every)


if __name__ == "__main__":
    asked = sys.argv[1:] or [name[:2] for name in TAKES]
    if unknown := set(asked) - {name[:2] for name in TAKES}:
        sys.exit(f"no take for {', '.join(sorted(unknown))}: two digits, and a line in TAKES")
    for name in TAKES:
        if name[:2] in asked:
            path = NOTEBOOKS / "recordings" / f"{name}.html"
            write(name, path)
            print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")
