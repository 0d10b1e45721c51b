"""The explorer without a browser: what its widgets do to the picture."""

import io
import threading

import numpy as np
import pytest
from PIL import Image

from gan_edu.first_edition.explore import Choice, Explorer, Slider
from gan_edu.first_edition.plotting import new_figure


class Bars:
    """Two bars, a slider and a choice."""

    controls = (
        Slider("scale", "s", 0.0, 2.0, log=False, value=1.0, step=0.1),
        Choice("color", "colour", {"blue": "b", "red": "r"}),
    )

    def __init__(self):
        self.figure = new_figure(4, 3)
        self.axes = self.figure.subplots()
        self.artists = list(self.axes.bar([0, 1], [0, 0]))
        self.axes.set(xlim=(-0.5, 1.5), ylim=(0, 3))
        self.drawn = []

    def update(self, scale, color):
        if scale > 1.95:
            raise ValueError("scale must be below 1.95")
        self.drawn.append((scale, color))
        for bar, height in zip(self.artists, (0.2, 1.4)):
            bar.set(height=scale * height, color=color)

    def describe(self, scale, color):
        return f"{color}, times {scale:.1f}"


@pytest.fixture
def explorer():
    explorer = Explorer(Bars(), name="test")
    yield explorer
    explorer.close()


def pixels(explorer):
    return np.asarray(Image.open(io.BytesIO(explorer._screen.picture)).convert("RGB"), dtype=int)


def share(explorer, color):
    return np.mean(np.abs(pixels(explorer) - color).max(-1) < 60)


def test_a_slider_draws_a_new_picture(explorer):
    before = share(explorer, (0, 0, 255))
    explorer._controls["scale"].value = 1.8
    assert explorer.view.drawn[-1] == (1.8, "b")
    assert share(explorer, (0, 0, 255)) > before > 0.02
    assert "times 1.8" in explorer._words.value and "times 1.8" in explorer._screen.description


def test_buttons_are_arguments_too(explorer):
    explorer._controls["color"].value = "r"
    assert explorer.view.drawn[-1] == (1.0, "r")
    assert share(explorer, (0, 0, 255)) == 0 and share(explorer, (255, 0, 0)) > 0.05


def test_set_draws_once(explorer):
    drawn = len(explorer.view.drawn)
    explorer.set(scale=0.5, color="r")
    assert explorer.view.drawn[drawn:] == [(0.5, "r")]


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
        (lambda e: e.set(size=1), "values must be among scale, color, got size"),
        (
            lambda e: Explorer(object()),
            "view must have figure, artists, controls, update and describe",
        ),
    ],
)
def test_bad_input_is_named(explorer, make, words):
    with pytest.raises(ValueError, match=words):
        make(explorer)
