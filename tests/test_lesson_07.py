"""The exercises of lesson 07, which is still being written (drafts/): right answers pass, wrong ones get their hints."""

import pytest
import torch
from torch import nn

from gan_edu import checks, conditional

# ---- exercises


def says(capsys, check, *arguments):
    verdict = check(*arguments)
    return verdict, capsys.readouterr().out


def generator(join, in_features=24, make_embedding=lambda: nn.Embedding(10, 8)):
    """A learner's generator: join(self, z, y) makes what the network sees."""

    class Written(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = make_embedding()
            self.net = nn.Sequential(nn.Linear(in_features, 32), nn.ReLU(), nn.Linear(32, 64), nn.Tanh())

        def forward(self, z, y):
            return self.net(join(self, z, y))

    return Written


def joined(z, e):
    return torch.cat([z, e], dim=1)


def returning(change):
    right = generator(lambda self, z, y: joined(z, self.embed(y[:, 0])))

    class Written(right):
        def forward(self, z, y):
            return change(super().forward(z, y))

    return Written


@pytest.mark.parametrize(
    "answer, hint",
    [
        (lambda: 1 / 0, "stops with ZeroDivisionError"),
        (generator(lambda self, z, y: z, 16), "do not depend on y"),
        (generator(lambda self, z, y: torch.cat([self.embed(y[:, 0])] * 3, dim=1)), "do not depend on z"),
        (generator(lambda self, z, y: joined(z, self.embed(y))), "take y[:, 0]"),
        (generator(lambda self, z, y: joined(z, self.embed(y[:, 0])), 16), "16 + 8"),
        (generator(lambda self, z, y: joined(z, y.float()), 17), "goes in as a number"),
        (generator(lambda self, z, y: joined(z, y / 9), 17), "goes in as a number"),
        (generator(lambda self, z, y: joined(z, nn.Embedding(10, 8)(y[:, 0]))), "Make it once, in __init__"),
        (generator(lambda self, z, y: joined(z, self.embed(y[:1, 0]).expand(len(z), -1))), "its place in the batch"),
        (generator(lambda self, z, y: joined(z, self.embed(y[:, 0]).flip(0))), "of the *other* pictures"),
        (returning(lambda x: None), "returns nothing yet"),
        (returning(lambda x: x.reshape(-1, 1, 8, 8)), "it returned (20, 1, 8, 8)"),
        (returning(torch.detach), "no gradient"),
        (returning(lambda x: 3 * x), "Tanh"),
    ],
)
def test_each_wrong_generator_gets_its_own_hint(capsys, answer, hint):
    verdict, words = says(capsys, checks.check_conditional_generator, answer)
    assert not verdict and hint in words


@pytest.mark.parametrize(
    "answer",
    [
        generator(lambda self, z, y: joined(z, self.embed(y[:, 0]))),
        generator(lambda self, z, y: joined(z, self.embed(y).squeeze(1))),
        generator(lambda self, z, y: joined(z, nn.functional.one_hot(y[:, 0], 10).float()), 26),
        generator(lambda self, z, y: z * self.embed(y[:, 0]), 16, lambda: nn.Embedding(10, 16)),
    ],
)
def test_right_generators_pass(capsys, answer):
    verdict, words = says(capsys, checks.check_conditional_generator, answer)
    assert verdict and words.startswith("Right")


def classifier(change=lambda v: v, real=lambda v: v, label=lambda y: y, forward=None):
    """A learner's discriminator, right but for what is given."""

    class Written(conditional.ClassifyingDiscriminator):
        def forward(self, x, y):
            if forward is not None:
                return forward(self, x, y)
            h = self.body(x)
            return real(self.real(h)[:, 0]), [change(head(h)) for head in self.classes], label(y)

    return Written


@pytest.mark.parametrize(
    "answer, hint",
    [
        (classifier(lambda v: v.softmax(1)), "the softmax is still there"),
        (classifier(lambda v: v.softmax(0)), "along the batch (dim=0)"),
        (classifier(torch.sigmoid), "a sigmoid squeezes"),
        (classifier(torch.relu), "a rectifier cuts off"),
        (classifier(lambda v: v.log_softmax(0)), "the classes are along dim=1"),
        (classifier(lambda v: v.argmax(1)), "no argmax"),
        (classifier(lambda v: v.detach()), "no gradient reaches the class heads"),
        (classifier(lambda v: 2 * v), "still changes them"),
        (classifier(real=torch.sigmoid), "real-or-not"),
        (classifier(label=lambda y: y[:, 0]), "the third thing must be y"),
        (classifier(forward=lambda self, x, y: self.real(x)[:, 0]), "must return three things"),
        (classifier(forward=lambda self, x, y: (self.real(x)[:, 0], self.classes[0](x), y)), "a list with one tensor"),
        (classifier(forward=lambda self, x, y: 1 / 0), "stops with ZeroDivisionError"),
    ],
)
def test_each_wrong_discriminator_gets_its_own_hint(capsys, answer, hint):
    verdict, words = says(capsys, checks.check_class_logits, answer)
    assert not verdict and hint in words


@pytest.mark.parametrize("answer", [classifier(), classifier(lambda v: v.log_softmax(1))])
def test_right_discriminators_pass(capsys, answer):
    verdict, words = says(capsys, checks.check_class_logits, answer)
    assert verdict and words.startswith("Right")
