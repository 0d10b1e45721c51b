"""Checks of exercises: one answer, several cases, and a hint for each known mistake."""

import contextlib
import copy
import functools

import numpy as np
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from gan_edu.networks import mlp
from gan_edu.players import Players, weights
from gan_edu.run import Run

GAP = "there is still a blank: put your code in the place of each ...."
NO_GRADIENT = "the numbers are right, but their gradient is not, and a network could not learn from it. Leave out detach, no_grad, item and numpy."
EMPTY = "your function returns nothing yet. Does it end with a return?"


class Remark(Exception):
    """What a check has to say of an answer before its numbers are compared."""


def examine(answer, cases, right, mistakes=(), words="all cases agree."):
    """Judge a learner's function on several cases, print the verdict, and return whether it is right.

    cases: tuples of arguments; where one is a tensor that requires a gradient, that gradient must agree too.
    right: what the function should compute, from the same arguments: a number or a tensor.
    mistakes: {hint: what a learner with that mistake would compute}; the first that agrees on all cases is told.
    """
    fault = "write a function." if not callable(answer) else judge(answer, cases, right, mistakes)
    print(f"Not yet: {fault}" if fault else f"Right: {words}")
    return not fault


def check(right, cases, words, mistakes=(), through=None, given=None):
    """Return a check of one exercise, check(answer), which examines a learner's function.

    cases: as for `examine`, or a function that returns them.
    mistakes: {hint: function, or arguments by name with which `right` makes the mistake}.
    through: through(function, *case) is compared in the place of function(*case); given: the same of the answer alone.
    """

    def told(function, way=through):
        function = functools.partial(right, **function) if isinstance(function, dict) else function
        return functools.partial(way, function) if way else function

    def checked(answer):
        asked = told(answer, given or through) if callable(answer) else answer
        wrong = {hint: told(mistake) for hint, mistake in dict(mistakes).items()}
        return examine(asked, cases() if callable(cases) else cases, told(right), wrong, words)

    return checked


def faultless(words, functions=True):
    """Let a generator of hints be a check, check(*answers): the first one is told, with a pair (hint, wrong) where wrong is true.

    functions: whether the answers are functions.
    """

    def check_by(find):
        def asked(*answers):
            for found in find(*answers):
                hint, wrong = found if isinstance(found, tuple) else (found, True)
                if wrong:
                    raise Remark(hint)
            return 0

        @functools.wraps(find)
        def checked(*answers):
            good = not functions or all(map(callable, answers))
            tried = functools.partial(asked, *answers) if good else ...
            return examine(tried, [()], lambda: 0, words=words)

        return checked

    return check_by


@np.errstate(all="ignore")  # a warning of NumPy would hide the hint
def judge(answer, cases, right, mistakes):
    """Return what to say of a wrong answer, or nothing."""
    try:
        got = [answer(*copy.deepcopy(case)) for case in cases]
    except Remark as remark:
        return str(remark)
    except Exception as fault:
        if "ellipsis" in str(fault):  # Python's name for the dots
            return GAP
        return f"your code stops with {type(fault).__name__}: {fault}"
    if any(one is None for one in got):
        return EMPTY
    wanted = [tensor(right(*copy.deepcopy(case))) for case in cases]
    try:
        got = [tensor(one) for one in got]
    except (TypeError, ValueError, RuntimeError):
        said = f"it must return numbers or a tensor, it returned {type(got[0]).__name__}."
        return GAP if "Ellipsis" in str(got) else said
    for one, expected in zip(got, wanted):
        if one.shape != expected.shape:
            more = " Is a sum or a mean missing?" if one.dim() > expected.dim() else ""
            wanted = f"have shape {tuple(expected.shape)}" if expected.dim() else "be one number"
            return f"the result must {wanted}, it has shape {tuple(one.shape)}.{more}"
    if not all(map(close, got, wanted)):
        for hint, mistaken in dict(mistakes).items():
            if all(close(x, tensor(mistaken(*copy.deepcopy(case)))) for x, case in zip(got, cases)):
                return hint
        triples = zip(cases, got, wanted)
        case, one, expected = next(three for three in triples if not close(*three[1:]))
        at = (one - expected).abs().nan_to_num(torch.inf).argmax()  # where they differ most
        one, expected = (x.flatten()[at].item() for x in (one, expected))
        return f"for {shown(case)} it should be {expected:.5g}, it is {one:.5g}."
    for case in cases:
        if not all(map(close, gradients(answer, case), gradients(right, case))):
            return NO_GRADIENT
    return ""


def gradients(function, case):
    """Return the gradient of the sum of what a function returns with respect to each tensor that asks for one."""
    case = copy.deepcopy(case)
    inputs = [x for x in case if isinstance(x, torch.Tensor) and x.requires_grad]
    total = tensor(function(*case)).sum() if inputs else tensor(0)
    if not total.requires_grad:
        return [torch.zeros_like(x) for x in inputs]
    return torch.autograd.grad(total, inputs, materialize_grads=True)


def tensor(value):
    return torch.as_tensor(value).double()


def close(one, other):
    near = dict(rtol=1e-3, atol=1e-6, equal_nan=True)
    return one.shape == other.shape and torch.allclose(one, other, **near)


def shown(values):
    """Return arguments as words, long ones shortened."""

    def word(x):
        if isinstance(x, torch.Tensor | np.ndarray):
            return f"[{x.flatten()[0].item():.4g}, ...]"
        return type(x).__name__ if isinstance(x, nn.Module) else str(x)

    return ", ".join(map(word, values))


class Still(TorchFunctionMode):
    """Let the draws of a step depend on their size and kind only: their order does not matter then.

    Uniform numbers are squared in the second draw, so that reused latents are found out.
    """

    uniform = 0  # draws so far

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function not in (torch.rand, torch.randn):
            return function(*args, **(kwargs or {}))
        size = (kwargs or {}).get("size", args)
        n = size[0][0] if isinstance(size[0], (tuple, list)) else size[0]
        share = ((torch.arange(n) + 0.5) / n)[:, None]
        self.uniform += function is torch.rand
        return share**self.uniform if function is torch.rand else torch.special.ndtri(share)


def small_players(n_in=1, n_out=1):
    """Return a GAN of few numbers, quick to train and to compare."""
    G, D = mlp(n_in, 3, n_out, activation=nn.Softplus), mlp(n_out, 4, 1, activation=nn.Tanh)
    G_opt, D_opt = (torch.optim.SGD(network.parameters(), lr=0.3) for network in (G, D))
    return Players(G=G, D=D, opt_G=G_opt, opt_D=D_opt)


def weights_after(knobs, build=small_players, still=True, logged=()):
    """Return through(step, seed, **knobs): all weights of small players after two training steps, and what they log.

    To compare training steps, as `through` of a check; still: whether the draws are those of Still.
    """

    def after(step, seed, **more):
        def stepped(gan, knobs):
            with Still() if still else contextlib.nullcontext():
                return step(gan, knobs)

        run = Run(build, stepped, knobs | more, seed).steps(2)
        parts = [torch.as_tensor(run.log[name]) for name in logged]
        return torch.cat([*(p.detach().flatten() for p in weights(run.gan)), *parts])

    return after
