"""Lesson 10: checks of its exercises."""

import contextlib
import io

import torch

from gan_edu.examine import Remark, check, small_players, tensor
from gan_edu.run import Run


def switched(before=300, after=100, method=None):
    """Return a learner's switch: so many steps, then another method, then so many more."""

    def switch(run, other):
        run.steps(before).set(method=method or other)
        return run.steps(after)

    return switch


def done(switch, method, seed):
    """Return the moves of a run after a switch: (steps, how many changes, when the last, its first letter)."""
    run = Run(small_players, lambda gan, knobs: {}, dict(method="penalty"), seed)
    with contextlib.redirect_stdout(io.StringIO()):  # no bar of progress before the verdict
        got = switch(run, method)
    if got is None or got is ...:
        return got
    if not isinstance(got, Run):
        raise Remark(f"return the run; this is {type(got).__name__}.")
    moves = [(n, ord(value[0])) for n, name, value in got.moves if name == "method"]
    return [got.n, len(moves), *(moves[-1] if moves else (0, 0))]


check_switch = check(switched(), [("none", 0), ("clip", 1)], "now every hand does the same.", {
    "the method is changed before the training: set it between the two trainings.": switched(0, 400),
    "after the change the run is not trained any more.": switched(300, 0),
    "the run was trained on, but its method never changed: run.set(method=method).": lambda run, method: run.steps(400),
    "100 steps before the change and 300 after it: exchange the two.": switched(100, 300),
    "300 steps before the change, and only 100 after it.": switched(300, 300),
    "use the method that was handed over, in place of the word \"none\".": switched(method="none"),
}, through=done)  # fmt: skip


def law(W, k, slope=lambda W, k: 1 + W / (2 * k), gap=lambda s, W, k: s * W):
    """Return the slope and the gap of the best linear critic under the penalty with λ = k, for a shift of W."""
    return tensor([slope(W, k), gap(slope(W, k), W, k)])


def asked(answer, W, k):
    found = answer(W, k)
    if found is None or found is ... or (isinstance(found, (tuple, list)) and len(found) == 2):
        return found
    raise Remark("return two numbers: the slope, and the gap.")


check_law = check(law, [(3.0, 0.5), (1.0, 10.0), (2.0, 4.0)], "so much more than W a penalised critic reports.", {
    "the gap first? Return the slope, then the gap.": lambda W, k: law(W, k).flip(0),
    "that is slope 1, the best critic without a penalty to pay. A little more slope wins W and costs almost nothing.": dict(slope=lambda W, k: 1),
    "the 2 is missing: the derivative of λ (s − 1)² is 2 λ (s − 1).": dict(slope=lambda W, k: 1 + W / k),
    "the 1 is missing: solve −W + 2 λ (s − 1) = 0 for s.": dict(slope=lambda W, k: W / (2 * k)),
    "λ is on the wrong side of the fraction line: a large λ keeps the slope near 1.": dict(slope=lambda W, k: 1 + W * k / 2),
    "the sign is wrong: the critic gains by being steeper than 1.": dict(slope=lambda W, k: 1 - W / (2 * k)),
    "the slope is right. The gap is the slope times the shift W.": dict(gap=lambda s, W, k: s),
    "the slope is right. In the gap W stands in both factors, so it is squared: s W.": dict(gap=lambda s, W, k: W + W / (2 * k)),
    "the slope is right. The second number is the whole loss; the gap alone is larger.": dict(gap=lambda s, W, k: s * W - k * (s - 1) ** 2),
}, given=asked)  # fmt: skip


def bounded(total=torch.max, norm=lambda g: g.norm(dim=1), use=slice(None), sign=1):
    """Return gap / largest slope, made of these parts; use: which of the three sets of places are looked at."""

    def bound(D, x_real, x_fake):
        share = torch.rand(len(x_real), 1)
        sets = [x_real, x_fake, share * x_real + (1 - share) * x_fake]
        x = torch.cat(sets[use]).detach().requires_grad_()
        (grad,) = torch.autograd.grad(D(x).sum(), x)
        return sign * (D(x_real).mean() - D(x_fake).mean()) / total(norm(grad))

    return bound


def seeded(bound, D, seed):
    torch.manual_seed(seed)
    x_real, x_fake = 0.3 * torch.randn(2000, 2) + 1, 0.3 * torch.randn(2000, 2) - 2
    got = bound(D, x_real, x_fake)
    return got.detach() if isinstance(got, torch.Tensor) else got


STEEP = lambda x: x @ torch.tensor([[3.0], [4.0]]), lambda x: (10 * x[:, :1] + 5).sigmoid(), lambda x: x.square().sum(1, keepdim=True)  # fmt: skip
check_bound = check(bounded(), [(D, seed) for seed, D in enumerate(STEEP)], "at most W1, if the slope is the largest.", {
    "that is the mean slope. A bound needs the largest.": bounded(torch.mean),
    "the root is missing: the norm is the root of the sum of squares.": bounded(norm=lambda g: g.square().sum(1)),
    "that is the largest size of a number in the gradients. Take the norm of each row first: dim=1.": bounded(norm=lambda g: g.abs()),
    "that is one norm for all points together. Each point has its own: dim=1.": bounded(norm=lambda g: g.norm()),
    "look between the real and the generated points, too: there a critic may be steepest.": bounded(use=slice(0, 2)),
    "the sign of the gap is turned: real minus generated.": bounded(sign=-1),
    "divide by the largest slope.": lambda D, x, y: (D(x).mean() - D(y).mean()) * bounded()(D, x, y) ** 0,
    "divide by the slope, do not multiply.": lambda D, x, y: (D(x).mean() - D(y).mean()) ** 2 / bounded()(D, x, y),
    "that is the largest slope. The gap is divided by it.": lambda D, x, y: (D(x).mean() - D(y).mean()) / bounded()(D, x, y),
}, through=seeded)  # fmt: skip


def root(gap, k, inside=2.0, sign=1):
    return k * (sign * (1 + inside * gap / k) ** 0.5 - 1)


check_inverse = check(root, [(12.0, 0.5), (3.45, 10.0), (1.0, 1.0)], "the law is solved for W: it gives the shift back, if the critic is finished.", {
    "that is the law itself. Solve it for W: which W gives this gap?": lambda g, k: g + g * g / (2 * k),
    "that is the other root. A distance is not negative.": dict(sign=-1),
    "that takes the gap for W in the correction: close for a large λ only. Solve the quadratic equation.": lambda g, k: g - g * g / (2 * k),
    "under the root the 2 is missing: W² + 2 λ W − 2 λ gap = 0.": dict(inside=1.0),
    "under the root it should be a 2: W² + 2 λ W − 2 λ gap = 0, so W = −λ ± √(λ² + 2 λ gap).": dict(inside=4.0),
})  # fmt: skip
