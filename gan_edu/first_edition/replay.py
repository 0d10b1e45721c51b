"""A run as text: names in the place of its loss functions, and Python code that replays it."""

import sys

import numpy as np

FUNCTION_KNOBS = (
    "d_loss",
    "g_loss",
    "penalty",
)  # attributes of a GAN that may change while it trains


def name_of(function):
    """Return "module:name"."""
    return f"{getattr(function, '__module__', '?')}:{getattr(function, '__qualname__', repr(function))}"


def named(knobs):
    """Return the knobs with the names of functions in their place."""
    return {
        name: name_of(v) if name in FUNCTION_KNOBS and v is not None else v
        for name, v in knobs.items()
    }


def unnamed(knobs, functions):
    """Return the knobs with functions for their names: those in use, of the notebook, or of this package; no others."""
    found = {}
    for name, value in knobs.items():
        if name in FUNCTION_KNOBS and value is not None and value not in functions:
            module, _, attribute = value.partition(":")
            known = module == "__main__" or module.startswith("gan_edu.")
            function = getattr(sys.modules.get(module), attribute, None) if known else None
            if not callable(function):
                raise ValueError(
                    f"state uses the function {attribute} of {module} as {name}: define it first, then load again"
                )
            functions = functions | {value: function}
        found[name] = functions[value] if name in FUNCTION_KNOBS and value is not None else value
    return found


def code(gan, make=None):
    """Return Python that replays the run of `gan`, see GAN.code."""
    history, names = gan.history, _names_in_code(gan)
    initial = history.initial or gan.knobs()
    lines = [f"gan = {make}" if make else f"gan.reset(seed={gan.seed})"]
    lines += [_assignment(name, value, names) for name, value in initial.items()]
    if not make:  # the learning rates of fresh optimisers and schedules start with the reset
        lines = lines[1:] + lines[:1]
    changes = {}
    for step, name, value in history.changes:
        changes.setdefault(step, []).append((name, value))
    movers = history["mover"]
    starts = sorted({0, *changes, *(np.flatnonzero(np.diff(movers)) + 1).tolist()} - {len(history)})
    for start, end in zip(starts, [*starts[1:], len(history)]):
        lines += [
            _assignment(name, value, names) + f"  # from step {start + 1} on"
            for name, value in changes.get(start, [])
        ]
        n, call = (
            end - start,
            ("step", "step_discriminator", "step_generator")[int(movers[start])] if end else "",
        )
        if n and call == "step":
            lines.append(f"gan.run({n})")
        elif n:
            lines.append(f"gan.{call}()" if n == 1 else f"for _ in range({n}):\n    gan.{call}()")
    return "\n".join([*_imports(names), *lines]) + "\n"


def _names_in_code(gan):
    """Return {function: name in code} for the loss functions that this run has used."""
    used = [value for _, name, value in gan.history.changes if name in FUNCTION_KNOBS]
    used += [
        value
        for name, value in (gan.history.initial or gan.knobs()).items()
        if name in FUNCTION_KNOBS
    ]
    return {f: getattr(f, "__name__", "") for f in used if f is not None}


def _imports(names):
    by_module = {}
    for function, name in names.items():
        if getattr(function, "__module__", "").startswith("gan_edu."):
            by_module.setdefault(function.__module__, set()).add(name)
    return [
        f"from {module} import {', '.join(sorted(found))}"
        for module, found in sorted(by_module.items())
    ]


def _assignment(name, value, names):
    if name not in FUNCTION_KNOBS:
        return f"gan.hparams.{name} = {value!r}"
    if value is None:
        return f"gan.{name} = None"
    if names[value].isidentifier():
        return f"gan.{name} = {names[value]}"
    return f"# gan.{name} = ...  a function without a name was used here: write it out with def"
