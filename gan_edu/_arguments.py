"""Checks of arguments, shared by every module: a ValueError that names the argument, what came, what was expected."""

import math
import numbers


def check_count(name, value, least=1):
    """Return `value` as an int; ValueError unless it is a whole number of at least `least`."""
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not whole or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return int(value)


def check_number(name, value, low=-math.inf, high=math.inf, low_open=False):
    """Return `value` as a float; ValueError unless it is finite and between `low` and `high`."""
    try:  # float would read "3" and True
        number = math.nan if isinstance(value, (str, bytes, bool)) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or not low <= number <= high or (low_open and number == low):
        lower = f"{'above' if low_open else 'at least'} {low:g}" if low > -math.inf else ""
        upper = f"at most {high:g}" if high < math.inf else ""
        limits = " and ".join(part for part in (lower, upper) if part)
        raise ValueError(f"{name} must be a finite number {limits}".rstrip() + f", got {value!r}")
    return number


def check_callable(name, value, example):
    """Return `value`; ValueError unless it can be called. `example` shows what was expected."""
    if not callable(value):
        raise ValueError(f"{name} must be a function such as {example}, got {value!r}")
    return value


def check_knobs(knobs, values):
    """Return {name: value} as plain Python; ValueError where there is no such knob, or it cannot take the value."""
    unknown = [name for name in values if name not in knobs]
    if unknown:
        raise ValueError(f"there is no knob {unknown[0]!r}; there are {', '.join(knobs) or 'none'}")
    return {name: check_knob(name, knobs[name], value) for name, value in values.items()}


def check_knob(name, knob, value):
    """Return `value` as plain Python; ValueError where the knob cannot take it.

    knob: a slider of gan_edu.panel.knobs, or a plain first value: a number, True or False, a string, or a tuple of these.
    """
    if hasattr(value, "tolist"):  # numbers of NumPy or torch
        value = value.tolist()
    if hasattr(knob, "check"):
        return knob.check(name, value)
    if isinstance(knob, tuple):  # a place, heights or a drawing, in a run from a file
        if not isinstance(value, (tuple, list)):
            raise ValueError(f"{name} must be a tuple such as {knob!r}, got {value!r}")
        return tuple(check_knob(name, knob[0], one) for one in value)
    for kind, word in ((bool, "True or False"), (str, "a word such as " + repr(knob))):
        if isinstance(knob, kind):
            if not isinstance(value, kind):
                raise ValueError(f"{name} must be {word}, got {value!r}")
            return value
    number = check_number(name, value)
    return value if isinstance(value, int) else number
