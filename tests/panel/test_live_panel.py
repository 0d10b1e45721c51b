"""Panels without a browser: what their page says, and what it is told."""

import contextlib
import re
import time

import numpy as np
import pytest
import torch
from core.loops import LOOPS, RING_KNOBS, clipped_step, ring_build, ring_step
from core.test_run import everything
from panel.pictures import stored
from panel.views import GRID, Z, plane

from gan_edu.datasets import painted
from gan_edu.panel import page as page_module
from gan_edu.panel.explore import explore
from gan_edu.panel.figure import curves, handle
from gan_edu.panel.knobs import bars, choice, log_slider, point, sketch, slider, spec_of, switch
from gan_edu.panel.live import live
from gan_edu.panel.page import TRAINER
from gan_edu.panel.record import record
from gan_edu.run import Run, descend

KNOBS = RING_KNOBS | dict(
    lambda_gp=log_slider(0.05, 50, 0.5), lr_g=log_slider(1e-4, 1e-1, 1e-3), batch_size=16
)
BREAK = []  # set: the next step fails


def step(gan, knobs):
    if BREAK:
        raise BREAK.pop()
    return ring_step(gan, knobs)


def view(fig, gan, log):
    ax = fig.subplots()
    curves(ax, log, "critic gap")
    fig.words = f"{len(log)} curves"


@pytest.fixture
def told(monkeypatch):
    """What pages are told; pages answer at once that they have shown a picture, unless told["deaf"]."""
    found = {"deaf": False, "messages": []}

    def tell(self, message, block=None):
        found["messages"].append(message)
        if message["type"] == "picture" and not found["deaf"]:
            self._panel.post({"type": "shown", "frame": message["frame"]})

    original = page_module.Page.__init__

    def begin(self, take, spec):
        original(self, take, spec)
        self._panel = take.__self__

    monkeypatch.setattr(page_module.Page, "__init__", begin)
    monkeypatch.setattr(page_module.Page, "tell", tell)
    monkeypatch.setattr(page_module.Page, "send", tell)
    yield found
    for panel in list(TRAINER.panels.values()):
        panel.close()
    TRAINER.panels.clear()


def last(told, kind):
    """The last message of this kind; a picture has a status in it."""
    found = (one if one["type"] == kind else one.get(kind) for one in reversed(told["messages"]))
    return next(filter(None, found))


def drawn(told, side=0):
    """The layers of the first axes of the last picture."""
    return last(told, "picture")["sides"][side]["figure"]["axes"][0]["layers"]


def knobs_of(told):
    return last(told, "picture")["sides"][0]["knobs"]


def wait(true, seconds=60):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.005)


def say(panel, kind, **more):
    """Send a message as the page does, and wait until it has been taken."""
    frame, panel.due = panel.frame, 0.0
    panel.post({"type": kind, **more})

    def taken():  # the trainer stands still: it may be between taking a message and drawing
        TRAINER.no_cell.clear()
        with TRAINER.lock:
            found = panel.frame > frame and not panel.mail and not panel.dirty
        TRAINER.no_cell.set()
        return found or panel.fault

    wait(taken)


def test_it_plays_and_a_knob_acts_at_the_next_step(told):
    panel = live(ring_build, step, view, KNOBS)
    assert panel.run.n == 0 and knobs_of(told)["lambda_gp"] == 0.5
    spec = panel.page.spec
    assert list(spec["knobs"]) == ["lambda_gp", "lr_g"] and spec["knobs"]["lr_g"]["log"]
    panel.post({"type": "play"})
    wait(lambda: panel.run.n > 30)
    panel.post({"type": "knob", "name": "lambda_gp", "value": 5.0})
    wait(lambda: knobs_of(told)["lambda_gp"] == 5.0)
    (at, name, value) = panel.run.moves[0]
    assert (name, value) == ("lambda_gp", 5.0) and last(told, "picture")["n"] >= at + 1
    say(panel, "pause")
    n = panel.run.n
    again = Run(ring_build, ring_step, {**KNOBS}).steps(at)
    again.set(lambda_gp=5.0)
    assert everything(again.steps(n - at)) == everything(panel.run)
    assert last(told, "status")["playing"] is False and last(told, "picture")["words"] == "2 curves"
    say(panel, "step")
    assert panel.run.n == n + 1


def test_every_button(told):
    panel = live(ring_build, step, view, KNOBS, seed=3, presets={"bold": dict(lr_g=0.1)})
    for _ in range(40):
        say(panel, "step")
    say(panel, "keep")
    assert "40 steps" in last(told, "status")["text"]
    say(panel, "knob", name="lr_g", value=0.01)
    whole = everything(panel.run)
    say(panel, "goto", n=25)
    assert panel.run.n == 25 and last(told, "picture")["reached"] == 25
    lengths = [layer["data"][0][1] for layer in drawn(told) if layer["kind"] == "line"]
    assert lengths == [40, 25]  # the ghost stays
    say(panel, "goto", n=40)
    say(panel, "knob", name="lr_g", value=0.01)
    assert everything(panel.run) == whole
    panel.use(clipped_step)
    say(panel, "code")
    code = last(told, "code")["text"]
    assert "def clipped_step" in code and "run.set(lr_g=0.01)" in code
    say(panel, "new seed")
    assert panel.run.seed == 4 and panel.run.n == 0
    assert panel.run.knobs.lr_g == 0.01 and panel.run.step is clipped_step
    say(panel, "preset", name="bold")
    wait(lambda: panel.run.n > 3)
    say(panel, "pause")
    assert panel.run.knobs.lr_g == 0.1 and panel.run.moves[0] == (0, "lr_g", 0.1)
    say(panel, "speed", value=2)
    n, begun = panel.run.n, time.monotonic()
    panel.post({"type": "play"})
    wait(lambda: panel.run.n >= n + 4)
    assert time.monotonic() - begun > 1.3
    with pytest.raises(ValueError, match="no knob 'lam'"):
        live(ring_build, step, view, KNOBS, presets={"bad": dict(lam=1)})


def test_two_runs_side_by_side(told):
    panel = live(ring_build, step, view, KNOBS)
    for _ in range(10):
        say(panel, "step")
    say(panel, "compare", on=True)
    say(panel, "knob", side=1, name="lambda_gp", value=10.0)
    for _ in range(5):
        say(panel, "step")
    sides = last(told, "picture")["sides"]
    assert [side["knobs"]["lambda_gp"] for side in sides] == [0.5, 10.0]
    assert everything(panel.run) == everything(Run(ring_build, ring_step, {**KNOBS}).steps(15))
    assert panel.other.moves == [(10, "lambda_gp", 10.0)] and panel.other.n == 15
    offsets = [layer["data"][0][0] for side in (0, 1) for layer in drawn(told, side)]
    assert len(set(offsets)) == len(offsets)  # one block for both
    say(panel, "goto", n=12)
    assert panel.other.n == panel.run.n == 12 and panel.other.knobs.lambda_gp == 10.0
    say(panel, "code")
    assert last(told, "code")["text"].count("Run(") == 2
    say(panel, "compare", on=False)
    assert len(last(told, "picture")["sides"]) == 1


# ---- faults in plain words


@pytest.mark.parametrize("fault, words", [
    (FloatingPointError("'gap' is nan in step 6"), r"^'gap' is nan in step 6\. The run stands after step 5, the last good one"),
    (ZeroDivisionError("division by zero"), r"^ZeroDivisionError: division by zero\. The run stands after step 5"),
])  # fmt: skip
def test_what_goes_wrong_in_a_step_is_said(told, fault, words):
    panel = live(ring_build, step, view, KNOBS)
    for _ in range(5):
        say(panel, "step")
    BREAK.append(fault)
    panel.post({"type": "play"})
    wait(lambda: panel.fault)
    assert re.search(words, last(told, "status")["fault"])
    assert not panel.playing and panel.run.n == 5
    say(panel, "knob", name="lambda_gp", value=1.0)
    panel.post({"type": "play"})
    wait(lambda: panel.run.n > 8)
    assert panel.fault == "" and last(told, "status")["fault"] == ""
    say(panel, "knob", name="lambda_gp", value=1e9)
    assert "lambda_gp must be a finite number at least 0.05 and at most 50" in panel.fault


def test_a_view_that_fails_stops_the_panel_and_says_so(told):
    def bad(fig, gan, log):
        if log.n > 3:
            fig.subplots().hexbin([1], [1])
        view(fig, gan, log)

    panel = live(ring_build, step, bad, KNOBS)
    panel.post({"type": "play"})
    wait(lambda: panel.fault)
    assert "AttributeError: axes in a panel have no 'hexbin'" in panel.fault and not panel.playing
    count = len(told["messages"])
    time.sleep(0.2)
    assert len(told["messages"]) <= count + 1  # it does not try again and again


# ---- pages that are slow, hidden, gone, new


def test_a_page_that_does_not_answer_gets_no_more_pictures(told, monkeypatch):
    monkeypatch.setattr(page_module, "LOST", 1e9)  # however slow this machine is
    told["deaf"] = True
    panel = live(ring_build, step, view, KNOBS)
    panel.post({"type": "play"})
    wait(lambda: panel.run.n > 300)
    pictures = sum(message["type"] == "picture" for message in told["messages"])
    assert pictures <= 8 and panel.playing
    panel.post({"type": "shown", "frame": panel.frame})
    wait(lambda: sum(message["type"] == "picture" for message in told["messages"]) > pictures)
    told["deaf"] = False
    panel.post({"type": "visible", "on": False})
    time.sleep(0.1)
    frame = panel.frame
    n = panel.run.n
    wait(lambda: panel.run.n > n + 100)  # a hidden page: it trains, and nothing is drawn
    assert panel.frame == frame
    count = len(told["messages"])
    panel.post({"type": "hello"})  # loaded again: it is told all it needs
    kinds = [message["type"] for message in told["messages"][count:]]
    assert kinds[0] == "picture" and "status" in kinds  # its knobs are a part of the widget
    wait(lambda: panel.frame > frame)
    panel.alive = time.monotonic() - page_module.ALIVE - 1
    panel.post = lambda message: None  # no sign of life
    wait(lambda: not panel.playing)
    assert panel.text == "Paused: the page is gone."


def test_a_sign_of_life_changes_nothing_and_a_full_line_is_waited_for(told):
    panel = explore(lambda fig, knobs: None, dict(a=slider(0, 1, 0.5)))
    panel.fault = "kept"
    panel.visible = False  # as another view of the panel says
    panel.post({"type": "alive", "on": True})
    time.sleep(0.05)
    assert panel.frame == 1 and panel.fault == "kept" and panel.visible
    with TRAINER.lock:
        panel.dirty, panel.shown, panel.frame = True, 0, 100
        panel.sent = {100: time.monotonic()}
        assert panel.work() == page_module.LOST  # not at once, again and again


def test_many_moves_at_once_and_a_slow_pace_train_no_more_steps(told):
    panel = live(ring_build, step, view, KNOBS)
    panel.playing = True
    with TRAINER.lock:
        n = panel.run.n
        panel.mail = [dict(type="knob", name="lambda_gp", value=value) for value in (1.0, 2.0, 3.0)]
        panel.go_on = lambda one=False, go_on=panel.go_on: go_on(one) if one else 60.0
        panel.work()
        assert panel.run.n == n + 1 and panel.run.knobs.lambda_gp == 3.0
        panel.speed, panel.mail = 2, [dict(type="knob", name="lambda_gp", value=4.0)]
        panel.work()
        assert panel.run.n == n + 1 and panel.run.knobs.lambda_gp == 4.0
        panel.run.goto, gone = lambda n: gone.append(n), []
        panel.mail = [dict(type="goto", n=k) for k in (3, 2, 1)]  # a key is held on the time line
        panel.work()
        assert gone == [1] and not panel.playing


def test_a_new_panel_of_the_same_cell_closes_the_old_ones(told, monkeypatch):
    runs = iter([1, 1, 2])
    monkeypatch.setattr(page_module, "cell", lambda: ("cell", next(runs)))
    old, second = (live(ring_build, step, view, KNOBS) for _ in "ab")
    assert not old.closed
    old.play()
    new = live(ring_build, step, view, KNOBS)
    assert old.closed and second.closed and list(TRAINER.panels.values()) == [new]
    n = old.run.n
    time.sleep(0.1)
    assert old.run.n <= n + 200 and not new.playing


def test_panels_train_in_turn_and_an_interrupt_pauses_all(told, monkeypatch):
    cells = iter("ab")
    monkeypatch.setattr(page_module, "cell", lambda: (next(cells), 1))
    panels = [live(ring_build, step, view, KNOBS) for _ in "ab"]
    for panel in panels:
        panel.play()
    wait(lambda: all(panel.run.n > 50 for panel in panels))
    TRAINER.interrupt()
    wait(lambda: not any(panel.playing for panel in panels))
    assert all("Press Play to go on" in panel.text for panel in panels)


# ---- cells


@contextlib.contextmanager
def a_cell_runs():
    TRAINER.cell_begins()
    try:
        yield
    finally:
        TRAINER.cell_ends()


def test_training_stands_still_while_a_cell_runs(told):
    panel = live(ring_build, step, view, KNOBS)
    panel.play()
    wait(lambda: panel.run.n > 20)
    torch.manual_seed(0)
    with a_cell_runs():
        assert last(told, "status")["text"] == "Training waits for the running cell."
        n = panel.run.n
        torch.manual_seed(1)
        time.sleep(0.1)
        drawn = torch.randn(5)
        assert panel.run.n == n
    torch.manual_seed(1)
    with a_cell_runs():
        torch.manual_seed(1)
        assert torch.equal(torch.randn(5), drawn)
    wait(lambda: panel.run.n > n + 20)
    panel.pause()


def test_a_rewind_stands_still_too(told):
    panel = live(ring_build, step, view, KNOBS | dict(batch_size=512))
    for _ in range(99):
        say(panel, "step")
    panel.run._kept = {0: panel.run._kept[0]}  # so that it takes a while
    n = panel.run.n
    panel.post({"type": "goto", "n": 98})
    time.sleep(0.02)
    with a_cell_runs():
        state = torch.get_rng_state()
        time.sleep(0.3)
        assert torch.equal(state, torch.get_rng_state()) and panel.run.n == n
    wait(lambda: panel.run.n == 98)
    with a_cell_runs():
        panel.run.goto(40)  # a line of the cell itself need not wait
    assert panel.run.n == 40


# ---- drawing never changes the run


@pytest.mark.parametrize("name", ["lsgan", "two generators"])  # dropout; batch norm
def test_drawn_after_every_step_and_never(told, name):
    build, train, knobs = LOOPS[name]

    def loud(fig, gan, log):
        nets = gan.G if isinstance(gan.G, list) else [gan.G, gan.D]
        for net in nets:
            net.train(not net.training)
        x = torch.randn(50, 2)
        ax = fig.subplots()
        ax.scatter(*nets[0](x).detach().T)
        gan.D(x)
        np.random.rand()

    # First, as a picture that is drawn beside it would put back the random numbers that it uses.
    alone = everything(Run(build, train, knobs).steps(30))
    panel = live(build, train, loud, knobs)
    for _ in range(30):
        say(panel, "step")
    assert panel.frame > 20
    assert everything(panel.run) == alone


# ---- figures without training


def test_explore(told):
    def show(fig, knobs):
        left, right = fig.subplots(1, 2)
        handle(left, "place", knobs.place)
        left.set(title=f"{knobs.kind} {knobs.on} {knobs.n}")
        right.scatter(*torch.randn(2, 5))

    kinds = dict(place=point(0, 1), kind=choice("a", "b"), on=switch(), fixed=3)
    kinds["n"] = slider(1, 9, 2, step=1)
    state = torch.get_rng_state()
    panel = explore(show, kinds, presets={"far": dict(place=(5, 5))})
    kinds |= dict(later=switch())  # the page's own knobs, for another panel
    assert torch.equal(state, torch.get_rng_state())
    spec = panel.page.spec["knobs"]
    expected = dict(place="point", kind="choice", on="switch", n="slider")
    assert {name: knob["kind"] for name, knob in spec.items()} == expected
    say(panel, "knob", name="kind", value="b")
    say(panel, "knob", name="place", value=[2, 3])
    axes = last(told, "picture")["sides"][0]["figure"]["axes"][0]
    assert axes["title"] == "b False 2" and axes["layers"][0]["x"] == 2
    say(panel, "preset", name="far")
    assert panel.knobs.place == (5, 5) and panel.knobs.kind == "a"
    panel.set(n=4)
    TRAINER.wake.set()
    wait(lambda: last(told, "picture")["sides"][0]["figure"]["axes"][0]["title"] == "a False 4")
    panel.post({"type": "knob", "name": "n", "value": 2.5})
    wait(lambda: panel.fault)
    assert panel.fault == "n must be a whole number, got 2.5."
    with pytest.raises(ValueError, match="there is no knob 'm'"):
        panel.set(m=3)


@pytest.mark.parametrize("more, value, words", [
    (dict(step=1), (1, 2.5), "must be a whole number, got 2.5"), ({}, (1, 2, 3), "must be 2 heights"), ({}, (1, 6), "must be .*5.*6"),
    (dict(total=3), (1, 2.1), "must add up to 3, got 3.1"), (dict(total=3), (1.5, float("nan")), "must"),
])  # fmt: skip
def test_heights(more, value, words):
    assert bars([1, 2], high=5, total=3).check("h", [2, 1]) == (2, 1)
    with pytest.raises(ValueError, match="h " + words):
        bars([1, 2], high=5, **more).check("h", value)


@pytest.mark.parametrize("places, words", [
    ([], "must be 1 to 2,000 places"), ([(0, 0)] * 2001, "must be 1 to 2,000 places"),
    ([(0, 1, 2)], r"must be a place \(x, y\)"), ([(0, float("nan"))], "must be a finite number"),
])  # fmt: skip
def test_heights_and_drawings_that_cannot_be(places, words):
    with pytest.raises(ValueError, match="drawing " + words):
        sketch([(0, 0)]).check("drawing", places)
    for heights, more in (([], {}), ([1, 2], dict(high=1.5)), ([0.5, 0.4], dict(total=1)), ([0], dict(high=0))):  # fmt: skip
        with pytest.raises(ValueError):
            bars(heights, **more)


def painted_step(gan, knobs):
    x_real, x_fake = painted(16, knobs.drawing), gan.G(torch.randn(16, 2)).detach()
    gap = gan.D(x_real).mean() - gan.D(x_fake).mean()
    descend(gan.opt_D, -gap, lr=1e-3)
    return {"critic gap": gap, "right": x_real[:, 0].mean()}


def test_a_drawing_is_a_move_is_replayed_saved_and_recorded(tmp_path):
    run = Run(ring_build, painted_step, dict(drawing=sketch([(-1, 0)]))).steps(20)
    run.set(drawing=[[1, 0], [1, 1]])  # as a message brings it
    run.steps(20)
    assert run.moves == [(20, "drawing", ((1.0, 0.0), (1.0, 1.0)))]
    assert (run.log["right"][:20] < -0.9).all() and (run.log["right"][20:] > 0.9).all()
    before = everything(run)
    run.save(tmp_path / "run.pt")
    loaded = Run.load(tmp_path / "run.pt", ring_build, painted_step)
    assert everything(loaded) == before and loaded.moves == run.moves
    run.goto(10)
    assert run.moves == [] and run.knobs.drawing == ((-1.0, 0.0),)
    record(loaded, view, tmp_path / "run.html", every=20)
    story, _ = stored(tmp_path / "run.html")
    drawings = [picture["sides"][0]["knobs"]["drawing"] for picture in story["pictures"]]
    assert drawings == [[[-1, 0]], [[-1, 0]], [[1, 0], [1, 1]]]


def test_numbers_as_choices():
    half, whole = choice(0.0, 0.5, 1.0), choice(0, 1)
    assert half.check("a", 1) == 1.0 and whole.check("a", 1) == 1
    for knob, wrong in (half, 2), (half, True), (whole, True), (switch(), 1):
        with pytest.raises(ValueError, match="a must be one of"):
            knob.check("a", wrong)
    kinds = spec_of("explore", dict(a=half, b=whole, c=switch()))["knobs"]
    assert [one["kind"] for one in kinds.values()] == ["choice", "choice", "switch"]


# ---- recordings


def test_a_recording_keeps_small_numbers_on_a_log_axis(tmp_path):
    y = np.array([1e-6, 1e-3, 0, 1.0, np.inf], "f4")

    def drawn(fig, gan, log):
        ax, other = fig.subplots(1, 2)
        ax.plot(y)
        ax.set(yscale="log")
        other.plot(y)

    record(Run(ring_build, ring_step, {**KNOBS}).steps(1), drawn, tmp_path / "log.html")
    story, block = stored(tmp_path / "log.html")
    first, second = (
        ax["layers"][0]["data"][1] for ax in story["pictures"][0]["sides"][0]["figure"]["axes"]
    )
    assert np.array_equal(np.frombuffer(block, first[2], first[1], first[0]), y)
    assert np.frombuffer(block, second[2], second[1], second[0])[-1] == 32_767  # a gap


def test_a_recording_holds_the_run(tmp_path):
    run = Run(ring_build, ring_step, {**KNOBS}).steps(100)
    run.set(lambda_gp=7.0)
    run.steps(300)
    before = everything(run)
    path = tmp_path / "the_ring.html"
    record(run, plane, path, every=10)
    assert everything(run) == before and list(tmp_path.iterdir()) == [path]
    assert path.stat().st_size < 1e6 and "<title>the ring</title>" in path.read_text(
        encoding="utf-8"
    )
    (story, block), moved = stored(path), [0.5] * 11 + [7.0] * 30
    sides = [picture["sides"][0] for picture in story["pictures"]]
    assert [picture["n"] for picture in story["pictures"]] == list(range(0, 401, 10))
    assert [side["knobs"]["lambda_gp"] for side in sides] == moved
    layers = {layer["kind"]: layer for layer in sides[-1]["figure"]["axes"][0]["layers"]}
    at, n, kind, low, scale = layers["points"]["data"][0]  # the generated ones come last
    x = np.frombuffer(block, kind, n, at) * scale + low
    with torch.no_grad():
        assert np.abs(x - run.gan.G(Z)[:, 0].numpy()).max() < 1e-3
        at, n, kind, low, scale = layers["surface"]["data"][0]
        z = np.frombuffer(block, kind, n, at) * scale + low
        surface = run.gan.D(GRID).reshape(56, 56).T.ravel().numpy()
        assert kind == "u1" and np.abs(z - surface).max() <= np.ptp(surface) / 254
    with pytest.raises(ValueError, match="every must be a whole number of at least 1, got 0"):
        record(run, plane, path, every=0)


def test_replayed_moments_are_those_of_the_run():
    run = Run(ring_build, ring_step, {**KNOBS}).steps(25)
    run.set(lambda_gp=7.0)
    run.steps(25)
    for moment in run.replayed(20):
        assert everything(moment) == everything(run.fork().goto(moment.n))
