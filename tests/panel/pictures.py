"""What a picture holds, drawn in the page or by matplotlib, in one form to compare."""

import base64
import gzip
import json
import re

import numpy as np
from matplotlib import cbook, collections, contour, patches, quiver


def number(x):
    return np.round(np.asarray(x, float), 3).tolist()


def of_page(fig):
    """{axes: {kind: data}} of a figure of the page."""
    found = []
    for ax in fig.axes:
        seen = {"title": ax.head.get("title", ""), "xlabel": ax.head.get("xlabel", "")}
        for layer in ax.head["layers"]:
            places, block = layer["data"], bytes(fig.block)
            data = [np.frombuffer(block, kind, size, at) for at, size, kind in places]
            kind = layer["kind"]
            if kind == "line":
                seen.setdefault(kind, []).append(number(data))
            elif kind == "handle":  # a ring in a still
                place = data or [[layer["x"]], [layer["y"]]]
                seen.setdefault("line", []).append(number(place))
            elif kind in ("points", "arrows"):
                seen.setdefault(kind, []).append(number(data[: 2 if kind == "points" else 4]))
            elif kind == "area":
                x, y = data[0], np.concatenate(data[1:])
                seen.setdefault(kind, []).append(number([x.min(), x.max(), y.min(), y.max()]))
            elif kind == "bars":
                seen.setdefault(kind, []).extend(number(np.transpose(data)))
            elif kind == "surface":
                seen.setdefault(kind, []).append(number(layer["levels"]))
            elif kind == "image":
                seen.setdefault(kind, []).append(data[0].reshape(layer["shape"])[..., :3].tolist())
            elif kind in ("vline", "hline"):
                seen.setdefault(kind, []).append(number(layer["at"]))
            elif kind in ("text", "note"):
                seen.setdefault("words", []).append(layer["s"])
        for key in ("xlim", "ylim"):
            if key in ax.head:
                seen[key] = number(ax.head[key])
        found.append(seen)
    return found


def of_matplotlib(fig, like):
    """The same of a matplotlib Figure; limits only where `like` has them."""
    found = []
    for ax, wanted in zip(fig.axes, like):
        seen = {"title": ax.get_title(loc="left") or ax.get_title(), "xlabel": ax.get_xlabel()}
        for line in ax.lines:
            x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
            if line.get_drawstyle() != "default":
                x, y = cbook.STEP_LOOKUP_MAP[line.get_drawstyle()](x, y)
            if line.get_transform() == ax.get_xaxis_transform():  # at x, or marks of moved knobs
                if len(x) == 2 and x[0] == x[1] and (y == [0, 1]).all():
                    seen.setdefault("vline", []).append(number(x[0]))
            elif line.get_transform() == ax.get_yaxis_transform():
                seen.setdefault("hline", []).append(number(y[0]))
            else:
                seen.setdefault("line", []).append(number([x, y]))
        for part in ax.collections:
            if isinstance(part, contour.ContourSet):
                seen.setdefault("surface", []).append(number(part.levels))
            elif isinstance(part, quiver.Quiver):
                data = [part.X, part.Y, part.U / part.scale, part.V / part.scale]
                seen.setdefault("arrows", []).append(number([np.ravel(x) for x in data]))
            elif isinstance(part, collections.PathCollection):
                seen.setdefault("points", []).append(number(np.transpose(part.get_offsets())))
            elif isinstance(part, collections.PolyCollection):
                x, y = part.get_paths()[0].vertices.T
                seen.setdefault("area", []).append(number([x.min(), x.max(), y.min(), y.max()]))
            elif isinstance(part, collections.LineCollection):  # the bars of an errorbar
                gaps = [[*segment, (segment[0][0], np.nan)] for segment in part.get_segments()]
                seen.setdefault("line", []).append(number(np.concatenate(gaps).T))
        for part in ax.patches:
            if isinstance(part, patches.Rectangle):
                box = [part.get_x(), part.get_width(), part.get_y(), part.get_height()]
                seen.setdefault("bars", []).append(number(box))
        for image in ax.images:
            rgba = image.to_rgba(image.get_array(), bytes=True, norm=True)
            seen.setdefault("image", []).append(rgba[..., :3].tolist())
        words = [text.get_text() for text in ax.texts]
        seen |= {"words": words} if words else {}
        for key in ("xlim", "ylim"):
            if key in wanted:
                seen[key] = number(getattr(ax, f"get_{key}")())
        found.append(seen)
    return found


def assert_alike(page, still):
    """The same data in both; lines in any order."""
    assert len(page) == len(still)
    for one, other in zip(page, still):
        assert one.keys() == other.keys()
        for kind in one:
            a, b = (sorted(map(str, x)) for x in (one[kind], other[kind]))
            assert a == b, kind


def stored(path):
    """What is in a recording: its story and its block of bytes."""
    text = re.search(r'text/plain">([^<]+)<', path.read_text(encoding="utf-8"))[1]
    whole = gzip.decompress(base64.b64decode(text))
    size = int.from_bytes(whole[:4], "little")
    return json.loads(whole[4 : 4 + size]), whole[4 + size :]
