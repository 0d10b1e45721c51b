"""Lesson NN: checks of its exercises."""

import torch

from gan_edu.examine import check

P, Q = torch.tensor([0.2, 0.5, 0.9]), torch.tensor([0.6, 0.5, 0.1])  # densities of data and samples
SCORES = [(torch.tensor([-1.0, 0.0, 0.5]),), (torch.tensor([3.0, 1.0, -4.0]),)]

check_best_score = check(lambda p, q: p / (p + q), [(P, Q), (Q, P)], "the same share as in lesson 2.", {
    "that is large where the *generated* samples are: the target of real samples is 1.": lambda p, q: q / (p + q),
    "that is the ratio of the densities. Set the derivative to 0 and solve for d.": lambda p, q: p / q,
    "that goes from −1 to 1: it would be the score for the targets 1 and −1.": lambda p, q: (p - q) / (p + q),
    "that is the logit of lesson 2. Here D says a score, without a logarithm.": lambda p, q: torch.log(p / q),
    "where nothing is known that is right. What if p is larger than q?": lambda p, q: 0.5 + 0 * p,
})  # fmt: skip

check_pull = check(lambda s: s - 1, SCORES, "the further the score is from 1, the stronger the pull.", {
    "that is the loss itself. How fast does it change with s?": lambda s: (s - 1) ** 2 / 2,
    "that is the way the score shall go. The derivative of the loss points the other way.": lambda s: 1 - s,
    "the ½ and the 2 of the square cancel.": lambda s: 2 * (s - 1),
    "that would be the target 0. The generator wants the score of real samples, 1.": lambda s: s,
})  # fmt: skip
