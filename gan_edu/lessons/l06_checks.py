"""Lesson 06: checks of its exercises."""

import numpy as np
import torch
from torch import nn
from torch.nn.utils import parameters_to_vector

from gan_edu.examine import Remark, examine
from gan_edu.lessons.l06_price_list import KNOTS, exact, gap
from gan_edu.lessons.l06_wgan import variant
from gan_edu.networks import mlp
from gan_edu.players import weights
from gan_edu.run import Players, Run


def check_price_list(f):
    """Check nine heights of a price list: slope at most 1, and a gap as large as W1."""

    def asked():
        found = np.array(f, float)
        if found.shape != KNOTS.shape:
            raise Remark(f"nine heights are asked for, at the places −4 to 4; these are {found.size}.")  # fmt: skip
        slopes, worth = np.diff(found), gap(found)
        steep, flat = np.abs(slopes).argmax(), np.abs(slopes).argmin()
        faults = {
            f"refused: between {KNOTS[steep]} and {KNOTS[steep + 1]} the price changes by {slopes[steep]:g}.": abs(slopes[steep]) > 1 + 1e-9,
            f"the gap is {worth:.2f}. Your prices are higher where the generated samples lie. Turn the list upside down.": worth < -0.01,
            f"accepted, with a gap of {worth:.2f}. Between {KNOTS[flat]} and {KNOTS[flat + 1]} the price may be steeper.": abs(slopes[flat]) < 1,
            f"accepted, with a gap of {worth:.2f}. As steep as it may be, but not everywhere in the right direction.": worth < exact() - 0.01,
        }  # fmt: skip
        for words, true in faults.items():
            if true:
                raise Remark(words.replace("-", "−"))
        return 0

    return examine(asked, [()], lambda: 0, words="accepted, and its gap is W1: no list has more.")


def check_wgan_losses(losses):
    """Check (scores at real samples, at generated ones) -> (critic gap, critic's loss, generator's loss)."""

    def right(real, fake, a=1, b=1, c=1):
        gap = real.mean() - fake.mean()
        return torch.stack([a * gap, -b * gap, -c * fake.mean()])

    def stacked(real, fake):
        found = losses(real, fake)
        return found and torch.stack(found)

    mistakes = {
        "the critic's loss has the wrong sign: an optimiser makes it small, and the gap should become large.": lambda r, f: right(r, f, b=-1),
        "the generator's loss has the wrong sign: it should be small when the generated samples have high scores.": lambda r, f: right(r, f, c=-1),
        "both losses have the wrong sign: an optimiser makes a number smaller.": lambda r, f: right(r, f, b=-1, c=-1),
        "the gap is the mean over the real samples minus the mean over the generated ones.": lambda r, f: right(r, f, a=-1),
        "the gap should be positive for a good critic: real minus generated. The critic's loss is minus the gap.": lambda r, f: right(r, f, a=-1, b=-1),
        "no sigmoid: scores are prices and no probabilities.": lambda r, f: right(r.sigmoid(), f.sigmoid()),
        "take means: with a sum the loss grows with the batch.": lambda r, f: torch.stack([r.sum() - f.sum(), f.sum() - r.sum(), -f.sum()]),
        "the generator has only its own samples: leave the real ones out of its loss.": lambda r, f: torch.stack([*right(r, f)[:2], right(r, f)[0]]),
    }  # fmt: skip
    cases = [((3.0, 1, -1), (0.5, -4, 2)), ((-2.0, 0.1, 7), (9.0, 3, 1.5))]
    cases = [[torch.tensor(x)[:, None].requires_grad_() for x in case] for case in cases]
    answer = stacked if callable(losses) else losses
    return examine(answer, cases, right, mistakes, "three numbers from two means.")


def check_targets(targets):
    """Check the targets {"real", "fake", "generator"} of the label form mean(y_true * y_pred)."""
    mistakes = {
        "all three signs are turned. The game is the same with −f in the place of f, but then the gap is negative. Let real samples have high scores.": (1, -1, 1),
        "targets 1 and 0 belong to a sigmoid. Here a target is a factor, and what is multiplied by 0 is not in the loss.": (1, 0, 1),
        "the critic is right. But with this target the generator's samples run to low scores.": (-1, 1, 1),
        "the generator is right. The critic has its two signs exchanged.": (1, -1, -1),
    }  # fmt: skip
    mistakes = {hint: lambda values=values: values for hint, values in mistakes.items()}
    words = "multiplied and averaged, these are the losses of section 2."
    answer = lambda: [targets[name] for name in ("real", "fake", "generator")]  # noqa: E731
    return examine(answer, [()], lambda: (-1, 1, -1), mistakes, words)


def check_clipping(clip):
    """Check a function (network, c) that clips every parameter in place."""

    def clipped(net, c):
        clip(net, c)
        return parameters_to_vector(net.parameters()).detach()

    def by(change, dims=(1, 2)):
        return lambda net, c: parameters_to_vector([change(p, c) if p.dim() in dims else p for p in net.parameters()]).detach()  # fmt: skip

    mistakes = {
        "nothing has changed yet: the parameter itself must be changed, in place. Which method of p ends in `_`?": by(lambda p, c: p),
        "the biases are clipped, too.": by(lambda p, c: p.clamp(-c, c), dims=[2]),
        "large values should become c, not 0.": by(lambda p, c: p * (p.abs() <= c)),
        "only the upper end is clipped. Negative weights must stop at −c.": by(lambda p, c: p.clamp(max=c)),
        "between −c and c a weight stays as it is. Yours are all moved.": by(lambda p, c: c * p.sign()),
        "yours becomes smaller as a whole. Each weight alone is clipped.": by(lambda p, c: p * c / p.abs().max()),
    }  # fmt: skip
    torch.manual_seed(0)
    cases, right = [(mlp(2, 3, 1), 0.3), (mlp(1, 4, 2, 1), 0.1)], by(lambda p, c: p.clamp(-c, c))
    answer = clipped if callable(clip) else clip
    return examine(answer, cases, right, mistakes, "no parameter is beyond c.")


def after(step):
    """Return f(seed): all weights of small players after two steps; the gradient may reach G once in a step."""
    settings = dict(lr_d=0.3, lr_g=0.2, clip=0.4, n_critic=3, batch_size=8)

    def small():
        G, D = mlp(2, 3, 2, activation=nn.Softplus), mlp(2, 4, 1, activation=nn.Tanh)
        opts = [torch.optim.SGD(net.parameters(), lr=0.3) for net in (G, D)]
        return Players(G=G, D=D, opt_G=opts[0], opt_D=opts[1])

    def counted(gan, knobs):
        reached = []
        hook = gan.G[0].weight.register_hook(lambda slope: reached.append(1))
        log = step(gan, knobs)
        hook.remove()
        if len(reached) > 1:
            raise Remark("the critic's loss sends its gradient on into G. Only the critic should learn here: cut x_fake off with detach.")  # fmt: skip
        return log

    def weights_after(seed):
        return parameters_to_vector(weights(Run(small, counted, settings, seed).steps(2).gan)).detach()  # fmt: skip

    return weights_after


def check_loop(step):
    """Check the training step of a WGAN by what it does to the weights, and return whether it is right."""
    mistakes = {
        "D's old gradients are still there when the new ones come: backward adds. Call zero_grad first.": variant(forget=False),
        "D is not clipped yet.": variant(clip="never"),
        "D is neither clipped nor freed of its old gradients yet.": variant(clip="never", forget=False),
        "you clip before the optimiser's step, which then moves the weights beyond c.": variant(clip="before"),
        "you clip G. The limit on the slope concerns D.": variant(whom="G"),
        "you clip once, after all turns of the critic. Clip after each of its steps.": variant(clip="late"),
        "the critic has one turn only. How many does knobs.n_critic ask for?": variant(turns=1),
        "the critic's loss has the wrong sign: minus the gap.": variant(sign_d=-1),
        "the generator's loss has the wrong sign: its samples flee from the data.": variant(sign_g=-1),
    }  # fmt: skip
    mistakes = {hint: after(fault) for hint, fault in mistakes.items()}
    answer = after(step) if callable(step) else step
    words = "n_critic turns for the critic, one for the generator."
    return examine(answer, [(0,), (1,)], after(variant()), mistakes, words)
