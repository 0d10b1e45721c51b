"""Runs as files: whole or not at all, bad ones named, nothing run that is in them. That they go on: test_run.py."""

import errno
import pathlib

import pytest
import torch
from core.loops import RING_KNOBS, ring_build, ring_step

from gan_edu.networks import mlp
from gan_edu.run import Players, Run, adam


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    run = Run(ring_build, ring_step, RING_KNOBS).steps(3)
    path = tmp_path / "run.pt"
    run.save(path)
    before = path.read_bytes()
    assert [file.name for file in tmp_path.iterdir()] == ["run.pt"]

    def full(self, data):
        with open(self, "wb") as file:
            file.write(bytes(data)[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pathlib.Path, "write_bytes", full)
        with pytest.raises(OSError, match="could not be written: the disk is full"):
            run.steps(3).save(path)
    assert path.read_bytes() == before and [file.name for file in tmp_path.iterdir()] == ["run.pt"]
    with pytest.raises(OSError, match=r"written: No such file or directory\. Nothing"):
        run.save(tmp_path / "none" / "run.pt")


def other_ring():
    G, D = mlp(2, 32, 2), mlp(2, 64, 64, 1)
    return Players(G=G, D=D, opt_G=adam(G), opt_D=adam(D))


def sgd_ring():
    gan = ring_build()
    gan.opt_G = torch.optim.SGD(gan.G.parameters())
    return gan


class Foreign:
    """What a file may hold that runs code when it is unpickled."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return open, (str(self.folder / "ran"), "w")


def test_bad_files_are_named(tmp_path):
    path = tmp_path / "run.pt"
    Run(ring_build, ring_step, RING_KNOBS).steps(3).save(path)
    whole = path.read_bytes()
    with pytest.raises(FileNotFoundError):
        Run.load(tmp_path / "none.pt", ring_build, ring_step)
    for build, words in (
        (other_ring, r"(?s)holds other players than build\(\) makes: gan.G: .*0.weight"),
        (sgd_ring, "holds other players .*gan.opt_G is SGD, not Adam"),
        (lambda: Players(G=mlp(2, 64, 64, 2)), "holds other players .*gan.D"),
        (lambda: Players(**vars(ring_build()), E=mlp(1, 1)), "holds other players .*gan.E"),
    ):
        with pytest.raises(ValueError, match=words), pytest.warns(UserWarning, match="another b"):
            Run.load(path, build, ring_step)
    for content in (whole[:-1], b"", b"hello", whole[:500] + b"\0" * 50 + whole[550:]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="is no run of gan_edu, or not whole"):
            Run.load(path, ring_build, ring_step)
    for foreign in ([1, 2], {"kind": "something"}, {"kind": "run of gan_edu"}, Foreign(tmp_path)):
        torch.save(foreign, path)
        with pytest.raises(ValueError, match="is no run of gan_edu"):
            Run.load(path, ring_build, ring_step)
    assert not (tmp_path / "ran").exists()


def test_what_a_file_cannot_hold_is_named(tmp_path):
    class Thing:
        pass

    run = Run(lambda: Players(G=mlp(1, 1), pool=[torch.ones(1), Thing()]), ring_step, {})
    with pytest.raises(ValueError, match=r"gan.pool\[1\] \(Thing\) cannot be saved"):
        run.save(tmp_path / "run.pt")
