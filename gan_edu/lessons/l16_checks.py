"""Lesson 16: checks of its exercises."""

import torch
from torch import nn

from gan_edu.examine import GAP, Remark, check, examine
from gan_edu.lessons.l16_turns import check_pair_logit as check_pair_logit
from gan_edu.lessons.l16_turns import check_turns as check_turns

SEEDED, TABLE = torch.Generator().manual_seed(0), torch.arange(160.0).reshape(10, 16)
WIDTHS = {  # of what a mistaken generator gives its network, and what to say
    16: "the network gets 16 numbers, the label's vector: where is the latent?",
    32: "the network gets 32 numbers: put latent and vector side by side, 48 numbers.",
    33: "the label enters as one number. A 3 is not halfway between 2 and 4: use its row of the table.",
    42: "that is the one-hot vector beside the latent: use the label's row of the table, self.embed(y).",
}


def seen(build, z, y):
    """Return what a generator gives its network, once its table is TABLE."""
    with torch.random.fork_rng():
        G = build()
    if G.embed is ...:
        raise Remark(GAP)
    if not isinstance(G.embed, nn.Embedding):
        raise Remark(f"embed should be a table, nn.Embedding(...), not {type(G.embed).__name__}.")
    if G.embed.weight.shape == (16, 10):
        raise Remark("the table has 16 rows of 10 numbers: the number of labels comes first.")
    if G.embed.weight.shape != (10, 16):
        raise Remark(f"the table should be (10, 16), it is {tuple(G.embed.weight.shape)}.")
    with torch.no_grad():
        G.embed.weight.copy_(TABLE)
    found, G.net = [], nn.Identity()
    G.net.register_forward_pre_hook(lambda net, given: found.append(given[0]))
    G(z, y)
    got = found[0]
    if got is ...:
        return ...
    if got.shape[1] in WIDTHS:
        raise Remark(WIDTHS[got.shape[1]])
    if torch.equal(got[:, :16], TABLE[y]):
        return torch.cat([got[:, 16:], got[:, :16]], 1)  # the other order is as good
    return got


CASE = torch.randn(3, 32, generator=SEEDED), torch.tensor([3, 1, 9])
check_asked_generator = check(lambda z, y: torch.cat([z, TABLE[y]], 1), [CASE], "a row of the table beside each latent.", {
    "every row has the first one's label: pass the whole y.": lambda z, y: torch.cat([z, TABLE[y[:1]].expand(3, 16)], 1),
    "every row has the vector of label 0: where is y?": lambda z, y: torch.cat([z, TABLE[0 * y]], 1),
}, given=seen)  # fmt: skip


def spread(x, y, real, y_of_real, of=lambda rows: rows.var(0).sum(), ratio=lambda a, b: a / b, total=torch.mean):  # fmt: skip
    pairs = [(of(x[y == k]), of(real[y_of_real == k])) for k in range(10)]
    return total(torch.stack([ratio(a, b) for a, b in pairs]))


def of_sums(x, y, real, y_of_real):
    sums = [sum(rows[of == k].var(0).sum() for k in range(10)) for rows, of in ((x, y), (real, y_of_real))]  # fmt: skip
    return sums[0] / sums[1]


Y = torch.arange(10).repeat(4)
X, REAL = torch.randn(2, 40, 6, generator=SEEDED)
SETS = [(X * (1 + Y[:, None]) + 5 * Y[:, None], Y, REAL + 3 * Y.flip(0)[:, None], Y.flip(0))]
check_spread_within = check(spread, SETS, "variety within each label.", {
    "that is the variance of all pictures together. Ten pictures, one for each label, would pass: take one label at a time.": lambda x, y, real, z: x.var(0).sum() / real.var(0).sum(),
    "real and generated have changed places: the generated variance is divided by the real one.": dict(ratio=lambda a, b: b / a),
    "that is the sum of the ten ratios: take their mean.": dict(total=torch.sum),
    "that is the ratio of the standard deviations: leave out the root.": dict(of=lambda rows: rows.std(0).sum()),
    "var() without 0 mixes pixels and pictures: var(0) is over the pictures.": dict(of=lambda rows: rows.var()),
    "the sums over all labels are divided once. Divide for each label, then take the mean.": of_sums,
    "the generated variance is not divided by the real one.": dict(ratio=lambda a, b: a),
    "both sets are picked by y; the real pictures have labels of their own, y_of_real.": lambda x, y, real, z: spread(x, y, real, y),
})  # fmt: skip


def class_loss(c, y, log=torch.log_softmax, sign=-1.0, total=torch.mean):
    return sign * total(log(c, 1).gather(1, y[:, None]).squeeze(1))


LOGITS = (2 * torch.randn(7, 10, generator=SEEDED)).requires_grad_()
LABELLED = [(LOGITS, torch.tensor([3, 0, 9, 9, 1, 4, 5])), (torch.eye(10, requires_grad=True), torch.arange(10))]  # fmt: skip
check_class_loss = check(class_loss, LABELLED, "log of the sum, minus the chosen logit.", {
    "that is the sum over the batch: take the mean.": dict(total=torch.sum),
    "the sign is the wrong way round: it should be large where the right label is unlikely.": dict(sign=1.0),
    "that is minus the probability: the logarithm is missing.": dict(log=torch.softmax),
    "there are two softmaxes: logsumexp wants the logits themselves.": lambda c, y: class_loss(c.softmax(1), y),
    "that is minus the chosen logit alone: the sum over all ten is missing.": dict(log=lambda c, _: c),
    "the sum runs over the batch: each picture has a sum over its ten logits, dim=1.": lambda c, y: (torch.logsumexp(c, 0).mean() - c.gather(1, y[:, None])).mean(),
    "the exponentials are missing in the sum.": lambda c, y: (c.sum(1) - c.gather(1, y[:, None]).squeeze(1)).mean(),
    "that is the logarithm to the base 10: take the natural one.": lambda c, y: class_loss(c, y) / torch.log(torch.tensor(10.0)),
})  # fmt: skip


def check_two_pictures(answer):
    """Check two_pictures(real, y): for each label two different pictures whose spread is that of the real ones."""

    def seen(real, y):
        x = answer(real.clone(), y)
        if x is ... or x is None:
            return x
        if x.shape != real.shape:
            raise Remark(f"it should be {tuple(real.shape)}, as real, it is {tuple(x.shape)}.")
        most = max(len(x[y == k].unique(dim=0)) for k in range(10))
        if most != 2:
            raise Remark(f"for a label there should be two different pictures, here there are {most}.")  # fmt: skip
        found = spread(x, y, real, y)
        for hint, two in mistakes.items():
            other = real.clone()
            for k in range(10):
                other[y == k] = torch.stack(two(real[y == k])).repeat((y == k).sum() // 2, 1)
            if torch.isclose(found, spread(other, y, real, y), rtol=1e-3):
                raise Remark(hint)
        if not 0.9 < found < 1.1:
            raise Remark(f"two pictures, and their spread is {found:.2f}: it should be 1, within a tenth.")  # fmt: skip
        return 1.0

    mistakes = {
        "the spread is a quarter: they lie half as far apart as they should. Is one above the mean and one below?": lambda x: (x.mean(0), x.mean(0) + x.std(0)),
        "the spread is 4: each picture should be one standard deviation from the mean, not two.": lambda x: (x.mean(0) - 2 * x.std(0), x.mean(0) + 2 * x.std(0)),
        "that is the variance to either side of the mean: take its root.": lambda x: (x.mean(0) - x.var(0), x.mean(0) + x.var(0)),
        "std() without 0 mixes numbers and pictures: std(0) is over the pictures.": lambda x: (x.mean(0) - x.std(), x.mean(0) + x.std()),
        "two real pictures differ as much as chance will have it. Build two: how far from the mean?": lambda x: (x[0], x[1]),
    }  # fmt: skip
    y = torch.arange(10).repeat(40)
    drawn = torch.Generator().manual_seed(0)
    real = torch.randn(400, 6, generator=drawn) * torch.arange(1, 7) / 3 + 3 * y[:, None]
    return examine(answer if not callable(answer) else seen, [(real, y)], lambda *_: 1.0, {}, "two pictures a label, and the spread of real ones.")  # fmt: skip
