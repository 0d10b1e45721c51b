"""Checks for the repairs of the bug museum, lesson 18."""

import copy
import math

import torch
from torch import nn
from torch.nn.functional import cross_entropy, softplus

from gan_edu.lessons.say import say


def check_signs(critic_loss, generator_loss):
    """Check the two losses of a WGAN, critic_loss(scores_real, scores_fake) and generator_loss(scores_fake). Lesson 18, room 1.

    Both signs may be turned together: that is a critic called -f. Arjovsky et al. (2017), algorithm 1.
    """
    cases = [
        (torch.tensor([2.0, -1.0, 0.5]), torch.tensor([0.3, 4.0])),
        (torch.tensor([3.0, 1.0]), torch.tensor([-2.0, 0.25, 0.5])),
    ]
    try:
        got_critic = [critic_loss(*case) for case in cases]
        got_generator = [generator_loss(fake) for _, fake in cases]
    except Exception as fault:
        return say(False, f"your losses stop with {type(fault).__name__}: {fault}")
    for name, got in (("critic", got_critic), ("generator", got_generator)):
        if any(value is None or value is ... for value in got):
            return say(False, f"the {name}'s loss returns nothing yet. Does it end with a return?")
        if any(torch.as_tensor(value).numel() != 1 for value in got):
            return say(
                False, f"the {name}'s loss must be one number: take the mean over the batch."
            )

    def is_critic(formula):
        return all(
            abs(float(g) - float(formula(r, f))) < 1e-5 for g, (r, f) in zip(got_critic, cases)
        )

    def is_generator(formula):
        return all(
            abs(float(g) - float(formula(f))) < 1e-5 for g, (_, f) in zip(got_generator, cases)
        )

    estimate = lambda r, f: r.mean() - f.mean()  # noqa: E731
    plain, turned = is_critic(lambda r, f: -estimate(r, f)), is_critic(estimate)
    up, down = is_generator(lambda f: -f.mean()), is_generator(lambda f: f.mean())
    if plain and up:
        return say(
            True, "the critic lowers the scores of generated samples, the generator raises them."
        )
    if turned and down:
        return say(True, "both signs are turned, so your critic is called -f: just as good. Only read its estimate with the other sign.")  # fmt: skip
    if plain and down:
        return say(False, "the critic gives generated samples *low* scores, and the generator asks for low scores: nobody pulls it towards the data. One of the two needs its minus.")  # fmt: skip
    if turned and up:
        return say(False, "now the critic gives generated samples *high* scores, and the generator asks for high ones: you have turned both signs, turn one of them back.")  # fmt: skip
    for formula, hint in (
        (lambda r, f: f.mean() + r.mean(), "the critic's loss adds the two means. One set should rise and the other fall: they need opposite signs."),
        (lambda r, f: abs(estimate(r, f)), "no absolute value in the critic's loss: it must say which of the two sets is to be higher."),
        (lambda r, f: -abs(estimate(r, f)), "no absolute value in the critic's loss: it must say which of the two sets is to be higher."),
        (lambda r, f: f.sum() - r.sum(), "the critic's loss adds the scores up. Take means: the two batches may differ in size."),
        (lambda r, f: softplus(-r).mean() + softplus(f).mean(), "that is a discriminator's loss. A critic's scores enter as they are, without sigmoid and logarithm."),
    ):  # fmt: skip
        if is_critic(formula):
            return say(False, hint)
    for formula, hint in (
        (lambda f: abs(f.mean()), "no absolute value in the generator's loss: scores have no zero, 100 may be added to all of them."),
        (lambda f: -abs(f.mean()), "no absolute value in the generator's loss: scores have no zero, 100 may be added to all of them."),
        (lambda f: -f.sum(), "the generator's loss adds the scores up. Take the mean: the loss must not grow with the batch."),
        (lambda f: softplus(-f).mean(), "that is the generator's loss of lesson 2, with a logarithm in it. A score enters as it is."),
    ):  # fmt: skip
        if is_generator(formula):
            return say(False, hint)
    (real, fake), value = cases[0], float(got_critic[0])
    if not (plain or turned):
        return say(False, f"for the scores {real.tolist()} (real) and {fake.tolist()} (generated) the critic's loss should be {float(-estimate(real, fake)):.2f}, it is {value:.2f}.")  # fmt: skip
    return say(False, f"for the scores {fake.tolist()} the generator's loss should be {float(-fake.mean()):.2f}, it is {float(got_generator[0]):.2f}.")  # fmt: skip


def check_wgan_step(step):
    """Check one step of a WGAN, step(generator, critic, g_optimizer, c_optimizer, x_real, z, clip_value). Lesson 18, room 3.

    The clip value is so large that nothing is clipped. The critic moves once, then the generator, judged
    by the critic as it then is. Arjovsky et al. (2017), algorithm 1.
    """
    lr, stale = 0.1, 0.25
    generator, critic = nn.Linear(1, 1), nn.Linear(1, 1)  # G(z) = a z + b, f(x) = w x + v
    a, b, w, v = 0.7, 1.5, -0.4, 0.05
    with torch.no_grad():
        for parameter, value in zip([*generator.parameters(), *critic.parameters()], (a, b, w, v)):
            parameter.fill_(value)
            parameter.grad = torch.full_like(parameter, stale)  # as the step before left it
    x_real, z = torch.tensor([[0.5], [-1.0], [0.2]]), torch.tensor([[1.0], [-0.3], [0.8]])
    passes = []  # one entry for each time a gradient arrives in the generator
    generator.bias.register_hook(lambda gradient: passes.append(float(gradient)))
    optimizers = (
        torch.optim.SGD(generator.parameters(), lr=lr),
        torch.optim.SGD(critic.parameters(), lr=lr),
    )
    try:
        step(generator, critic, *optimizers, x_real, z, clip_value=10.0)
    except RuntimeError as fault:
        if "second time" in str(fault):
            return say(False, "torch stops: the graph of x_fake is used twice. retain_graph=True silences that; the remedy is that the critic's loss does not enter that graph at all.")  # fmt: skip
        if "does not require grad" in str(fault):
            return say(False, "you detach where the generator learns: its loss has no way back into it. Only the critic's loss may be cut off.")  # fmt: skip
        if "modified by an inplace operation" in str(fault):
            return say(False, "the generator's loss uses scores from before the critic's step, whose weights have changed since. Compute it after that step.")  # fmt: skip
        return say(False, f"your step stops with RuntimeError: {fault}")
    except Exception as fault:
        return say(False, f"your step stops with {type(fault).__name__}: {fault}")

    slope, offset = (p.item() for p in critic.parameters())
    moved_c = (w - slope) / lr, (v - offset) / lr  # what was descended
    moved_g = tuple((old - p.item()) / lr for old, p in zip((a, b), generator.parameters()))
    real, fake, latent = x_real.mean().item(), (a * z + b).mean().item(), z.mean().item()

    def equal(moved, *wanted):
        return all(abs(one - other) < 1e-4 for one, other in zip(moved, wanted))

    if equal(moved_c, 0, 0):
        return say(False, "the critic has not moved. It needs backward, then its optimiser's step.")
    if equal(moved_g, -w * latent, -w):
        return say(False, "the generator is judged by the critic as it was *before* its move. First the critic's step, then the generator's loss.")  # fmt: skip
    for wanted, hint in (
        ((-real, -1), "the critic learns nothing from generated samples: you cut off its *output*. Detach x_fake, the critic's input."),
        ((fake, 1), "the critic learns nothing from real samples. Both means belong in its loss."),
        ((fake - real + stale, stale), "an old gradient is added to the critic's. Each player's zero_grad comes before its own backward."),
        ((real - fake, 0), "the critic went up its loss: the sign is wrong."),
    ):  # fmt: skip
        if equal(moved_c, *wanted):
            return say(False, hint)
    if not equal(moved_c, fake - real, 0):
        return say(
            False,
            f"the critic's slope should descend {fake - real:.3f}, it descended {moved_c[0]:.3f}.",
        )
    for wanted, hint in (
        ((0, 0), "the generator has not moved: you detach where it learns. Only the critic's loss may be cut off from it."),
        (((w - slope) * latent, w - slope), "the generator descends its own loss *plus the critic's*: that one came through x_fake, which is still attached, and was never cleared."),
        ((stale, stale), "the generator moves by an old gradient alone. Its loss has no way back into it."),
        ((stale - slope * latent, stale - slope), "an old gradient is added to the generator's. Each player's zero_grad comes before its own backward."),
        ((slope * latent, slope), "the generator goes where scores are low: the sign of its loss is wrong."),
    ):  # fmt: skip
        if equal(moved_g, *wanted):
            return say(False, hint)
    if not equal(moved_g, -slope * latent, -slope):
        return say(
            False,
            f"the generator's offset should descend {-slope:.3f}, it descended {moved_g[1]:.3f}.",
        )
    if len(passes) > 1:
        return say(False, "both moves are right now, since you clear the generator's gradients in time. But the critic's backward still runs through the whole generator for nothing: detach.")  # fmt: skip
    return say(
        True, "the critic's loss ends at x_fake, and the generator descends its own loss alone."
    )


def check_auxiliary_loss(loss):
    """Check the class loss of an AC-GAN, loss(class_logits (N, K), y (N,)), in nats. Lesson 18, room 4. Odena et al. (2017)."""
    logits = torch.tensor([[2.0, -1.0, 0.5], [0.0, 3.0, 1.0], [-1.0, 0.3, 0.2], [1.0, 1.5, -2.0]])
    y = torch.tensor([0, 2, 1, 1])
    try:
        got = loss(logits, y)
    except Exception as fault:
        return say(False, f"your loss stops with {type(fault).__name__}: {fault}")
    if got is None or got is ...:
        return say(False, "your loss returns nothing yet. Does it end with a return?")
    if torch.as_tensor(got).numel() != 1:
        return say(False, "your loss must be one number: the mean over the batch.")
    rows, right = torch.arange(4), cross_entropy(logits, y)
    probs = logits.softmax(1)
    hints = [
        (cross_entropy(probs, y), "softmax is applied twice: cross_entropy contains one, and takes the scores as they are."),
        (cross_entropy(logits.softmax(0), y), "your softmax runs over the batch (dim=0), and cross_entropy contains one over the classes. Leave yours out."),
        (cross_entropy(logits.sigmoid(), y), "a sigmoid squeezes the scores before cross_entropy takes its softmax. The scores enter as they are."),
        (-probs[rows, y].mean(), "the logarithm is missing: nll_loss wants log-probabilities."),
        (-logits[rows, y].mean(), "nll_loss wants log-probabilities, you give it raw scores: log_softmax first, or cross_entropy."),
        (-right, "the sign is wrong: it should fall when the right class gains."),
        (4 * right, "you add the samples up. Take the mean over the batch."),
        (right / math.log(2), "that is in bits. Nats need the natural logarithm."),
        (nn.functional.binary_cross_entropy_with_logits(logits, nn.functional.one_hot(y, 3).float()), "that treats the classes as separate yes-or-no questions. They exclude each other: cross_entropy."),
    ]  # fmt: skip
    if abs(float(got) - right.item()) > 1e-4:
        for wanted, hint in hints:
            if abs(float(got) - wanted.item()) < 1e-4:
                return say(False, hint)
        return say(False, f"for the scores {logits.tolist()} and the labels {y.tolist()} it should be {right:.3f}, it is {float(got):.3f}.")  # fmt: skip
    sure = torch.tensor([[0.0, 200.0]], requires_grad=True)  # sure, and wrong
    far = loss(sure, torch.tensor([0]))
    value = far.item()
    if not abs(value - 200) < 1:
        return say(False, f"right for moderate scores, but for the scores (0, 200) and the label 0 it is {value:.4g} instead of 200: the probability was rounded to 0 before its logarithm. cross_entropy on the scores does not round.")  # fmt: skip
    if not far.requires_grad:
        return say(
            False,
            "the number is right, but it has lost its gradient: leave out detach, item and no_grad.",
        )
    return say(
        True,
        "one softmax, the one inside: it may reach 0, and a sure mistake is pushed with full force.",
    )


def check_generator_block(make_block):
    """Check a block of a generator, make_block(n_in, n_out): linear, batch normalisation, LeakyReLU. Lesson 18, room 5.

    Wanted: eps small, and the running mean keeps 0.8 of its old value, as momentum=0.8 means in Keras.
    """
    try:
        block = make_block(6, 5)
        if block is None or block is ...:
            return say(False, "your function returns nothing yet. Does it end with a return?")
        block.train()
        block(torch.randn(4, 6, generator=torch.Generator().manual_seed(0)))
    except Exception as fault:
        return say(False, f"your block stops with {type(fault).__name__}: {fault}")
    norms = [m for m in block.modules() if isinstance(m, nn.BatchNorm1d)]
    if not norms:
        return say(
            False,
            "the batch normalisation is gone. Keep it: only its numbers are in the wrong places.",
        )
    (norm,) = norms[:1]
    momentum, eps = norm.momentum, norm.eps
    kinds = [type(m) for m in block.modules()]
    if kinds.index(nn.BatchNorm1d) < next(
        (k for k, kind in enumerate(kinds) if kind is nn.Linear), -1
    ):
        return say(
            False, "the order is changed: linear layer first, then the normalisation of its output."
        )
    if norm.num_features != 5:
        return say(
            False, f"the normalisation must have n_out features, it has {norm.num_features}."
        )
    if eps == 0.8:
        return say(False, "the second argument of nn.BatchNorm1d is eps: 0.8 is still added to the variance. Name the argument you mean.")  # fmt: skip
    if eps > 0.01:
        return say(False, f"eps is {eps:g}: another number in the same wrong place. eps only guards against a division by 0; name the argument you mean.")  # fmt: skip
    if not norm.track_running_stats:
        return say(False, "without running statistics there is nothing for a momentum to act on, and a single sample cannot be generated.")  # fmt: skip
    if momentum is None:
        return say(False, "momentum=None takes the plain average over the whole run, early nonsense included. Give the number.")  # fmt: skip
    if abs(momentum - 0.8) < 1e-6:
        return say(False, "the right place, and the opposite meaning: in Keras 0.8 is the share that is *kept*, in torch the share that is *replaced*.")  # fmt: skip
    if abs(momentum - 0.1) < 1e-6:
        return say(False, "eps is mended; momentum is left at torch's 0.1. The author wanted 0.8 of the old running mean to be kept.")  # fmt: skip
    if abs(momentum - 0.2) > 1e-6:
        return say(False, f"a momentum of {momentum:g} keeps {1 - momentum:.2g} of the old running mean. The author wanted 0.8 of it kept.")  # fmt: skip
    return say(True, "eps guards a division and no more, and 0.8 of the running mean is kept.")


def check_penalised_critic(make_critic):
    """Check a critic for a gradient penalty, make_critic() -> (N, 2) to (N, 1), each sample for itself. Lesson 18, room 6.

    Gulrajani et al. (2017), section 4, "No critic batch normalization".
    """
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(8, 2, generator=rng)
    mates = torch.cat([x[:1], 2 * torch.randn(7, 2, generator=rng) + 1])
    try:
        critic = make_critic()
        if critic is None or critic is ...:
            return say(False, "your function returns nothing yet. Does it end with a return?")
        switched_off = any(
            isinstance(m, nn.modules.batchnorm._BatchNorm) and not m.training
            for m in critic.modules()
        )
        critic.train()  # as a training loop would
        with torch.no_grad():
            scores, again, other = critic(x), critic(x), critic(mates)
            alone = (
                critic(torch.cat([torch.zeros(1, 2), x])),
                critic(torch.cat([torch.zeros(1, 2), 50 * x])),
            )
    except Exception as fault:
        return say(False, f"your critic stops with {type(fault).__name__}: {fault}")
    if not torch.is_tensor(scores) or scores.shape != (8, 1):
        return say(
            False,
            f"a batch (8, 2) must become scores of shape (8, 1), it became {tuple(scores.shape)}.",
        )
    norms = [m for m in critic.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    if switched_off:
        return say(False, "eval() switches batch normalisation to its running statistics only until somebody calls train(), as every training loop does. Take it out.")  # fmt: skip
    if any(not m.track_running_stats for m in norms):
        return say(False, "track_running_stats=False changes what happens in evaluation. In training it still subtracts the mean of the batch.")  # fmt: skip
    if len(norms) == 1:
        return say(
            False,
            "one batch normalisation is left. One is enough to tie the samples of a batch together.",
        )
    if norms:
        return say(False, f"there are {len(norms)} batch normalisations: the score of a sample depends on its batch, so its own gradient means nothing.")  # fmt: skip
    if not torch.equal(scores, again):
        return say(False, "the same sample gets another score each time: with dropout the penalty sees another network than the loss does.")  # fmt: skip
    if not torch.allclose(scores[0], other[0], atol=1e-5):
        return say(False, "the first sample's score still changes with its mates: something else averages over dim=0, the batch.")  # fmt: skip
    louder = copy.deepcopy(
        critic
    )  # its last layer enlarged: nothing but a squeezing function holds the scores back
    with torch.no_grad():
        for parameter in list(louder.parameters())[-2:]:
            parameter.mul_(1e4)
        if louder(x).abs().max() <= 1:
            return say(False, "the scores are squeezed into a bounded range. A critic ends with a linear layer: no sigmoid.")  # fmt: skip
    origin, near, far = alone[0][0], alone[0][1:], alone[1][1:]
    if torch.allclose(far - origin, 50 * (near - origin), rtol=1e-3, atol=1e-4):
        return say(False, "without an activation between the linear layers the critic is a plane. Only the normalisation has to go.")  # fmt: skip
    return say(True, "a sample's score is its own affair, and so is its gradient.")


def check_clipped_turn(turn):
    """Check the turn of a clipped critic, turn(critic, optimizer, x_real, x_fake, clip_value). Lesson 18, room 8.

    Loss, step, then every weight back into [-c, c]. Arjovsky et al. (2017), algorithm 1, line 7.
    """
    c, lr, stale = 0.25, 0.1, 0.5
    critic = nn.Linear(3, 1)
    weight, bias = (
        torch.tensor([[0.6, -0.2, -0.6]]),
        torch.tensor([-0.5]),
    )  # not yet clipped, as before the first turn
    with torch.no_grad():
        critic.weight.copy_(weight), critic.bias.copy_(bias)
    for parameter in critic.parameters():
        parameter.grad = torch.full_like(parameter, stale)
    x_real = torch.tensor([[0.2, 2.0, 0.3], [1.0, 1.0, 0.1]])
    x_fake = torch.tensor([[-0.5, -1.0, 0.4], [0.1, 0.5, 0.2]])
    try:
        turn(critic, torch.optim.SGD(critic.parameters(), lr=lr), x_real, x_fake, c)
    except Exception as fault:
        return say(False, f"your turn stops with {type(fault).__name__}: {fault}")
    gradient = (
        (x_fake.mean(0) - x_real.mean(0))[None],
        torch.zeros(1),
    )  # of the loss of a linear critic
    start = weight, bias

    def is_now(wanted):
        return all(
            torch.allclose(p.detach(), w, atol=1e-5) for p, w in zip(critic.parameters(), wanted)
        )

    def stepped(start, gradient, sign=1):
        return [s - sign * lr * g for s, g in zip(start, gradient)]

    def clamped(values, low=-c):
        return [v.clamp(low, c) for v in values]

    moved, first = stepped(start, gradient), clamped(start)
    norm = math.sqrt(sum(float(g.square().sum()) for g in gradient))
    if is_now(clamped(moved)) or is_now(clamped(stepped(first, gradient))):
        return say(True, "whoever looks at the critic now finds every weight within [-c, c].")
    hints = [
        (start, "nothing has moved: where is optimizer.step()?"),
        (first, "the weights are clipped, but the critic has not learnt: where is optimizer.step()?"),
        (stepped(first, gradient), "you clip, and then the optimiser steps out of the bounds again. The generator meets the critic *after* the step: clip then."),
        (moved, "nothing is clipped, neither before nor after the step."),
        (stepped(start, [g * min(1.0, c / norm) for g in gradient]), "you clip the gradients (their norm). The bound is for the weights."),
        (stepped(start, clamped(gradient)), "you clip the gradients (each number). The bound is for the weights."),
        ([moved[0].clamp(-c, c), moved[1]], "the bias is not clipped. critic.parameters() has both."),
        (clamped(moved, low=0), "the lower bound is -c, not 0."),
        ([m.clamp(max=c) for m in moved], "weights below -c are left. Clip from both sides."),
        (clamped(stepped(start, [g + stale for g in gradient])), "an old gradient is added to yours: optimizer.zero_grad() before backward."),
        (clamped(stepped(start, gradient, sign=-1)), "the critic went up its loss: the sign is wrong."),
    ]  # fmt: skip
    for wanted, hint in hints:
        if is_now(wanted):
            return say(False, hint)
    return say(False, f"with c = {c:g} the weights should be {[round(v, 3) for v in clamped(moved)[0][0].tolist()]}, they are {[round(v, 3) for v in critic.weight[0].tolist()]}.")  # fmt: skip


class _Quadratic(nn.Module):
    """f(x) = the sum of (x * weight)^2 over each sample: its gradient, 2 x weight^2, differs from sample to sample."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[[0.6, 0.4], [0.3, 0.7]]]))

    def forward(self, x):
        return (x * self.weight).square().flatten(1).sum(1, keepdim=True)


def check_gradient_penalty(penalty):
    """Check a gradient penalty, penalty(critic, x_real, x_fake, generator=...), on pictures (N, 1, 2, 2). Rooms 2 and 7.

    Gulrajani et al. (2017), equation 3 and algorithm 1: mean of (||grad|| - 1)^2 at x_hat, one ε per sample.
    """
    rng = torch.Generator().manual_seed(0)
    x_real, x_fake = (
        torch.randn(6, 1, 2, 2, generator=rng) + 2,
        torch.randn(6, 1, 2, 2, generator=rng),
    )
    critic = _Quadratic()
    try:
        got = penalty(critic, x_real, x_fake, generator=torch.Generator().manual_seed(1))
    except Exception as fault:
        if "must match the size" in str(fault):
            return say(False, "two shapes do not line up. ε needs one number for each of the N samples, whatever N is, and a 1 for each further axis: (N, 1, 1, 1) for pictures.")  # fmt: skip
        if "does not require grad" in str(fault):
            return say(False, "the critic's scores have no way back to x_hat: x_hat.requires_grad_() comes *after* any detach, and before the critic.")  # fmt: skip
        return say(False, f"your penalty stops with {type(fault).__name__}: {fault}")
    if got is None or got is ...:
        return say(False, "your penalty returns nothing yet. Does it end with a return?")
    if not torch.is_tensor(got):
        return say(False, f"your penalty must return a tensor, it returned {type(got).__name__}: item() and float() cut the graph.")  # fmt: skip
    if got.numel() != 1:
        return say(False, f"your penalty must return one number, it has shape {tuple(got.shape)}. Take the mean over the batch.")  # fmt: skip

    def slopes(epsilon):
        return 2 * torch.lerp(x_fake, x_real, epsilon) * critic.weight.detach() ** 2

    def draw(*shape):
        return torch.rand(*shape, generator=torch.Generator().manual_seed(1))

    def value(
        slopes,
        norm=lambda g: g.flatten(1).norm(dim=1),
        term=lambda n: (n - 1).square(),
        mean=torch.mean,
    ):
        return mean(term(norm(slopes))).item()

    each = draw(6, 1, 1, 1)
    right, swapped = value(slopes(each)), value(slopes(1 - each))
    wrong = {
        "ε is the same for the whole batch. Draw one per sample, of shape (N, 1, 1, 1).": [value(slopes(draw(1)[0])), value(slopes(1 - draw(1)[0]))],
        "ε is different for each pixel: x_hat then leaves the line between the two. Draw one per sample, of shape (N, 1, 1, 1).": [value(slopes(draw(6, 1, 2, 2))), value(slopes(1 - draw(6, 1, 2, 2)))],
        "the norm is not taken over the whole sample: flatten each gradient to one row first.": [
            value(slopes(e), norm=lambda g, d=d: g.norm(dim=d)) for e in (each, 1 - each) for d in (1, 2, 3)
        ],
        "you take one norm over the whole batch. Each sample has a norm of its own.": [value(slopes(e), norm=torch.norm) for e in (each, 1 - each)],
        "the square is missing: (norm - 1)². As it stands a small slope would be rewarded.": [value(slopes(e), term=lambda n: n - 1) for e in (each, 1 - each)],
        "that is |norm - 1|. The penalty is its square.": [value(slopes(e), term=lambda n: (n - 1).abs()) for e in (each, 1 - each)],
        "you square the norm, but not its distance from 1: (norm - 1)², not norm² - 1.": [value(slopes(e), term=lambda n: n**2 - 1) for e in (each, 1 - each)],
        "the distance from 1 is missing: you pull the slope to 0.": [value(slopes(e), term=torch.square) for e in (each, 1 - each)],
        "that is one-sided: only slopes above 1 count. A fine idea, but the task is the two-sided penalty.": [value(slopes(e), term=lambda n: (n - 1).clamp(min=0).square()) for e in (each, 1 - each)],
        "you look at the real samples only. x_hat lies between a real and a generated one.": [value(slopes(torch.ones(1)))],
        "you look at the generated samples only. x_hat lies between a real and a generated one.": [value(slopes(torch.zeros(1)))],
        "you add the samples up. Take the mean over the batch.": [value(slopes(e), mean=torch.sum) for e in (each, 1 - each)],
        "λ is inside: return the penalty without it, λ is a knob of the training.": [10 * right, 10 * swapped],
    }  # fmt: skip
    close = [abs(got.item() - wanted) < 1e-4 for wanted in (right, swapped)]
    if not any(close):
        for hint, values in wrong.items():
            if any(abs(got.item() - value) < 1e-4 for value in values):
                return say(False, hint)
        if (
            abs(
                penalty(critic, x_real, x_fake, generator=torch.Generator().manual_seed(1)).item()
                - got.item()
            )
            > 1e-6
        ):
            return say(False, "the same generator gives another ε each time: draw it with torch.rand(..., generator=generator).")  # fmt: skip
        return say(False, f"on the test pictures it should be {right:.4f}, it is {got.item():.4f}.")
    if not got.requires_grad:
        return say(False, "the number is right, but it has no gradient, so the critic cannot learn from it. Where is create_graph=True?")  # fmt: skip
    (gradient,) = torch.autograd.grad(got, critic.weight, allow_unused=True)
    return say(gradient is not None and bool(gradient.any()), "one ε per sample, one norm per sample, and a gradient for the critic.")  # fmt: skip
