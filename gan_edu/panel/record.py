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
from gan_edu.panel.knobs import spec_of, values_of
from gan_edu.panel.live import draw
from gan_edu.panel.page import MODULES, source

SPEEDS = [(5, "5 a second"), (15, "15 a second"), (30, "30 a second")]
PAGE = string.Template("""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>$title</title>
<style>$style
body { margin: 16px; background: var(--gan-paper); color-scheme: light dark; }</style>
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
    every, block, pictures, places = check_count("every", every), bytearray(), [], {}
    for moment in run.replayed(every):
        fig = Figure()
        draw(view, fig, moment)
        side = dict(knobs=values_of(moment.knobs, run.sliders), figure=small(fig, block, places))
        pictures.append(dict(n=moment.n, reached=run.n, sides=[side], words=fig.words))
    spec = spec_of("recording", run.sliders, speeds=SPEEDS, speed=15)
    story = json.dumps({"spec": spec, "pictures": pictures}).encode()
    story += b" " * (-len(story) % 4)
    packed = gzip.compress(len(story).to_bytes(4, "little") + story + bytes(block), 9)
    parts = dict(style=source("panel.css"), module=source(*MODULES, "recording.js"))
    parts |= dict(title=html.escape(pathlib.Path(path).stem.replace("_", " ")))
    unfinished = pathlib.Path(path).with_suffix(".unfinished")
    page = PAGE.substitute(parts, data=base64.b64encode(packed).decode())
    unfinished.write_text(page, encoding="utf-8")
    os.replace(unfinished, path)


def small(fig, block, places):
    """Append the figure's arrays to the block with 8 bits (surfaces) or 16 (all else) a number; return its header.

    places: where an array already lies, {bytes: place}; what does not change is written once. On a log axis even steps
    would make one number of all small ones: there arrays stay as they are.
    """
    for ax in fig.axes:
        log = "log" in (ax.head.get("xscale"), ax.head.get("yscale"))
        for layer in ax.head["layers"]:
            found = [np.frombuffer(fig.block, kind, n, at) for at, n, kind in layer["data"]]
            layer["data"] = [put(block, x, "log" if log else layer["kind"], places) for x in found]
    return fig.header()


def put(block, x, kind, places):
    """Append an array with as few bits as a picture needs; return where it lies."""
    scale = []
    if x.dtype.kind == "f" and kind != "log":
        few = 254, 0, 255, "u1"  # steps, the middle one, what stands for nan, type
        steps, middle, nan, dtype = few if kind == "surface" else (65_000, 32_500, 32_767, "i2")
        known = x[np.isfinite(x)]
        low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
        unit = (high - low) / steps or 1.0
        x = np.where(np.isfinite(x), np.round((x - low) / unit) - middle, nan).astype(dtype)
        scale = [low + middle * unit, unit]
    at = places.setdefault(x.tobytes(), len(block))
    if at == len(block):
        block += x.tobytes() + b"\0" * (-x.nbytes % 4)
    return [at, x.size, x.dtype.str[1:], *scale]
