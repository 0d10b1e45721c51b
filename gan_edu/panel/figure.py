"""A figure that the page draws: its words are matplotlib's, so that the same view also draws a still with matplotlib.

What a view draws becomes a header for JSON and one block of bytes. Arrays are named by [offset, size, type].
"""

import functools
import inspect

import matplotlib
import matplotlib.colors
import matplotlib.ticker
import numpy as np

from gan_edu.style import STYLE

CYCLE = STYLE["axes.prop_cycle"].by_key()["color"]
LINES, MARKERS = ("--", "-.", "-", ":"), "os.x^"
PAGE = dict(c="color", lw="width", linewidth="width", ls="dash", linestyle="dash", fontsize="size")


def describe(fig, words):
    """Say what the picture shows, to those who cannot see it. fig: a figure of the page or of matplotlib."""
    fig.words = words


def curves(ax, log, *names, colors=None):
    """Draw columns of a run's log over the steps, with marks where knobs moved and the curves of kept runs."""
    for k, name in enumerate(names):
        color = (colors or CYCLE)[k]
        for ghost in [*log.ghosts, log]:
            if name not in ghost:
                continue
            column = ghost[name]
            stride = max(1, len(column) // 500)
            steps = np.arange(1, len(column) + 1)[::-stride][::-1]
            alpha, label = (1, name) if ghost is log else (0.35, None)
            ax.plot(steps, column[steps - 1], color=color, lw=1.5, alpha=alpha, label=label)
    moved = {}  # of moves that follow each other closely, as those of a dragged slider, the last
    for n, name, value in log.moves:
        close = name, 50 * n // max(1, log.n)
        value = getattr(value, "__name__", value)
        many = f"{len(value)} places" if isinstance(value, tuple) and len(value) > 4 else value
        moved[close] = n, f"step {n}: {name} = {many}"
    moved = [(n, words) for n, words in moved.values() if n]
    if moved and isinstance(ax, Axes):
        ax.layer("marks", array([n for n, _ in moved]), labels=[words for _, words in moved])
    elif moved:
        at = ax.get_xaxis_transform()
        ax.plot([n for n, _ in moved], [0.02] * len(moved), "^", color="0.4", ms=5, transform=at)
    ax.set(xlabel="step")


def handle(ax, name, place, color="#CC79A7"):
    """Draw the point knob `name` at place (x, y); in a panel it is dragged there."""
    if isinstance(ax, Axes):
        ax.layer("handle", name=name, x=float(place[0]), y=float(place[1]), color=color)
    else:
        ax.plot(*place, "o", mfc="none", mec=color, ms=11, mew=3)


def handles(ax, name, x, heights, color="#CC79A7"):
    """Draw the heights of the bars knob `name` at the places x; in a panel each is dragged up and down."""
    if isinstance(ax, Axes):
        ax.layer("handle", *same_length(x, heights), name=name, color=color)
    else:
        ax.plot(x, heights, "o", mfc="none", mec=color, ms=11, mew=3)


def canvas(ax, name):
    """Let the mouse paint the sketch knob `name` in these axes, where the view is drawn in a panel."""
    if isinstance(ax, Axes):
        ax.head["canvas"] = name


@functools.cache
def color_of(color):
    """Return a colour as #rrggbbaa; None, for the page's ink, where it is black."""
    if color is None:
        return None
    if isinstance(color, str) and color[0] == "C" and color[1:].isdigit():
        color = CYCLE[int(color[1:]) % len(CYCLE)]
    color = matplotlib.colors.to_hex(color, keep_alpha=True)
    return None if color == "#000000ff" else color


class NotDrawn(Exception):
    """What is wrong with an argument."""


def word(*looks):
    """Make a method of Axes take these words of style, and say what it knows where a word is unknown."""

    def made(method):
        known = [*inspect.getfullargspec(method).args[1:], *looks]

        @functools.wraps(method)
        def checked(self, *args, **more):
            for name in more.keys() - known:
                what = f"{method.__name__} has no {name!r} in a panel"
                raise TypeError(f"{what}; it knows {', '.join(known)}")
            try:
                return method(self, *args, **more)
            except NotDrawn as fault:
                raise ValueError(f"{method.__name__}: {fault}") from None

        return checked

    return made


LINE = "color", "c", "lw", "linewidth", "ls", "linestyle", "alpha", "label"
FILL = "color", "alpha", "label"
TEXT = "color", "fontsize", "ha", "va"
AXES = "title xlim ylim xlabel ylabel aspect xscale yscale xticks xticklabels yticks".split()


def array(x, dtype="f4"):
    """Return numbers as an array; a tensor must be detached, as for matplotlib."""
    try:
        return np.ascontiguousarray(x, dtype)
    except (TypeError, ValueError, RuntimeError) as fault:
        raise NotDrawn(f"this cannot be drawn, {fault}") from None


def same_length(*xs):
    """Return flat arrays of one length; a number stands for as many."""
    xs = [array(x).squeeze() for x in xs]
    try:
        return [np.ascontiguousarray(x) for x in np.broadcast_arrays(*xs)]
    except ValueError:
        sizes = ", ".join(str(x.shape) for x in xs)
        raise NotDrawn(f"lengths must be equal, got shapes {sizes}") from None


class Axes:
    """Axes of the page: the subset of matplotlib's that the lessons need, with the same meaning."""

    def __init__(self, figure, box):
        self.figure, self.transAxes = figure, "axes"
        self.head = dict(box=box, layers=[], legend=False, ticks=True, aspect="auto")
        self._cycle = {"line": 0, "fill": 0}

    def __getattr__(self, name):
        known = [key for key, value in vars(Axes).items() if hasattr(value, "__wrapped__")]
        raise AttributeError(f"axes in a panel have no {name!r}; they know {', '.join(known)}")

    def layer(self, kind, *arrays, cycle=None, **look):
        """Add a layer: its arrays, and its look under the page's names for matplotlib's."""
        look = {PAGE.get(name, name): value for name, value in look.items() if value is not None}
        if cycle and "color" not in look:
            look["color"] = f"C{self._cycle[cycle]}"
            self._cycle[cycle] += 1
        look["color"] = color_of(look.get("color"))
        look = {name: value for name, value in look.items() if value is not None}
        if any(isinstance(value, float) and not np.isfinite(value) for value in look.values()):
            return  # a line at nan is nowhere, as in matplotlib
        data = [self.figure.put(x) for x in arrays]
        self.head["layers"].append({"kind": kind, "data": data} | look)

    @word(*LINE, "marker", "ms")
    def plot(self, *args, marker=None, ms=6, **look):
        *places, form = args if isinstance(args[-1], str) else (*args, "")
        if len(places) not in (1, 2):
            raise NotDrawn("one line at a time: plot(y), plot(x, y) or plot(x, y, form)")
        dash = next((dash for dash in LINES if dash in form), None)
        rest = form.replace(dash or "", "")
        mark = marker or next((mark for mark in rest if mark in MARKERS), None)
        letter = rest.strip(MARKERS)
        look |= {"color": letter} if letter else {}
        if not look.keys() & {"ls", "linestyle"}:
            look["ls"] = dash or ("none" if mark and form else "-")
        y = array(places[-1])
        x = np.arange(len(y)) if len(places) == 1 else places[0]
        for column in y.T if y.ndim == 2 else [y]:
            x, column = same_length(x, column)
            self.layer("line", x, column, cycle="line", marker=mark, size=ms**2, **look)
            look.pop("label", None)

    @word(*LINE)
    def step(self, x, y, where="pre", **look):
        x, y = (np.repeat(side, 2) for side in same_length(x, y))
        if where not in ("pre", "post"):
            raise NotDrawn(f"where must be 'pre' or 'post', got {where!r}")
        self.plot(*((x[:-1], y[1:]) if where == "pre" else (x[1:], y[:-1])), **look)

    @word("color", "cmap", "marker", "alpha", "label")
    def scatter(self, x, y, s=20, c=None, cmap="viridis", marker="o", **look):
        x, y = same_length(x, y)
        look |= dict(size=float(s), marker=marker)
        if c is None or isinstance(c, str) or np.ndim(c) != 1 or len(c) != len(x):
            self.layer("points", x, y, cycle="fill", c=c, **look)
        else:
            norm = matplotlib.colors.Normalize()
            colors = matplotlib.colormaps.get_cmap(cmap)(norm(array(c)), bytes=True)
            self.layer("points", x, y, colors.ravel(), **look)

    @word(*FILL)
    def fill_between(self, x, y1, y2=0, **look):
        self.layer("area", *same_length(x, y1, y2), cycle="fill", **look)

    @word(*LINE)
    def errorbar(self, x, y, yerr=None, fmt="-", **look):
        x, y = same_length(x, y)
        if "color" not in look:
            look["color"] = f"C{self._cycle['line']}"
            self._cycle["line"] += 1
        if yerr is not None:
            low, high = np.broadcast_to(array(yerr), (2, len(x)))
            bars = np.stack([y - low, y + high, np.full(len(y), np.nan)], 1).ravel()
            self.layer("line", np.repeat(x, 3), array(bars), **look | {"ls": "-", "label": None})
        if fmt != "none":
            self.plot(x, y, fmt, **look)

    @word(*FILL)
    def bar(self, x, height, width=0.8, bottom=0, **look):
        if len(x) and isinstance(x[0], str):
            self.set(xticks=np.arange(len(x)), xticklabels=list(x))
            x = np.arange(len(x))
        x, height, width, bottom = same_length(x, height, width, bottom)
        self.layer("bars", x - width / 2, width, bottom, height, cycle="fill", **look)

    @word(*FILL)
    def hist(self, x, bins=10, range=None, density=False, **look):
        heights, edges = np.histogram(array(x).ravel(), bins, range, density=density)
        bars = [array(part) for part in (edges[:-1], np.diff(edges), 0 * heights, heights)]
        self.layer("bars", *bars, cycle="fill", **look)
        return heights, edges, None

    @word()
    def contourf(self, X, Y, Z, levels=8, cmap="viridis"):
        x, y, z = array(X), array(Y), array(Z)
        x, y = x[0] if x.ndim == 2 else x, y[:, 0] if y.ndim == 2 else y
        if z.shape != (len(y), len(x)):
            raise NotDrawn(f"Z must have shape ({len(y)}, {len(x)}), that of (Y, X), got {z.shape}")
        if any(np.ptp(np.diff(side)) > 1e-3 * abs(side[1] - side[0]) for side in (x, y)):
            raise NotDrawn("X and Y must be evenly spaced")
        levels = bands(z, levels)
        middles = matplotlib.colors.Normalize(levels[0], levels[-1])((levels[1:] + levels[:-1]) / 2)
        colors = matplotlib.colormaps.get_cmap(cmap)(middles, bytes=True)
        colors = ["#" + bytes(color).hex() for color in colors]
        ends = dict(x=x[[0, -1]].tolist(), y=y[[0, -1]].tolist())
        self.layer("surface", z, shape=z.shape, levels=levels.tolist(), colors=colors, **ends)

    @word()
    def imshow(self, X, cmap=None, vmin=None, vmax=None, extent=None, interpolation=None):
        pixels = array(X, None)
        if pixels.ndim == 2:
            norm = matplotlib.colors.Normalize(vmin, vmax)
            pixels = matplotlib.colormaps.get_cmap(cmap)(norm(pixels), bytes=True)
        if pixels.ndim != 3 or pixels.shape[2] not in (3, 4):
            raise NotDrawn(f"a picture has shape (H, W), (H, W, 3 or 4), got {pixels.shape}")
        if pixels.dtype != np.uint8:
            pixels = (np.clip(pixels, 0, 1) * 255 + 0.5).astype("u1")
        h, w, _ = pixels.shape
        extent = [float(v) for v in extent or (-0.5, w - 0.5, h - 0.5, -0.5)]
        smooth = interpolation not in (None, "nearest")
        self.layer("image", pixels, shape=pixels.shape, extent=extent, smooth=smooth)
        self.head["aspect"] = "equal"

    @word()
    def quiver(self, X, Y, U, V, color="k", angles=None, scale_units=None, scale=None):
        if (angles, scale_units) != ("xy", "xy") or not scale:
            raise NotDrawn('arrows are in data units: angles="xy", scale_units="xy", scale=1')
        (x, y, u, v), scale = same_length(X, Y, U, V), float(scale)  # NumPy's would make it f8
        self.layer("arrows", x, y, u / scale, v / scale, color=color, lw=1.5)

    @word(*LINE)
    def axvline(self, x, **look):
        self.layer("vline", at=float(x), **{"lw": 1.2} | look)

    @word(*LINE)
    def axhline(self, y, **look):
        self.layer("hline", at=float(y), **{"lw": 1.2} | look)

    @word(*TEXT)
    def text(self, x, y, s, transform="data", bbox=None, **look):
        place = dict(x=float(x), y=float(y), coords=transform, box=bbox is not None)
        self.layer("text", s=str(s), **place, **look)

    @word(*TEXT)
    def annotate(self, text, xy, xytext=None, arrowprops=None, **look):
        xy, xytext = ([float(v) for v in place] for place in (xy, xytext or xy))
        self.layer("note", s=str(text), xy=xy, xytext=xytext, arrow=arrowprops is not None, **look)

    @word(*AXES)
    def set(self, **properties):
        for name, value in properties.items():
            if np.ndim(value):
                value = [v if v is None or isinstance(v, str) else float(v) for v in value]
            self.head[name] = str(value) if name in ("title", "xlabel", "ylabel") else value

    @word()
    def legend(self, loc=None):
        self.head["legend"] = True

    @word()
    def axis(self, what):
        if what != "off":
            raise NotDrawn(f"axis knows only 'off', got {what!r}")
        self.head["ticks"] = False


def bands(z, levels):
    """Return the boundaries of a contour's bands, as matplotlib chooses them."""
    if np.ndim(levels):
        return np.asarray(levels, float)
    low, high = float(np.nanmin(z)), float(np.nanmax(z))
    found = matplotlib.ticker.MaxNLocator(levels + 1, min_n_ticks=1).tick_values(low, high)
    within = found[max(0, (found < low).sum() - 1) : (found <= high).sum() + 1]
    return within if len(within) >= 3 else found


def shares(ratios, n):
    """Return where each of n parts of a whole begins, and how large it is."""
    parts = np.array(ratios or [1] * n, float)
    if len(parts) != n:
        raise ValueError(f"ratios must be {n} numbers, got {len(parts)}")
    parts /= parts.sum()
    return np.stack([parts.cumsum() - parts, parts], 1).round(4).tolist()


class Figure:
    """What a view draws on in a panel."""

    def __init__(self, block=None):
        self.axes, self.words, self.block = [], "", bytearray() if block is None else block

    def subplots(self, nrows=1, ncols=1, width_ratios=None, height_ratios=None):
        """Return Axes in an array, one alone or a row or a column as itself, as matplotlib does."""
        rows, columns = shares(height_ratios, nrows), shares(width_ratios, ncols)
        boxes = [[x, y, width, height] for y, height in rows for x, width in columns]
        found = np.array([Axes(self, box) for box in boxes], object).reshape(nrows, ncols)
        self.axes += list(found.ravel())
        return found.item() if found.size == 1 else found.squeeze()

    def __getattr__(self, name):
        raise AttributeError(f"a figure in a panel has no {name!r}; it knows subplots")

    def put(self, x):
        """Add an array to the block of bytes; return where it lies."""
        at = len(self.block)
        self.block += np.ascontiguousarray(x).tobytes()
        self.block += b"\0" * (-len(self.block) % 4)
        return [at, x.size, x.dtype.str[1:]]

    def header(self):
        return {"axes": [ax.head for ax in self.axes]}
