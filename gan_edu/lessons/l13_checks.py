"""Checks for the exercises of lesson 13."""

import copy
import numbers

import torch
from torch import nn
from torch.nn.functional import softplus

from gan_edu.lessons.say import say

SIDES = (1, 7, 14, 28)


def check_upsampling(layers):
    """Check three transposed convolutions that go from 1 to 7 to 14 to 28 pixels a side. Lesson 13, exercise 1.

    layers: [(kernel, stride, padding), ...]; the size is (n - 1) stride - 2 padding + kernel. Dumoulin & Visin (2016),
    section 4; the kernel shall be a multiple of the stride, Odena et al. (2016).
    """
    if layers is None or layers is ...:
        return say(
            False, "work it out on paper first: a list of three, [(kernel, stride, padding), ...]."
        )
    try:
        layers = [tuple(layer) for layer in layers]
    except TypeError:
        return say(
            False,
            f"a list of three is asked for, [(kernel, stride, padding), ...]; this is {layers!r}.",
        )
    if len(layers) != 3 or any(len(layer) != 3 for layer in layers):
        return say(
            False, f"three layers with three numbers each are asked for, you gave {layers!r}."
        )
    for number, ((kernel, stride, padding), before, wanted) in enumerate(
        zip(layers, SIDES, SIDES[1:]), 1
    ):
        here = f"layer {number}, from {before} to {wanted}"
        if any(not isinstance(value, numbers.Integral) for value in (kernel, stride, padding)):
            return say(False, f"{here}: all three must be whole numbers.")
        if kernel < 1 or stride < 1 or padding < 0:
            return say(
                False, f"{here}: the kernel and the stride are at least 1, the padding at least 0."
            )
        got = (before - 1) * stride - 2 * padding + kernel
        if got != wanted:
            return say(
                False,
                f"{here}: {_why(before, kernel, stride, padding, wanted)}It makes {got} pixels.",
            )
        if kernel % stride:
            return say(False, f"{here}: the size is right, but {kernel} is no multiple of the stride {stride}: a chessboard.")  # fmt: skip
    return say(True, "1, 7, 14, 28, and as many stamps on each inner pixel.")


def _why(before, kernel, stride, padding, wanted):
    """Return what went wrong, if it is one of the usual slips."""
    if (before + 2 * padding - kernel) // stride + 1 == wanted:
        return "that is the size formula of a convolution, which shrinks. Here it is (n - 1) s - 2 p + k. "
    if before * stride - 2 * padding + kernel == wanted:
        return "n stamps have n - 1 gaps between them: (n - 1) s, not n s. "
    if (before - 1) * stride + 2 * padding + kernel == wanted:
        return "the padding is cut away here, not added: minus 2 p. "
    if (before - 1) * stride - padding + kernel == wanted:
        return "the padding is cut away at both borders: 2 p. "
    if (before - 1) * stride - 2 * padding == wanted:
        return "the last stamp is as wide as the kernel: add k. "
    return ""


class _Scale(nn.Module):
    """x times one weight, plus one bias: a network small enough to know every gradient."""

    def __init__(self, weight, bias):
        super().__init__()
        self.weight, self.bias = (
            nn.Parameter(torch.tensor(weight)),
            nn.Parameter(torch.tensor(bias)),
        )
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return x * self.weight + self.bias


def check_one_pass_step(step):
    """Check a training step that runs the generator once. Lesson 13, exercise 2.

    step(generator, discriminator, g_optimizer, d_optimizer, x_real, z): D's turn, then G's, which asks the D that has
    moved, about the same generated samples.
    """
    if not callable(step):
        return say(False, f"write a function; this is {step!r}.")
    x_real, z = torch.tensor([0.5, -1.0, 0.2]), torch.tensor([1.0, -0.3, 0.8])
    generator, discriminator = _Scale(0.7, 1.5), _Scale(-0.4, 0.3)
    start = copy.deepcopy(generator), copy.deepcopy(discriminator)
    g_stale, d_stale = 0.25, -0.35
    for network, value in ((generator, g_stale), (discriminator, d_stale)):
        for parameter in network.parameters():
            parameter.grad = torch.full_like(parameter, value)  # as an earlier step leaves it
    optimizers = [
        torch.optim.SGD(network.parameters(), lr=1.0) for network in (generator, discriminator)
    ]
    try:
        step(generator, discriminator, *optimizers, x_real, z)
    except Exception as fault:
        return say(False, _explain(fault))

    def gradients(network, loss):
        return torch.stack(torch.autograd.grad(loss, list(network.parameters())))

    def d_loss(G, D, real=1.0, fake=1.0, label=1):
        sign = 2 * label - 1
        return real * softplus(-sign * D(x_real)).mean() + fake * softplus(sign * D(G(z))).mean()

    def g_loss(G, D, saturating=False):
        return -softplus(D(G(z))).mean() if saturating else softplus(-D(G(z))).mean()

    def after(network, gradient):
        network = copy.deepcopy(network)
        with torch.no_grad():
            for parameter, slope in zip(network.parameters(), gradient):
                parameter -= slope
        return network

    def moved(old, new):
        return torch.stack(
            [a.detach() - b.detach() for a, b in zip(old.parameters(), new.parameters())]
        )

    def is_close(one, other):
        return torch.allclose(one, other, atol=1e-5)

    G, D = start
    of_d, of_g = moved(D, discriminator), moved(G, generator)
    right = gradients(D, d_loss(G, D))
    if is_close(of_d, torch.zeros(2)) and is_close(of_g, torch.zeros(2)):
        return say(
            False, "neither network has moved. D's turn: loss, zero_grad, backward, step; then G's."
        )
    for wanted, hint in (
        (torch.zeros(2), "the discriminator has not moved."),
        (
            right + d_stale,
            "an old gradient was added to D's. Call d_optimizer.zero_grad() before its backward.",
        ),
        (
            gradients(D, d_loss(G, D, label=0)),
            "D's labels are swapped: real samples have the label 1.",
        ),
        (gradients(D, d_loss(G, D, fake=0)), "the generated samples are missing in D's loss."),
        (gradients(D, d_loss(G, D, real=0)), "the real samples are missing in D's loss."),
        (-right, "D went up its loss: the sign is wrong."),
    ):
        if is_close(of_d, wanted) and not is_close(right, wanted):
            return say(False, hint)
    if not is_close(of_d, right):
        g_first = after(G, gradients(G, g_loss(G, D)))
        if is_close(of_d, gradients(D, d_loss(g_first, D))) or is_close(
            of_g, gradients(G, g_loss(G, D))
        ):
            return say(False, "G has moved before D. D comes first.")
        return say(
            False,
            "D has moved, but not by the gradient of its loss: label 1 for real, 0 for generated.",
        )
    D_after = after(D, right)
    wanted, leaked = gradients(G, g_loss(G, D_after)), gradients(G, d_loss(G, D, real=0))
    for guess, hint in (
        (torch.zeros(2), "the generator has not moved. A detach in G's turn, or under no_grad, cuts the gradient's way to it."),
        (torch.full((2,), g_stale), "G moved by an old gradient alone: none arrives from its loss. Is there a detach too many?"),
        (wanted + g_stale, "an old gradient was added to G's. Call g_optimizer.zero_grad() before its backward."),
        (wanted + leaked, "D's loss has reached the generator: detach the generated samples in D's turn."),
        (wanted + leaked + g_stale, "D's loss has reached the generator: detach in D's turn, and call g_optimizer.zero_grad()."),
        (gradients(G, g_loss(G, D)), "G was judged by the D of before. Judge the same samples anew, after D's step."),
        (gradients(G, g_loss(G, D_after, saturating=True)), "that is the saturating loss. G's is -mean log D(G(z)), softplus(-logit)."),
        (-wanted, "G went up its loss: the sign is wrong."),
    ):  # fmt: skip
        if is_close(of_g, guess) and not is_close(wanted, guess):
            return say(False, hint)
    if not is_close(of_g, wanted):
        return say(
            False,
            "D's turn is right, G's is not: its loss is -mean log D(G(z)), with the D that has moved.",
        )
    if generator.calls != 1:
        return say(False, f"both turns are right, but the generator ran {generator.calls} times. Once is enough: keep x_fake.")  # fmt: skip
    return say(True, "one pass through the generator, detached in D's turn, whole in G's.")


def _explain(fault):
    text = str(fault)
    if "second time" in text:
        return "backward went through the generator's graph in D's turn already, and it is gone. Detach x_fake there."
    if "modified by an inplace operation" in text:
        return "G's loss uses logits from before D's step, whose weights have changed since. Judge x_fake anew."
    if "does not require grad" in text:
        return (
            "G's loss has no way back to the generator: there is a detach, or a no_grad, too many."
        )
    return f"your step stops with {type(fault).__name__}: {text}"
