"""make unused: what it finds in a small package, and what it leaves alone."""

import ast
import pathlib

from unused import unused

PACKAGE = """
def called(a, never=1, by_place=2, by_name=3): ...
def nobody(n): return nobody(n - 1)
def only_here(): ...
def handed_on(fig, width=1): only_here()
def fixed(): ...
class Thing:
    def __init__(self, size=1): ...
    def method(self, given=1, stars=2): ...
    def no_method(self): ...
"""
NOTEBOOK = """
from gan_edu.package import Thing, called, handed_on as other
called(0, by_name=1)
live(other)
Thing().method(1, **more)
"""


def test_it_finds_what_nobody_uses_and_stars_may_give_every_argument():
    trees = [(pathlib.Path("gan_edu/package.py"), ast.parse(PACKAGE))]
    trees += [(pathlib.Path("notebooks/one.ipynb"), ast.parse(NOTEBOOK))]
    names, never, own = unused(trees, fixed={"fixed"})
    assert names == ["package.py:3 nobody", "package.py:10 Thing.no_method"]
    thing, called = "package.py:7 Thing(size=)", "package.py:2 called({}=)"
    assert never == [called.format("never"), called.format("by_place"), thing]
    assert own == ["package.py:4 only_here"]
    trees += [(pathlib.Path("notebooks/two.ipynb"), ast.parse("called(0, *rest)"))]
    assert unused(trees)[1] == [thing]
