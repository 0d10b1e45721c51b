"""Views of lesson 17: a live grid with one label per row, and a trained generator that is asked by slider and buttons."""

import json
import pathlib

import matplotlib
import numpy as np
import torch

from gan_edu._arguments import check_callable, check_count
from gan_edu.faces.grid import draw_faces, tile
from gan_edu.first_edition import plotting
from gan_edu.first_edition.explore import Choice, Slider
from gan_edu.first_edition.views import View

RESULTS = pathlib.Path(__file__).parent.parent / "weights" / "conditional_results.json"


def load_results(path=RESULTS):
    """Return the stored measurements of lesson 17, as `python -m benchmarks.conditional_results` writes them.

    A dictionary: "made" (how), "settings" {"digits", "faces"}, and for each of "digits" and "faces" {variant: [one
    dictionary of scores a seed]}.
    """
    return json.loads(pathlib.Path(path).read_text(encoding="utf-8"))


def label_grid(generate, z, labels):
    """Return pictures (rows * columns, ...), row by row: row r asks for labels[r], column c is the latent z[c].

    generate(z, y): a trained generator. z: (columns, ...), labels: int64 (rows, A).
    """
    rows, columns = len(labels), len(z)
    return generate(z.repeat(rows, *[1] * (z.ndim - 1)), labels.repeat_interleave(columns, dim=0))


def draw_label_grid(axes, images, names, title="", interpolation="nearest"):
    """Draw what `label_grid` returns, with the name of its label beside each row; return the artist."""
    columns = len(images) // len(names)
    artist = draw_faces(axes, images, columns, title, interpolation)
    axes.set_yticks(_row_centres(images, len(names)), names, fontsize=9)
    axes.tick_params(length=0)
    return artist


def _row_centres(images, rows, gap=2):
    height = images.shape[-2]
    return np.arange(rows) * (height + gap) + height / 2 - 0.5


class ConditionalView(View):
    """A view of a `ConditionalGAN`: a grid, one label per row, one latent per column; losses; label accuracy.

    labels: int64 (rows, A), one per row; names: what stands beside the rows. read(images): labels (n, A) that an
    independent classifier reads in pictures. The accuracy is that of n_judged fixed latents, asked for the labels of the
    rows in turn: the share of pictures in which all attributes are read as asked. chance: drawn as a dotted line.
    """

    def __init__(
        self,
        labels,
        names,
        read,
        columns=8,
        n_judged=100,
        chance=0.1,
        size=(11.0, 4.8),
        image_shape=(1, 8, 8),
    ):
        super().__init__(*size)
        if labels.ndim != 2 or len(labels) != len(names):
            raise ValueError(
                f"labels must have shape ({len(names)}, A), a row for each name, got {tuple(labels.shape)}"
            )
        self.labels, self.columns = labels, check_count("columns", columns)
        self.read, self.n_judged = (
            check_callable("read", read, "lambda images: y"),
            check_count("n_judged", n_judged),
        )
        with matplotlib.rc_context(plotting.STYLE):
            grid = self.figure.add_gridspec(2, 2, width_ratios=[1, 1.15])
            blank = torch.zeros(len(labels) * self.columns, *image_shape)
            smooth = "bilinear" if image_shape[-1] > 16 else "nearest"
            self._grid = draw_label_grid(
                self.figure.add_subplot(grid[:, 0]), blank, names, interpolation=smooth
            )
            self.losses = plotting.Curves(
                self.figure.add_subplot(grid[0, 1]),
                {"d_loss": ("discriminator", plotting.CRITIC), "g_loss": ("generator", plotting.FAKE)},
                "loss (nats)", ylimits=(0.0, 2.0),
            )  # fmt: skip
            self.accuracy = plotting.Curves(
                self.figure.add_subplot(grid[1, 1]),
                {"accuracy": ("as asked, says the judge", plotting.OPTIMAL)},
                "share", targets=[(chance, plotting.MARK)],
            )  # fmt: skip
            for curves in (self.losses, self.accuracy):
                plotting.legend_above(curves.axes)
        self.losses.axes.set_xlabel("")
        self.curves, self.pictures = [self.losses, self.accuracy], [self]
        self._shown, self._trace = None, []

    @property
    def artists(self):
        """Everything that changes from picture to picture."""
        return [self._grid, *(artist for curves in self.curves for artist in curves.artists)]

    def clear(self):
        """Empty the curves for a new run; ghosts stay."""
        super().clear()
        self._shown, self._trace = None, []

    def measure(self, gan):
        """Return the share of n_judged generated pictures in which the judge reads all that was asked for."""
        with gan.between_steps():
            z = gan.fixed_z(self.n_judged).x
            asked = self.labels[torch.arange(self.n_judged) % len(self.labels)]
            return float((self.read(gan.generate(z, asked)) == asked).all(dim=1).double().mean())

    def update(self, gan):
        """Bring the artists up to date with `gan`; returns True if limits moved."""
        with gan.between_steps():
            step = len(gan.history)
            losses = {name: gan.history[name] for name in self.losses.lines}
            if self._shown != (id(gan.history), step):
                self._shown = id(gan.history), step
                self._set_grid(label_grid(gan.generate, gan.fixed_z(self.columns).x, self.labels))
                self._trace.append((step, self.measure(gan)))
        moved = [
            self.losses.update(name, np.arange(1, step + 1), values)
            for name, values in losses.items()
        ]
        moved.append(self.accuracy.update("accuracy", *np.array(self._trace).T))
        self._update_marks(gan.history)
        return any(moved)

    def _set_grid(self, images):
        page = tile(images, self.columns)
        self._grid.set_data(
            np.dstack([page, np.full(page.shape[:2], 255, np.uint8)])
        )  # four channels are drawn faster

    def describe(self, gan):
        """Say in a sentence what the picture shows."""
        share = self._trace[-1][1] if self._trace else self.measure(gan)
        return (
            f"A grid of generated pictures, one label per row and one latent per column, after {len(gan.history)} steps: the "
            f"judge reads what was asked for in {share:.0%} of {self.n_judged} pictures."
        )


class AskView:
    """A trained generator of faces, asked live, for an `Explorer`: one large portrait, and all its variants beside it.

    generate(z, y): from latents (n, latent_dim) and labels (n, A) to pictures (n, 3, s, s) in (-1, 1).
    attributes: {name: (value, ...)} in the order of y's columns. The large portrait has the latent
    (1 - t) z[person] + t z[another], scaled back to the length that a latent usually has: a plain mean would be shorter
    than any the generator has learned from. Beside it: the same latent, asked for each value of the first two
    attributes (rows) and of the third (columns). people: so many latents are kept, drawn from `seed`.
    """

    def __init__(self, generate, attributes, latent_dim, people=20, seed=0, size=(10.5, 4.6)):
        self.generate, self.attributes = (
            check_callable("generate", generate, "gan.generate"),
            attributes,
        )
        if len(attributes) != 3:
            raise ValueError(
                f"attributes must be three, rows, rows and columns of the table, got {len(attributes)}"
            )
        people = check_count("people", people, least=2)
        self.z = torch.randn(people, latent_dim, generator=torch.Generator().manual_seed(seed))
        self.counts = [len(values) for values in attributes.values()]
        self._variants = torch.cartesian_prod(*[torch.arange(count) for count in self.counts])
        self.controls = (
            Slider("person", "person", 0, people - 1, log=False, value=0),
            Slider("another", "another person", 0, people - 1, log=False, value=1),
            Slider("t", "from the one to the other", 0.0, 1.0, log=False, value=0.0, step=0.05),
            *(
                Choice(name, name.replace("_", " "), {value: k for k, value in enumerate(values)})
                for name, values in attributes.items()
            ),
        )
        self._build(size)

    def _build(self, size):
        self.figure = plotting.new_figure(*size)
        with matplotlib.rc_context(plotting.STYLE):
            large, table = self.figure.subplots(1, 2, width_ratios=[1, 1.25])
            side = self.generate(self.z[:1], self._variants[:1]).shape[-1]
            blank = torch.zeros(len(self._variants), 3, side, side)
            self._large = draw_faces(large, blank[:1], 1, interpolation="bilinear")
            self._table = draw_faces(table, blank, self.counts[2], interpolation="bilinear")
            rows = [f"{a}, {b}" for a in self._said(0) for b in self._said(1)]
            columns = list(self.attributes.values())[2]
            table.set_yticks(_row_centres(blank, len(rows)), rows, fontsize=9)
            table.set_xticks(_row_centres(blank, len(columns)), columns, fontsize=9)
            table.xaxis.tick_top()
            table.tick_params(length=0)
            (self._frame,) = table.plot([], [], color=plotting.HIGHLIGHT, lw=3)
        self._side, self.artists = side, [self._large, self._table, self._frame]

    def _said(self, k):
        name, values = list(self.attributes.items())[k]
        return [
            name if value == "yes" else f"no {name}" if value == "no" else value for value in values
        ]

    def latent(self, person, another, t):
        """Return the latent (1, latent_dim) at share t of the way from one person to another."""
        one, other = self.z[int(person)], self.z[int(another)]
        mixed = (1 - t) * one + t * other
        length = (1 - t) * one.norm() + t * other.norm()
        return (mixed * (length / mixed.norm().clamp(min=1e-6)))[None]

    def update(self, person, another, t, **asked):
        """Show the portrait that is asked for; returns False: the axes stay."""
        images = self.generate(
            self.latent(person, another, t).expand(len(self._variants), -1), self._variants
        )
        y = torch.tensor([asked[name] for name in self.attributes])
        chosen = int((self._variants == y).all(dim=1).nonzero()[0])
        for artist, page in (
            (self._large, tile(images[chosen][None])),
            (self._table, tile(images, self.counts[2])),
        ):
            artist.set_data(np.dstack([page, np.full(page.shape[:2], 255, np.uint8)]))
        row, column = divmod(chosen, self.counts[2])
        left, top, step = (
            column * (self._side + 2) - 1.5,
            row * (self._side + 2) - 1.5,
            self._side + 2,
        )
        self._frame.set_data(
            left + step * np.array([0, 1, 1, 0, 0]), top + step * np.array([0, 0, 1, 1, 0])
        )
        return False

    def describe(self, person, another, t, **asked):
        """Say in a sentence what was asked for."""
        wanted = ", ".join(
            f"{name.replace('_', ' ')}: {self.attributes[name][value]}"
            for name, value in asked.items()
        )
        who = (
            f"person {person}"
            if t == 0
            else f"{t:.0%} of the way from person {person} to person {another}"
        )
        return f"A generated portrait of {who}, asked for {wanted}; beside it, the same latent asked for every combination."
