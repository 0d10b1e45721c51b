"""Figures that follow their sliders: `Explorer` computes and draws anew at every move, in the kernel.

For theory, where nothing trains; a GAN in training has `live.LivePanel`.
"""

import dataclasses
import html
import threading

import ipywidgets

from gan_edu.first_edition.screen import Painter, Panel, Screen, Slider, present_cell, slider_widget

__all__ = ["Choice", "Explorer", "Slider"]


@dataclasses.dataclass(frozen=True)
class Choice:
    """Buttons of which one is pressed: the argument `name` is the value of the option, options = {label: value}."""

    name: str
    label: str
    options: dict


class Explorer(Panel):
    """A figure that follows its sliders and buttons.

    view: an object with
      figure, and artists, a list of all in it that changes;
      controls, a tuple of Slider or Choice, one argument each;
      update(**values), which sets the artists and returns True if the axes changed too;
      describe(**values), which says in a sentence or two what is to be seen, in numbers.
    A fault in update is told in words under the picture, and the last picture stays.
    """

    def __init__(self, view, name=None):
        for needed in ("figure", "artists", "controls", "update", "describe"):
            if not hasattr(view, needed):
                raise ValueError(
                    f"view must have figure, artists, controls, update and describe, got {view!r} without {needed}"
                )
        self._replace_panel_of(name or present_cell())
        self.view, self._lock = (
            view,
            threading.RLock(),
        )  # Jupyter may deliver widgets' messages on several threads
        self._painter, self._screen, self._waiting = Painter(view), Screen(), False
        self._words = ipywidgets.HTML()
        self._controls = {spec.name: _control(spec) for spec in view.controls}
        for control in self._controls.values():
            control.observe(lambda _: self._redraw(), "value")
        self._show_rows(self._rows())
        self._redraw()

    @property
    def values(self):
        """{name: value} of everything that the picture depends on."""
        return {name: control.value for name, control in self._controls.items()}

    def set(self, **values):
        """Set values as sliders would, then draw once: explorer.set(mu_q=1.0)."""
        unknown = sorted(values.keys() - self.values.keys())
        if unknown:
            raise ValueError(
                f"values must be among {', '.join(self.values)}, got {', '.join(unknown)}"
            )
        with self._lock:
            self._waiting = True
            try:
                for name, value in values.items():
                    self._controls[name].value = value
            finally:
                self._waiting = False
            self._redraw()

    def _rows(self):
        wrap = ipywidgets.Layout(flex_flow="row wrap")
        controls = ipywidgets.HBox(list(self._controls.values()), layout=wrap)
        return [controls, self._words, self._screen]

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


def _control(spec):
    if isinstance(spec, Slider):
        return slider_widget(spec, spec.value)
    if isinstance(spec, Choice):
        return ipywidgets.ToggleButtons(
            options=spec.options,
            description=spec.label,
            style={"button_width": "auto", "description_width": "auto"},
        )
    raise ValueError(f"controls must hold Slider or Choice, got {spec!r}")
