"""Checks for the exercises of lesson 03."""

import torch

from gan_edu.lessons.say import say


def check_minibatch_std(layer):
    """Check a layer that appends the batch's mean standard deviation: (N, F) -> (N, F + 1). Lesson 03, exercise 1.

    layer: the learner's module, or function, that maps a batch to the longer batch. Karras et al. (2018), section 3.
    """
    x = torch.tensor([[0.0, 1.0], [2.0, 5.0], [4.0, 3.0]], requires_grad=True)
    spread = x.std(dim=0, correction=0)  # 1.633, 1.633
    wanted = spread.mean().item()
    try:
        out = layer(x)
    except Exception as fault:
        return say(False, f"your layer stops with {type(fault).__name__}: {fault}")
    if out is None:
        return say(False, "your layer returns nothing yet. Does forward end with a return?")
    if not torch.is_tensor(out):
        return say(False, f"your layer must return a tensor, it returned {type(out).__name__}.")
    if out.shape == (3, 4):
        return say(
            False,
            "you append one number per feature. Average them over the features: one number for the batch.",
        )
    if out.shape != (3, 3):
        return say(
            False, f"a batch of shape (3, 2) must become (3, 3), it became {tuple(out.shape)}."
        )
    if not torch.equal(out[:, :2], x):
        return say(False, "the first columns must be the batch itself, unchanged.")
    got = out[:, 2]
    if (got - got[0]).abs().max() > 1e-6:
        return say(
            False,
            "every sample of a batch must get the same number. Take the spread over dim=0, the samples, not over the features.",
        )
    if abs(got[0].item() - spread.square().mean().item()) < 1e-4:
        return say(
            False, "that is the variance. The feature is its square root, the standard deviation."
        )
    if abs(got[0].item() - x.std(dim=0).mean().item()) < 1e-4:
        return say(
            False,
            "you divide by N - 1. The paper divides by N (correction=0), which also works for a batch of one.",
        )
    if abs(got[0].item() - x.std(correction=0).item()) < 1e-4:
        return say(
            False,
            "you take one spread over all numbers. First each feature's spread over the batch, then their mean.",
        )
    if abs(got[0].item() - wanted) > 1e-4:
        return say(
            False,
            f"for the batch [[0, 1], [2, 5], [4, 3]] the number should be {wanted:.3f}, it is {got[0].item():.3f}.",
        )
    (slope,) = torch.autograd.grad(got.sum(), x) if got.requires_grad else (torch.zeros(1),)
    if not slope.any():
        return say(
            False,
            "the number has lost its gradient, so the generator could not learn from it. Leave out detach, no_grad and item.",
        )
    return say(True, "the shape, the number and the gradient are as they should be.")
