"""Lesson 08: gradient penalties made of parts, what a check asks of them, and their two gradients as five pictures."""

import torch

from gan_edu.diagram import turned
from gan_edu.examine import Remark, close, tensor
from gan_edu.style import CRITIC, FAKE, MARK, PUSH


def penalty_with(finish=lambda norm: (norm - 1).square().mean(), eps=lambda x: torch.rand(len(x), 1),
                 norm=lambda grad: (grad.square().sum(1) + 1e-12).sqrt(), total=torch.sum):  # fmt: skip
    """Return a gradient penalty that is made of these parts."""

    def penalty(D, x_real, x_fake):
        share = eps(x_real)
        x_hat = (share * x_real + (1 - share) * x_fake).detach().requires_grad_()
        (grad,) = torch.autograd.grad(total(D(x_hat)), x_hat, create_graph=True)
        return finish(norm(grad))

    return penalty


MISTAKEN = {  # penalties: the hint, and the part that is wrong
    "that is one ε for the whole batch. Each pair needs its own: torch.rand(n, 1).": dict(eps=lambda x: torch.rand(1, 1)),
    "that is one ε for each coordinate, and x_hat leaves the line. One for each pair: torch.rand(n, 1).": dict(eps=torch.rand_like),
    "ε must lie between 0 and 1: torch.rand, not torch.randn.": dict(eps=lambda x: torch.randn(len(x), 1)),
    "that is one norm for the whole batch. Each sample has its own: sum over dimension 1.": dict(norm=lambda s: (s.square().sum() + 1e-12).sqrt()),
    "that adds up over the samples. Each sample has its own norm: sum over dimension 1.": dict(norm=lambda s: (s.square().sum(0) + 1e-12).sqrt()),
    "the root is missing: the norm is the root of the sum of squares.": dict(norm=lambda s: s.square().sum(1)),
    "in a mean of the scores each gradient is divided by n. Take their sum.": dict(total=torch.mean),
    "the norm should be 1, not 0: where is the − 1?": dict(finish=lambda n: n.square().mean()),
    "the square is missing: norms above and below 1 cancel.": dict(finish=lambda n: (n - 1).mean()),
    "that is |norm − 1|. The paper squares it.": dict(finish=lambda n: (n - 1).abs().mean()),
    "that punishes only norms above 1. The paper's penalty has two sides.": dict(finish=lambda n: (n - 1).relu().square().mean()),
    "take the mean over the batch, not the sum.": dict(finish=lambda n: (n - 1).square().sum()),
}  # fmt: skip
FLAT = "right, until the critic is flat at some x_hat. Write the norm as (grad.square().sum(1) + 1e-12).sqrt(); section 5 shows why."
NO_GRAPH = "the number is right, but it cannot move the critic's weights: create_graph=True."
PAST = "the number is right, but its gradient goes on to where x_fake came from, the generator: detach x_hat."


def seeded(penalty):
    def of(W, x_real, x_fake, seed):
        torch.manual_seed(seed)
        return penalty(lambda x: torch.tanh(x @ W).sum(1, keepdim=True), x_real, x_fake)

    return of


def penalty_cases(answer):
    """Return what `examine` needs to judge a gradient penalty: the answer, cases, the right one, mistakes."""
    right = seeded(penalty_with())

    def asked(W, x_real, x_fake, seed):
        before = x_fake.clone().requires_grad_()  # as the weights of a generator
        try:
            got = seeded(answer)(W, x_real, 1 * before, seed)
        except RuntimeError as fault:
            if "does not require grad" in str(fault):
                raise Remark("nobody keeps track of x_hat: end its line with .requires_grad_().") from None  # fmt: skip
            raise
        other = right(W, x_fake, x_real, seed)  # ε and 1 − ε exchanged: as good
        wanted = right(W, x_real, x_fake, seed)
        if not isinstance(got, torch.Tensor) or not any(close(tensor(got), tensor(one)) for one in (wanted, other)):  # fmt: skip
            return got
        if not got.requires_grad:
            raise Remark(NO_GRAPH)
        if torch.autograd.grad(got, before, retain_graph=True, allow_unused=True)[0] is not None:
            raise Remark(PAST)
        dead = torch.zeros_like(W, requires_grad=True)
        (found,) = torch.autograd.grad(seeded(answer)(dead, x_real, x_fake, seed), dead)
        if not found.isfinite().all():
            raise Remark(FLAT)
        return got if close(tensor(got), tensor(wanted)) else wanted

    torch.manual_seed(0)
    cases = [(torch.randn(2, 3, requires_grad=True), torch.randn(6, 2), torch.randn(6, 2), seed) for seed in (1, 2)]  # fmt: skip
    mistakes = {hint: seeded(penalty_with(**part)) for hint, part in MISTAKEN.items()}
    return asked if callable(answer) else answer, cases, right, mistakes


FRAMES = {  # what the button says, and what happens
    "mix": "A real and a generated point are mixed, with one ε for each pair. "
    "<b>detach</b> cuts off what came before: no gradient shall reach G.",
    "score": "The critic judges x_hat, as it judges all other points.",
    "first gradient": "How steep is the score at x_hat? This is calculated from the weights of D, "
    "and <b>create_graph</b> writes the calculation down.",
    "penalty": "The norm of each gradient, minus 1, squared, and then the mean over the batch.",
    "second gradient": "<b>backward</b> follows that calculation back to the weights, "
    "and <b>D moves</b>. Without create_graph there is no way back.",
}
LINES = (
    "x_hat = (eps * x_real + (1 - eps) * x_fake).detach().requires_grad_()",
    "D(x_hat).sum()",
    "(grad,) = torch.autograd.grad(…, x_hat, create_graph=True)",
    "norm = …; penalty = (norm - 1).square().mean()",
    "loss.backward()  # the penalty is a part of the critic's loss",
)
BOXES = (  # text, frames in which it is lit, x, y, width, colour
    ("x_real, x_fake", "1", 10, 60, 130, FAKE), ("x_hat", "123", 235, 60, 80, MARK),
    ("D", "235", 385, 60, 80, CRITIC), ("score", "23", 540, 60, 80, CRITIC),
    ("first gradient", "35", 365, 180, 120, CRITIC), ("grad", "345", 235, 180, 80, PUSH),
    ("norm", "45", 135, 180, 65, PUSH), ("penalty", "45", 10, 180, 85, MARK),
)  # fmt: skip
FORWARD = (  # frames, from x, y to x, y
    ("1", 140, 80, 233, 80), ("2", 315, 80, 383, 80), ("2", 465, 80, 538, 80),
    ("3", 580, 102, 487, 196), ("3", 363, 200, 317, 200), ("3", 410, 102, 410, 178),
    ("4", 233, 200, 202, 200), ("4", 133, 200, 97, 200),
)  # fmt: skip
BACKWARD = (
    ("5", 95, 212, 133, 212), ("5", 200, 212, 233, 212), ("5", 315, 212, 363, 212),
    ("5", 440, 178, 440, 104),
)  # fmt: skip
MARKS = ("D moves", "moves", "5", 425, 50), ("✂", "cut", "1", 186, 71)
WORDS = "From x_hat through D to the score; from there the gradient, its norm, the penalty; and the way back into D."


def double_gradient():
    """Return the picture of the penalty's two gradients, one after the other."""
    return turned(FRAMES, LINES, (BOXES, FORWARD, BACKWARD, MARKS), "0 36 640 192", WORDS)
