"""Lesson 17: checks of its exercises."""

from types import SimpleNamespace

import torch
from torch.nn.functional import cross_entropy

from gan_edu.examine import Remark, check
from gan_edu.networks import mlp

SEEDED = torch.Generator().manual_seed(0)


def logit(h, e, v, b):
    return ((v + e) * h).sum(dim=1) + b


def projected(Projection, h, e, v, b):
    """Return what the class makes of these features, this vector of a label, and this linear layer."""
    if not isinstance(Projection, type):
        raise Remark("keep the class as it stands in the cell, and write its last line.")
    real = torch.nn.Linear(len(v), 1)
    real.weight.data, real.bias.data = v[None], b[None]
    parts = SimpleNamespace(body=lambda x: h, real=real, embed=lambda y: e)
    got = Projection.forward(parts, None, None)
    if getattr(got, "ndim", 1) == 2:
        raise Remark("one number for each picture is (n,). self.real(h) is (n, 1): take its column with [:, 0]. And e · h is a sum over the features of one picture.")  # fmt: skip
    return got


def features(n):
    h, e, v = torch.randn(2 * n + 1, 5, generator=SEEDED).split([n, n, 1])
    return h.requires_grad_(), e.requires_grad_(), v[0], torch.tensor(0.5)


check_projection = check(logit, [features(3), features(4)], "one logit for each picture, with its gradient.", {
    "the label term is missing: e(y) · h(x).": lambda h, e, v, b: logit(h, 0 * e, v, b),
    "the first term is missing: v · h(x) + b, the layer self.real.": lambda h, e, v, b: logit(h, e, 0 * v, 0),
    "that is v · (h + e) + b: the label moves the logit by the same number for every picture. Multiply e with h.": lambda h, e, v, b: logit(h + e, 0 * e, v, b),
    "that is the mean of the products e · h. The inner product is their sum.": lambda h, e, v, b: logit(h, e / h.shape[1], v, b),
}, given=projected)  # fmt: skip


def class_loss(classes, y, change=lambda x: x, columns=(0, 1, 2), total=sum):
    return total([cross_entropy(change(x), y[:, k]) for x, k in zip(classes, columns)])


def headed(n):
    classes = [(2 * torch.randn(n, k, generator=SEEDED)).requires_grad_() for k in (2, 2, 5)]
    return classes, torch.stack([torch.randint(k, (n,), generator=SEEDED) for k in (2, 2, 2)], 1)


check_heads = check(class_loss, [headed(5), headed(8)], "three cross-entropies of logits, added.", {
    "a softmax too many: cross_entropy takes the logits, and makes the softmax itself.": dict(change=lambda x: x.softmax(1)),
    "the softmax runs over the pictures (dimension 0), and cross_entropy makes one of its own.": dict(change=lambda x: x.softmax(0)),
    "a sigmoid before cross_entropy: it takes the logits as they are.": dict(change=torch.sigmoid),
    "all three heads are compared with column 0 of y: head k belongs to column k.": dict(columns=(0, 0, 0)),
    "only one of the attributes counts: add all three.": dict(total=lambda parts: parts[0]),
    "only the last of the attributes counts: add all three.": dict(total=lambda parts: parts[-1]),
    "that is the mean of the three cross-entropies. The lesson adds them.": lambda c, y: class_loss(c, y) / 3,
    "the sign is wrong: cross_entropy is already what should become small.": lambda c, y: -class_loss(c, y),
})  # fmt: skip


def changed(before, after, asked, own=False, same=False, over=None):
    names = [name for name in before if own or name != asked]
    share = sum((before[k] != after[k]).double().mean() for k in names) / (over or len(names))
    return 1 - share if same else share


def labelled():
    sizes = dict(smile=2, glasses=2, beard=2, hair_colour=5, hair_style=7, skin=6)
    return {name: torch.randint(k, (40,), generator=SEEDED) for name, k in sizes.items()}


BEFORE, AFTER = labelled(), labelled()
AFTER |= {"skin": BEFORE["skin"]}
check_changed = check(changed, [(BEFORE, AFTER, "glasses"), (BEFORE, AFTER, "hair_colour")], "a share of the five other labels.", {
    "the attribute that was asked for is in your mean: leave it out.": dict(own=True),
    "that is the share that did *not* change.": dict(same=True),
    "you leave one attribute out, but still divide by six: divide by five.": dict(over=6),
    "that is the sum over the attributes. Take their mean.": dict(over=1),
    "that is the attribute that was asked for. The question is about the others.": lambda b, a, k: (b[k] != a[k]).double().mean(),
    "you ask whether *any* other label has changed. Take the mean over the labels.": lambda b, a, k: torch.stack([b[name] != a[name] for name in b if name != k]).any(0).double().mean(),
})  # fmt: skip


class Small(torch.nn.Module):
    """A generator of vectors with the lesson's parts: embed(y) and net."""

    def __init__(self):
        super().__init__()
        self.table, self.net = torch.nn.Embedding(2, 3), mlp(4 + 3, 16, 12)

    def embed(self, y):
        return self.table(y[:, 0])

    def forward(self, z, y):
        return self.net(torch.cat([z, self.embed(y)], dim=1))


def mixed(G, z, y, other, t):
    e = (1 - t) * G.embed(y) + t * G.embed(other)
    return G.net(torch.cat([z, e], dim=1))


def half_ways():
    torch.manual_seed(0)
    G, z = Small().requires_grad_(False), torch.randn(3, 4)
    y, other = torch.zeros(3, 1, dtype=torch.long), torch.ones(3, 1, dtype=torch.long)
    return [(G, z, y, other, t) for t in (0.0, 0.25, 1.0)]


check_mixed = check(mixed, half_ways, "one picture, from a vector between two.", {
    "you mix the two pictures: that is a cross-fade. Mix the two vectors, and make one picture.": lambda G, z, y, other, t: (1 - t) * G(z, y) + t * G(z, other),
    "t runs the wrong way: at t = 0 it should be y.": lambda G, z, y, other, t: mixed(G, z, other, y, t),
    "the vectors are added without 1 − t: at t = 1 only `other` may be left.": lambda G, z, y, other, t: G.net(torch.cat([z, G.embed(y) + t * G.embed(other)], dim=1)),
    "that is one of the two labels, never something between.": lambda G, z, y, other, t: G(z, other) if t > 0.5 else G(z, y),
    "the vector stands before the latent: the generator wants the latent first.": lambda G, z, y, other, t: G.net(torch.cat([(1 - t) * G.embed(y) + t * G.embed(other), z], dim=1)),
})  # fmt: skip
