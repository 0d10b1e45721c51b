"""The modules import each other only along the arrows of the design."""

import ast
import pathlib
import subprocess
import sys

import pytest

PACKAGE = pathlib.Path(__file__).resolve().parent.parent / "gan_edu"
ARROWS = {  # module -> the modules of the package that it may import
    "__init__": set(),
    "_arguments": set(),
    "runtime": {"_arguments"},
    "divergences": {"_arguments"},
    "datasets": {"_arguments"},
    "faces": {"_arguments", "face_files"},
    "face_views": {"_arguments", "plotting", "views"},
    "conditional": {"_arguments", "losses", "networks", "training"},
    "conditional_views": {"_arguments", "explore", "face_views", "plotting", "views"},
    "face_files": {"_arguments", "runtime"},
    "networks": {"_arguments"},
    "losses": {"_arguments"},
    "metrics": {"_arguments", "divergences"},
    "judge": {"_arguments", "faces", "metrics"},
    "train_judge": {"faces", "judge", "runtime"},
    "replay": set(),
    "training": {"_arguments", "losses", "replay", "runtime"},
    "logs": {"_arguments", "losses", "training"},
    "ensembles": {"_arguments", "runtime", "training"},
    "best_responses": {"_arguments", "losses"},
    "installation": set(),
    "checkpoints": {"networks", "training"},
    "train_faces": {
        "_arguments",
        "checkpoints",
        "datasets",
        "faces",
        "logs",
        "losses",
        "networks",
        "runtime",
        "training",
    },
    "checks": {"_arguments", "checks"},  # a package: one module a lesson
    "plotting": set(),
    "views": {"networks", "plotting"},
    "game": {"_arguments", "divergences", "plotting", "screen", "views"},
    "gp_views": {"_arguments", "divergences", "plotting", "views"},
    "screen": set(),
    "explore": {"screen"},
    "divergence_views": {"divergences", "explore", "plotting"},
    "wgan_views": {"_arguments", "best_responses", "losses", "metrics", "plotting", "views"},
    "live": {"_arguments", "runtime", "screen", "training", "views"},
    "recordings": {"_arguments", "screen"},
    "record_panels": {"recordings"},
}
ONLY_IN = {
    "matplotlib": {
        "conditional_views",
        "divergence_views",
        "face_views",
        "game",
        "gp_views",
        "plotting",
        "views",
        "wgan_views",
    },
    "ipywidgets": {"explore", "live", "screen"},
    "anywidget": {"screen"},
    "tensorboard": {"logs"},
}


def imported(path):
    """Return (modules of the package, other top-level packages) that a file imports, anywhere in it."""
    inside, outside = set(), set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            names = [f"gan_edu.{alias.name}" for alias in node.names] if node.module == "gan_edu" else [node.module]
        else:
            continue
        for name in names:
            first, _, rest = name.partition(".")
            (inside if first == "gan_edu" else outside).add(rest.partition(".")[0] if first == "gan_edu" else first)
    return inside, outside


MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=[path.relative_to(PACKAGE).as_posix() for path in MODULES])
def test_arrows(path):
    inside, outside = imported(path)
    name = path.stem if path.parent == PACKAGE else path.parent.name
    assert name in ARROWS, "a new module needs its arrows here and in the design"
    assert inside <= ARROWS[name]
    for library, homes in ONLY_IN.items():
        assert library not in outside or name in homes, f"{name} must not know {library}"


def test_the_package_itself_is_cheap():
    code = "import sys, gan_edu; print({'torch', 'matplotlib', 'ipywidgets', 'numpy'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert found.stdout.strip() == "set()"
