"""Figures without training: a view(fig, knobs) that is drawn anew whenever a knob moves."""

from gan_edu._arguments import check_callable, check_knob
from gan_edu.panel.figure import Figure
from gan_edu.panel.knobs import spec_of
from gan_edu.panel.page import Panel
from gan_edu.players import random_state, set_random_state
from gan_edu.run import Knobs


class Explorer(Panel):
    """A figure under knobs; see `explore`."""

    def __init__(self, view, knobs, presets):
        self.view, self.sliders = check_callable("view", view, "def view(fig, knobs): ..."), knobs
        self.first = {k: check_knob(k, v, getattr(v, "value", v)) for k, v in knobs.items()}
        self.presets = {words: self.checked(values) for words, values in presets.items()}
        self.knobs = Knobs(self.first)
        super().__init__()
        self.draw()

    def checked(self, values):
        for name in values.keys() - self.sliders.keys():
            raise ValueError(f"there is no knob {name!r}; there are {', '.join(self.sliders)}")
        return {name: check_knob(name, self.sliders[name], value) for name, value in values.items()}

    def set(self, **values):
        """Move knobs."""
        vars(self.knobs).update(self.checked(values))
        self.dirty = True

    def take(self, message):
        self.dirty, self.due, self.fault = True, 0.0, ""
        if message["type"] == "knob":
            self.set(**{message["name"]: message["value"]})
        elif message["type"] == "preset":
            self.set(**self.first | self.presets[message["name"]])

    def go_on(self):
        return 60.0

    def draw(self):
        fig, outside = Figure(), random_state()
        try:
            self.view(fig, self.knobs)
        finally:
            set_random_state(outside)
        knobs = {name: getattr(self.knobs, name) for name in self.sliders}
        sides = [{"knobs": knobs, "figure": fig.header()}]
        self.show({"n": 0, "reached": 0, "sides": sides, "words": fig.words}, fig.block)
        self.say_status()

    def on_matplotlib(self, fig):
        self.view(fig, self.knobs)

    def say_status(self, waiting=""):
        self.page.tell({"type": "status", "playing": False, "n": 0, "reached": 0, "seed": 0, "speed": None,
                        "text": waiting and f"The figure {waiting}.", "fault": self.fault})  # fmt: skip

    def spec(self):
        knobs, presets = spec_of(self.sliders), list(self.presets)
        return {
            "type": "spec",
            "kind": "explore",
            "knobs": knobs,
            "presets": presets,
            "speeds": [],
            "speed": 0,
        }


def explore(view, knobs, presets=None):
    """Show a figure that view(fig, knobs) draws anew whenever a knob moves; nothing trains.

    knobs: {name: slider(...)}, see gan_edu.panel.knobs; presets: {words: {name: value}}.
    """
    return Explorer(view, knobs, presets or {})
