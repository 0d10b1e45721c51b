"""The start page's check: what it accepts, what it finds wrong, and in which words."""

import importlib.metadata

import pytest
import torch

from gan_edu.lessons import l00_installation as installation


def test_this_installation_is_sound(capsys):
    assert installation.check_installation()
    words = capsys.readouterr().out
    assert "all as they should be" in words and "1000 × 1000" in words and "Not yet" not in words


def test_no_lesson_is_promised_a_gpu(gpu_beside_an_old_processor, capsys):
    assert installation.check_installation()
    words = capsys.readouterr().out
    assert "The lessons train on the processor" in words
    assert "Test GPU. No lesson needs it; python -m gan_edu.faces.train uses it." in words


def test_pins_are_read_from_requirement_lines():
    lines = ["torch==2.13.0", "scikit-learn == 1.9.1", 'pytest==9.2.0; extra == "test"', "pip"]
    assert installation.pinned(lines) == {"torch": "2.13.0", "scikit-learn": "1.9.1"}


def test_the_project_names_its_pins():
    wanted = installation.pinned(importlib.metadata.requires("gan_edu"))
    assert {"torch", "numpy", "ipywidgets", "anywidget"} <= set(wanted) and "pytest" not in wanted


@pytest.mark.parametrize(
    "version, sound", [((3, 10), False), ((3, 11), True), ((3, 13), True), ((3, 14), False)]
)
def test_python(version, sound):
    faults = installation.version_faults(version)
    assert (faults == []) == sound
    assert sound or f"Python 3.{version[1]}" in faults[0]


@pytest.mark.parametrize(
    "found, words",
    [
        ("2.13.0", None),
        ("2.13.0+cpu", None),
        ("2.13.1", "torch is here as 2.13.1; the lessons were tested with 2.13.0"),
        (None, "torch is missing"),
    ],
)
def test_packages(found, words):
    faults = installation.package_faults({"torch": "2.13.0"}, {"torch": found} if found else {})
    assert (faults == []) == (words is None)
    assert words is None or words in faults[0]


def test_a_missing_package_is_told_with_what_to_do(monkeypatch, capsys):
    monkeypatch.setattr(
        installation, "_installed", lambda name: None if name == "anywidget" else "0"
    )
    assert not installation.check_installation()
    words = capsys.readouterr().out
    assert "anywidget is missing" in words and "make lab" in words


def test_not_installed_at_all(monkeypatch, capsys):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", missing)
    assert not installation.check_installation()
    assert "pip install --no-deps -e ." in capsys.readouterr().out


def test_the_time_of_a_product_is_a_time():
    assert (
        0
        < installation.time_of_a_product(torch, size=50)
        < installation.time_of_a_product(torch, size=1500)
    )
