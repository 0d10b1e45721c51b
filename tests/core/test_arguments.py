"""The checks of arguments: what passes, what is refused, and what the refusal says."""

import math

import numpy as np
import pytest
import torch

from gan_edu._arguments import check_count, check_number


@pytest.mark.parametrize("value", [2, np.float32(2), np.array(2.0), torch.tensor(2.0)])
def test_numbers_of_every_kind_pass_as_floats(value):
    number = check_number("lr", value, low=0, high=2)
    assert number == 2 and type(number) is float


@pytest.mark.parametrize("value", ["2", True, None, math.nan, math.inf, [1, 2], 10**400, -0.1, 2.1])
def test_what_is_no_number_in_range_is_named(value):
    words = "lr must be a finite number at least 0 and at most 2, got"
    with pytest.raises(ValueError, match=words):
        check_number("lr", value, low=0, high=2)


def test_an_open_end_is_not_included():
    with pytest.raises(ValueError, match="sigma must be a finite number above 0, got 0"):
        check_number("sigma", 0, low=0, low_open=True)


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_whole_numbers_pass_as_ints(value):
    assert check_count("n", value) == 3 and type(check_count("n", value)) is int


@pytest.mark.parametrize("value", [0, 3.0, "3", True, None])
def test_what_is_no_count_is_named(value):
    with pytest.raises(ValueError, match="n must be a whole number of at least 1, got"):
        check_count("n", value)
