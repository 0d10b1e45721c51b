"""environment.yml, pyproject.toml and requirements.lock name the same versions, and these are installed."""

import importlib.metadata
import pathlib
import re
import tomllib

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
CONDA_NAMES = {"pytorch": "torch", "matplotlib-base": "matplotlib"}


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def read_environment(text):
    """Return {package: version} of environment.yml, and whether each line has its reason."""
    pins, reasons = {}, {}
    for line in text.splitlines():
        entry = re.match(r"\s*- ([a-z][\w-]*)(?:==?(?=\d)|(?=>))(\S+)\s*(#.*)?$", line)
        if entry:
            name, version, reason = entry.groups()
            name = canonical(CONDA_NAMES.get(name, name))
            pins[name], reasons[name] = version, reason
    return pins, reasons


def read_pyproject(text):
    project = tomllib.loads(text)["project"]
    lines = project["dependencies"] + project["optional-dependencies"]["test"]
    return {
        canonical(name): version for name, version in (line.split("==") for line in lines)
    }, project["requires-python"]


def read_lock(text):
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return {canonical(name): version for name, version in (line.split("==") for line in lines)}


@pytest.fixture(scope="module")
def files():
    environment, reasons = read_environment((ROOT / "environment.yml").read_text())
    pyproject, python = read_pyproject((ROOT / "pyproject.toml").read_text())
    lock = read_lock((ROOT / "requirements.lock").read_text())
    return environment, reasons, pyproject, python, lock


def test_the_three_files_agree(files):
    environment, _, pyproject, python, lock = files
    assert environment.pop("python") == python
    assert environment == pyproject
    assert {name: lock.get(name) for name in pyproject} == pyproject


def test_every_dependency_has_its_reason(files):
    _, reasons, *_ = files
    assert all(reason and len(reason) > 10 for reason in reasons.values()), reasons


def test_what_is_installed_satisfies_the_lock(files):
    *_, lock = files
    wrong = {}
    for name, version in lock.items():
        try:
            installed = importlib.metadata.version(name).partition("+")[
                0
            ]  # torch 2.13.0+cpu is 2.13.0
        except importlib.metadata.PackageNotFoundError:
            installed = "missing"
        if installed != version:
            wrong[name] = f"{installed}, not {version}"
    assert not wrong


@pytest.mark.parametrize("change", [("numpy=2.4.6", "numpy=2.4.5"), ("  - tqdm=4.70.1", "  #")])
def test_a_disagreement_would_be_seen(files, change):
    text = (ROOT / "environment.yml").read_text()
    assert change[0] in text
    environment, _ = read_environment(text.replace(*change))
    environment.pop("python")
    assert environment != files[2]


def test_binder_and_the_readme_install_the_package_in_the_same_way():
    command = "pip install --no-deps -e ."
    assert (
        command in (ROOT / "postBuild").read_text() and command in (ROOT / "README.md").read_text()
    )
    assert (ROOT / "postBuild").stat().st_mode & 0o111
