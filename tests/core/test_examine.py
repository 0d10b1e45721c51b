"""The core of the exercise checks: one verdict, a hint for each known mistake, and nothing that a learner writes breaks it."""

import numpy as np
import pytest
import torch

from gan_edu.examine import Remark, examine

X = torch.tensor([1.0, 2.0, 4.0], requires_grad=True)
CASES = [(X, 2.0), (torch.tensor([3.0, 6.0], requires_grad=True), 0.5)]
MISTAKES = {
    "the scale is forgotten.": lambda x, scale: x.square(),
    "square first.": lambda x, s: (s * x) ** 2,
}


def right(x, scale):
    return scale * x.square()


@pytest.mark.parametrize("answer, words", [
    (right, "Right: all cases agree."),
    (lambda x, scale: scale * x * x + 1e-7, "Right"),
    (lambda x, scale: (...).mean(), "there is still a blank"),
    (lambda x: x, "your code stops with TypeError"),
    (lambda x, scale: "three", "numbers or a tensor, it returned str"),
    (lambda x, scale: (x * scale) ** 2, "square first."),
    (lambda x, scale: scale * x.abs() ** 3, "for [1, ...], 2.0 it should be 32, it is 128."),
    (lambda x, scale: scale * x.detach().numpy() ** 2, "the numbers are right, but their gradient"),
    (lambda x, scale: scale * x * x.detach(), "the numbers are right, but their gradient"),
])  # fmt: skip
def test_each_answer_gets_its_word(answer, words, capsys):
    assert examine(answer, CASES, right, MISTAKES) is words.startswith("Right")
    said = capsys.readouterr().out
    assert words in said and said.count("\n") == 1 and len(said) < 300


def test_one_number_is_wanted_and_a_check_may_speak_first(capsys):
    assert not examine(lambda x: x, [(X,)], lambda x: x.mean())
    said = "must be one number, it has shape (3,). Is a sum or a mean missing?"
    assert said in capsys.readouterr().out

    def first(x):
        raise Remark("call it once.")

    assert not examine(first, [(X,)], right)
    assert capsys.readouterr().out == "Not yet: call it once.\n"


def test_an_answer_that_changes_its_arguments_harms_nobody(capsys):
    def careless(x, y):
        x += y
        return x

    x = np.ones(3)
    assert examine(careless, [(x, 2.0)], lambda x, y: x + y)
    assert (x == 1).all()


def test_nan_is_no_right_answer(capsys):
    assert not examine(lambda x: x * float("nan"), [(X,)], lambda x: x)


def test_a_hint_is_told_only_where_all_cases_agree(capsys):
    """At scale 1 both mistakes agree with the right answer."""
    assert not examine(lambda x, s: x.square() + (s - 2.0), CASES, right, MISTAKES)
    assert "it should be" in capsys.readouterr().out
