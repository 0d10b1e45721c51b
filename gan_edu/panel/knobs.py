"""What a hand can move: each knob knows its first value and which values it takes."""

import dataclasses
import math

from gan_edu._arguments import check_number

MOST = 2000  # places of a drawing: each of its strokes is kept with the run


@dataclasses.dataclass(frozen=True)
class Slider:
    """A number between low and high; step: between two values, whole numbers if it is whole; log: even in the logarithm."""

    low: float
    high: float
    value: float
    step: float | None = None
    log: bool = False

    def check(self, name, value):
        number = check_number(name, value, self.low, self.high)
        if not isinstance(self.step, int):
            return number
        if number != round(number):
            raise ValueError(f"{name} must be a whole number, got {value!r}")
        return round(number)


@dataclasses.dataclass(frozen=True)
class Choice:
    """One of several values."""

    options: tuple
    value: object

    def check(self, name, value):
        for one in self.options:  # the page sends 1.0 as 1; True is no 1
            if value == one and isinstance(value, bool) == isinstance(one, bool):
                return one
        raise ValueError(f"{name} must be one of {str(self.options)[1:-1]}, got {value!r}")


@dataclasses.dataclass(frozen=True)
class Point:
    """A place in the picture (x, y), dragged there."""

    value: tuple

    def check(self, name, value):
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            raise ValueError(f"{name} must be a place (x, y), got {value!r}")
        return check_number(name, value[0]), check_number(name, value[1])


@dataclasses.dataclass(frozen=True)
class Bars:
    """Heights between low and high, dragged in the picture; step: as for a slider; total: what they add up to."""

    low: float
    high: float
    value: tuple
    step: float | None = None
    total: float | None = None

    def check(self, name, value):
        if not isinstance(value, (tuple, list)) or len(value) != len(self.value):
            raise ValueError(f"{name} must be {len(self.value)} heights, got {value!r}")
        heights = tuple(Slider.check(self, name, one) for one in value)
        if self.total is not None and abs(sum(heights) - self.total) > 1e-6 * self.total:
            raise ValueError(f"{name} must add up to {self.total:g}, got {sum(heights):g}")
        return heights


@dataclasses.dataclass(frozen=True)
class Sketch:
    """Places painted in the picture, ((x, y), ...): at least one, at most MOST."""

    value: tuple

    def check(self, name, value):
        if not isinstance(value, (tuple, list)) or not 1 <= len(value) <= MOST:
            got = str(value)[:60]
            raise ValueError(f"{name} must be 1 to {MOST:,} places ((x, y), ...), got {got}")
        return tuple(Point.check(self, name, place) for place in value)


def slider(low, high, value, step=None):
    """Return a slider from low to high that begins at value; with step=1 it moves in whole numbers."""
    return _checked("value", Slider(low, high, value, step))


def log_slider(low, high, value):
    """Return a slider from low to high, both above 0, on which each factor has the same length."""
    if not 0 < low < math.inf:
        raise ValueError(f"low must be above 0 for a logarithmic slider, got {low!r}")
    return _checked("value", Slider(low, high, value, log=True))


def choice(*options):
    """Return a menu of values; it begins with the first."""
    if len(options) < 2:
        raise ValueError(f"a choice needs two values or more, got {options!r}")
    return Choice(options, options[0])


def switch(on=False):
    """Return a switch: True or False."""
    return Choice((False, True), bool(on))


def point(x, y):
    """Return a point that is dragged in the picture; it begins at (x, y)."""
    return _checked("point", Point((x, y)))


def bars(heights, low=0, high=1, step=None, total=None):
    """Return heights that are dragged in the picture; with total=1 what one of them gains the others lose."""
    if not len(heights):
        raise ValueError("heights must hold a number or more, got none")
    return _checked("heights", Bars(low, high, tuple(heights), step, total))


def sketch(places):
    """Return places that are painted with the mouse, where the view has a `canvas`; it begins with these, [(x, y), ...]."""
    return _checked("places", Sketch(tuple(map(tuple, places))))


def _checked(name, knob):
    if hasattr(knob, "low") and not check_number("low", knob.low) < check_number("high", knob.high):
        raise ValueError(f"low must be below high, got {knob.low!r} and {knob.high!r}")
    return dataclasses.replace(knob, value=knob.check(name, knob.value))


def values_of(knobs, sliders):
    """Return the values of the knobs, by name."""
    return {name: getattr(knobs, name) for name in sliders}


def spec_of(kind, knobs, presets=(), speeds=(), speed=0):
    """Return what the page needs to know of a panel, and of those knobs that can be moved."""
    found = {}
    for name, knob in knobs.items():
        if dataclasses.is_dataclass(knob):
            on_off = isinstance(knob, Choice) and isinstance(knob.value, bool)
            word = "switch" if on_off else type(knob).__name__.lower()
            found[name] = {"kind": word, **dataclasses.asdict(knob)}
    speeds = [{"value": value, "label": label} for value, label in speeds]
    more = dict(presets=list(presets), speeds=speeds, speed=speed)
    return dict(type="spec", kind=kind, knobs=found) | more
