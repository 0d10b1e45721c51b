"""Lesson 00: the check of its exercise, (scores of real points, scores of generated ones) -> the critic's gap."""

import torch

from gan_edu.examine import check

CASES = (torch.tensor([3.0, 5]), torch.tensor([1.0, 2, 6])), (torch.zeros(2), torch.ones(4))
check_gap = check(lambda r, f: r.mean() - f.mean(), CASES, "the critic wants this number large.", {
    "that is the gap with its sign turned. Which mean comes first?": lambda r, f: f.mean() - r.mean(),
    "that is a difference of sums. The gap is a difference of means.": lambda r, f: r.sum() - f.sum(),
    "that is the sum of the two means. The gap is their difference.": lambda r, f: r.mean() + f.mean(),
})  # fmt: skip
