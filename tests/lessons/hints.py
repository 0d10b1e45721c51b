"""The wrong answers of an exercise, each with the hint that it should get."""

import re

TRIED = set()  # the checks that have a list of wrong answers
NO_HINT = re.compile(
    r"stops with|nothing yet|should be [-\d(]|is not it|write (a|your)|down first|on paper"
)


def nothing(*_, **__):
    return None


def each_wrong(check, *rows):
    """Return a test of (answer, hint): the check says the hint, and True for "Right" only. A tuple: several answers.

    An empty answer gets a helpful word, and at least three mistakes are told apart.
    """
    TRIED.add(check)

    def test(capsys):
        several = isinstance(rows[0][0], tuple)
        empty = (nothing,) * len(rows[0][0]) if several else nothing
        told = set()
        for answer, hint in (*rows, (empty, "Not yet")):
            verdict = check(*answer) if isinstance(answer, tuple) else check(answer)
            said = capsys.readouterr().out
            assert verdict is (hint == "Right") and hint in said, (hint, said)
            assert said.startswith("Right: " if verdict else "Not yet: "), said
            assert verdict or said.count("\n") == 1, said
            told |= {said} - {said if verdict or NO_HINT.search(said) else ""}
        assert len(said.split()) > 7 and len(told) >= 3 and "Right" in [hint for _, hint in rows], (
            said
        )

    return test
