"""Record the lessons' live panels: python -m gan_edu.first_edition.record_panels [NN ...] writes notebooks/recordings/NN_name.html.

The GAN, its settings and its view are read from the lesson itself: its definitions are run, then the cell of the panel.
"""

import ast
import contextlib
import dataclasses
import functools
import io
import json
import pathlib
import sys

from gan_edu.first_edition.recordings import record

NOTEBOOKS = pathlib.Path(__file__).resolve().parents[2] / "notebooks"


@dataclasses.dataclass(frozen=True)
class Take:
    """One recording: the panel called `panel` of a lesson, run with each of the values of a knob.

    choose: {label of a toggle, or name of a menu: option} to be chosen first. title: in words, for the page.
    photos: see `gan_edu.first_edition.recordings.record`.
    """

    lesson: str
    panel: str
    title: str
    knob: str
    values: tuple
    n_steps: int
    n_frames: int
    choose: dict = dataclasses.field(default_factory=dict)
    photos: bool = False

    @property
    def path(self):
        """Where the recording is stored."""
        return NOTEBOOKS / "recordings" / f"{self.lesson}_{self.panel}.html"


TAKES = (
    Take(
        "13", "panel", "a DCGAN learns to draw faces; η_D is the discriminator's learning rate", "lr_d", (1e-5, 1e-3, 1e-2), 600, 11,
        photos=True,
    ),
    Take(
        "17", "panel", "an AC-GAN learns digits by their labels; λ is the weight of R1", "lambda_gp", (0.1, 1.0, 10.0), 1500, 31,
        {"variant": "AC-GAN"},
    ),
)  # fmt: skip


def panel_of(lesson, name):
    """Return the `LivePanel` called `name` of a lesson, as its cell makes it.

    Run are the imports of the cells before it, and those tagged "define"; ValueError where there is no such panel.
    """
    path = next(NOTEBOOKS.glob(f"{lesson}_*.ipynb"), None)
    if path is None:
        raise ValueError(
            f"lesson must be the number of a notebook in {NOTEBOOKS.name}/, got {lesson!r}"
        )
    namespace = {"__name__": "__main__"}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        tags, source = cell["metadata"].get("tags", []), "".join(cell["source"])
        if cell["cell_type"] != "code":
            continue
        wanted = "live-panel" in tags and f"{name} = LivePanel(" in source
        source = source.replace(f"\n{name}.step(", "\n# ")  # a recording begins with step 0
        with contextlib.redirect_stdout(io.StringIO()):
            exec(source if wanted or "define" in tags else imports_of(source), namespace)
        if wanted:
            return namespace[name]
    raise ValueError(
        f"name must be that of a LivePanel in a cell with the tag live-panel, got {name!r}"
    )


def imports_of(source):
    """Return the import statements of a cell; nothing where it is no Python."""
    try:
        lines = ast.parse(source).body
    except SyntaxError:  # a stub of an exercise, or a line for the shell
        return ""
    return ast.unparse([line for line in lines if isinstance(line, ast.Import | ast.ImportFrom)])


def gan_of(panel, choose):
    """Return a new GAN with the panel's settings, at its start."""
    menus = {name: option for name, option in choose.items() if name not in panel.options}
    gan = panel.rebuild(seed=panel.gan.seed, **menus) if menus else panel.gan.fork()
    gan.reset()
    for label in choose.keys() - menus:
        for knob, value in panel.options[label][choose[label]].items():
            gan.set(knob, value)
    return gan


def view_of(panel):
    """Return a new view like the panel's, empty."""
    view = panel.view.another()
    view.clear()
    view.symbols = panel.view.symbols
    return view


def record_take(take):
    """Record one panel; return the path written."""
    panel = panel_of(take.lesson, take.panel)
    panel.close()
    take.path.parent.mkdir(exist_ok=True)
    return record(
        take.path, functools.partial(gan_of, panel, take.choose), functools.partial(view_of, panel), take.knob, take.values,
        take.n_steps, take.n_frames, panel.view.symbols.get(take.knob), f"lesson {take.lesson}: {take.title}",
        f"Made from the lesson's own cells by python -m gan_edu.first_edition.record_panels {take.lesson}.", take.photos,
    )  # fmt: skip


def main(lessons):
    """Record the panels of these lessons; of all without any."""
    known = sorted({take.lesson for take in TAKES})
    unknown = [lesson for lesson in lessons if lesson not in known]
    if unknown:
        raise SystemExit(
            f"no panel to record in lesson {', '.join(unknown)}; there are those of {', '.join(known)}"
        )
    for take in TAKES:
        if take.lesson in lessons or not lessons:
            path = record_take(take)
            print(
                f"{path.relative_to(NOTEBOOKS.parent)}: {path.stat().st_size / 1e6:.2f} MB",
                flush=True,
            )


if __name__ == "__main__":
    main(sys.argv[1:])
