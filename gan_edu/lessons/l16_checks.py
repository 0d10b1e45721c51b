"""Lesson 16: checks of its exercises."""

import torch
from torch import nn

from gan_edu.examine import GAP, Remark, examine
from gan_edu.lessons.l16_turns import check_class_loss as check_class_loss
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


def check_two_pictures(answer):
    """Check two_pictures(real, y): for each label two different pictures whose spread is that of the real ones."""

    def spread(x, real, y):
        pairs = [(x[y == k].var(0).sum(), real[y == k].var(0).sum()) for k in range(10)]
        return torch.stack([a / b for a, b in pairs]).mean()

    def seen(real, y):
        x = answer(real.clone(), y)
        if x is ... or x is None:
            return x
        if x.shape != real.shape:
            raise Remark(f"it should be {tuple(real.shape)}, as real, it is {tuple(x.shape)}.")
        most = max(len(x[y == k].unique(dim=0)) for k in range(10))
        if most != 2:
            raise Remark(f"for a label there should be two different pictures, here there are {most}.")  # fmt: skip
        found = spread(x, real, y)
        for hint, two in mistakes.items():
            other = real.clone()
            for k in range(10):
                other[y == k] = torch.stack(two(real[y == k])).repeat((y == k).sum() // 2, 1)
            if torch.isclose(found, spread(other, real, y), rtol=1e-3):
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
    drawn = torch.Generator().manual_seed(0)
    y = torch.arange(10).repeat(40)
    real = torch.randn(400, 6, generator=drawn) * torch.arange(1, 7) / 3 + 3 * y[:, None]
    return examine(answer if not callable(answer) else seen, [(real, y)], lambda *_: 1.0, {}, "two pictures a label, and the spread of real ones.")  # fmt: skip
