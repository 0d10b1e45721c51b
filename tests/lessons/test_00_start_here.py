"""Lesson 00: its GAN, its presets, its faces, and its first guess."""

import numpy as np
import pytest
import torch

from gan_edu.datasets import ring_centers
from gan_edu.faces.judge import load_judge
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


def test_its_view_draws_the_run(panel):
    run = run_of(panel, "works", 0, 3)
    fig = Figure()
    room.view(fig, run.gan, run.log)
    kinds = [layer["kind"] for ax in fig.axes for layer in ax.head["layers"]]
    assert kinds == ["surface", "points", "points", "line"] and "after 3 steps" in fig.words


def test_copied_code_runs_on_a_page_of_its_own(panel):
    run = run_of(panel, "λ too small", 3, 5)
    namespace = {}
    exec(run.code(), namespace)
    assert np.array_equal(namespace["run"].log["critic gap"], run.log["critic gap"])


@pytest.mark.parametrize(
    "answer, hint",
    [
        (lambda r, f: r.mean() - f.mean(), "Right"),
        (lambda r, f: ..., "still a blank"),
        (lambda r, f: f.mean() - r.mean(), "its sign turned"),
        (lambda r, f: r.sum() - f.sum(), "difference of means"),
        (lambda r, f: r.mean() + f.mean(), "sum of the two means"),
        (lambda r, f: r.mean(), "should be"),
    ],
)
def test_each_wrong_gap_gets_its_own_hint(answer, hint, capsys):
    assert check_gap(answer) is (hint == "Right")
    assert hint in capsys.readouterr().out


def drawn(smile, glasses):
    fig = Figure()
    room.faces(fig, Knobs(dict(smile=smile, glasses=glasses)))
    (layer,) = fig.axes[0].head["layers"]
    at, size, kind = layer["data"][0]
    page = np.frombuffer(bytes(fig.block), kind, size, at).reshape(layer["shape"])
    tiles = [page[66:, 66 * k : 66 * k + 64] for k in range(8)]  # the lower row
    return torch.tensor(np.stack(tiles)).permute(0, 3, 1, 2).float() / 127.5 - 1


def test_the_sliders_bring_a_smile_and_glasses():
    read = load_judge().predict
    for smile, glasses in ((0, 0), (6, 0), (0, 6), (6, 6)):
        found = read(drawn(smile, glasses))
        assert (found["smile"] == (smile > 0)).float().mean() >= 0.75, (smile, glasses)
        assert (found["glasses"] == (glasses > 0)).float().mean() >= 0.75, (smile, glasses)


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
