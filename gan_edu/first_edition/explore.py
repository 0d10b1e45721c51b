"""Figures that follow their sliders: `Explorer` computes and draws anew at every move, in the kernel.

For theory, where nothing trains; a GAN in training has `live.LivePanel`.
"""

import dataclasses
import html
import threading

import ipywidgets
import numpy as np
import traitlets

from gan_edu.first_edition.screen import Painter, Panel, Screen, Slider, present_cell, slider_widget

__all__ = ["Choice", "Explorer", "Grid", "Slider"]


@dataclasses.dataclass(frozen=True)
class Choice:
    """Buttons of which one is pressed: the argument `name` is the value of the option, options = {label: value}."""

    name: str
    label: str
    options: dict


@dataclasses.dataclass(frozen=True)
class Grid:
    """A table of whole numbers to be typed: the argument `name` is a tuple of rows, like `value`.

    rows, columns: what stands beside each row and above each column. low, high: the smallest and largest number allowed.
    """

    name: str
    label: str
    value: tuple
    rows: tuple
    columns: tuple
    low: int = 0
    high: int = 99


class Explorer(Panel):
    """A figure that follows its sliders, tables and buttons, and what can be dragged in it.

    view: an object with
      figure, and artists, a list of all in it that changes;
      controls, a tuple of Slider, Choice or Grid, or start, a dict of values without a widget; one argument each;
      update(**values), which sets the artists and returns True if the axes changed too;
      describe(**values), which says in a sentence or two what is to be seen, in numbers;
      optionally presets = {label: {name: value}}, each a button that sets these values;
      optionally drag(values, axes, grabbed, point), which returns {name: value} for a pointer that took hold at the data
      point `grabbed` of the Axes and is now at `point`; and key(values, key), the same for "ArrowUp", "ArrowLeft", ...
    A fault in update is told in words under the picture, and the last picture stays.
    """

    def __init__(self, view, name=None):
        for needed in ("figure", "artists", "update", "describe"):
            if not hasattr(view, needed):
                raise ValueError(
                    f"view must have figure, artists, update and describe, got {view!r} without {needed}"
                )
        self._replace_panel_of(name or present_cell())
        self.view, self._lock = (
            view,
            threading.RLock(),
        )  # Jupyter may deliver widgets' messages on several threads
        self._painter, self._screen, self._waiting = Painter(view), Screen(), False
        self._held = self._grabbed = None  # the Axes that the pointer holds, and where it took hold
        self._screen.can_drag = hasattr(view, "drag")
        self._screen.on_msg(self._page_message)
        self._words = ipywidgets.HTML()
        self._specs = {spec.name: spec for spec in getattr(view, "controls", ())}
        self._controls = {name: _control(spec) for name, spec in self._specs.items()}
        self._free = dict(getattr(view, "start", {}))
        for control in self._controls.values():
            control.observe(lambda _: self._redraw(), "value")
        self._show_rows(self._rows())
        self._redraw()

    @property
    def values(self):
        """{name: value} of everything that the picture depends on."""
        return {name: control.value for name, control in self._controls.items()} | self._free

    def set(self, **values):
        """Set values as sliders, tables and the pointer would, then draw once: explorer.set(mu_q=1.0)."""
        unknown = sorted(values.keys() - self.values.keys())
        if unknown:
            raise ValueError(
                f"values must be among {', '.join(self.values)}, got {', '.join(unknown)}"
            )
        with self._lock:
            self._waiting = True
            try:
                for name, value in values.items():
                    if name in self._controls:
                        self._controls[name].value = value
                    else:
                        self._free[name] = value
            finally:
                self._waiting = False
            self._redraw()

    def _rows(self):
        wrap = ipywidgets.Layout(flex_flow="row wrap")
        presets = []
        for label, values in getattr(self.view, "presets", {}).items():
            button = ipywidgets.Button(description=label)
            button.on_click(lambda _, values=values: self.set(**values))
            presets.append(button)
        tables = [c for name, c in self._controls.items() if isinstance(self._specs[name], Grid)]
        others = [
            c for name, c in self._controls.items() if not isinstance(self._specs[name], Grid)
        ]
        rows = [ipywidgets.HBox(group, layout=wrap) for group in (presets, others, tables) if group]
        return [*rows, self._words, self._screen]

    def _redraw(self):
        with self._lock:
            if self._waiting:
                return
            values = self.values
            try:
                picture, words = self._painter.jpeg(**values), self.view.describe(**values)
            except Exception as fault:
                text = f'<span class="fault" role="alert">{html.escape(str(fault))}</span>'
                self._words.value = f'<div class="gan-live-status">{text}</div>'
                return
            self._screen.send_picture(picture, 0)
            self._words.value = (
                f'<div class="gan-live-status" role="status">{html.escape(words)}</div>'
            )
            self._describe(words)

    # ---- the pointer and the keyboard, in the picture

    def _page_message(self, widget, content, buffers):
        with self._lock:
            moved = None
            if "key" in content and hasattr(self.view, "key"):
                moved = self.view.key(self.values, content["key"])
            elif "pointer" in content:
                moved = self._dragged(**content["pointer"])
            if moved:
                self.set(**moved)

    def _dragged(self, kind, at):
        figure = self.view.figure
        pixel = np.array(at) * figure.canvas.get_width_height()
        if kind == "grab":
            self._held = next((axes for axes in figure.axes if axes.bbox.contains(*pixel)), None)
            self._grabbed = (
                None if self._held is None else self._held.transData.inverted().transform(pixel)
            )
        if self._held is not None:
            return self.view.drag(
                self.values,
                self._held,
                self._grabbed,
                self._held.transData.inverted().transform(pixel),
            )

    _held = None


class _Table(ipywidgets.GridBox):
    """The widget of a `Grid`; its value is a tuple of rows."""

    value = traitlets.Tuple()

    def __init__(self, spec):
        look = ipywidgets.Layout(width="5em")
        cells = [
            [
                ipywidgets.BoundedIntText(
                    number,
                    min=spec.low,
                    max=spec.high,
                    layout=look,
                    tooltip=f"{spec.label}: {row}, {column}",
                )
                for number, column in zip(numbers, spec.columns)
            ]
            for numbers, row in zip(spec.value, spec.rows)
        ]
        head = [ipywidgets.Label(text) for text in (spec.label, *spec.columns)]
        body = [
            widget
            for text, row in zip(spec.rows, cells)
            for widget in (ipywidgets.Label(text), *row)
        ]
        self._spec, self._cells, self._filling = spec, cells, False
        super().__init__(
            [*head, *body],
            layout=ipywidgets.Layout(
                grid_template_columns=f"max-content repeat({len(spec.columns)}, 8em)"
            ),
            value=spec.value,
        )
        self.observe(self._fill, "value")
        for row in cells:
            for cell in row:
                cell.observe(self._read, "value")

    @traitlets.validate("value")
    def _check_shape(self, proposal):
        shape, wanted = np.shape(proposal["value"]), np.shape(self._spec.value)
        if shape != wanted:
            raise ValueError(
                f"{self._spec.name} must be a table of shape {wanted}, got shape {shape}"
            )
        return tuple(tuple(int(number) for number in row) for row in proposal["value"])

    def _fill(self, change):
        self._filling = True  # else each cell would read a table that is only half filled
        for cells, numbers in zip(self._cells, change["new"]):
            for cell, number in zip(cells, numbers):
                cell.value = number
        self._filling = False

    def _read(self, change):
        if not self._filling:
            self.value = tuple(tuple(cell.value for cell in row) for row in self._cells)


def _control(spec):
    if isinstance(spec, Slider):
        return slider_widget(spec, spec.value)
    if isinstance(spec, Grid):
        return _Table(spec)
    if isinstance(spec, Choice):
        return ipywidgets.ToggleButtons(
            options=spec.options,
            description=spec.label,
            style={"button_width": "auto", "description_width": "auto"},
        )
    raise ValueError(f"controls must hold Slider, Choice or Grid, got {spec!r}")
