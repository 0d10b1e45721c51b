"""Lesson 13: the loops on the page and the package's agree, files are whole, and each wrong answer gets its own hint."""

import contextlib
import os
import shutil

import numpy as np
import pytest
import torch
from hints import each_wrong
from matplotlib.figure import Figure
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from benchmarks import face_curves
from benchmarks.stored import fingerprint
from gan_edu.faces import dcgan, make_faces
from gan_edu.lessons import l13_checks as checks
from gan_edu.lessons import l13_dcgan_faces as room
from gan_edu.lessons import l13_figures as figures
from gan_edu.lessons import l13_files as files
from gan_edu.players import Players, weights
from gan_edu.run import Run
from notebooks import cells

SETTINGS = dict(lr_d=1e-3, lr_g=1e-3, r1=1.0, real_label=1.0)


@pytest.fixture(scope="module")
def lesson():
    """What the cells define, without the panel, on 200 faces."""
    names = {"images": make_faces(200, seed=1)[0]}
    for cell in cells("13", "define"):
        if "live-panel" not in cell.metadata.tags:
            exec(cell.source, names)
    return names


def small(seed=0):
    """Return players of 16 x 16 pictures."""
    torch.manual_seed(seed)
    return dcgan.build_faces(make_faces(16, size=16)[0], width=4, batch_size=4)


def equal(one, other):
    pairs = zip(weights(Players(G=one.G, D=one.D)), weights(Players(G=other.G, D=other.D)))
    return all(torch.equal(p, q) for p, q in pairs)


# ---- the page and the package


def test_the_page_trains_as_the_package_does(lesson):
    def build():
        return dcgan.build_faces(lesson["images"])

    page = Run(lesson["build"], lesson["step"], SETTINGS, 3).steps(2)
    core = Run(build, dcgan.step_faces, {k: SETTINGS[k] for k in ("lr_d", "lr_g", "r1")}, 3).steps(2)  # fmt: skip
    assert equal(page.gan, core.gan) and page.log.keys() == core.log.keys()
    assert all(np.array_equal(page.log[name], core.log[name]) for name in core.log)
    smooth = Run(lesson["build"], lesson["step"], SETTINGS | dict(real_label=0.8, r1=0.0), 3).steps(1)  # fmt: skip
    assert abs(smooth.log["Loss_D"][0] - page.log["Loss_D"][0]) > 0.01


def test_the_loop_with_two_backwards_trains_as_the_step(lesson):
    once = Run(lesson["build"], lesson["step"], SETTINGS | dict(r1=0.0), 5)
    once.threads = 1
    gan, twin = once.fork().gan, once.fork().gan
    plain = dict(lesson, fast=lambda device: contextlib.nullcontext())
    exec("\n".join(cell.source for cell in cells("13") if "def step(gan" in cell.source), plain)
    torch.manual_seed(0)
    found = [lesson["batch_solution"](gan, dcgan.pictures(next(gan.batches), lesson["device"])) for _ in range(3)]  # fmt: skip
    torch.manual_seed(0)
    for n in range(3):
        log = plain["step"](twin, Players(n=n, lr_d=1e-3, lr_g=1e-3, r1=0.0, real_label=1.0))
    means = [x.sigmoid().mean() for x in found[-1][2:]]
    assert equal(gan, twin) and list(log.values()) == [*found[-1][:2], *means]


def test_all_of_a_step_is_on_the_device(lesson):
    """torch's meta device, which has shapes and no numbers, stands for a GPU."""

    def descend(opt, loss, lr=None):
        loss.backward(inputs=[p for group in opt.param_groups for p in group["params"]])

    names = dict(lesson)
    for name in ("build", "step"):
        exec(next(cell.source for cell in cells("13") if f"def {name}(" in cell.source), names)
    names.update(device="meta", fast=lambda device: contextlib.nullcontext(), descend=descend)
    names.update(adam=lambda net, betas: torch.optim.Adam(net.parameters(), betas=betas))
    found = names["step"](names["build"](), Players(n=0, **SETTINGS))
    assert {value.device.type for value in found.values()} == {"meta"}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_all_of_a_step_is_on_the_gpu(lesson):
    run = Run(lesson["build"], lesson["step"], SETTINGS).steps(1)
    states = [v for opt in (run.gan.opt_G, run.gan.opt_D) for s in opt.state.values() for v in s.values()]  # fmt: skip
    assert {x.device.type for x in (*weights(run.gan), *states)} == {"cuda"}


def test_bfloat16_is_asked_of_the_processor_of_the_networks(gpu_beside_an_old_processor):
    with dcgan.fast("cpu"):
        assert torch.nn.Linear(2, 2)(torch.zeros(1, 2)).dtype == torch.float32


# ---- pictures, curves, files


def test_two_calls_add_their_gradients():
    options = "the last", "the sum", "the mean"
    truth, table = room.which_gradient(small(), make_faces(8, size=16)[0], options)
    assert truth == "the sum" and "<td>0</td>" in table.data.split("the sum")[1]


def test_faces_are_made_without_changing_the_run():
    gan, z = small(), torch.randn(4, 100)
    before = {name: value.clone() for name, value in gan.G.state_dict().items()}
    made = {mode: room.faces_of(gan.G, z, mode) for mode in (True, False)}
    assert not torch.equal(made[True], made[False]) and gan.G.training
    assert all(torch.equal(before[name], value) for name, value in gan.G.state_dict().items())
    assert not torch.equal(made[True][:1], room.faces_of(gan.G, z[:1], True))
    together, single = figures.from_eval(gan.G, z)
    assert together == (made[True] - made[False]).abs().mean().item() != single
    assert figures.as_squares(torch.full((1, 100), -5.0)).unique().tolist() == [-1]


def test_knobs_of_the_panel_act():
    run = Run(small, room.steered(dcgan.step_faces), room.knobs)
    run.set(batch_size=8, beta1=0.3)
    run.steps(1)
    assert run.gan.batches.batch_size == 8 and run.gan.opt_D.param_groups[0]["betas"] == (0.3, 0.99)
    assert run.gan.opt_G.param_groups[0]["betas"] == (0.3, 0.99)


def test_tensorboard_gets_numbers_grids_and_both_graphs(tmp_path):
    board, run, z = files.Board(tmp_path), Run(small, dcgan.step_faces, SETTINGS), torch.randn(4, 100)  # fmt: skip
    run.steps(4, every=2, do=lambda run: board.write(run, z))
    board.close()
    events = EventAccumulator(str(tmp_path)).Reload()
    assert set(events.Tags()["scalars"]) == {f"train/{name}" for name in run.log}
    column = [(event.step, event.value) for event in events.Scalars("train/D(x)")]
    assert column == [(n + 1, pytest.approx(value)) for n, value in enumerate(run.log["D(x)"])]
    assert [image.step for image in events.Images("fixed latents")] == [2, 4]
    for name in "GD":
        assert "Conv" in str(EventAccumulator(str(tmp_path / name)).Reload().Graph())


def test_grids_and_lines(tmp_path):
    run = Run(small, dcgan.step_faces, SETTINGS).steps(4)
    files.save_grid(tmp_path / "a.png", run.gan.G, torch.randn(9, 100))
    assert os.listdir(tmp_path) == ["a.png"]
    line = files.report_line(run)
    assert line.startswith("step   4, epochs 1") and f"{run.log['Loss_D'][-1]:.3f}" in line
    figures.draw_pair({"long": run, "short": run.fork().goto(2)}, 2)
    assert run.n == 4  # it went back in a fork


def test_the_stored_curves_are_of_this_page():
    with np.load(face_curves.STORED) as stored:
        assert stored["code"] == fingerprint("13_dcgan_faces") and stored["minutes"] > 3
    found, _ = files.stored_curves()
    assert list(found) == [name.replace("source", "tutorial") for name in face_curves.RECIPES]
    for (_, _, parts), runs in zip(face_curves.RECIPES.values(), found.values()):
        assert len(runs) == 3 and {len(run["Loss_D"]) for run in runs} == {sum(n for n, _ in parts)}
    files.compare_curves(found)(fig := Figure())
    assert len(fig.axes) == 10 and len(fig.axes[1].lines) == 6


# ---- exercises


def loss(real=1.0, fake=0.0, factor=1.0, cut=lambda y: y.detach(), halves=(1, 1)):
    def answer(D, x, y):
        both = bce(D(x), torch.full((len(x),), real)), bce(D(cut(y)), torch.full((len(x),), fake))
        return factor * sum(use * half for use, half in zip(halves, both))

    return answer


def one_batch(D, x, y):
    return bce(D(torch.cat([x, y.detach()])), torch.cat([torch.ones(len(x)), torch.zeros(len(y))]))


test_each_wrong_loss_of_d_gets_its_own_hint = each_wrong(checks.check_one_backward,
    (loss(), "Right"), (lambda D, x, y: ..., "still a blank"), (loss(0.0, 1.0), "wrong way round"), (loss(fake=1.0), "G's wish"), (loss(factor=0.5), "the mean of the two"),
    (loss(cut=lambda y: y), "reaches G"), (loss(halves=(1, 0)), "generated half is missing"), (loss(halves=(0, 1)), "real half is missing"), (one_batch, "half as large"),
    (lambda *a: 2 * one_batch(*a), "one mean for both"), (loss(factor=-1.0), "its minus already"), (loss(0.9), "should be"),
)  # fmt: skip


def turn(*changes):
    """Return the solution of the exercise on the loop, with lines changed: (old, new) each."""
    (source,) = (cell.source for cell in cells("13") if "def batch_solution" in cell.source)
    for old, new in changes:
        assert old in source
        source = source.replace(old, new)
    exec(source, names := dict(torch=torch, bce=bce))
    return names["batch_solution"]


G_S, AGAIN = "label.fill_(1.0)", "gan.D(x_fake)"


test_each_wrong_batch_gets_its_own_hint = each_wrong(checks.check_batch,
    (turn(), "Right"), (turn((AGAIN, "gan.D(...)")), "still a blank"), (turn((f"bce(after, {G_S})", "...")), "still a blank"), (turn((G_S, "label")), "G wants D to say real"), (turn((AGAIN, "before")), "a new opinion"),
    (turn(("gan.opt_G.zero_grad()", "...")), "the batch before"), (turn(("gan.opt_G.zero_grad()", "gan.opt_D.zero_grad()")), "the batch before"), (turn(("loss_G.backward()", "...")), "loss_G.backward() fills"),
    (turn(("gan.opt_G.step()", "gan.opt_D.step()")), "gan.opt_G.step() moves"), (turn((AGAIN, "gan.D(x_fake.detach())")), "no gradient reaches G"), (turn((AGAIN, "gan.D(gan.G(torch.randn(len(x_real), 100)))")), "once more"),
    (turn((", before, after", "")), "five things"), (turn(("    return", "    found =")), "returns nothing"),
)  # fmt: skip


PARTS = "G", "D", "opt_G", "opt_D"


def saving(parts=PARTS, state=lambda part: part.state_dict(), last=os.replace, suffix=".new"):
    def save(path, gan, epoch):
        content = {name: state(getattr(gan, name)) for name in parts} | {"epoch": epoch}
        torch.save(content, f"{path}{suffix}")
        if suffix:
            last(f"{path}{suffix}", path)

    return save


def loading(parts=PARTS, epoch=lambda state: state["epoch"]):
    def load(path, gan):
        state = torch.load(path, weights_only=True)
        for name in parts:
            getattr(gan, name).load_state_dict(state[name])
        return epoch(state)

    return load


test_each_wrong_checkpoint_gets_its_own_hint = each_wrong(checks.check_checkpoint,
    ((saving(), loading()), "Right"), ((..., ...), "write a function"), ((lambda path, gan, epoch: torch.save(..., ...), loading()), "still a blank"), ((lambda *_: None, loading()), "no file"),
    ((saving(suffix=""), loading()), "stopped while it writes"), ((saving(last=shutil.copy), loading()), "beside the file"), ((saving(state=lambda part: part), loading()), "weights_only=True"),
    ((saving(), loading(PARTS[:2])), "opt_G is not"), ((saving(PARTS[:3]), loading(PARTS[:3])), "opt_D is not"), ((saving(), loading(epoch=lambda state: None)), "load returns None"), ((saving(), lambda *_: ...), "still a blank"),
)  # fmt: skip


def judged(last=lambda c: c[-(len(c) // 6) :], name="D(G(z)) before", both=lambda a, b: a and b, words=("D has won", "D has lost"), swap=False, lost=lambda x, z: x - z < 0.1):  # fmt: skip
    def answer(log):
        x, z = (last(log[n]).mean() for n in (("D(x)", name)[:: -1 if swap else 1]))
        return words[0] if both(x > 0.8, z < 0.2) else words[1] if lost(x, z) else "open"

    return answer


test_each_wrong_verdict_gets_its_own_hint = each_wrong(checks.check_verdict,
    (judged(), "Right"), (lambda log: ..., "still a blank"), (lambda log: None, "returns nothing yet"), (judged(lambda c: c), "means of the whole run"), (judged(lambda c: c[: len(c) // 6]), "first sixth"), (judged(lambda c: c[-1:]), "last step alone"),
    (judged(lambda c: c[-6:]), "last six steps"), (judged(lambda c: c[-100:]), "last 100 steps"), (judged(both=lambda a, b: a or b), "one of the two is enough"), (judged(name="D(G(z)) after"), "after D's update"), (judged(lost=lambda x, z: x < 0.55), "D(x) alone"),
    (judged(swap=True), "D(G(z)) have changed places"), (judged(words=("D has lost", "D has won")), "D has lost have changed places"), (judged(words=("D wins", "D loses")), "you say 'D wins'"), (lambda log: ... if log["D(x)"][0] else 1, "still a blank"),
)  # fmt: skip
