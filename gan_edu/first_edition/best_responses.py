"""Critics trained against a generator that does not move, many at once; how gradients pass through one."""

import copy
import itertools
import math

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, grad, stack_module_state, vmap

from gan_edu._arguments import check_callable, check_count, check_number
from gan_edu.losses import critic_loss


class BestResponses:
    """K trained critics: what they say of points, and what is inside them.

    seeds, clip_values: (K,), what each was given; inf: no clipping. losses: (K, n_steps), of d_loss in each step.
    """

    def __init__(self, template, weights, seeds, clip_values, losses):
        self._template, self._weights = template, weights
        self.seeds, self.clip_values, self.losses = seeds, clip_values, losses

    def __len__(self):
        return len(self.seeds)

    def __call__(self, x):
        """Return the outputs (K, n, 1) for points x (n, d), or for a batch each, (K, n, d); differentiable by x."""
        return _outputs(self._template, self._weights, x)

    @torch.no_grad()
    def scores(self, x):
        """Return the outputs (K, n) for points x (n, d), as an array."""
        return self(torch.as_tensor(x, dtype=torch.float32))[..., 0].numpy()

    def slopes(self, x):
        """Return the gradients (K, n, d) of the outputs by the points x (n, d), as an array."""
        x = torch.as_tensor(x, dtype=torch.float32)
        by_x = grad(
            lambda w, point: functional_call(self._template, w, (point[None],)).squeeze(), argnums=1
        )
        return vmap(vmap(by_x, in_dims=(None, 0)), in_dims=(0, None))(self._weights, x).numpy()

    def member(self, k):
        """Return number k as a module of its own."""
        module = copy.deepcopy(self._template)
        module.load_state_dict({name: values[k] for name, values in self._weights.items()})
        return module


def train_critics(
    make_critic, sample_real, sample_fake, clip_values=(0.1,), seeds=range(8), n_steps=500, batch_size=128, lr=1e-3,
    d_loss=critic_loss,
):  # fmt: skip
    """Train a critic for each clip value and each seed, against a generator that does not move; return `BestResponses`.

    make_critic(): a module that maps (n, d) to (n, 1), without dropout and buffers. The seeds change fastest.
    sample_real(n, generator=...), sample_fake(n, generator=...): tensors (n, d), fresh ones in every step.
    clip_values: c > 0; None: no clipping. d_loss(output on real, output on fake): a scalar, also that of a discriminator.
    RMSprop with one learning rate, clipping after each step: algorithm 1 of Arjovsky et al. (2017) without its generator.
    """
    check_callable("make_critic", make_critic, "lambda: mlp(2, 64, 1)")
    n_steps = check_count("n_steps", n_steps)
    for argument, function in (("sample_real", sample_real), ("sample_fake", sample_fake)):
        check_callable(argument, function, "functools.partial(gaussian_ring, sigma=0.1)")
    check_callable("d_loss", d_loss, "gan_edu.losses.critic_loss")
    clips = [
        math.inf if c is None else check_number("clip_values", c, low=0, low_open=True)
        for c in clip_values
    ]
    seeds = [check_count("seeds", seed, least=0) for seed in seeds]
    if not clips or not seeds:
        raise ValueError(
            f"clip_values and seeds must hold at least one each, got {clip_values!r} and {seeds!r}"
        )
    batch_size, lr = (
        check_count("batch_size", batch_size),
        check_number("lr", lr, low=0, low_open=True),
    )

    members = list(itertools.product(clips, seeds))
    modules = [_seeded(make_critic, seed) for _, seed in members]
    weights, buffers = stack_module_state(modules)
    if buffers:
        raise ValueError(
            "make_critic must make a module without buffers such as those of batch normalisation"
        )
    bounds = {name: _column([c for c, _ in members], w.ndim) for name, w in weights.items()}
    rngs = [torch.Generator().manual_seed(seed) for seed in seeds]

    def draw(sample):  # members of the same seed see the same samples
        return torch.stack([sample(batch_size, generator=rng) for rng in rngs]).repeat(
            len(clips), 1, 1
        )

    optimizer = torch.optim.RMSprop(weights.values(), lr=lr)
    losses = np.empty((len(members), n_steps))
    for step in range(n_steps):
        x = torch.cat([draw(sample_real), draw(sample_fake)], dim=1)
        each = vmap(d_loss)(*_outputs(modules[0], weights, x).split(batch_size, dim=1))
        optimizer.zero_grad()
        each.sum().backward()  # the members share no weights: each gets the gradient of its own loss
        optimizer.step()
        if min(clips) < math.inf:
            with torch.no_grad():
                for key, w in weights.items():
                    w.copy_(w.clamp(-bounds[key], bounds[key]))
        losses[:, step] = each.detach().numpy()
    weights = {key: w.detach() for key, w in weights.items()}
    return BestResponses(
        modules[0],
        weights,
        np.array([s for _, s in members]),
        np.array([c for c, _ in members]),
        losses,
    )


def gradient_norms_by_layer(critic, x_real, x_fake):
    """Return the norm of the gradient of the critic's loss by the output of each nn.Linear, from the first to the last.

    critic: an nn.Sequential. x_real, x_fake: (n, d). A gradient that vanishes or explodes with depth changes by a
    constant factor from layer to layer. Gulrajani et al. (2017), figure 1b.
    """
    if not isinstance(critic, nn.Sequential):
        raise ValueError(f"critic must be an nn.Sequential, got {type(critic).__name__}")
    hidden, outputs = torch.cat([x_real, x_fake]).detach(), []
    for layer in critic:
        hidden = layer(hidden)
        if isinstance(layer, nn.Linear):
            hidden.requires_grad_()
            outputs.append(hidden)
    if not outputs:
        raise ValueError("critic must have at least one nn.Linear, got none")
    loss = hidden[len(x_real) :].mean() - hidden[: len(x_real)].mean()
    return np.array([gradient.norm().item() for gradient in torch.autograd.grad(loss, outputs)])


def _outputs(template, weights, x):
    """Return the outputs (K, n, 1) of the members with the stacked weights on x: (n, d), or (K, n, d)."""
    return vmap(
        lambda w, x: functional_call(template, w, (x,)), in_dims=(0, 0 if x.ndim == 3 else None)
    )(weights, x)


def _seeded(make, seed):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def _column(values, ndim):
    return torch.tensor(values, dtype=torch.float32).reshape(-1, *[1] * (ndim - 1))
