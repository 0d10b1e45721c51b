"""Lesson 11: checks of its exercises."""

import torch
from torch import nn
from torch.nn.utils import parameters_to_vector

from gan_edu.datasets import Batches
from gan_edu.examine import Remark, examine
from gan_edu.lessons.l11_faults import check_digit_critic as check_digit_critic
from gan_edu.lessons.l11_faults import check_digit_generator as check_digit_generator
from gan_edu.lessons.l11_faults import check_idx_file as check_idx_file
from gan_edu.lessons.l11_faults import check_slips as check_slips
from gan_edu.losses import gradient_penalty
from gan_edu.networks import mlp
from gan_edu.players import weights as weights_of
from gan_edu.run import Players, Run, descend


def check_scaling(answer):
    """Check the way from grey values to what the networks see, and back: pixels (0 to 255) -> (x in -1 to 1, grey in 0 to 1)."""
    there = {
        "x goes from 0 to 1. Then 0 is paper, the middle of tanh, and half of its range is wasted.": lambda v: v / 255,
        "x goes from 0 to 2. Now move it down.": lambda v: v / 127.5,
        "x goes from −0.5 to 0.5: divide by less.": lambda v: v / 255 - 0.5,
        "x goes from −2 to 0: subtract half as much.": lambda v: v / 127.5 - 2,
        "x is upside down: paper, 0, should be −1, and ink 1.": lambda v: 1 - v / 127.5,
    }  # fmt: skip

    def both(pixels):
        found = answer(pixels)
        if not isinstance(found, tuple):
            return found
        x, grey = map(torch.as_tensor, found)
        for hint, mistaken in there.items():
            if torch.allclose(x.double(), mistaken(pixels).double()):
                raise Remark(hint)
        return torch.stack([x, grey])

    def by(back):
        return lambda v: torch.stack([v / 127.5 - 1, back(v / 127.5 - 1)])

    mistakes = {
        "x is right. grey goes from 0 to 2: divide by 2 as well.": by(lambda x: x + 1),
        "x is right. grey: paper, −1, becomes 0.5. It should be 0.": by(lambda x: x / 2 + 1),
        "x is right. grey: paper, −1, becomes −0.5. It should be 0.": by(lambda x: x / 2),
        "x is right. grey goes up to 255: matplotlib wants 0 to 1.": by(lambda x: (x + 1) * 127.5),
    }  # fmt: skip
    given = both if callable(answer) else answer
    right, cases = by(lambda x: x / 2 + 0.5), [(torch.tensor([0.0, 51.0, 127.5, 255.0]),)]
    return examine(given, cases, right, mistakes, "paper is −1 and ink 1; and back again.")


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


def check_digit_step(step):
    """Check a WGAN-GP step by what it does to the weights of small players, and what it logs as the gap."""

    def players():
        G, D, x = mlp(100, 3, 2), mlp(2, 4, 1, activation=nn.Tanh), 3 + torch.randn(64, 2)
        opts = {f"opt_{k}": torch.optim.SGD(v.parameters(), 0.05) for k, v in dict(G=G, D=D).items()}  # fmt: skip
        return Players(G=G, D=D, batches=Batches(x, 32), **opts)

    def after(step):
        def weights(seed):
            run = Run(players, step, dict(lambda_gp=0.7, lr=0.05), seed).steps(2)
            gap = torch.from_numpy(run.log["critic gap"]).float()
            return torch.cat([parameters_to_vector(weights_of(run.gan)).detach(), gap])

        return weights

    mistakes = {
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
    }  # fmt: skip
    mistakes = {hint: after(fault) for hint, fault in mistakes.items()}
    answer = after(step) if callable(step) else step
    return examine(answer, [(0,), (1,)], after(stepping()), mistakes, "five turns of the critic, one of the generator.")  # fmt: skip


def check_nearest_digit(answer):
    """Check (x, images) -> (distance to the nearest image, its number) for pictures (n, 1, 28, 28) and (m, 1, 28, 28)."""

    def both(x, images):
        found = answer(x, images)
        if not isinstance(found, tuple):
            return found
        return torch.stack([torch.as_tensor(one).double() for one in found])

    def by(x, images, last=torch.min, p=2.0, measure=lambda d: d, dim=1):
        far, which = last(torch.cdist(x.flatten(1), images.flatten(1), p=p), dim)
        return torch.stack([measure(far).double(), which.double()])

    mistakes = {
        "that is the farthest one.": lambda x, y: by(x, y, torch.max),
        "these are squares: the root is missing.": lambda x, y: by(x, y, measure=torch.square),
        "that is the distance divided by the number of pixels.": lambda x, y: by(x, y, measure=lambda d: d / 784),
        "these are sums of absolute differences. Take the root of the sum of the squares, as cdist does.": lambda x, y: by(x, y, p=1.0),
        "return the distance first, then the number.": lambda x, y: by(x, y).flip(0),
        "that is the nearest picture of x for each image. Take the smallest number of each row.": lambda x, y: by(x, y, dim=0),
    }  # fmt: skip
    given, seeded = both if callable(answer) else answer, torch.Generator().manual_seed(0)
    cases = [tuple(torch.randn(n, 1, 28, 28, generator=seeded) for n in sizes) for sizes in ((4, 6), (5, 5))]  # fmt: skip
    return examine(given, cases, by, mistakes, "each picture has its nearest training digit.")
