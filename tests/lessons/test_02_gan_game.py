"""Lesson 02: its step, its checks, its claims over other seeds."""

import pytest
import torch
from hints import each_wrong
from others import over_other_seeds
from scipy.stats import norm
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import softplus

from gan_edu.lessons import l02_checks as checks
from gan_edu.lessons import l02_gan_game as room


@pytest.mark.again
def test_eight_other_discriminators_differ_from_the_best_where_no_samples_are(lesson):
    settings = dict(batch_size=256, mean=1.5, std=0.7)
    runs = over_other_seeds(lesson["build"], lesson["learn"], settings, 1000)
    D = torch.sigmoid(runs.members(runs.gan.D(room.PLACES.repeat(8, 1)))[..., 0]).detach().numpy()
    best = lesson["best_D"](norm.pdf(room.X), norm.pdf(room.X, 1.5, 0.7), 0.5)
    middle = (room.X > -2) & (room.X < 3)
    assert abs(D - best)[:, middle].max() < 0.06 and abs(D - best)[:, ~middle].max(1).min() > 0.5


@pytest.mark.again
@pytest.mark.parametrize("bug, n_steps, means, stds", [  # the lowest and highest mean and std
    ("", 400, (-0.4, 0.4), (0.4, 1.8)),
    ("gradients", 400, (-1.2, 1.2), (0.2, 0.65)),
    ("label", 400, (5.9, 6.1), (0.9, 1.1)),
    ("owner", 400, (1.3, 3), (2.5, 4.5)),
    ("saturating", 400, (1.3, 3), (2.5, 4.5)),
    ("owner", 1600, (-0.2, 0.2), (0.7, 1.3)),  # who is slow arrives later
    ("saturating", 1600, (-0.2, 0.2), (0.7, 1.3)),
])  # fmt: skip
def test_where_generators_end_holds_for_other_seeds(lesson, bug, n_steps, means, stds):
    step = lesson.get(bug) or checks.step_with(bug)
    runs = over_other_seeds(lesson["both"], step, dict(batch_size=64), n_steps)
    zero, one = (runs.gan.G(torch.full((8, 1), z))[:, 0] for z in (0.0, 1.0))
    for found, (low, high) in ((zero, means), ((one - zero).abs(), stds)):
        assert low < found.min() and found.max() < high


def shaped(gan, knobs):
    """The right step with other words: shapes as tuples, gradients off, nothing returned."""
    n = knobs.batch_size
    with torch.no_grad():
        x_fake = gan.G(torch.randn((n, 1)))
    ones = torch.ones(n, 1)
    gan.opt_D.zero_grad()
    (bce(gan.D(torch.randn(size=(n, 1))), ones) + bce(gan.D(x_fake), 0 * ones)).backward()
    gan.opt_D.step()
    gan.opt_G.zero_grad()
    softplus(-gan.D(gan.G(torch.randn(n, 1)))).mean().backward()
    gan.opt_G.step()


def stepping(detach=True, clear_late=False, label=0.0, owners="G", real=1.0, own=1.0, clear="GD"):
    """A training step with bugs of its own."""

    def step(gan, knobs):
        n = knobs.batch_size
        x_real, x_fake = torch.randn(n, 1), gan.G(torch.randn(n, 1))
        x_fake = x_fake.detach() if detach else x_fake
        for one in clear:
            vars(gan)[f"opt_{one}"].zero_grad()
        ones = torch.ones(n, 1)
        (bce(gan.D(x_real), real * ones) + bce(gan.D(x_fake), label * ones)).backward()
        gan.opt_D.step()
        if clear_late:
            gan.opt_G.zero_grad()
        bce(gan.D(gan.G(torch.randn(n, 1))), own * ones).backward()
        for one in owners:
            vars(gan)[f"opt_{one}"].step()
        return {}

    return step


def test_the_bugs_of_the_page_are_those_of_the_check(lesson, capsys):
    assert not checks.check_bugs(lesson["my_step"])
    assert "all three bugs are still there" in capsys.readouterr().out


test_each_wrong_share_gets_its_own_hint = each_wrong(checks.check_share,
    (lambda p, q, s: s * p / (s * p + q - s * q), "Right"), (lambda p, q, s: p / (p + q), "for equal shares"),
    (lambda p, q, s: s * p / (s * p + q), "is 1 − share"), (lambda p, q, s: (1 - s) * p / ((1 - s) * p + s * q), "exchanged the two shares"),
    (lambda p, q, s: s * p / (p + q), "below the line"), (lambda p, q, s: s * p / ((1 - s) * q), "odds"),
    (lambda p, q, s: (1 - s) * q / (s * p + (1 - s) * q), "is generated"),
    (lambda p, q, s: s * q / (s * q + (1 - s) * p), "exchanged p and q"), (lambda p, q, s: ..., "still a blank"),
    (lambda p, q, s: s, "should be 0.75, it is 0.5"),
)  # fmt: skip

test_each_wrong_pair_of_losses_gets_its_own_hint = each_wrong(checks.check_losses,
    (lambda a: (-softplus(a).mean(), softplus(-a).mean()), "Right"), (lambda a: (-bce(a, 0 * a), bce(a, 0 * a + 1)), "Right"),
    (lambda a: (torch.log(1 - torch.sigmoid(a)).mean(), -torch.log(torch.sigmoid(a)).mean()), "rounded to 0 or 1"),
    (lambda a: (torch.log(1 - torch.sigmoid(a)).mean(), softplus(-a).mean()), "the first loss is infinite"),
    (lambda a: (-softplus(a).mean(), -torch.log(torch.sigmoid(a)).mean()), "the second loss is infinite"),
    (lambda a: (softplus(-a).mean(), -softplus(a).mean()), "saturating first"),
    (lambda a: (-softplus(a).sum(), softplus(-a).sum()), "not the sum"), (lambda a: (-softplus(a), softplus(-a)), "a mean missing"),
    (lambda a: softplus(-a).mean(), "return both losses, each"),
    (lambda a: (torch.log(torch.sigmoid(-a.double())).mean(), softplus(-a).mean()), "the first loss is infinite"),
    (lambda a: (softplus(a).mean(), softplus(-a).mean()), "the first loss needs a minus"),
    (lambda a: (-softplus(a).mean(), -softplus(-a).mean()), "the sign of the second"),
    (lambda a: (-softplus(-a).mean(), softplus(-a).mean()), "another sign inside"),
    (lambda a: (-softplus(a).mean(), softplus(a).mean()), "inside the second softplus"),
    (lambda a: (-softplus(a).mean().detach(), softplus(-a).mean().detach()), "their gradient is not"),
    (lambda a: (..., ...), "still a blank"),
)  # fmt: skip

test_each_wrong_divergence_gets_its_own_hint = each_wrong(checks.check_one_divergence,
    (lambda kl, p, q: 2 * kl((p + q) / 2, p), "Right"), (lambda kl, p, q: kl((p + q) / 2, p), "half of it"),
    (lambda kl, p, q: 2 * kl(p, (p + q) / 2), "exchange them"), (lambda kl, p, q: 2 * kl((p + q) / 2, q), "divergence from the data"),
    (lambda kl, p, q: 2 * kl(q, (p + q) / 2), "is what cancels"), (lambda kl, p, q: kl(q, p), "first term alone"),
    (lambda kl, p, q: 2 * kl(p + q, p), "divide by 2"), (lambda kl, p, q: kl(q, p) - kl(p, q), "call kl once only"),
    (lambda kl, p, q: ..., "still a blank"),
)  # fmt: skip

test_each_wrong_step_gets_its_own_hint = each_wrong(checks.check_bugs,
    (stepping(), "Right"), (stepping(detach=False, clear_late=True), "Right"), (stepping(detach=False), "when G moves"),
    (stepping(label=1.0), "look at the labels"), (stepping(owners="GD"), "in G's turn"),
    (stepping(detach=False, label=1.0), "One is a label"), (stepping(label=1.0, owners="GD"), "two bugs are left. In G's turn"),
    (stepping(detach=False, owners="GD"), "which gradients does G have"), (stepping(detach=False, label=1.0, owners="GD"), "all three"),
    (stepping(label=1.0, real=0.0), "exchange the labels"), (stepping(owners=""), "must not be cut off"),
    (lambda gan, knobs: None, "it should be"), (stepping(own=0.0), "in its own turn G wants"), (stepping(clear="G"), "never cleared"),
    (shaped, "Right"),
)  # fmt: skip
