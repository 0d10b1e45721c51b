"""Guesses: what is asked, covered and kept, in a kernel and without one."""

import json
import re

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from gan_edu import predict
from gan_edu.panel.figure import describe


@pytest.fixture
def told(monkeypatch, tmp_path):
    """What is displayed, and a file of guesses of one's own."""
    monkeypatch.setenv("GAN_EDU_GUESSES", str(tmp_path / "my_guesses.json"))
    monkeypatch.setenv("JPY_SESSION_NAME", "notebooks/03_gaussian_gan_1d.ipynb")
    monkeypatch.setattr(predict, "MEMORY", predict.Memory())
    shown = []

    class Handle:
        def __init__(self, place):
            self.place = place

        def update(self, content):
            shown[self.place] = content.data

    def display(content, display_id=False):
        if isinstance(content, predict.Guess):
            return
        shown.append(content.data)
        return Handle(len(shown) - 1) if display_id else None

    monkeypatch.setattr(predict, "display", display)
    return shown


def kept(tmp_path):
    return json.loads((tmp_path / "my_guesses.json").read_text())


def test_a_result_is_covered_until_the_guess_and_then_opens(told, tmp_path):
    guess = predict.choice("What does the loss do?", "rises", "falls")
    predict.reveal(guess, "falls", "because it does")
    (covered,) = told
    assert re.search(r"<details><summary>No guess yet.*falls.*because it does.*</details>", covered)
    assert "open" not in re.search(r"<details[^>]*>", covered)[0]
    guess.enter("rises", "sure")
    (opened,) = told
    assert "<details" not in opened and "You said <b>rises</b> (sure)." in opened
    assert "The answer is <b>falls</b>" in opened and "Right!" not in opened
    found = dict(guess="rises", sure="sure", lesson="03", right=False)
    assert kept(tmp_path) == {"What does the loss do?": found}


def test_a_result_after_the_guess_is_open_at_once(told, tmp_path):
    guess = predict.number("How large?", 0, 10, unit="nats")
    guess.enter(4.0, "fairly sure")
    predict.reveal(guess, torch.tensor(4.9))
    assert "You said <b>4 nats</b> (fairly sure). Right!" in told[0]
    assert "The answer is <b>4.9 nats</b>" in told[0] and "<details" not in told[0]
    again = predict.number("How large?", 0, 10, unit="nats")  # the cell runs once more, or tomorrow
    assert again.value == 4
    assert "You guessed <b>4 nats</b> (fairly sure) earlier" in again.line.value
    predict.reveal(again, 9.0)
    assert kept(tmp_path)["How large?"]["right"] is False


@pytest.mark.parametrize("off, within, right", [(1.0, None, True), (1.1, None, False), (1.1, 2, True), (0.2, 0.1, False)])  # fmt: skip
def test_how_near_is_near_enough(told, tmp_path, off, within, right):
    guess = predict.number("How large?", -5, 5)
    guess.enter(np.float64(1.0).item(), predict.SURE[0])
    predict.reveal(guess, 1.0 - off, within=within)
    assert ("Right!" in told[0]) == right == kept(tmp_path)["How large?"]["right"]


def test_a_curve_is_drawn_and_laid_beside_the_answer(told, tmp_path, monkeypatch):
    drawn = []
    shown = lambda draw: draw(fig := Figure()) or drawn.append(fig) or ""  # noqa: E731
    monkeypatch.setattr(predict, "shown", shown)
    guess = predict.curve("How does it grow?", range(5), 0, 2, xlabel="time", ylabel="size")
    guess.box.children[2].children[1].click()
    assert guess.value is None and "Draw a curve first" in guess.line.value
    truth = np.array([0, 0.5, 1, 1.5, 2])
    predict.reveal(guess, truth)
    guess.control.panel.set(curve=tuple(truth[::-1]))
    guess.box.children[2].children[1].click()
    assert guess.value == [2, 1.5, 1, 0.5, 0] and "You said what you drew" in told[0]
    covered, opened = ({line.get_label(): list(line.get_ydata()) for line in fig.axes[0].lines} for fig in drawn)  # fmt: skip
    assert covered == {"the answer": list(truth)}
    assert opened == covered | {"your guess": guess.value}
    assert "Right!" not in told[0] and "from 2 to 0" in drawn[1].words
    again = predict.curve("How does it grow?", range(5), 0, 2)
    predict.reveal(again, truth[::-1] - 0.19)
    predict.reveal(again, truth[::-1] - 0.21)
    assert "Right!" in told[1] and "Right!" not in told[2]
    assert "Draw" not in again._repr_mimebundle_()["text/html"]


def test_what_a_curve_cannot_be(told):
    for x, low, high in ((range(2), 0, 1), ([0, 2, 1], 0, 1), (range(3), 1, 1)):
        with pytest.raises(ValueError, match="low must be below high, and x three growing numbers"):
            predict.curve("?", x, low, high)
    with pytest.raises(ValueError, match="truth must be 3 heights, got 2"):
        predict.reveal(predict.curve("?", range(3), 0, 1), [1, 2])


def test_a_figure_is_drawn_into_what_is_covered(told):
    def draw(fig):
        fig.subplots().plot([1, 2])
        describe(fig, 'A line that "rises"')

    predict.reveal(predict.choice("Which?", "one", "two"), "one", draw)
    picture = '<img alt="A line that &quot;rises&quot;" style="[^"]*" src="data:image/png;base64,iV'
    assert re.search(picture, told[0])
    assert told[0].index("<details>") < told[0].index("<img") < told[0].index("</details>")


def test_without_a_kernel_the_question_stays_and_its_answer_is_not_there(told):
    bundle = predict.choice("Which way?", "up", "down & out")._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "Which way?" in bundle["text/html"] and "down &amp; out" in bundle["text/html"]
    static = predict.number("?", -2, 30, "nats")._repr_mimebundle_()["text/html"]
    assert "from −2 to 30 nats" in static


def test_the_button_enters_what_the_controls_say(told):
    guess = predict.choice("Which way?", "up", "down")
    button = guess.box.children[2].children[1]
    button.click()
    assert guess.value is None and "Choose an answer first" in guess.line.value
    guess.control.value, guess.how.value = "down", "sure"
    button.click()
    assert (guess.value, guess.sure) == ("down", "sure") and "run the next cell" in guess.line.value


def test_the_record_counts_the_sure_ones(told):
    predict.record()
    assert "No guess checked yet" in told[0]
    for k in range(6):
        guess = predict.number(f"How many, {k}?", 0, 100)
        guess.enter(50.0, "sure" if k < 5 else "a wild guess")
        predict.reveal(guess, 50.0 if k < 4 else 90.0)
    predict.choice("Not looked up", "a", "b").enter("a", "sure")
    predict.record()
    assert "6 guesses, in lessons 03: 4 were right." in told[-1] and "80 % were" in told[-1]
    assert "<td>sure</td><td>4 of 5 right</td>" in told[-1]
    assert "<td>fairly sure</td><td>none yet</td>" in told[-1]


def test_guesses_of_other_notebooks_are_not_lost(told, tmp_path, monkeypatch):
    predict.choice("One?", "a", "b").enter("a", "sure")
    monkeypatch.setattr(predict, "MEMORY", predict.Memory())  # another kernel
    predict.choice("Two?", "a", "b").enter("b", "sure")
    assert list(kept(tmp_path)) == ["One?", "Two?"]
    assert [path.name for path in tmp_path.iterdir()] == ["my_guesses.json"]


def test_without_permission_guesses_are_kept_in_memory_and_it_is_said_once(
    told, monkeypatch, tmp_path, capsys
):
    monkeypatch.setenv("GAN_EDU_GUESSES", str(tmp_path / "missing" / "my_guesses.json"))
    for k in range(2):
        guess = predict.choice(f"{k}?", "a", "b")
        guess.enter("a", "sure")
        predict.reveal(guess, "a")
    words = capsys.readouterr().out
    assert words.count("my_guesses.json cannot be written (No such file or directory)") == 1
    predict.record()
    assert "2 guesses, in lessons 03: 2 were right" in told[-1]


@pytest.mark.parametrize("content", ["{", "[1]", '{"a": 1}', "\x00\xff"])
def test_a_file_that_is_no_record_is_left_as_it_is(told, tmp_path, capsys, content):
    (tmp_path / "my_guesses.json").write_bytes(content.encode("latin1"))
    predict.choice("One?", "a", "b").enter("a", "sure")
    assert "my_guesses.json cannot be read" in capsys.readouterr().out
    assert (tmp_path / "my_guesses.json").read_bytes() == content.encode("latin1")


@pytest.mark.parametrize("make, words", [
    (lambda: predict.choice("?", "one"), r"needs two answers or more, as text, got \('one',\)"),
    (lambda: predict.number("?", 3, 3), "low must be below high, got 3.0 and 3.0"),
    (lambda: predict.reveal(5, 3), "guess must be made by choice, number or curve of predict, got 5"),
    (lambda: predict.reveal(predict.choice("?", "a", "b"), "c"), "truth must be one of a, b, got 'c'"),
])  # fmt: skip
def test_bad_arguments_are_named(told, make, words):
    with pytest.raises((ValueError, TypeError), match=words):
        make()
    assert told == []


def test_a_table_gives_medians_and_ranges(told):
    rows = [("a", [0.251, 0.3, 0.2], np.array([51_000.0])), ("b", 2.0, -0.5)]
    made = predict.table(["", "W1", "gap"], rows)
    cells = re.findall(r"<td>(.*?)</td>", made.data)
    assert cells == ["a", "0.25 (0.2 to 0.3)", "51,000 (51,000 to 51,000)", "b", "2", "−0.5"]
    assert re.findall(r"<th>(.*?)</th>", made.data) == ["", "W1", "gap"]
    predict.reveal(predict.choice("which?", "a", "b"), "a", made)
    assert made.data in told[-1] and "<details>" in told[-1]
