"""Conditional GANs: a label for the generator and the discriminator, in three ways, and `ConditionalGAN`, which trains them.

Labels y are int64 of shape (N, A), a column for each attribute: A = 1 for digits, 3 for smile, glasses and hair colour.
A generator is called as G(z, y), a discriminator as D(x, y).
"""

import torch
import torch.nn.functional as F
from torch import nn

from gan_edu._arguments import check_count, check_number
from gan_edu.first_edition.training import GAN
from gan_edu.losses import discriminator_loss, generator_loss_nonsaturating
from gan_edu.networks import DCGANDiscriminator, init_dcgan_weights_, mlp


class LabelEmbedding(nn.Module):
    """Turn labels into vectors: (N, A) -> (N, dim), the sum of one learned vector for the value of each attribute.

    counts: the number of values of each attribute, (10,) for digits. std: of the numbers to begin with.
    """

    def __init__(self, counts, dim, std=1.0):
        super().__init__()
        dim, std = check_count("dim", dim), check_number("std", std, low=0)
        self.tables = nn.ModuleList(
            nn.Embedding(check_count("counts", count), dim) for count in counts
        )
        for table in self.tables:
            nn.init.normal_(table.weight, std=std)

    def forward(self, y):
        return sum(table(y_a) for table, y_a in zip(self.tables, y.T))


class ConditionalGenerator(nn.Module):
    """G(z, y): a network of the latent and the label's vector, side by side. Mirza & Osindero (2014), figure 1."""

    def __init__(self, net, embed):
        super().__init__()
        self.net, self.embed = net, embed

    def forward(self, z, y):
        return self.net(torch.cat([z, self.embed(y)], dim=1))


class BlindDiscriminator(nn.Module):
    """D(x, y) that does not look at y: (N, ...) -> logits (N,); the control."""

    def __init__(self, body, num_features):
        super().__init__()
        self.body, self.real = body, nn.Linear(num_features, 1)

    def forward(self, x, y):
        return self.real(self.body(x))[:, 0]


class JointDiscriminator(nn.Module):
    """D(x, y) of the cGAN: features of x and a vector for y meet in a joint hidden layer; logits (N,).

    body: (N, ...) -> (N, num_features). embed: (N, A) -> (N, dim). Mirza & Osindero (2014), section 4.1.
    """

    def __init__(self, body, num_features, embed, dim, width=128):
        super().__init__()
        self.body, self.embed = body, embed
        self.joint = mlp(num_features + dim, width, 1, activation=lambda: nn.LeakyReLU(0.2))

    def forward(self, x, y):
        return self.joint(torch.cat([self.body(x), self.embed(y)], dim=1))[:, 0]


class ClassifyingDiscriminator(nn.Module):
    """D(x, y) of the AC-GAN: (logits (N,), class logits, one tensor (N, count) for each attribute, y).

    y goes round the network, untouched, to the loss. Odena, Olah & Shlens (2017), section 3.
    """

    def __init__(self, body, num_features, counts):
        super().__init__()
        self.body, self.real = body, nn.Linear(num_features, 1)
        self.classes = nn.ModuleList(nn.Linear(num_features, count) for count in counts)

    def forward(self, x, y):
        h = self.body(x)
        return self.real(h)[:, 0], [head(h) for head in self.classes], y


class ProjectionDiscriminator(nn.Module):
    """D(x, y) = w . h(x) + e(y) . h(x): logits (N,); embed: (N, A) -> (N, num_features).

    Miyato & Koyama (2018), equation 3.
    """

    def __init__(self, body, num_features, embed):
        super().__init__()
        self.body, self.embed, self.real = body, embed, nn.Linear(num_features, 1)

    def forward(self, x, y):
        h = self.body(x)
        return self.real(h)[:, 0] + (self.embed(y) * h).sum(dim=1)


class GuidedDiscriminator(ClassifyingDiscriminator):
    """A projection discriminator with a classifier beside it: what the AC-GAN's returns, its logits judging the pair.

    body: (N, ...) -> (N, num_features). The classifier lends the body features for small attributes; see
    `guided_discriminator_loss`.
    """

    def __init__(self, body, num_features, counts):
        super().__init__(body, num_features, counts)
        self.embed = LabelEmbedding(counts, num_features, std=0.02)

    def forward(self, x, y):
        h = self.body(x)
        return (
            self.real(h)[:, 0] + (self.embed(y) * h).sum(dim=1),
            [head(h) for head in self.classes],
            y,
        )


# ---- bodies: pictures to features


def picture_body(width=16, channels=3, image_size=64):
    """Return (body, number of features): strided convolutions, (N, channels, image_size, image_size) -> (N, features).

    The DCGAN's discriminator without its last convolution, with its initial weights; image_size: a power of two, at
    least 8. Radford, Metz & Chintala (2016), section 3.
    """
    *layers, last, _ = DCGANDiscriminator(width, channels, image_size)
    return init_dcgan_weights_(nn.Sequential(*layers, nn.Flatten())), 16 * last.in_channels


# ---- the AC-GAN's losses


def class_loss(class_logits, y):
    """Return the cross-entropy of the labels y (N, A), summed over attributes, in nats; class_logits: logits, no softmax."""
    return sum(F.cross_entropy(logits, y_a) for logits, y_a in zip(class_logits, y.T))


def acgan_discriminator_loss(real, fake):
    """Return the GAN's loss plus the class loss on real and on generated data, in nats; D minimises it.

    real, fake: what a `ClassifyingDiscriminator` returns. Odena, Olah & Shlens (2017), equations 2 and 3: L_S + L_C.
    """
    (logits_real, *classes_real), (logits_fake, *classes_fake) = real, fake
    return (
        discriminator_loss(logits_real, logits_fake)
        + class_loss(*classes_real)
        + class_loss(*classes_fake)
    )


def acgan_generator_loss(fake):
    """Return the non-saturating loss plus the class loss of what was asked for: L_C - L_S, in nats; G minimises it."""
    logits_fake, *classes_fake = fake
    return generator_loss_nonsaturating(logits_fake) + class_loss(*classes_fake)


def guided_discriminator_loss(real, fake):
    """Return the GAN's loss plus the class loss on real data alone, in nats, so that generated data teach no labels.

    real, fake: what a `GuidedDiscriminator` returns.
    """
    (logits_real, *classes_real), (logits_fake, *_) = real, fake
    return discriminator_loss(logits_real, logits_fake) + class_loss(*classes_real)


def guided_generator_loss(fake, weight=0.2):
    """Return the non-saturating loss plus `weight` times the class loss of what was asked for, in nats."""
    logits_fake, *classes_fake = fake
    return generator_loss_nonsaturating(logits_fake) + weight * class_loss(*classes_fake)


# ---- training


def labelled_sampler(images, y):
    """Return a function (n, generator=None) -> (x, y) of n of these pictures with their labels, drawn with replacement.

    images: float (N, ...), or uint8 (N, 3, size, size), which come as floats from -1 to 1, channels last in memory.
    y: int64 (N, A).
    """
    if y.ndim != 2 or len(y) != len(images) or len(y) == 0 or y.dtype != torch.int64:
        raise ValueError(
            f"y must be int64 of shape ({len(images)}, A), got {y.dtype} of shape {tuple(y.shape)}"
        )

    def sample(n, generator=None):
        index = torch.randint(len(images), (n,), generator=generator)
        x = images[index]
        if x.dtype == torch.uint8:
            x = x.to(torch.float32, memory_format=torch.channels_last).div_(127.5).sub_(1)
        return x, y[index]

    return sample


class Labelled:
    """Samples or latents x (N, ...) with their labels y (N, A): what a `ConditionalGAN` hands around for each of them."""

    def __init__(self, x, y):
        self.x, self.y = x, y

    def __iter__(self):  # x, y = batch
        return iter((self.x, self.y))

    def __len__(self):
        return len(self.x)

    @property
    def shape(self):
        return self.x.shape

    @property
    def device(self):
        return self.x.device

    def to(self, *args, **kwargs):
        """Move x as torch's `to` would; the labels follow to its device."""
        x = self.x.to(*args, **kwargs)
        return Labelled(x, self.y.to(x.device))

    def cpu(self):
        return self.to("cpu")

    def float(self):
        return self.to(torch.float32)


class _Verdict(tuple):
    """What a discriminator returns beside its logits; `detach` gives the logits alone, to look at."""

    def detach(self):
        return self[0].detach()

    def float(self):
        logits, classes, y = self
        return _Verdict((logits.float(), [logits.float() for logits in classes], y))


class _Told(nn.Module):
    """A player that is told the label: module(x, y), called with a `Labelled`. as_pair: it returns one, too."""

    def __init__(self, module, as_pair):
        super().__init__()
        self.module, self.as_pair = module, as_pair

    def forward(self, batch):
        out = self.module(*batch)
        if self.as_pair:
            return Labelled(out, batch.y)
        return _Verdict(out) if isinstance(out, tuple) else out


class ConditionalGAN(GAN):
    """A GAN whose players are told a label: generator(z, y) and discriminator(x, y).

    generator, discriminator: functions of no arguments that build one. sample_real(n, generator=...) returns (x, y),
    sample_latent(n, generator=...) returns z; the labels that the generator is asked for are those of other real samples.
    d_loss, g_loss and penalty as in `GAN`; a penalty sees D as a function of x alone, at the labels of the real batch.
    """

    def __init__(self, generator, discriminator, sample_real, sample_latent, **settings):
        def real(n, generator=None):
            return Labelled(*sample_real(n, generator=generator))

        def latent(n, generator=None):
            return Labelled(
                sample_latent(n, generator=generator), sample_real(n, generator=generator)[1]
            )

        super().__init__(
            lambda: _Told(generator(), as_pair=True), lambda: _Told(discriminator(), as_pair=False), real, latent, **settings
        )  # fmt: skip

    def generate(self, z, y=None):
        """Return what the generator, in evaluation mode, makes of latents z (N, ...) and labels y (N, A).

        z may be a `Labelled` of both, as `fixed_z` returns it.
        """
        return super().generate(z if y is None else Labelled(z, y)).x

    def _update_discriminator(self, knobs, outputs):
        if knobs["penalty"] is not None:
            knobs = knobs | {"penalty": _at_the_labels(knobs["penalty"])}
        return super()._update_discriminator(knobs, outputs)


def _at_the_labels(penalty):
    """Return the penalty of a discriminator that is told labels, as a function of x alone."""

    def penalty_at_the_labels(discriminator, x_real, x_fake, generator=None):
        def score(x):
            out = discriminator(Labelled(x, x_real.y))
            return out[0] if isinstance(out, tuple) else out

        return penalty(score, x_real.x, x_fake.x, generator=generator)

    return penalty_at_the_labels
