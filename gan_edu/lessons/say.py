"""What the checks of all lessons share: how a verdict is said, and comparisons with a formula or a measurement."""

import numpy as np

from gan_edu._arguments import check_number


def say(right, words):
    print(("Right: " if right else "Not yet: ") + words)
    return right


def check_prediction(name, predicted, measured, tolerance):
    """Compare a learner's prediction of a number between 0 and 1 with what was measured. Lesson 17."""
    if predicted is None or predicted is ...:
        return say(False, f"write your prediction of {name} down first: a number between 0 and 1.")
    predicted = check_number("predicted", predicted)
    if 1 < predicted <= 100:
        return say(
            False,
            f"a share lies between 0 and 1: if you mean {predicted:g} %, write {predicted / 100:g}.",
        )
    if not 0 <= predicted <= 1:
        return say(False, f"a share lies between 0 and 1, {predicted:g} cannot be one.")
    if abs(predicted - measured) <= tolerance:
        return say(True, f"you said {predicted:.2f}, it is {measured:.2f}.")
    if abs(1 - predicted - measured) <= tolerance / 2:
        return say(False, f"you said {predicted:.2f}, it is {measured:.2f}: that is the share of all the *others*. Did you predict the opposite?")  # fmt: skip
    side = "too high" if predicted > measured else "too low"
    return say(
        False,
        f"you said {predicted:.2f}, it is {measured:.2f}: {side}. Which picture in your head has to change?",
    )


def compare(function, cases, formula, mistakes, words="all cases agree."):
    """Judge a learner's function on several cases, and say the verdict; the arguments are those of `judge`."""
    return say(*judge(function, cases, formula, mistakes, words))


def judge(function, cases, formula, mistakes, words="all cases agree."):
    """Return (whether a learner's function is right, what to say): it is run on several cases.

    mistakes: {hint: what a learner with that mistake would compute}.
    """
    if not callable(function):
        return False, f"write a function; this is {function!r}."
    try:
        got = [function(*case) for case in cases]
    except Exception as fault:
        return False, f"your function stops with {type(fault).__name__}: {fault}"
    if any(value is None or value is ... for value in got):
        return False, "your function returns nothing yet. Does it end with a return?"
    if any(np.ndim(value) > 0 for value in got):
        return False, "your function must return one number, it returned an array."
    got = np.array([float(value) for value in got])
    if np.allclose(got, [formula(*case) for case in cases], rtol=1e-6, atol=1e-9):
        return True, words
    for hint, mistaken in mistakes.items():
        if np.allclose(got, [mistaken(*case) for case in cases], rtol=1e-6, atol=1e-9):
            return False, hint
    case, value = next((c, v) for c, v in zip(cases, got) if not np.isclose(v, formula(*c)))
    return (
        False,
        f"for {', '.join(map(str, case))} it should be {formula(*case):.4f}, it is {value:.4f}.",
    )
