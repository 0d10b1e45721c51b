"""A small classifier that judges generated faces: attributes, features for distances, and whether it is a face at all.

The project trained it on procedural faces (`python -m benchmarks.face_judge`); it knows no others. Pictures are uint8 or
floats in (-1, 1) of shape (n, 3, 64, 64), on any device.
"""

import functools
import itertools
import pathlib
from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial.distance import cdist
from torch import nn

from gan_edu.divergences import total_variation
from gan_edu.faces.draw import ATTRIBUTES, PROBABILITIES, make_faces
from gan_edu.metrics import frechet_distance, precision_recall

WEIGHTS = pathlib.Path(__file__).parent.parent / "weights" / "face_judge.pt"
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

    def __init__(self):
        super().__init__()
        layers = []
        for n_in, n_out in itertools.pairwise([3, 16, 32, 64, 64]):
            convolution = nn.Conv2d(n_in, n_out, 3, stride=2, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(n_out), nn.ReLU()]
        layers += [nn.Flatten(), nn.Linear(1024, 64, bias=False)]
        self.body = nn.Sequential(*layers, nn.BatchNorm1d(64, affine=False))
        self.counts = [len(names) for names in ATTRIBUTES.values()]
        self.heads = nn.Linear(64, sum(self.counts) + 1)
        self.about = {}

    def forward(self, x):
        """Return for floats (n, 3, 64, 64): features (n, F), logits of each attribute [(n, values)], of a face (n,)."""
        features = self.body(x)
        *logits, face = self.heads(features.relu()).split([*self.counts, 1], dim=1)
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
        parts = _pictures(images).split(250)
        floats = (x / 127.5 - 1 if x.dtype == torch.uint8 else x.float() for x in parts)
        features, logits, face = zip(*map(self, floats))
        labels = [torch.cat(some).argmax(1) for some in zip(*logits)]
        return torch.cat(features), dict(zip(ATTRIBUTES, labels)), torch.cat(face)


@functools.cache
def load_judge():
    """Return the FaceJudge with the stored weights, ready to use; the same one at each call."""
    content = torch.load(WEIGHTS, map_location="cpu", weights_only=True)
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
    marginals: dict

    @property
    def off(self):
        """The mean of the marginals: how far the attributes' shares are off."""
        return float(np.mean(list(self.marginals.values())))


def face_quality(images):
    """Return the FaceQuality of pictures against as many real faces, of which there are 2,000: give no more.

    frechet, precision and recall (`gan_edu.metrics`, k = 3) are taken in the judge's features; marginals: for each
    attribute the total variation, from 0 to 1, between the labels the judge reads and the true PROBABILITIES. With few
    pictures the Fréchet distance is larger and the recall smaller, for real faces too: compare with `real_floor(n)`.
    Heusel et al. (2017); Kynkäänniemi et al. (2019).
    """
    judge = load_judge()
    features, labels, _ = judge._judge(images)
    real = _reference_features(judge)[: len(features)]
    marginals = {}
    for name, label in labels.items():
        shares = np.bincount(label, minlength=len(PROBABILITIES[name])) / len(label)
        marginals[name] = total_variation(shares, PROBABILITIES[name])
    distance, share = frechet_distance(real, features), precision_recall(real, features)
    return FaceQuality(len(features), distance, *share, marginals)


def real_floor(n=REFERENCE):
    """Return the FaceQuality of n real procedural faces against n others: what a perfect generator would get."""
    return face_quality(make_faces(n, seed=SEEDS["floor"])[0])


def is_face(images):
    """Return for each picture whether it is recognisably a procedural face, bool (n,).

    The judge must deem it a face, and it must lie no further from the nearest of 2,000 real faces than other real faces do,
    for a judge can be deceived by what it has never seen. Each limit is kept by 99.5 % of held-out real faces.
    """
    logits, distances = load_judge().likeness(images)
    limits = load_judge().about["face"]
    near = distances <= limits["largest_distance"]
    return torch.from_numpy(near & (logits >= limits["least_logit"]))


@functools.lru_cache(maxsize=4)
def _reference_features(judge):
    return judge.features(make_faces(REFERENCE, seed=SEEDS["reference"])[0])


def _pictures(images):
    """Return the pictures as a tensor (n, 3, 64, 64) on the CPU, uint8 or floating; ValueError for anything else."""
    images = torch.as_tensor(images).detach().cpu()
    shape = tuple(images.shape)
    if shape[1:] != (3, SIZE, SIZE) or shape[0] == 0:
        raise ValueError(f"images must be pictures of shape (n, 3, {SIZE}, {SIZE}), got {shape}")
    real = images.is_floating_point() and images.abs().max() <= 1.001  # nan is not
    if images.dtype != torch.uint8 and not real:
        got = f"{images.dtype}, {images.min():g} to {images.max():g}"
        raise ValueError(f"images must be uint8, or floats from -1 to 1, got {got}")
    return images
