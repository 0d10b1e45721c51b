"""The page of a panel in a real Chromium, with a port that the test holds: no kernel."""

import re

import numpy as np
import pytest
from lab import chromium_page, needs_chromium
from panel.port import KNOBS, QUIET, Page
from panel.test_figure import every_word

from gan_edu.panel.figure import canvas, describe, handle, handles

pytestmark = needs_chromium
RED, INK = [213, 94, 0], [0xDD] * 3


@pytest.fixture(scope="module")
def browser():
    with chromium_page() as page:
        yield Page(page)


@pytest.fixture
def page(browser):
    yield browser.open()
    assert browser.page.faults == []


def line(fig):
    ax = fig.subplots()
    ax.plot([0, 256, 512, 1000], [1, 0.5, 0.183, 0.5], color="#0072B2", label="critic gap")
    ax.set(xlabel="step")
    describe(fig, "A curve that falls.")


def test_knobs_tell_their_values_once_a_frame_and_are_not_thrown_back(page):
    page.picture(line)
    for name, key in zip(KNOBS, "ArrowRight End Home ArrowRight ArrowDown End Space".split()):
        page.knob(name).press(key)
        page.js("frame()")
    told = {message["name"]: (message["value"], message["side"]) for message in page.sent("knob")}
    values = dict(rate=0.0105, share=1, many=1, coarse=0.25, width=64, who="G", noise=True)
    assert told == {name: (value, 0) for name, value in values.items()}
    assert page.texts(".gan-value")[:4] == ["0.0105", "1", "1", "0.25"]
    assert page.knob("rate").get_attribute("aria-valuetext") == "0.0105"
    move = "input.value = k; input.dispatchEvent(new Event('input'))"
    page.knob("share").evaluate(f"input => {{ for (let k = 1; k <= 50; k++) {{ {move} }} }}")
    assert [message["value"] for message in page.sent("knob")] == [0.25]
    box = page.knob("many").bounding_box()
    page.page.mouse.click(box["x"] + box["width"] - 2, box["y"] + 5)
    for shown, picture in (("10", 5), ("10", 10), ("3", 3)):
        page.picture(line, many=picture)
        assert page.texts(".gan-value")[2] == shown


def test_each_fourth_picture_is_acknowledged_when_it_is_drawn_and_adds_nothing_to_the_page(page):
    page.js("types()")
    page.picture(line, n=7)
    (message,) = [message for message in page.js("sent") if message["type"] == "shown"]
    assert message["frame"] == page.frame and message["inked"]
    assert page.page.get_attribute("canvas", "aria-label") == "A curve that falls."
    nodes = page.js("document.querySelectorAll('*').length")
    for n in range(8, 20):
        page.picture(line, n=n)
    assert page.js("document.querySelectorAll('*').length") == nodes
    assert page.texts(".gan-step") == ["step 19"]
    first = message["frame"]
    assert [m["frame"] for m in page.sent("shown")] == [first, first + 4, first + 8, first + 12]


@pytest.mark.parametrize("values, shown", [([5, 5], [1, 2]), ([5, 7], [2]), ([5, 5, 5], [2, 3]), ([5, 7, 7], [2, 3])])  # fmt: skip
def test_two_pictures_in_one_frame_are_both_drawn_but_a_moved_knob_at_once(page, values, shown):
    page.picture(line, n=0, many=5)
    several = [page.message(line, n=k, many=value) for k, value in enumerate(values, 1)]
    steps = page.js(
        """async (several) => {
            const seen = [], canvas = document.querySelector("canvas"), before = canvas.dataset.frame;
            const count = () => document.querySelector(".gan-step").textContent;
            new MutationObserver(() => seen.push(count())).observe(canvas, { attributeFilter: ["data-frame"] });
            for (const [message, block] of several) give(message, block);
            await frame(); await frame();
            return seen;
        }""",
        several,
    )
    assert steps == [f"step {n}" for n in shown]


def test_nothing_is_left_of_a_panel_that_is_taken_away(page):
    page.page.clock.install()
    page.open().picture(line)
    page.page.clock.fast_forward(11_000)
    assert "alive" in page.js("types()")
    page.js("document.querySelector('[data-knob]').dispatchEvent(new Event('input')); end()")
    page.js("types(); document.body.dataset.jpThemeLight = 'false'; hide()")
    page.give(**QUIET)
    page.page.set_viewport_size({"width": 700, "height": 500})
    page.page.clock.fast_forward(20_000)
    page.page.clock.run_for(100)
    assert page.js("[types().length, document.getElementById('host').children.length]") == [0, 0]


def test_limits_are_steady_and_shared(page):
    data = [[[0, 9.3]], [[2.1, 9.9]], [[5, 10.5]], [[0, 5.5]], [[-2.1, 2.1]], [[-1, 2.1], [0, 70]]]
    reach = """data => {
        const painter = new draw.Painter(document.createElement("canvas"), new Map());
        const layers = (y) => [{ kind: "line", arrays: [[0, 1, 2], [y[0], NaN, y[1]]] }];
        const side = (y) => ({ figure: { axes: [{ box: [0, 0, 1, 1], layers: layers(y) }] } });
        painter.fit(800, 300, 1);
        const limits = (f) => [f.bottom, f.top].map((y) => Math.round(f.at(0, y)[1] * 10) / 10);
        return data.map((some) => (painter.draw(some.map(side), 0), painter.frames.map(limits)));
    }"""
    limits = [[[0, 10]], [[0, 10]], [[0, 15]], [[0, 15]], [[-3, 3]], [[-20, 80]] * 2]
    assert page.js(reach, data) == limits


def test_gaps_surfaces_quantised_arrays_and_values_under_the_pointer(page):
    columns = []
    for y in ([1, 1, 1, 1, 1], [1, 1, np.nan, 1, 1]):
        page.picture(lambda fig, y=y: fig.subplots().plot(range(5), y, color="#D55E00", lw=4))
        columns.append(page.js("spot", RED)["columns"])
    assert 0.45 < columns[1] / columns[0] < 0.55  # two of four pieces
    side = np.linspace(-1, 1, 5)
    z = np.add.outer(0 * side, side)
    page.picture(lambda fig: fig.subplots().contourf(side, side, z, levels=[-2, 0, 2], cmap="bwr"))
    left, right = page.js("spot", [128, 128, 255]), page.js("spot", [255, 126, 126])
    assert left["n"] > 20_000 and right["n"] > 20_000 and left["x"] < right["x"]
    assert re.match(r"x 0\.(49|50)\d*, y .* · value 0\.(49|50)\d*$", page.point(right))
    page.picture(lambda fig: (line(fig), fig.axes[0].scatter([512], [0.183], color="#D55E00")))
    spot, height = page.js("spot", RED), page.js("document.body.offsetHeight")
    page.picture(line)
    assert page.point(spot, 3) == "step 512 · critic gap 0.183"
    assert page.js("document.body.offsetHeight") == height
    quantised = """() => {
        const layer = { data: [[0, 3, "u1", 2, 0.5], [4, 2, "i2", 1, 0.01]] };
        const bytes = new Uint8Array([0, 254, 255, 0, 100, 0, 255, 127]);
        draw.decode([{ figure: { axes: [{ layers: [layer] }] } }], bytes.buffer);
        return layer.arrays.map((array) => Array.from(array, (v) => draw.short(v)));
    }"""
    assert page.js(quantised) == [["2", "129", "NaN"], ["2", "NaN"]]


def test_every_word_is_drawn_and_bars_stand_on_a_log_axis(page):
    page.picture(every_word)
    assert page.js("spot()")["n"] > 10_000

    def bars(fig):
        ax = fig.subplots()
        ax.bar([0, 1], [10, 100], color="#D55E00")
        ax.set(yscale="log", ylim=(1, 1000))

    page.picture(bars)
    spot = page.js("spot", RED)
    assert spot["n"] > 60 * spot["columns"]  # one and two of three decades
    assert page.point(spot).startswith("0.6 to 1.4 · height 100")


@pytest.mark.parametrize("width", [400, 960])
def test_nothing_is_cut_off(page, width):
    page.page.set_viewport_size({"width": width, "height": 768})
    for views in ([line], [line, line]):
        page.picture(*views, n=123456)
        page.give(**QUIET | dict(playing=True, speed=612.4, text="Training waits."))
        assert page.js("cutOff()") == [] and page.js("document.body.scrollWidth") <= width
        if len(views) == 1 and width > 400:
            assert page.page.locator(".gan-stage").bounding_box()["y"] <= 130
            assert page.js("document.body.offsetHeight") <= 560
    assert page.texts(".gan-step, .gan-status") == ["step 123456 · 612/s", "Training waits."]


def test_a_dark_theme_is_drawn_at_once_and_lecture_size_is_larger(page):
    page.picture(lambda fig: fig.subplots().set(title="a title", xlim=(0, 1), ylim=(0, 1)))
    assert page.js("spot()")["light"] < 250
    page.js("document.body.style = '--jp-ui-font-color1: #ddd; --jp-layout-color0: #111'")
    page.js("document.body.dataset.jpThemeLight = 'false'")
    before = page.js("spot", INK)
    page.page.click('[data-action="lecture"]')
    assert before["light"] > 600 and page.js("spot", INK)["n"] > 1.5 * before["n"]
    assert page.js("getComputedStyle(document.querySelector('.gan-step')).fontSize") == "18px"


def test_buttons_keys_menus_and_two_sides(page):
    page.js("types()")
    for text in ("Play", "Step", "Reset", "New seed", "Keep", "Copy as code", "λ too small"):
        page.page.click(f"button:has-text('{text}')")
    assert page.js("types()") == ["play", "step", "reset", "new seed", "keep", "code", "preset"]
    page.page.select_option(".gan-speed", label="10 a second")
    page.give(**QUIET | dict(playing=True))
    assert page.page.get_by_role("button", name="Pause").count() == 1
    page.knob("share").press(" ")  # a slider has no use for it
    page.page.get_by_role("button", name="Step").press(" ")
    assert page.js("types()") == ["speed", "pause", "step"] and page.js("leaked") == 0
    assert page.knob("many", 1).is_hidden()
    page.page.click("text=Compare")
    page.picture(line, line)
    page.knob("many", 1).press("ArrowLeft")
    page.page.click("text=Stop comparing")
    told = page.sent("compare", "knob")
    assert told == [{"on": True}, {"side": 1, "name": "many", "value": 4}, {"on": False}]


def test_the_time_line_pauses_shows_and_goes(page):
    page.picture(line, n=700)
    slide = "e => { for (e.value of [500, 400, 321]) e.dispatchEvent(new Event('input')); }"
    page.page.locator(".gan-time").evaluate(slide)
    assert page.texts(".gan-step") == ["step 321"] and page.sent("pause", "goto") == [{}]
    page.picture(line, n=702)  # it was under way
    assert page.page.input_value(".gan-time") == "321"
    page.page.dispatch_event(".gan-time", "change")
    assert page.sent("pause", "goto") == [{"n": 321}]
    for n in (321, 330):
        page.picture(line, n=n)
    assert page.page.input_value(".gan-time") == "330" and page.texts(".gan-step") == ["step 330"]


def test_a_point_is_dragged_by_mouse_and_keys(page):
    def view(fig):
        ax = fig.subplots()
        ax.set(xlim=(0, 10), ylim=(0, 10))
        handle(ax, "place", (2, 3), "#D55E00")

    page.picture(view)
    button = page.page.locator("button[aria-label*=place]")
    for _ in range(3):
        button.press("ArrowRight")
    assert page.sent("knob")[-1]["value"] == pytest.approx([2.6, 3], abs=0.01)
    button.hover()
    page.page.mouse.down()
    page.page.mouse.move(5000, button.bounding_box()["y"] + 14, steps=3)
    page.page.mouse.up()
    assert page.sent("knob")[-1] == {"side": 0, "name": "place", "value": [10, 3]}
    assert page.js("spot", RED)["x"] > 900  # the ring goes along before a picture comes


def test_heights_are_dragged_swept_and_moved_by_keys(page):
    def view(fig):
        left, right = fig.subplots(1, 2)
        handles(left, "parts", [0, 1, 2], [0.2, 0.5, 0.3], "#D55E00")
        handles(right, "steps", [0, 1, 2], [1, 2, 3])
        left.set(xlim=(-1, 3), ylim=(0, 1))
        right.set(xlim=(-1, 3), ylim=(0, 5))

    page.picture(view)
    buttons = page.page.locator("button.gan-handle")
    labels = [one.get_attribute("aria-label").split(":")[0] for one in buttons.all()]
    assert labels == ["parts 1, 0.2", "parts 2, 0.5", "parts 3, 0.3", "steps 1, 1", "steps 2, 2", "steps 3, 3"]  # fmt: skip
    buttons.nth(3).focus()
    for key in ("ArrowUp", "ArrowRight", "ArrowUp", "ArrowUp"):  # to the right lies the next
        page.page.keyboard.press(key)
    assert page.sent("knob")[-1] == {"side": 0, "name": "steps", "value": [2, 4, 3]}
    buttons.nth(1).press("ArrowUp")  # of the others each gives its share
    value = page.sent("knob")[-1]["value"]
    assert value == pytest.approx([0.192, 0.52, 0.288], abs=1e-6)
    assert sum(value) == pytest.approx(1, abs=1e-9)

    def centre(k):
        box = buttons.nth(k).bounding_box()
        return box["x"] + 14, box["y"] + 14

    (x, y), (end, _) = centre(3), centre(5)
    mouse = page.page.mouse
    mouse.move(x - 15, y)  # not on the ring, and from there past all three
    mouse.down()
    mouse.move(end, y)
    mouse.up()
    mouse.move(end, y - 50)  # not pressed any more
    found = page.sent("knob")[-1]
    assert found["name"] == "steps" and found["value"] == [2, 2, 2]
    page.open("recording").picture(view)
    assert buttons.first.is_disabled()


def test_a_drawing_is_painted_stroke_by_stroke(page):
    def view(fig):
        left, right = fig.subplots(1, 2)
        canvas(left, "drawing")
        for ax in (left, right):
            ax.set(xlim=(0, 10), ylim=(0, 10))

    def stroke(*places):
        mouse.move(*places[0])
        mouse.down()
        for place in places[1:]:
            mouse.move(*place)
        page.js("frame()")
        shown = page.js("spot", [0x22] * 3) if places[0][0] < 470 else None
        mouse.up()
        return shown

    page.picture(view)
    mouse, box = page.page.mouse, page.page.locator("canvas").bounding_box()
    y = box["y"] + 150
    without = page.js("spot", [0x22] * 3)["n"]
    assert stroke((100, y), (300, y))["n"] > without + 500  # it is seen before the button is let go
    (first,) = page.sent("knob")
    assert first["name"] == "drawing" and first["side"] == 0
    x, height = np.array(first["value"]).T
    assert x[0] == 0 and 30 <= len(x) <= 36  # what was there stays
    gaps = np.diff(x[1:])
    assert np.ptp(gaps) < 0.01 and np.ptp(height[1:]) == 0  # even, though the mouse jumped
    stroke((600, y), (700, y))  # in axes without a canvas
    assert page.sent("knob") == []
    button = page.knob("drawing")
    assert button.get_attribute("aria-label") == "Paint anew: drawing"
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    stroke((100, y), (100, y), (5000, y))  # over the edge: it stays inside
    (anew,) = page.sent("knob")
    assert anew["value"][0][0] == pytest.approx(first["value"][1][0], abs=0.3)
    assert max(place[0] for place in anew["value"]) == 10
    assert button.get_attribute("aria-pressed") == "false"
    for _ in range(25):
        stroke((100, y), (300, y), (100, y), (300, y))
    assert len(page.sent("knob")[-1]["value"]) <= 2000
    page.open("recording").picture(view)
    stroke((100, y), (300, y))
    assert page.sent("knob") == [] and page.knob("drawing").is_disabled()


def test_a_panel_that_is_not_seen_says_so(page):
    for place in (3000, 0):
        page.js(f"document.body.style.height = '5000px'; types(); scrollTo(0, {place})")
        page.page.wait_for_function("sent.some(message => message.type === 'visible')")
        assert page.sent("visible") == [{"on": place == 0}]
    page.js("hide()")
    assert page.sent("visible") == [{"on": False}]


def test_recordings_and_explored_figures(page):
    page.open("recording").picture(line, many=9)
    assert page.knob("many").is_disabled() and page.knob("who").is_disabled()
    assert page.texts(".gan-value")[2] == "9"
    assert page.js("buttons()") == ["play", "step", "lecture"]
    for n in (20, 15):  # a recording has not each step: the picture stays, the time line moves on
        page.picture(line, n=20)
        for _ in range(3):
            page.page.locator(".gan-time").press("ArrowLeft")
        page.picture(line, n=n)
    assert page.page.input_value(".gan-time") == "14" and page.texts(".gan-step") == ["step 15"]
    page.open("explore").picture(line)
    assert page.js("buttons()") == ["lecture"] and page.page.locator(".gan-time").is_hidden()
    assert page.knob("many").is_enabled()


def test_code_goes_to_the_clipboard_or_can_be_copied_by_hand(page):
    page.js("navigator.clipboard.writeText = async (text) => { window.copied = text; }; 0")
    page.give(type="code", text="run.steps(3)")
    page.page.wait_for_function("window.copied === 'run.steps(3)'")
    page.js("navigator.clipboard.writeText = () => Promise.reject(new Error()); 0")
    page.give(type="code", text="run.steps(4)")
    page.page.locator(".gan-code").wait_for()
    assert page.js("document.activeElement.value") == "run.steps(4)"
    assert page.js("document.activeElement.selectionStart") == 0  # all of it is selected
    page.give(**QUIET | dict(fault="The loss is nan."))
    assert page.texts(".gan-status.gan-fault") == ["The loss is nan."]
