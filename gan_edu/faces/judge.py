"""A small classifier that judges generated faces: attributes, features for distances, and whether it is a face at all.

The project trained it on procedural faces (`python -m gan_edu.faces.train_judge`); it knows no others. Pictures are uint8 or
floats in (-1, 1) of shape (n, 3, 64, 64), on any device.
"""

import functools
import itertools
import pathlib
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy.spatial.distance import cdist
from torch import nn

from gan_edu._arguments import check_count
from gan_edu.faces.draw import ATTRIBUTES, PROBABILITIES, make_faces
from gan_edu.metrics import frechet_distance, precision_recall

WEIGHTS = pathlib.Path(__file__).parent.parent / "weights" / "face_judge.pt"
FORMAT = "gan_edu face judge 1"
SIZE = 64  # pixels a side
REFERENCE = 2000  # real faces to compare with: more change little and cost time
SEEDS = {  # of make_faces; far from those of the lessons, so that no face is in two sets
    "training": 6_000_001,
    "held out": 6_000_002,  # accuracy
    "threshold": 6_000_003,  # what counts as a face
    "reference": 6_000_004,  # the real side of face_quality
    "floor": 6_000_005,  # the other real side of real_floor
}


class FaceJudge(nn.Module):
    """Four strided convolutions, a layer of features, and a linear head for each attribute and for "a face at all".

    about: what is stored beside the weights: how it was trained, and how well it reads faces that it has not seen.
    """

    def __init__(self, width=16, num_features=64):
        super().__init__()
        widths = [3, width, 2 * width, 4 * width, 4 * width]
        layers = []
        for n_in, n_out in itertools.pairwise(widths):
            layers += [
                nn.Conv2d(n_in, n_out, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(n_out),
                nn.ReLU(),
            ]
        layers += [nn.Flatten(), nn.Linear(16 * widths[-1], num_features, bias=False)]
        self.body = nn.Sequential(*layers, nn.BatchNorm1d(num_features, affine=False))
        self.counts = [len(names) for names in ATTRIBUTES.values()]
        self.heads = nn.Linear(num_features, sum(self.counts) + 1)
        self.about = {}

    def forward(self, x):
        """Return for floats (n, 3, 64, 64): features (n, F), logits of each attribute [(n, values)], of a face (n,)."""
        features = self.body(x)
        *logits, face = self.heads(F.relu(features)).split([*self.counts, 1], dim=1)
        return features, logits, face[:, 0]

    def features(self, images):
        """Return the penultimate layer for each picture, a float32 array (n, F), before its rectifier."""
        return self._judge(images)[0].numpy()

    def predict(self, images):
        """Return the most likely labels as `make_faces` gives them, {attribute: int64 (n,)}."""
        return self._judge(images)[1]

    def likeness(self, images):
        """Return for each picture the logit of "a face", and the distance of its features to the nearest of 2,000 real ones."""
        features, _, logits = self._judge(images)
        return logits.numpy(), cdist(features, _reference_features(self)).min(axis=1)

    @torch.no_grad()
    def _judge(self, images):
        """Return features (n, F), labels {attribute: (n,)} and logits of a face (n,), of pictures as they come."""
        x = _pictures(images)
        parts = [
            self(part.float() / 127.5 - 1 if part.dtype == torch.uint8 else part.float())
            for part in x.split(250)
        ]
        features, logits, face = zip(*parts)
        labels = {
            name: torch.cat([some[k].argmax(1) for some in logits])
            for k, name in enumerate(ATTRIBUTES)
        }
        return torch.cat(features), labels, torch.cat(face)


@functools.cache
def load_judge():
    """Return the FaceJudge with the stored weights, ready to use; the same one at each call."""
    content = torch.load(WEIGHTS, map_location="cpu", weights_only=True)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f"{WEIGHTS} is not what python -m gan_edu.faces.train_judge writes")
    judge = FaceJudge()
    judge.load_state_dict(content["weights"])
    judge.about = content["about"]
    return judge.eval().requires_grad_(False)


@dataclass(frozen=True)
class FaceQuality:
    """How n faces compare with as many real ones; see `face_quality`."""

    n: int
    frechet: float
    precision: float
    recall: float
    marginals: dict | None

    @property
    def off(self):
        """The mean of the marginals: how far the attributes' shares are off; None without marginals."""
        return float(np.mean(list(self.marginals.values()))) if self.marginals else None


def face_quality(images, reference=None):
    """Return the FaceQuality of pictures against as many real faces, of which there are 2,000: give no more.

    frechet, precision and recall (`gan_edu.metrics`, k = 3) are taken in the judge's features; marginals: for each
    attribute the total variation, from 0 to 1, between the labels the judge reads and the true PROBABILITIES. With few
    pictures the Fréchet distance is larger and the recall smaller, for real faces too: compare with `real_floor(n)`.

    reference: other real pictures (n, 3, 64, 64) than the procedural ones, or their `features` (n, F), all of which are
    used; marginals is None then. The judge has never seen such faces: its features are less telling there.
    Heusel et al. (2017); Kynkäänniemi et al. (2019).
    """
    judge, marginals = load_judge(), None
    features, labels, _ = judge._judge(images)
    if reference is None:
        real = _reference_features(judge)[: len(features)]
        marginals = {name: _marginal(name, label) for name, label in labels.items()}
    else:
        real = reference if getattr(reference, "ndim", 0) == 2 else judge.features(reference)
    share = precision_recall(real, features)
    return FaceQuality(
        len(features), frechet_distance(real, features), share.precision, share.recall, marginals
    )


def real_floor(n=REFERENCE):
    """Return the FaceQuality of n real procedural faces against n others: what a perfect generator would get."""
    return face_quality(make_faces(check_count("n", n, least=4), seed=SEEDS["floor"])[0])


def is_face(images):
    """Return for each picture whether it is recognisably a procedural face, bool (n,).

    Two things are asked: that the judge, which has also seen spoilt pictures, deems it a face; and that it lies no further
    from the nearest of 2,000 real faces than other real faces do, for a judge can be deceived by what it has never seen.
    Each limit is kept by 99.5 % of held-out real faces. Real faces of people are none here: it knows only drawn ones.
    """
    judge = load_judge()
    logits, distances = judge.likeness(images)
    limits = judge.about["face"]
    return torch.from_numpy(
        (logits >= limits["least_logit"]) & (distances <= limits["largest_distance"])
    )


def _marginal(name, label):
    shares = np.bincount(label.numpy(), minlength=len(PROBABILITIES[name])) / len(label)
    return float(np.abs(shares - PROBABILITIES[name]).sum() / 2)


@functools.lru_cache(maxsize=4)
def _reference_features(judge):
    return judge.features(make_faces(REFERENCE, seed=SEEDS["reference"])[0])


def _pictures(images):
    """Return the pictures as a tensor (n, 3, 64, 64) on the CPU, uint8 or floating; ValueError for anything else."""
    if not torch.is_tensor(images):
        images = torch.from_numpy(images) if isinstance(images, np.ndarray) else images
    if (
        not torch.is_tensor(images)
        or images.ndim != 4
        or images.shape[1:] != (3, SIZE, SIZE)
        or len(images) == 0
    ):
        got = tuple(images.shape) if hasattr(images, "shape") else type(images).__name__
        raise ValueError(f"images must be pictures of shape (n, 3, {SIZE}, {SIZE}), got {got}")
    images = images.detach().cpu()
    if images.dtype == torch.uint8:
        return images
    if not images.is_floating_point():
        raise ValueError(f"images must be uint8, or floats from -1 to 1, got {images.dtype}")
    if not (images.abs() <= 1.001).all():  # also where one is nan
        raise ValueError(
            f"images must be uint8, or floats from -1 to 1, got {images.min():g} to {images.max():g}"
        )
    return images
