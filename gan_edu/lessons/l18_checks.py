"""Lesson 18: all checks: those of rooms 4 and 5, a test and a repair each; the others from their files."""

import numpy as np
import torch
from torch import nn

from gan_edu.lessons import l18_parts as of
from gan_edu.lessons.l18_first_rooms import check_leak as check_leak
from gan_edu.lessons.l18_first_rooms import check_norm as check_norm
from gan_edu.lessons.l18_first_rooms import check_sign as check_sign
from gan_edu.lessons.l18_first_rooms import judged
from gan_edu.lessons.l18_homework import check_added as check_added
from gan_edu.lessons.l18_homework import check_eval as check_eval
from gan_edu.lessons.l18_homework import check_from_z as check_from_z
from gan_edu.lessons.l18_homework import check_shares as check_shares
from gan_edu.lessons.l18_homework import check_spread as check_spread
from gan_edu.lessons.l18_program import PARTS


def bent(code):
    D, x, zero = code.make_critic(2), torch.randn(64, 2), torch.zeros(1, 2)
    assert not torch.allclose(D(2 * x) - D(zero), 2 * (D(x) - D(zero)), atol=1e-4)


def check_bias(test, repaired):
    """Check a test of make_critic, and a repaired make_critic."""
    fine = {"a critic whose first layer has no bias because a LayerNorm with one follows. Test its scores, not how it is written.": dict(make_critic=of.critic(False, False, True, nn.LayerNorm))}  # fmt: skip
    relatives = {"a critic with a bias in its last layer alone, which only shifts all scores. Subtract the score at 0 first.": dict(make_critic=of.critic(False, False, True))}  # fmt: skip

    def all_biased(code):
        layers = [layer for layer in code.make_critic(2) if isinstance(layer, nn.Linear)]
        assert all(layer.bias is not None for layer in layers)

    def shape(code):
        assert code.make_critic(192)(torch.randn(5, 192)).shape == (5, 1)

    wanted = {"along a ray from the middle its score is still a straight line.": bent}
    wanted |= {"it should take n_in numbers and give one score.": shape, "a layer is still without bias.": all_biased}  # fmt: skip
    words = "the critic can bend."
    return judged(
        test,
        "make_critic",
        repaired,
        of.critic(False, False, False),
        wanted,
        words,
        fine,
        relatives,
    )


def check_layout(test, repaired):
    """Check a test of to_tensor, and a repaired to_tensor."""
    relatives = {
        "a code that exchanges rows and columns. Let the picture differ along each of its axes.": dict(to_tensor=of.reads((0, 3, 2, 1))),
        "numbers from 0 to 1. What should 0 and 255 become?": dict(to_tensor=of.reads((0, 3, 1, 2), lambda x: x / 255)),
        "a code that exchanges red and blue.": dict(to_tensor=lambda x: PARTS["to_tensor"](x).flip(1)),
    }  # fmt: skip
    pictures = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3), dtype=np.uint8)

    def shape(code):
        assert code.to_tensor(pictures).shape == (2, 3, 5, 4)

    def axes(code):
        found, given = code.to_tensor(pictures), torch.from_numpy(pictures).float()
        found, given = (x.sub(x.min()).div(x.max() - x.min()) for x in (found.float(), given))
        assert torch.allclose(found, given.permute(0, 3, 1, 2), atol=1e-3)

    def span(code):
        assert torch.allclose(code.to_tensor(pictures), PARTS["to_tensor"](pictures), atol=1e-3)

    wanted = {"(2, 5, 4, 3) should become (2, 3, 5, 4).": shape, "a pixel's three numbers should stay together, at the same row and column.": axes, "0 should become −1, and 255 become 1.": span}  # fmt: skip
    words = "every pixel is where it was."
    return judged(test, "to_tensor", repaired, of.cut_anew, wanted, words, relatives=relatives)
