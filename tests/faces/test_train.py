"""The long training as a program: alone and as two processes, stopped, killed and resumed, and with bad arguments."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
import torch
from test_training import assert_same_history

from gan_edu.faces import make_faces
from gan_edu.faces import train as train_faces
from gan_edu.first_edition.checkpoints import load_checkpoint, load_generator
from gan_edu.first_edition.training import GAN

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SMALL = [
    "--width",
    "4",
    "--size",
    "8",
    "--faces",
    "40",
    "--batch-size",
    "6",
    "--save-every",
    "3",
    "--seed",
    "2",
]
ALONE = {
    name: value
    for name, value in os.environ.items()
    if name not in ("WORLD_SIZE", "RANK", "LOCAL_RANK")
} | {
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": os.pathsep.join([str(ROOT), str(HERE), str(HERE.parent / "first_edition")]),
    "CUDA_VISIBLE_DEVICES": "",
}


def program(*arguments, processes=1, run=("-m", "gan_edu.faces.train")):
    """Return a started `python -m gan_edu.faces.train`, or torchrun with so many processes of it."""
    torchrun = (
        ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
        if processes > 1
        else []
    )
    command = [sys.executable, *torchrun, *run, *SMALL, *map(str, arguments)]
    return subprocess.Popen(
        command, env=ALONE, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )  # fmt: skip


def finished(process):
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out


def family(process):
    """Return the started process and all that it has started."""
    process = psutil.Process(process.pid)
    return [*process.children(recursive=True), process]


def checkpoint(folder):
    return torch.load(folder / "checkpoint.pt", weights_only=True)["gan"]


def assert_same_state(one, other):
    for part in ("generator", "discriminator", "averaged"):
        assert all(torch.equal(value, other[part][name]) for name, value in one[part].items())
    np.testing.assert_array_equal(one["history"].numpy(), other["history"].numpy())


# ---- two processes

WORKER = """
import sys, torch, torch.distributed as dist
from gan_edu.faces import train as train_faces
rank, folder = int(sys.argv[1]), sys.argv[2]
torch.distributed.init_process_group("gloo")
from test_train import {function} as work
torch.save(work(rank), f"{{folder}}/{{rank}}.pt")
dist.destroy_process_group()
"""


def two_processes(function, folder):
    """Return what `function`(rank) returned in each of two processes that form a group."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    code = WORKER.format(function=function.__name__)
    running = []
    for rank in (0, 1):
        env = ALONE | dict(
            MASTER_ADDR="localhost", MASTER_PORT=str(port), WORLD_SIZE="2", RANK=str(rank)
        )
        running.append(
            subprocess.Popen(
                [sys.executable, "-c", code, str(rank), folder], env=env, stderr=subprocess.PIPE
            )
        )
    for process in running:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err.decode()
    return [torch.load(f"{folder}/{rank}.pt", weights_only=True) for rank in (0, 1)]


def trained(rank):
    """Train the script's GAN for a few steps; return what it has become."""
    options = train_faces.parse([*SMALL, "--out", f"/tmp/unused-{os.getpid()}"])
    options.out.rmdir()
    options.precision = torch.bfloat16
    gan = train_faces.make_gan(
        options, train_faces.load_images(options, rank, 2), torch.device("cpu")
    )
    for _ in range(20):
        gan.step()
    return gan.state_dict()


def test_two_processes_keep_the_same_weights_and_see_other_pictures(tmp_path):
    one, other = two_processes(trained, tmp_path)
    for part in ("generator", "discriminator", "averaged"):
        for name, value in one[part].items():
            if "running" not in name:  # the statistics of a batch are each process's own
                assert torch.equal(value, other[part][name]), name
    for part in ("d_optimizer", "g_optimizer"):
        for mine, its in zip(one[part]["state"].values(), other[part]["state"].values()):
            assert all(torch.equal(mine[name], its[name]) for name in mine)
    d_loss, norms = 0, [3, 4]
    assert not np.isclose(one["history"][:, d_loss], other["history"][:, d_loss]).any()
    assert torch.equal(one["history"][:, norms], other["history"][:, norms])


def plain_players():
    torch.manual_seed(5)
    generator = torch.nn.Sequential(
        torch.nn.Linear(3, 12), torch.nn.Tanh(), torch.nn.Unflatten(1, (3, 2, 2))
    )
    discriminator = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 2, bias=False),
        torch.nn.Softplus(),
        torch.nn.Flatten(),
        torch.nn.Linear(4, 1),
    )
    return generator.double(), discriminator.double()


def recorded(rank):
    """Move both players once with learning rate 1; return what this process drew, and the weights before and after."""
    drawn = []

    def sample(shape):
        def draw(n, generator=None):
            drawn.append(torch.randn(n, *shape, generator=generator, dtype=torch.float64))
            return drawn[-1]

        return draw

    generator, discriminator = plain_players()
    gan = train_faces.DistributedGAN(
        generator, discriminator, sample((3, 2, 2)), sample((3,)), penalty=train_faces.r1_penalty, batch_size=5,
        optimizer=torch.optim.SGD, hparams=train_faces.Hyperparameters(1.0, 1.0, lambda_gp=3.0),
    )  # fmt: skip
    gan.step()
    return [
        drawn,
        gan.generator.state_dict(),
        gan.discriminator.state_dict(),
        gan.history["grad_norm_d"].tolist(),
    ]


def test_two_processes_move_as_one_would_with_both_batches(tmp_path):
    (mine, generator_after, discriminator_after, norm), (its, *_) = two_processes(
        recorded, tmp_path
    )
    x_real, z, z_new = (torch.cat(pair) for pair in zip(mine, its))
    assert len(z) == 10 and not torch.equal(mine[0], its[0])
    generator, discriminator = plain_players()

    x = x_real.requires_grad_()
    logits_real, logits_fake = discriminator(x), discriminator(generator(z).detach())
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    loss = bce(logits_real, torch.ones_like(logits_real)) + bce(
        logits_fake, torch.zeros_like(logits_fake)
    )
    (slopes,) = torch.autograd.grad(logits_real.sum(), x, create_graph=True)
    (loss + 3.0 * slopes.flatten(1).norm(dim=1).square().mean() / 2).backward()
    gradients = [p.grad for p in discriminator.parameters()]
    assert norm[0] == pytest.approx(torch.cat([g.flatten() for g in gradients]).norm().item())
    with torch.no_grad():
        for p, gradient in zip(discriminator.parameters(), gradients):
            p -= gradient
    torch.testing.assert_close(discriminator.state_dict(), discriminator_after)

    logits = discriminator(generator(z_new))
    generator.zero_grad()
    bce(logits, torch.ones_like(logits)).backward()
    with torch.no_grad():
        for p in generator.parameters():
            p -= p.grad
    torch.testing.assert_close(generator.state_dict(), generator_after)


def diverging(rank):
    """Return what each process says when the loss of one of them is not finite."""
    gan = train_faces.DistributedGAN(
        *plain_players(), lambda n, generator: torch.randn(n, 3, 2, 2, generator=generator).double(),
        lambda n, generator: torch.randn(n, 3, generator=generator).double(), optimizer=torch.optim.SGD,
        d_loss=lambda real, fake: real.mean() * 0 + (torch.inf if rank == 1 else 0.0),
    )  # fmt: skip
    try:
        gan.step()
    except FloatingPointError as fault:
        return str(fault)


def test_a_loss_that_is_not_finite_in_one_process_stops_both(tmp_path):
    assert all(
        "the discriminator's loss became inf" in words
        for words in two_processes(diverging, tmp_path)
    )


@pytest.mark.parametrize("processes", [1, 2])
def test_a_killed_run_goes_on_from_its_checkpoint(tmp_path, processes):
    killed = program("--steps", 9999, "--out", tmp_path, processes=processes)
    while not (tmp_path / "checkpoint.pt").exists():
        assert killed.poll() is None, killed.stderr.read()
        time.sleep(0.01)
    for process in family(killed):
        process.kill()
    killed.communicate()
    before = checkpoint(tmp_path)["history"]
    steps = len(before)
    assert steps >= 3 and steps % 3 == 0
    rest = program("--steps", steps + 4, "--out", tmp_path, "--resume", processes=processes)
    assert f"{steps + 4} of {steps + 4} steps" in finished(rest)
    after = checkpoint(tmp_path)["history"]
    np.testing.assert_array_equal(after[:steps].numpy(), before.numpy())
    assert len(after) == steps + 4 and after[:, 0].isfinite().all()


@pytest.mark.parametrize("processes", [1, 2])
def test_resuming_gives_the_same_numbers_as_not_stopping(tmp_path, processes):
    finished(program("--steps", 8, "--out", tmp_path / "whole", processes=processes))
    finished(
        program("--steps", 8, "--minutes", 0, "--out", tmp_path / "parts", processes=processes)
    )
    assert len(checkpoint(tmp_path / "parts")["history"]) == 1
    finished(program("--steps", 8, "--out", tmp_path / "parts", "--resume", processes=processes))
    assert_same_state(checkpoint(tmp_path / "whole"), checkpoint(tmp_path / "parts"))


def test_the_processes_leave_no_thread_of_their_group_behind(tmp_path):
    # Gloo's threads let go of tensors when they like; while the interpreter ends, that aborts the process.
    script = tmp_path / "script.py"
    script.write_text(
        "import psutil, sys\nfrom gan_edu.faces import train as train_faces\ntrain_faces.main(sys.argv[1:])\n"
        "assert psutil.Process().num_threads() == 1, psutil.Process().threads()\n"
    )
    finished(program("--steps", 2, "--out", tmp_path / "run", processes=2, run=(str(script),)))


@pytest.mark.parametrize(
    "processes, number", [(1, signal.SIGINT), (1, signal.SIGTERM), (2, signal.SIGINT)]
)
def test_a_signal_ends_the_run_with_a_checkpoint(tmp_path, processes, number):
    process = program("--steps", 99999, "--out", tmp_path, processes=processes)
    while not (tmp_path / "checkpoint.pt").exists():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    for one in family(process):  # as a terminal does
        one.send_signal(number)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0 or processes > 1, (
        err
    )  # torchrun itself ends with an error after Ctrl-C
    assert "of 99999 steps" in out and "--resume goes on" in out
    steps = len(checkpoint(tmp_path)["history"])
    assert f"{steps} of 99999 steps" in out  # saved after its last step, not three steps before
    assert load_generator(tmp_path / "generator.pt").about["steps"] == steps
    assert not list(tmp_path.glob(".*"))


# ---- one process, in the test itself


@pytest.fixture
def quiet_signals():
    """Put the handlers back that a run in this process sets."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_real_pictures_with_a_log_and_a_generator_to_keep(tmp_path, quiet_signals, capsys):
    np.save(tmp_path / "mine.npy", make_faces(30, size=16)[0].permute(0, 2, 3, 1).numpy())
    arguments = [
        "--data",
        tmp_path / "mine.npy",
        "--log-dir",
        tmp_path / "log",
        "--out",
        tmp_path / "run",
        "--steps",
        5,
    ]
    train_faces.main([*SMALL, *map(str, arguments)])
    assert "step 3: d_loss" in capsys.readouterr().out
    assert len(checkpoint(tmp_path / "run")["history"]) == 5
    assert list((tmp_path / "log").glob("events*"))
    generator = load_generator(tmp_path / "run" / "generator.pt")
    assert generator.about == {"data": "mine.npy", "seed": 2, "steps": 5, "batch_size": 6}
    assert generator(torch.zeros(2, 100)).shape == (2, 3, 8, 8)
    assert (tmp_path / "run" / "samples.png").read_bytes().startswith(b"\x89PNG")


def test_the_run_is_that_of_a_gan_made_in_the_same_way(tmp_path, quiet_signals):
    arguments = [*SMALL, "--steps", "4", "--out", str(tmp_path / "run"), "--precision", "float32"]
    train_faces.main(arguments)
    options = train_faces.parse([*arguments[:-4], "--out", str(tmp_path / "other")])
    options.precision = torch.float32
    gan = train_faces.make_gan(options, make_faces(40, seed=2, size=8)[0], torch.device("cpu"))
    assert type(gan) is GAN
    gan.run(4)
    saved = load_checkpoint(
        tmp_path / "run" / "checkpoint.pt",
        train_faces.make_gan(options, make_faces(40, size=8)[0], torch.device("cpu")),
    )
    assert_same_history(gan, saved)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--width", "0"], "--width must be a whole number of at least 1, got 0"),
        (["--width", "wide"], "argument --width: invalid int value: 'wide'"),
        (["--batch-size", "-3"], "--batch-size must be a whole number of at least 1, got -3"),
        (["--steps", "0"], "--steps must be a whole number of at least 1, got 0"),
        (["--save-every", "0"], "--save-every must be"),
        (["--faces", "0"], "--faces must be"),
        (["--seed", "-1"], "--seed must be a whole number of at least 0, got -1"),
        (["--minutes", "nan"], "--minutes must be a finite number at least 0, got nan"),
        (["--lr", "-1"], "--lr must be a finite number at least 0, got -1.0"),
        (["--lambda-r1", "inf"], "--lambda-r1 must be a finite number at least 0, got inf"),
        (["--size", "48"], "--size must be a power of two of at least 8, got 48"),
        (["--size", "4"], "--size must be a power of two of at least 8, got 4"),
        (["--precision", "float16"], "invalid choice: 'float16'"),
        (
            ["--data", "/nowhere/at/all"],
            "--data must be a folder or a file, there is no '/nowhere/at/all'",
        ),
        (["--resume"], "--resume needs a checkpoint.pt in"),
        (["--out", "{folder}/file/run"], "Not a directory"),
        (["--log", "x", "--colour"], "unrecognized arguments: --colour"),
    ],
)
def test_bad_arguments_are_named(tmp_path, arguments, words, capsys):
    (tmp_path / "file").write_text("")
    arguments = [a.format(folder=tmp_path) for a in arguments]
    with pytest.raises(SystemExit) as ended:
        train_faces.main(["--out", str(tmp_path / "run"), *arguments])
    assert ended.value.code == 2 and words in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_run_is_not_overwritten_and_a_wrong_checkpoint_is_named(tmp_path, quiet_signals, capsys):
    (tmp_path / "checkpoint.pt").write_text("mine")
    with pytest.raises(SystemExit):
        train_faces.main([*SMALL, "--out", str(tmp_path)])
    assert "--out has a run already" in capsys.readouterr().err
    with pytest.raises(
        SystemExit, match=r"gan_edu.faces.train: .*is no checkpoint, or it is damaged"
    ):
        train_faces.main([*SMALL, "--out", str(tmp_path), "--resume"])
    assert (tmp_path / "checkpoint.pt").read_text() == "mine"
