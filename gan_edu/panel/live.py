"""A learner's own build(), step() and view() under sliders: it trains in the kernel, and the page draws."""

import time

from gan_edu import players
from gan_edu._arguments import check_callable, check_knobs
from gan_edu.panel.figure import Figure
from gan_edu.panel.knobs import spec_of, values_of
from gan_edu.panel.page import ALIVE, TRAINER, Panel
from gan_edu.run import Run

SPEEDS = [(2, "2 a second"), (10, "10 a second"), (50, "50 a second"), (0, "full speed")]
BURST = 0.006  # seconds of training between two looks at the mail; less before a picture


class Live(Panel):
    """A run that trains in front of you; see `live`."""

    def __init__(self, build, step, view, knobs, seed, presets, still):
        self.run = Run(build, step, knobs, seed)
        self.view = check_callable("view", view, "def view(fig, gan, log): ...")
        self.presets = {words: check_knobs(knobs, values) for words, values in presets.items()}
        self.other, self.ghosts, self.still_at = None, [], still
        self.playing, self.speed, self.pace, self.step_due = False, 0, 0.0, 0.0
        self.counted = time.monotonic(), 0
        super().__init__()
        self.run.between = TRAINER.between  # a fork's too
        self.draw()

    def play(self):
        """Train until paused; it begins when the running cell has ended."""
        self.playing, self.fault, self.text = True, "", ""
        self.counted = time.monotonic(), self.run.n
        TRAINER.wake.set()

    def pause(self):
        """Stop between two steps."""
        self.playing, self.pace = False, 0.0

    def use(self, step):
        """Train with another step from now on."""
        for run in self.runs():
            run.use(step)
        self.dirty = True

    def take(self, message):
        kind, run = message["type"], self.run
        self.dirty, self.text = True, ""
        if kind == "knob":
            self.runs()[message.get("side", 0)].set(**{message["name"]: message["value"]})
            if self.playing and not (self.speed or self.mail):
                self.go_on(one=True)
            self.due = 0.0  # a moved knob is drawn at once, after its first step
        elif kind in ("play", "pause"):
            self.play() if kind == "play" else self.pause()
        elif kind == "speed":
            self.speed = message["value"]
        elif kind == "step":
            self.pause()
            self.go_on(one=True)
        elif kind == "goto":
            self.pause()
            if (
                self.mail and self.mail[0]["type"] == kind
            ):  # a key is held: go to the last place only
                return
            for run in self.runs():
                run.goto(message["n"])
        elif kind in ("reset", "new seed", "preset"):
            self.begin_again(run.seed + (kind == "new seed"), self.presets.get(message.get("name")))
        elif kind == "keep":
            self.ghosts = [*self.ghosts[-2:], run.log.first(run.n)]
            self.text = f"The curves of this run stay: {run.n} steps."
        elif kind == "compare":
            self.other = run.fork() if message["on"] else None
        elif kind == "code":
            text = "\n\n# ---- the run on the right\n".join(run.code() for run in self.runs())
            self.page.tell({"type": "code", "text": text})
        self.say_status()

    def begin_again(self, seed, preset=None):
        """Reset, with the knobs as they stand, or as a preset has them; a preset plays at once."""
        for run in self.runs():
            knobs, step = values_of(run.knobs, run.sliders), run.step
            run.reset(seed)
            changed = {k: v for k, v in knobs.items() if v != getattr(run.knobs, k)}
            run.set(**(changed if preset is None else preset))
            if step is not run.step:
                run.use(step)
        self.fault = ""
        if preset is not None:
            self.play()

    # ---- training and drawing, on the trainer's thread

    def runs(self):
        return [self.run] if self.other is None else [self.run, self.other]

    def go_on(self, one=False):
        """Train for a moment, or one step; return how many seconds there is nothing to do."""
        now = time.monotonic()
        if self.playing and now - self.alive > ALIVE:
            self.pause()
            self.text = "Paused: the page is gone."
        if not (self.playing or one):
            return 60.0
        if not one and now < self.step_due:
            return self.step_due - now
        self.step_due = now + 1 / self.speed if self.speed else 0.0
        burst = min(BURST, self.due - now) if self.visible and self.due > now else BURST
        steps = 1 if one or self.speed or not self.pace else max(1, int(burst / self.pace))
        self.guard(lambda: [run.steps(steps) for run in self.runs()])
        self.pace = (time.monotonic() - now) / steps
        self.dirty = True
        return 0.0

    def draw(self):
        block, sides, words = bytearray(), [], ""
        for run in self.runs():
            fig = Figure(block)
            draw(self.view, fig, run, self.ghosts)
            sides.append({"knobs": values_of(run.knobs, run.sliders), "figure": fig.header()})
            words = f"{words} {fig.words}".strip()
        self.show(dict(n=self.run.n, reached=self.run.reached, sides=sides, words=words), block)

    def status(self):
        now, (then, n) = time.monotonic(), self.counted
        speed = (self.run.n - n) / (now - then) if self.playing and now > then else None
        if now - then > 1:
            self.counted = now, self.run.n
        text, fault = self.text, self.fault
        return dict(playing=self.playing, n=self.run.n, speed=speed, text=text, fault=fault)

    def wait(self):
        if self.playing:  # sent at once: the loop of `tell` stands still while the cell runs
            text = "Training waits for the running cell."
            self.page.send({"type": "status"} | self.status() | {"text": text})

    def draw_still(self, fig):
        run = self.run.fork()
        run.reset()
        draw(self.view, fig, run.steps(self.still_at))

    def interrupt(self):
        if self.playing:
            self.pause()
            self.text = "Paused: the kernel was interrupted. Press Play to go on from here."
            self.dirty = True

    def spec(self):
        return spec_of("live", self.run.sliders, self.presets, SPEEDS, self.speed)


def draw(view, fig, run, ghosts=()):
    """Let a view draw a run, on the page's figure or matplotlib's, without changing the run."""
    log = run.log
    log.moves, log.ghosts = run.moves, list(ghosts)
    with players.untouched(run.gan, run.threads):  # two would stall beside the browser
        view(fig, run.gan, log)


def live(build, step, view, knobs=None, seed=0, presets=None, still=300):
    """Show a panel in which build() and step(gan, knobs) train under sliders, drawn by view(fig, gan, log).

    knobs: {name: slider(...)}, see gan_edu.panel.knobs; a plain value stays as it is. presets: {words: {name: value}}.
    still: the step at which the picture for the saved notebook is made, where there is no kernel.
    Returns the panel: panel.run, panel.play(), panel.pause(), panel.use(step).
    """
    return Live(build, step, view, knobs or {}, seed, presets or {}, still)
