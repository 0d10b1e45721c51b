"""The explorer without a browser: what its widgets do to the picture."""

import io
import threading

import numpy as np
import pytest
from PIL import Image

from gan_edu.first_edition.explore import Choice, Explorer, Grid, Slider
from gan_edu.first_edition.plotting import new_figure


class Bars:
    """Two bars that can be dragged, a slider, a choice and a table."""

    controls = (
        Slider("scale", "s", 0.0, 2.0, log=False, value=1.0, step=0.1),
        Choice("color", "colour", {"blue": "b", "red": "r"}),
        Grid("extra", "extra", ((0, 1),), rows=("bar",), columns=("left", "right")),
    )

    def __init__(self):
        self.start = {"heights": (0.2, 0.4)}
        self.presets = {"equal": {"heights": (0.5, 0.5), "scale": 1.5}}
        self.figure = new_figure(4, 3)
        self.axes = self.figure.subplots()
        self.artists = list(self.axes.bar([0, 1], [0, 0]))
        self.axes.set(xlim=(-0.5, 1.5), ylim=(0, 3))
        self.drawn = []

    def update(self, scale, color, extra, heights):
        if scale > 1.95:
            raise ValueError("scale must be below 1.95")
        self.drawn.append((scale, color, extra, heights))
        for bar, height, more in zip(self.artists, heights, extra[0]):
            bar.set(height=scale * height + more, color=color)

    def describe(self, scale, color, extra, heights):
        return f"heights {heights} times {scale:.1f}"

    def drag(self, values, axes, grabbed, point):
        heights = list(values["heights"])
        heights[int(grabbed[0] > 0.5)] = round(point[1] / values["scale"], 2)
        return {"heights": tuple(heights)}

    def key(self, values, key):
        return {"heights": (0.9, 0.9)} if key == "ArrowUp" else None


@pytest.fixture
def explorer():
    explorer = Explorer(Bars(), name="test")
    yield explorer
    explorer.close()


def pixels(explorer):
    return np.asarray(Image.open(io.BytesIO(explorer._screen.picture)).convert("RGB"), dtype=int)


def share(explorer, color):
    return np.mean(np.abs(pixels(explorer) - color).max(-1) < 60)


def point(explorer, kind, x, y):
    axes = explorer.view.axes
    at = axes.transData.transform((x, y)) / explorer.view.figure.canvas.get_width_height()
    explorer._page_message(explorer._screen, {"pointer": {"kind": kind, "at": at.tolist()}}, [])


def test_a_slider_draws_a_new_picture(explorer):
    before = share(explorer, (0, 0, 255))
    explorer._controls["scale"].value = 1.8
    assert explorer.view.drawn[-1] == (1.8, "b", ((0, 1),), (0.2, 0.4))
    assert share(explorer, (0, 0, 255)) > before > 0.02
    assert "times 1.8" in explorer._words.value and "times 1.8" in explorer._screen.description


def test_buttons_and_tables_are_arguments_too(explorer):
    explorer._controls["color"].value = "r"
    explorer._controls["extra"]._cells[0][0].value = 2
    assert explorer.view.drawn[-1] == (1.0, "r", ((2, 1),), (0.2, 0.4))
    assert share(explorer, (0, 0, 255)) == 0 and share(explorer, (255, 0, 0)) > 0.05


def test_set_and_presets_draw_once(explorer):
    drawn = len(explorer.view.drawn)
    explorer.set(scale=0.5, extra=((1, 1),), heights=(1.0, 1.0))
    assert explorer.view.drawn[drawn:] == [(0.5, "b", ((1, 1),), (1.0, 1.0))]
    assert [cell.value for cell in explorer._controls["extra"]._cells[0]] == [1, 1]
    explorer._rows()[0].children[0].click()
    assert explorer.view.drawn[drawn + 1 :] == [(1.5, "b", ((1, 1),), (0.5, 0.5))]


def test_what_is_dragged_follows_the_pointer_from_where_it_was_grabbed(explorer):
    point(explorer, "grab", 1.0, 0.2)
    point(explorer, "move", 0.1, 2.0)  # beside its own bar
    assert explorer.values["heights"] == (0.2, 2.0)
    explorer._page_message(
        explorer._screen, {"pointer": {"kind": "grab", "at": [0.001, 0.001]}}, []
    )  # no Axes there
    point(explorer, "move", 0.0, 1.0)
    assert explorer.values["heights"] == (0.2, 2.0)


def test_the_keyboard_moves_it_too(explorer):
    explorer._page_message(explorer._screen, {"key": "ArrowUp"}, [])
    assert explorer.values["heights"] == (0.9, 0.9)
    explorer._page_message(explorer._screen, {"key": "ArrowLeft"}, [])
    assert explorer.values["heights"] == (0.9, 0.9)


def test_a_fault_is_told_and_the_last_picture_stays(explorer):
    before = explorer._screen.picture
    explorer.set(scale=2.0)
    assert (
        "scale must be below 1.95" in explorer._words.value
        and 'role="alert"' in explorer._words.value
    )
    assert explorer._screen.picture == before
    explorer.set(scale=1.0)
    assert "alert" not in explorer._words.value


def test_every_slider_at_either_end(explorer):
    for end in ("min", "max"):
        explorer._controls["scale"].value = getattr(explorer._controls["scale"], end)
    assert explorer.view.drawn[-1][0] in (0.0, 1.8, 1.9)


def test_moves_from_several_threads_leave_the_picture_of_the_last_values(explorer):
    slider = explorer._controls["scale"]
    threads = [
        threading.Thread(target=setattr, args=(slider, "value", k / 10)) for k in range(1, 19)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert explorer.view.drawn[-1][0] == pytest.approx(slider.value)


def test_running_the_cell_again_closes_the_old_one(explorer):
    new = Explorer(Bars(), name="test")
    assert explorer.comm is None and new.comm is not None
    new.close()


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda e: e.set(size=1), "values must be among scale, color, extra, heights, got size"),
        (lambda e: Explorer(object()), "view must have figure, artists, update and describe"),
        (
            lambda e: e.set(extra=((1, 2, 3),)),
            r"extra must be a table of shape \(1, 2\), got shape \(1, 3\)",
        ),
    ],
)
def test_bad_input_is_named(explorer, make, words):
    with pytest.raises(ValueError, match=words):
        make(explorer)
