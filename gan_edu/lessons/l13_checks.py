"""Lesson 13: checks of its exercises."""

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from gan_edu.examine import GAP, Remark, examine
from gan_edu.lessons.l13_slips import check_checkpoint as check_checkpoint
from gan_edu.lessons.l13_slips import check_source_slips as check_source_slips
from gan_edu.lessons.l13_slips import faultless
from gan_edu.lessons.l13_turns import Judge
from gan_edu.lessons.l13_turns import check_batch as check_batch


def check_on_device(answer):
    """Check (G, D, batch, device) -> (G, D, x_real, z), all on the device: torch's meta device stands for a GPU."""

    def faults(start):
        batch = torch.tensor([0.0, 51, 255]).byte().repeat(5, 4, 4)[:, None]
        meta, cpu = torch.device("meta"), torch.device("cpu")
        for place in (cpu, meta):
            found = start(nn.Linear(2, 3), nn.Linear(3, 1), batch, place)
            if not isinstance(found, tuple) or any(one is ... for one in found):
                yield GAP if found is not None else "return G, D, x_real, z."
            if len(found) != 4:
                yield "return four things: G, D, x_real, z."
            *nets, x, z = found
            for name, net in zip("GD", nets):
                if not isinstance(net, nn.Module):
                    yield f"{name} should be the network, not {type(net).__name__}: G.to(device) returns it."
                if next(net.parameters()).device != place:
                    yield f"{name} is not on the device."
            for name, one in (("the batch", x), ("z", z)):
                if one.device != place:
                    yield f"the networks are there, but {name} is not: the first layer would stop."
            if not x.is_floating_point():
                yield "the batch still holds bytes: make them floats."
            if z.shape != (5, 100):
                yield f"z should have shape (5, 100) for a batch of 5, it has {tuple(z.shape)}: take the batch's length."
            if place == cpu:
                low, high = x.min().item(), x.max().item()
                if (low, high) != (-1, 1):
                    yield f"the batch should go from −1 to 1, it goes from {low:g} to {high:g}."

    return faultless(answer, faults, "everything is in one place.")


def check_one_backward(answer):
    """Check D's loss (D, x_real, x_fake) -> number: its gradient is that of two calls, and it does not reach G."""

    def parts(seed, reaches=False):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            maker = nn.Linear(1, 2)
            return Judge(), torch.randn(6, 2), maker(torch.randn(6, 1)) - 1, maker

    def gradient(loss):
        def measured(seed):
            D, x_real, x_fake, maker = parts(seed)
            value = loss(D, x_real, x_fake)
            if value is ... or value is None or isinstance(value, tuple):
                return value
            value.backward()
            if loss is answer and maker.weight.grad is not None:
                raise Remark("the gradient reaches G: this is D's turn. Cut the way back.")
            grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in D.parameters()]
            return torch.cat([value.detach()[None], *(grad.flatten() for grad in grads)])

        return measured

    def by(real=1.0, fake=0.0, factor=1.0, which=(1, 1)):
        def loss(D, x, y):
            ones = torch.ones(len(x))
            halves = bce(D(x), real * ones), bce(D(y.detach()), fake * ones)
            return factor * sum(use * half for use, half in zip(which, halves))

        return loss

    def mixed(D, x, y):
        return 2 * bce(D(torch.cat([x, y.detach()])), (torch.arange(12) < 6).float())

    mistakes = {
        "the labels are the wrong way round: real pictures have 1.": by(0.0, 1.0),
        "the label of generated pictures is 1. That is G's wish: D should say 0.": by(fake=1.0),
        "that is the mean of the two losses: half of what two calls of backward give.": by(factor=0.5),
        "the generated half is missing.": by(which=(1, 0)),
        "the real half is missing.": by(which=(0, 1)),
        "D has judged both halves as one batch. Its batch normalisation then takes one mean for both.": mixed,
        "that is the same, with D in one batch and half as large.": lambda *a: mixed(*a) / 2,
        "D should make this smaller: bce has its minus already.": by(factor=-1.0),
    }  # fmt: skip
    given = gradient(answer) if callable(answer) else answer
    wrong = {hint: gradient(loss) for hint, loss in mistakes.items()}
    return examine(given, [(0,), (1,)], gradient(by()), wrong, "one call does what two did.")
