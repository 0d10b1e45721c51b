"""Lesson 08: gradient penalties made of parts, right and wrong ones, and what a check asks of a penalty."""

import torch

from gan_edu.examine import Remark, close, tensor


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
