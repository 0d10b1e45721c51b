"""Many runs at once: `train_ensemble` trains K GANs of one architecture, other seeds or other knobs, as one computation.

The weights of the K members are stacked into tensors with a leading dimension K, so that a layer of all members is one
batched matrix product instead of K small ones. Random numbers stay with each member: it sees what it would see alone.
"""

import collections
import concurrent.futures
import dataclasses
import functools
import itertools
import math
import time
import warnings
from collections.abc import Iterable

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, stack_module_state, vmap
from torch.overrides import TorchFunctionMode

from gan_edu._arguments import check_callable, check_count
from gan_edu.first_edition import runtime
from gan_edu.first_edition.training import GAN, Hyperparameters

COLUMNS = (
    "d_loss",
    "g_loss",
    "penalty",
    "grad_norm_d",
    "grad_norm_g",
)  # those of training.History that vary by member
ELEMENTWISE = (  # layers that treat each number alone: what they do to (N, F) they do to (K, N, F)
    nn.ReLU, nn.LeakyReLU, nn.Tanh, nn.Sigmoid, nn.Softplus, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish,
    nn.Hardtanh, nn.Identity,
)  # fmt: skip
BLOCK_SECONDS = 0.1  # members train in blocks of about this length: the bar moves and an interruption waits no longer
GROUP_WORK = 5e7  # parameters x batch x members from which a second core pays


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


def train_ensemble(
    make_gan, seeds=range(64), n_steps=1000, every=None, n_samples=1000, **hparam_lists
):
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
    blocks, steps, snapshots = [np.empty((len(COLUMNS), len(gans), 0))], [], []
    trained = 0  # steps so far, for the loop

    def done():
        return sum(block.shape[2] for block in blocks)

    with _Trainer(gans) as trainer:
        latents = torch.stack([gan.fixed_z(n_samples) for gan in gans])
        try:
            if every is not None:
                steps, snapshots = [0], [trainer.generate(latents)]
            for step in runtime.progress(range(n_steps), f"training {len(gans)} runs"):
                if trainer.interrupted:
                    raise KeyboardInterrupt
                if step < trained:
                    continue  # the bar catches up with the block
                next_look = n_steps if every is None else step - step % every + every
                blocks.append(
                    trainer.run(range(step, min(n_steps, next_look, step + trainer.block_length)))
                )
                trained += blocks[-1].shape[2]
                if every is not None and trained % every == 0:
                    steps, snapshots = [*steps, trained], [*snapshots, trainer.generate(latents)]
        except KeyboardInterrupt:
            print(
                f"\nStopped by you after step {done()} of {n_steps}: these are the runs up to there."
            )
        samples = trainer.generate(latents)
        if steps and done() % every == 0 and done() != steps[-1]:  # stopped before this look
            steps, snapshots = [*steps, done()], [*snapshots, trainer.generate(latents)]
    return Ensemble(
        seeds=np.array([gan.seed for gan in gans]),
        hparams=_hparams(gans),
        history=dict(zip(COLUMNS, np.concatenate(blocks, axis=2))),
        samples=samples,
        steps=np.array(steps, dtype=int),
        snapshots=np.array(snapshots).reshape(len(steps), *samples.shape),
        diverged=trainer.diverged,
        n_steps=done(),
    )


class _Trainer:
    """Divides the members into groups, one for each core that pays, and trains each group in a thread of its own.

    Threads of torch itself would split every single operation, and wait for each other at each one's end.
    """

    def __init__(self, gans):
        self.groups = [
            _Members(part) for part in _parts(gans, min(_suitable_groups(gans), len(gans)))
        ]
        self._first = np.cumsum([0] + [len(group.gans) for group in self.groups])
        self._pool = concurrent.futures.ThreadPoolExecutor(len(self.groups))
        self.block_length = 1  # steps in about BLOCK_SECONDS
        self.interrupted = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._pool.shutdown()

    def run(self, block):
        """Train all members through the range of steps; return the rows of the history, (column, member, step)."""
        begun = time.perf_counter()
        rows = self._each(_Members.run, [block] * len(self.groups))
        pace = (time.perf_counter() - begun) / len(block)
        self.block_length = max(1, int(BLOCK_SECONDS / pace))
        return np.concatenate(rows, axis=1)

    def generate(self, latents):
        """Return the samples that the members make of their latents (K, n, latent_dim)."""
        return np.concatenate(
            self._each(_Members.generate, latents.split(np.diff(self._first).tolist()))
        )

    @property
    def diverged(self):
        """{member: step} of all members."""
        return {
            k + int(first): step
            for group, first in zip(self.groups, self._first)
            for k, step in group.diverged.items()
        }

    def _each(self, method, arguments):
        def on_one_thread(group, argument):
            with runtime.num_threads(1):
                return method(group, argument)

        futures = [self._pool.submit(on_one_thread, *pair) for pair in zip(self.groups, arguments)]
        try:
            concurrent.futures.wait(futures)
        except (
            KeyboardInterrupt
        ):  # let the groups come to the end of the block: then all have made the same steps
            self.interrupted = True
        return [future.result() for future in futures]


def _suitable_groups(gans):
    """Return into how many groups, each with a core of its own, the members should be divided."""
    n_parameters = sum(
        p.numel() for p in [*gans[0].generator.parameters(), *gans[0].discriminator.parameters()]
    )
    return (
        torch.get_num_threads() if n_parameters * gans[0].batch_size * len(gans) > GROUP_WORK else 1
    )


def _parts(items, n):
    """Return the list in n parts of nearly equal length."""
    ends = [len(items) * k // n for k in range(n + 1)]
    return [items[start:end] for start, end in itertools.pairwise(ends)]


class _Members:
    """GANs whose weights are stacked, and one optimiser per player for all of them."""

    def __init__(self, gans):
        self.gan = gan = gans[0]  # the one that stands for all: architecture, losses, batch size
        self.gans = gans
        self.generator, self._g_parameters = _stack([g.generator for g in gans])
        self.discriminator, self._d_parameters = _stack([g.discriminator for g in gans])
        self._d_optimizer = gan._make_optimizer(self._d_parameters, lr=gan.hparams.lr_d)
        self._g_optimizer = gan._make_optimizer(self._g_parameters, lr=gan.hparams.lr_g)
        knobs = _hparams(gans)
        self._lr_d, self._lr_g = knobs["lr_d"], knobs["lr_g"]
        self._lambda = torch.tensor(knobs["lambda_gp"], dtype=torch.float32, device=gan.device)
        self._clip = torch.tensor(knobs["clip_value"], dtype=torch.float32, device=gan.device)
        self._clips = bool(self._clip.isfinite().any())
        self._state = [
            p.detach() for p in self._g_parameters + self._d_parameters
        ]  # they share memory
        self._backup = [p.clone() for p in self._state]
        self.diverged = {}
        self._d_losses, self._g_losses = _for_each(gan.d_loss), _for_each(gan.g_loss)
        self._check_players()
        self._penalties = self._choose_penalties()
        at_once = (
            self._penalties != self._penalties_one_by_one
        )  # else the penalty draws when it is called
        self._draws = (at_once and _draws_at_once(gans)) or _DrawsOneByOne(gans)

    def run(self, steps):
        """Train all members through the range `steps`; return the rows of the history, (column, member, step)."""
        rows = np.full((len(COLUMNS), len(self.gans), len(steps)), np.nan)
        self._draws.prepare(len(steps))
        for i, step in enumerate(steps):
            torch._foreach_copy_(self._backup, self._state)
            row = self._step(step)
            sound = np.isfinite(
                row["d_loss"] + row["g_loss"] + row["grad_norm_d"] + row["grad_norm_g"]
            )
            self.diverged |= {
                int(k): step for k in np.flatnonzero(~sound) if k not in self.diverged
            }
            if self.diverged:  # those stay as they were before the step that failed
                failed = list(self.diverged)
                for now, before in zip(self._state, self._backup):
                    now[failed] = before[failed]
            for column, values in row.items():
                rows[COLUMNS.index(column), :, i] = values
            rows[:, list(self.diverged), i] = np.nan
        return rows

    @torch.no_grad()
    def generate(self, z):
        """Return what each member's generator makes of its latents z (K, n, latent_dim), as an array."""
        return self.generator(z.to(self.gan.device)).cpu().numpy()

    def _step(self, step):
        """Train all members one step; return {column: (K,)}."""
        factor = self.gan.lr_schedule(step)
        for _ in range(self.gan.hparams.n_critic):
            row = self._update_discriminators(self._lr_d * factor)
        return row | self._update_generators(self._lr_g * factor)

    def _update_discriminators(self, lr):
        x_real, z = self._draws.sample("sample_real"), self._draws.sample("sample_latent")
        with torch.no_grad():
            x_fake = self.generator(z)
        losses = objectives = self._d_losses(*self._judge(x_real, x_fake))
        row = {}
        if self.gan.penalty is not None:
            penalties = self._penalties(x_real, x_fake)
            objectives = losses + self._lambda * penalties
            row["penalty"] = penalties.detach().cpu().numpy()
        row["grad_norm_d"] = _descend(objectives, self._d_parameters, self._d_optimizer, lr)
        if self._clips:
            for p in self._d_parameters:
                limit = self._clip.reshape(-1, *[1] * (p.ndim - 1))
                p.data.clamp_(-limit, limit)
        return row | {"d_loss": losses.detach().cpu().numpy()}

    def _judge(self, x_real, x_fake):
        if self.gan._in_one_pass and x_real.shape[2:] == x_fake.shape[2:]:
            return self.discriminator(torch.cat([x_real, x_fake], dim=1)).split(
                [x_real.shape[1], x_fake.shape[1]], dim=1
            )
        return self.discriminator(x_real), self.discriminator(x_fake)

    def _update_generators(self, lr):
        losses = self._g_losses(
            self.discriminator(self.generator(self._draws.sample("sample_latent")))
        )
        norms = _descend(losses, self._g_parameters, self._g_optimizer, lr)
        return {"g_loss": losses.detach().cpu().numpy(), "grad_norm_g": norms}

    def _penalties_at_once(self, x_real, x_fake):
        def of_one(member, x_real, x_fake, *draws):
            critic = functools.partial(_ForAll.apply, lambda _, x: self.discriminator(x), member)
            with _Autograd(member), _Drawing(iter(draws)):
                return self.gan.penalty(critic, x_real, x_fake, generator=PLACEHOLDER)

        members, draws = torch.arange(len(self.gans)), self._draws.of_penalty(x_real, x_fake)
        return vmap(of_one, randomness="different")(members, x_real, x_fake, *draws)

    def _penalties_one_by_one(self, x_real, x_fake):
        names = [name for name, _ in self.gan.discriminator.named_parameters()]
        penalties = []
        for gan, real, fake, *weights in zip(self.gans, x_real, x_fake, *self._d_parameters):
            called = _Called(gan.discriminator, gan.penalty)
            weights = {f"discriminator.{name}": weight for name, weight in zip(names, weights)}
            penalties.append(functional_call(called, weights, (real, fake), {"generator": gan.rng}))
        return torch.stack(penalties)

    # ---- what can be computed at once is compared with what the members compute alone, before the first step

    def _check_players(self):
        """Raise ValueError unless the stacked networks give what the members' own give."""
        x = [gan.fixed_z(gan.batch_size).to(gan.device) for gan in self.gans]
        for player, stacked in (
            ("generator", self.generator),
            ("discriminator", self.discriminator),
        ):
            try:
                alone = [getattr(gan, player)(each).detach() for gan, each in zip(self.gans, x)]
                at_once = stacked(torch.stack(x)).detach()
                torch.testing.assert_close(
                    at_once, torch.stack(alone), rtol=1e-3, atol=1e-4, equal_nan=True
                )
            except Exception as fault:
                raise ValueError(
                    f"make_gan must give a {player} whose copies can be computed at once (made of layers such as "
                    f"nn.Linear, nothing that depends on values), got {getattr(self.gan, player)}: {fault}"
                ) from fault
            x = alone  # what the generator made is what the discriminator judges

    def _choose_penalties(self):
        """Return the faster way to the penalties if it gives what the penalty of each member alone gives."""
        if self.gan.penalty is None:
            return None
        self._draws = _DrawsOneByOne(self.gans)
        states = [gan.rng.get_state() for gan in self.gans]
        outcomes = []
        try:
            for penalties in (self._penalties_at_once, self._penalties_one_by_one):
                x_real = self._draws.sample("sample_real")
                x_fake = self.generator(self._draws.sample("sample_latent")).detach()
                outcomes.append(
                    (
                        penalties(x_real, x_fake).detach(),
                        torch.stack([gan.rng.get_state() for gan in self.gans]),
                    )
                )
                for gan, state in zip(self.gans, states):
                    gan.rng.set_state(state)
            torch.testing.assert_close(*outcomes, rtol=1e-3, atol=1e-4)
        except Exception as fault:
            first_line = str(fault).strip().partition("\n")[0]
            warnings.warn(
                f"the penalty is computed for one member after the other, which is slow: {first_line}",
                stacklevel=2,
            )
            return self._penalties_one_by_one
        finally:
            for gan, state in zip(self.gans, states):
                gan.rng.set_state(state)
        return self._penalties_at_once


class _Called(nn.Module):
    """A penalty as a module, so that `functional_call` can lend its discriminator other weights."""

    def __init__(self, discriminator, penalty):
        super().__init__()
        self.discriminator, self.penalty = discriminator, penalty

    def forward(self, x_real, x_fake, generator):
        return self.penalty(self.discriminator, x_real, x_fake, generator=generator)


def _descend(objectives, parameters, optimizer, lr):
    """Move each member's parameters one step down its objective; return the 2-norms of the gradients, (K,).

    lr: (K,), one learning rate for each member.
    """
    # The members share no weights: the gradient of the sum holds each member's own gradient.
    gradients = torch.autograd.grad(
        objectives.sum(), parameters, allow_unused=True, materialize_grads=True
    )
    for parameter, gradient in zip(parameters, gradients):
        parameter.grad = (
            gradient.contiguous()
        )  # a fused optimiser reads memory in order, whatever the strides
    largest = float(lr.max())
    for group in optimizer.param_groups:
        group["lr"] = largest
    if lr.min() == largest:
        optimizer.step()
    else:  # an optimiser has one learning rate: step with the largest, then shorten each member's step
        before = [p.detach().clone() for p in parameters]
        optimizer.step()
        share = torch.tensor(lr / largest, dtype=torch.float32, device=before[0].device)
        for p, old in zip(parameters, before):
            p.data.copy_(torch.lerp(old, p.data, share.reshape(-1, *[1] * (p.ndim - 1))))
    return (
        torch.linalg.vector_norm(
            torch.cat([g.reshape(len(g), -1) for g in gradients], dim=1), dim=1
        )
        .cpu()
        .numpy()
    )


# ---- functions written for one member, applied to all


def _stack(modules):
    """Return (function of a batch per member (K, N, ...), its stacked parameters) for K modules alike."""
    parameters, _ = stack_module_state(modules)
    return _stacked(modules[0], parameters), list(parameters.values())


def _stacked(module, parameters):
    """Return the function (K, N, ...) -> (K, N, ...) of `module` with the stacked `parameters`, {name: (K, ...)}."""
    if type(module) is nn.Sequential:
        layers = []
        for (
            name,
            layer,
        ) in (
            module._modules.items()
        ):  # named_children would leave out a layer that stands there twice
            own = {
                n.removeprefix(f"{name}."): p
                for n, p in parameters.items()
                if n.startswith(f"{name}.")
            }
            layers.append(_stacked(layer, own))
        return lambda x: functools.reduce(lambda x, layer: layer(x), layers, x)
    if type(module) is nn.Linear and "bias" in parameters:
        weight, bias = parameters["weight"], parameters["bias"]
        # W xᵀ rather than x Wᵀ: the samples lie side by side in memory, which for narrow layers is three times as fast.
        return lambda x: torch.baddbmm(bias[:, :, None], weight, x.mT).mT
    if type(module) is nn.Tanh:
        return lambda x: (
            (2 * x).sigmoid_().mul(2).sub_(1)
        )  # torch.tanh itself is three times as slow
    if type(module) in ELEMENTWISE:
        return module
    if not parameters:
        return vmap(module, randomness="different")
    return functools.partial(
        vmap(lambda p, x: functional_call(module, p, (x,)), randomness="different"), parameters
    )


def _for_each(function):
    """Return the function that applies a loss to the outputs of each member, (K, N, ...) -> (K,)."""
    at_once = vmap(function, randomness="different")

    def losses(*outputs):
        try:
            return at_once(*outputs)
        except RuntimeError:  # a learner's loss with .item() or an if: one member after the other
            return torch.stack([function(*each) for each in zip(*outputs)])

    return losses


class _ForAll(torch.autograd.Function):
    """apply(function, member, x) inside `vmap` over members: calls function(members, x) once, on all members' x (K, ...)."""

    @staticmethod
    def vmap(info, in_dims, function, *tensors):
        def members_first(tensor, dim):
            if dim is None:
                return tensor.expand(info.batch_size, *tensor.shape)
            return tensor if dim == 0 else tensor.movedim(dim, 0)

        return function(*map(members_first, tensors, in_dims[1:])), 0

    @staticmethod
    def forward(function, *tensors):
        raise NotImplementedError("only for use inside vmap")

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass


class _Autograd(TorchFunctionMode):
    """Lets a penalty's `requires_grad_` and `autograd.grad`, which `vmap` does not know, act on all members at once."""

    def __init__(self, member):
        super().__init__()
        self.member = member

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if (
            function is torch.Tensor.requires_grad_
            or function == torch.Tensor.requires_grad.__set__
        ):
            _ForAll.apply(lambda _, x: x.requires_grad_().sum(0), self.member, args[0])
            return args[0]
        if function is torch.autograd.grad:
            return self._grad(*args, **kwargs)
        return function(*args, **kwargs)

    def _grad(
        self, outputs, inputs, grad_outputs=None, retain_graph=None, create_graph=False, **kwargs
    ):
        tensors = []
        for name, value in dict(outputs=outputs, inputs=inputs, grad_outputs=grad_outputs).items():
            value = [value] if torch.is_tensor(value) or value is None else list(value)
            if len(value) != 1:
                raise ValueError(
                    f"penalty must call torch.autograd.grad with one tensor as {name}, got {len(value)}"
                )
            tensors += [t for t in value if t is not None]

        def gradient(_, outputs, inputs, weights=None):
            weights = torch.ones_like(outputs) if weights is None else weights
            return torch.autograd.grad(outputs, inputs, weights, retain_graph, create_graph)[0]

        return (_ForAll.apply(gradient, self.member, *tensors),)


# ---- random numbers: each member's own, drawn many at a time

PLACEHOLDER = (
    torch.Generator()
)  # handed to a sampler or penalty in the place of a member's own generator


class _Drawing(TorchFunctionMode):
    """Hands out the next of `draws` wherever a function draws with generator=PLACEHOLDER."""

    def __init__(self, draws):
        super().__init__()
        self.draws = draws

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if kwargs.get("generator") is PLACEHOLDER:
            return next(self.draws)
        return function(*args, **kwargs)


class _Recording(_Drawing):
    """Writes down how a function draws: [(function, args, kwargs, shape of the result)]."""

    def __init__(self):
        super().__init__([])
        self.rng = torch.Generator().manual_seed(0)

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if kwargs.get("generator") is not PLACEHOLDER:
            return function(*args, **kwargs)
        if any(map(torch.is_tensor, args)):
            raise ValueError(
                f"drawn with {function.__name__} of a tensor instead of torch.rand, randn or randint"
            )
        result = function(*args, **kwargs | {"generator": self.rng})
        self.draws.append(
            (function, args, {k: v for k, v in kwargs.items() if k != "generator"}, result.shape)
        )
        return result


class _DrawsOneByOne:
    """Calls each member's own samplers: always right, but K calls where `_DrawsAtOnce` needs one."""

    def __init__(self, gans):
        self.gans = gans

    def prepare(self, n_steps):
        """Nothing is drawn before it is needed."""

    def sample(self, sampler):
        """Return the samples of all members, (K, batch size, ...)."""
        draws = [getattr(gan, sampler)(gan.batch_size, generator=gan.rng) for gan in self.gans]
        return torch.stack(draws).to(self.gans[0].device)

    def of_penalty(self, x_real, x_fake):
        """Return the draws of the penalty, a list of tensors (K, ...)."""
        with _Recording() as recording:
            self.gans[0].penalty(
                self.gans[0].discriminator, x_real[0], x_fake[0], generator=PLACEHOLDER
            )
        return [
            torch.stack([f(*args, **kwargs, generator=g.rng) for g in self.gans])
            for f, args, kwargs, _ in recording.draws
        ]


class _DrawsAtOnce(_DrawsOneByOne):
    """Draws for a block of steps: the raw numbers from each member's generator, what is made of them by `vmap`."""

    def __init__(self, gans):
        super().__init__(gans)
        gan = gans[0]
        turn = (
            ["sample_real", "sample_latent", "penalty"]
            if gan.penalty is not None
            else ["sample_real", "sample_latent"]
        )
        self._turns = turn * gan.hparams.n_critic + ["sample_latent"]
        self._plan = []  # the draws of each of these turns
        x = {}
        for turn in self._turns:
            with _Recording() as recording:
                if turn == "penalty":
                    x_fake = gan.generator(x["sample_latent"]).detach()
                    gan.penalty(gan.discriminator, x["sample_real"], x_fake, generator=PLACEHOLDER)
                else:
                    x[turn] = getattr(gan, turn)(gan.batch_size, generator=PLACEHOLDER)
            self._plan.append(recording.draws)
        self._ready = collections.deque()

    def prepare(self, n_steps):
        """Draw all that the next n_steps steps need."""
        K, draws = len(self.gans), iter(self._raw(n_steps))
        columns = []
        for turn, plan in zip(self._turns, self._plan):
            raw = [next(draws) for _ in plan]  # each (K, n_steps, *shape)
            if turn == "penalty":
                columns.append([[r[:, step] for r in raw] for step in range(n_steps)])
                continue

            def sample(*raw, turn=turn):
                with _Drawing(iter(raw)):
                    return getattr(self.gans[0], turn)(
                        self.gans[0].batch_size, generator=PLACEHOLDER
                    )

            x = (
                vmap(sample)(*[r.flatten(0, 1) for r in raw])
                .unflatten(0, (K, n_steps))
                .to(self.gans[0].device)
            )
            columns.append(x.unbind(1))
        self._ready = collections.deque(itertools.chain.from_iterable(zip(*columns)))

    def sample(self, sampler):
        """Return the samples of all members, (K, batch size, ...)."""
        return self._ready.popleft()

    def of_penalty(self, x_real, x_fake):
        """Return the draws of the penalty, a list of tensors (K, ...)."""
        return self._ready.popleft()

    def _raw(self, n_steps):
        """Return the raw draws of n_steps steps, for each draw of a step a tensor (K, n_steps, *shape)."""
        per_step = [draw for plan in self._plan for draw in plan]
        if len(kinds := {_mergeable(draw) for draw in per_step}) == 1 and kinds != {None}:
            sizes = [
                math.prod(shape) for *_, shape in per_step
            ]  # a step's draws lie side by side: nothing to gather
            numbers = self._long_draws(*kinds, sum(sizes) * n_steps).unflatten(1, (n_steps, -1))
            return [
                x.unflatten(2, shape)
                for x, (*_, shape) in zip(numbers.split(sizes, dim=2), per_step)
            ]
        parts = []
        for mergeable, run in itertools.groupby(per_step * n_steps, key=_mergeable):
            run = list(run)
            if mergeable:  # successive draws of one kind are one long draw
                sizes = [math.prod(shape) for *_, shape in run]
                numbers = self._long_draws(mergeable, sum(sizes))
                parts += [
                    x.unflatten(1, shape)
                    for x, (*_, shape) in zip(numbers.split(sizes, dim=1), run)
                ]
            else:
                rows = [
                    [f(*args, **kwargs, generator=gan.rng) for f, args, kwargs, _ in run]
                    for gan in self.gans
                ]
                parts += [torch.stack(draws) for draws in zip(*rows)]
        return [torch.stack(parts[i :: len(per_step)], dim=1) for i in range(len(per_step))]

    def _long_draws(self, function, n):
        numbers = torch.empty(len(self.gans), n)
        for row, gan in zip(numbers.unbind(), self.gans):
            function(n, generator=gan.rng, out=row)
        return numbers


def _mergeable(draw):
    """Return torch.randn or torch.rand if a row of such draws is one long draw from the same stream, else None."""
    function, _, kwargs, shape = draw
    size = math.prod(shape)
    if kwargs.keys() - {"dtype"} or kwargs.get("dtype", torch.float32) is not torch.float32:
        return None
    # torch fills normal numbers in lots of 16; what is left over is drawn otherwise
    return (
        function if function is torch.rand or (function is torch.randn and size % 16 == 0) else None
    )


def _draws_at_once(gans):
    """Return a `_DrawsAtOnce` if it draws, bit for bit, what each member would draw alone; else None."""
    same = all(
        _same_function(getattr(gans[0], name), getattr(gan, name))
        for gan in gans
        for name in ("sample_real", "sample_latent")
    )
    if not same:
        return None
    states = [gan.rng.get_state() for gan in gans]
    try:
        draws = _DrawsAtOnce(gans)
        draws.prepare(2)
        at_once, ends = list(draws._ready), [gan.rng.get_state() for gan in gans]
        for k in {0, len(gans) - 1}:
            gan = gans[k]
            gan.rng.set_state(states[k])
            x = {}
            for i, turn in enumerate(draws._turns * 2):
                if turn == "penalty":
                    x_fake = gan.generator(x["sample_latent"]).detach()
                    gan.penalty(gan.discriminator, x["sample_real"], x_fake, generator=gan.rng)
                    continue
                x[turn] = getattr(gan, turn)(gan.batch_size, generator=gan.rng).to(gan.device)
                if not torch.equal(x[turn], at_once[i][k]):
                    return None
            if not torch.equal(gan.rng.get_state(), ends[k]):
                return None
        return draws
    except Exception:  # a sampler that cannot be traced: whatever is wrong with it shows when it is called directly
        return None
    finally:
        for gan, state in zip(gans, states):
            gan.rng.set_state(state)


# ---- arguments


def _make_members(make_gan, seeds, hparam_lists):
    check_callable("make_gan", make_gan, "lambda seed: GAN(..., seed=seed)")
    if not isinstance(seeds, Iterable):
        raise ValueError(f"seeds must be a list of whole numbers such as range(64), got {seeds!r}")
    seeds = [check_count("seeds", seed, least=0) for seed in seeds]
    if not seeds:
        raise ValueError("seeds must hold at least one seed, got none")
    known = [field.name for field in dataclasses.fields(Hyperparameters)]
    for name in hparam_lists:
        if name not in known:
            raise ValueError(f"hparam_lists must be among {', '.join(known)}, got {name!r}")
    lists = [
        values if isinstance(values, (list, tuple, np.ndarray, range)) else [values]
        for values in hparam_lists.values()
    ]
    for name, values in zip(hparam_lists, lists):
        if not len(values):
            raise ValueError(f"{name} must hold at least one value, got none")
        if name == "n_critic" and len(set(values)) > 1:
            raise ValueError(
                f"n_critic must be the same for all members, which move together, got {list(values)}"
            )
    gans = []
    for *values, seed in itertools.product(*lists, seeds):
        gan = make_gan(seed=seed)
        if not isinstance(gan, GAN):
            raise ValueError(f"make_gan must return a GAN, got {gan!r}")
        for name, value in zip(hparam_lists, values):
            gan.set(name, value)
        gans.append(gan)
    _check_knobs(gans[0], hparam_lists)
    for gan in gans[1:]:
        _check_alike(gans[0], gan)
    return gans


def _check_knobs(gan, hparam_lists):
    if "lambda_gp" in hparam_lists and gan.penalty is None:
        raise ValueError(
            "lambda_gp weighs a penalty, and the GANs of make_gan have none: give them penalty=gradient_penalty"
        )
    if gan.penalty_every != 1 or gan.ema is not None or gan.precision != torch.float32:
        raise ValueError(
            "make_gan must give GANs without penalty_every, ema and precision: train such GANs one by one"
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
        pairs += [
            (
                player,
                *(f"{m} with weights {[tuple(p.shape) for p in m.parameters()]}" for m in modules),
            )
        ]
    for name, one, other in pairs:
        if one != other:
            raise ValueError(
                f"make_gan must give every seed the same {name}, got {one} for seed {first.seed}, {other} for seed {gan.seed}"
            )
    for name in ("d_loss", "g_loss", "penalty", "_make_optimizer", "lr_schedule"):
        one, other = getattr(first, name), getattr(gan, name)
        if not _same_function(one, other):
            raise ValueError(
                f"make_gan must give every seed the same {name.removeprefix('_make_')}, got {one} for seed {first.seed}, {other} for seed {gan.seed}"
            )


def _same_function(one, other):
    """Whether two functions do the same as far as can be seen: make_gan may build each anew, by lambda or partial."""
    if one is other:
        return True
    if isinstance(one, functools.partial) and isinstance(other, functools.partial):
        return _same_function(one.func, other.func) and (one.args, one.keywords) == (
            other.args,
            other.keywords,
        )
    if getattr(one, "__code__", None) is None or one.__code__ is not getattr(
        other, "__code__", None
    ):
        return False
    contents = [
        [cell.cell_contents for cell in f.__closure__ or ()] + list(f.__defaults__ or ())
        for f in (one, other)
    ]
    return all(
        a is b or _same_function(a, b) or (isinstance(a, (int, float, str)) and a == b)
        for a, b in zip(*contents)
    )


def _hparams(gans):
    """Return {name: (K,)}, in the order of Hyperparameters; no clipping becomes inf."""
    names = [field.name for field in dataclasses.fields(Hyperparameters)]
    table = {name: [getattr(gan.hparams, name) for gan in gans] for name in names}
    return {
        name: np.array([math.inf if v is None else v for v in values])
        for name, values in table.items()
    }
