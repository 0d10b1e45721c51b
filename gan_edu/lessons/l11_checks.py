"""Lesson 11: checks of its exercises."""

import torch
from torch import nn

from gan_edu.datasets import Batches
from gan_edu.examine import Remark, check, weights_after
from gan_edu.lessons.l11_faults import check_digit_critic as check_digit_critic
from gan_edu.lessons.l11_faults import check_digit_generator as check_digit_generator
from gan_edu.lessons.l11_faults import check_idx_file as check_idx_file
from gan_edu.lessons.l11_faults import check_slips as check_slips
from gan_edu.losses import gradient_penalty
from gan_edu.networks import mlp
from gan_edu.run import Players, descend

THERE = {  # mistakes on the way to x
    "x goes from 0 to 1. Then 0 is paper, the middle of tanh, and half of its range is wasted.": lambda v: v / 255,
    "x goes from 0 to 2. Now move it down.": lambda v: v / 127.5,
    "x goes from −0.5 to 0.5: divide by less.": lambda v: v / 255 - 0.5,
    "x goes from −2 to 0: subtract half as much.": lambda v: v / 127.5 - 2,
    "x is upside down: paper, 0, should be −1, and ink 1.": lambda v: 1 - v / 127.5,
}  # fmt: skip


def stacked(answer, *case):
    """Return two results as one tensor."""
    found = answer(*case)
    if not isinstance(found, tuple):
        return found
    return torch.stack([torch.as_tensor(one).double() for one in found])


def scaled(answer, pixels):
    found = stacked(answer, pixels)
    for hint, mistaken in THERE.items() if isinstance(found, torch.Tensor) else ():
        if torch.allclose(found[0], mistaken(pixels).double()):
            raise Remark(hint)
    return found


def by(v, back=lambda x: x / 2 + 0.5):
    return torch.stack([v / 127.5 - 1, back(v / 127.5 - 1)])


check_scaling = check(by, [(torch.tensor([0.0, 51.0, 127.5, 255.0]),)], "paper is −1 and ink 1; and back again.", {
    "x is right. grey goes from 0 to 2: divide by 2 as well.": dict(back=lambda x: x + 1),
    "x is right. grey: paper, −1, becomes 0.5. It should be 0.": dict(back=lambda x: x / 2 + 1),
    "x is right. grey: paper, −1, becomes −0.5. It should be 0.": dict(back=lambda x: x / 2),
    "x is right. grey goes up to 255: matplotlib wants 0 to 1.": dict(back=lambda x: (x + 1) * 127.5),
}, given=scaled)  # fmt: skip


def stepping(loss_D=lambda gap, weight, p: weight * p - gap, loss_G=lambda s: -s.mean(), n_critic=5, sign=1, reuse=False):  # fmt: skip
    """Return the training step of the lesson with these losses; reuse: G's turn gets the latents of the last critic step."""

    def step(gan, knobs):
        for _ in range(n_critic):
            x_real = next(gan.batches)
            z = torch.randn(len(x_real), 100)
            x_fake = gan.G(z).detach()
            gap = sign * (gan.D(x_real).mean() - gan.D(x_fake).mean())
            penalty = gradient_penalty(gan.D, x_real, x_fake)
            descend(gan.opt_D, loss_D(gap, knobs.lambda_gp, penalty), lr=knobs.lr)
        loss = loss_G(gan.D(gan.G(z if reuse else torch.randn(32, 100))))
        descend(gan.opt_G, loss, lr=knobs.lr)
        return {"critic gap": gap}

    return step


def players():
    """Return small players, and batches of two numbers."""
    G, D, x = mlp(100, 3, 2), mlp(2, 4, 1, activation=nn.Tanh), 3 + torch.randn(64, 2)
    opts = {f"opt_{k}": torch.optim.SGD(v.parameters(), 0.05) for k, v in dict(G=G, D=D).items()}
    return Players(G=G, D=D, batches=Batches(x, 32), **opts)


after = weights_after(dict(lambda_gp=0.7, lr=0.05), players, False, ["critic gap"])
check_digit_step = check(stepping(), [(0,), (1,)], "five turns of the critic, one of the generator.", {
    "the critic gets its turn once. How often should it, before G moves?": stepping(n_critic=1),
    "the critic makes its gap smaller. An optimiser goes downhill: minus the gap.": stepping(lambda gap, w, p: gap + w * p),
    "the critic is paid for its penalty. Add it.": stepping(lambda gap, w, p: -gap - w * p),
    "the factor λ (knobs.lambda_gp) is missing.": stepping(lambda gap, w, p: p - gap),
    "the penalty is not in the critic's loss.": stepping(lambda gap, w, p: -gap),
    "the gap is not in the critic's loss.": stepping(lambda gap, w, p: w * p),
    "the gap is real minus generated, not the other way round.": stepping(sign=-1),
    "the gap is turned round, and its sign in the loss as well: it trains rightly, but the log shows minus the gap.": stepping(lambda gap, w, p: gap + w * p, sign=-1),
    "the generator wants low scores. It should want high ones.": stepping(loss_G=lambda s: s.mean()),
    "the generator's turn should draw new latents, as in the paper.": stepping(reuse=True),
}, through=after)  # fmt: skip


def nearest(x, images, last=torch.min, p=2.0, measure=lambda d: d, dim=1):
    far, which = last(torch.cdist(x.flatten(1), images.flatten(1), p=p), dim)
    return torch.stack([measure(far).double(), which.double()])


SEEDED = torch.Generator().manual_seed(0)
SETS = [tuple(torch.randn(n, 1, 28, 28, generator=SEEDED) for n in sizes) for sizes in ((4, 6), (5, 5))]  # fmt: skip
check_nearest_digit = check(nearest, SETS, "each picture has its nearest training digit.", {
    "that is the farthest one.": dict(last=torch.max),
    "these are squares: the root is missing.": dict(measure=torch.square),
    "that is the distance divided by the number of pixels.": dict(measure=lambda d: d / 784),
    "these are sums of absolute differences. Take the root of the sum of the squares, as cdist does.": dict(p=1.0),
    "return the distance first, then the number.": lambda x, y: nearest(x, y).flip(0),
    "that is the nearest picture of x for each image. Take the smallest number of each row.": dict(dim=0),
}, given=stacked)  # fmt: skip
