"""Lesson 16: checks of its exercises."""

import torch
from torch import nn

from gan_edu.examine import GAP, Remark, examine
from gan_edu.lessons.l16_turns import check_pair_logit as check_pair_logit
from gan_edu.lessons.l16_turns import check_turns as check_turns

WIDTHS = {  # of what a mistaken generator gives its network, and what to say
    16: "the network gets 16 numbers, the label's vector: where is the latent?",
    32: "the network gets 32 numbers: put latent and vector side by side, 48 numbers.",
    33: "the label enters as one number. A 3 is not halfway between 2 and 4: use its row of the table.",
    42: "that is the one-hot vector beside the latent: use the label's row of the table, self.embed(y).",
}


def check_asked_generator(answer):
    """Check a generator: a table of ten vectors, and a forward that puts the label's beside the latent."""

    def seen(z, y):
        with torch.random.fork_rng():
            G = answer()
        if G.embed is ...:
            raise Remark(GAP)
        if not isinstance(G.embed, nn.Embedding):
            raise Remark(f"embed should be a table, nn.Embedding(...), not {type(G.embed).__name__}.")  # fmt: skip
        if G.embed.weight.shape == (16, 10):
            raise Remark("the table has 16 rows of 10 numbers: the number of labels comes first.")
        if G.embed.weight.shape != (10, 16):
            raise Remark(f"the table should be (10, 16), it is {tuple(G.embed.weight.shape)}.")
        with torch.no_grad():
            G.embed.weight.copy_(table)
        G.net = Kept()
        G(z, y)
        if G.net.inside is ...:
            return ...
        got = G.net.inside
        if got.shape[1] in WIDTHS:
            raise Remark(WIDTHS[got.shape[1]])
        if torch.equal(got[:, :16], table[y]):
            return torch.cat([got[:, 16:], got[:, :16]], 1)  # the other order is as good
        return got

    def right(z, y, rows=lambda y: table[y]):
        return torch.cat([z, rows(y)], 1)

    table = torch.arange(160.0).reshape(10, 16)
    case = torch.randn(3, 32, generator=torch.Generator().manual_seed(0)), torch.tensor([3, 1, 9])
    mistakes = {
        "every row has the first one's label: pass the whole y.": lambda z, y: right(z, y, lambda y: table[y[:1]].expand(3, 16)),
        "every row has the vector of label 0: where is y?": lambda z, y: right(z, 0 * y),
    }  # fmt: skip
    given = seen if callable(answer) else answer
    return examine(given, [case], right, mistakes, "a row of the table beside each latent.")


class Kept(nn.Module):
    """Keep what goes in."""

    def forward(self, x):
        """Keep it, and return it."""
        self.inside = x
        return x


def check_spread_within(answer):
    """Check spread(x, y, real, y_of_real): the variance within each label, divided by the real one, on average."""

    def by(x, y, real, y_of_real, of=lambda rows: rows.var(0).sum(), ratio=lambda a, b: a / b, mean=True):  # fmt: skip
        pairs = [(of(x[y == k]), of(real[y_of_real == k])) for k in range(10)]
        ratios = torch.stack([ratio(a, b) for a, b in pairs])
        return ratios.mean() if mean else ratios.sum()

    def pooled(x, y, real, y_of_real):
        return x.var(0).sum() / real.var(0).sum()

    def of_sums(x, y, real, y_of_real):
        sums = [sum(rows[of == k].var(0).sum() for k in range(10)) for rows, of in ((x, y), (real, y_of_real))]  # fmt: skip
        return sums[0] / sums[1]

    mistakes = {
        "that is the variance of all pictures together. Ten pictures, one for each label, would pass: take one label at a time.": pooled,
        "real and generated have changed places: the generated variance is divided by the real one.": lambda *a: by(*a, ratio=lambda a, b: b / a),
        "that is the sum of the ten ratios: take their mean.": lambda *a: by(*a, mean=False),
        "that is the ratio of the standard deviations: leave out the root.": lambda *a: by(*a, of=lambda rows: rows.std(0).sum()),
        "var() without 0 mixes pixels and pictures: var(0) is over the pictures.": lambda *a: by(*a, of=lambda rows: rows.var()),
        "the sums over all labels are divided once. Divide for each label, then take the mean.": of_sums,
        "the generated variance is not divided by the real one.": lambda *a: by(*a, ratio=lambda a, b: a),
        "both sets are picked by y; the real pictures have labels of their own, y_of_real.": lambda x, y, real, z: by(x, y, real, y),
    }  # fmt: skip
    drawn = torch.Generator().manual_seed(0)
    y = torch.arange(10).repeat(4)
    x = torch.randn(40, 6, generator=drawn) * (1 + y[:, None]) + 5 * y[:, None]
    real = torch.randn(40, 6, generator=drawn) + 3 * y.flip(0)[:, None]
    return examine(answer, [(x, y, real, y.flip(0))], by, mistakes, "variety within each label.")


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
