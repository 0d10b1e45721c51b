"""Recordings: a page of arrays that plays without a kernel."""

import base64
import gzip
import html
import json
import os
import pathlib
import string

import numpy as np

from gan_edu._arguments import check_count
from gan_edu.panel.figure import Figure
from gan_edu.panel.knobs import spec_of
from gan_edu.panel.live import draw
from gan_edu.panel.page import module, style

SPEEDS = [{"value": value, "label": f"{value} a second"} for value in (5, 15, 30)]
PAGE = string.Template("""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>$title</title>
<style>$style
body { margin: 16px; background: var(--gan-paper, #fff); }</style>
<body><div id="panel"></div>
<script id="data" type="text/plain">$data</script>
<script type="module">
$module
const bytes = Uint8Array.from(atob(document.getElementById("data").textContent), (c) => c.charCodeAt(0));
const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
const whole = await new Response(stream).arrayBuffer();
const size = new DataView(whole).getUint32(0, true);
const story = JSON.parse(new TextDecoder().decode(new Uint8Array(whole, 4, size)));
panel(document.getElementById("panel"), recording(story, whole.slice(4 + size)));
</script>
""")


def record(run, view, path, every=20):
    """Write the run as a web page that plays without a kernel: a picture for every so many steps, the time line alive.

    The run is played again from its beginning with its moves, and is not changed.
    """
    every, block, pictures = check_count("every", every), bytearray(), []
    for moment in run.replayed(every):
        fig = Figure()
        draw(view, fig, moment)
        header = small(fig, block)
        knobs = {name: getattr(moment.knobs, name) for name in run.sliders}
        sides = [{"knobs": knobs, "figure": header}]
        pictures.append({"n": moment.n, "reached": run.n, "sides": sides, "words": fig.words})
    spec = {
        "type": "spec",
        "kind": "recording",
        "knobs": spec_of(run.sliders),
        "presets": [],
        "speeds": SPEEDS,
        "speed": 15,
    }
    story = json.dumps({"spec": spec, "seed": run.seed, "pictures": pictures}).encode()
    packed = gzip.compress(
        len(story).to_bytes(4, "little") + story + b" " * (-len(story) % 4) + bytes(block), 9
    )
    title = html.escape(pathlib.Path(path).stem.replace("_", " "))
    data = base64.b64encode(packed).decode()
    unfinished = pathlib.Path(path).with_suffix(".unfinished")
    unfinished.write_text(
        PAGE.substitute(
            title=title,
            style=style(),
            module=module("draw.js", "panel.js", "recording.js"),
            data=data,
        ),
        encoding="utf-8",
    )
    os.replace(unfinished, path)


def small(fig, block):
    """Append the figure's arrays to the block with 8 bits (surfaces) or 16 (all else) a number; return its header."""
    header = fig.header()
    for layer in (layer for ax in header["axes"] for layer in ax["layers"]):
        layer["data"] = [put(block, array(fig, place), layer["kind"]) for place in layer["data"]]
    return header


def array(fig, place):
    at, size, kind = place
    return np.frombuffer(bytes(fig.block[at : at + size * int(kind[1:])]), kind)


def put(block, x, kind):
    """Append an array with as few bits as a picture needs; return where it lies."""
    at, scale = len(block), []
    if x.dtype.kind == "f":
        steps, dtype = (254, "u1") if kind == "surface" else (65_000, "i2")
        low, high = (
            (float(np.nanmin(x)), float(np.nanmax(x))) if np.isfinite(x).any() else (0.0, 0.0)
        )
        scale = [low, (high - low) / steps or 1.0]
        whole = np.round((x - low) / scale[1]) - (0 if dtype == "u1" else 32_500)
        x = np.where(np.isnan(x), 32_767, whole).astype(dtype)
        scale[0] += 0 if dtype == "u1" else 32_500 * scale[1]
    block += x.tobytes() + b"\0" * (-x.nbytes % 4)
    return [at, x.size, x.dtype.str[1:], *scale]
