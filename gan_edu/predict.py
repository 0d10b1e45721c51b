"""Guesses: asked before a result, which stays covered until then, and kept in one small file beside the notebooks."""

import base64
import html
import io
import json
import os
import pathlib

import ipywidgets
import matplotlib
import numpy as np
from IPython.display import HTML, display
from matplotlib.figure import Figure

from gan_edu._arguments import check_number
from gan_edu.panel import bars, describe, explore, handles
from gan_edu.style import FAKE, OPTIMAL, STYLE

SURE = "a wild guess", "fairly sure", "sure"
COVER = "No guess yet: enter yours above, and this opens. Or show it now."


class Memory:
    """What was guessed, {question: {"guess", "sure", "right", "lesson"}}; kept: where the file is out of reach."""

    def __init__(self):
        self.kept = None

    @property
    def path(self):
        return pathlib.Path(os.environ.get("GAN_EDU_GUESSES", "my_guesses.json"))

    def read(self):
        """Return all guesses, those of other notebooks too."""
        if self.kept is not None:
            return self.kept
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
            if not all(isinstance(one, dict) for one in found.values()):
                raise ValueError("it holds something else")
            return found
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError) as fault:
            return self.keep({}, f"cannot be read ({fault}) and is left as it is")

    def put(self, question, **values):
        """Add what is known of a question; without permission to write it is kept until the kernel ends, and said."""
        found = self.read()
        found[question] = found.get(question, {}) | values
        if self.kept is not None:
            return
        unfinished = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        try:
            unfinished.write_text(json.dumps(found, indent=1), encoding="utf-8")
            os.replace(unfinished, self.path)
        except OSError as fault:
            unfinished.unlink(missing_ok=True)
            self.keep(found, f"cannot be written ({fault.strerror})")

    def keep(self, found, why):
        print(f"{self.path.name} {why}: your guesses are kept until the kernel stops.")
        self.kept = found
        return found


MEMORY = Memory()


class Sheet:
    """Where a curve is drawn with the mouse, over the places x."""

    def __init__(self, x, low, high, xlabel, ylabel):
        self.x, self.axes = x, dict(ylim=(low, high), xlabel=xlabel, ylabel=ylabel)
        self.panel = explore(self.view, {"curve": bars([(low + high) / 2] * len(x), low, high)})

    @property
    def value(self):
        """The curve as a list, or nothing as long as it is the straight line of the beginning."""
        heights = list(self.panel.knobs.curve)
        return heights if len(set(heights)) > 1 else None

    def view(self, fig, knobs):
        self.draw(fig, {"your guess": (FAKE, knobs.curve)})
        handles(fig.axes[0], "curve", self.x, knobs.curve, color=FAKE)

    def draw(self, fig, drawn):
        """Draw curves, {label: (colour, heights)}."""
        ax = fig.subplots()
        for label, (color, heights) in drawn.items():
            ax.plot(self.x, heights, color=color, lw=2, label=label)
        edge = 0.04 * (self.x[-1] - self.x[0])
        ax.set(xlim=(self.x[0] - edge, self.x[-1] + edge), **self.axes)
        ax.legend()
        ends = (f"{name} from {short(y[0])} to {short(y[-1])}" for name, (_, y) in drawn.items())
        what = f"{self.axes['ylabel']} over {self.axes['xlabel']}"
        describe(fig, f"Curves of {what}: {', '.join(ends)}.")

    def compare(self, truth, guess):
        """Return the picture of truth and guess as HTML."""
        curves = {"the answer": (OPTIMAL, truth), "your guess": (FAKE, guess)}
        drawn = {label: one for label, one in curves.items() if one[1] is not None}
        return shown(lambda fig: self.draw(fig, drawn))


class Guess:
    """A question with its answer; see `choice`, `number` and `curve`."""

    def __init__(self, question, control, answers, options=None, within=None, unit=""):
        self.question, self.control, self.answers, self.covered = question, control, answers, []
        self.options, self.within, self.unit = options, within, unit
        self.sheet = control if isinstance(control, Sheet) else None
        kept = MEMORY.read().get(question, {})
        self.value, self.sure = kept.get("guess"), kept.get("sure")
        style = {"button_width": "9em"}
        self.how = ipywidgets.ToggleButtons(options=SURE, value=self.sure or SURE[0], style=style)
        button = ipywidgets.Button(description="This is my guess", button_style="primary")
        button.on_click(lambda _: self.enter(self.control.value, self.how.value))
        earlier = "" if self.value is None else f"You guessed {self.words()} earlier."
        self.line, asked = map(ipywidgets.HTML, (earlier, f"<b>Your guess.</b> {question}"))
        row = ipywidgets.HBox([self.how, button], layout={"flex_flow": "row wrap"})
        control = self.sheet.panel.page if self.sheet else control
        self.box = ipywidgets.VBox([asked, control, row, self.line])
        display(self)

    def enter(self, value, sure):
        """Take a guess, keep it, and open what was covered."""
        if value is None:
            self.line.value = "Draw a curve first." if self.sheet else "Choose an answer first."
            return
        self.value, self.sure = value, sure
        lesson = pathlib.Path(os.environ.get("JPY_SESSION_NAME", "")).name[:2]
        MEMORY.put(self.question, guess=value, sure=sure, lesson=lesson)
        opens = "It has opened below." if self.covered else "Now run the next cell."
        self.line.value = f"You say {self.words()}. {opens}"
        while self.covered:
            self.covered.pop()()

    def words(self):
        if self.sheet:
            return f"what you drew ({self.sure})"
        value = self.value if isinstance(self.value, str) else f"{short(self.value)}{self.unit}"
        return f"<b>{html.escape(value)}</b> ({self.sure})"

    def _repr_mimebundle_(self, **more):
        # Where there is no kernel the question alone is shown.
        static = f"<p><b>Your guess.</b> {self.question}</p><p>{self.answers}</p>"
        return self.box._repr_mimebundle_() | {"text/html": static, "text/plain": self.question}


def choice(question, *options):
    """Ask which of several answers is right: guess = choice("What does the loss do?", "rises", "falls")."""
    if len(options) < 2 or not all(isinstance(one, str) for one in options):
        raise ValueError(f"a choice needs two answers or more, as text, got {options!r}")
    control = ipywidgets.RadioButtons(options=options, value=None, layout={"width": "auto"})
    answers = " &ensp; ".join(f"◯ {html.escape(one)}" for one in options)
    return Guess(question, control, answers, options=options)


def number(question, low, high, unit=""):
    """Ask for a number between low and high, with its unit: guess = number("How large?", 0, 10, unit="nats")."""
    low, high = check_number("low", low), check_number("high", high)
    if not low < high:
        raise ValueError(f"low must be below high, got {low!r} and {high!r}")
    whole = low.is_integer() and high.is_integer() and high - low >= 20
    looks = dict(readout_format=".4g", layout={"width": "min(36em, 95%)"})
    looks |= dict(min=low, max=high, step=1 if whole else (high - low) / 100)
    control = ipywidgets.FloatSlider((low + high) / 2, **looks)
    unit = f" {unit}" if unit else ""
    answers = f"a number from {short(low)} to {short(high)}{unit}"
    return Guess(question, control, answers, within=(high - low) / 10, unit=unit)


def curve(question, x, low, high, xlabel="", ylabel=""):
    """Ask for a curve from low to high over the places x: guess = curve("How does JS grow?", range(9), 0, 1)."""
    low, high = check_number("low", low), check_number("high", high)
    x = [check_number("x", one) for one in x]
    if not low < high or len(x) < 3 or sorted(set(x)) != x:
        what = "low must be below high, and x three growing numbers or more"
        raise ValueError(f"{what}, got {low!r}, {high!r}, {x!r}")
    sheet = Sheet(x, low, high, xlabel, ylabel)
    answers = f"a curve of {ylabel} from {short(low)} to {short(high)}, over {xlabel} from {short(x[0])} to {short(x[-1])}"
    return Guess(question, sheet, answers, within=(high - low) / 10)


def reveal(guess, truth, *results, within=None):
    """Show guess and truth side by side, with results; covered as long as no guess is entered.

    truth: one of the choice's answers, a number, or the curve's heights. results: texts, tables, matplotlib figures,
    or functions draw(fig). within: a guess that is off by no more (a curve: on average) counts as right, by default a
    tenth of the range that was asked for.
    """
    if not isinstance(guess, Guess):
        raise ValueError(f"guess must be made by choice, number or curve of predict, got {guess!r}")
    within = guess.within if within is None else within
    if guess.sheet:
        truth = np.array([check_number("truth", one) for one in truth])
        if len(truth) != len(guess.sheet.x):
            raise ValueError(f"truth must be {len(guess.sheet.x)} heights, got {len(truth)}")
        fact, right = None, lambda: np.abs(truth - guess.value).mean() <= within
    elif guess.options:
        if truth not in guess.options:
            raise ValueError(f"truth must be one of {', '.join(guess.options)}, got {truth!r}")
        fact, right = html.escape(truth), lambda: guess.value == truth
    else:
        truth = check_number("truth", truth)
        fact, right = short(truth) + guess.unit, lambda: abs(guess.value - truth) <= within
    more = "".join(map(shown, results))

    def body():
        if guess.sheet:
            return guess.sheet.compare(truth, guess.value) + more
        return f"<p>The answer is <b>{fact}</b>.</p>{more}"

    def opened():
        MEMORY.put(guess.question, right=bool(right()))
        said = f"<p>You said {guess.words()}.{' Right!' if right() else ''}</p>"
        return HTML(f'<div class="gan-reveal">{said}{body()}</div>')

    if guess.value is not None:
        display(opened())
        return
    cover = f"<details><summary>{COVER}</summary>{body()}</details>"
    handle = display(HTML(f'<div class="gan-reveal">{cover}</div>'), display_id=True)
    if handle is not None:
        guess.covered.append(lambda: handle.update(opened()))


def shown(result):
    """Return a result as HTML."""
    if isinstance(result, str | HTML):
        return f"<p>{result}</p>" if isinstance(result, str) else result.data
    with matplotlib.rc_context(STYLE):
        fig, content = result, io.BytesIO()
        if callable(result):
            fig = Figure(figsize=(9, 3.6))
            result(fig)
        fig.savefig(content, format="png", dpi=90)
    data = base64.b64encode(content.getvalue()).decode()
    words = html.escape(getattr(fig, "words", ""), quote=True)
    return f'<img alt="{words}" style="max-width: 100%" src="data:image/png;base64,{data}">'


def short(value, digits=4):
    value = float(f"{value:.{digits}g}")
    return (f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:g}").replace("-", "−")


def table(head, rows):
    """Return a table to show, also in `reveal`: the numbers of several runs become their median and range."""

    def words(cell):
        if isinstance(cell, str):
            return cell
        ends = f" ({short(np.min(cell), 2)} to {short(np.max(cell), 2)})" if np.ndim(cell) else ""
        return short(np.median(cell), 2) + ends

    lines = ["".join(f"<th>{one}</th>" for one in head)]
    lines += ["".join(f"<td>{words(cell)}</td>" for cell in row) for row in rows]
    return HTML(f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>")


def record():
    """Show how many guesses were right, and how often those were that one was sure of."""
    known = [one for one in MEMORY.read().values() if "guess" in one and "right" in one]
    rights = {sure: [one["right"] for one in known if one["sure"] == sure] for sure in SURE[::-1]}
    lessons = ", ".join(sorted({one["lesson"] for one in known if one["lesson"].isdigit()}))
    words = f"{len(known)} guesses{f', in lessons {lessons}' if lessons else ''}: "
    words += f"{sum(map(sum, rights.values()))} were right. "
    if len(sure := rights["sure"]) >= 5:
        words += f"Of those that you were sure of, {100 * sum(sure) / len(sure):.0f} % were."
    shares = (f"{sum(one)} of {len(one)} right" if one else "none yet" for one in rights.values())
    said = f"<p>{words}</p>{table(('you were', 'guesses'), zip(rights, shares)).data}"
    display(HTML(said if known else "<p>No guess checked yet.</p>"))
