"""A view of a GAN in the plane, for the tests of the old panel."""

import matplotlib
import numpy as np
import torch

from gan_edu.first_edition import plotting
from gan_edu.first_edition.views import View


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
