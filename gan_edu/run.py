"""A run is (build, step, knobs, seed, moves): the same five give the same numbers, bit for bit on one machine.

Everything else follows from that: exact replay, rewind, fork, undo, files, many seeds (gan_edu.seeds).
"""

import copy
import time
import warnings

import torch

from gan_edu import players
from gan_edu._arguments import check_callable, check_count, check_knobs
from gan_edu.log import Log, progress, to_numbers
from gan_edu.players import Players, adam, descend
from gan_edu.run_files import from_plain, read, source, to_plain, write

__all__ = ["Knobs", "Players", "Run", "adam", "descend"]
MAX_KEPT, MAX_BYTES = 40, 2**28  # kept states of a run: how many, and how large together
KIND = "run of gan_edu"  # its file, and what is in it:
PARTS = "seed n threads moves knobs build step log gan random".split()


class Knobs:
    """What a step reads: the value of each knob, and n, the number of steps before this one."""

    def __init__(self, values):
        vars(self).update({"n": 0} | values)

    def __getattr__(self, name):
        raise AttributeError(f"there is no knob {name!r}; there are {', '.join(vars(self))}")

    def __setattr__(self, name, value):
        raise AttributeError(f"a step only reads its knobs; run.set({name}=...) moves one")


class Run:
    """gan = build(), then step(gan, knobs) again and again; between two steps a knob or the step itself may change.

    build: makes the players, Players(G=..., D=..., opt_G=..., opt_D=...).
    step: trains once and returns numbers to log, {"critic gap": gap}.
    knobs: {name: value}, a value plain or a slider (gan_edu.panel.knobs).
    Random numbers of torch, NumPy and Python and the number of threads are the run's own.
    sliders: the knobs as given; reached: the furthest step so far with these moves.
    """

    def __init__(self, build, step, knobs=None, seed=0):
        self._build = check_callable("build", build, "def build(): return Players(G=..., D=...)")
        self._first_step = check_callable("step", step, "def step(gan, knobs): ...")
        self.sliders = dict(knobs or {})
        self.between = lambda: None  # while steps are played again; in a panel a cell goes first
        for name in self.sliders:
            if not str(name).isidentifier() or name in ("n", "step"):
                raise ValueError(f"a knob needs a name such as lr_d, not n or step, got {name!r}")
        values = {name: getattr(knob, "value", knob) for name, knob in self.sliders.items()}
        self._initial = check_knobs(self.sliders, values)
        self.reset(seed)

    def reset(self, seed=None):
        """Begin again, with the knobs and the step of the beginning; with another seed if one is given."""
        if not callable(self._first_step):
            raise ValueError("a file has only the text of the first step: make a new Run of it")
        seed = check_count("seed", self.seed if seed is None else seed, least=0)
        gan, random = players.built(self._build, seed)  # where it fails, the run stays as it is
        if not isinstance(gan, Players) or not players.networks(gan):
            raise ValueError(f"build must return Players(G=net, D=net, ...), got {gan!r}")
        self.seed, self.gan, self._random = seed, gan, random
        self.step, self.knobs, self.moves = self._first_step, Knobs(self._initial), []
        self.log, self.n, self.reached, self._whole = Log(), 0, 0, True
        self._kept, self._distance = {}, 100
        weights = sum(p.numel() for p in players.weights(self.gan))
        # Several threads make small networks slower, on a busy machine ten times.
        self.threads = 1 if weights < 1_000_000 else torch.get_num_threads()
        self._keep(players.copied(self.gan), self._random)

    def steps(self, n_steps=1, every=1, do=None):
        """Train n_steps steps and return the run; after each step whose number `every` divides, call do(run).

        do: for what leaves traces (files, printed lines); a step made again, by `goto` or after it, does not call it.
        Where a step fails or is interrupted, the run goes back to the last good one, and the exception goes on.
        """
        end, every = self.n + check_count("n_steps", n_steps, least=0), check_count("every", every)
        self._make_whole()
        try:
            # What `do` prints says more; and the check of an exercise, two steps, answers in one line.
            with progress(total=n_steps, disable=do is not None or n_steps < 3) as bar:
                while self.n < end:
                    stop = end if do is None else min(end, self.n - self.n % every + every)
                    self._burst(stop, bar)
                    if do is not None and stop % every == 0 and stop > self.reached:
                        with players.untouched(self.gan):
                            do(self)
                    self.reached = max(stop, self.reached)
        except BaseException as fault:
            self._undo(fault)
            raise
        return self

    def set(self, **values):
        """Move knobs: the next step feels it. ValueError for an unknown knob or a value that it cannot take."""
        for name, value in check_knobs(self.sliders, values).items():
            self._move(self.n, name, value)

    def use(self, step):
        """Train with another step from now on: a move like any other."""
        self._move(self.n, "step", check_callable("step", step, "def step(gan, knobs): ..."))

    def goto(self, n):
        """Make the moment after n steps again; later moves are forgotten. Beyond the present it trains on."""
        n = check_count("n", n, least=0)
        self._make_whole()
        if n >= self.n:
            return self.steps(n - self.n)
        self._become(self._at(n, [move for move in self.moves if move[0] < n]))
        return self

    def fork(self):
        """Return a second run at the same place, which goes its own way from here on."""
        self._make_whole()
        self._keep(players.copied(self.gan), self._random)
        run = self._at(self.n, self.moves)
        run.reached = self.reached
        return run

    def check(self, n_steps=5):
        """Play the first steps twice; ValueError that names the first one that differs: something hides outside gan."""
        new = [Run(self._build, self._first_step, self.sliders, self.seed) for _ in range(2)]
        for n in range(1, n_steps + 1):
            new[1].gan, _ = players.copied(new[1].gan)
            once, again = ({k: float(v[-1]) for k, v in run.steps().log.items()} for run in new)
            pairs = zip(*(players.weights(run.gan) for run in new))
            if str(once) != str(again) or not all(torch.equal(p, q) for p, q in pairs):
                other = f"step {n} gives other numbers when it is played again ({once}, {again})"
                cure = "something that changes and is not in gan. Keep it there: Players(..., name=...)."
                raise ValueError(f"{other}: it uses {cure}")

    def code(self):
        """Return Python code that makes this run again, on a page with the same imports and data."""
        knobs = ", ".join(f"{name}={value!r}" for name, value in self._initial.items())
        build = getattr(self._build, "__name__", "build")  # functools.partial has none
        step = getattr(self._first_step, "__name__", "step")
        lines = ["from gan_edu.run import Run", "", source(self._build), source(self._first_step)]
        lines.append(f"run = Run({build}, {step}, knobs=dict({knobs}), seed={self.seed})")
        n = 0
        for at, name, value in [*self.moves, (self.n, None, None)]:
            lines += [f"run.steps({at - n})"] if at > n else []
            if name == "step":
                lines += ["", source(value) + f"run.use({getattr(value, '__name__', 'step')})"]
            elif name:
                lines += [f"run.set({name}={value!r})"]
            n = at
        return "\n".join(lines)

    def save(self, path):
        """Write the run to a file, whole or not at all. OSError in plain words; an older file stays as it was."""
        self._make_whole()
        moves = [(n, name, source(v) if name == "step" else v) for n, name, v in self.moves]
        state = dict(kind=KIND, seed=self.seed, n=self.n, threads=self.threads, moves=moves)
        state |= dict(knobs=self._initial, build=source(self._build), step=source(self._first_step))
        state |= dict(log={name: torch.from_numpy(column) for name, column in self.log.items()})
        state |= dict(gan=to_plain("gan", self.gan), random=to_plain("random", self._random))
        write(path, state)

    @classmethod
    def load(cls, path, build, step):
        """Return the run of a file. ValueError where it is no whole run, or one of other players than build()'s.

        step: the one that trained last. A warning where build or step has another text than when it was saved.
        """
        state = read(path, KIND, PARTS)
        run, moves = cls(build, step, state["knobs"], state["seed"]), state["moves"]
        swaps = [k for k, (_, name, _) in enumerate(moves) if name == "step"]
        last = moves[swaps[-1]][2] if swaps else state["step"]
        for what, given, then in (("build", build, state["build"]), ("step", step, last)):
            if source(given) != then:
                warnings.warn(f"{path} was made by another {what} than the one given", stacklevel=2)
        try:
            run.gan = from_plain("gan", run.gan, state["gan"])
        except Exception as fault:
            raise ValueError(f"{path} holds other players than build() makes: {fault}") from None
        run._random = from_plain("random", run._random, state["random"])
        run.n, run.threads = state["n"], state["threads"]
        run.log = Log({k: v.numpy() for k, v in state["log"].items()}, run.n).first(run.n)
        if swaps:  # of the steps before the last swap the file has only the text: nothing earlier can be made again
            run._first_step, run._kept = state["step"], {}
            moves[swaps[-1]] = (*moves[swaps[-1]][:2], step)
        for move in moves:
            run._move(*move)
        run.reached = run.n
        run._keep(players.copied(run.gan), run._random)
        return run

    # ---- how it is done

    def _burst(self, end, bar=None):
        """Take the steps up to number `end`, with random numbers and threads of the run's own."""
        self._whole = False
        with players.apart(self._random, self.threads):
            while self.n < end:
                vars(self.knobs)["n"] = self.n
                row = to_numbers(self.step(self.gan, self.knobs), self.n + 1)
                n = self.n + 1
                # After the first step too, so that what cannot be kept is found at once.
                due = n == 1 or n % self._distance == 0 or time.monotonic() - self._kept_at > 1
                state = players.copied(self.gan) if due else None
                self.log.append(row)
                self.n = n
                if due:
                    self._keep(state, players.random_state())
                if bar is not None:
                    bar.update()
            self._random = players.random_state()
        self._whole = True

    def _keep(self, state, random):
        """Keep a state for rewinding: evenly spread ones, the first (of a file it may be any) and the two last."""
        self._kept[self.n], self._kept_at = (state, random), time.monotonic()
        limit = max(2, min(MAX_KEPT, MAX_BYTES // (state[1] + 1)))
        while sum(n % self._distance == 0 for n in self._kept) > limit:
            self._distance *= 2  # thinned unevenly, a rewind would take seconds
        every = sorted(self._kept)
        ends = every[0], *every[-2:]
        self._kept = {n: v for n, v in self._kept.items() if n % self._distance == 0 or n in ends}

    def _move(self, at, name, value):
        self.moves = [move for move in self.moves if move[:2] != (at, name)] + [(at, name, value)]
        self.reached = at
        if name == "step":
            self.step = value
        else:
            vars(self.knobs)[name] = value

    def _at(self, n, moves):
        """Return a run at step n: from the kept state before it, the same steps with these moves."""
        start = max((k for k in self._kept if k <= n), default=None)
        if start is None:
            raise ValueError(f"step {n} was made by a step of which the file has only the text")
        run = copy.copy(self)
        (gan, _), run._random = self._kept[start]
        run.gan, run.n, run.log = players.copied(gan)[0], start, self.log.first(start)
        run.moves, run.knobs, run.step = [], Knobs(self._initial), self._first_step
        run._kept, run._whole = {k: v for k, v in self._kept.items() if k <= start}, True
        for at, name, value in [*moves, (n, None, None)]:
            while run.n < at:
                run._burst(min(at, run.n + 20))
                self.between()
            if name:
                run._move(at, name, value)
        return run

    def replayed(self, every):
        """Yield this run as it was at step 0, every, 2 every, ... up to the present one."""
        run, moves = self._at(0, []), list(self.moves)
        for n in range(0, self.n + 1, every):
            while moves and moves[0][0] < n:
                run._burst(moves[0][0])
                run._move(*moves.pop(0))
            run._burst(n)
            yield run

    def _become(self, run):
        reached = self.reached if run.moves == self.moves else run.n
        vars(self).update(vars(run) | {"reached": reached})

    def _make_whole(self):
        """Go back to the last good step where not even that could be finished (a second interrupt)."""
        if not self._whole:
            self._become(self._at(self.n, self.moves))

    def _undo(self, fault):
        """Go back to the last good step; before it where the weights were no longer finite."""
        n, back, self._whole = self.n, 0, False
        run = self._at(n, self.moves)
        while isinstance(fault, FloatingPointError) and back < n and not players.finite(run.gan):
            back = min(n, 2 * back + 1)
            run = self._at(n - back, [move for move in self.moves if move[0] < n - back])
        self._become(run)
        fault.add_note(f"The run stands after step {self.n}, the last good one. Nothing is lost.")
