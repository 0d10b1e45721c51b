"""Pictures show what the data say: the artists' data against numpy."""

import numpy as np
import pytest

from gan_edu.first_edition import plotting


@pytest.fixture
def axes():
    return plotting.new_figure(4, 3).subplots()


def test_seed_fan_draws_median_quartiles_and_range(axes):
    curves = np.random.default_rng(0).normal(size=(7, 5))
    line = plotting.seed_fan(axes, np.arange(5), curves, n_single=2)
    np.testing.assert_allclose(line.get_ydata(), np.median(curves, axis=0))
    for band, percents in zip(axes.collections, ([0, 100], [25, 75])):
        drawn = band.get_paths()[0].vertices
        for step in range(5):
            at_step = drawn[drawn[:, 0] == step, 1]
            np.testing.assert_allclose(
                [at_step.min(), at_step.max()], np.percentile(curves[:, step], percents)
            )
    assert len(axes.lines) == 3


def test_seed_fan_goes_on_without_a_run_that_ended(axes):
    curves = np.array([[1.0, 2.0], [3.0, np.nan]])
    np.testing.assert_allclose(plotting.seed_fan(axes, [0, 1], curves).get_ydata(), [2, 2])


@pytest.mark.parametrize("curves", [np.zeros((3, 4)), np.zeros(5), np.zeros((0, 5))])
def test_seed_fan_names_a_wrong_shape(axes, curves):
    with pytest.raises(ValueError, match="curves must have shape"):
        plotting.seed_fan(axes, np.arange(5), curves)


def test_outcome_against_draws_median_quartiles_and_range(axes):
    values = [0.1, 1, 10]
    outcomes = np.random.default_rng(1).normal(size=(3, 9))
    line = plotting.outcome_against(axes, values, outcomes)
    np.testing.assert_allclose(
        line.get_xydata(), np.column_stack([values, np.median(outcomes, axis=1)])
    )
    for bars, percents in zip(axes.collections, ([0, 100], [25, 75])):
        ends = np.array([segment[:, 1] for segment in bars.get_segments()])
        np.testing.assert_allclose(ends, np.percentile(outcomes, percents, axis=1).T)
    assert axes.get_xscale() == "log"
    assert not axes.texts


def test_outcome_against_counts_the_runs_that_diverged(axes):
    outcomes = np.array([[1.0, 2.0, 3.0], [1.0, np.nan, 5.0], [np.nan] * 3])
    line = plotting.outcome_against(axes, [1, 2, 3], outcomes, scale="linear")
    np.testing.assert_allclose(line.get_ydata(), [2, 3, np.nan])
    assert [text.get_text() for text in axes.texts] == ["1 diverged", "3 diverged"]


@pytest.mark.parametrize("outcomes", [np.zeros((2, 4)), np.zeros(3), np.zeros((3, 0))])
def test_outcome_against_names_a_wrong_shape(axes, outcomes):
    with pytest.raises(ValueError, match="outcomes must have shape"):
        plotting.outcome_against(axes, [1, 2, 3], outcomes)


@pytest.mark.parametrize(
    "value, limit", [(0.3, 0.5), (1, 1), (1.01, 2), (4, 5), (70, 100), (0, 1), (np.inf, 1)]
)
def test_limits_move_in_steps(value, limit):
    assert plotting.next_limit(value) == pytest.approx(limit)


def test_a_long_curve_is_thinned_to_means():
    steps, values = plotting.thin(np.arange(1, 1001), np.arange(1000.0), most=100)
    assert len(steps) == 100
    np.testing.assert_allclose(values, np.arange(1000.0).reshape(100, 10).mean(1))
    np.testing.assert_array_equal(steps, np.arange(10, 1001, 10))
