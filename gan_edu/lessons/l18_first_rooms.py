"""Lesson 18: checks of the first three rooms: a test that tells right from broken code, and a repair."""

import numpy as np
import torch
from torch import nn

from gan_edu.lessons import l18_parts as of
from gan_edu.lessons.l18_program import code_with, program, ring
from gan_edu.lessons.l18_trial import fault_of_repair, fault_of_test, tell


def judged(test, name, repaired, exhibit, wanted, words, fine=(), relatives=()):
    """Say what is wrong with a test or a repair of the part `name`; fine and relatives: {hint: other parts}."""

    def codes(found):
        return {hint: code_with(**parts) for hint, parts in dict(found).items()}

    broken = code_with(**{name: exhibit})
    fault = fault_of_test(test, code_with(), broken, codes(fine), codes(relatives))
    if not fault:
        mended = code_with(**{name: repaired}) if callable(repaired) else None
        fault = fault_of_repair(repaired, mended, wanted)
    return tell(fault, words)


LOW, HIGH = torch.zeros(4), torch.tensor([0.0, 1.0, 2.0, 3.0])


def opposite(code):
    up = code.critic_loss(LOW, HIGH) > code.critic_loss(LOW, LOW)
    assert up == (code.generator_loss(HIGH) < code.generator_loss(LOW))


def check_sign(test, repaired):
    """Check a test of critic_loss and generator_loss, and a repaired generator_loss."""
    fine = {"a code with both signs turned. That is right, too: the critic is then called −f.": dict(critic_loss=of.down, generator_loss=of.plus)}  # fmt: skip
    relatives = {"a code whose critic has the wrong sign, and not its generator. Look at both losses.": dict(critic_loss=of.down)}  # fmt: skip

    def mean(code):
        assert abs(code.generator_loss(HIGH)) == 1.5

    wanted = {"both losses still want the same.": opposite, "the mean over the batch should stay.": mean}  # fmt: skip
    words = "your test tells them apart, and the generator works against the critic again."
    return judged(test, "generator_loss", repaired, of.plus, wanted, words, fine, relatives)


def sloped(slope, shape=(3, 8, 8)):
    """Return D, a plane whose gradient has this norm over a whole picture."""
    w = torch.full(shape, slope / np.prod(shape) ** 0.5)
    return lambda x: (x * w).flatten(1).sum(1)


def check_norm(test, repaired):
    """Check a test of penalty, and a repaired penalty."""
    p = of.penalty_by
    fine = {"a penalty that is right and has no 1e-12 in its root: give it a little room, as in abs(x - 16) < 0.01.": dict(penalty=p(lambda g: g.flatten(1).norm(dim=1)))}  # fmt: skip
    relatives = {
        "a penalty that is always 0. Ask for a penalty that is not 0, too.": dict(penalty=of.always_0),
        "a penalty with one norm for the whole batch. Give it more than one picture.": dict(penalty=p(of.over_batch)),
        "a penalty with the sum of the sizes |g| in place of the norm.": dict(penalty=p(of.over_sizes)),
    }  # fmt: skip

    def at(slope, shape, value):
        def test(code):
            x = torch.randn(2, 5, *shape)
            assert abs(code.penalty(sloped(slope, shape), *x) - value) < 1e-3

        return test

    def alive(code):
        D = nn.Sequential(nn.Flatten(), nn.Linear(64, 1))
        found = code.penalty(D, *torch.randn(2, 5, 1, 8, 8))
        assert found.requires_grad
        found.backward()
        assert D[1].weight.grad.any()

    wanted = {"a plane whose gradient has norm 1 over the picture should cost nothing.": at(1, (1, 8, 8), 0)}  # fmt: skip
    wanted |= {"with norm 5 it should be 16.": at(5, (1, 8, 8), 16)}
    wanted |= {"pictures in colour: the norm is over channels, rows and columns.": at(5, (3, 8, 8), 16)}  # fmt: skip
    wanted |= {"the critic's weights feel nothing of it. Keep create_graph=True.": alive}
    words = "one norm a picture, over all its pixels."
    return judged(test, "penalty", repaired, p(of.over_axis_1), wanted, words, fine, relatives)


def small_gan(code):
    return program(code)[0]()


def untouched(code):
    gan = small_gan(code)
    code.critic_turn(code, gan, ring(8), gan.G(torch.randn(8, 2)), 1.0)
    assert all(p.grad is None or not p.grad.any() for p in gan.G.parameters())


def check_leak(test, repaired):
    """Check a test of critic_turn, and a repaired critic_turn."""
    fine = {"a critic's turn that clears the generator's gradients at its end. That is right, too: None or 0.": dict(critic_turn=of.turn(clear=True))}  # fmt: skip
    relatives = {"a leak that is a hundred times weaker: ask for no gradient at all.": dict(critic_turn=of.half_cut)}  # fmt: skip

    def learns(code):
        gan = small_gan(code)
        x_real, x_fake = ring(64), gan.G(torch.randn(64, 2)).detach() + 3
        before = gan.D(x_fake).mean() - gan.D(x_real).mean()
        for _ in range(60):
            code.critic_turn(code, gan, x_real, x_fake, 0.0)
        assert gan.D(x_fake).mean() - gan.D(x_real).mean() < before - 0.1
        old = code_with()
        twin = [program(old)[0]() for _ in range(2)]
        twin[1].D.load_state_dict(twin[0].D.state_dict())
        for one, way in zip(twin, (code, old)):
            way.critic_turn(old, one, x_real, x_fake, 0.0)
        pairs = zip(twin[0].D.parameters(), twin[1].D.parameters())
        assert all(torch.allclose(a, b, atol=1e-6) for a, b in pairs)

    wanted = {"the generator's weights still get a gradient from the critic's turn.": untouched}
    wanted |= {"now the critic does not learn from the generated samples, either. Cut the samples, not their scores.": learns}  # fmt: skip
    words = "the critic's turn leaves no gradient in the generator."
    return judged(test, "critic_turn", repaired, of.turn(), wanted, words, fine, relatives)
