"""Lesson 08: checks of its exercises."""

import numpy as np
import torch

from gan_edu.datasets import gaussian_ring
from gan_edu.examine import check, examine, judge, small_players, weights_after
from gan_edu.lessons.l08_bugs import company, tried
from gan_edu.lessons.l08_penalties import FLAT, MISTAKEN, NO_GRAPH, penalty_cases
from gan_edu.losses import gradient_penalty
from gan_edu.run import descend

(U, V, *D), A, B = np.random.default_rng(0).uniform(0.5, 1.5, (7, 5)), np.array([0, 2, 3]), np.array([4, 1, 3])  # fmt: skip
D = np.array(D)
check_rise = check(lambda u, v, d, i, j: (u[i] + v[j]) / d[i, j], [(U, V, D, A, B), (V, U, D, B, A)], "so steep is the critic along these lines.", {
    "v is a price. The score of a generated point is −v, so the rise is u − (−v).": lambda u, v, d, i, j: (u[i] - v[j]) / d[i, j],
    "that is how much the score rises. Divide it by the distance.": lambda u, v, d, i, j: u[i] + v[j],
    "this leads from the real point down to the generated one. Take the rise towards the real one.": lambda u, v, d, i, j: -(u[i] + v[j]) / d[i, j],
    "rows of d belong to real points, columns to generated ones: d[i, j].": lambda u, v, d, i, j: (u[i] + v[j]) / d[j, i],
    "that divides by an average distance. Each pair has its own.": lambda u, v, d, i, j: (u[i] + v[j]) / d[i, j].mean(),
})  # fmt: skip


def check_five_lines(answer):
    """Check a gradient penalty: (D, x_real, x_fake) -> one number that moves D's weights."""
    return examine(*penalty_cases(answer), "one number, and it moves the critic's weights.")


def with_loss(penalty, loss_of=lambda gap, w, p: -gap + w * p):
    """Return the training step of the lesson with loss_of(gap, weight, penalty) for the critic."""

    def step(gan, knobs):
        n = knobs.batch_size
        for _ in range(knobs.n_critic):
            x_real, x_fake = gaussian_ring(n, 8, 1.4, 0.1), gan.G(torch.randn(n, 2)).detach()
            gap = gan.D(x_real).mean() - gan.D(x_fake).mean()
            weight = knobs.lambda_gp if knobs.method == "penalty" else 0.0
            loss = loss_of(gap, weight, penalty(gan.D, x_real, x_fake))
            descend(gan.opt_D, loss, lr=knobs.lr_d)
        descend(gan.opt_G, -gan.D(gan.G(torch.randn(n, 2))).mean(), lr=knobs.lr_g)
        return {}

    return step


def after(step, method, seed):
    knobs = dict(method=method, batch_size=8, n_critic=2, lr_d=0.2, lr_g=0.1, lambda_gp=3.0)
    return weights_after(knobs, lambda: small_players(2, 2), still=False)(step, seed)


def check_gp_step(step, penalty=gradient_penalty):
    """Check a training step with the penalty of the page by what it does to the weights."""
    cases = [(method, seed) for method in ("penalty", "none") for seed in (0, 1)]
    return check(with_loss(penalty), cases, "this is WGAN-GP.", {
    "the critic makes its gap smaller. An optimiser goes downhill: minus the gap.": with_loss(penalty, lambda gap, w, p: gap + w * p),
    "the critic is paid for its penalty. It should be added to the loss.": with_loss(penalty, lambda gap, w, p: -gap - w * p),
    "the penalty is calculated, but the loss does not contain it.": with_loss(penalty, lambda gap, w, p: -gap),
    "the gap is missing: this critic learns slope 1 and nothing about the data.": with_loss(penalty, lambda gap, w, p: w * p + 0 * gap),
    "the factor λ (weight) is missing.": with_loss(penalty, lambda gap, w, p: -gap + p),
    "use weight, which is 0 unless the method is the penalty.": with_loss(penalty, lambda gap, w, p: -gap + 3 * p),
    }, through=after)(step)  # fmt: skip


ASKED = {  # broken as it was: what is asked instead of a hint that tells the repair
    FLAT: "the weights still become nan where the critic is flat. How steep is a root at 0?",
    NO_GRAPH: "λ still has no effect. What must torch remember, so that a gradient has a gradient?",
    next(iter(MISTAKEN)): "the spread is still too large. How many different ε does a batch get?",
}


def fault_of_step(step):
    error, reached, gan = tried(step)
    if error:
        return f"it still ends with: {error}. Whose graph do both halves of the step go through?"
    if reached != 1:
        return "no error now, but the critic's half still goes back through G. What cuts that way?"
    moved = [any(p.grad is not None for p in net.parameters()) for net in (gan.G, gan.D)]
    return "" if all(moved) else "G and D should both move in a step."


def fault_of_critic(build_critic):
    if max(company(build_critic)) < 1e-4:
        return ""
    return "a sample's gradient still depends on its company. Which layer looks at the whole batch?"


def fault_of_penalty(penalty):
    fault = judge(*penalty_cases(penalty))
    return ASKED.get(fault, fault)


def check_repairs(answers):
    """Check the five repaired cells of section 5: {"a": penalty_a, "b": …, "c": step_c, "d": …, "e": critic_e}."""
    faults, find = {}, dict.fromkeys("abd", fault_of_penalty)
    find |= {"c": fault_of_step, "e": fault_of_critic}
    for name in "abcde":
        answer = answers.get(name) if isinstance(answers, dict) else None
        try:
            faults[name] = find[name](answer) if callable(answer) else "write a function."
        except Exception as fault:
            faults[name] = f"your code stops with {type(fault).__name__}: {fault}"
    broken = [name for name in faults if faults[name]]
    good = ", ".join(name for name in faults if not faults[name]) or "nothing yet"
    wrong = f"Not yet: repaired: {good}. Cell {broken[0]}: {faults[broken[0]]}" if broken else ""
    print(wrong or "Right: all five are repaired.")
    return not broken
