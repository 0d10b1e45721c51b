"""The live panel: steer a GAN with buttons and sliders while it trains, inside the notebook.

One thread, the trainer, owns the GAN and draws. Everything else (buttons, sliders, cells) only posts a function to its
mailbox; the trainer calls it between two steps. This matters because Jupyter may deliver a widget's message on another
thread, beside a training step.
"""

import collections
import contextvars
import html
import math
import pathlib
import threading
import time
import traceback

import ipywidgets
from IPython import get_ipython

from gan_edu._arguments import check_callable, check_count, check_number
from gan_edu.first_edition import runtime
from gan_edu.first_edition.screen import (
    SLIDER_LAYOUT,
    Painter,
    Panel,
    Screen,
    Slider,
    close_tree,
    present_cell,
    slider_widget,
)
from gan_edu.first_edition.training import GAN
from gan_edu.first_edition.views import knob_text

SPEEDS = {
    "1 step/s": 1,
    "3 steps/s": 3,
    "10 steps/s": 10,
    "30 steps/s": 30,
    "100 steps/s": 100,
    "300 steps/s": 300,
    "full speed": math.inf,
}
FORK = (
    "Fork here",
    "code-fork",
    "Go on from this step in two branches, side by side, each with knobs of its own",
)
END_FORK = ("End fork", "times", "Drop B and go on with A alone")
RECORDING = ("Recording", "film", "Play a stored run in place of the pictures; training pauses")
BACK_TO_LIVE = ("Back to live", "film", "Put the recording away")
WORDS_EVERY = 15.0  # seconds between two descriptions of the picture while training plays: a screen reader speaks them
INTERRUPTED = "Paused: the kernel was interrupted. Press Play to go on from here."


SLIDERS = {
    slider.name: slider
    for slider in (
        Slider("lr_d", "η_D", 1e-5, 1.0),
        Slider("lr_g", "η_G", 1e-5, 1.0),
        Slider("n_critic", "n_critic", 1, 10, log=False),
        Slider("lambda_gp", "λ", 1e-2, 1e3),
        Slider("clip_value", "c", 1e-3, 1.0),
    )
}


class Trainer:
    """Trains a GAN in a thread of its own, and a fork of it beside it. It knows nothing of widgets.

    draw(): called for a picture, at most `fps` times a second and for at most a fifth of the time.
    ready(), watched(): may a picture be sent now; does anybody still look. report(): the state or a knob has changed.
    """

    def __init__(self, gan, draw, report, ready=lambda: True, watched=lambda: True, fps=20):
        self.gan, self.draw, self.report, self.ready, self.watched = (
            gan,
            draw,
            report,
            ready,
            watched,
        )
        self.branch = None  # the fork, B; `gan` is then A
        self.stopped = {}  # {GAN: its knobs when it diverged}: the other one goes on without it
        self.fps, self.speed = fps, math.inf
        self.state = "paused"  # "paused", "playing" or "closed"
        self.message = ""  # why it paused by itself, in plain words
        self.details = ""  # the traceback behind the message
        self.rate = 0.0  # steps per second, measured while playing
        self._mail, self._wake = collections.deque(), threading.Condition()
        self._thread = None
        self._picture_due = self._step_due = self._report_due = 0.0
        self._rounds, self._rate_from = 0, (0.0, 0)
        self._stepping = ""  # the name of the GAN that takes a step
        self._halt = False  # set to end `steps` early

    def post(self, job):
        """Have the trainer call job() between two steps. From any thread; returns at once."""
        with self._wake:
            if self.state == "closed":
                return
            self._mail.append(job)
            if self._thread is None:
                # The context carries the cell that started the thread: what a learner's loss prints appears there.
                run = contextvars.copy_context().run
                self._thread = threading.Thread(
                    target=run, args=(self._loop,), name="gan_edu trainer", daemon=True
                )
                self._thread.start()
            self._wake.notify()

    def call(self, job, timeout=60.0):
        """Like `post`, but wait until the job is done, so that the next line of a cell finds its effect or its error."""
        done, faults = threading.Event(), []

        def tell():
            try:
                job()
            except Exception as fault:
                faults.append(fault)
            finally:
                done.set()

        self._halt = False
        self.post(tell)
        if not self.is_this_thread() and self.state != "closed":
            try:
                if not done.wait(timeout):
                    raise TimeoutError(
                        f"the trainer did not answer within {timeout:g} s; interrupt or restart the kernel"
                    )
            except KeyboardInterrupt:
                self._halt = True  # reaches only the thread that waits here: pass it on
                raise
        if faults:
            raise faults[0]

    @property
    def gans(self):
        """{name: GAN}: A and B after a fork, without a name before."""
        return {"": self.gan} if self.branch is None else {"A": self.gan, "B": self.branch}

    def is_this_thread(self):
        """Whether the caller runs on the trainer's own thread."""
        return threading.current_thread() is self._thread

    # ---- jobs: on the trainer thread only

    def play(self):
        """Start to train."""
        self._forgive()
        self.state = "playing"
        self._step_due = 0.0
        self._rate_from = (time.perf_counter(), self._rounds)

    def pause(self, message=""):
        """Stop between two steps; `message` tells the learner why, where it was not a click."""
        if self.state == "playing":
            self.state = "paused"
        self.message = message or self.message
        self.draw()
        self.report()

    def steps(self, n=1, step="step"):
        """Pause and take n steps: gan.step() each, or another method of the GAN of that name."""
        self.state = "paused"
        self._forgive()
        for _ in range(n):
            if self._halt:
                self.message = INTERRUPTED
                break
            if not self._guarded(lambda: self._take_step(step)):
                return
            if time.perf_counter() >= self._picture_due and self.ready():
                self._draw_in_turn()
        self.draw()
        self.report()

    def close(self):
        """End the thread."""
        self.state = "closed"
        with self._wake:
            self._mail.clear()

    # ---- the thread

    def _loop(self):
        while self.state != "closed":
            self._wait()
            with runtime.num_threads(
                self.gan.num_threads
            ):  # the setting belongs to a thread: set it in this one
                self._read_mail()
                if self.state == "playing" and time.perf_counter() >= self._step_due:
                    self._step_due = time.perf_counter() + 1 / self.speed
                    self._guarded(self._play_on)

    def _wait(self):
        """Wait until there is mail or, while playing, until the next step is due."""
        with self._wake:
            if self._mail:
                return
            if self.state == "paused":
                self._wake.wait()
            elif self._step_due > time.perf_counter():
                self._wake.wait(self._step_due - time.perf_counter())

    def _read_mail(self):
        while self._mail and self.state != "closed":
            self._guarded(self._mail.popleft())
            self._report_due = 0.0  # a change shows at once, with the first step that uses it
        if self._report_due == 0.0 and self.state == "paused":
            self._report_due = math.inf
            self.report()

    def _forgive(self):
        """Forget the last fault. What diverged is tried again if a knob was moved since, or if nothing else is left."""
        self.message = self.details = ""
        self.stopped = {gan: knobs for gan, knobs in self.stopped.items() if gan.knobs() == knobs}
        if not self.running():
            self.stopped = {}

    def running(self):
        """Return {name: GAN} of those that no fault has stopped."""
        return {name: gan for name, gan in self.gans.items() if gan not in self.stopped}

    def _take_step(self, step="step"):
        """Take a step with every GAN that runs; one that is behind, after a fault, catches up first."""
        running = self.running()
        least = min(len(gan.history) for gan in running.values())
        for name, gan in running.items():
            if len(gan.history) == least:
                self._stepping = name
                try:
                    getattr(gan, step)()
                except FloatingPointError:
                    self.stopped[gan] = gan.knobs()
                    raise
        self._stepping = ""
        self._rounds += 1

    def _play_on(self):
        self._take_step()
        now = time.perf_counter()
        if now >= self._picture_due and self.ready():
            self._draw_in_turn()
        if now >= self._report_due:
            self._report_due = now + 0.5
            self._measure_rate(now)
            self.report()
            if not self.watched():
                self.pause(
                    "Paused: this panel is not on any open page. Press Play to go on from here."
                )

    def _draw_in_turn(self):
        """Draw, and put the next picture off so that drawing takes at most a fifth of the time."""
        since = time.perf_counter()
        self.draw()
        self._picture_due = since + max(1 / self.fps, 5 * (time.perf_counter() - since))

    def _measure_rate(self, now):
        since, steps = self._rate_from
        if now - since > 0.4:
            self.rate = (self._rounds - steps) / (now - since)
            self._rate_from = (now, self._rounds)

    def _guarded(self, job):
        """Call job(); on an error pause with a message in plain words. Returns whether it went well."""
        self._stepping = ""
        try:
            job()
            return True
        except FloatingPointError as fault:
            whose, of = (
                (f"{self._stepping}: ", f" of {self._stepping}") if self._stepping else ("", "")
            )
            advice = f"Lower a learning rate (or λ){of}, then press Play, or Reset."
            if self.running():
                advice += f" Play without a change{of} goes on with the other one alone."
            self._stop(f"{whose}Training diverged: {fault}. {advice}", traceback.format_exc())
        except Exception as fault:
            text = f"{self._stepping and self._stepping + ': '}{type(fault).__name__}: {fault}"
            self._stop(
                f"{text}. The last good state is kept; mend the cause, then press Play.",
                traceback.format_exc(),
            )
        return False

    def _stop(self, message, details):
        if self.state == "playing":
            self.state = "paused"
        self.message, self.details = message, details
        try:
            self.draw()
        except Exception:  # the fault may be in the view itself
            self.details += traceback.format_exc()
        self.report()


class LivePanel(Panel):
    """A panel that trains `gan` and shows it: buttons, sliders for the knobs, the view, and what happens in words.

    view: one of gan_edu.first_edition.views, or any object like them. sliders: names of Hyperparameters, or `Slider`s.
    toggles: {label: {option: {knob: value}}}, e.g. {"loss": {"saturating": {"g_loss": generator_loss_saturating}, ...}}.
    rebuild(seed=..., **choices) returns a new GAN, and choices = {argument: [values]} are its reset knobs: choosing
    another value starts a new run. Without them Reset and New seed call gan.reset.
    speed: steps per second to begin with; inf: as fast as it goes. Pressing Play pauses all other panels.
    recording: a page with a recording, such as "recordings/17_panel.html", looked for where the notebook is
    and among the lessons; where it exists, a button shows it in place of the pictures: for the day on which training is
    too slow.
    """

    def __init__(
        self, gan, view, sliders=("lr_d", "lr_g"), toggles=None, rebuild=None, choices=None, fps=20,
        speed=math.inf, name=None, recording=None,
    ):  # fmt: skip
        if not isinstance(gan, GAN):
            raise ValueError(f"gan must be a gan_edu.first_edition.training.GAN, got {gan!r}")
        if choices and rebuild is None:
            raise ValueError(
                "rebuild must be a function that makes a GAN from the choices, got None"
            )
        if rebuild is not None:
            check_callable("rebuild", rebuild, "make_gan(seed=0, batch_size=12)")
        for knob, values in (choices or {}).items():
            values = list(values.values() if isinstance(values, dict) else values)
            if not values or getattr(gan, knob, values[0]) not in values:
                raise ValueError(
                    f"choices must offer the present {knob}, {getattr(gan, knob, None)!r}, got {values}"
                )
        check_number("fps", fps, low=0, low_open=True)
        if speed not in SPEEDS.values():
            raise ValueError(
                f"speed must be one of {', '.join(map(str, SPEEDS.values()))} steps per second, got {speed!r}"
            )
        specs = [_slider(slider) for slider in sliders]
        self._replace_panel_of(name or present_cell())
        self.rebuild, self._specs, self.options = rebuild, specs, toggles or {}
        self._trainer = Trainer(gan, self._draw, self._report, self._ready, self._watched, fps)
        self._trainer.speed = speed
        self._main, self._second = (
            _Side(self, view, lambda: self.gan),
            None,
        )  # A and, after a fork, B
        self._first_knobs = gan.knobs()
        self._forked_at = self._words_due = 0
        self._told_of = None  # the history of the run that the words are about
        self._recording = _find(recording)
        self._make_controls(choices or {})
        self._show_rows(self._rows())
        self._draw()
        self._report()
        _pause_on_interrupt()

    @property
    def gan(self):
        """The GAN in training; another one after a reset knob has been moved."""
        return self._trainer.gan

    @property
    def branch(self):
        """The fork, B, which trains beside `gan`, A; None where nothing is forked."""
        return self._trainer.branch

    @property
    def view(self):
        """The view of `gan`."""
        return self._main.view

    @property
    def state(self):
        """ "paused", "playing" or "closed"."""
        return self._trainer.state

    # ---- the same from code as from the buttons; from a cell each returns when it is done

    def play(self):
        """Train until paused."""
        self._trainer.call(self._play)

    def pause(self):
        """Stop between two steps."""
        self._trainer.call(self._trainer.pause)

    def step(self, n=1):
        """Take n steps, then pause."""
        n = check_count("n", n)
        self._trainer.call(lambda: self._trainer.steps(n), timeout=3600.0)

    def step_discriminator(self):
        """Take one step of the discriminator alone."""
        self._trainer.call(lambda: self._trainer.steps(1, "step_discriminator"))

    def step_generator(self):
        """Take one step of the generator alone."""
        self._trainer.call(lambda: self._trainer.steps(1, "step_generator"))

    def reset(self, seed=None):
        """Start again at the same seed, or at another one; the knobs stay where they are."""
        seed = None if seed is None else check_count("seed", seed, least=0)
        self._trainer.call(lambda: self._restart(seed))

    def keep(self):
        """Keep the present curves as pale ghosts, to compare the next run with them."""
        self._trainer.call(self._keep)

    def set(self, **knobs):
        """Set knobs, as moving their sliders would: panel.set(lr_d=0.01). After a fork: those of A."""
        self._trainer.call(lambda: self._main.set(knobs))

    def set_branch(self, **knobs):
        """Set knobs of the fork, B, as moving its sliders would."""
        self._trainer.call(lambda: self._the_fork().set(knobs))

    def fork(self, **knobs):
        """Go on from this step in two branches, A and B, that train in lockstep; `knobs` are set in B at once.

        B is a copy of the GAN in its present state, random numbers included: with the same knobs both stay the same, bit
        for bit. Reset, New seed and the choices end the fork. RuntimeError where the panel is forked already.
        """
        self._trainer.call(lambda: self._fork(knobs))

    def end_fork(self):
        """Drop B and go on with A alone."""
        self._trainer.call(self._end_fork)

    def code(self):
        """Return the Python that replays the present run exactly; after a fork that of A, panel.branch.code() gives B's."""
        return self._code_of(self.gan)

    def _code_of(self, gan):
        if self.rebuild is None:
            return gan.code()
        name = getattr(self.rebuild, "__name__", "make_gan")
        arguments = [f"{choice}={widget.value!r}" for choice, widget in self._choices.items()]
        return gan.code(f"{name}({', '.join([*arguments, f'seed={gan.seed}'])})")

    def close(self):
        """Stop training and remove the panel."""
        trainer = getattr(self, "_trainer", None)
        if trainer is not None:
            trainer.post(trainer.close)
            if trainer._thread is not None and trainer._thread is not threading.current_thread():
                trainer._thread.join(10.0)
            trainer.state = "closed"
        super().close()

    # ---- controls

    # What stands for A is also the whole panel's where nothing is forked.
    _screen = property(lambda self: self._main.screen)
    _painter = property(lambda self: self._main.painter)
    _sliders = property(lambda self: self._main.sliders)
    _toggles = property(lambda self: self._main.toggles)

    @property
    def _sides(self):
        return [self._main] if self._second is None else [self._main, self._second]

    def _make_controls(self, choices):
        post, steps = self._trainer.post, self._trainer.steps
        self._buttons = {}
        for label, icon, tooltip, action in (
            ("Play", "play", "Train", self._play),
            ("Pause", "pause", "Stop between two steps", self._trainer.pause),
            ("Step", "step-forward", "One training step", steps),
            (
                "D step",
                "",
                "One step of the discriminator alone",
                lambda: steps(1, "step_discriminator"),
            ),
            ("G step", "", "One step of the generator alone", lambda: steps(1, "step_generator")),
            ("Reset", "refresh", "Start again at the same seed", self._restart),
            (
                "New seed",
                "random",
                "Start again at the next seed",
                lambda: self._restart(self.gan.seed + 1),
            ),
            ("Keep this run", "thumb-tack", "Keep the curves as pale ghosts", self._keep),
            (*FORK, self._fork_or_end),
            ("Copy as code", "code", "Show the Python that replays this run", self._show_code),
            (*RECORDING, self._show_recording),
        ):
            if label == "Recording" and self._recording is None:
                continue
            button = ipywidgets.Button(description=label, icon=icon, tooltip=tooltip)
            button.on_click(lambda _, action=action: post(action))
            self._buttons[label] = button
        self._speed = ipywidgets.SelectionSlider(
            options=SPEEDS, value=self._trainer.speed, description="speed", layout=SLIDER_LAYOUT
        )
        self._speed.observe(lambda change: post(lambda: self._set_speed(change["new"])), "value")
        self._choices = {name: self._choice(name, values) for name, values in choices.items()}
        self._status = ipywidgets.HTML()
        self._code = ipywidgets.Textarea(
            layout=ipywidgets.Layout(width="100%", height="14em", display="none")
        )

    def _choice(self, name, values):
        """A reset knob: choosing another value starts a new run."""
        values = values if isinstance(values, dict) else {str(value): value for value in values}
        present = getattr(self.gan, name, next(iter(values.values())))
        layout, style = ipywidgets.Layout(width="auto"), {"description_width": "initial"}
        choice = ipywidgets.Dropdown(
            options=values,
            value=present,
            description=name,
            tooltip="Starts a new run",
            layout=layout,
            style=style,
        )
        choice.observe(lambda change: self._trainer.post(self._restart), "value")
        return choice

    def _rows(self):
        row = ipywidgets.Layout(flex_flow="row wrap")
        self._pictures = ipywidgets.HBox(
            [self._main.column], layout=ipywidgets.Layout(flex_flow="row wrap")
        )
        self._player = ipywidgets.HTML(layout=ipywidgets.Layout(display="none", width="100%"))
        self._second_knobs = ipywidgets.HBox(
            layout=ipywidgets.Layout(flex_flow="row wrap", display="none")
        )
        self._second_knobs.add_class("gan-live-b")
        self._knobs = ipywidgets.HBox(
            [*self._main.knobs, *self._choices.values(), self._speed],
            layout=ipywidgets.Layout(flex_flow="row wrap"),
        )
        return [
            ipywidgets.HBox(list(self._buttons.values()), layout=row),
            self._knobs,
            self._second_knobs,
            self._status,
            self._pictures,
            self._player,
            self._code,
        ]

    # ---- jobs: on the trainer thread only

    def _play(self):
        for panel in _live_panels():
            if panel is not self and panel.state == "playing":
                panel._trainer.post(panel._trainer.pause)
        self._hide_recording()
        for side in self._sides:
            side.screen.expect_viewer()
        self._trainer.play()

    def _restart(self, seed=None):
        trainer, gan = self._trainer, self.gan
        self._end_fork()
        if self.rebuild is None:
            gan.reset(seed)
        else:
            choices = {name: widget.value for name, widget in self._choices.items()}
            fresh = self.rebuild(seed=gan.seed if seed is None else seed, **choices)
            moved = {
                knob: value
                for knob, value in gan.knobs().items()
                if value != self._first_knobs[knob]
            }
            self._first_knobs = fresh.knobs()
            for (
                knob,
                value,
            ) in moved.items():  # the others belong to the GAN: a choice may have changed them
                fresh.set(knob, value)
            trainer.gan = fresh
            self._main.show_knobs()
        trainer.message = trainer.details = ""
        trainer.stopped = {}
        trainer._rate_from = (time.perf_counter(), trainer._rounds)
        self.view.clear()
        self._painter.forget_background()
        self._draw()

    def _keep(self):
        for side in self._sides:
            side.view.keep()
            side.painter.forget_background()
        self._draw()

    def _set_speed(self, speed):
        self._trainer.speed = speed
        self._trainer._step_due = 0.0

    def _show_code(self):
        code = self.code()
        if self.branch is not None:
            code = f"# A\n{code}\n# B, forked from A after step {self._forked_at}\n{self._code_of(self.branch)}"
        self._code.value = code
        self._code.layout.display = ""

    def _show_recording(self):
        if self._player.value:
            self._hide_recording()
            return
        self._trainer.pause()
        page = html.escape(self._recording.read_text(encoding="utf-8"), quote=True)
        self._player.value = (
            f'<iframe class="gan-live-recording" title="Recording" srcdoc="{page}"></iframe>'
        )
        self._player.layout.display = ""
        for live in (
            self._knobs,
            self._second_knobs,
            self._status,
            self._pictures,
        ):  # the recording has its own
            live.layout.display = "none"
        _look(self._buttons["Recording"], *BACK_TO_LIVE)

    def _hide_recording(self):
        if self._player.value:
            self._player.value = ""
            self._player.layout.display = "none"
            for live in (self._knobs, self._status, self._pictures):
                live.layout.display = ""
            self._second_knobs.layout.display = "none" if self._second is None else ""
            _look(self._buttons["Recording"], *RECORDING)

    # ---- the fork; on the trainer thread too

    def _the_fork(self):
        if self._second is None:
            raise RuntimeError("there is no fork: press Fork here, or call panel.fork(), first")
        return self._second

    def _fork_or_end(self):
        if self._second is None:
            self._fork({})
        else:
            self._end_fork()

    def _fork(self, knobs):
        if self._second is not None:
            raise RuntimeError(
                "this panel is forked already, and a fork is not forked again: end_fork() first; it goes on with A"
            )
        if not hasattr(self.view, "another"):
            raise RuntimeError(
                f"{type(self.view).__name__} shows one GAN only: a view that derives from views.View forks"
            )
        branch = self.gan.fork()
        for knob, value in knobs.items():  # a knob that does not fit: nothing is forked
            branch.set(knob, value)
        view = self.view.another()
        self._trainer.branch, self._forked_at = branch, len(branch.history)
        self._second = _Side(self, view, lambda: branch)
        for side, name, other in ((self._main, "A", view), (self._second, "B", self.view)):
            side.become(name, other)
        self._second_knobs.children = self._second.knobs
        self._second_knobs.layout.display = "none" if self._player.value else ""
        self._pictures.children = [self._main.column, self._second.column]
        _look(self._buttons["Fork here"], *END_FORK)
        self._draw()

    def _end_fork(self):
        if self._second is None:
            return
        trainer, second = self._trainer, self._second
        trainer.stopped.pop(trainer.branch, None)
        self._second = trainer.branch = None
        if trainer.state == "paused":
            trainer.message = trainer.details = ""
        self._main.become("", None)
        self._pictures.children = [self._main.column]
        self._second_knobs.children = []
        self._second_knobs.layout.display = "none"
        _look(self._buttons["Fork here"], *FORK)
        for widget in (*second.knobs, second.column):
            close_tree(widget)
        self._draw()

    # ---- what it shows

    def _ready(self):
        return all(side.screen.ready() for side in self._sides)

    def _watched(self):
        return any(side.screen.watched() for side in self._sides)

    def _draw(self):
        pictures = [side.painter.jpeg(side.gan()) for side in self._sides]
        if len(pictures) > 1 and self._second.painter.limits_moved:  # both keep the same limits
            pictures[0] = self._main.painter.jpeg(self.gan)
        for side, picture in zip(self._sides, pictures):
            side.screen.send_picture(picture, len(side.gan().history))

    def _report(self):
        """Write the status line; where training rests, and now and then while it plays, also what the picture shows."""
        trainer, gan = self._trainer, self.gan
        rate = f" · {trainer.rate:.0f} steps/s" if trainer.state == "playing" else ""
        text = f"<b>{trainer.state}</b> · step {len(gan.history)}{rate} · seed {gan.seed}"
        if self._second is None:
            text += f" · {self._main.knobs_in_use()}"
        else:
            text += f" · forked after step {self._forked_at}"
            text += "".join(self._line(side) for side in self._sides)
        if trainer.message:
            text += f'<br><span class="fault" role="alert">{html.escape(trainer.message)}</span>'
        if trainer.details:
            text += f"<details><summary>details</summary><pre>{html.escape(trainer.details)}</pre></details>"
        self._status.value = f'<div class="gan-live-status">{text}</div>'
        now = time.perf_counter()
        if trainer.state == "paused" or now > self._words_due or gan.history is not self._told_of:
            self._words_due, self._told_of = now + WORDS_EVERY, gan.history
            if self._second is not None:
                self._second.screen.description = self._second.view.describe(self.branch)
            self._describe(self.view.describe(gan))

    def _line(self, side):
        """What the status line says of one branch."""
        gan = side.gan()
        steps = {side.name: len(side.gan().history) for side in self._sides}
        if gan in self._trainer.stopped:
            state = f"stopped after step {steps[side.name]} · "
        elif len(set(steps.values())) > 1:
            state = f"step {steps[side.name]} · "
        else:
            state = ""
        return f'<br><b class="gan-live-{side.name.lower()}">{side.name}</b> · {state}{side.knobs_in_use()}'


class _Side:
    """What a panel has for one GAN: its view on a screen, and the sliders and toggles for its knobs.

    gan() returns the GAN. After a fork the panel has two sides, named A and B.
    """

    def __init__(self, panel, view, gan):
        self.view, self.gan, self.name = view, gan, ""
        self._specs, self._options, self._trainer = panel._specs, panel.options, panel._trainer
        view.symbols = {spec.name: spec.symbol for spec in self._specs}
        self.painter, self.screen = Painter(view), Screen(words=True)
        self.caption = ipywidgets.HTML(layout=ipywidgets.Layout(display="none"))
        self.column = ipywidgets.VBox([self.caption, self.screen])
        self.column.add_class("gan-live-side")
        knobs = gan().knobs()
        self.sliders = {spec.name: slider_widget(spec, knobs[spec.name]) for spec in self._specs}
        self._labels = {name: slider.description for name, slider in self.sliders.items()}
        for name, slider in self.sliders.items():
            slider.observe(lambda change, name=name: self._slider_moved(name, change), "value")
        self.toggles = {
            label: self._toggle(label, options) for label, options in self._options.items()
        }
        self._toggle_labels = {label: ipywidgets.Label(label) for label in self._options}
        pairs = [
            ipywidgets.HBox([self._toggle_labels[label], toggle])
            for label, toggle in self.toggles.items()
        ]
        self.knobs = [*self.sliders.values(), *pairs]

    def become(self, name, other):
        """Take a name, A or B, and put it on every knob; other: the view beside this one. "" and None: alone again."""
        self.name = name
        self.caption.value = (
            f'<div class="gan-live-caption gan-live-{name.lower()}">{name}</div>' if name else ""
        )
        self.caption.layout.display = "" if name else "none"
        for label, slider in zip(self._labels.values(), self.sliders.values()):
            slider.description = f"{name}: {label}" if name else label
            slider.style.description_width = "9.5em" if name else "8em"
        for label, widget in self._toggle_labels.items():
            widget.value = f"{name}: {label}" if name else label
        self.painter.beside(other)

    def set(self, knobs):
        """Set knobs of the GAN, and the sliders and toggles with them."""
        for knob, value in knobs.items():
            self.gan().set(knob, value)
        self.show_knobs()

    def show_knobs(self):
        """Put the sliders and toggles where the GAN's knobs stand. On the trainer thread, where it moves no knob."""
        knobs = self.gan().knobs()
        for name, slider in self.sliders.items():
            if knobs[name] is not None:
                slider.value = knobs[name]
        for label, toggle in self.toggles.items():
            toggle.value = self._option_in_use(self._options[label])

    def knobs_in_use(self):
        """What the status line says of the knobs."""
        knobs = self.gan().knobs()
        return " · ".join(f"{spec.symbol} = {knob_text(knobs[spec.name])}" for spec in self._specs)

    def _slider_moved(self, name, change):
        slider, old, new = self.sliders[name], change["old"], change["new"]
        if self._trainer.is_this_thread():
            return  # the slider follows the knob
        if (
            isinstance(slider, ipywidgets.FloatLogSlider)
            and abs(math.log10(new / old)) < slider.step / 2
        ):
            return  # no move: the page rounds a value that it shows to the slider's steps
        self._trainer.post(lambda: self.gan().set(name, new))

    def _toggle(self, label, options):
        """Buttons of which one is pressed; each sets its knobs."""
        toggle = ipywidgets.ToggleButtons(
            options=list(options),
            value=self._option_in_use(options),
            style={"button_width": "auto"},
        )

        def set_knobs(change):
            if not self._trainer.is_this_thread():
                for knob, value in options.get(change["new"], {}).items():
                    self._trainer.post(lambda knob=knob, value=value: self.gan().set(knob, value))

        toggle.observe(set_knobs, "value")
        return toggle

    def _option_in_use(self, options):
        present = self.gan().knobs()
        fits = (
            name
            for name, knobs in options.items()
            if all(present[knob] == knobs[knob] for knob in knobs)
        )
        return next(fits, None)


def _find(recording):
    """Return the path of a recording, as it is or among the lessons; None where there is none."""
    places = (pathlib.Path(), pathlib.Path(__file__).resolve().parents[2] / "notebooks")
    return next(
        (place / recording for place in places if recording and (place / recording).is_file()), None
    )


def _look(button, label, icon, tooltip):
    button.description, button.icon, button.tooltip = label, icon, tooltip


def _slider(slider):
    if isinstance(slider, Slider):
        return slider
    if slider not in SLIDERS:
        raise ValueError(
            f"sliders must be Slider(...) or names among {', '.join(SLIDERS)}, got {slider!r}"
        )
    return SLIDERS[slider]


def _live_panels():
    return [panel for panel in Panel._open.values() if isinstance(panel, LivePanel)]


def pause_all():
    """Pause every panel; what Interrupt Kernel does."""
    for panel in _live_panels():
        if panel.state == "playing":
            panel._trainer.post(lambda t=panel._trainer: t.pause(INTERRUPTED))


def _pause_on_interrupt():
    """Make Interrupt Kernel pause the panels: it reaches neither threads nor, between cells, anything else."""
    shell = get_ipython()
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return
    if hasattr(
        kernel, "saved_sigint_handler"
    ):  # what the kernel puts back for the time between two cells
        kernel.saved_sigint_handler = lambda *_: pause_all()
    if not getattr(shell, "_gan_edu_interrupt", False):
        shell._gan_edu_interrupt = True
        shell.events.register(
            "post_run_cell",
            lambda result: isinstance(result.error_in_exec, KeyboardInterrupt) and pause_all(),
        )
