"""Lesson 17: what a generator of faces on demand is measured by."""

import torch
from torch.nn.functional import pad

from gan_edu.faces import ATTRIBUTES, make_faces
from gan_edu.faces.judge import face_quality, load_judge
from gan_edu.views import made_by as faces_of

ASKED = "smile", "glasses", "hair_colour"
COUNTS = [len(ATTRIBUTES[name]) for name in ASKED]
AFTER = dict(
    smile=1, glasses=1, hair_colour=3
)  # asked twice: no and yes, no and yes, black and red


def drawn_labels(n, seed):
    """Return labels as often as the painter gives them, (n, 3)."""
    labels = make_faces(n, seed=seed, size=8)[1]
    return torch.stack([labels[name] for name in ASKED], dim=1)


def obeyed(G):
    """Return {attribute: share that the judge reads as asked, all values equally often}, and of the control, others' labels."""
    n, rng = 1000, torch.Generator().manual_seed(5)
    y = torch.stack([torch.randint(count, (n,), generator=rng) for count in COUNTS], dim=1)
    read = load_judge().predict(faces_of(G, torch.randn(n, 100, generator=rng), y))
    other = y[torch.randperm(n, generator=rng)]
    return [
        {name: (read[name] == one[:, k]).float().mean().item() for k, name in enumerate(ASKED)}
        for one in (y, other)
    ]


def varied(G):
    """Return the FaceQuality of 1,000 faces with labels as often as in the data, against as many real ones."""
    z = torch.randn(1000, 100, generator=torch.Generator().manual_seed(6))
    return face_quality(faces_of(G, z, drawn_labels(1000, seed=66)))


def spread(G):
    """Return how much 200 faces of one label differ, pixel by pixel, beside real ones, over three labels: 1 is as much."""
    n = 200
    z, own, real = torch.randn(n, 100, generator=torch.Generator().manual_seed(9)), 0, 0
    for y in ((0, 0, 1), (1, 0, 2), (0, 1, 0)):
        own += faces_of(G, z, torch.tensor([y] * n)).std(0).mean().item()
        x = make_faces(n, seed=99, **dict(zip(ASKED, y)))[0]
        real += (x.float() / 127.5).std(0).mean().item()
    return own / real


def latents_and_labels():
    """Return the latents (500, 100) and the labels (500, 3) of the people who are asked twice."""
    return torch.randn(500, 100, generator=torch.Generator().manual_seed(7)), drawn_labels(500, seed=77)  # fmt: skip


def asked_twice(G, name):
    """Return what the judge reads of 500 faces, the same latents and other labels, with the first value and with AFTER's."""
    (z, y), k = latents_and_labels(), ASKED.index(name)
    before, after = y.clone(), y.clone()
    before[:, k], after[:, k] = 0, AFTER[name]
    return [load_judge().predict(faces_of(G, z, one)) for one in (before, after)]


def drawn_twice(name):
    """Return the same of the drawing program's faces: the same 500 people."""
    pairs = (make_faces(500, seed=77, **{name: value})[0] for value in (0, AFTER[name]))
    return [load_judge().predict(x) for x in pairs]


def as_asked(before, after, name):
    """Return both for those faces only that the judge reads as asked, before and after."""
    met = (before[name] == 0) & (after[name] == AFTER[name])
    return [{one: labels[met] for one, labels in read.items()} for read in (before, after)]


def references(G):
    """Return {name: (before, after)} to compare with: drawn pairs, the same face moved by a pixel, another latent."""
    z, y = latents_and_labels()
    y[:, 1] = 1
    x, read = faces_of(G, z, y), load_judge().predict
    right = pad(x, (1, 0, 0, 0), mode="replicate")[..., :-1]
    down = pad(x, (0, 0, 1, 0), mode="replicate")[..., :-1, :]
    return {
        "glasses, the drawing program": as_asked(*drawn_twice("glasses"), "glasses"),
        "the same face, one pixel to the right": (read(x), read(right)),
        "the same face, one pixel down": (read(x), read(down)),
        "another latent, both with glasses": (read(x), read(faces_of(G, z.roll(1, 0), y))),
    }


def changes(before, after):
    """Return {attribute: share of the faces in which what the judge reads has changed}."""
    return {name: (before[name] != after[name]).float().mean().item() for name in before}
