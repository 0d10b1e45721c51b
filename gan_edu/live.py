"""The live panel: steer a GAN with buttons and sliders while it trains, inside the notebook.

One thread, the trainer, owns the GAN and draws. Everything else (buttons, sliders, cells) only posts a function to its
mailbox; the trainer calls it between two steps. This matters because Jupyter may deliver a widget's message on another
thread, beside a training step.
"""

import collections
import contextvars
import html
import math
import threading
import time
import traceback

import ipywidgets
from IPython import get_ipython

from gan_edu import runtime
from gan_edu._arguments import check_callable, check_count, check_number
from gan_edu.screen import SLIDER_LAYOUT, Painter, Panel, Screen, Slider, present_cell, slider_widget
from gan_edu.training import GAN
from gan_edu.views import knob_text

SPEEDS = {
    "1 step/s": 1,
    "3 steps/s": 3,
    "10 steps/s": 10,
    "30 steps/s": 30,
    "100 steps/s": 100,
    "300 steps/s": 300,
    "full speed": math.inf,
}
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
    """Trains a GAN in a thread of its own. It knows nothing of widgets.

    draw(): called for a picture, at most `fps` times a second and for at most a fifth of the time.
    ready(), watched(): may a picture be sent now; does anybody still look. report(): the state or a knob has changed.
    """

    def __init__(self, gan, draw, report, ready=lambda: True, watched=lambda: True, fps=20):
        self.gan, self.draw, self.report, self.ready, self.watched = gan, draw, report, ready, watched
        self.fps, self.speed = fps, math.inf
        self.state = "paused"  # "paused", "playing" or "closed"
        self.message = ""  # why it paused by itself, in plain words
        self.details = ""  # the traceback behind the message
        self.rate = 0.0  # steps per second, measured while playing
        self._mail, self._wake = collections.deque(), threading.Condition()
        self._thread = None
        self._picture_due = self._step_due = self._report_due = 0.0
        self._rate_from = (0.0, 0)
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
                self._thread = threading.Thread(target=run, args=(self._loop,), name="gan_edu trainer", daemon=True)
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
        if threading.current_thread() is not self._thread and self.state != "closed":
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

    # ---- jobs: on the trainer thread only

    def play(self):
        """Start to train."""
        self.message = self.details = ""
        self.state = "playing"
        self._step_due = 0.0
        self._rate_from = (time.perf_counter(), len(self.gan.history))

    def pause(self, message=""):
        """Stop between two steps; `message` tells the learner why, where it was not a click."""
        if self.state == "playing":
            self.state = "paused"
        self.message = message or self.message
        self.draw()
        self.report()

    def steps(self, n=1, step=None):
        """Pause and take n steps: step() each, by default the GAN's own."""
        self.state, self.message, self.details = "paused", "", ""
        step = step or self.gan.step
        for _ in range(n):
            if self._halt:
                self.message = INTERRUPTED
                break
            if not self._guarded(step):
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
            with runtime.num_threads(self.gan.num_threads):  # the setting belongs to a thread: set it in this one
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

    def _play_on(self):
        self.gan.step()
        now = time.perf_counter()
        if now >= self._picture_due and self.ready():
            self._draw_in_turn()
        if now >= self._report_due:
            self._report_due = now + 0.5
            self._measure_rate(now)
            self.report()
            if not self.watched():
                self.pause("Paused: this panel is not on any open page. Press Play to go on from here.")

    def _draw_in_turn(self):
        """Draw, and put the next picture off so that drawing takes at most a fifth of the time."""
        since = time.perf_counter()
        self.draw()
        self._picture_due = since + max(1 / self.fps, 5 * (time.perf_counter() - since))

    def _measure_rate(self, now):
        since, steps = self._rate_from
        if now - since > 0.4:
            self.rate = (len(self.gan.history) - steps) / (now - since)
            self._rate_from = (now, len(self.gan.history))

    def _guarded(self, job):
        """Call job(); on an error pause with a message in plain words. Returns whether it went well."""
        try:
            job()
            return True
        except FloatingPointError as fault:
            advice = "Lower a learning rate (or λ), then press Play, or Reset."
            self._stop(f"Training diverged: {fault}. {advice}", traceback.format_exc())
        except Exception as fault:
            text = f"{type(fault).__name__}: {fault}"
            self._stop(f"{text}. The last good state is kept; mend the cause, then press Play.", traceback.format_exc())
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

    view: one of gan_edu.views, or any object like them. sliders: names of Hyperparameters, or `Slider`s.
    toggles: {label: {option: {knob: value}}}, e.g. {"loss": {"saturating": {"g_loss": generator_loss_saturating}, ...}}.
    rebuild(seed=..., **choices) returns a new GAN, and choices = {argument: [values]} are its reset knobs: choosing
    another value starts a new run. Without them Reset and New seed call gan.reset.
    speed: steps per second to begin with; inf: as fast as it goes. Pressing Play pauses all other panels.
    """

    def __init__(
        self, gan, view, sliders=("lr_d", "lr_g"), toggles=None, rebuild=None, choices=None, fps=20,
        speed=math.inf, name=None,
    ):  # fmt: skip
        if not isinstance(gan, GAN):
            raise ValueError(f"gan must be a gan_edu.training.GAN, got {gan!r}")
        if choices and rebuild is None:
            raise ValueError("rebuild must be a function that makes a GAN from the choices, got None")
        if rebuild is not None:
            check_callable("rebuild", rebuild, "make_gan(seed=0, batch_size=12)")
        check_number("fps", fps, low=0, low_open=True)
        if speed not in SPEEDS.values():
            raise ValueError(
                f"speed must be one of {', '.join(map(str, SPEEDS.values()))} steps per second, got {speed!r}"
            )
        specs = [_slider(slider) for slider in sliders]
        self._replace_panel_of(name or present_cell())
        self.view, self._rebuild, self._specs = view, rebuild, specs
        self._painter, self._screen = Painter(view), Screen()
        view.symbols = {spec.name: spec.symbol for spec in specs}
        self._trainer = Trainer(gan, self._draw, self._report, self._screen.ready, self._screen.watched, fps)
        self._trainer.speed = speed
        self._make_controls(toggles or {}, choices or {})
        self._show_rows(self._rows())
        self._draw()
        self._report()
        _pause_on_interrupt()

    @property
    def gan(self):
        """The GAN in training; another one after a reset knob has been moved."""
        return self._trainer.gan

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
        self._trainer.call(lambda: self._trainer.steps(1, self.gan.step_discriminator))

    def step_generator(self):
        """Take one step of the generator alone."""
        self._trainer.call(lambda: self._trainer.steps(1, self.gan.step_generator))

    def reset(self, seed=None):
        """Start again at the same seed, or at another one; the knobs stay where they are."""
        seed = None if seed is None else check_count("seed", seed, least=0)
        self._trainer.call(lambda: self._restart(seed))

    def keep(self):
        """Keep the present curves as pale ghosts, to compare the next run with them."""
        self._trainer.call(self._keep)

    def set(self, **knobs):
        """Set knobs, as moving their sliders would: panel.set(lr_d=0.01)."""
        for knob, value in knobs.items():
            self._trainer.call(lambda knob=knob, value=value: self.gan.set(knob, value))
            if knob in self._sliders:
                self._sliders[knob].value = value
        for label, toggle in self._toggles.items():
            toggle.value = self._option_in_use(self._options[label])

    def code(self):
        """Return the Python that replays the present run exactly."""
        if self._rebuild is None:
            return self.gan.code()
        name = getattr(self._rebuild, "__name__", "make_gan")
        arguments = [f"{choice}={widget.value!r}" for choice, widget in self._choices.items()]
        return self.gan.code(f"{name}({', '.join([*arguments, f'seed={self.gan.seed}'])})")

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

    def _make_controls(self, toggles, choices):
        post = self._trainer.post
        self._buttons = {}
        for label, icon, tooltip, action in (
            ("Play", "play", "Train", self._play),
            ("Pause", "pause", "Stop between two steps", self._trainer.pause),
            ("Step", "step-forward", "One training step", self._trainer.steps),
            (
                "D step",
                "",
                "One step of the discriminator alone",
                lambda: self._trainer.steps(1, self.gan.step_discriminator),
            ),
            ("G step", "", "One step of the generator alone", lambda: self._trainer.steps(1, self.gan.step_generator)),
            ("Reset", "refresh", "Start again at the same seed", self._restart),
            ("New seed", "random", "Start again at the next seed", lambda: self._restart(self.gan.seed + 1)),
            ("Keep this run", "thumb-tack", "Keep the curves as pale ghosts", self._keep),
            ("Copy as code", "code", "Show the Python that replays this run", self._show_code),
        ):
            button = ipywidgets.Button(description=label, icon=icon, tooltip=tooltip)
            button.on_click(lambda _, action=action: post(action))
            self._buttons[label] = button
        self._speed = ipywidgets.SelectionSlider(
            options=SPEEDS, value=self._trainer.speed, description="speed", layout=SLIDER_LAYOUT
        )
        self._speed.observe(lambda change: post(lambda: self._set_speed(change["new"])), "value")
        self._sliders = {spec.name: slider_widget(spec, getattr(self.gan.hparams, spec.name)) for spec in self._specs}
        for name, slider in self._sliders.items():
            slider.observe(lambda change, name=name: self._slider_moved(name, change), "value")
        self._options = toggles
        self._toggles = {label: self._toggle(options) for label, options in toggles.items()}
        self._choices = {name: self._choice(name, values) for name, values in choices.items()}
        self._status = ipywidgets.HTML()
        self._code = ipywidgets.Textarea(layout=ipywidgets.Layout(width="100%", height="14em", display="none"))

    def _slider_moved(self, name, change):
        slider, old, new = self._sliders[name], change["old"], change["new"]
        if isinstance(slider, ipywidgets.FloatLogSlider) and abs(math.log10(new / old)) < slider.step / 2:
            return  # no move: the page rounds a value that it shows to the slider's steps
        self._trainer.post(lambda: self.gan.set(name, new))

    def _toggle(self, options):
        """Buttons of which one is pressed; each sets its knobs."""
        toggle = ipywidgets.ToggleButtons(
            options=list(options), value=self._option_in_use(options), style={"button_width": "auto"}
        )

        def set_knobs(change):
            for knob, value in options.get(change["new"], {}).items():
                self._trainer.post(lambda knob=knob, value=value: self.gan.set(knob, value))

        toggle.observe(set_knobs, "value")
        return toggle

    def _option_in_use(self, options):
        present = self.gan.knobs()
        fits = (name for name, knobs in options.items() if all(present[knob] == knobs[knob] for knob in knobs))
        return next(fits, None)

    def _choice(self, name, values):
        """A reset knob: choosing another value starts a new run."""
        values = values if isinstance(values, dict) else {str(value): value for value in values}
        present = getattr(self.gan, name, next(iter(values.values())))
        layout, style = ipywidgets.Layout(width="auto"), {"description_width": "initial"}
        choice = ipywidgets.Dropdown(
            options=values, value=present, description=name, tooltip="Starts a new run", layout=layout, style=style
        )
        choice.observe(lambda change: self._trainer.post(self._restart), "value")
        return choice

    def _rows(self):
        row = ipywidgets.Layout(flex_flow="row wrap")
        toggles = [ipywidgets.HBox([ipywidgets.Label(label), toggle]) for label, toggle in self._toggles.items()]
        knobs = [*self._sliders.values(), *toggles, *self._choices.values(), self._speed]
        return [
            ipywidgets.HBox(list(self._buttons.values()), layout=row),
            ipywidgets.HBox(knobs, layout=row),
            self._status,
            self._screen,
            self._code,
        ]

    # ---- jobs: on the trainer thread only

    def _play(self):
        for panel in _live_panels():
            if panel is not self and panel.state == "playing":
                panel._trainer.post(panel._trainer.pause)
        self._screen.expect_viewer()
        self._trainer.play()

    def _restart(self, seed=None):
        trainer, gan = self._trainer, self.gan
        if self._rebuild is None:
            gan.reset(seed)
        else:
            choices = {name: widget.value for name, widget in self._choices.items()}
            fresh = self._rebuild(seed=gan.seed if seed is None else seed, **choices)
            for knob, value in gan.knobs().items():
                fresh.set(knob, value)
            trainer.gan = fresh
        trainer.message = trainer.details = ""
        trainer._rate_from = (time.perf_counter(), 0)
        self.view.clear()
        self._painter.forget_background()
        self._draw()

    def _keep(self):
        self.view.keep()
        self._painter.forget_background()
        self._draw()

    def _set_speed(self, speed):
        self._trainer.speed = speed
        self._trainer._step_due = 0.0

    def _show_code(self):
        self._code.value = self.code()
        self._code.layout.display = ""

    def _draw(self):
        self._screen.send_picture(self._painter.jpeg(self.gan), len(self.gan.history))

    def _report(self):
        """Write the status line; where training rests, also the description and the still picture."""
        trainer, gan = self._trainer, self.gan
        knobs = gan.knobs()
        used = " · ".join(f"{spec.symbol} = {knob_text(knobs[spec.name])}" for spec in self._specs)
        rate = f" · {trainer.rate:.0f} steps/s" if trainer.state == "playing" else ""
        text = f"<b>{trainer.state}</b> · step {len(gan.history)}{rate} · seed {gan.seed} · {used}"
        if trainer.message:
            text += f'<br><span class="fault" role="alert">{html.escape(trainer.message)}</span>'
        if trainer.details:
            text += f"<details><summary>details</summary><pre>{html.escape(trainer.details)}</pre></details>"
        self._status.value = f'<div class="gan-live-status">{text}</div>'
        if trainer.state == "paused":
            self._describe(self.view.describe(gan))


def _slider(slider):
    if isinstance(slider, Slider):
        return slider
    if slider not in SLIDERS:
        raise ValueError(f"sliders must be Slider(...) or names among {', '.join(SLIDERS)}, got {slider!r}")
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
    if hasattr(kernel, "saved_sigint_handler"):  # what the kernel puts back for the time between two cells
        kernel.saved_sigint_handler = lambda *_: pause_all()
    if not getattr(shell, "_gan_edu_interrupt", False):
        shell._gan_edu_interrupt = True
        shell.events.register(
            "post_run_cell", lambda result: isinstance(result.error_in_exec, KeyboardInterrupt) and pause_all()
        )
