"""environment.yml, pyproject.toml and requirements.lock name the same versions, and these are installed."""

import importlib.metadata
import os
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
    return pinned(lines), project["requires-python"]


def pinned(lines):
    return {canonical(name): version for name, version in (line.split("==") for line in lines)}


@pytest.fixture(scope="module")
def files():
    environment, reasons = read_environment((ROOT / "environment.yml").read_text())
    pyproject, python = read_pyproject((ROOT / "pyproject.toml").read_text())
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    lock = pinned(line for line in lines if line.strip() and not line.startswith("#"))
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
            installed = importlib.metadata.version(name).partition("+")[0]  # 2.13.0+cpu
        except importlib.metadata.PackageNotFoundError:
            installed = "missing"
        if installed != version:
            wrong[name] = f"{installed}, not {version}"
    assert not wrong


def test_binder_and_the_readme_install_the_package_in_the_same_way():
    command = "pip install --no-deps -e ."
    assert all(command in (ROOT / name).read_text() for name in ("postBuild", "README.md"))
    assert os.name == "nt" or (ROOT / "postBuild").stat().st_mode & 0o111
