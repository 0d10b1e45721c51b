"""The page of a panel with a port that a test holds: no kernel."""

from gan_edu.panel.figure import Figure
from gan_edu.panel.page import FOLDER

HTML = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><link rel="stylesheet" href="panel.css">
<body style="margin: 0"><div id="host"></div><script type="module">
import { panel } from "./panel.js";
import * as frame from "./frame.js";
import { Painter } from "./draw.js";
const all = (selector) => [...document.querySelectorAll(selector)];
Object.assign(window, { draw: { ...frame, Painter }, sent: [], leaked: 0, port: { send: (m) => sent.push({ ...m, inked: spot().n > 0 }) } });
document.addEventListener("keydown", () => leaked++);
window.types = () => sent.splice(0).map((message) => message.type);
window.give = (message, bytes) => port.onmessage(message, new Uint8Array(bytes).buffer);
window.frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
window.buttons = () => all("[data-action]").filter((b) => b.offsetWidth).map((b) => b.dataset.action);
window.cutOff = () => all(".gan-panel :is(button, input, select, span)").filter((e) => e.offsetWidth && (
    e.getBoundingClientRect().right > innerWidth || e.scrollWidth > e.offsetWidth + 1)).map((e) => e.outerHTML);
window.hide = () => { Object.defineProperty(document, "hidden", { value: true }); document.dispatchEvent(new Event("visibilitychange")); };
// The middle of the canvas' pixels of a colour, their number, in how many columns; the brightest of all.
window.spot = (color) => {
    const { width, height } = all("canvas")[0], columns = new Set();
    const { data } = all("canvas")[0].getContext("2d").getImageData(0, 0, width, height);
    let n = 0, x = 0, y = 0, light = 0;
    for (let i = 0, at = 0; i < data.length; i += 4, at++) {
        if (data[i + 3] < 220) continue;
        light = Math.max(light, data[i] + data[i + 1] + data[i + 2]);
        if (color && [0, 1, 2].some((k) => Math.abs(data[i + k] - color[k]) > 9)) continue;
        n++; x += at % width; y += Math.floor(at / width); columns.add(at % width);
    }
    return { x: x / n, y: y / n, n, columns: columns.size, light };
};
window.end = panel(all("#host")[0], port);
</script>"""
SLIDER = dict(kind="slider", step=None, log=False)
KNOBS = dict(
    rate=SLIDER | dict(low=1e-4, high=1, value=1e-2, log=True),
    share=SLIDER | dict(low=0, high=1, value=0.5),
    many=SLIDER | dict(low=1, high=10, value=5, step=1),
    coarse=SLIDER | dict(low=-1, high=1, value=0, step=0.25),
    width=dict(kind="choice", options=[32, 64, 128], value=32),
    who=dict(kind="choice", options=["both", "D", "G"], value="both"),
    noise=dict(kind="switch", options=[False, True], value=False),
    place=dict(kind="point", value=[2, 3]),
    parts=dict(kind="bars", low=0, high=1, value=[0.2, 0.5, 0.3], step=None, total=1),
    steps=dict(kind="bars", low=0, high=5, value=[1, 2, 3], step=1, total=None),
    drawing=dict(kind="sketch", value=[[0, 0]]),
)
VALUES = {name: knob["value"] for name, knob in KNOBS.items()}
SPEC = dict(type="spec", presets=["λ too small"], speeds=[dict(value=10, label="10 a second")])
QUIET = dict(type="status", playing=False, n=1, speed=None, text="", fault="")


class Page:
    """The page, and what a kernel would say to it."""

    def __init__(self, page):
        self.page, self.js, self.frame = page, page.evaluate, 0
        page.route("**", self.answer)

    def answer(self, route):
        name = route.request.url.rpartition("/")[2]
        found = {"path": FOLDER / name} if name else {"body": HTML, "content_type": "text/html"}
        route.fulfill(**found)

    def open(self, kind="live"):
        self.page.set_viewport_size({"width": 960, "height": 768})
        self.page.goto("http://localhost/")
        self.page.wait_for_function("window.sent?.length")
        self.give(**SPEC, kind=kind, knobs=KNOBS, speed=10)
        return self

    def give(self, block=b"", **message):
        self.js("([message, bytes]) => give(message, bytes)", [message, list(block)])

    def picture(self, *views, n=1, **knobs):
        """Send a picture of one side or two, and wait until it is drawn."""
        message, block = self.message(*views, n=n, **knobs)
        self.give(block, **message)
        self.page.wait_for_selector(f'canvas[data-frame="{self.frame}"]')

    def message(self, *views, n=1, **knobs):
        """Return the message of a picture, and its block of bytes."""
        self.frame, block, sides = self.frame + 1, bytearray(), []
        for view in views:
            fig = Figure(block)
            view(fig)
            sides.append({"knobs": VALUES | knobs, "figure": fig.header()})
        message = dict(type="picture", frame=self.frame, n=n, reached=1000, words=fig.words)
        message["status"] = QUIET | dict(n=n)
        return message | {"sides": sides}, list(block)

    def sent(self, *kinds):
        """What the page has sent of these kinds since this was last asked."""
        self.js("frame()")
        found = [m for m in self.js("sent.splice(0)") if m["type"] in kinds]
        return [{k: v for k, v in m.items() if k not in ("type", "inked")} for m in found]

    def knob(self, name, side=0):
        return self.page.locator(f'[data-knob="{name}"][data-side="{side}"]')

    def texts(self, selector):
        self.js("frame()")
        return self.page.locator(selector).all_text_contents()

    def point(self, spot, dx=0):
        self.page.locator("canvas").hover(position={"x": spot["x"] + dx, "y": spot["y"]})
        return self.texts(".gan-tip span")[0]
