"""All panels: their views draw alike in the page and as a still, their recordings are theirs."""

import json
import re

import matplotlib
import pytest
from matplotlib.figure import Figure as Still
from panel.pictures import assert_alike, of_matplotlib, of_page, stored

from classroom import record
from gan_edu.panel.explore import explore
from gan_edu.panel.figure import Figure
from gan_edu.panel.knobs import spec_of, values_of
from gan_edu.panel.live import draw, live
from gan_edu.panel.page import TRAINER
from gan_edu.panel.record import SPEEDS
from gan_edu.run import Knobs
from gan_edu.style import STYLE
from notebooks import MANY_FACES, NOTEBOOKS, all_cells

MAKES = re.compile(rf"\b({live.__name__}|{explore.__name__})\(")
LESSONS = [
    path.stem[:2]
    for path in sorted(NOTEBOOKS.glob("*.ipynb"))
    if any(MAKES.search(cell.source) for cell in all_cells(path.stem))
]


def panels_of(lesson, monkeypatch):
    found, namespace = [], {}
    monkeypatch.setattr(TRAINER, "add", lambda cell, run, panel: found.append(panel))
    for cell in all_cells(lesson):
        tags = cell.metadata.get("tags", [])
        if MAKES.search(cell.source) if "live-panel" in tags else "define" in tags:
            exec(MANY_FACES.sub("640", cell.source), namespace)
    return found


@pytest.mark.parametrize("lesson", LESSONS)
def test_views_draw_alike_in_the_page_and_as_a_still(lesson, monkeypatch):
    panels = panels_of(lesson, monkeypatch)
    assert panels
    for panel in panels:
        page, still = Figure(), Still(layout="constrained")
        with matplotlib.rc_context(STYLE):
            for fig in (page, still):
                if hasattr(panel, "run"):
                    draw(panel.view, fig, panel.run.steps(3) if fig is page else panel.run)
                else:
                    panel.view(fig, Knobs(panel.first))
        assert page.words == still.words and len(page.words) > 40
        data = of_page(page)
        assert_alike(data, of_matplotlib(still, data))


@pytest.mark.parametrize("name", record.TAKES)
def test_a_recording_is_of_its_lessons_panel(name):
    """As far as can be said without training: its knobs, its moves, its first picture."""
    path, (word, every, takes) = NOTEBOOKS / "recordings" / f"{name}.html", record.TAKES[name]
    panel = record.panel_of(name[:2], word)
    panel.close()
    run, (story, _), fig = panel.run, stored(path), Figure()
    spec = spec_of("recording", run.sliders, speeds=SPEEDS, speed=15)
    assert story["spec"] == json.loads(json.dumps(spec)) and path.stat().st_size < 1e6
    draw(panel.view, fig, run)
    assert story["pictures"][0]["words"] == fig.words
    knobs, moments, end = values_of(run.knobs, run.sliders), [], 0
    for n_steps, moved in takes:  # a picture at the step of a move comes before it
        end += n_steps
        moments += [(n, knobs) for n in range(every * len(moments), end + 1, every)]
        knobs = knobs | moved
    found = [(picture["n"], picture["sides"][0]["knobs"]) for picture in story["pictures"]]
    assert found == [(n, json.loads(json.dumps(values))) for n, values in moments]
    assert len(found) > 50
    assert any(name in cell.source for cell in all_cells(name[:2])), "no link to it"
