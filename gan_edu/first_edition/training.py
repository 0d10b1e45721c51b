"""Training: `Hyperparameters`, `GAN` (step, run, reset) and its `History`, which holds all that is needed to replay a run."""

import contextlib
import copy
import dataclasses
import functools
import inspect
import math
import threading

import numpy as np
import torch
from torch import nn

from gan_edu._arguments import check_callable, check_count, check_number
from gan_edu.first_edition import replay, runtime
from gan_edu.first_edition.replay import FUNCTION_KNOBS
from gan_edu.losses import clip_weights_, discriminator_loss, generator_loss_nonsaturating

STATEFUL = (
    "generator",
    "discriminator",
    "d_optimizer",
    "g_optimizer",
)  # parts of a GAN with a state_dict of their own
SAMPLE_BY_SAMPLE = (  # layers whose output for one sample does not depend on the other samples of its batch
    nn.Sequential, nn.Linear, nn.ReLU, nn.LeakyReLU, nn.Tanh, nn.Sigmoid, nn.Softplus, nn.ELU, nn.SELU, nn.GELU, nn.SiLU,
    nn.Identity, nn.Flatten, nn.Unflatten, nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d, nn.AvgPool2d, nn.LayerNorm, nn.GroupNorm,
)  # fmt: skip


class Adam(torch.optim.Adam):
    """torch.optim.Adam without weight decay, with the shortest way to its fused kernel.

    In the step of a small network torch's own bookkeeping around that kernel takes longer than all matrix products.
    """

    def __init__(self, parameters, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(parameters, lr=lr, betas=betas, eps=eps, fused=True)
        self._lists = None

    def step(self):
        """Move the parameters by their gradients."""
        if not self.state or self._lists is None or len(self.param_groups) > 1:
            super().step()  # makes the moments
            group = self.param_groups[0]
            states = [self.state[p] for p in group["params"]]
            moments = (
                [state.get(name) for state in states] for name in ("exp_avg", "exp_avg_sq", "step")
            )
            self._lists = (group["params"], *moments)
            return
        group, (parameters, exp_avgs, exp_avg_sqs, steps) = self.param_groups[0], self._lists
        torch._foreach_add_(steps, 1)
        torch._fused_adam_(
            parameters, [p.grad for p in parameters], exp_avgs, exp_avg_sqs, [], steps, lr=group["lr"], beta1=group["betas"][0],
            beta2=group["betas"][1], eps=group["eps"], weight_decay=0.0, amsgrad=False, maximize=False,
        )  # fmt: skip

    step.hooked = True  # or torch wraps it in its profiler, which costs more than the step itself

    def load_state_dict(self, state):
        """Continue from the state of another Adam."""
        super().load_state_dict(state)
        for parameter, moments in self.state.items():
            for name in ("exp_avg", "exp_avg_sq"):
                moments[name] = _laid_out_like(parameter, moments[name])
        self._lists = None  # the moments are other tensors now


adam = functools.partial(Adam, betas=(0.5, 0.9))
sgd = functools.partial(torch.optim.SGD, fused=True)


@dataclasses.dataclass
class Hyperparameters:
    """The numbers that may change while training runs; each is checked when it is set and used from the next step on.

    lr_d, lr_g: learning rates, >= 0. n_critic: updates of the discriminator per update of the generator.
    lambda_gp: λ, the weight of the penalty. clip_value: c, the largest weight allowed in the critic; None: no clipping.
    """

    lr_d: float = 1e-3
    lr_g: float = 1e-3
    n_critic: int = 1
    lambda_gp: float = 10.0
    clip_value: float | None = None

    def __setattr__(self, name, value):
        if name == "n_critic":
            value = check_count(name, value)
        elif name == "clip_value":
            value = None if value is None else check_number(name, value, low=0, low_open=True)
        elif name in self.__dataclass_fields__:
            value = check_number(name, value, low=0)
        else:  # a slip such as hparams.lr = 0.1 would otherwise change nothing, silently
            raise ValueError(
                f"name must be one of {', '.join(self.__dataclass_fields__)}, got {name!r}"
            )
        super().__setattr__(name, value)


def linear_decay(n_steps, start=0.5):
    """Return a schedule that holds the learning rates for the share `start` of n_steps, then lowers them to 0 in a line."""
    n_steps, start = check_count("n_steps", n_steps), check_number("start", start, low=0, high=1)
    return lambda step: min(1.0, max(0.0, (n_steps - step) / max(1.0, n_steps * (1 - start))))


class History:
    """What happened in a run, one row a step: history["d_loss"] is a float64 array of shape (number of steps,).

    Columns: d_loss, g_loss (nats, or score units for a critic), penalty (without λ), grad_norm_d, grad_norm_g (2-norms
    over all weights) and mover (0: both players, 1: only the discriminator, 2: only the generator). Where a player did
    not move, its columns hold nan; with n_critic > 1 they hold the last of its updates. A penalty that was left out of
    an update (penalty_every) is nan there too.
    initial: {knob: value} at the first step. changes: a list of (step, knob, value): from step number `step` on
    (counted from 0) the knob had the new value.
    """

    columns = ("d_loss", "g_loss", "penalty", "grad_norm_d", "grad_norm_g", "mover")

    def __init__(self):
        self._rows = np.empty((256, len(self.columns)))
        self._length = 0
        self.initial = {}
        self.changes = []

    def __len__(self):
        return self._length

    def __getitem__(self, column):
        if column not in self.columns:
            raise ValueError(f"column must be one of {', '.join(self.columns)}, got {column!r}")
        return self._rows[: self._length, self.columns.index(column)].copy()

    def append(self, row):
        """Add one step; `row` has a number for each of `columns`."""
        if self._length == len(self._rows):
            self._rows = np.concatenate(
                [self._rows, np.empty_like(self._rows)]
            )  # doubling: constant time on average
        self._rows[self._length] = row
        self._length += 1


class GAN:
    """A generator and a discriminator (or critic), their optimisers, and the rule that trains them.

    generator, discriminator: modules, or functions of no arguments that build one. With functions the seed decides the
    initial weights too; modules keep the weights they come with, also after `reset`.
    sample_real(n, generator=...), sample_latent(n, generator=...): tensors of n real samples, n latents z.
    d_loss(output on real, output on fake), g_loss(output on fake), penalty(discriminator, x_real, x_fake, generator=...):
    functions that return a scalar; they may be exchanged while training, as `gan.g_loss = another`.
    penalty_every: k computes the penalty only in the discriminator's first update and in every k-th after it, k times as
    strong there. Karras et al. (2020), appendix B.
    optimizer(parameters, lr=...): makes one optimiser for each player. lr_schedule(step): a factor on both learning rates.
    ema: a share such as 0.999 keeps `gan.averaged`, a generator whose weights after n updates are (1 - s) times those of
    `gan.generator` plus s times what they were, s = min(ema, n / (9 + n)) (so that the random first weights are soon
    forgotten); its buffers are the generator's. `generate` then uses it. Yazıcı et al. (2019), section 3.
    precision: torch.bfloat16 computes the passes through the networks in bfloat16 where torch's autocast deems that
    safe; weights, losses and optimisers stay in float32. `runtime.fast_precision(device)` says where that pays.

    threads: over how many torch splits each operation; None: as many as suit the networks, see `runtime.suitable_threads`.
    Narrow networks for pictures then run in two threads side by side instead. Another number gives other last digits.
    same_fakes: in a step, the generator's update judges the samples of the discriminator's last update once more instead of
    new ones, as many tutorials do, among them PyTorch's on the DCGAN: one pass through the generator less.

    last_outputs: the discriminator's outputs in the last step, detached: "real" and "fake" as it judged them in its last
    update, "fake_after" as it judged new samples (with same_fakes: those samples) in the generator's update.

    The same seed gives the same history, bit for bit, on the same machine, however the steps are called: one by one,
    with `run`, or by a live panel. A step happens wholly or not at all: an exception, an interruption or a loss that is
    not finite leaves weights, optimisers and random numbers as they were before that step.
    """

    def __init__(
        self, generator, discriminator, sample_real, sample_latent, *, d_loss=discriminator_loss,
        g_loss=generator_loss_nonsaturating, penalty=None, hparams=None, batch_size=64, optimizer=adam,
        lr_schedule=None, seed=0, penalty_every=1, ema=None, precision=torch.float32,
        threads=None, same_fakes=False,
    ):  # fmt: skip
        self._make_generator = _maker("generator", generator)
        self._make_discriminator = _maker("discriminator", discriminator)
        self.sample_real = _check_sampler("sample_real", sample_real)
        self.sample_latent = _check_sampler("sample_latent", sample_latent)
        self.d_loss = check_callable("d_loss", d_loss, "gan_edu.losses.discriminator_loss")
        self.g_loss = check_callable(
            "g_loss", g_loss, "gan_edu.losses.generator_loss_nonsaturating"
        )
        self.penalty = penalty
        if hparams is not None and not isinstance(hparams, Hyperparameters):
            raise ValueError(f"hparams must be a Hyperparameters(...), got {hparams!r}")
        self.hparams = hparams or Hyperparameters()
        self.batch_size = check_count("batch_size", batch_size)
        self._make_optimizer = check_callable("optimizer", optimizer, "torch.optim.Adam")
        self.lr_schedule = check_callable(
            "lr_schedule", lr_schedule or (lambda step: 1.0), "linear_decay(1000)"
        )
        self.penalty_every = check_count("penalty_every", penalty_every)
        self.ema = None if ema is None else check_number("ema", ema, low=0, high=1)
        if precision not in (torch.float32, torch.bfloat16):
            raise ValueError(
                f"precision must be torch.float32 or torch.bfloat16, got {precision!r}"
            )
        self.precision = precision
        self.same_fakes = bool(same_fakes)
        self.threads = None if threads is None else check_count("threads", threads)
        self._cores = (
            torch.get_num_threads()
        )  # asked here: a panel may reset from a thread that is held to one
        self.lock = (
            threading.RLock()
        )  # held for a step; a reader that wants a consistent state takes it too
        self.reset(seed)

    def reset(self, seed=None):
        """Go back to the start: initial weights, fresh optimisers, empty history, the same random numbers.

        seed: another one starts another run. The knobs (hparams and losses) keep their present values.
        """
        with self.lock:
            self.seed = check_count("seed", self.seed if seed is None else seed, least=0)
            # The learner's own random numbers are left alone; one thread, since a function may train what it builds.
            with torch.random.fork_rng(devices=[]), runtime.num_threads(1):
                torch.manual_seed(self.seed)
                self.generator = self._make_generator()
                self.discriminator = self._make_discriminator()
                self._global_rng = torch.get_rng_state()
            if _is_for_colour(
                self.discriminator
            ):  # the layout in which a pixel's channels are neighbours is faster
                self.generator.to(memory_format=torch.channels_last)
                self.discriminator.to(memory_format=torch.channels_last)
            self.averaged = None
            if self.ema is not None:
                self.averaged = copy.deepcopy(self.generator).requires_grad_(False)
            self._forward_g, self._forward_d = self.generator, self.discriminator
            if self.precision != torch.float32:
                self._forward_g, self._forward_d = (
                    functools.partial(_in_precision, self.precision, net)
                    for net in (self.generator, self.discriminator)
                )
            self._g_parameters = list(self.generator.parameters())
            self._d_parameters = list(self.discriminator.parameters())
            self.device = self._g_parameters[0].device
            self.d_optimizer = self._make_optimizer(self._d_parameters, lr=self.hparams.lr_d)
            self.g_optimizer = self._make_optimizer(self._g_parameters, lr=self.hparams.lr_g)
            self.rng = torch.Generator().manual_seed(self.seed)
            n_parameters = sum(p.numel() for p in self._g_parameters + self._d_parameters)
            colour = _is_for_colour(self.discriminator)
            self.num_threads = self.threads or runtime.suitable_threads(
                n_parameters, self._cores, colour
            )
            self._in_one_pass = all(
                type(m) in SAMPLE_BY_SAMPLE for m in self.discriminator.modules()
            )
            modules = [*self.generator.modules(), *self.discriminator.modules()]
            self._has_dropout = any(isinstance(m, nn.modules.dropout._DropoutNd) for m in modules)
            # Narrow networks for pictures: the discriminator judges real and generated ones in two threads side by side.
            # These wait for each other twice a step. Those that torch splits an operation over wait at the end of each,
            # and where other programs are busy one step then takes up to fifty times as long.
            self._side_by_side = (
                self.threads is None
                and self._cores > self.num_threads
                and self.device.type == "cpu"
                and colour
                and not self._has_dropout  # which draws from one generator
            )
            self._fixed_z, self._fixed_real = {}, {}
            self._state_sizes = None
            self._n_updates = {"discriminator": 0, "generator": 0}
            self.last_outputs = {}
            self.history = History()

    def fork(self):
        """Return an independent GAN in the same state: from here both take the same steps, bit for bit, until a knob moves.

        Networks, optimisers, knobs, history and random numbers are copies; the samplers, losses and the schedule, which
        are functions, are shared. `reset` of the copy goes back to the common start. ValueError where a function that was
        given for a network returns the same module at every call.
        """
        with self.lock:
            fork, history = copy.copy(self), self.history
            fork.lock, fork.hparams = threading.RLock(), copy.copy(self.hparams)
            makers = self._make_generator, self._make_discriminator
            fork._make_generator, fork._make_discriminator = copy.deepcopy(makers)
            fork.reset()
            for player in ("generator", "discriminator"):
                mine, its = (
                    set(map(id, getattr(gan, player).parameters())) for gan in (self, fork)
                )
                if mine & its:
                    raise ValueError(
                        f"{player} must be a function that builds a new module each time, or a module, where a GAN is to be "
                        "forked; the function gave the same weights again"
                    )
            fork._take_over(
                self.state_dict(), self.knobs(), dict(history.initial), list(history.changes)
            )
            fork.last_outputs = dict(self.last_outputs)
            return fork

    def step(self):
        """Train one step: `n_critic` updates of the discriminator, then one of the generator."""
        self._turn(n_discriminator=None, n_generator=1, mover=0)

    def step_discriminator(self):
        """Train the discriminator alone, one update."""
        self._turn(n_discriminator=1, n_generator=0, mover=1)

    def step_generator(self):
        """Train the generator alone, one update."""
        self._turn(n_discriminator=0, n_generator=1, mover=2)

    def run(self, n_steps, every=None, callback=None):
        """Train n_steps with a progress bar; return self.history.

        callback(gan) is called before the first step and after each `every` steps. After an interruption, or a loss that
        is not finite (FloatingPointError), the last good state is kept and `run` continues from there.
        """
        n_steps = check_count("n_steps", n_steps, least=0)
        every = check_count("every", max(n_steps, 1) if every is None else every)
        if callback is not None:
            callback(self)
        try:
            for done in runtime.progress(range(1, n_steps + 1), "training"):
                self.step()
                if callback is not None and done % every == 0:
                    callback(self)
        except KeyboardInterrupt:
            print(
                f"\nStopped by you after step {len(self.history)}. Nothing is lost: run(...) continues from here."
            )
            raise
        return self.history

    @contextlib.contextmanager
    def between_steps(self):
        """Hold training between two steps while the `with` block looks at it, at the run's own number of threads."""
        with self.lock, runtime.num_threads(self.num_threads):
            yield

    @torch.no_grad()
    def generate(self, z):
        """Return what the generator (with `ema` the averaged one), in evaluation mode, makes of the latents z.

        Training is not touched.
        """
        generator = self.generator if self.averaged is None else self.averaged
        with self.between_steps(), _evaluation_mode(generator):
            return _in_precision(self.precision, generator, z.to(self.device)).cpu()

    def fixed_z(self, n):
        """Return n latents that stay the same during a run, so that pictures of the samples can be compared."""
        return self._kept(self._fixed_z, self.sample_latent, n)

    def fixed_real(self, n):
        """Return n real samples that stay the same during a run."""
        return self._kept(self._fixed_real, self.sample_real, n)

    def _kept(self, store, sample, n):
        if n not in store:  # a generator of its own: looking at a run never changes it
            store[n] = sample(n, generator=torch.Generator().manual_seed(self.seed + 1))
        return store[n]

    # ---- one step

    def _turn(self, n_discriminator, n_generator, mover):
        with self.between_steps():
            knobs = self.knobs()
            factor = self.lr_schedule(len(self.history))
            _set_learning_rate(self.d_optimizer, knobs["lr_d"] * factor)
            _set_learning_rate(self.g_optimizer, knobs["lr_g"] * factor)
            self._save_state()
            outputs, self._fakes = {}, None
            try:
                d_loss = penalty = d_norm = g_loss = g_norm = math.nan
                for _ in range(knobs["n_critic"] if n_discriminator is None else n_discriminator):
                    d_loss, penalty, d_norm = self._update_discriminator(knobs, outputs)
                for _ in range(n_generator):
                    g_loss, g_norm = self._update_generator(knobs, outputs)
            except BaseException:
                self._restore_state()
                raise
            finally:
                self._fakes = None
                self._return_global_rng()
            self.last_outputs = outputs
            self._record_knobs(knobs)
            self.history.append((d_loss, g_loss, penalty, d_norm, g_norm, mover))

    def _update_discriminator(self, knobs, outputs):
        x_real = self.sample_real(self.batch_size, generator=self.rng).to(self.device)
        z = self.sample_latent(self.batch_size, generator=self.rng).to(self.device)
        x_fake, on_real, on_fake = self._judge(x_real, z)
        outputs["real"], outputs["fake"] = on_real.detach(), on_fake.detach()
        loss = knobs["d_loss"](on_real, on_fake)
        weighted, penalty = None, math.nan
        if (
            knobs["penalty"] is not None
            and self._n_updates["discriminator"] % self.penalty_every == 0
        ):
            term = knobs["penalty"](self._forward_d, x_real, x_fake, generator=self.rng)
            weighted, penalty = knobs["lambda_gp"] * self.penalty_every * term, term.item()
        if self._side_by_side and torch.is_tensor(on_real):
            gradients = self._gradients_side_by_side(loss, on_real, on_fake, weighted)
        else:
            gradients = _gradients(
                loss if weighted is None else loss + weighted, self._d_parameters
            )
        norm = self._descend("discriminator", loss, gradients, self._d_parameters, self.d_optimizer)
        if knobs["clip_value"] is not None:
            clip_weights_(self.discriminator, knobs["clip_value"])
        return loss.item(), penalty, norm

    def _judge(self, x_real, z):
        """Return G(z) and the discriminator's outputs on x_real and G(z), each judged as a batch of its own."""
        if self._side_by_side:
            with runtime.side_by_side(self._forward_d, x_real) as on_real:
                x_fake = self._fake(z)
            return x_fake, on_real.result(), self._forward_d(x_fake)
        x_fake = self._fake(z)
        if (
            self._in_one_pass and x_real.shape[1:] == x_fake.shape[1:]
        ):  # half the calls where the result is the same
            return x_fake, *self._forward_d(torch.cat([x_real, x_fake])).split(
                [len(x_real), len(x_fake)]
            )
        return x_fake, self._forward_d(x_real), self._forward_d(x_fake)

    def _fake(self, z):
        """Return G(z) for the discriminator's update, which does not train the generator: without a graph."""
        with torch.set_grad_enabled(self.same_fakes):
            x_fake = self._forward_g(z)
        if not self.same_fakes:
            return x_fake
        self._fakes = x_fake  # with its graph, for the generator's update
        return x_fake.detach()

    def _gradients_side_by_side(self, loss, on_real, on_fake, penalty):
        slopes = torch.autograd.grad(
            loss, (on_real, on_fake), allow_unused=True, materialize_grads=True
        )
        with runtime.side_by_side(
            _gradients, on_real, self._d_parameters, slopes[0]
        ) as through_real:
            through_fake = _gradients(on_fake, self._d_parameters, slopes[1])
        gradients = torch._foreach_add(through_real.result(), through_fake)
        return (
            gradients
            if penalty is None
            else torch._foreach_add(gradients, _gradients(penalty, self._d_parameters))
        )

    def _update_generator(self, knobs, outputs):
        x_fake = self._fakes
        if x_fake is None:
            x_fake = self._forward_g(
                self.sample_latent(self.batch_size, generator=self.rng).to(self.device)
            )
        on_fake = self._forward_d(x_fake)
        outputs["fake_after"] = on_fake.detach()
        loss = knobs["g_loss"](on_fake)
        gradients = _gradients(loss, self._g_parameters)
        norm = self._descend("generator", loss, gradients, self._g_parameters, self.g_optimizer)
        if self.averaged is not None:
            self._average()
        return loss.item(), norm

    @torch.no_grad()
    def _average(self):
        n = self._n_updates["generator"]
        share = min(self.ema, n / (9 + n))
        torch._foreach_lerp_(list(self.averaged.parameters()), self._g_parameters, 1 - share)
        for mine, its in zip(self.averaged.buffers(), self.generator.buffers()):
            mine.copy_(its)

    def _descend(self, player, loss, gradients, parameters, optimizer):
        """Move `parameters` one step against their gradients; return the 2-norm of all gradients."""
        norm = torch.stack(torch._foreach_norm(gradients)).norm().item()
        if not math.isfinite(norm + loss.item()):
            raise FloatingPointError(
                f"the {player}'s loss became {loss.item():.3g} with a gradient of norm {norm:.3g} "
                f"in step {len(self.history) + 1}; that step was undone, the state after step {len(self.history)} is kept"
            )
        for parameter, gradient in zip(parameters, gradients):
            parameter.grad = _laid_out_like(parameter, gradient)
        optimizer.step()
        self._n_updates[player] += 1
        return norm

    # ---- knobs

    def knobs(self):
        """Return {name: value} of everything that may change while training: hyperparameters and loss functions."""
        return {**vars(self.hparams), **{name: getattr(self, name) for name in FUNCTION_KNOBS}}

    def set(self, name, value):
        """Set one knob by name; ValueError for a name or a value that does not fit. It is used from the next step on."""
        if name not in FUNCTION_KNOBS:
            setattr(self.hparams, name, value)
        elif name == "penalty" and value is None:
            self.penalty = None
        else:
            setattr(self, name, check_callable(name, value, "those in gan_edu.losses"))

    def _record_knobs(self, knobs):
        history = self.history
        if len(history) == 0:
            history.initial = self._knobs_in_use = knobs
        elif knobs != self._knobs_in_use:
            changed = [name for name in knobs if knobs[name] != self._knobs_in_use[name]]
            history.changes += [(len(history), name, knobs[name]) for name in changed]
            self._knobs_in_use = knobs

    # ---- a step happens wholly or not at all

    def _save_state(self):
        optimizers = self.d_optimizer, self.g_optimizer
        sizes = [len(optimizer.state) for optimizer in optimizers]
        if (
            sizes != self._state_sizes
        ):  # an optimiser makes its state in its first step: list the tensors anew
            networks = [
                net
                for net in (self.generator, self.discriminator, self.averaged)
                if net is not None
            ]
            self._state = _tensors(networks, optimizers)
            self._backup = [tensor.clone() for tensor in self._state]
            self._state_sizes = sizes
        else:
            torch._foreach_copy_(self._backup, self._state)
        self._rng_backup = self.rng.get_state()
        self._n_updates_backup = dict(self._n_updates)
        self._borrow_global_rng()

    def _restore_state(self):
        torch._foreach_copy_(self._state, self._backup)
        for optimizer, size in zip((self.d_optimizer, self.g_optimizer), self._state_sizes):
            if len(optimizer.state) != size:
                optimizer.state.clear()
        self.rng.set_state(self._rng_backup)
        self._n_updates = self._n_updates_backup
        if self._has_dropout:
            torch.set_rng_state(self._global_rng)

    def _borrow_global_rng(self):
        if (
            self._has_dropout
        ):  # dropout can only draw from torch's global generator: give that the run's own state
            self._outer_rng = torch.get_rng_state()
            torch.set_rng_state(self._global_rng)

    def _return_global_rng(self):
        if self._has_dropout:
            self._global_rng = torch.get_rng_state()
            torch.set_rng_state(self._outer_rng)

    # ---- the whole state

    def state_dict(self):
        """Return all that a GAN built in the same way needs to go on exactly from here: tensors, numbers and names.

        Loss functions are held by name. Networks, optimisers, knobs, history and random numbers are copies.
        """
        with self.lock:
            history = self.history
            return copy.deepcopy(
                {
                    "seed": self.seed,
                    "knobs": replay.named(self.knobs()),
                    "optimizers": [
                        type(self.d_optimizer).__name__,
                        type(self.g_optimizer).__name__,
                    ],
                    **{part: getattr(self, part).state_dict() for part in STATEFUL},
                    "averaged": None if self.averaged is None else self.averaged.state_dict(),
                    "n_updates": self._n_updates,
                    "rng": [self.rng.get_state(), self._global_rng],
                    "history": torch.from_numpy(history._rows[: len(history)]),
                    "initial": replay.named(history.initial),
                    "changes": [
                        (step, name, replay.named({name: value})[name])
                        for step, name, value in history.changes
                    ],
                }
            )

    def load_state_dict(self, state):
        """Take over a `state_dict`; ValueError, and nothing changed, if it does not fit this GAN."""
        with self.lock:
            try:
                self._check_state(state)
                functions = {
                    replay.name_of(f): f
                    for f in (self.d_loss, self.g_loss, self.penalty)
                    if f is not None
                }
                knobs, initial = (
                    replay.unnamed(state[key], functions) for key in ("knobs", "initial")
                )
                changes = [
                    (step, name, replay.unnamed({name: v}, functions)[name])
                    for step, name, v in state["changes"]
                ]
            except (KeyError, TypeError, AttributeError, IndexError) as fault:
                raise ValueError(
                    f"state must be what GAN.state_dict() returns: {fault!r}"
                ) from fault
            before, state = self.state_dict(), copy.deepcopy(state)
            try:
                self._take_over(state, knobs, initial, changes)
            except Exception as fault:
                knobs_before = replay.unnamed(before["knobs"], functions)
                initial, changes = self.history.initial, self.history.changes
                self._take_over(before, knobs_before, initial, changes)
                raise ValueError(f"state does not fit this GAN: {fault}") from fault

    def _check_state(self, state):
        kinds = [type(self.d_optimizer).__name__, type(self.g_optimizer).__name__]
        if state["optimizers"] != kinds:
            raise ValueError(
                f"state must be of a GAN with the optimisers {kinds}, it has {state['optimizers']}"
            )
        if (state["averaged"] is None) != (self.averaged is None):
            with_or_without = "without" if self.averaged is None else "with"
            raise ValueError(
                f"state must be of a GAN {with_or_without} averaged weights (ema), as this one is"
            )
        for player in ("generator", "discriminator", *["averaged"] * (self.averaged is not None)):
            own = {
                name: tuple(value.shape)
                for name, value in getattr(self, player).state_dict().items()
            }
            other = {name: tuple(value.shape) for name, value in state[player].items()}
            for name in [*own, *other]:
                if own.get(name) != other.get(name):
                    raise ValueError(
                        f"state must be of a GAN with the same {player}: {name} has shape {other.get(name, 'none')} there, "
                        f"{own.get(name, 'none')} here"
                    )
        if state["history"].ndim != 2 or state["history"].shape[1] != len(History.columns):
            raise ValueError(
                f"state must have a history of {len(History.columns)} columns, got {tuple(state['history'].shape)}"
            )

    def _take_over(self, state, knobs, initial, changes):
        for part in STATEFUL:
            getattr(self, part).load_state_dict(state[part])
        if self.averaged is not None:
            self.averaged.load_state_dict(state["averaged"])
        self._n_updates = {
            player: check_count(player, n, least=0) for player, n in state["n_updates"].items()
        }
        self.seed = check_count("seed", state["seed"], least=0)
        for name, value in knobs.items():
            self.set(name, value)
        self.rng.set_state(state["rng"][0].cpu())
        self._global_rng = state["rng"][1].cpu()
        history = History()
        for row in state["history"].tolist():
            history.append(row)
        history.initial, history.changes = initial, changes
        self.history = history
        self._knobs_in_use = initial | {name: value for _, name, value in changes}
        self._fixed_z, self._fixed_real, self._state_sizes, self.last_outputs = {}, {}, None, {}

    def code(self, make=None):
        """Return Python that replays this run exactly: its seed, its knobs, every change and every step at its place.

        make: the expression that builds the GAN, for example "make_gan(seed=3)"; without it the code resets `gan`.
        """
        return replay.code(self, make)


def _maker(name, source):
    """Return a function that gives the module in its initial state: rebuilt, or put back to the weights it came with."""
    if isinstance(source, nn.Module):  # a partial, not a closure: `fork` copies it, module and all
        return functools.partial(_put_back, source, copy.deepcopy(source.state_dict()))

    check_callable(name, source, "lambda: mlp(1, 16, 1), or a torch module")

    def build():
        module = source()
        if not isinstance(module, nn.Module):
            raise ValueError(
                f"{name} must be a torch module or a function that builds one, got {module!r}"
            )
        return module

    return build


def _put_back(module, initial):
    module.load_state_dict(initial)
    return module


def _check_sampler(name, function):
    check_callable(name, function, "functools.partial(gaussian_1d, mean=4.0)")
    parameters = inspect.signature(function).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    if "generator" not in parameters and not takes_any:
        raise ValueError(
            f"{name} must take the number of samples and generator=, a torch.Generator that makes the run repeatable, "
            f"got a function of ({', '.join(parameters)})"
        )
    return function


def _set_learning_rate(optimizer, lr):
    for group in optimizer.param_groups:
        group["lr"] = lr  # never a new optimiser: that would throw away Adam's moments


def _is_for_colour(discriminator):
    """Return whether the discriminator judges pictures of more than one channel."""
    channels = [
        module.in_channels for module in discriminator.modules() if isinstance(module, nn.Conv2d)
    ]
    return bool(channels) and channels[0] > 1


def _in_precision(precision, network, x):
    """Return network(x), computed in this precision, as float32."""
    if precision == torch.float32:
        return network(x)
    with torch.autocast(x.device.type, dtype=precision):
        return network(x).float()


def _gradients(output, parameters, slope=None):
    # Only these parameters get gradients: the other player's are neither computed nor have to be zeroed.
    return torch.autograd.grad(output, parameters, slope, allow_unused=True, materialize_grads=True)


def _laid_out_like(parameter, tensor):
    """Return the tensor in the parameter's memory layout: a fused optimiser reads memory in order, whatever the strides."""
    return (
        tensor
        if tensor.stride() == parameter.stride()
        else torch.empty_like(parameter).copy_(tensor)
    )


def _tensors(networks, optimizers):
    """Return every tensor that a training step may change, sharing its memory."""
    modules = [value for network in networks for value in network.state_dict().values()]
    states = [value for o in optimizers for state in o.state.values() for value in state.values()]
    return modules + [value for value in states if torch.is_tensor(value)]


@contextlib.contextmanager
def _evaluation_mode(module):
    was_training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(was_training)
