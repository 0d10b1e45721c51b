"""Lesson 08: the gradient of a gradient as five pictures, turned by buttons, without a kernel and without scripts."""

from gan_edu.diagram import turned
from gan_edu.style import CRITIC, FAKE, MARK, PUSH

FRAMES = {  # what the button says, and what happens
    "mix": "A real and a generated point are mixed, with one ε for each pair. "
    "<b>detach</b> cuts off what came before: no gradient shall reach G.",
    "score": "The critic judges x_hat, as it judges all other points.",
    "first gradient": "How steep is the score at x_hat? This is calculated from the weights of D, "
    "and <b>create_graph</b> writes the calculation down.",
    "penalty": "The norm of each gradient, minus 1, squared, and then the mean over the batch.",
    "second gradient": "<b>backward</b> follows that calculation back to the weights, "
    "and <b>D moves</b>. Without create_graph there is no way back.",
}
LINES = (
    "x_hat = (eps * x_real + (1 - eps) * x_fake).detach().requires_grad_()",
    "D(x_hat).sum()",
    "(grad,) = torch.autograd.grad(…, x_hat, create_graph=True)",
    "norm = …; penalty = (norm - 1).square().mean()",
    "loss.backward()  # the penalty is a part of the critic's loss",
)
BOXES = (  # text, frames in which it is lit, x, y, width, colour
    ("x_real, x_fake", "1", 10, 60, 130, FAKE), ("x_hat", "123", 235, 60, 80, MARK),
    ("D", "235", 385, 60, 80, CRITIC), ("score", "23", 540, 60, 80, CRITIC),
    ("first gradient", "35", 365, 180, 120, CRITIC), ("grad", "345", 235, 180, 80, PUSH),
    ("norm", "45", 135, 180, 65, PUSH), ("penalty", "45", 10, 180, 85, MARK),
)  # fmt: skip
FORWARD = (  # frames, from x, y to x, y
    ("1", 140, 80, 233, 80), ("2", 315, 80, 383, 80), ("2", 465, 80, 538, 80),
    ("3", 580, 102, 487, 196), ("3", 363, 200, 317, 200), ("3", 410, 102, 410, 178),
    ("4", 233, 200, 202, 200), ("4", 133, 200, 97, 200),
)  # fmt: skip
BACKWARD = (
    ("5", 95, 212, 133, 212), ("5", 200, 212, 233, 212), ("5", 315, 212, 363, 212),
    ("5", 440, 178, 440, 104),
)  # fmt: skip
MARKS = ("D moves", "moves", "5", 425, 50), ("✂", "cut", "1", 186, 71)
WORDS = "From x_hat through D to the score; from there the gradient, its norm, the penalty; and the way back into D."


def double_gradient():
    """Return the picture of the penalty's two gradients, one after the other."""
    return turned(FRAMES, LINES, (BOXES, FORWARD, BACKWARD, MARKS), "0 36 640 192", WORDS)
