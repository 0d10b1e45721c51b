"""Lesson 13: checks of its exercises on D's loss, and on G's turn in the tutorial's loop."""

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from gan_edu.examine import Remark, examine
from gan_edu.run import Players


class Judge(nn.Sequential):
    """A small discriminator with batch normalisation."""

    def __init__(self):
        super().__init__(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.LeakyReLU(0.2), nn.Linear(3, 1), nn.Flatten(0))  # fmt: skip


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


def check_batch(answer):
    """Check (gan, x_real) -> (D's loss, G's loss, three outputs of D), which trains both once, as the tutorial does."""

    def after(batch):
        def measured(seed):
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                G, D, x_real = nn.Sequential(nn.Linear(100, 2)), Judge(), torch.randn(6, 2)
                opts = {f"opt_{k}": torch.optim.SGD(net.parameters(), 0.5) for k, net in (("G", G), ("D", D))}  # fmt: skip
                gan = Players(G=G, D=D, **opts)
                found = [in_turn(batch, gan, x_real) for _ in range(2)][-1]
            if not isinstance(found, tuple):
                return found
            if len(found) != 5:
                raise Remark("leave the last line as it was: five things to log.")
            numbers = [x.detach().mean() for x in found]
            return torch.cat([torch.stack(numbers), *(p.detach().flatten() for net in (D, G) for p in net.parameters())])  # fmt: skip

        return measured

    def by(wish=1.0, empty=True, new=False):
        def batch(gan, x_real):
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

        return batch

    mistakes = {
        "in G's turn the label is 1: G wants D to say real.": by(wish=0.0),
        "G's .grad still holds the gradient of the batch before: gan.opt_G.zero_grad().": by(empty=False),
        "in G's turn D judges the same pictures x_fake once more. You have made new ones.": by(new=True),
    }  # fmt: skip
    given = after(answer) if callable(answer) else answer
    wrong = {hint: after(batch) for hint, batch in mistakes.items()}
    return examine(given, [(0,), (1,)], after(by()), wrong, "D's turn, then G's.")
