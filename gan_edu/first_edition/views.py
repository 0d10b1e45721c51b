"""Views of a GAN in training: what to compute from it for a picture, and the picture itself.

A view has a `figure`, a list `artists` of everything in it that changes, and four methods:
update(gan) brings the artists up to date and returns True if the rest (axes, limits) changed too; keep() turns the present
curves into ghosts; clear() empties the curves; describe(gan) says in a sentence what is to be seen. It only reads the GAN.
"""

from gan_edu.first_edition import plotting


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
