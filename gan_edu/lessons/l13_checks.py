"""Lesson 13: checks of its exercises on curves and on checkpoints; those on D's loss and G's turn are beside them."""

import pathlib
import tempfile

import numpy as np
import torch
from torch import nn

from gan_edu.examine import GAP, Remark, examine, faultless
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


def curves(*parts, after=None):
    """Return a log whose D(x) and D(G(z)) stand still in each part: (steps, D(x), D(G(z)) before)."""
    x, z = (np.concatenate([np.full(n, row[k]) for n, *row in parts]) for k in (0, 1))
    return {"D(x)": x, "D(G(z)) before": z, "D(G(z)) after": z / 3 if after is None else z + after}


LOGS = [
    curves((50, 0.6, 0.4), (10, 0.9, 0.1)), curves((55, 0.9, 0.1), (5, 0.3, 0.7), after=-0.05), curves((50, 0.95, 0.05), (10, 0.65, 0.35)),
    curves((60, 0.9, 0.3)), curves((60, 0.7, 0.1)), curves((50, 0.9, 0.1), (10, 0.5, 0.5)), curves((59, 0.7, 0.3), (1, 0.95, 0.05)),
    curves((125, 0.6, 0.4), (25, 0.9, 0.1)), curves((560, 0.5, 0.45), (40, 0.9, 0.1)), curves((54, 0.6, 0.4), (6, 0.95, 0.05)), curves((60, 0.6, 0.1)), curves((60, 0.95, 0.9)), curves((10, 0.9, 0.1), (50, 0.65, 0.35)),
]  # fmt: skip


def check_verdict(answer):
    """Check verdict(log): who has won by the means of the last sixth, or that the game is open."""

    def rule(x, z):
        return "D has won" if x > 0.8 and z < 0.2 else "D has lost" if x - z < 0.1 else "open"

    def by(log, last=lambda c: c[-(len(c) // 6) :], rule=rule, name="D(G(z)) before"):
        return rule(last(log["D(x)"]).mean(), last(log[name]).mean())

    def seen(k):
        found = [answer(log) for log in LOGS]
        if ... in found or None in found:
            return ... if ... in found else None
        if found == [by(log) for log in LOGS]:
            return 1.0
        for hint, mistake in mistakes.items():
            if found == [by(log, **mistake) for log in LOGS]:
                raise Remark(hint)
        log, said = next((log, said) for log, said in zip(LOGS, found) if said != by(log))
        x, z = (log[name][-(len(log[name]) // 6) :].mean() for name in ("D(x)", "D(G(z)) before"))
        raise Remark(f"at the end of a run D(x) is {x:.2f} and D(G(z)) {z:.2f}: it should be {by(log)!r}, you say {said!r}.")  # fmt: skip

    mistakes = {
        "these are the means of the whole run: take its last sixth.": dict(last=lambda c: c),
        "that is the first sixth: take the last one.": dict(last=lambda c: c[: len(c) // 6]),
        "that is the last step alone, and the curves jump: take a mean.": dict(last=lambda c: c[-1:]),
        "these are the last six steps: a sixth of 600 steps are 100.": dict(last=lambda c: c[-6:]),
        "these are always the last 100 steps: a sixth of 150 steps are 25.": dict(last=lambda c: c[-100:]),
        "one of the two is enough for you: D has won if D(x) is high and D(G(z)) is low.": dict(rule=lambda x, z: "D has won" if x > 0.8 or z < 0.2 else rule(x, z)),
        "D(x) alone does not say it: a D that takes everything for real has lost, too.": dict(rule=lambda x, z: "D has won" if x > 0.8 and z < 0.2 else "D has lost" if x < 0.55 else "open"),
        "D(G(z)) after D's update is lower: take the one before it.": dict(name="D(G(z)) after"),
        "D(x) and D(G(z)) have changed places.": dict(rule=lambda x, z: rule(z, x)),
        "D has won and D has lost have changed places.": dict(rule=lambda x, z: {"D has won": "D has lost", "D has lost": "D has won"}.get(rule(x, z), "open")),
    }  # fmt: skip
    return examine(seen if callable(answer) else answer, [(0,)], lambda k: 1.0, words="it judges the end of a run.")  # fmt: skip
