"""Lesson 13: checks of its exercises whose answers are a file or letters."""

import pathlib
import tempfile

import torch
from torch import nn

from gan_edu.examine import GAP, Remark, examine
from gan_edu.run import Players, adam


def faultless(answer, faults, words):
    """Examine an answer by a function that finds its faults: it yields hints, or nothing where there is none."""

    def asked(_):
        for hint in faults(answer):
            raise Remark(hint)
        return 0

    return examine(asked if callable(answer) else answer, [(0,)], lambda _: 0, words=words)


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

    def faults(_):
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

    given = (lambda: 0) if all(map(callable, answers)) else ...
    return faultless(given, faults, "four states and the epoch, and an older file is safe.")


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


SLIPS = {  # of the ten lines of section 5: why it is none, or what to ask of somebody who has not found it
    "a": (True, "Which line puts a picture into the list?"),
    "b": (True, "How large is the picture that G makes of 64 × 64 latents, and what is a latent?"),
    "c": (False, "the gradient of the real half is already taken, so the labels may change."),
    "d": (False, "D's turn must not reach G."),
    "e": (True, "For which of five epochs is `epoch % 100` equal to 0, and what is it better than?"),
    "f": (False, "G's turn needs the way back, so there is no detach."),
    "g": (True, "What is `batch[0]` when a batch is one tensor (128, 3, 64, 64)?"),
    "h": (False, "β₁ = 0.5 and 0.0002 are the paper's."),
    "i": (False, "BCELoss wants probabilities, and a sigmoid makes them."),
    "j": (True, "What does Python read in `'Train\\%s'`? TensorBoard makes groups at “/”."),
}  # fmt: skip


def check_source_slips(found):
    """Check which of ten lines of the blog's program are slips: a string or a set of letters."""

    def faults(_):
        if not isinstance(found, (str, set, list, tuple)) or not all(isinstance(x, str) for x in found):  # fmt: skip
            yield 'write the letters of the five lines, as in "xyz".'
        letters = {one for one in "".join(found).lower() if one.isalpha()}
        for one in sorted(letters):
            if one not in SLIPS:
                yield f"there is no line {one}."
            if not SLIPS[one][0]:
                yield f"line {one} is right: {SLIPS[one][1]}"
        missing = [one for one, (slip, _) in SLIPS.items() if slip and one not in letters]
        if missing:
            yield f"right so far, {5 - len(missing)} of 5. Look at line {missing[0]}. {SLIPS[missing[0]][1]}"

    return faultless(lambda: found, faults, "these are the five.")
