"""Lesson 02: checks of its exercises."""

import numpy as np
import torch
from scipy.special import rel_entr
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import softplus

from gan_edu.examine import Remark, check, weights_after

SHARED = [(0.3, 0.1, 0.5), (0.3, 0.1, 0.9), (0.2, 0.4, 0.25), (0.5, 0.05, 0.1)]
check_share = check(lambda p, q, s: s * p / (s * p + (1 - s) * q), SHARED, "the more of the samples are real, the higher D.", {
    "that is D* for equal shares.": lambda p, q, s: p / (p + q),
    "the share of the generated samples is 1 − share.": lambda p, q, s: s * p / (s * p + q),
    "you have exchanged the two shares.": lambda p, q, s: (1 - s) * p / ((1 - s) * p + s * q),
    "the share stands in front of p below the line, too.": lambda p, q, s: s * p / (p + q),
    "that is the odds, real against generated. D is a probability.": lambda p, q, s: s * p / ((1 - s) * q),
    "you have exchanged p and q.": lambda p, q, s: s * q / (s * q + (1 - s) * p),
    "that is the probability that the sample is generated.": lambda p, q, s: (1 - s) * q / (s * p + (1 - s) * q),
})  # fmt: skip


def both(losses, logits):
    """Return two losses as one tensor."""
    found = losses(logits)
    if found is None or (isinstance(found, torch.Tensor) and not found.dim()):
        raise Remark("return both losses, each as one number: saturating, non_saturating.")
    return torch.stack([torch.as_tensor(one).double() for one in found])


def rounded(a):
    return torch.log(1 - torch.sigmoid(a)).mean()


def right(a):
    return -softplus(a).mean(), softplus(-a).mean()


LOGITS = [(torch.tensor([[-2.0], [0.5], [1.0]], requires_grad=True),), (torch.tensor([[1e4], [-1e4]]),)]  # fmt: skip
check_losses = check(right, LOGITS, "both stay finite for every logit.", {
    "with large logits the probability is rounded to 0 or 1, and its logarithm is infinite. Use softplus of the logit.": lambda a: (rounded(a), -rounded(-a)),
    "the first loss is infinite for a logit of 10,000. Use softplus.": lambda a: (rounded(a), right(a)[1]),
    "the second loss is infinite for a logit of −10,000. Use softplus.": lambda a: (right(a)[0], -rounded(-a)),
    "the order is: saturating first.": lambda a: right(a)[::-1],
    "take the mean over the batch, not the sum.": lambda a: (-softplus(a).sum(), softplus(-a).sum()),
    "log(1 − D) is never above 0: the first loss needs a minus sign.": lambda a: (softplus(a).mean(), softplus(-a).mean()),
    "−log D is never below 0: look at the sign of the second.": lambda a: (-softplus(a).mean(), -softplus(-a).mean()),
    "1 − σ(a) is σ(−a): the first of the two has another sign inside softplus.": lambda a: (-softplus(-a).mean(), softplus(-a).mean()),
    "−log σ(a) is softplus(−a): the sign inside the second softplus.": lambda a: (-softplus(a).mean(), softplus(a).mean()),
}, through=both)  # fmt: skip


def kl(a, b):
    return rel_entr(a, b).sum()


def once(one_divergence, p, q):
    left = [kl]

    def counted(a, b):
        if not left:
            raise Remark("all fits into one divergence: call kl once only.")
        return left.pop()(a, b)

    return one_divergence(counted, p, q)


PAIRS = [(np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.3, 0.6])), (np.array([0.5, 0.5]), np.array([1.0, 0.0]))]  # fmt: skip
check_one_divergence = check(lambda p, q: 2 * kl((p + q) / 2, p), PAIRS, "one divergence, never below 0, and 0 only where q = p.", {
    "nearly: you have half of it.": lambda p, q: kl((p + q) / 2, p),
    "the first of the two is the one that is averaged over: exchange them.": lambda p, q: 2 * kl(p, (p + q) / 2),
    "it is the divergence from the data, not from the samples.": lambda p, q: 2 * kl((p + q) / 2, q),
    "KL(q‖m) is what cancels.": lambda p, q: 2 * kl(q, (p + q) / 2),
    "that is the first term alone.": lambda p, q: kl(q, p),
    "m is the mean of p and q: divide by 2.": lambda p, q: 2 * kl(p + q, p),
}, given=once)  # fmt: skip


def step_with(*bugs):
    """Return the training step of lesson 02 with some of its bugs."""

    def step(gan, knobs):
        n = knobs.batch_size
        real, fake = torch.ones(n, 1), torch.zeros(n, 1)
        labels = (fake, real) if "swapped" in bugs else (real, real if "label" in bugs else fake)
        x_real, x_fake = torch.randn(n, 1), gan.G(torch.randn(n, 1))
        x_fake = x_fake if "gradients" in bugs else x_fake.detach()
        for opt in (gan.opt_G,) if "kept" in bugs else (gan.opt_G, gan.opt_D):
            opt.zero_grad()
        loss_D = bce(gan.D(x_real), labels[0]) + bce(gan.D(x_fake), labels[1])
        loss_D.backward()
        gan.opt_D.step()
        x_fake = gan.G(torch.randn(n, 1))
        judged = gan.D(x_fake.detach() if "cut" in bugs else x_fake)
        loss_G = bce(judged, fake if "honest" in bugs else real)
        loss_G.backward()
        for opt in (gan.opt_G, gan.opt_D) if "owner" in bugs else (gan.opt_G,):
            opt.step()
        return {"loss of D": loss_D, "loss of G": loss_G}

    return step


def two_steps(step, seed):  # what it returns is not asked
    return weights_after(dict(batch_size=6))(lambda *both: step(*both) or {}, seed)


check_bugs = check(step_with(), [(0,), (1,)], "each player moves by its own loss alone.", {
    "when G moves, it still has gradients from D's turn. From where, and what removes them?": step_with("gradients"),
    "look at the labels in D's turn: which one do generated samples get?": step_with("label"),
    "in G's turn one player moves who should stand still.": step_with("owner"),
    "two bugs are left. One is a label.": step_with("gradients", "label"),
    "two bugs are left. In G's turn one player moves who should stand still.": step_with("label", "owner"),
    "two bugs are left. One of them: which gradients does G have when it moves?": step_with("gradients", "owner"),
    "all three bugs are still there. For each line, ask whose gradients or weights it changes.": step_with("gradients", "label", "owner"),
    "G does not move: in its own turn its gradient must not be cut off.": step_with("cut"),
    "D learns that generated samples are real and real ones are generated: exchange the labels.": step_with("swapped"),
    "in its own turn G wants D to say 'real': look at the label there.": step_with("honest"),
    "D's gradients are never cleared: each step adds to those of all steps before.": step_with("kept"),
}, through=two_steps)  # fmt: skip
