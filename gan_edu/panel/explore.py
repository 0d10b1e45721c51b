"""Figures without training: a view(fig, knobs) that is drawn anew whenever a knob moves."""

from gan_edu._arguments import check_callable, check_knobs
from gan_edu.panel.figure import Figure
from gan_edu.panel.knobs import spec_of, values_of
from gan_edu.panel.page import Panel
from gan_edu.players import untouched
from gan_edu.run import Knobs


class Explorer(Panel):
    """A figure under knobs; see `explore`."""

    def __init__(self, view, knobs, presets):
        self.view = check_callable("view", view, "def view(fig, knobs): ...")
        self.sliders = dict(knobs)  # a later cell may change the page's own
        self.first = check_knobs(knobs, {k: getattr(v, "value", v) for k, v in knobs.items()})
        self.presets = {words: check_knobs(knobs, values) for words, values in presets.items()}
        self.knobs = Knobs(self.first)
        super().__init__()
        self.draw()

    def set(self, **values):
        """Move knobs."""
        vars(self.knobs).update(check_knobs(self.sliders, values))
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
        fig = Figure()
        with untouched(None):  # the random numbers too are the page's own
            self.view(fig, self.knobs)
        sides = [{"knobs": values_of(self.knobs, self.sliders), "figure": fig.header()}]
        self.show({"n": 0, "reached": 0, "sides": sides, "words": fig.words}, fig.block)

    def draw_still(self, fig):
        self.view(fig, Knobs(self.first))

    def status(self):
        return dict(playing=False, n=0, speed=None, text="", fault=self.fault)

    def spec(self):
        return spec_of("explore", self.sliders, self.presets)


def explore(view, knobs, presets=None):
    """Show a figure that view(fig, knobs) draws anew whenever a knob moves; nothing trains.

    knobs: {name: slider(...)}, see gan_edu.panel.knobs; presets: {words: {name: value}}.
    """
    return Explorer(view, knobs, presets or {})
