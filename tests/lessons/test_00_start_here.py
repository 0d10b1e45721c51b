"""Lesson 00: its presets, its faces, its exercise, and what the check of the installation says."""

import importlib.metadata

import numpy as np
import pytest
import torch
from hints import each_wrong

from gan_edu.datasets import ring_centers
from gan_edu.faces.judge import load_judge
from gan_edu.lessons import l00_installation as installation
from gan_edu.lessons import l00_start_here as room
from gan_edu.lessons.l00_checks import check_gap
from gan_edu.metrics import mode_coverage
from gan_edu.panel.figure import Figure
from gan_edu.run import Knobs
from notebooks import cells


@pytest.fixture(scope="module")
def panel():
    (cell,) = [cell for cell in cells("00", "live-panel") if "live(" in cell.source]
    namespace = {}
    exec(cell.source.replace("\nlive(", "\npanel = live("), namespace)
    namespace["panel"].close()
    return namespace["panel"]


def run_of(panel, preset, seed, n_steps):
    run = panel.run.fork()
    run.reset(seed)
    run.set(**panel.presets[preset])
    return run.steps(n_steps)


def test_copied_code_runs_on_a_page_of_its_own(panel):
    run, namespace = run_of(panel, "λ too small", 3, 5), {}
    exec(run.code(), namespace)
    assert np.array_equal(namespace["run"].log["critic gap"], run.log["critic gap"])


test_each_wrong_gap_gets_its_own_hint = each_wrong(check_gap,
    (lambda r, f: r.mean() - f.mean(), "Right"),
    (lambda r, f: ..., "still a blank"),
    (lambda r, f: f.mean() - r.mean(), "its sign turned"),
    (lambda r, f: r.sum() - f.sum(), "difference of means"),
    (lambda r, f: r.mean() + f.mean(), "sum of the two means"),
    (lambda r, f: r.mean(), "should be"),
)  # fmt: skip


@pytest.mark.parametrize("smile, glasses", [(0, 0), (6, 0), (0, 6), (6, 6)])
def test_the_sliders_bring_a_smile_and_glasses(smile, glasses):
    fig = Figure()
    room.faces(fig, Knobs(dict(smile=smile, glasses=glasses)))
    (layer,) = fig.axes[0].head["layers"]
    at, size, kind = layer["data"][0]
    page = np.frombuffer(bytes(fig.block), kind, size, at).reshape(layer["shape"])
    tiles = np.stack([page[66:, 66 * k : 66 * k + 64] for k in range(8)])  # the lower row
    found = load_judge().predict(torch.tensor(tiles).permute(0, 3, 1, 2).float() / 127.5 - 1)
    assert (found["smile"] == (smile > 0)).float().mean() >= 0.75
    assert (found["glasses"] == (glasses > 0)).float().mean() >= 0.75


def test_no_lesson_is_promised_a_gpu(gpu_beside_an_old_processor, capsys):
    assert installation.check_installation()
    words = capsys.readouterr().out
    assert "The lessons train on the processor" in words
    assert "Test GPU. No lesson needs it; python -m gan_edu.faces.train uses it." in words


@pytest.mark.parametrize("pin, found, words", [
    ("torch==2.13.0", "2.13.0+cpu", None),
    ("torch == 2.13.0", "2.13.1", "torch is here as 2.13.1; the lessons were tested with 2.13.0"),
    ("scikit-learn==1.9.1", None, "scikit-learn is missing"),
    ('pytest==9.2.0; extra == "test"', None, None),
    (None, None, "pip install --no-deps -e ."),
])  # fmt: skip
def test_what_is_wrong_is_told_with_what_to_do(pin, found, words, monkeypatch, capsys):
    def given(value):
        def asked(name):
            if value is None:
                raise importlib.metadata.PackageNotFoundError(name)
            return value

        return asked

    monkeypatch.setattr(installation, "requires", given(pin and [pin, "pip"]))
    monkeypatch.setattr(installation, "version", given(found))
    assert installation.check_installation() is (words is None)
    said = capsys.readouterr().out
    assert words is None or (words in said and ("make lab" in said or pin is None))


@pytest.mark.again
def test_what_the_page_says_of_its_presets_holds_for_other_seeds(panel):
    def found(preset):
        rows = []
        for seed in range(1000, 1008):
            run = run_of(panel, preset, seed, 1000)
            x = run.gan.G(torch.randn(2000, 2, generator=torch.Generator().manual_seed(1)))
            cover = mode_coverage(x.detach(), ring_centers(8, 1.4), 0.1)
            gap = np.abs(run.log["critic gap"][-50:]).mean()
            rows.append((cover.modes, cover.high_quality, gap))
        return np.transpose(rows)

    modes, quality, gap = found("works")
    assert (modes == 8).all() and np.median(quality) > 0.65 and np.median(gap) < 0.15
    modes, small, larger = found("λ too small")
    assert np.median(small) > 0.55 and 5 < np.median(larger) / np.median(gap) < 15
    assert np.median(found("λ too large")[1]) < 0.15
    modes, _, gap = found("no penalty")
    assert np.median(gap) > 30 and modes.min() <= 1
