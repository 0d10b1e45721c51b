"""Runs: whatever is made again has the same numbers, to the last bit."""

import functools
import math
import pathlib
import random
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from core import loops
from core.loops import ACCIDENT, LOOPS, RING_KNOBS, ring_build, ring_step

from gan_edu.networks import mlp
from gan_edu.panel.knobs import choice, log_slider, point, slider, switch
from gan_edu.run import Knobs, Players, Run, adam, descend
from gan_edu.run_files import to_plain


def flat(state):
    """Everything in a plain state, in order, as bytes and texts."""
    if isinstance(state, dict):
        return [(key, flat(value)) for key, value in state.items()]
    if isinstance(state, (list, tuple)):
        return [flat(value) for value in state]
    return state.numpy().tobytes() if isinstance(state, torch.Tensor) else repr(state)


def everything(run):
    """All that a run is at this moment, to compare bit for bit."""
    moves = [(n, what, getattr(value, "__name__", value)) for n, what, value in run.moves]
    return flat(
        [to_plain("gan", run.gan), to_plain("random", run._random), moves, run.n]
        + [[name, torch.from_numpy(run.log[name])] for name in sorted(run.log)]
    )


def played(name, seed=3, at=None):
    """A run of 90 steps with moved knobs, and another step from step 50 on; at: {n: None} to be filled on the way."""
    build, step, knobs = LOOPS[name]

    def slower(gan, knobs):
        return step(gan, knobs)

    run, at = Run(build, step, knobs, seed=seed), {} if at is None else at
    lr = "lr" if "lr" in knobs else "lr_g"
    for n in sorted({20, 50, 70, 90, *at}):
        run.steps(n - run.n)
        if n in at:
            at[n] = everything(run)
        if n in (20, 70):
            run.set(**{lr: 3e-3 if n == 20 else 2e-2})
        elif n == 50:
            run.use(slower)
    return run


@pytest.fixture(params=LOOPS)
def name(request):
    return request.param


# ---- the same numbers again


def test_a_run_is_its_five_things_and_has_random_numbers_of_its_own(name):
    once = everything(played(name))
    torch.manual_seed(8)
    np.random.seed(8)
    random.seed(8)
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    assert everything(played(name)) == once != everything(played(name, seed=4))
    assert torch.equal(before[0], torch.get_rng_state()) and random.getstate() == before[2]
    assert np.array_equal(before[1], np.random.get_state()[1])


def test_rewind(name):
    moments = dict.fromkeys([0, 1, 20, 37, 50, 51, 70, 89])
    run = played(name, at=moments)
    whole, moves = everything(run), list(run.moves)
    for n in (89, 70, 51, 37, 50, 20, 1, 0):
        if n == 50:  # forwards: trains on, without the moves that were forgotten
            run.goto(20).set(**{moves[0][1]: moves[0][2]})
        assert everything(run.goto(n)) == moments[n], n
        assert run.n == n and run.moves == [move for move in moves if move[0] < n]
        assert all(len(column) == n for column in run.log.values())
    for at, what, value in moves:
        run.goto(at)
        run.use(value) if what == "step" else run.set(**{what: value})
    assert everything(run.goto(90)) == whole


def test_rewind_in_a_long_run_and_on_from_there():
    def build():
        G = mlp(1, 1)
        return Players(G=G, opt_G=adam(G))

    def step(gan, knobs):
        loss = gan.G(torch.randn(4, 1)).square().mean()
        descend(gan.opt_G, loss, lr=1e-3)
        return {"loss": loss}

    run = Run(build, step).steps(2500)
    whole = everything(run)
    assert len(run._kept) <= 42 and max(np.diff(sorted(run._kept))) <= 200
    run.goto(1234).steps(1266)
    assert everything(run) == whole


def test_forks_go_their_own_way(name):
    run = played(name)
    fork = run.fork()
    assert everything(fork) == everything(run)
    fork.set(batch_size=20) if name != "loader" else fork.set(lr=0.5)
    before = everything(run)
    fork.steps(10)
    assert everything(run) == before
    fork.goto(90).steps(10)
    assert everything(fork) == everything(run.steps(10))


def test_saved_and_loaded(name, tmp_path):
    run = played(name)
    run.save(tmp_path / "run.pt")
    with pytest.warns(UserWarning, match="another step"):
        loaded = Run.load(tmp_path / "run.pt", LOOPS[name][0], LOOPS[name][1])
    assert [move[:2] for move in loaded.moves] == [move[:2] for move in run.moves]
    loaded.moves = run.moves
    assert everything(loaded) == everything(run)
    assert everything(loaded.steps(25)) == everything(run.steps(25))
    with pytest.raises(ValueError, match="step 40 was made by a step of which the file has only"):
        loaded.goto(40)
    before = everything(loaded.goto(95))
    loaded.steps(400).goto(95)  # the state of the file stays kept
    assert everything(loaded) == before


def test_numbers_of_numpy_and_numbers_in_a_network_are_saved(tmp_path):
    def build():
        G = mlp(1, 1)
        G.fade = 0.0
        return Players(G=G, opt_G=adam(G))

    def step(gan, knobs):
        gan.G.fade += 0.1
        descend(gan.opt_G, gan.G(torch.ones(1, 1)).mean(), lr=1e-3 * np.exp(-knobs.n / 10))
        return {"fade": gan.G.fade}

    run = Run(build, step).steps(3)
    run.save(tmp_path / "run.pt")
    loaded = Run.load(tmp_path / "run.pt", build, step)
    assert everything(loaded) == everything(run) and list(tmp_path.iterdir()) == [
        tmp_path / "run.pt"
    ]
    assert loaded.steps(1).log["fade"][-1] == pytest.approx(0.4)


def test_loaded_in_another_process(tmp_path):
    run = Run(ring_build, ring_step, RING_KNOBS, seed=5).steps(60)
    run.set(lambda_gp=np.float64(2.5), batch_size=np.int64(64))
    run.steps(40).save(tmp_path / "run.pt")
    code = (
        "import sys, torch; from core.loops import *; from gan_edu.run import Run\n"
        "run = Run.load(sys.argv[1], ring_build, ring_step)\n"
        "run.steps(30).save(sys.argv[2]); run.goto(30).save(sys.argv[3])"
    )
    paths = [tmp_path / name for name in ("run.pt", "on.pt", "back.pt")]
    tests = pathlib.Path(__file__).resolve().parent.parent
    command = [sys.executable, "-W", "error", "-c", code, *map(str, paths)]
    subprocess.run(command, check=True, cwd=tests)
    on, back = (Run.load(path, ring_build, ring_step) for path in paths[1:])
    assert everything(on) == everything(run.steps(30))
    assert everything(back) == everything(run.goto(30))


# ---- accidents


def fail():
    raise ZeroDivisionError("an accident")


ACCIDENTS = {
    "exception": (fail, ZeroDivisionError),
    "interrupt": (lambda: signal.raise_signal(signal.SIGINT), KeyboardInterrupt),
}


@pytest.mark.parametrize("kind", ACCIDENTS)
@pytest.mark.parametrize("name", sorted(LOOPS.keys() - {"ring"}))
def test_an_accident_in_the_middle_of_a_step_is_undone(name, kind):
    run, good = played(name), played(name)
    what, error = ACCIDENTS[kind]
    ACCIDENT[97] = what
    with pytest.raises(error) as raised:
        run.steps(30)
    assert "after step 97, the last good one" in raised.value.__notes__[0]
    assert run.n == 97 and run.gan.D[0].training and next(run.gan.D.parameters()).requires_grad
    assert everything(run) == everything(good.steps(7))
    assert everything(run.steps(23)) == everything(good.steps(23))


def test_a_second_interrupt_while_the_first_is_undone():
    build, step, knobs = LOOPS["pool"]
    run, good = Run(build, step, knobs).steps(30), Run(build, step, knobs).steps(40)
    ACCIDENT[40] = lambda: ACCIDENT.update({35: ACCIDENTS["interrupt"][0]}) or fail()
    with pytest.raises(KeyboardInterrupt):
        run.steps(30)
    assert everything(run.steps(0)) == everything(good)
    assert everything(run.steps(5)) == everything(good.steps(5))


def test_nan_is_undone_and_named():
    build, step, knobs = LOOPS["lsgan"]
    run = Run(build, step, knobs).steps(60)
    good = everything(run)
    run.set(lr=1e30)
    with pytest.raises(FloatingPointError, match=r"inf|nan"):
        run.steps(10)
    assert run.n <= 61 and all(p.isfinite().all() for p in run.gan.G.parameters())
    assert everything(run.goto(59).steps(1)) == good

    def no_log(gan, knobs):
        return {"loss": step(gan, knobs)["loss G"], "shape": math.nan if knobs.n == 63 else 1.0}

    run.set(lr=0.01)
    run.use(no_log)
    with pytest.raises(FloatingPointError, match="'shape' is nan in step 64"):
        run.steps(10)
    assert run.n == 63


def test_nan_weights_are_left_behind_too():
    """The slope of a norm at 0 is nan: the weights break one step before a loss shows it."""

    def step(gan, knobs):
        loss = gan.G(torch.zeros(1, 1)).square().mean()
        gan.opt_G.zero_grad()
        loss.backward()
        if knobs.n == 70:
            gan.G[0].weight.grad.fill_(math.nan)
        gan.opt_G.step()
        return {"loss": loss}

    def build():
        G = mlp(1, 4, 1)
        return Players(G=G, opt_G=adam(G))

    run = Run(build, step, {})
    with pytest.raises(FloatingPointError, match="'loss' is nan in step 72"):
        run.steps(100)
    assert run.n == 70 and run.gan.G(torch.zeros(1, 1)).isfinite().all()


def test_descend_stops_at_the_line_of_the_loss():
    net = mlp(1, 1)
    before = net[0].weight.clone()
    with pytest.raises(FloatingPointError, match="the loss is nan"):
        descend(adam(net), net(torch.ones(1, 1)).mean() * math.nan, lr=0.1)
    assert torch.equal(net[0].weight, before)


# ---- side effects


def test_do_is_called_when_a_step_is_reached_for_the_first_time():
    calls = []
    run = Run(*LOOPS["ring"]).steps(100, every=40, do=lambda run: calls.append(run.n))
    run.steps(30, every=40, do=lambda run: calls.append(run.n))
    assert calls == [40, 80, 120]
    run.goto(70).steps(60, every=40, do=lambda run: calls.append(run.n))
    assert calls == [40, 80, 120]  # the very same steps again
    run.goto(70).set(lr_g=0.01)
    run.steps(60, every=40, do=lambda run: calls.append(run.n))
    assert calls == [40, 80, 120, 80, 120]  # other steps
    run.fork().goto(90).steps(40, every=40, do=lambda run: calls.append(run.n))
    assert calls == [40, 80, 120, 80, 120]  # a fork has been there, too


def test_a_report_never_changes_the_run():
    def report(run):
        for net in (*run.gan.G, run.gan.D):
            net.eval() if run.n % 20 else net.train()
            net(torch.randn(50, 2))
            net.requires_grad_(False)
        np.random.rand()

    build, step, knobs = LOOPS["two generators"]
    seen = Run(build, step, knobs).steps(60, do=report)
    assert everything(seen) == everything(Run(build, step, knobs).steps(60))
    build, step, knobs = LOOPS["loader"]
    seen = Run(build, step, knobs).steps(60, do=lambda run: next(run.gan.data))
    assert everything(seen) == everything(Run(build, step, knobs).steps(60))


def test_check_finds_what_hides_outside():
    Run(*LOOPS["pool"]).check()
    outside = []

    def step(gan, knobs):
        outside.append(0)
        return {"hidden": len(outside)}

    with pytest.raises(ValueError, match=r"step 1 gives other numbers .*hidden.*not in gan"):
        Run(ring_build, step, {}).check()


def test_threads_belong_to_the_run():
    seen, before = [], torch.get_num_threads()

    def step(gan, knobs):
        seen.append(torch.get_num_threads())
        return {"n": knobs.n}

    run = Run(ring_build, step, {}).steps(1)
    run.threads = 2
    run.steps(1)
    assert seen == [1, 2] and torch.get_num_threads() == before


# ---- as code


def test_code_makes_the_run_again():
    run = Run(ring_build, ring_step, RING_KNOBS, seed=2).steps(10)
    run.set(lambda_gp=3.0, lr_d=1e-4)
    run.steps(5).use(loops.clipped_step)
    run.steps(5)
    text = run.code()
    namespace = dict(vars(loops))
    exec(text, namespace)
    moves = [move[:2] for move in run.moves]
    assert [move[:2] for move in namespace["run"].moves] == moves and text.count("def ") == 3
    namespace["run"].moves = run.moves
    assert everything(namespace["run"]) == everything(run)


# ---- what a learner can get wrong


def one(gan, knobs):
    return {"one": 1}


@pytest.mark.parametrize("arguments, words", [
    ((None, one), "build must be a function"),
    ((ring_build, {"loss": 1}), "step must be a function"),
    ((lambda: None, one), r"build must return Players\(.*got None"),
    ((lambda: Players(G=lambda z: z), one), r"build must return Players\("),
    ((ring_build, one, {"n": 3}), "not n or step, got 'n'"),
    ((ring_build, one, {"learning rate": 3}), "got 'learning rate'"),
    ((ring_build, one, {"lr": math.nan}), "lr must be a finite number"),
    ((ring_build, one, {}, -1), "seed must be a whole number of at least 0, got -1"),
    ((lambda: Players(G=mlp(1, 1), file=open(__file__)), one), r"gan.file cannot be kept \(TextIOWrapper"),
    ((lambda: Players(G=mlp(1, 1), it=iter(torch.utils.data.DataLoader(range(9)))), one), r"gan.it cannot be kept .*take batches from Batches"),
])  # fmt: skip
def test_bad_beginnings_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        Run(*arguments)


@pytest.mark.parametrize("row, words", [
    (None, r'step must return numbers by name, \{"critic gap": gap\}, got None'),
    ({"gap": torch.ones(3, 1)}, r"'gap' as Tensor of shape \(3, 1\), .* its .mean\(\)"),
    ({"gap": "0.5"}, "'gap' as str"),
])  # fmt: skip
def test_bad_rows_are_named(row, words):
    run = Run(ring_build, lambda gan, knobs: row if knobs.n == 2 else {"gap": torch.ones(1, 1)}, {})
    with pytest.raises(ValueError, match=words):
        run.steps(5)
    assert run.n == 2 and list(run.log["gap"]) == [1.0, 1.0]


def test_what_a_step_leaves_in_gan_must_be_copied():
    def step(gan, knobs):
        gan.last = gan.G(torch.randn(3, 2))
        return {"one": 1}

    with pytest.raises(ValueError, match=r"gan.last cannot be kept .*detach"):
        Run(ring_build, step, {}).steps(5)


def test_knobs():
    kinds = dict(
        lam=log_slider(0.05, 50, 0.5), n_critic=slider(1, 5, 1, step=1), lr=slider(0, 1, 0.5), c=0.1, name="gan",
        method=choice("gan", "wgan"), on=switch(True), also=False, where=point(0, 1), k=3,
    )  # fmt: skip
    seen = []
    run = Run(ring_build, lambda gan, knobs: seen.append(dict(vars(knobs))) or {"one": 1}, kinds)
    run.steps(1).set(
        lam=50, n_critic=3.0, c=7, method="wgan", on=False, also=True, where=[2, 3], k=0.5, name="b"
    )
    run.steps(1)
    first = dict(n=0, lam=0.5, n_critic=1, lr=0.5, c=0.1, name="gan", method="gan", on=True)
    first |= dict(also=False, where=(0, 1), k=3)
    moved = dict(lam=50.0, n_critic=3, c=7, method="wgan", on=False, also=True, k=0.5, name="b")
    moved |= dict(where=(2.0, 3.0))
    assert seen == [first, first | moved | {"n": 1}] and run.moves[0] == (1, "lam", 50.0)
    for bad, words in [
        (dict(lamda=1), "there is no knob 'lamda'; there are lam, n_critic"),
        (dict(lam=51), "lam must be a finite number at least 0.05 and at most 50, got 51"),
        (dict(n_critic=1.5), "n_critic must be a whole number, got 1.5"),
        (dict(method="sgan"), "method must be one of 'gan', 'wgan', got 'sgan'"),
        (dict(on=1), "on must be one of False, True, got 1"),
        (dict(also=1), "also must be True or False, got 1"),
        (dict(name=2), "name must be a word such as 'gan', got 2"),
        (dict(c=math.inf), "c must be a finite number, got inf"),
        (dict(where=3), r"where must be a place \(x, y\), got 3"),
    ]:
        before = list(run.moves)
        with pytest.raises(ValueError, match=words):
            run.set(c=5, **bad) if "c" not in bad else run.set(**bad)
        assert run.moves == before  # all or nothing
    for make, arguments in ((slider, (1, 0, 0.5)), (slider, (0, 1, 2)), (log_slider, (0, 1, 0.5)), (choice, "a")):  # fmt: skip
        with pytest.raises(ValueError):
            make(*arguments)
    with pytest.raises(AttributeError, match="there is no knob 'lambda_gp'; there are n, lr"):
        _ = Knobs({"lr": 1}).lambda_gp
    with pytest.raises(AttributeError, match=r"run.set\(lr=...\) moves one"):
        Knobs({"lr": 1}).lr = 2
    with pytest.raises(KeyError, match=r"gap .the log has one"):
        run.log["gap"]


def test_reset():
    run = Run(ring_build, ring_step, RING_KNOBS, seed=1)
    once = everything(run.steps(20))
    run.set(lr_g=1e-2)
    run.steps(5).reset(seed=2)
    assert run.seed == 2 and run.n == 0 and run.moves == [] and run.knobs.lr_g == 1e-3
    run.reset(seed=1)
    assert everything(run.steps(20)) == once
    run._build = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        run.reset(seed=4)
    assert everything(run) == once and run.seed == 1  # as it was
    assert "run = Run(" in Run(functools.partial(ring_build), ring_step, RING_KNOBS).code()
    run = Run(ring_build, ring_step, RING_KNOBS | dict(place=point(0, 0)))
    run.set(place=np.array([1.0, 2.0]), lr_g=torch.tensor(0.5))
    assert run.knobs.place == (1.0, 2.0) and run.knobs.lr_g == 0.5


def test_descend_leaves_the_gradients_of_others_alone():
    gan = ring_build()
    before = [torch.full_like(p, 7.0) for p in gan.D.parameters()]
    for p, gradient in zip(gan.D.parameters(), before):
        p.grad = gradient.clone()
    descend(gan.opt_G, -gan.D(gan.G(torch.randn(8, 2))).mean(), lr=0.1)
    assert all(torch.equal(p.grad, gradient) for p, gradient in zip(gan.D.parameters(), before))
    assert all(p.grad is not None for p in gan.G.parameters())
