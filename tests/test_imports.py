"""The folders of the package import each other along the arrows of the design only, and a lesson's room no other room."""

import ast
import pathlib
import re
import subprocess
import sys

import pytest

PACKAGE = pathlib.Path(__file__).resolve().parent.parent / "gan_edu"
MODULES = sorted(PACKAGE.rglob("*.py"))
ARROWS = {  # folder -> the other folders that it may import; "core" are the modules of gan_edu itself
    "core": set(),
    "panel": {"core"},
    "predict": {"core", "panel"},  # a curve is drawn in a panel
    "faces": {"core"},
    "views": {"core", "panel"},
    "lessons": {"core", "panel", "predict", "faces", "views"},
}
PICTURES = {"matplotlib", "seaborn", "ipywidgets", "anywidget", "tensorboard"}
NO_PICTURES = {"core", "faces"}  # they compute; style.py knows how pictures look


def home(parts):
    """Return the folder of the module with this path under gan_edu, given as its parts."""
    return parts[0] if parts[0] in ARROWS else "core"


def imported(path):
    """Return the dotted names that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_arrows(path):
    own = path.relative_to(PACKAGE).with_suffix("").parts
    folder = home(own)
    for name in imported(path):
        library, *parts = name.split(".")
        if library != "gan_edu":
            free = folder not in NO_PICTURES or own == ("style",)
            assert free or library not in PICTURES, f"{folder} must not know {library}"
        elif home(parts) != folder:
            assert home(parts) in ARROWS[folder], f"{folder} must not import {name}"
        elif folder == "lessons":
            assert parts[1][:3] == own[1][:3], f"a room must not import another: {name}"


def test_the_package_itself_is_cheap():
    code = "import sys, gan_edu; print({'torch', 'matplotlib', 'ipywidgets', 'numpy'} & set(sys.modules))"
    found = subprocess.check_output([sys.executable, "-c", code], text=True, cwd=PACKAGE.parent)
    assert found.strip() == "set()"


def test_the_readme_names_each_file():
    root = PACKAGE.parent
    told = (root / "README.md").read_text(encoding="utf-8")
    rooms = {path for path in MODULES if path.parent.name == "lessons"}
    page = (PACKAGE / "panel" / "page").iterdir()
    scripts = [*(root / "benchmarks").glob("*.py"), *(root / "classroom").glob("*.py")]
    for path in {*MODULES, *page, *scripts} - rooms:
        assert path.name == "__init__.py" or f"\n  {path.name} " in told, path.name
    for path in rooms - {PACKAGE / "lessons" / "__init__.py"}:
        (line,) = (one for one in told.splitlines() if one.startswith(f"  {path.stem[:3]}_ "))
        assert path.stem[4:] in re.split(r"[ ,]+", line), path.name
