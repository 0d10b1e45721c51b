"""Lesson 13: the check of its exercise on checkpoints; those on D's loss and G's turn are beside it."""

import pathlib
import tempfile

import torch
from torch import nn

from gan_edu.examine import GAP, faultless
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


# fmt: off
# A hint and when it is told stand on one line.
@faultless("four states and the epoch, and an older file is safe.")
def check_checkpoint(save, load):
    """Check save(path, gan, epoch) and load(path, gan) -> epoch, by a file that other players are read from."""
    with tempfile.TemporaryDirectory() as folder:
        path, first, other = pathlib.Path(folder) / "a.pt", small_gan(0), small_gan(1)
        try:
            yield GAP, save(path, first, 7) is ...
        except AttributeError as fault:
            yield GAP if "expected 'f'" in str(fault) else f"save stops with {fault}"
        yield "save has written no file with the name path.", not path.exists()
        left = [one.name for one in pathlib.Path(folder).iterdir() if one != path]
        yield f"beside the file lies {', '.join(left)}: os.replace gives it its name.", left
        try:
            torch.load(path, weights_only=True)
        except Exception:
            yield "the file cannot be read with weights_only=True: save state_dict()s and numbers, not the objects."
        epoch = load(path, other)
        yield GAP, epoch is ...
        for name in PARTS:
            yield f"{name} is not as it was saved. Is its state in the file, and does load put it back?", not torch.equal(numbers(getattr(first, name)), numbers(getattr(other, name)))
        yield f"the epoch was 7, load returns {epoch}.", epoch != 7
        yield from interrupted(save, path, small_gan(2))


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
    yield "stopped while it writes, save has spoilt the older file. Write under another name, then os.replace.", path.read_bytes() != before
