"""Lesson 13: the check of its exercise on checkpoints; those on D's loss and G's turn are beside it."""

import pathlib
import tempfile

import torch
from torch import nn

from gan_edu.examine import GAP, Remark, examine
from gan_edu.lessons.l13_turns import check_batch as check_batch
from gan_edu.lessons.l13_turns import check_one_backward as check_one_backward
from gan_edu.run import Players, adam


def small_gan(seed):
    """Return two small networks and their optimisers after one step of each."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        G, D = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)), nn.Linear(3, 1)
        gan = Players(G=G, D=D, opt_G=adam(G), opt_D=adam(D))
        D(G(torch.randn(4, 2))).sum().backward()
    gan.opt_G.step()
    gan.opt_D.step()
    return gan


def numbers(part):
    """Return all numbers of a network or an optimiser."""
    state = part.state_dict()
    if isinstance(part, nn.Module):
        return torch.cat([v.flatten().float() for v in state.values()])
    moments = [v.flatten() for s in state["state"].values() for v in s.values()]
    return torch.cat(moments) if moments else torch.zeros(0)


PARTS = "G", "D", "opt_G", "opt_D"


def check_checkpoint(*answers):
    """Check save(path, gan, epoch) and load(path, gan) -> epoch, by a file that other players are read from."""

    def faults():
        save, load = answers
        with tempfile.TemporaryDirectory() as folder:
            path, first, other = pathlib.Path(folder) / "a.pt", small_gan(0), small_gan(1)
            try:
                if save(path, first, 7) is ...:
                    yield GAP
            except AttributeError as fault:
                yield GAP if "expected 'f'" in str(fault) else f"save stops with {fault}"
            if not path.exists():
                yield "save has written no file with the name path."
            if left := [one.name for one in pathlib.Path(folder).iterdir() if one != path]:
                yield f"beside the file lies {left[0]}: os.replace gives it its name."
            try:
                torch.load(path, weights_only=True)
            except Exception:
                yield "the file cannot be read with weights_only=True: save state_dict()s and numbers, not the objects."
            epoch = load(path, other)
            if epoch is ...:
                yield GAP
            for name in PARTS:
                if not torch.equal(numbers(getattr(first, name)), numbers(getattr(other, name))):
                    yield f"{name} is not as it was saved. Is its state in the file, and does load put it back?"
            if epoch != 7:
                yield f"the epoch was 7, load returns {epoch}."
            yield from interrupted(save, path, small_gan(2))

    def asked(_):
        for hint in faults():
            raise Remark(hint)
        return 0

    given = asked if all(map(callable, answers)) else ...
    words = "four states and the epoch, and an older file is safe."
    return examine(given, [(0,)], lambda _: 0, words=words)


def interrupted(save, path, gan):
    """Yield what is wrong when a save is stopped in the middle: the older file must still be there."""
    before, at_work = path.read_bytes(), torch.save

    def stopped(state, file, *more, **how):
        at_work(state, file, *more, **how)
        raise KeyboardInterrupt

    torch.save = stopped
    try:
        save(path, gan, 8)
    except KeyboardInterrupt:
        pass
    finally:
        torch.save = at_work
    if path.read_bytes() != before:
        yield "stopped while it writes, save has spoilt the older file. Write under another name, then os.replace."
