"""A view of a GAN in the plane, for the tests of the old panel."""

import matplotlib
import numpy as np
import torch

from gan_edu.first_edition import plotting
from gan_edu.first_edition.views import View


class PlanePicture:
    """Real and generated points in the plane, over the critic's scores as shades of grey from low (dark) to high.

    bands: so many shades; few of them show as level lines.
    """

    def __init__(self, axes, limits, shape, bands=256):
        edges = [np.linspace(*limits, n + 1) for n in shape[::-1]]
        shades = matplotlib.colors.LinearSegmentedColormap.from_list(
            "scores", ["0.55", "0.98"], N=bands
        )
        self.mesh = axes.pcolormesh(
            *edges, np.zeros(shape), cmap=shades
        )  # drawn six times as fast as an image
        (self.real,) = axes.plot([], [], "o", color=plotting.REAL, ms=3, mew=0, label="real data")
        (self.fake,) = axes.plot([], [], "o", color=plotting.FAKE, ms=3, mew=0, label="generated")
        axes.set(xlim=limits, ylim=limits, xlabel="x1", ylabel="x2", aspect="equal")
        axes.grid(False)
        self.artists = [self.mesh, self.real, self.fake]
        plotting.legend_above(
            axes
        )  # what is drawn anew in each picture would cover a legend inside

    def update(self, x_real, x_fake, scores):
        """Set the points (n, 2), (m, 2), the scores on the grid, rows from low to high x2."""
        self.mesh.set_array(scores)
        self.mesh.set_clim(np.min(scores), np.max(scores))
        self.real.set_data(*x_real.T)
        self.fake.set_data(*x_fake.T)


class PlaneView(View):
    """A view of a 2-D GAN: real and generated points over the critic's scores, and one curve of the history.

    limits: (low, high) of both axes. curve: a column of the history, `sign` times which is drawn against the step.
    resolution: the critic is evaluated on a grid of that many points a side. bands: shades of grey; few of them show as
    level lines of the critic.
    """

    def __init__(
        self, limits=(-2.0, 2.0), curve="d_loss", sign=-1.0, label="critic's estimate", n_samples=400, resolution=40,
        size=(11.0, 4.8), bands=256,
    ):  # fmt: skip
        super().__init__(*size)
        self.n_samples, self.curve, self.sign = n_samples, curve, sign
        ticks = torch.linspace(*limits, resolution)
        self._grid = torch.cartesian_prod(ticks, ticks)
        self._shape = resolution, resolution
        with matplotlib.rc_context(plotting.STYLE):
            plane, right = self.figure.subplots(1, 2, width_ratios=[1, 1.15])
            self.history = plotting.Curves(right, {curve: (label, plotting.CRITIC)}, label)
            self.picture = PlanePicture(plane, limits, self._shape, bands)
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
            values = self.sign * gan.history[self.curve]
        self.picture.update(x_real, x_fake, scores)
        moved = self.history.update(self.curve, np.arange(1, len(values) + 1), values)
        self._update_marks(gan.history)
        return moved

    def describe(self, gan):
        """Say in a sentence what the picture shows."""
        values = self.sign * gan.history[self.curve]
        last = f"{values[-1]:.2f}" if len(values) else "not yet known"
        name = self.history.lines[self.curve].get_label()
        return f"Real and generated points over the critic's scores: after {len(gan.history)} steps the {name} is {last}."
