"""The small digits against scikit-learn."""

import numpy as np
import sklearn.datasets
import torch
from sklearn.svm import SVC

from gan_edu.first_edition.digits import load_digits


def test_digits_are_those_of_scikit_learn():
    images, labels = load_digits()
    theirs = sklearn.datasets.load_digits()
    assert (
        images.shape == (1797, 1, 8, 8)
        and images.dtype == torch.float32
        and labels.dtype == torch.int64
    )
    np.testing.assert_array_equal((images[:, 0].numpy() + 1) * 8, theirs.images)
    np.testing.assert_array_equal(labels.numpy(), theirs.target)
    assert images.unique().tolist() == [level / 8 - 1 for level in range(17)]


def test_digits_are_upright_and_match_their_labels():
    images, labels = load_digits()
    x, y = images.flatten(1).numpy(), labels.numpy()
    assert SVC().fit(x[:900], y[:900]).score(x[900:], y[900:]) > 0.94
    assert SVC().fit(x[:900], y[:900]).score(x[900:], y[899:-1]) < 0.3
    zeros = images[labels == 0, 0].mean(0)
    assert (
        zeros[3:5, 3:5].mean() < -0.5 < 0.3 < zeros[3:5, 2].mean()
    )  # the hole and the stroke of a 0
    # the ink of a mean 7 lies higher than that of a mean 6
    rows = torch.arange(8.0)[:, None]
    heights = [
        ((images[labels == d, 0].mean(0) + 1) * rows).sum()
        / (images[labels == d, 0].mean(0) + 1).sum()
        for d in (7, 6)
    ]
    assert heights[0] < heights[1] - 0.4
