"""A small view for the tests of the old panel: the losses, and the mean of what a generator of one number makes."""

import matplotlib
import numpy as np

from gan_edu.first_edition import plotting
from gan_edu.first_edition.views import View


class LineView(View):
    def __init__(self):
        super().__init__(11.0, 4.8)
        looks = {"d_loss": ("D", plotting.CRITIC), "g_loss": ("G", plotting.FAKE)}
        with matplotlib.rc_context(plotting.STYLE):
            left, right = self.figure.subplots(1, 2)
            self.losses = plotting.Curves(left, looks, "loss (nats)", ylimits=(0.0, 2.0))
            mean = {"mean": ("mean of G(z)", plotting.FAKE)}
            self.mean = plotting.Curves(right, mean, "x", ylimits=(0.0, 5.0))
            for curves in (self.losses, self.mean):
                plotting.legend_above(curves.axes)
        self.curves, self._trace = [self.losses, self.mean], []

    def clear(self):
        super().clear()
        self._trace = []

    def update(self, gan):
        with gan.between_steps():
            mean = gan.generate(gan.fixed_z(500)).mean().item()
            steps = np.arange(1, len(gan.history) + 1)
            losses = {name: gan.history[name] for name in self.losses.lines}
        self._trace.append((len(steps), mean))
        moved = [self.losses.update(name, steps, values) for name, values in losses.items()]
        moved.append(self.mean.update("mean", *np.transpose(self._trace)))
        self._update_marks(gan.history)
        return any(moved)

    def describe(self, gan):
        with gan.between_steps():
            mean = gan.generate(gan.fixed_z(500)).mean()
        return f"After {len(gan.history)} steps the generated samples have mean {mean:.2f}."
