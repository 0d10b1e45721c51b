"""The digits of lessons 17 and 18: 8 by 8 pixels, until real ones take their place."""

import torch


def load_digits():
    """Return 1797 handwritten digits: images float32 (1797, 1, 8, 8) in [-1, 1], labels int64 (1797,) from 0 to 9.

    Ink is 1, paper -1, in 17 levels: a generator that ends in tanh can reach them all. `images.flatten(1)` suits a
    classifier. They come with scikit-learn, without a download. Alpaydin & Kaynak (1998), the test set.
    """
    from sklearn.datasets import load_digits as sklearn_digits  # here, as it takes a second

    digits = sklearn_digits()
    images = (
        torch.tensor(digits.images, dtype=torch.float32)[:, None] / 8 - 1
    )  # exact: whole numbers from 0 to 16
    return images, torch.tensor(digits.target, dtype=torch.int64)
