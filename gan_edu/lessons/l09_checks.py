"""Checks for the exercises of lesson 09, first edition."""

import torch
from torch.nn.functional import softplus

from gan_edu.lessons.say import compare, say


def check_critic_loss(loss):
    """Check the loss that a WGAN's critic minimises, loss(scores_real, scores_fake). Exercise 1.

    Arjovsky et al. (2017), algorithm 1.
    """
    cases = [
        (torch.tensor([2.0, -1.0, 0.5]), torch.tensor([0.3, 4.0])),
        (torch.tensor([3.0, 1.0]), torch.tensor([-2.0, 0.25, 0.5])),
    ]

    def right(real, fake):
        return float(fake.mean() - real.mean())

    def log_losses(real, fake):
        return float(-softplus(-real).mean()), float(-softplus(fake).mean())  # log D, log(1 - D)

    mistakes = {
        "the sign is wrong: that is the estimate, which you read. The critic minimises its negative.": lambda r, f: -right(r, f),
        "the sigmoid and the logarithm are still in it, and the sign is wrong for a minimiser too. Scores enter as they are.": lambda r, f: sum(log_losses(r, f)),
        "that is binary cross-entropy, the loss of a discriminator. Leave out the sigmoid and the logarithm.": lambda r, f: -sum(log_losses(r, f)),
        "the logarithm is gone, the sigmoid is still there: it squeezes every score into (0, 1).": lambda r, f: float(f.sigmoid().mean() - r.sigmoid().mean()),
        "the sigmoid is still there, and the sign is wrong.": lambda r, f: float(r.sigmoid().mean() - f.sigmoid().mean()),
        "no absolute value: it would reward a critic that prefers generated samples just as well.": lambda r, f: abs(right(r, f)),
        "no absolute value, and the critic *minimises*: what is more negative must be better.": lambda r, f: -abs(right(r, f)),
        "you add the two means. Real scores should rise and generated ones fall: one of them needs a minus.": lambda r, f: float(f.mean() + r.mean()),
        "the sign is wrong for both, and you add them: real scores should rise, generated ones fall.": lambda r, f: -float(f.mean() + r.mean()),
        "take the mean over each batch, not the sum: the loss must not grow with the batch.": lambda r, f: float(f.sum() - r.sum()),
        "that is the generator's loss. The critic looks at real samples too.": lambda r, f: -float(f.mean()),
        "no squares: they belong to least-squares GANs. The dual has the scores themselves.": lambda r, f: float((r - 1).square().mean() + f.square().mean()),
    }  # fmt: skip
    return compare(
        loss,
        cases,
        right,
        mistakes,
        words="scores as they are, generated minus real: smaller is better.",
    )


def check_constant_generator(generator, mean=3.0, std=1.0):
    """Check a generator (N, 16) -> (N, 512) that ignores z and passes the pooled test all the same. Exercise 2."""
    z = torch.rand(64, 16, generator=torch.Generator().manual_seed(0))
    try:
        with torch.no_grad():
            samples, again, others = generator(z), generator(z), generator(1 - z)
    except Exception as fault:
        return say(False, f"your generator stops with {type(fault).__name__}: {fault}")
    if samples is None or samples is ...:
        return say(False, "your generator returns nothing yet. Does forward end with a return?")
    if not torch.is_tensor(samples) or samples.shape != (64, 512):
        got = tuple(samples.shape) if torch.is_tensor(samples) else type(samples).__name__
        return say(
            False,
            f"a batch of latents (64, 16) must become samples of shape (64, 512), it became {got}.",
        )
    if not torch.equal(samples, again):
        return say(
            False,
            "the same z gives other samples each time: you draw in forward. Draw once, in __init__.",
        )
    if not torch.equal(samples, others):
        return say(False, "your samples depend on z. This generator is not allowed to look at it.")
    if samples.std(dim=0, correction=0).max() > 1e-6:
        return say(
            False,
            "it gives different rows, by their place in the batch. Every row must be the same.",
        )
    got_mean, got_std = samples.mean().item(), samples.std(correction=0).item()
    if got_std < 1e-6:
        return say(False, f"all 512 features are {got_mean:.2f}: the pooled standard deviation is 0. Which spread is left, if there is none over z?")  # fmt: skip
    if abs(got_mean - mean) > 0.05:
        return say(
            False,
            f"the mean over all numbers is {got_mean:.2f}, it should be within 0.05 of {mean:g}.",
        )
    if abs(got_std - std) > 0.05:
        return say(
            False,
            f"the pooled standard deviation is {got_std:.2f}, it should be within 0.05 of {std:g}.",
        )
    return say(
        True,
        f"mean {got_mean:.2f}, pooled std {got_std:.2f}, and std over z 0.00. The test is fooled.",
    )
