"""Lesson 11: the networks of the source, Linder-Norén (2018), and what its two more layers do to the page's critic."""

import warnings

from torch import nn

from gan_edu.views import WEIGHTS, load

# torch warns that the uneven padding of even kernels costs a copy; it is what Keras does.
warnings.filterwarnings("ignore", "Using padding='same' with even kernel", UserWarning)
STORED = WEIGHTS / "digits_critics.json"
CRITICS = "as on the page", "with batch normalisation", "with dropout"


def source_generator():
    """Return the source's generator; "same" pads even kernels unevenly, as in Keras."""
    return nn.Sequential(
        nn.Linear(100, 7 * 7 * 128), nn.ReLU(), nn.Unflatten(1, (128, 7, 7)),
        nn.Upsample(scale_factor=2), nn.Conv2d(128, 128, 4, padding="same"), nn.BatchNorm2d(128, momentum=0.2), nn.ReLU(),
        nn.Upsample(scale_factor=2), nn.Conv2d(128, 64, 4, padding="same"), nn.BatchNorm2d(64, momentum=0.2), nn.ReLU(),
        nn.Conv2d(64, 1, 4, padding="same"), nn.Tanh(),
    )  # fmt: skip


def source_critic():
    """Return the source's critic, with the batch normalisation and dropout that it has."""

    def block(n_in, n_out, stride):
        norm = [] if n_in == 1 else [nn.BatchNorm2d(n_out, momentum=0.2)]
        conv = nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1)
        return [conv, *norm, nn.LeakyReLU(0.2), nn.Dropout(0.25)]

    blocks = [block(1, 16, 2), block(16, 32, 2), block(32, 64, 2), block(64, 128, 1)]
    layers = [layer for layers in blocks for layer in layers]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(4 * 4 * 128, 1))


def critic_with(critic, what):
    """Return the page's critic with the source's batch normalisation (after three convolutions) or dropout (after all four)."""
    layers, found = list(critic), []
    for layer in layers:
        found.append(layer)
        if what == CRITICS[1] and isinstance(layer, nn.Conv2d) and layer.in_channels > 1:
            found.append(nn.BatchNorm2d(layer.out_channels, momentum=0.2))
        if what == CRITICS[2] and isinstance(layer, nn.LeakyReLU):
            found.append(nn.Dropout(0.25))
    return nn.Sequential(*found)


def load_critics():
    """Return what three seeds of each critic have made, {critic: [measures]}; see benchmarks.digits_critics."""
    return load(STORED)["runs"]


def verdict(critics, unclear):
    """Return the critic with the smallest Fréchet distances, or `unclear` where their range meets another one's."""
    ends = {name: [one["Fréchet"] for one in runs] for name, runs in critics.items()}
    best = min(ends, key=lambda name: max(ends[name]))
    others = [value for name, values in ends.items() if name != best for value in values]
    return best if max(ends[best]) < min(others) else unclear
