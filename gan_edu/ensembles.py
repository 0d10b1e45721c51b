"""Many runs at once: `train_ensemble` trains K GANs of one architecture, other seeds or other knobs, as one computation.

The weights of the K members are stacked into tensors with a leading dimension K, so that a layer of all members is one
batched matrix product instead of K small ones. Random numbers stay with each member: it sees what it would see alone.
"""

import dataclasses
import functools
import itertools
import math

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, stack_module_state, vmap
from torch.overrides import TorchFunctionMode

from gan_edu import runtime
from gan_edu._arguments import check_callable, check_count
from gan_edu.training import GAN, Hyperparameters

COLUMNS = ("d_loss", "g_loss", "penalty", "grad_norm_d", "grad_norm_g")  # those of training.History that vary by member
ELEMENTWISE = (  # layers that treat each number alone: what they do to (N, F) they do to (K, N, F)
    nn.ReLU, nn.LeakyReLU, nn.Tanh, nn.Sigmoid, nn.Softplus, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish,
    nn.Hardtanh, nn.Identity,
)  # fmt: skip


@dataclasses.dataclass
class Ensemble:
    """The outcome of K runs.

    seeds: (K,), and hparams: {name: (K,)}, what each member was given; clip_value is inf where there was no clipping.
    history: {column: (K, n_steps)} with the columns d_loss, g_loss, penalty, grad_norm_d and grad_norm_g of `GAN.history`.
    samples: (K, n_samples, d), made at the end from each member's own fixed latents.
    steps: (S,), and snapshots: (S, K, n_samples, d), the samples before the first step and after each `every` steps.
    diverged: {member: step}. From that row on the member's history is nan; it kept the weights from before that step.
    n_steps: how many steps were done.
    """

    seeds: np.ndarray
    hparams: dict
    history: dict
    samples: np.ndarray
    steps: np.ndarray
    snapshots: np.ndarray
    diverged: dict
    n_steps: int

    def __len__(self):
        return len(self.seeds)


def train_ensemble(make_gan, seeds=range(64), n_steps=1000, every=None, n_samples=1000, **hparam_lists):
    """Train one GAN per seed and per combination of the hparam_lists, all at once; return an `Ensemble`.

    make_gan(seed=...): returns a GAN; all must have the same architecture, losses, optimiser and batch size.
    hparam_lists: values of lr_d, lr_g, lambda_gp, clip_value, for example lambda_gp=[0.1, 1, 10]; every combination is
    trained with every seed, the seed changing fastest. A knob without a list keeps the value that make_gan gave it.
    every, n_samples: keep a snapshot of so many samples of each member before the first and after each `every` steps.

    Member k follows the run of make_gan(seed=seeds[k]) alone, first to rounding, later in distribution, because rounding
    errors grow in a game. An interruption returns what is done so far.
    """
    n_steps, n_samples = check_count("n_steps", n_steps), check_count("n_samples", n_samples)
    every = None if every is None else check_count("every", every)
    gans = _make_members(make_gan, seeds, hparam_lists)
    members = _Members(gans)
    history = {column: np.full((len(gans), n_steps), np.nan) for column in COLUMNS}
    diverged, done, steps, snapshots = {}, 0, [], []
    latents = torch.stack([gan.fixed_z(n_samples) for gan in gans])
    with runtime.num_threads(members.num_threads):
        try:
            for step in runtime.progress(range(n_steps), f"training {len(gans)} runs"):
                if every is not None and step == 0:
                    steps, snapshots = [0], [members.generate(latents)]
                members.save_state(step)
                row = members.step(step)
                sound = np.isfinite(row["d_loss"] + row["g_loss"] + row["grad_norm_d"] + row["grad_norm_g"])
                diverged |= {k: step for k in np.flatnonzero(~sound).tolist() if k not in diverged}
                if diverged:
                    members.restore_state(list(diverged))
                for column, values in row.items():
                    history[column][:, step] = np.where(members.alive, values, np.nan)
                done = step + 1
                if every is not None and done % every == 0:
                    snapshots.append(members.generate(latents))
                    steps.append(done)
        except KeyboardInterrupt:
            if members.saved_step == done:  # in the midst of a step: it did not happen
                members.restore_state()
            print(f"\nStopped by you after step {done} of {n_steps}: these are the runs up to there.")
        samples = members.generate(latents)
    return Ensemble(
        seeds=np.array([gan.seed for gan in gans]),
        hparams=_hparams(gans),
        history={column: values[:, :done] for column, values in history.items()},
        samples=samples,
        steps=np.array(steps, dtype=int),
        snapshots=np.array(snapshots).reshape(len(steps), *samples.shape),
        diverged=diverged,
        n_steps=done,
    )


class _Members:
    """K GANs whose weights are stacked, and one optimiser per player for all of them."""

    def __init__(self, gans):
        self.gan = gan = gans[0]  # the one that stands for all: architecture, losses, batch size
        self.gans = gans
        self.generator, self._g_parameters = _stack([g.generator for g in gans])
        self.discriminator, self._d_parameters = _stack([g.discriminator for g in gans])
        self._d_optimizer = gan._make_optimizer(self._d_parameters, lr=gan.hparams.lr_d)
        self._g_optimizer = gan._make_optimizer(self._g_parameters, lr=gan.hparams.lr_g)
        self._lr_d, self._lr_g, self._lambda, self._clip = (
            torch.tensor(values, dtype=torch.float32, device=gan.device)
            for name, values in _hparams(gans).items()
            if name != "n_critic"
        )
        self._state = [p.detach() for p in self._g_parameters + self._d_parameters]  # they share memory
        self._backup = [p.clone() for p in self._state]
        self.saved_step = -1
        self.alive = np.ones(len(gans), dtype=bool)
        self._d_losses, self._g_losses = vmap(gan.d_loss), vmap(gan.g_loss)
        n_parameters = sum(p.numel() for p in self._state)
        self.num_threads = runtime.suitable_threads(n_parameters)

    def step(self, step):
        """Train all members one step; return {column: (K,)}."""
        factor = self.gan.lr_schedule(step)
        for _ in range(self.gan.hparams.n_critic):
            row = self._update_discriminators(self._lr_d * factor)
        return row | self._update_generators(self._lr_g * factor)

    def _update_discriminators(self, lr):
        x_real, z = self._draw("sample_real"), self._draw("sample_latent")
        with torch.no_grad():
            x_fake = self.generator(z)
        losses = objectives = self._d_losses(self.discriminator(x_real), self.discriminator(x_fake))
        row = {}
        if self.gan.penalty is not None:
            penalties = self._penalties(x_real, x_fake)
            objectives = losses + self._lambda * penalties
            row["penalty"] = penalties.detach().cpu().numpy()
        row["grad_norm_d"] = _descend(objectives, self._d_parameters, self._d_optimizer, lr)
        if self._clip.isfinite().any():
            for p in self._d_parameters:
                limit = self._clip.reshape(-1, *[1] * (p.ndim - 1))
                p.data.clamp_(-limit, limit)
        return row | {"d_loss": losses.detach().cpu().numpy()}

    def _update_generators(self, lr):
        losses = self._g_losses(self.discriminator(self.generator(self._draw("sample_latent"))))
        norms = _descend(losses, self._g_parameters, self._g_optimizer, lr)
        return {"g_loss": losses.detach().cpu().numpy(), "grad_norm_g": norms}

    def _penalties(self, x_real, x_fake):
        def of_one(member, x_real, x_fake):
            critic = functools.partial(_ForAll.apply, lambda _, x: self.discriminator(x), member)
            with _ForAllMode(member, [gan.rng for gan in self.gans]):
                return self.gan.penalty(critic, x_real, x_fake, generator=PLACEHOLDER)

        return vmap(of_one)(torch.arange(len(self.gans)), x_real, x_fake)

    def _draw(self, sampler):
        draws = [getattr(gan, sampler)(gan.batch_size, generator=gan.rng) for gan in self.gans]
        return torch.stack(draws).to(self.gan.device)

    @torch.no_grad()
    def generate(self, z):
        """Return what each member's generator makes of its latents z (K, n, latent_dim), as an array."""
        return self.generator(z.to(self.gan.device)).cpu().numpy()

    def save_state(self, step):
        """Keep the weights as they are before this step."""
        torch._foreach_copy_(self._backup, self._state)
        self.saved_step = step

    def restore_state(self, members=None):
        """Put the weights of these members (all) back to what was saved; from then on they are no longer alive."""
        if members is None:
            torch._foreach_copy_(self._state, self._backup)
            return
        self.alive[members] = False
        for now, before in zip(self._state, self._backup):
            now[members] = before[members]


def _descend(objectives, parameters, optimizer, lr):
    """Move each member's parameters one step down its objective; return the 2-norms of the gradients, (K,).

    lr: (K,), one learning rate for each member.
    """
    # The members share no weights: the gradient of the sum holds each member's own gradient.
    gradients = torch.autograd.grad(objectives.sum(), parameters, allow_unused=True, materialize_grads=True)
    for parameter, gradient in zip(parameters, gradients):
        parameter.grad = gradient.contiguous()  # a fused optimiser reads memory in order, whatever the strides
    largest = lr.max()
    for group in optimizer.param_groups:
        group["lr"] = largest.item()
    if (lr == largest).all():
        optimizer.step()
    else:  # an optimiser has one learning rate: step with the largest, then shorten each member's step
        before = [p.detach().clone() for p in parameters]
        optimizer.step()
        for p, old in zip(parameters, before):
            p.data.copy_(torch.lerp(old, p.data, (lr / largest).reshape(-1, *[1] * (p.ndim - 1))))
    return torch.stack([g.flatten(1).norm(dim=1) for g in gradients]).norm(dim=0).cpu().numpy()


# ---- networks of all members as one


def _stack(modules):
    """Return (function of a batch per member (K, N, ...), its stacked parameters) for K modules alike."""
    parameters, _ = stack_module_state(modules)
    return _stacked(modules[0], parameters), list(parameters.values())


def _stacked(module, parameters):
    """Return the function (K, N, ...) -> (K, N, ...) of `module` with the stacked `parameters`, {name: (K, ...)}."""
    if isinstance(module, nn.Sequential):
        layers = []
        for name, layer in module.named_children():
            own = {n.removeprefix(f"{name}."): p for n, p in parameters.items() if n.startswith(f"{name}.")}
            layers.append(_stacked(layer, own))
        return lambda x: functools.reduce(lambda x, layer: layer(x), layers, x)
    if type(module) is nn.Linear and "bias" in parameters:
        return lambda x: torch.baddbmm(parameters["bias"][:, None], x, parameters["weight"].mT)
    if type(module) in ELEMENTWISE:
        return module
    return functools.partial(vmap(lambda p, x: functional_call(module, p, (x,))), parameters)


# ---- penalties, written for one member, applied to all


class _ForAll(torch.autograd.Function):
    """apply(function, member, x) inside `vmap` over members: calls function(members, x) once, on all members' x (K, ...)."""

    @staticmethod
    def vmap(info, in_dims, function, *tensors):
        tensors = [
            t.expand(info.batch_size, *t.shape) if dim is None else t if dim == 0 else t.movedim(dim, 0)
            for t, dim in zip(tensors, in_dims[1:])
        ]
        return function(*tensors), 0

    @staticmethod
    def forward(function, *tensors):
        raise NotImplementedError("only for use inside vmap")

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass


PLACEHOLDER = torch.Generator()  # what a penalty is given as `generator`: each member draws from its own instead


class _ForAllMode(TorchFunctionMode):
    """Lets the usual code of a penalty run inside `vmap`, which has no `requires_grad_`, `autograd.grad` or generators."""

    def __init__(self, member, generators):
        super().__init__()
        self.member, self.generators = member, generators

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if kwargs.get("generator") is PLACEHOLDER:

            def draw(_):
                return torch.stack([function(*args, **kwargs | {"generator": g}) for g in self.generators])

            return _ForAll.apply(draw, self.member)
        if function is torch.Tensor.requires_grad_:
            _ForAll.apply(lambda _, x: x.requires_grad_().sum(0), self.member, args[0])
            return args[0]
        if function is torch.autograd.grad:
            return self._grad(*args, **kwargs)
        return function(*args, **kwargs)

    def _grad(self, outputs, inputs, grad_outputs=None, retain_graph=None, create_graph=False, **kwargs):
        outputs, inputs = (t[0] if isinstance(t, (tuple, list)) else t for t in (outputs, inputs))

        def gradient(_, outputs, inputs):
            weights = torch.ones_like(outputs)
            return torch.autograd.grad(outputs, inputs, weights, retain_graph, create_graph)[0]

        return (_ForAll.apply(gradient, self.member, outputs, inputs),)


# ---- arguments


def _make_members(make_gan, seeds, hparam_lists):
    check_callable("make_gan", make_gan, "lambda seed: GAN(..., seed=seed)")
    seeds = [check_count("seeds", seed, least=0) for seed in seeds]
    if not seeds:
        raise ValueError("seeds must hold at least one seed, got none")
    known = [field.name for field in dataclasses.fields(Hyperparameters)]
    for name in hparam_lists:
        if name not in known:
            raise ValueError(f"hparam_lists must be among {', '.join(known)}, got {name!r}")
    lists = [
        values if isinstance(values, (list, tuple, np.ndarray, range)) else [values] for values in hparam_lists.values()
    ]
    gans = []
    for *values, seed in itertools.product(*lists, seeds):
        gan = make_gan(seed=seed)
        if not isinstance(gan, GAN):
            raise ValueError(f"make_gan must return a GAN, got {gan!r}")
        for name, value in zip(hparam_lists, values):
            gan.set(name, value)
        gans.append(gan)
    _check_knobs(gans[0], hparam_lists, lists)
    for gan in gans[1:]:
        _check_alike(gans[0], gan)
    return gans


def _check_knobs(gan, hparam_lists, lists):
    for name, values in zip(hparam_lists, lists):
        if not len(values):
            raise ValueError(f"{name} must hold at least one value, got none")
        if name == "n_critic" and len(set(values)) > 1:
            raise ValueError(f"n_critic must be the same for all members, which move together, got {list(values)}")
    if "lambda_gp" in hparam_lists and gan.penalty is None:
        raise ValueError(
            "lambda_gp weighs a penalty, and the GANs of make_gan have none: give them penalty=gradient_penalty"
        )
    for player in ("generator", "discriminator"):
        for layer in getattr(gan, player).modules():
            random = isinstance(layer, nn.modules.dropout._DropoutNd)
            if random or list(layer.buffers(recurse=False)):
                raise ValueError(
                    f"make_gan must give a {player} without dropout, batch normalisation and other buffers, "
                    f"got the layer {layer}: train such GANs one by one"
                )


def _check_alike(first, gan):
    """Raise ValueError, naming the difference, unless the two can be trained as one computation."""
    pairs = [
        ("batch_size", first.batch_size, gan.batch_size),
        ("n_critic", first.hparams.n_critic, gan.hparams.n_critic),
    ]
    for player in ("generator", "discriminator"):
        modules = getattr(first, player), getattr(gan, player)
        pairs += [(player, *(f"{m} with weights {[tuple(p.shape) for p in m.parameters()]}" for m in modules))]
    for name, one, other in pairs:
        if one != other:
            raise ValueError(
                f"make_gan must give every seed the same {name}, got {one} for seed {first.seed}, {other} for seed {gan.seed}"
            )
    for name in ("d_loss", "g_loss", "penalty", "_make_optimizer", "lr_schedule"):
        one, other = getattr(first, name), getattr(gan, name)
        if not _same_function(one, other):
            raise ValueError(
                f"make_gan must give every seed the same {name.strip('_')}, got {one} for seed {first.seed}, {other} for seed {gan.seed}"
            )


def _same_function(one, other):
    """Whether two functions do the same as far as can be seen: make_gan may build each anew, by lambda or partial."""
    if one is other:
        return True
    if isinstance(one, functools.partial) and isinstance(other, functools.partial):
        return _same_function(one.func, other.func) and (one.args, one.keywords) == (other.args, other.keywords)
    if getattr(one, "__code__", None) is None or one.__code__ is not getattr(other, "__code__", None):
        return False
    contents = [[cell.cell_contents for cell in f.__closure__ or ()] + list(f.__defaults__ or ()) for f in (one, other)]
    return all(
        a is b or _same_function(a, b) or (isinstance(a, (int, float, str)) and a == b) for a, b in zip(*contents)
    )


def _hparams(gans):
    """Return {name: (K,)}, in the order of Hyperparameters; no clipping becomes inf."""
    names = [field.name for field in dataclasses.fields(Hyperparameters)]
    table = {name: [getattr(gan.hparams, name) for gan in gans] for name in names}
    return {name: np.array([math.inf if v is None else v for v in values]) for name, values in table.items()}
