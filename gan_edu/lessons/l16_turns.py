"""Lesson 16: checks of its exercises on the two discriminators, and on the loop with labels."""

import torch
from torch import nn
from torch.nn.functional import softplus

from gan_edu.examine import GAP, Remark, examine
from gan_edu.run import Players, descend


def pair_judge():
    """Return a small joint discriminator of pictures (n, 1, 2, 2) with the names of the page's."""
    D = nn.Module()
    D.body, D.embed = nn.Sequential(nn.Flatten(), nn.Linear(4, 6)), nn.Embedding(10, 3)
    D.head = nn.Sequential(nn.Linear(9, 5), nn.Tanh(), nn.Linear(5, 1))
    return D


def check_pair_logit(answer):
    """Check forward(D, x, y): the logit of each pair."""

    def right(seed, y_of=lambda y: y, after=lambda a: a):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            D, x, y = pair_judge(), torch.randn(4, 1, 2, 2), torch.randint(1, 10, (4,))
        return after(D.head(torch.cat([D.body(x), D.embed(y_of(y))], 1)).squeeze(1))

    def given(seed):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            D, x, y = pair_judge(), torch.randn(4, 1, 2, 2), torch.randint(1, 10, (4,))
        got = answer(D, x, y)
        if isinstance(got, torch.Tensor) and got.shape == (4, 1):
            raise Remark("one number for each pair: the shape should be (n,), it is (n, 1). squeeze(1) drops the last.")  # fmt: skip
        return got

    mistakes = {
        "that is the probability. D(x, y) is the logit: leave the sigmoid out.": lambda s: right(s, after=torch.sigmoid),
        "every picture is judged with label 0: where is y?": lambda s: right(s, lambda y: 0 * y),
        "every picture is judged with the first label: pass the whole y.": lambda s: right(s, lambda y: y[:1].expand(4)),
        "the labels are in the opposite order of the pictures.": lambda s: right(s, lambda y: y.flip(0)),
    }  # fmt: skip
    return examine(given if callable(answer) else answer, [(0,), (1,)], right, mistakes, "one logit for each pair.")  # fmt: skip


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
            raise Remark(
                "a label is missing: both players take two arguments, G(z, y) and D(x, y)."
            )
        return self.net(torch.cat([x, self.embed(y)], 1)).squeeze(1)


def check_turns(answer):
    """Check turns(gan, x_real, y_real, z, y, lr), which trains D once, then G, and returns both losses."""

    def after(turns):
        def measured(seed):
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                nets = dict(G=Pairs(2), D=Pairs(1))
                opts = {f"opt_{k}": torch.optim.SGD(net.parameters(), 0.1) for k, net in nets.items()}  # fmt: skip
                gan = Players(**nets, **opts)
                x, z, y = torch.randn(6, 2), torch.randn(6, 2), torch.randint(10, (2, 6))
            was = [p.detach().clone() for p in gan.G.parameters()]
            found = turns(gan, x, y[0], z, y[1], 0.5)
            if found is None or found is ... or any(one is ... for one in found):
                return found if found is None else ...
            if all(torch.equal(p, q) for p, q in zip(was, gan.G.parameters())):
                raise Remark("G has not moved: descend(gan.opt_G, loss_G, lr) ends its turn.")
            moved = [p.detach().flatten() for net in (gan.D, gan.G) for p in net.parameters()]
            return torch.cat([torch.stack(list(found)).detach(), *moved])

        return measured

    def by(real="r", fake="y", last="y", wish="y", signs=(-1, 1, -1)):
        def turns(gan, x_real, y_real, z, y, lr):
            label = {"r": y_real, "y": y, "s": y_real.roll(1)}
            x_fake = gan.G(z, label[wish])
            on_real, on_fake = gan.D(x_real, label[real]), gan.D(x_fake, label[fake])
            loss_D = softplus(signs[0] * on_real).mean() + softplus(signs[1] * on_fake).mean()
            descend(gan.opt_D, loss_D, lr)
            loss_G = softplus(signs[2] * gan.D(x_fake, label[last])).mean()
            descend(gan.opt_G, loss_G, lr)
            return loss_D, loss_G

        return turns

    mistakes = {
        "in G's turn D judges the pictures beside y_real. They were asked for with y.": by(last="r"),
        "the real pictures are judged beside y, the labels that G was asked for. Theirs are y_real.": by(real="y"),
        "the generated pictures are judged beside y_real in D's turn. They were asked for with y.": by(fake="r"),
        "the generated pictures are judged beside y_real in both turns. They were asked for with y.": by(fake="r", last="r"),
        "the labels of real and generated pictures have changed places in D's turn.": by(real="y", fake="r"),
        "G is asked for y_real. Here it is asked for y, and judged beside y.": by(wish="r"),
        "G is asked for y_real and judged beside it. That would train, too; here it is asked for y.": by(wish="r", fake="r", last="r"),
        "the labels y_real are in another order than the real pictures.": by(real="s"),
        "in G's turn the sign is that of D's: G wants D to say real, softplus(-...).": by(signs=(-1, 1, 1)),
        "both signs of D's turn are the wrong way round.": by(signs=(1, -1, -1)),
    }  # fmt: skip
    given = after(answer) if callable(answer) else answer
    wrong = {hint: after(turns) for hint, turns in mistakes.items()}
    return examine(given, [(0,), (1,)], after(by()), wrong, "D judges pairs, and G answers for y.")


def check_class_loss(answer):
    """Check class_loss(c, y): the cross-entropy from logits."""

    def by(c, y, log=torch.log_softmax, sign=-1.0, mean=True):
        picked = log(c, 1).gather(1, y[:, None]).squeeze(1)
        return sign * (picked.mean() if mean else picked.sum())

    mistakes = {
        "that is the sum over the batch: take the mean.": lambda c, y: by(c, y, mean=False),
        "the sign is the wrong way round: it should be large where the right label is unlikely.": lambda c, y: by(c, y, sign=1.0),
        "that is minus the probability: the logarithm is missing.": lambda c, y: by(c, y, log=torch.softmax),
        "there are two softmaxes: logsumexp wants the logits themselves.": lambda c, y: by(c.softmax(1), y),
        "that is minus the chosen logit alone: the sum over all ten is missing.": lambda c, y: by(c, y, log=lambda c, _: c),
        "the sum runs over the batch: each picture has a sum over its ten logits, dim=1.": lambda c, y: (torch.logsumexp(c, 0).mean() - c.gather(1, y[:, None])).mean(),
        "the exponentials are missing in the sum.": lambda c, y: (c.sum(1) - c.gather(1, y[:, None]).squeeze(1)).mean(),
        "that is the logarithm to the base 10: take the natural one.": lambda c, y: by(c, y) / torch.log(torch.tensor(10.0)),
    }  # fmt: skip
    drawn = torch.Generator().manual_seed(0)
    c = (2 * torch.randn(7, 10, generator=drawn)).requires_grad_()
    cases = [(c, torch.tensor([3, 0, 9, 9, 1, 4, 5])), (torch.eye(10, requires_grad=True), torch.arange(10))]  # fmt: skip
    return examine(answer, cases, by, mistakes, "log of the sum, minus the chosen logit.")
