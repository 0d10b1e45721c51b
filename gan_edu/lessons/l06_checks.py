"""Lesson 06: checks of its exercises."""

import numpy as np
import torch
from torch.nn.utils import parameters_to_vector

from gan_edu.examine import Remark, check, faultless, small_players, weights_after
from gan_edu.lessons.l06_price_list import KNOTS, exact, gap
from gan_edu.lessons.l06_wgan import variant
from gan_edu.networks import mlp


@faultless("accepted, and its gap is W1: no list has more.", functions=False)
def check_price_list(f):
    """Check nine heights of a price list: slope at most 1, and a gap as large as W1."""
    found = np.array(f, float)
    if found.shape != KNOTS.shape:
        yield f"nine heights are asked for, at the places −4 to 4; these are {found.size}."
    slopes, worth = np.diff(found), gap(found)
    steep, flat = np.abs(slopes).argmax(), np.abs(slopes).argmin()
    told = {
        f"refused: between {KNOTS[steep]} and {KNOTS[steep + 1]} the price changes by {slopes[steep]:g}.": abs(slopes[steep]) > 1 + 1e-9,
        f"the gap is {worth:.2f}. Your prices are higher where the generated samples lie. Turn the list upside down.": worth < -0.01,
        f"accepted, with a gap of {worth:.2f}. Between {KNOTS[flat]} and {KNOTS[flat + 1]} the price may be steeper.": abs(slopes[flat]) < 1,
        f"accepted, with a gap of {worth:.2f}. As steep as it may be, but not everywhere in the right direction.": worth < exact() - 0.01,
    }  # fmt: skip
    yield from ((words.replace("-", "−"), true) for words, true in told.items())


def three(real, fake, a=1, b=1, c=1):
    gap = real.mean() - fake.mean()
    return torch.stack([a * gap, -b * gap, -c * fake.mean()])


def stacked(losses, real, fake):
    found = losses(real, fake)
    return found and torch.stack(found)


SCORES = ((3.0, 1, -1), (0.5, -4, 2)), ((-2.0, 0.1, 7), (9.0, 3, 1.5))
SCORES = [[torch.tensor(x)[:, None].requires_grad_() for x in case] for case in SCORES]
check_wgan_losses = check(three, SCORES, "three numbers from two means.", {
    "the critic's loss has the wrong sign: an optimiser makes it small, and the gap should become large.": dict(b=-1),
    "the generator's loss has the wrong sign: it should be small when the generated samples have high scores.": dict(c=-1),
    "both losses have the wrong sign: an optimiser makes a number smaller.": dict(b=-1, c=-1),
    "the gap is the mean over the real samples minus the mean over the generated ones.": dict(a=-1),
    "the gap should be positive for a good critic: real minus generated. The critic's loss is minus the gap.": dict(a=-1, b=-1),
    "no sigmoid: scores are prices and no probabilities.": lambda r, f: three(r.sigmoid(), f.sigmoid()),
    "take means: with a sum the loss grows with the batch.": lambda r, f: torch.stack([r.sum() - f.sum(), f.sum() - r.sum(), -f.sum()]),
    "the generator has only its own samples: leave the real ones out of its loss.": lambda r, f: torch.stack([*three(r, f)[:2], three(r, f)[0]]),
}, given=stacked)  # fmt: skip


def check_targets(targets):
    """Check the targets {"real", "fake", "generator"} of the label form mean(y_true * y_pred)."""
    words = "multiplied and averaged, these are the losses of section 2."
    return check(lambda: (-1, 1, -1), [()], words, {
    "all three signs are turned. The game is the same with −f in the place of f, but then the gap is negative. Let real samples have high scores.": lambda: (1, -1, 1),
    "targets 1 and 0 belong to a sigmoid. Here a target is a factor, and what is multiplied by 0 is not in the loss.": lambda: (1, 0, 1),
    "the critic is right. But with this target the generator's samples run to low scores.": lambda: (-1, 1, 1),
    "the generator is right. The critic has its two signs exchanged.": lambda: (1, -1, -1),
    })(lambda: [targets[name] for name in ("real", "fake", "generator")])  # fmt: skip


def clipped(clip, net, c):
    clip(net, c)
    return parameters_to_vector(net.parameters()).detach()


def by(change, dims=(1, 2)):
    """Return clip(net, c), which changes each parameter of these dimensions."""

    def clip(net, c):
        for p in net.parameters():
            p.data = change(p.data, c) if p.dim() in dims else p.data

    return clip


def networks():
    torch.manual_seed(0)
    return [(mlp(2, 3, 1), 0.3), (mlp(1, 4, 2, 1), 0.1)]


check_clipping = check(by(lambda p, c: p.clamp(-c, c)), networks, "no parameter is beyond c.", {
    "nothing has changed yet: the parameter itself must be changed, in place. Which method of p ends in `_`?": by(lambda p, c: p),
    "the biases are clipped, too.": by(lambda p, c: p.clamp(-c, c), dims=[2]),
    "large values should become c, not 0.": by(lambda p, c: p * (p.abs() <= c)),
    "only the upper end is clipped. Negative weights must stop at −c.": by(lambda p, c: p.clamp(max=c)),
    "between −c and c a weight stays as it is. Yours are all moved.": by(lambda p, c: c * p.sign()),
    "yours becomes smaller as a whole. Each weight alone is clipped.": by(lambda p, c: p * c / p.abs().max()),
}, through=clipped)  # fmt: skip


def after(step, seed):
    """Return all weights of small players after two steps; the gradient may reach G once in a step."""

    def counted(gan, knobs):
        reached = []
        hook = gan.G[0].weight.register_hook(lambda slope: reached.append(1))
        log = step(gan, knobs)
        hook.remove()
        if len(reached) > 1:
            raise Remark("the critic's loss sends its gradient on into G. Only the critic should learn here: cut x_fake off with detach.")  # fmt: skip
        return log

    knobs = dict(lr_d=0.3, lr_g=0.2, clip=0.4, n_critic=3, batch_size=8)
    return weights_after(knobs, lambda: small_players(2, 2), still=False)(counted, seed)


check_loop = check(variant(), [(0,), (1,)], "n_critic turns for the critic, one for the generator.", {
    "D's old gradients are still there when the new ones come: backward adds. Call zero_grad first.": variant(forget=False),
    "D is not clipped yet.": variant(clip="never"),
    "D is neither clipped nor freed of its old gradients yet.": variant(clip="never", forget=False),
    "you clip before the optimiser's step, which then moves the weights beyond c.": variant(clip="before"),
    "you clip G. The limit on the slope concerns D.": variant(whom="G"),
    "you clip once, after all turns of the critic. Clip after each of its steps.": variant(clip="late"),
    "the critic has one turn only. How many does knobs.n_critic ask for?": variant(turns=1),
    "the critic's loss has the wrong sign: minus the gap.": variant(sign_d=-1),
    "the generator's loss has the wrong sign: its samples flee from the data.": variant(sign_g=-1),
}, through=after)  # fmt: skip
