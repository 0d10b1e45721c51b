"""Many members trained at once by the step of one: networks stacked, torch acting member by member.

Networks of one name become one with stacked weights, and a batch has K n rows: rows k n to (k + 1) n belong to member k.
"""

import collections
import copy

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call, stack_module_state
from torch.overrides import TorchFunctionMode

from gan_edu import players
from gan_edu.log import progress
from gan_edu.players import Players
from gan_edu.run import Knobs

LOSSES = {F.binary_cross_entropy_with_logits, F.binary_cross_entropy, F.mse_loss, F.l1_loss}
BY_ROW = {nn.Linear, nn.ReLU, nn.LeakyReLU, nn.Tanh, nn.Sigmoid, nn.Softplus}


class NotTogether(Exception):
    """Why the members cannot be trained at once."""


def together(build, step, ends, n_seeds, n_steps):
    """Return (stacked players, log, alive); `ends` are the first and the last run after three steps."""
    values = {name: value for name, value in vars(ends[0].knobs).items() if name != "n"}
    if "batch_size" not in values:
        raise NotTogether("there is no knob batch_size")
    rows, log, alive = n_seeds * values["batch_size"], {}, np.ones(n_seeds, bool)
    knobs = Knobs(values | {"batch_size": rows})
    made = [players.built(build, seed) for seed in range(n_seeds)]
    gan = stacked([gan for gan, _ in made])
    mode = Members([torch.Generator().set_state(state[0]) for _, state in made], rows)
    # Several threads gain a fifth, and stall a hundredfold beside another program.
    with players.apart(threads=1), progress(total=n_steps) as bar:
        for n in range(n_steps):
            vars(knobs)["n"] = n
            with mode:
                row = step(gan, knobs)
            row = {name: by_member(name, value, n_seeds) for name, value in row.items()}
            alive &= np.isfinite(list(row.values())).all(0)
            for name, values in row.items():
                column = log.setdefault(name, np.full((n_seeds, n_steps), np.nan))
                column[alive, n] = values[alive]
            if n + 1 == min(3, n_steps):
                compare(gan, log, ends, (made[0][0], made[-1][0]))
            bar.update()
    return gan, log, alive


def stacked(gans):
    """Return the players of all members as one: networks and optimisers stacked."""
    gan, owner = Players(), {}
    for name, part in vars(gans[0]).items():
        if isinstance(part, nn.Module):
            net = Stacked([getattr(one, name) for one in gans])
            owner.update(zip(part.parameters(), net.weights))
            setattr(gan, name, net)
    for name, part in vars(gans[0]).items():
        if isinstance(part, torch.optim.Optimizer) and not part.state:
            opt = copy.copy(part)
            groups = [(group, [owner[p] for p in group["params"]]) for group in part.param_groups]
            opt.param_groups = [group | {"params": params} for group, params in groups]
            opt.state = collections.defaultdict(dict)
            setattr(gan, name, opt)
        elif part is None or callable(part) or isinstance(part, (int, float, str)):
            setattr(gan, name, getattr(gan, name, part))
        else:
            raise NotTogether(f"gan.{name} ({type(part).__name__}) cannot be stacked")
    return gan


class Stacked(nn.Module):
    """K networks of one shape as one: rows k n to (k + 1) n of a batch pass through network k."""

    def __init__(self, networks):
        super().__init__()
        weights, buffers = stack_module_state(networks)
        if buffers or not all(p.requires_grad for p in networks[0].parameters()):
            raise NotTogether("a network has running statistics or frozen weights")
        self.names, self.k = list(weights), len(networks)
        self.weights = nn.ParameterList(weights.values())
        self.network = [networks[0]]  # in a list: its own weights are not those of this module
        parts = networks[0] if type(networks[0]) is nn.Sequential else [None]
        kinds = (getattr(part, "bias", 0) is not None and type(part) for part in parts)
        self.by_row = all(kind in BY_ROW for kind in kinds)

    def forward(self, x):
        x = x.unflatten(0, (self.k, -1))
        if self.by_row:
            weights, before = iter(self.weights), None
            for layer in self.network[0]:  # a third less time than vmap
                if isinstance(layer, nn.Linear):
                    weight, bias = next(weights), next(weights)
                    x = torch.baddbmm(bias[:, None], x, weight.mT)
                elif isinstance(layer, nn.ReLU) and isinstance(before, nn.Linear):
                    x = torch.relu_(x)  # in place a tenth less for the whole step: memory is slow
                else:
                    x = layer(x)
                before = layer
            return x.flatten(0, 1)

        def one(weights, x):
            return functional_call(self.network[0], weights, (x,))

        return torch.vmap(one)(dict(zip(self.names, self.weights)), x).flatten(0, 1)


class Members(TorchFunctionMode):
    """Let torch draw, sort, take means and go backward member by member; `rows` is K n."""

    def __init__(self, generators, rows):
        super().__init__()
        self.generators, self.k, self.rows = generators, len(generators), rows

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function in (torch.randn_like, torch.rand_like):
            draw = torch.randn if function is torch.randn_like else torch.rand
            return self.draw(draw, [], args[0].shape, kwargs)
        if function in (torch.randn, torch.rand):
            size = args[0] if isinstance(args[0], (tuple, list)) else args
            return self.draw(function, [], size, kwargs)
        if function is torch.randint:
            return self.draw(function, args[:-1], args[-1], kwargs)
        if function is torch.linspace and args[2] == self.rows:
            return function(*args[:2], self.rows // self.k, **kwargs).repeat(self.k)
        if function in (torch.sort, torch.Tensor.sort) and self.is_batch(args[0]):
            values, order = function(args[0].unflatten(0, (self.k, -1)), 1)
            first = torch.arange(0, self.rows, self.rows // self.k)
            order = order + first.reshape(-1, *[1] * (order.dim() - 1))
            return torch.return_types.sort((values.flatten(0, 1), order.flatten(0, 1)))
        if function in (torch.mean, torch.Tensor.mean) and len(args) == 1 and not kwargs:
            return self.means(args[0]) if self.is_batch(args[0]) else function(*args)
        if function in LOSSES:
            return self.means(function(*args, **kwargs | {"reduction": "none"}))
        if function is torch.Tensor.backward and args[0].dim():
            return function(args[0].sum(), *args[1:], **kwargs)
        return function(*args, **kwargs)

    def is_batch(self, x):
        return x.dim() > 0 and len(x) == self.rows

    def means(self, x):
        return x.unflatten(0, (self.k, -1)).flatten(1).mean(1)

    def draw(self, function, limits, size, kwargs):
        n, *rest = size
        if n % self.k or kwargs.pop("generator", None):
            raise NotTogether(f"they draw {n} random rows, or with a generator of their own")
        size = n // self.k, *rest
        return torch.cat([function(*limits, size, generator=g, **kwargs) for g in self.generators])


def by_member(name, value, k):
    """Return a logged value as float64 (K,)."""
    value = value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else float(value)
    if np.shape(value) not in ((), (k,)):
        raise NotTogether(f"{name!r} has shape {np.shape(value)}, not one number a member")
    return np.broadcast_to(np.asarray(value, float), k)


def compare(gan, log, ends, begun):
    """NotTogether, with what differs, unless the first and the last member are what they are alone."""
    for k, run, before in zip((0, -1), ends, begun):
        for name, alone in run.log.items():
            mine = log.get(name, np.full((1, run.n), np.nan))[k, : run.n]
            if not np.allclose(mine, alone, rtol=1e-4, atol=1e-6):
                raise NotTogether(f"{name!r} of seed {run.seed} is not what it is alone")
        for name, net in vars(gan).items():
            if isinstance(net, Stacked):
                pair = (getattr(one, name).parameters() for one in (run.gan, before))
                three = [p[k] for p in net.weights], *pair
                mine, alone, begin = map(nn.utils.parameters_to_vector, three)
                if (mine - alone).norm() > 3e-4 * (alone - begin).norm():
                    raise NotTogether(f"the weights of {name} move otherwise than alone")
