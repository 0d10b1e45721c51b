"""The long training as a program: stopped, killed and resumed, on a full disk, as two processes, and with bad arguments."""

import contextlib
import errno
import os
import pathlib
import signal
import subprocess
import sys

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from core.test_run import flat

from gan_edu.faces import dcgan, make_faces, train
from gan_edu.faces.dcgan import build_faces, step_faces
from gan_edu.players import Players, weights
from gan_edu.run import Run

SMALL = "--width 4 --size 8 --faces 40 --batch-size 6 --save-every 3 --seed 2".split()


@pytest.fixture(autouse=True)
def handlers():
    """Ctrl-C works as before afterwards."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def program(out, *arguments):
    train.main([*SMALL, "--out", str(out), *map(str, arguments)])
    return torch.load(out / "checkpoint.pt", weights_only=True)


def test_a_resumed_run_is_the_run_that_never_stopped(tmp_path, capsys):
    once = program(tmp_path / "once", "--steps", 7)
    program(tmp_path / "twice", "--steps", 4)
    twice = program(tmp_path / "twice", "--steps", 7, "--resume")
    assert once["n"] == twice["n"] == 7 and flat(once["gan"]) == flat(twice["gan"])
    assert flat(once["log"]) == flat(twice["log"]) and "7 of 7 steps" in capsys.readouterr().out
    left = {path.name for path in (tmp_path / "once").iterdir()}
    assert left == {"checkpoint.pt", "generator.pt", "samples.png", "tensorboard"}
    generator = train.load_generator(tmp_path / "once" / "generator.pt")
    assert generator.about["steps"] == 7 and not generator.training
    mean_G = once["gan"]["mean_G"]["state"]
    last = mean_G["module." + list(generator.state_dict())[-1]]
    assert torch.equal(list(generator.state_dict().values())[-1], last.half().float())


def test_the_options_reach_the_run(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(train, "train", lambda run, options, first: seen.append((run, options)))
    recipe = "--width 8 --lr 2e-4 --beta1 0.5 --beta2 0.999 --lambda-r1 0 --epochs 5 --batch-size 8"
    train.main([*SMALL, "--out", str(tmp_path), *recipe.split()])
    ((run, options),) = seen
    assert (run.knobs.lr_d, run.knobs.lr_g, run.knobs.r1, run.seed) == (2e-4, 2e-4, 0, 2)
    assert run.gan.opt_D.param_groups[0]["betas"] == (0.5, 0.999) and options.steps == 25
    assert next(run.gan.D.parameters()).shape[0] == 8 and run.gan.batches.batch_size == 8


def test_ctrl_c_ends_after_the_step_and_saves(tmp_path, monkeypatch):
    def step(gan, knobs):
        if knobs.n == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return step_faces(gan, knobs)

    monkeypatch.setattr(train, "step_faces", step)
    assert program(tmp_path, "--steps", 50)["n"] == 2


KILLED = """
import os, signal, sys
from gan_edu.faces import train
saves, replace = [], os.replace
def killed(old, new):
    saves.append(new.name)
    if saves.count("checkpoint.pt") == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(old, new)
os.replace = killed
train.main(sys.argv[1:])
"""


def test_killed_while_it_saves(tmp_path):
    arguments = [*SMALL, "--out", str(tmp_path), "--steps", "50"]
    ended = subprocess.run([sys.executable, "-c", KILLED, *arguments], capture_output=True)
    assert ended.returncode == -signal.SIGKILL
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["n"] == 3
    assert program(tmp_path, "--steps", 7, "--resume")["n"] == 7


def test_a_full_disk_loses_nothing(tmp_path, monkeypatch):
    program(tmp_path, "--steps", 3)
    before = (tmp_path / "checkpoint.pt").read_bytes()

    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pathlib.Path, "write_bytes", full)
    with pytest.raises(SystemExit, match="the disk is full"):
        program(tmp_path, "--steps", 9, "--resume")
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


@pytest.mark.parametrize("spoil, said", [
    (lambda content: content[:-100], "not whole"), (lambda content: b"", "not whole"), (lambda content: b"GIF89a" + content, "not whole"),
])  # fmt: skip
def test_spoilt_checkpoints_are_told(spoil, said, tmp_path):
    program(tmp_path, "--steps", 1)
    kept = tmp_path / "checkpoint.pt"
    kept.write_bytes(spoil(kept.read_bytes()))
    with pytest.raises(SystemExit, match=said):
        program(tmp_path, "--resume")
    generator = tmp_path / "generator.pt"
    generator.write_bytes(spoil(generator.read_bytes()))
    with pytest.raises(ValueError, match=said):
        train.load_generator(generator)


def test_a_checkpoint_of_other_networks_is_told(tmp_path):
    program(tmp_path, "--steps", 1)
    with pytest.raises(SystemExit, match="other players"):
        program(tmp_path, "--resume", "--width", "8")
    torch.save({"format": "something"}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match="no gan_edu generator 1, or not whole"):
        train.load_generator(tmp_path / "other.pt")
    with pytest.raises(FileNotFoundError):
        train.load_generator(tmp_path / "none.pt")


@pytest.mark.parametrize("arguments, said", [
    (["--width", "0"], "--width must be"), (["--lr", "-1"], "--lr must be"), (["--beta1", "1"], "--beta1 must be"), (["--resume"], "--resume needs a checkpoint"),
    (["--data", "nowhere"], "there is no nowhere"), (["--size", "12"], "power of two"), (["--batch-size", "99"], "batch_size must be at most 40"),
])  # fmt: skip
def test_bad_arguments_are_told(arguments, said, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        train.main([*SMALL, "--out", str(tmp_path), *arguments])
    assert said in capsys.readouterr().err + str(ended.value)


def test_a_run_is_not_overwritten(tmp_path, capsys):
    program(tmp_path, "--steps", 1)
    with pytest.raises(SystemExit):
        program(tmp_path, "--steps", 1)
    assert "has a run already" in capsys.readouterr().err


def test_the_shipped_generator_is_that_of_the_course():
    G = train.load_generator()
    x = G(torch.randn(4, 100, generator=torch.Generator().manual_seed(0)))
    assert x.shape == (4, 3, 64, 64) and x.std() > 0.3 and G.about["steps"] == 21_753


# ---- several processes


def pieces(rank, world):
    """Return players without batch normalisation and with plain gradient descent, and their share of batches and latents."""
    torch.manual_seed(5)
    gan = build_faces(make_faces(8, size=8)[0], width=4, batch_size=4, norm=False)
    gan = Players(**vars(gan) | dict(opt_G=torch.optim.SGD(gan.G.parameters()), opt_D=torch.optim.SGD(gan.D.parameters())))  # fmt: skip
    gan.G.eval()  # batch normalisation of G by its stored numbers: the batch of a process is only half of it
    for p in weights(gan):
        p.data += 0.1 * torch.randn_like(p)
    batches, latents = make_faces(12, seed=3, size=8)[0].chunk(3), torch.randn(3, 4, 100)
    gan.batches = iter([batch[rank::world] for batch in batches])
    return gan, [z[rank::world] for z in latents]


def trained(step, rank=0, world=1):
    gan, latents = pieces(rank, world)
    torch.randn = lambda *size, device=None: latents.pop(0)
    for n in range(3):
        step(gan, Players(n=16 * n, lr_d=0.05, lr_g=0.05, r1=0.5))  # R1 in every step
    return torch.cat([p.detach().flatten() for p in (*gan.G.parameters(), *gan.D.parameters())])


def process(rank, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"file://{folder}/meet", rank=rank, world_size=2)
    found = trained(train.together(step_faces), rank, 2)
    torch.save(found, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


def test_two_processes_train_as_one_with_the_same_batch(tmp_path, monkeypatch):
    monkeypatch.setattr(torch, "randn", torch.randn)
    monkeypatch.setattr(dcgan, "fast", lambda place: contextlib.nullcontext())  # for equal numbers
    mp.start_processes(process, (str(tmp_path),), nprocs=2, start_method="fork")
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    before = torch.cat([p.detach().flatten() for net in "GD" for p in getattr(pieces(0, 1)[0], net).parameters()])  # fmt: skip
    alone = trained(step_faces)
    assert torch.equal(first, second) and (alone - before).abs().max() > 0.01
    # The penalty is a mean over the pictures, so that the mean of both halves is that of the whole.
    assert (first - alone).abs().max() < 1e-4 * (alone - before).abs().max()


def test_each_process_has_other_pictures_and_latents(monkeypatch):
    options = train.parse([*SMALL, "--out", "unused"])
    pathlib.Path("unused").rmdir()
    parts = [train.share(options, rank, 2) for rank in (0, 1)]
    assert len(parts[0]) == len(parts[1]) == 40 and not torch.equal(*parts)
    seeds = []
    monkeypatch.setattr(dist, "get_world_size", lambda: 2)
    monkeypatch.setattr(train, "DistributedDataParallel", lambda net, **_: net)
    for rank in (0, 1):
        monkeypatch.setattr(dist, "get_rank", lambda rank=rank: rank)
        step = train.together(lambda gan, knobs: seeds.append(torch.initial_seed()))
        for n in range(3):
            step(Players(G=1, D=2), Players(n=n))
    assert sorted(seeds) == list(range(6))


def test_a_checkpoint_does_not_depend_on_the_number_of_processes():
    images = make_faces(8, size=8)[0]
    run = Run(lambda: build_faces(images, 4, 4), step_faces, dict(lr_d=1e-3, lr_g=1e-3, r1=1.0))
    assert [type(net).__name__ for net in (run.gan.G, run.gan.D)] == ["DCGANGenerator", "DCGANDiscriminator"]  # fmt: skip
