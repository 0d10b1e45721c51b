"""Checks for the exercises of lesson 17."""

import torch
from torch import nn

from gan_edu.lessons.say import say


def check_conditional_generator(make_generator):
    """Check a generator of digits that takes a label: forward(z (N, 16), y (N, 1)) -> (N, 64). Lesson 17, exercise 1.

    make_generator: its class, or a function of no arguments that makes one. Mirza & Osindero (2014), figure 1.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        z, y = torch.randn(20, 16), torch.arange(20)[:, None] % 10
        try:
            generator = make_generator()
            got = generator(z, y)
        except Exception as fault:
            return say(
                False, f"your generator stops with {type(fault).__name__}: {fault}{_advice(fault)}"
            )
        if got is None or got is ...:
            return say(False, "your generator returns nothing yet. Does forward end with a return?")
        if not torch.is_tensor(got) or got.shape != (20, 64):
            shape = tuple(got.shape) if torch.is_tensor(got) else type(got).__name__
            return say(
                False,
                f"your generator must return a tensor (20, 64) for 20 latents, it returned {shape}.",
            )
        if not got.requires_grad:
            return say(
                False,
                "no gradient reaches the weights: something cuts the graph (no_grad, detach, numpy).",
            )
        if got.abs().max() > 1:
            return say(False, "the pictures leave (-1, 1): the Tanh at the end is missing.")
        return _judge_generator(generator, z, y, got)


def _advice(fault):
    if "dimension" in str(fault) or "Sizes of tensors" in str(fault):
        return ". An embedding of (N, 1) labels has shape (N, 1, 8): take y[:, 0], and join the two along dim=1."
    if "shapes cannot be multiplied" in str(fault):
        return ". The first layer must be as wide as latent and label vector together: 16 + 8."
    return ""


def _judge_generator(generator, z, y, got):
    with torch.no_grad():
        if not torch.equal(generator(z, y), got):
            return say(False, "two calls with the same z and y differ. Is the embedding made in forward? Make it once, in __init__.")  # fmt: skip
        if torch.equal(generator(z, (y + 1) % 10), got):
            return say(
                False, "the pictures do not depend on y: the label does not reach the network."
            )
        if torch.equal(generator(z.flip(0), y), got):
            return say(
                False, "the pictures do not depend on z: all of one label would be the same."
            )
        others = y.clone()
        others[1:] = (others[1:] + 1) % 10
        if not torch.allclose(generator(z, others)[0], got[0], atol=1e-6):
            return say(False, "a picture depends on the labels of the *other* pictures of its batch. Each latent goes with its own label.")  # fmt: skip
        if not torch.allclose(generator(z, others)[1:], generator(z[1:], others[1:]), atol=1e-6):
            return say(
                False,
                "a picture depends on its place in the batch. Each latent goes with its own label.",
            )
        inputs = [_first_input(generator, z[:1], torch.tensor([[digit]])) for digit in range(10)]
        if all(entry is not None and entry.shape == inputs[0].shape for entry in inputs):
            steps = torch.stack(inputs).diff(dim=0)
            if torch.allclose(steps, steps[:1].expand_as(steps), atol=1e-5):
                return say(False, "the label goes in as a number, so that 3 lies between 2 and 4. It is a name: give each its own vector.")  # fmt: skip
    return say(
        True, "each label has its own vector, and each picture depends on its own latent and label."
    )


def _first_input(generator, z, y):
    """Return what the first linear layer gets to see for one latent and label, or None."""
    seen = []
    layer = next((module for module in generator.modules() if isinstance(module, nn.Linear)), None)
    if layer is None:
        return None
    handle = layer.register_forward_hook(
        lambda module, inputs, output: seen.append(inputs[0].flatten())
    )
    try:
        generator(z, y)
    finally:
        handle.remove()
    return seen[0] if seen else None


def check_class_logits(make_discriminator):
    """Check that an AC-GAN's discriminator hands class *logits* on, not probabilities. Lesson 17, exercise 2.

    make_discriminator(body, num_features, counts): forward(x, y) -> (logits (N,), [class logits (N, count)], y), with
    attributes `real` and `classes` like `gan_edu.lessons.l17_conditional.ClassifyingDiscriminator`. Odena et al. (2017), section 3.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        x, y = 3 * torch.randn(8, 6), torch.randint(5, (8, 2))
        try:
            net = make_discriminator(nn.Identity(), 6, [5, 5])
            got = net(x, y)
        except Exception as fault:
            return say(False, f"your discriminator stops with {type(fault).__name__}: {fault}")
    if not isinstance(got, tuple) or len(got) != 3:
        return say(
            False, "forward must return three things: the logits, a list of class logits, and y."
        )
    logits, classes, label = got
    if not torch.is_tensor(label) or not torch.equal(label, y):
        return say(
            False,
            "the third thing must be y as it came: the loss compares the class logits with it.",
        )
    if not torch.allclose(logits, net.real(x)[:, 0]):
        return say(False, "the verdict real-or-not must stay as it was, self.real(h)[:, 0].")
    if not isinstance(classes, list | tuple) or len(classes) != 2:
        return say(False, "class logits must be a list with one tensor for each attribute.")
    wanted = [head(x) for head in net.classes]
    if any(
        not torch.is_tensor(part) or part.shape != right.shape
        for part, right in zip(classes, wanted)
    ):
        return say(
            False,
            "each tensor of class logits must have shape (N, count): one number for each value, no argmax.",
        )
    if not classes[0].requires_grad:
        return say(
            False,
            "no gradient reaches the class heads: something cuts the graph (no_grad, detach, argmax).",
        )
    mistakes = {
        "the softmax is still there: cross_entropy takes a second one of it. Hand the head's output on as it is.": lambda v: v.softmax(1),
        "a softmax along the batch (dim=0) is still there. Hand the head's output on as it is.": lambda v: v.softmax(0),
        "a sigmoid squeezes the logits into (0, 1), like the softmax before it. Hand them on as they are.": torch.sigmoid,
        "the logarithm of a softmax along the batch: the classes are along dim=1, and cross_entropy needs neither.": lambda v: v.log_softmax(0),
        "a rectifier cuts off the negative logits: the head's output goes on as it is.": torch.relu,
    }  # fmt: skip
    for hint, mistake in mistakes.items():
        if all(torch.allclose(part, mistake(right)) for part, right in zip(classes, wanted)):
            return say(False, hint)
    if all(
        torch.allclose(part, right.log_softmax(1), atol=1e-6)
        for part, right in zip(classes, wanted)
    ):
        return say(True, "a log-softmax before cross_entropy changes nothing (its own finds a sum of 1): right, if one line too long.")  # fmt: skip
    if not all(torch.allclose(part, right) for part, right in zip(classes, wanted)):
        return say(
            False,
            "the class logits are not what the heads return: something still changes them on the way.",
        )
    return say(True, "logits go into cross_entropy, which takes their softmax itself.")
