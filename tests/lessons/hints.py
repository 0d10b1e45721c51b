"""The wrong answers of an exercise, each with the hint that it should get."""

import pytest


def each_wrong(check, *rows):
    """Return a test of (answer, hint): the check says the hint, and True for "Right" only. A tuple: several answers."""

    @pytest.mark.parametrize("answer, hint", rows)
    def test(answer, hint, capsys):
        verdict = check(*answer) if isinstance(answer, tuple) else check(answer)
        said = capsys.readouterr().out
        assert verdict is (hint == "Right") and hint in said, said

    return test
