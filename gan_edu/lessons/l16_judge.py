"""Lesson 16: a judge of digits, and what it measures: does a generator obey, and do the pictures of a label vary?"""

import numpy as np
import torch
from sklearn.svm import SVC
from torch.nn.functional import avg_pool2d

from gan_edu.lessons.l16_conditional_digits import LATENT_DIM, asked, split_digits
from gan_edu.metrics import frechet_distance, precision_recall

Y = torch.arange(10).repeat_interleave(100)  # what is asked for: each label 100 times
MANY = torch.randn(1000, LATENT_DIM, generator=torch.Generator().manual_seed(5))


def features(x):
    """Return 49 numbers for each picture, (n, 49): the means of its blocks of 4 × 4 pixels."""
    return avg_pool2d(x, 4).flatten(1)


class Judge:
    """A support-vector machine that reads digits, at half their size, and 1,000 real digits that no network has seen.

    It learns from the same 3,000 digits as the GANs. accuracy: the share of the other 2,000 that it reads rightly.
    """

    def __init__(self):
        (images, labels), (self.reference, _), (self.others, _) = split_digits()
        self.machine = SVC(C=10, gamma=0.008).fit(self.small(images), labels.numpy())
        rest = torch.cat([self.reference, self.others])
        self.accuracy = (self.read(rest) == torch.cat([Y, Y])).float().mean().item()

    @staticmethod
    def small(x):
        return avg_pool2d(x, 2).flatten(1).numpy()

    def read(self, x):
        """Return the digit that each picture (n, 1, 28, 28) shows, (n,)."""
        return torch.from_numpy(self.machine.predict(self.small(x)))

    def scores(self, x):
        """Return what there is to say of 1,000 pictures, 100 for each label in turn: {name: number}."""
        read = self.read(x)
        other = Y[torch.randperm(len(Y), generator=torch.Generator().manual_seed(0))]
        made, real = features(x).split(100), features(self.reference).split(100)
        inside = [precision_recall(*pair).recall for pair in zip(real, made)]
        spread = [(a.var(0).sum() / b.var(0).sum()).item() for a, b in zip(made, real)]
        return {
            "accuracy": (read == Y).float().mean().item(),
            "permuted": (read == other).float().mean().item(),
            "Fréchet": frechet_distance(features(x), features(self.reference)),
            "recall": float(np.mean(inside)),
            "spread": float(np.mean(spread)),
        }

    @torch.no_grad()
    def measure(self, G):
        """Return the scores of what a generator makes of 1,000 latents, 100 for each label, and `column`."""
        return self.scores(G(MANY, Y)) | {"column": self.column(G)}

    def column(self, G):
        """Return how alike the pictures of one latent are: the share of its ten labels that give the same digit.

        0.1 to 1, the mean of 100 latents; the same digit is the one that is read most often.
        """
        read = self.read(asked(G, MANY[:100])).reshape(10, 100).T
        return (
            torch.stack([one.bincount(minlength=10).max() for one in read]).double().mean().item()
            / 10
        )

    def floor(self):
        """Return the scores of 1,000 real digits that are not in the reference."""
        return self.scores(self.others)
