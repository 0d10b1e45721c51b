"""Views of a GAN in training: what to compute from it for a picture, and the picture itself.

A view has a `figure`, a list `artists` of everything in it that changes, and four methods:
update(gan) brings the artists up to date and returns True if the rest (axes, limits) changed too; keep() turns the present
curves into ghosts; clear() empties the curves; describe(gan) says in a sentence what is to be seen. It only reads the GAN.
"""

import matplotlib
import numpy as np
import torch

from gan_edu.first_edition import plotting
from gan_edu.networks import in_company


class View:
    """What the views share: a figure with an Axes of losses, ghosts and marks."""

    memory = ("_trace", "_traces")  # attributes, lists, of what was measured at each picture

    def __new__(cls, *arguments, **named):
        """Remember the arguments, so that `another` can make a second view."""
        view = super().__new__(cls)
        view._made_with = arguments, named
        return view

    def __init__(self, width, height):
        self._size = width, height
        self.figure = plotting.new_figure(width, height)
        self.curves = []  # a Curves for each Axes against the training step
        self.pictures = []  # anything else with .artists
        self.symbols = {}  # {knob: symbol} for the marks; the panel sets it

    @property
    def artists(self):
        """Everything that changes from picture to picture."""
        return [artist for part in (*self.pictures, *self.curves) for artist in part.artists]

    def keep(self):
        """Keep the present curves as pale ghosts."""
        for curves in self.curves:
            curves.keep()

    def clear(self):
        """Empty the curves for a new run; ghosts stay."""
        for curves in self.curves:
            curves.clear()

    def another(self):
        """Return a second view, made with the same arguments, with the same past in its curves and ghosts."""
        arguments, named = self._made_with
        other = type(self)(*arguments, **named)
        for name in self.memory:
            if hasattr(self, name):
                setattr(other, name, list(getattr(self, name)))
        for curves, mine in zip(other.curves, self.curves):
            curves.take_ghosts(mine)
        return other

    def stand_beside(self, other):
        """Fit into half the page, curves on the same scales as `other`, a view of this kind; None: alone again."""
        width, height = self._size
        grids = [
            axes.get_subplotspec().get_gridspec()
            for axes in self.figure.axes
            if axes.get_subplotspec()
        ]
        narrow = (
            other is not None and max((grid.ncols for grid in grids), default=1) <= 2
        )  # three pictures in a row get too small
        self.figure.set_size_inches(0.75 * width if narrow else width, height)
        plotting.fold_legends(self.figure, 2 if narrow else None)
        for k, curves in enumerate(self.curves):
            curves.beside = other and other.curves[k]

    def _update_marks(self, history):
        marks = [
            (step, f"{self.symbols.get(name, name)} = {knob_text(value)}")
            for step, name, value in history.changes
        ]
        for curves in self.curves:
            curves.set_marks(marks)


class GaussianView(View):
    """The 1-D lesson's view: densities, D and D*, the push on each generated sample; losses; mean and std of G(z).

    mean, std: of the real Gaussian, drawn as targets. n_samples: latents behind the histogram, the same in every picture.
    """

    def __init__(self, mean=4.0, std=0.5, n_samples=2000, x_limits=(-8.0, 12.0), size=(11.0, 4.8)):
        super().__init__(*size)
        self.mean, self.std, self.n_samples = mean, std, n_samples
        with matplotlib.rc_context(plotting.STYLE):
            grid = self.figure.add_gridspec(4, 2, width_ratios=[1.75, 1])
            self.picture = plotting.GaussianPicture(
                self.figure.add_subplot(grid[:3, 0]), self.figure.add_subplot(grid[3, 0]), x_limits
            )
            self.losses = plotting.Curves(
                self.figure.add_subplot(grid[:2, 1]),
                {"d_loss": ("discriminator", plotting.CRITIC), "g_loss": ("generator", plotting.FAKE)},
                "loss (nats)", targets=[(2 * np.log(2), plotting.OPTIMAL)], ylimits=(0.0, 2.0),
            )  # fmt: skip
            self.moments = plotting.Curves(
                self.figure.add_subplot(grid[2:, 1]),
                {"mean": ("mean of G(z)", plotting.FAKE), "std": ("std of G(z)", plotting.HIGHLIGHT)},
                "x", targets=[(mean, plotting.REAL), (std, plotting.REAL)], ylimits=(0.0, 5.0),
            )  # fmt: skip
            for curves in (self.losses, self.moments):
                plotting.legend_above(curves.axes)
        self.losses.axes.set_xlabel("")
        self.curves, self.pictures = [self.losses, self.moments], [self.picture]
        self._trace = []  # (step, mean, std) at each picture

    def clear(self):
        """Empty the curves for a new run; ghosts stay."""
        super().clear()
        self._trace = []

    def update(self, gan):
        """Bring the artists up to date with `gan`; returns True if limits moved."""
        with gan.between_steps():
            arrays = gaussian_snapshot(gan, self.picture.centers, self.n_samples)
            steps = np.arange(1, len(gan.history) + 1)
            losses = {name: gan.history[name] for name in self.losses.lines}
        self.picture.update(optimal=self._optimal(arrays["x_fake"]), **arrays)
        self._trace.append((len(steps), arrays["x_fake"].mean(), arrays["x_fake"].std()))
        trace = np.array(self._trace)
        moved = [self.losses.update(name, steps, values) for name, values in losses.items()]
        moved += [
            self.moments.update(name, trace[:, 0], trace[:, k])
            for k, name in ((1, "mean"), (2, "std"))
        ]
        self._update_marks(gan.history)
        return any(moved)

    def describe(self, gan):
        """Say in a sentence what the picture shows."""
        with gan.between_steps():
            x_fake = gan.generate(gan.fixed_z(self.n_samples))
        return (
            f"After {len(gan.history)} steps the generated samples have mean {x_fake.mean():.2f} and standard deviation "
            f"{x_fake.std():.2f}; the real data have {self.mean:g} and {self.std:g}."
        )

    def _optimal(self, x_fake):
        """D* = p / (p + p_g) at the bin centres, p exact, p_g from the histogram; nan where neither has mass."""
        centers, edges = self.picture.centers, self.picture.edges
        p = np.exp(-0.5 * ((centers - self.mean) / self.std) ** 2) / (self.std * np.sqrt(2 * np.pi))
        p_g = np.histogram(x_fake, edges)[0] / len(x_fake) / np.diff(edges)
        return np.where(p + p_g > 1e-6, p / np.maximum(p + p_g, 1e-6), np.nan)


def gaussian_snapshot(gan, grid, n_samples=2000, n_arrows=40):
    """Return what `plotting.GaussianPicture.update` draws of a 1-D GAN: x_real, x_fake, decision on the grid, push.

    decision: D(x) for each x of the grid among a generated batch. push = (x, force): for generated samples x, minus the
    gradient of the generator's loss by x, times the batch size, so that it does not depend on the batch size.
    """
    discriminator = gan.discriminator
    batch = gan.generate(gan.fixed_z(gan.batch_size)).to(gan.device)
    x = batch[:: -(-len(batch) // n_arrows)].clone().requires_grad_()
    logits = in_company(discriminator, x, batch[1:]) if len(batch) > 1 else discriminator(x)
    (slope,) = torch.autograd.grad(gan.g_loss(logits), x)
    with torch.no_grad():
        points = torch.as_tensor(grid, dtype=x.dtype, device=gan.device)[:, None]
        decision = torch.sigmoid(
            in_company(discriminator, points, batch[1:] if len(batch) > 1 else batch)
        )
    return {
        "x_real": gan.fixed_real(n_samples).numpy().ravel(),
        "x_fake": gan.generate(gan.fixed_z(n_samples)).numpy().ravel(),
        "decision": decision.cpu().numpy().ravel(),
        "push": (x.detach().cpu().numpy().ravel(), -len(x) * slope.cpu().numpy().ravel()),
    }


class PlaneView(View):
    """A view of a 2-D GAN: real and generated points over the critic's scores, and one curve of the history.

    limits: (low, high) of both axes. curve: a column of the history, `sign` times which is drawn against the step.
    resolution: the critic is evaluated on a grid of that many points a side. bands: shades of grey; few of them show as
    level lines of the critic. n_arrows: so many generated points get an arrow, the direction in which the generator's
    loss pushes them: minus its gradient by x, times their number.
    """

    def __init__(
        self, limits=(-2.0, 2.0), curve="d_loss", sign=-1.0, label="critic's estimate", n_samples=400, resolution=40,
        size=(11.0, 4.8), bands=256, n_arrows=0,
    ):  # fmt: skip
        super().__init__(*size)
        self.n_samples, self.curve, self.sign = n_samples, curve, sign
        ticks = torch.linspace(*limits, resolution)
        self._grid = torch.cartesian_prod(ticks, ticks)
        self._shape = resolution, resolution
        with matplotlib.rc_context(plotting.STYLE):
            plane, right = self.figure.subplots(1, 2, width_ratios=[1, 1.15])
            self.history = plotting.Curves(right, {curve: (label, plotting.CRITIC)}, label)
            self.picture = plotting.PlanePicture(plane, limits, self._shape, bands, n_arrows)
        self.curves, self.pictures = [self.history], [self.picture]

    def update(self, gan):
        """Bring the artists up to date with `gan`; returns True if limits moved."""
        with gan.between_steps():
            with torch.no_grad():
                scores = (
                    gan.discriminator(self._grid.to(gan.device))
                    .cpu()
                    .reshape(self._shape)
                    .T.numpy()
                )
            x_fake = gan.generate(gan.fixed_z(self.n_samples)).numpy()
            x_real = gan.fixed_real(self.n_samples).numpy()
            push = (
                self._push(gan, x_fake[: self.picture.n_arrows]) if self.picture.n_arrows else None
            )
            values = self.sign * gan.history[self.curve]
        self.picture.update(x_real, x_fake, scores, push)
        moved = self.history.update(self.curve, np.arange(1, len(values) + 1), values)
        self._update_marks(gan.history)
        return moved

    @staticmethod
    def _push(gan, points):
        x = torch.tensor(points, device=gan.device, requires_grad=True)
        (slope,) = torch.autograd.grad(gan.g_loss(gan.discriminator(x)), x)
        return points, -len(points) * slope.cpu().numpy()

    def describe(self, gan):
        """Say in a sentence what the picture shows."""
        values = self.sign * gan.history[self.curve]
        last = f"{values[-1]:.2f}" if len(values) else "not yet known"
        name = self.history.lines[self.curve].get_label()
        return f"Real and generated points over the critic's scores: after {len(gan.history)} steps the {name} is {last}."


def knob_text(value):
    """Return a knob's value as a learner reads it: 0.005, 1e-05, non-saturating."""
    if value is None:
        return "off"
    if callable(value):
        return (
            getattr(value, "__name__", "function")
            .removeprefix("generator_loss_")
            .removeprefix("discriminator_")
        )
    return f"{value:.3g}"
