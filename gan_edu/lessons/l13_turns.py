"""Lesson 13: checks of its exercises on D's loss, and on G's turn in the tutorial's loop."""

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from gan_edu.examine import Remark, check
from gan_edu.run import Players


class Judge(nn.Sequential):
    """A small discriminator with batch normalisation."""

    def __init__(self):
        super().__init__(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.LeakyReLU(0.2), nn.Linear(3, 1), nn.Flatten(0))  # fmt: skip


def gradient(loss, seed):
    """Return a loss of D and its gradient, which must not reach the maker of the generated pictures."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        maker = nn.Linear(1, 2)
        D, x_real, x_fake = Judge(), torch.randn(6, 2), maker(torch.randn(6, 1)) - 1
    value = loss(D, x_real, x_fake)
    if value is ... or value is None or isinstance(value, tuple):
        return value
    value.backward()
    if maker.weight.grad is not None:
        raise Remark("the gradient reaches G: this is D's turn. Cut the way back.")
    grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in D.parameters()]
    return torch.cat([value.detach()[None], *(grad.flatten() for grad in grads)])


def loss_of(D, x, y, real=1.0, fake=0.0, factor=1.0, which=(1, 1)):
    ones = torch.ones(len(x))
    halves = bce(D(x), real * ones), bce(D(y.detach()), fake * ones)
    return factor * sum(use * half for use, half in zip(which, halves))


def mixed(D, x, y):
    return 2 * bce(D(torch.cat([x, y.detach()])), (torch.arange(12) < 6).float())


check_one_backward = check(loss_of, [(0,), (1,)], "one call does what two did.", {
    "the labels are the wrong way round: real pictures have 1.": dict(real=0.0, fake=1.0),
    "the label of generated pictures is 1. That is G's wish: D should say 0.": dict(fake=1.0),
    "that is the mean of the two losses: half of what two calls of backward give.": dict(factor=0.5),
    "the generated half is missing.": dict(which=(1, 0)),
    "the real half is missing.": dict(which=(0, 1)),
    "D has judged both halves as one batch. Its batch normalisation then takes one mean for both.": mixed,
    "that is the same, with D in one batch and half as large.": lambda *a: mixed(*a) / 2,
    "D should make this smaller: bce has its minus already.": dict(factor=-1.0),
}, through=gradient)  # fmt: skip


def in_turn(batch, gan, x_real):
    """Call batch(gan, x_real) and return what it returns; Remark where G's turn asks D wrongly, or G does not move."""
    asked, was = [], gan.G[0].weight.detach().clone()
    gan.D.register_forward_pre_hook(lambda _, given: asked.append(given[0]))
    try:
        found = batch(gan, x_real)
    except RuntimeError as fault:
        if "second time" not in str(fault):  # backward through a graph that is used up
            raise
        raise Remark(
            "G's turn needs a new opinion of D on x_fake: D has moved since `before`."
        ) from fault
    if not isinstance(found, tuple) or any(x is ... for x in found):
        return ... if found else None
    if not asked[-1].requires_grad:
        raise Remark("no gradient reaches G: in G's turn D judges x_fake itself, without detach.")
    if torch.equal(was, gan.G[0].weight):
        empty = gan.G[0].weight.grad is None
        what = "loss_G.backward() fills its .grad" if empty else "gan.opt_G.step() moves it"
        raise Remark(f"G has not moved: {what}. The order is zero_grad, backward, step.")
    return found


def after(batch, seed):
    """Return what two turns log, and all weights after them."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        G, D, x_real = nn.Sequential(nn.Linear(100, 2)), Judge(), torch.randn(6, 2)
        opts = {f"opt_{k}": torch.optim.SGD(net.parameters(), 0.5) for k, net in (("G", G), ("D", D))}  # fmt: skip
        found = [in_turn(batch, Players(G=G, D=D, **opts), x_real) for _ in range(2)][-1]
    if not isinstance(found, tuple):
        return found
    if len(found) != 5:
        raise Remark("leave the last line as it was: five things to log.")
    moved = [p.detach().flatten() for net in (D, G) for p in net.parameters()]
    return torch.cat([torch.stack([x.detach().mean() for x in found]), *moved])


def turn(gan, x_real, wish=1.0, empty=True, new=False):
    ones = torch.ones(len(x_real))
    made = [gan.G(torch.randn(len(x_real), 100)) for _ in range(1 + new)]
    on_real, before = gan.D(x_real), gan.D(made[0].detach())
    gan.opt_D.zero_grad()
    (loss_D := bce(on_real, ones) + bce(before, 0 * ones)).backward()
    gan.opt_D.step()
    if empty:
        gan.opt_G.zero_grad()
    (loss_G := bce(after := gan.D(made[-1]), wish * ones)).backward()
    gan.opt_G.step()
    return loss_D, loss_G, on_real, before, after


check_batch = check(turn, [(0,), (1,)], "D's turn, then G's.", {
    "in G's turn the label is 1: G wants D to say real.": dict(wish=0.0),
    "G's .grad still holds the gradient of the batch before: gan.opt_G.zero_grad().": dict(empty=False),
    "in G's turn D judges the same pictures x_fake once more. You have made new ones.": dict(new=True),
}, through=after)  # fmt: skip
