"""Lesson 10: checks of its exercises."""

import contextlib
import io

import torch

from gan_edu.examine import Remark, examine, small_players, tensor
from gan_edu.run import Run


def switched(before=300, after=100, method=None):
    """Return a learner's switch: so many steps, then another method, then so many more."""

    def switch(run, other):
        run.steps(before).set(method=method or other)
        return run.steps(after)

    return switch


def check_switch(answer):
    """Check (run, method) -> the run after 300 steps, a change of its method, and 100 steps more."""

    def step(gan, knobs):  # trains nothing: only the run's moves are looked at
        return {}

    def done(switch):
        def found(method, seed):
            with contextlib.redirect_stdout(io.StringIO()):  # no bar of progress before the verdict
                got = switch(Run(small_players, step, dict(method="penalty"), seed), method)
            if got is None or got is ...:
                return got
            if not isinstance(got, Run):
                raise Remark(f"return the run; this is {type(got).__name__}.")
            moves = [(n, ord(value[0])) for n, name, value in got.moves if name == "method"]
            return [got.n, len(moves), *(moves[-1] if moves else (0, 0))]

        return found

    mistakes = {
        "the method is changed before the training: set it between the two trainings.": done(switched(0, 400)),
        "after the change the run is not trained any more.": done(switched(300, 0)),
        "the run was trained on, but its method never changed: run.set(method=method).": lambda method, seed: [400, 0, 0, 0],
        "100 steps before the change and 300 after it: exchange the two.": done(switched(100, 300)),
        "300 steps before the change, and only 100 after it.": done(switched(300, 300)),
        "use the method that was handed over, in place of the word \"none\".": done(switched(method="none")),
    }  # fmt: skip
    cases, answer = [("none", 0), ("clip", 1)], done(answer) if callable(answer) else answer
    return examine(answer, cases, done(switched()), mistakes, "now every hand does the same.")


def law(W, lambda_gp):
    """Return the slope and the gap of the best linear critic under the penalty, for a shift of W."""
    return tensor([1 + W / (2 * lambda_gp), W + W * W / (2 * lambda_gp)])


def check_law(answer):
    """Check (W, λ) -> (slope s, gap) of the critic D(x) = s x with the smallest −s W + λ (s − 1)²."""

    def both(slope, gap=lambda s, W, k: s * W):
        return lambda W, k: tensor([slope(W, k), gap(slope(W, k), W, k)])

    mistakes = {
        "the gap first? Return the slope, then the gap.": lambda W, k: law(W, k).flip(0),
        "that is slope 1, the best critic without a penalty to pay. A little more slope wins W and costs almost nothing.": both(lambda W, k: 1),
        "the 2 is missing: the derivative of λ (s − 1)² is 2 λ (s − 1).": both(lambda W, k: 1 + W / k),
        "the 1 is missing: solve −W + 2 λ (s − 1) = 0 for s.": both(lambda W, k: W / (2 * k)),
        "λ is on the wrong side of the fraction line: a large λ keeps the slope near 1.": both(lambda W, k: 1 + W * k / 2),
        "the sign is wrong: the critic gains by being steeper than 1.": both(lambda W, k: 1 - W / (2 * k)),
        "the slope is right. The gap is the slope times the shift W.": both(lambda W, k: 1 + W / (2 * k), lambda s, W, k: s),
        "the slope is right. In the gap W stands in both factors, so it is squared: s W.": both(lambda W, k: 1 + W / (2 * k), lambda s, W, k: W + W / (2 * k)),
        "the slope is right. The second number is the whole loss; the gap alone is larger.": both(lambda W, k: 1 + W / (2 * k), lambda s, W, k: s * W - k * (s - 1) ** 2),
    }  # fmt: skip

    def asked(W, k):
        found = answer(W, k)
        if found is None or found is ... or (isinstance(found, (tuple, list)) and len(found) == 2):
            return found
        raise Remark("return two numbers: the slope, and the gap.")

    cases = [(3.0, 0.5), (1.0, 10.0), (2.0, 4.0)]
    words = "so much more than W a penalised critic reports."
    return examine(asked if callable(answer) else answer, cases, law, mistakes, words)


def bounded(total=torch.max, norm=lambda g: g.norm(dim=1), use=slice(None), sign=1):
    """Return gap / largest slope, made of these parts; use: which of the three sets of places are looked at."""

    def bound(D, x_real, x_fake):
        share = torch.rand(len(x_real), 1)
        sets = [x_real, x_fake, share * x_real + (1 - share) * x_fake]
        x = torch.cat(sets[use]).detach().requires_grad_()
        (grad,) = torch.autograd.grad(D(x).sum(), x)
        return sign * (D(x_real).mean() - D(x_fake).mean()) / total(norm(grad))

    return bound


def check_bound(answer):
    """Check (D, x_real, x_fake) -> the critic's gap divided by its largest slope at real, generated and mixed points."""

    def seeded(bound):
        def found(D, seed):
            torch.manual_seed(seed)
            x_real, x_fake = 0.3 * torch.randn(2000, 2) + 1, 0.3 * torch.randn(2000, 2) - 2
            got = bound(D, x_real, x_fake)
            return got.detach() if isinstance(got, torch.Tensor) else got

        return found

    mistakes = {
        "that is the mean slope. A bound needs the largest.": bounded(torch.mean),
        "the root is missing: the norm is the root of the sum of squares.": bounded(norm=lambda g: g.square().sum(1)),
        "that is the largest size of a number in the gradients. Take the norm of each row first: dim=1.": bounded(norm=lambda g: g.abs()),
        "that is one norm for all points together. Each point has its own: dim=1.": bounded(norm=lambda g: g.norm()),
        "look between the real and the generated points, too: there a critic may be steepest.": bounded(use=slice(0, 2)),
        "the sign of the gap is turned: real minus generated.": bounded(sign=-1),
        "divide by the largest slope.": lambda D, x, y: (D(x).mean() - D(y).mean()) * bounded()(D, x, y) ** 0,
        "divide by the slope, do not multiply.": lambda D, x, y: (D(x).mean() - D(y).mean()) ** 2 / bounded()(D, x, y),
        "that is the largest slope. The gap is divided by it.": lambda D, x, y: (D(x).mean() - D(y).mean()) / bounded()(D, x, y),
    }  # fmt: skip
    mistakes = {hint: seeded(one) for hint, one in mistakes.items()}
    tilted, steep = torch.tensor([[3.0], [4.0]]), lambda x: (10 * x[:, :1] + 5).sigmoid()
    planes = lambda x: x @ tilted, steep, lambda x: x.square().sum(1, keepdim=True)
    answer = seeded(answer) if callable(answer) else answer
    cases, right = [(D, seed) for seed, D in enumerate(planes)], seeded(bounded())
    return examine(answer, cases, right, mistakes, "at most W1, if the slope is the largest.")


def check_inverse(answer):
    """Check (gap, λ) -> the shift W for which the law gives this gap."""

    def root(gap, k, inside=2.0, sign=1):
        return k * (sign * (1 + inside * gap / k) ** 0.5 - 1)

    mistakes = {
        "that is the law itself. Solve it for W: which W gives this gap?": lambda g, k: g + g * g / (2 * k),
        "that is the other root. A distance is not negative.": lambda g, k: root(g, k, sign=-1),
        "that takes the gap for W in the correction: close for a large λ only. Solve the quadratic equation.": lambda g, k: g - g * g / (2 * k),
        "under the root the 2 is missing: W² + 2 λ W − 2 λ gap = 0.": lambda g, k: root(g, k, inside=1.0),
        "under the root it should be a 2: W² + 2 λ W − 2 λ gap = 0, so W = −λ ± √(λ² + 2 λ gap).": lambda g, k: root(g, k, inside=4.0),
    }  # fmt: skip
    cases = [(12.0, 0.5), (3.45, 10.0), (1.0, 1.0)]
    words = "the law is solved for W: it gives the shift back, if the critic is finished."
    return examine(answer, cases, root, mistakes, words)
