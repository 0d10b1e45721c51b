"""Lesson 18: how a learner's test is tried, on right code, on an exhibit and on its relatives; and a repair, on tests."""

import ast
import inspect
import textwrap

import torch

from gan_edu.examine import GAP


def says(test, code):
    """Return whether a test lets this code pass: True, False, or the exception that stopped it."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        try:
            test(code)
        except AssertionError:
            return False
        except Exception as fault:
            return fault
    return True


def source(function):
    """Return a function's text; where there is none (it came from exec), what raises no suspicion."""
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return "assert"


def blank(function):
    """Return whether a blank is left in a function: three dots that are no index."""
    try:
        tree = ast.parse(textwrap.dedent(source(function)))
    except SyntaxError:  # a lambda in the middle of a line
        return False
    for node in list(ast.walk(tree)):
        if isinstance(node, ast.Subscript):
            node.slice = ast.Constant(0)
    return any(isinstance(node, ast.Constant) and node.value is ... for node in ast.walk(tree))


def fault_of_test(test, right, exhibit, fine=(), relatives=()):
    """Return what to say of a test, or nothing. fine: {hint: right code}, relatives: {hint: broken code}."""
    if not callable(test):
        return "write a function with an assert in it: def test_...(code)."
    if blank(test):
        return GAP
    found = says(test, right)
    if isinstance(found, Exception):
        return f"your test stops with {type(found).__name__}: {found}"
    if not found:
        return "your test fails on the repaired code, too. What should the number be there?"
    if says(test, exhibit) is True:
        if "assert" not in source(test):
            return "a test says no with assert: nobody looks at what it returns or prints."
        return "your test lets the exhibit pass. Which number does that code get wrong?"
    for hint, code in dict(fine).items():
        if says(test, code) is not True:
            return f"your test fails on {hint}"
    for hint, code in dict(relatives).items():
        if says(test, code) is True:
            return f"your test misses {hint}"
    return ""


def fault_of_repair(repaired, code, wanted):
    """Return what to say of a repaired part, or nothing. code: with it; wanted: {hint: test(code) that it must pass}."""
    if not callable(repaired) or blank(repaired):
        return "the test is right. Now write the repaired function."
    for hint, test in wanted.items():
        found = says(test, code)
        if isinstance(found, Exception):
            return f"the test is right; your repair stops with {type(found).__name__}: {found}"
        if not found:
            return f"the test is right; your repair: {hint}"
    return ""


def tell(fault, words):
    """Print the verdict, and return whether there is no fault."""
    print(f"Not yet: {fault}" if fault else f"Right: {words}")
    return not fault


def caught(tests, codes):
    """Return {test: [whether it catches each code]}; a test that stops has caught nothing."""
    return {n: [says(test, code) is False for code in codes.values()] for n, test in tests.items()}
