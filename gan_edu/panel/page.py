"""The line to the browser: one widget, the thread in which panels train and draw, and the cell that a panel belongs to."""

import asyncio
import pathlib
import re
import sys
import threading
import time
import traceback

import anywidget
import traitlets
from IPython import get_ipython

FOLDER = pathlib.Path(__file__).parent / "page"
MODULES = "frame.js", "draw.js", "knobs.js", "panel.js"
LOST = 3  # seconds without an answer after which a message is taken for lost, as where a connection was made anew
ALIVE = 90  # seconds without a sign of life (a hidden page gives one a minute) after which a page is gone


def source(*names):
    """Return files of the page as one: their imports from each other are left out."""
    text = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in names)
    return re.sub(r"^(import .*|export (?!default))", "", text, flags=re.MULTILINE)


class Page(anywidget.AnyWidget):
    """The part of a panel that stands in the browser."""

    _esm, _css = source(*MODULES), source("panel.css")

    # Comes with the widget: a message waits as long as cells run.
    spec = traitlets.Dict().tag(sync=True)

    def __init__(self, take, spec):
        super().__init__(spec=spec)
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:  # no kernel
            self._loop = None
        self.on_msg(lambda widget, message, buffers: take(message))

    def tell(self, message, block=None):
        """Send a message, from any thread; it leaves from the kernel's main loop, which hosts can rely on."""
        if self._loop is not None and not self._loop.is_closed():
            buffers = None if block is None else [bytes(block)]
            self._loop.call_soon_threadsafe(self.send, message, buffers)


class Trainer:
    """One thread for all panels: it takes their messages and lets each work for a moment, in turn.

    It stands still while a cell runs: both use the global random numbers.
    """

    def __init__(self):
        self.panels, self.lock, self.wake = {}, threading.RLock(), threading.Event()
        self.no_cell = threading.Event()
        self.no_cell.set()
        self.thread = None

    def add(self, cell, run, panel):
        """Let a panel work; those that an earlier run of the same cell made are closed."""
        for key in [key for key in self.panels if key[0] == cell and key[1] != run]:
            self.panels.pop(key).close()
        self.panels[cell, run, id(panel)] = panel
        if self.thread is None:
            self.thread = threading.Thread(target=self.work, name="gan_edu panels", daemon=True)
            self.thread.start()
            shell = get_ipython()
            if shell is not None:
                shell.events.register("pre_run_cell", self.cell_begins)
                shell.events.register("post_run_cell", self.cell_ends)
        kernel = getattr(get_ipython(), "kernel", None)
        if hasattr(kernel, "saved_sigint_handler"):  # what the kernel puts back between two cells
            kernel.saved_sigint_handler = lambda *_: self.interrupt()

    def cell_begins(self, info=None):
        self.no_cell.clear()
        with self.lock:  # until the trainer stands still
            pass
        for panel in list(self.panels.values()):
            panel.wait()

    def cell_ends(self, result=None):
        if isinstance(getattr(result, "error_in_exec", None), KeyboardInterrupt):
            self.interrupt()
        self.no_cell.set()
        self.wake.set()

    def interrupt(self):
        for panel in list(self.panels.values()):
            panel.interrupt()

    def between(self):
        """Stand still, in the middle of a rewind too, as long as a cell runs."""
        if threading.current_thread() is self.thread and not self.no_cell.is_set():
            self.lock.release()
            self.no_cell.wait()
            self.lock.acquire()

    def work(self):
        sys.setswitchinterval(0.001)  # a message waits less for the interpreter
        while True:
            self.no_cell.wait()
            self.wake.clear()
            with self.lock:
                panels = list(self.panels.values()) if self.no_cell.is_set() else []
                wait = min([panel.work() for panel in panels], default=60.0)
            if wait > 0:
                self.wake.wait(wait)


TRAINER = Trainer()


def cell():
    """Return what names the cell that is running, and this run of it: running it again replaces its panels."""
    try:
        request = get_ipython().kernel.get_parent()
        name = request["metadata"].get("cellId") or request["content"]["code"]
        return name, request["header"]["msg_id"]
    except (AttributeError, KeyError, TypeError):
        return "no cell", object()


class Panel:
    """What live and explored panels share: messages, pictures, the pace of pictures, faults in plain words."""

    rate = 30  # pictures a second at most

    def __init__(self):
        self.mail, self.page, self.block = [], Page(self.post, self.spec()), b""
        self.frame = self.shown = 0  # pictures sent, and acknowledged
        self.visible, self.closed, self.fault, self.text = True, False, "", ""
        self.dirty, self.due, self.alive, self.trip = False, 0.0, time.monotonic(), 0.05
        self.sent, self.picture = {}, None  # sent: {frame: when}
        TRAINER.add(*cell(), self)

    def post(self, message):
        """Take a message from the page, on whatever thread it comes."""
        self.alive, kind = time.monotonic(), message["type"]
        if kind == "shown":
            self.shown = max(self.shown, message["frame"])
            begun = self.sent.pop(message["frame"], None)
            if begun is not None:
                self.trip += 0.1 * (self.alive - begun - self.trip)
        elif kind == "hello":  # a new page, or one that was loaded again
            self.shown, self.visible = self.frame, True
            if self.picture is not None:
                self.page.tell(self.picture, self.block)
            self.say_status()
        elif kind == "visible":
            self.visible, self.shown = message["on"], self.frame
        elif kind == "alive":
            self.visible |= message["on"]  # of two views of a panel one may be hidden
        else:
            self.mail.append(message)
        TRAINER.wake.set()

    def work(self):
        """Take the mail, go on for a moment, draw if it is time; return how many seconds there is nothing to do."""
        if self.closed:
            return 60.0
        while self.mail:
            self.guard(self.take, self.mail.pop(0))
        wait = self.go_on()
        now = time.monotonic()
        lost = now - self.sent.get(self.frame, now) > LOST
        free = self.visible and (self.frame - self.shown < self.room() or lost)
        if self.dirty and free and now >= self.due:
            self.due, self.dirty = max(now, self.due + 1 / self.rate), False
            self.guard(self.draw)
        if not (self.dirty and self.visible):
            return wait
        return min(wait, max(0.0, self.due - now) if free else LOST)

    def room(self):
        """Return how many pictures may be under way: those of a round trip, and three, as every fourth is acknowledged."""
        return min(8, 4 + round(self.rate * self.trip))

    def guard(self, job, *arguments):
        """Do something that may run a learner's code; what goes wrong is said on the panel."""
        try:
            job(*arguments)
        except Exception as fault:
            self.pause()
            self.fault = plain(fault)
            self.say_status()

    def pause(self):
        """Stop what is going on; where nothing trains there is nothing to stop."""

    interrupt = wait = pause

    def show(self, message, block):
        self.frame += 1
        self.sent[self.frame] = time.monotonic()
        self.sent.pop(self.frame - 16, None)
        # The status comes along: a message of its own costs kernel and page as much as a picture's.
        message |= dict(type="picture", frame=self.frame, status=self.status())
        self.picture, self.block = message, bytes(block)
        self.page.tell(self.picture, self.block)

    def say_status(self):
        self.page.tell({"type": "status"} | self.status())

    def close(self):
        self.closed = True
        self.page.close()

    def _repr_mimebundle_(self, **more):
        return self.page._repr_mimebundle_(**more)


def plain(fault):
    """Return an exception in one or two plain sentences, with the line of the learner's cell where it happened."""
    where = ""
    for place in traceback.extract_tb(fault.__traceback__):
        if "ipykernel_" in place.filename or "<ipython" in place.filename:  # a cell
            where = f" (line {place.lineno} of the cell, in {place.name})"
    ours = isinstance(fault, (ValueError, FloatingPointError))
    name = "" if ours else f"{type(fault).__name__}: "
    return " ".join([f"{name}{fault}{where}.".replace("..", "."), *getattr(fault, "__notes__", [])])
