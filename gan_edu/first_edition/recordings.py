"""Recordings: training runs as one page that plays without a kernel and without a network, for lectures and readers.

A recording holds the pictures of real runs, one run for each value of a knob, at the same steps and on the same scales.
Its page has the panel's controls (play, step, speed, a slider for the knob) and says in large letters what it is.
"""

import base64
import dataclasses
import functools
import html
import io
import json
import os
import pathlib
import re
import tempfile

import numpy as np
from PIL import Image

from gan_edu._arguments import check_callable, check_count
from gan_edu.first_edition.screen import Painter

COLOURS = 96  # pictures of lines and bars need no more, and are then a quarter of the size
PHOTO_QUALITY = 60  # of WebP, out of 100: text is still sharp, and a grid of faces takes 30 kB
FORMAT = "gan_edu recording 1"


@dataclasses.dataclass(frozen=True)
class Recording:
    """What `load_recording` found: one run for each value of the knob.

    steps: (n_frames,), the training steps shown; a run that diverged has fewer frames. descriptions[k][i]: run k, frame i
    in words. faults[k]: why run k ended before its time, or "". limits: of the axes of each of the view's curves.
    """

    title: str
    knob: str
    values: list
    steps: list
    descriptions: list
    faults: list
    limits: list
    _bases: list
    _frames: list

    def frame(self, k, i):
        """Return frame i of run k as an array (height, width, 3) of uint8."""
        base = Image.open(io.BytesIO(base64.b64decode(self._bases[k]))).convert("RGBA")
        base.alpha_composite(
            Image.open(io.BytesIO(base64.b64decode(self._frames[k][i]))).convert("RGBA")
        )
        return np.asarray(base.convert("RGB"))


def record(
    path,
    make_gan,
    make_view,
    knob,
    values,
    n_steps=1000,
    n_frames=40,
    symbol=None,
    title="",
    source="",
    photos=False,
):
    """Train a GAN for each value of a knob and write the pictures to an HTML page; return its path.

    make_gan(), make_view(): a new GAN, always of the same seed, and a new view of it. knob, values: a name among
    Hyperparameters, with its values. The pictures are taken at n_frames steps, evenly from 0 to n_steps.
    title: what is shown; source: how to make it again; both in words for the page. photos: the pictures have many shades,
    as faces have, and are stored with small losses instead of in few colours. Every run is made twice, first to find
    scales that suit all of them: RuntimeError where the second is not the first, bit for bit. A run that diverges is
    recorded up to there. The file appears under its name only when it is complete.
    """
    path = pathlib.Path(path)
    if path.suffix != ".html" or not path.parent.is_dir():
        raise ValueError(f"path must end in .html, in a folder that exists, got {str(path)!r}")
    check_callable("make_gan", make_gan, "lambda: panel_gan(seed=0)")
    check_callable("make_view", make_view, "lambda: MyView()")
    values, n_steps, n_frames = (
        list(values),
        check_count("n_steps", n_steps),
        check_count("n_frames", n_frames, least=2),
    )
    if not values:
        raise ValueError("values must hold at least one value of the knob, got none")
    steps = np.unique(np.linspace(0, n_steps, n_frames).round().astype(int)).tolist()

    views, samples, first_runs = [], [], []
    for value in values:
        painter = Painter(make_view())
        pictures, fault, history = _run(make_gan, knob, value, steps, painter.array)
        samples += [pictures[0], pictures[-1]]
        views.append(painter.view)
        first_runs.append((fault, history))
    palette = (
        None
        if photos
        else Image.fromarray(np.concatenate(samples)).quantize(COLOURS, dither=Image.Dither.NONE)
    )
    limits = _common_scales(views)

    runs, descriptions = [], []
    for value, (first_fault, first_history) in zip(values, first_runs):
        view = make_view()
        set_scales(view, limits)
        look = functools.partial(_look, Painter(view), palette)
        seen, fault, history = _run(make_gan, knob, value, steps, look)
        if fault != first_fault or not np.array_equal(history, first_history, equal_nan=True):
            raise RuntimeError(
                f"two runs at {knob} = {value!r} differ: make_gan must always give a GAN of the same seed"
            )
        runs.append([picture for picture, _ in seen])
        descriptions.append([words for _, words in seen])

    if photos:
        layers = [_photos(pictures) for pictures in runs]
    else:
        colours = np.array(palette.getpalette("RGB"), dtype=np.uint8).reshape(-1, 3)
        colours[(colours > 250).all(axis=1)] = 255  # white, of which the palette has made a mean
        layers = [_layers(pictures, colours) for pictures in runs]
    gan = make_gan()
    content = {
        "format": FORMAT,
        "title": title,
        "source": source,
        "knob": knob,
        "symbol": symbol or knob,
        "values": values,
        "steps": steps,
        "settings": {name: value for name, value in vars(gan.hparams).items() if name != knob},
        "seed": gan.seed,
        "descriptions": descriptions,
        "faults": [fault for fault, _ in first_runs],
        "limits": limits,
        "size": samples[0].shape[1::-1],
        "bases": [base for base, _ in layers],
        "frames": [frames for _, frames in layers],
    }
    _write(path, _page(content))
    return path


def load_recording(path):
    """Return the `Recording` in a page that `record` wrote; ValueError where it is none."""
    text = pathlib.Path(path).read_text(encoding="utf-8")
    found = re.search(
        r'<script type="application/json" id="recording">(.*?)</script>', text, re.DOTALL
    )
    content = json.loads(found[1]) if found else {}
    if content.get("format") != FORMAT:
        raise ValueError(
            f"path must be a page written by gan_edu.first_edition.recordings.record, got {str(path)!r}"
        )
    shared = ("title", "knob", "values", "steps", "descriptions", "faults", "limits")
    return Recording(*(content[name] for name in shared), content["bases"], content["frames"])


def set_scales(view, limits):
    """Give the view's curves the limits of a recording, so that its pictures can be compared with the recorded ones."""
    for curves, (left, right, low, high) in zip(view.curves, limits):
        curves.axes.set_xlim(left, right)
        curves.axes.set_ylim(low, high)


def _run(make_gan, knob, value, steps, look):
    """Train with one value of the knob; return what look(gan) returned at each of the steps, a fault, and the history."""
    gan, seen, fault = make_gan(), [], ""
    gan.set(knob, value)
    for step in steps:
        try:
            while len(gan.history) < step:
                gan.step()
        except FloatingPointError as trouble:
            fault = f"Training diverged: {trouble}."
            break
        seen.append(look(gan))
    return seen, fault, np.column_stack([gan.history[column] for column in gan.history.columns])


def _look(painter, palette, gan):
    """Return the picture, as indices (height, width) into the palette if there is one, and what it shows in words."""
    picture = painter.array(gan)
    if palette is not None:
        picture = np.asarray(
            Image.fromarray(picture).quantize(palette=palette, dither=Image.Dither.NONE)
        )
    return picture, painter.view.describe(gan)


def _common_scales(views):
    """Return limits (left, right, low, high) for each of a view's curves that suit all the views."""
    limits = np.array(
        [[(*c.axes.get_xlim(), *c.axes.get_ylim()) for c in view.curves] for view in views]
    )
    lows, highs = limits.min(axis=0), limits.max(axis=0)
    return [(low[0], high[1], low[2], high[3]) for low, high in zip(lows.tolist(), highs.tolist())]


def _layers(pictures, colours):
    """Return what most pictures of a run share, and for each picture what lies over it, as WebP in base64.

    pictures: arrays (height, width) of indices into colours (n, 3).
    """
    some = np.sort(np.stack(pictures[:: -(-len(pictures) // 31)]), axis=0)
    base = some[
        len(some) // 2
    ]  # the median is what at least half of them have, where there is such a thing
    frames = []
    for picture in pictures:
        differs = picture != base
        frames.append(
            _webp(np.dstack([colours[picture] * differs[..., None], np.uint8(255) * differs]))
        )
    return _webp(colours[base]), frames


def _photos(pictures):
    """Return an empty layer, and each picture whole over it, as WebP in base64."""
    frames = [_webp(picture, lossless=False, quality=PHOTO_QUALITY) for picture in pictures]
    return _webp(np.zeros_like(pictures[0])), frames


def _webp(pixels, lossless=True, quality=90):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "webp", lossless=lossless, quality=quality, method=4)
    return base64.b64encode(buffer.getvalue()).decode()


def _write(path, text):
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(unfinished, 0o644)
        os.replace(unfinished, path)
    except BaseException:
        os.unlink(unfinished)
        raise


def _page(content):
    data = json.dumps(content, ensure_ascii=False).replace(
        "</", "<\\/"
    )  # no string may end the script
    title = html.escape(content["title"] or "A live panel")
    width, height = content["size"]
    return (
        PAGE.replace("@title@", title)
        .replace("@width@", str(width))
        .replace("@height@", str(height))
        .replace("@data@", data)
    )


PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>Recording: @title@</title>
<style>
:root { color-scheme: light; }
body { margin: 0; padding: 10px 14px; font: 16px/1.4 system-ui, sans-serif; color: #1a1a1a; background: #fff; }
main { max-width: 1400px; margin: auto; }
h1 { margin: 0 0 8px; font-size: 1.25rem; }
.badge { display: inline-block; margin-right: 10px; padding: 2px 12px; background: #8a1c00; color: #fff; font-size: 1.5rem; letter-spacing: 0.04em; }
.controls { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 18px; margin: 6px 0; }
.controls label { display: flex; align-items: center; gap: 8px; }
button, select { font: inherit; padding: 3px 12px; min-height: 34px; }
input[type=range] { width: 15em; accent-color: #0072b2; }
#step { width: 24em; max-width: 60vw; }
:focus-visible { outline: 3px solid #0072b2; outline-offset: 2px; }
output { min-width: 5em; font-variant-numeric: tabular-nums; font-weight: 600; }
canvas { display: block; width: 100%; height: auto; border: 1px solid #bbb; box-sizing: border-box; }
.status { font-variant-numeric: tabular-nums; margin: 4px 0; }
.fault { color: #a40000; font-weight: 600; }
#words { margin: 6px 0; min-height: 2.8em; }
details { font-size: 0.9rem; color: #444; }
</style>
</head>
<body>
<main>
<h1><span class="badge">Recording</span>@title@</h1>
<noscript><p class="fault">This page needs its script. In JupyterLab press “Trust HTML” above, or open the file in a browser.</p></noscript>
<div class="controls">
  <button id="play" type="button">Play</button>
  <button id="forward" type="button">Step</button>
  <button id="reset" type="button">Reset</button>
  <label><span id="symbol"></span> <input id="knob" type="range" min="0" step="1" value="0"><output id="value" for="knob"></output></label>
  <label>step <input id="step" type="range" min="0" step="1" value="0"><output id="at" for="step"></output></label>
  <label>speed <select id="speed">
    <option value="2">slow</option><option value="8" selected>normal</option><option value="24">fast</option>
  </select></label>
</div>
<p class="status" id="status"></p>
<canvas id="picture" width="@width@" height="@height@" role="img"></canvas>
<p id="words" aria-live="polite"></p>
<details><summary>Where these pictures come from</summary><p id="source"></p></details>
</main>
<script type="application/json" id="recording">@data@</script>
<script>
"use strict";
const recording = JSON.parse(document.getElementById("recording").textContent);
const [play, forward, reset, knob, step, speed, value, at, canvas, words, status] =
  ["play", "forward", "reset", "knob", "step", "speed", "value", "at", "picture", "words", "status"].map((id) => document.getElementById(id));
const context = canvas.getContext("2d");
const number = (x) => x === null ? "off" : String(Number(x.toPrecision(3)));
const decoded = new Map();
const picture = (name, data) => {
  if (!decoded.has(name)) {
    const image = new Image();
    image.src = "data:image/webp;base64," + data;
    decoded.set(name, image.decode().then(() => image));
  }
  return decoded.get(name);
};
const settings = Object.entries(recording.settings).map(([name, x]) => name + " = " + number(x)).join(", ");
document.getElementById("symbol").textContent = recording.symbol;
document.getElementById("source").textContent =
  "Pictures of real training runs, one for each value of " + recording.symbol + ", each from the start with seed " + recording.seed +
  "; the other knobs: " + settings + ". " + recording.source;
knob.max = recording.values.length - 1;
knob.setAttribute("aria-label", recording.symbol + " (" + recording.knob + "), recorded values only");
step.max = recording.steps.length - 1;
step.setAttribute("aria-label", "training step");

let playing = null, drawn = 0, shown = 0, speak = null;
const run = () => Number(knob.value);
const last = () => recording.frames[run()].length - 1;
const frame = () => Math.min(Number(step.value), last());
const show = async () => {
  const k = run(), i = frame(), turn = ++drawn;
  const lambda = number(recording.values[k]), trained = recording.steps[i], end = recording.steps.at(-1);
  const fault = Number(step.value) >= last() ? recording.faults[k] : "";
  value.textContent = lambda;
  at.textContent = trained;
  knob.setAttribute("aria-valuetext", recording.symbol + " = " + lambda);
  step.setAttribute("aria-valuetext", "step " + trained + " of " + end);
  status.textContent = "Recording · " + (playing ? "playing" : "paused") + " · step " + trained + " of " + end + " · " + recording.symbol + " = " + lambda;
  if (fault) {
    const told = document.createElement("span");
    told.className = "fault";
    told.textContent = " " + fault;
    status.append(told);
  }
  play.textContent = playing ? "Pause" : "Play";
  const told = recording.descriptions[k][i];
  canvas.setAttribute("aria-label", "Recording. " + told);
  clearTimeout(speak);  // a screen reader speaks each change: only what has stood for a moment is one
  speak = setTimeout(() => { if (words.textContent !== told) words.textContent = told; }, 600);
  const layers = await Promise.all([picture("base " + k, recording.bases[k]), picture(k + "/" + i, recording.frames[k][i])]);
  if (turn < shown) return;  // a later picture was decoded sooner
  shown = turn;
  for (const layer of layers) context.drawImage(layer, 0, 0);
  canvas.dataset.run = k;
  canvas.dataset.frame = i;
};
const stop = () => { clearTimeout(playing); playing = null; };
const advance = () => {
  if (frame() >= last()) { stop(); show(); return; }
  step.value = frame() + 1;
  playing = setTimeout(advance, 1000 / Number(speed.value));
  show();
};
play.addEventListener("click", () => {
  if (playing) stop();
  else {
    if (frame() >= last()) step.value = 0;
    playing = setTimeout(advance, 0);
  }
  show();
});
forward.addEventListener("click", () => { stop(); step.value = Math.min(frame() + 1, last()); show(); });
reset.addEventListener("click", () => { stop(); step.value = 0; show(); });
knob.addEventListener("input", show);  // while it plays, too: the same step at another value
step.addEventListener("input", () => { stop(); show(); });
document.addEventListener("keydown", (event) => {
  if (event.key === " " && !["BUTTON", "SELECT", "SUMMARY"].includes(event.target.tagName)) { event.preventDefault(); play.click(); }
});
show();
</script>
</body>
</html>
"""
