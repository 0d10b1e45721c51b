"""Lesson 16: checks of its exercises on the discriminator of pairs, and on the loop with labels."""

import torch
from torch import nn
from torch.nn.functional import softplus

from gan_edu.examine import GAP, Remark, check
from gan_edu.run import Players, descend


def pair_judge():
    """Return a small joint discriminator of pictures (n, 1, 2, 2) with the names of the page's."""
    D = nn.Module()
    D.body, D.embed = nn.Sequential(nn.Flatten(), nn.Linear(4, 6)), nn.Embedding(10, 3)
    D.head = nn.Sequential(nn.Linear(9, 5), nn.Tanh(), nn.Linear(5, 1))
    return D


def judged(answer, seed):
    """Return what an answer says of four pairs."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        D, x, y = pair_judge(), torch.randn(4, 1, 2, 2), torch.randint(1, 10, (4,))
    got = answer(D, x, y)
    if isinstance(got, torch.Tensor) and got.shape == (4, 1):
        raise Remark("one number for each pair: the shape should be (n,), it is (n, 1). squeeze(1) drops the last.")  # fmt: skip
    return got


def logit(D, x, y):
    return D.head(torch.cat([D.body(x), D.embed(y)], 1)).squeeze(1)


check_pair_logit = check(logit, [(0,), (1,)], "one logit for each pair.", {
    "that is the probability. D(x, y) is the logit: leave the sigmoid out.": lambda D, x, y: logit(D, x, y).sigmoid(),
    "every picture is judged with label 0: where is y?": lambda D, x, y: logit(D, x, 0 * y),
    "every picture is judged with the first label: pass the whole y.": lambda D, x, y: logit(D, x, y[:1].expand(4)),
    "the labels are in the opposite order of the pictures.": lambda D, x, y: logit(D, x, y.flip(0)),
}, through=judged)  # fmt: skip


class Pairs(nn.Module):
    """A small network of two arguments, a number for each row: D of x (n, 2) and y, or G (n, 2) of z and y."""

    def __init__(self, n_out):
        super().__init__()
        self.embed, self.net = nn.Embedding(10, 3), nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, n_out))  # fmt: skip

    def forward(self, x, y=None):
        """Return a number, or two, for each row."""
        if x is ...:
            raise Remark(GAP)
        if y is None:
            raise Remark("a label is missing: both players take two arguments, G(z, y) and D(x, y).")  # fmt: skip
        return self.net(torch.cat([x, self.embed(y)], 1)).squeeze(1)


def after(turns, seed):
    """Return both losses, and all weights after a step."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        nets = dict(G=Pairs(2), D=Pairs(1))
        opts = {f"opt_{k}": torch.optim.SGD(net.parameters(), 0.1) for k, net in nets.items()}
        x, z, y = torch.randn(6, 2), torch.randn(6, 2), torch.randint(10, (2, 6))
    gan, was = Players(**nets, **opts), [p.detach().clone() for p in nets["G"].parameters()]
    found = turns(gan, x, y[0], z, y[1], 0.5)
    if found is None or found is ... or any(one is ... for one in found):
        return found if found is None else ...
    if all(torch.equal(p, q) for p, q in zip(was, gan.G.parameters())):
        raise Remark("G has not moved: descend(gan.opt_G, loss_G, lr) ends its turn.")
    moved = [p.detach().flatten() for net in (gan.D, gan.G) for p in net.parameters()]
    return torch.cat([torch.stack(list(found)).detach(), *moved])


def turns(gan, x_real, y_real, z, y, lr, real="r", fake="y", last="y", wish="y", signs=(-1, 1, -1)):
    label = {"r": y_real, "y": y, "s": y_real.roll(1)}
    x_fake = gan.G(z, label[wish])
    on_real, on_fake = gan.D(x_real, label[real]), gan.D(x_fake, label[fake])
    loss_D = softplus(signs[0] * on_real).mean() + softplus(signs[1] * on_fake).mean()
    descend(gan.opt_D, loss_D, lr)
    loss_G = softplus(signs[2] * gan.D(x_fake, label[last])).mean()
    descend(gan.opt_G, loss_G, lr)
    return loss_D, loss_G


check_turns = check(turns, [(0,), (1,)], "D judges pairs, and G answers for y.", {
    "in G's turn D judges the pictures beside y_real. They were asked for with y.": dict(last="r"),
    "the real pictures are judged beside y, the labels that G was asked for. Theirs are y_real.": dict(real="y"),
    "the generated pictures are judged beside y_real in D's turn. They were asked for with y.": dict(fake="r"),
    "the generated pictures are judged beside y_real in both turns. They were asked for with y.": dict(fake="r", last="r"),
    "the labels of real and generated pictures have changed places in D's turn.": dict(real="y", fake="r"),
    "G is asked for y_real. Here it is asked for y, and judged beside y.": dict(wish="r"),
    "G is asked for y_real and judged beside it. That would train, too; here it is asked for y.": dict(wish="r", fake="r", last="r"),
    "the labels y_real are in another order than the real pictures.": dict(real="s"),
    "in G's turn the sign is that of D's: G wants D to say real, softplus(-...).": dict(signs=(-1, 1, 1)),
    "both signs of D's turn are the wrong way round.": dict(signs=(1, -1, -1)),
}, through=after)  # fmt: skip
