"""Lesson NN: its checks, its solutions against another way to compute them, its claim over other seeds."""

import numpy as np
import pytest
import torch
from hints import each_wrong

from gan_edu.lessons import lNN_checks as checks
from gan_edu.seeds import over_seeds

test_each_wrong_best_score_gets_its_own_hint = each_wrong(checks.check_best_score,
    (lambda p, q: 1 / (1 + q / p), "Right"), (lambda p, q: ..., "still a blank"),
    (lambda p, q: 1 - p / (p + q), "where the *generated* samples are"),
    (lambda p, q: p / q, "the ratio of the densities"),
    (lambda p, q: (p - q) / (p + q), "from −1 to 1"),
    (lambda p, q: p.log() - q.log(), "the logit of lesson 2"),
    (lambda p, q: torch.full_like(p, 0.5), "What if p is larger"),
)  # fmt: skip


test_each_wrong_pull_gets_its_own_hint = each_wrong(checks.check_pull,
    (lambda s: -(1 - s), "Right"), (lambda s: ..., "still a blank"),
    (lambda s: 0.5 * (s - 1).square(), "the loss itself"),
    (lambda s: 1 - s, "the other way"), (lambda s: 2 * s - 2, "cancel"),
    (lambda s: s, "the target 0"),
)  # fmt: skip


def test_the_solutions_agree_with_a_search_and_with_autograd(lesson):
    d = torch.linspace(0, 1, 10_001)
    best = d[(0.3 * (d - 1) ** 2 + 0.9 * d**2).argmin()]
    assert lesson["best_score_solution"](0.3, 0.9) == pytest.approx(best.item(), abs=1e-4)
    s = torch.tensor([-1.0, 0.2], requires_grad=True)
    ((s - 1).square().sum() / 2).backward()
    assert torch.allclose(lesson["pull_solution"](s), s.grad)


@pytest.mark.again
def test_the_claim_holds_for_other_seeds(lesson):
    runs = over_seeds(lesson["build"], lesson["step"], lesson["settings"], 16, 300)
    mean, loss = (runs.log[name][8:, -50:] for name in ("mean of samples", "loss of D"))
    assert (abs(mean.mean(axis=1) - 4) < 0.3).all() and 0.23 < np.median(loss) < 0.27
