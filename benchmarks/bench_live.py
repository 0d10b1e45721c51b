"""The live panel in a real browser, the ring with WGAN-GP: pictures a second, delays of a slider, memory, rewinding."""

import json
import pathlib
import sys
import tempfile
import time

import nbformat
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests"))

from lab import CHROMIUM, ask, chromium_page, open_notebook, run_all, served

from benchmarks.bench_training import RING
from gan_edu.run import Run

ROOT = pathlib.Path(__file__).resolve().parent.parent
SETUP = f"""\
import os, sys, time
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "tests")!r}]
import psutil
from benchmarks.bench_training import RING
from panel.views import plane
from gan_edu.panel import live, log_slider

build, step, knobs = RING

def drawing(n=200):
    "Milliseconds of the kernel and kilobytes for one picture."
    begun = time.perf_counter()
    for _ in range(n):
        panel.draw()
    return (time.perf_counter() - begun) / n * 1000, (len(panel.block) + len(str(panel.picture))) / 1000
"""
PANEL = """\
panel = live(build, step, plane, knobs | {"lambda_gp": log_slider(0.05, 50, 0.5)})
panel"""
COUNTED = """async seconds => {
    const canvas = document.querySelector('.gan-picture'), since = performance.now(), before = +canvas.dataset.shown;
    await new Promise(done => setTimeout(done, 1000 * seconds));
    return (canvas.dataset.shown - before) / (performance.now() - since) * 1000;
}"""
PRESSED = """async key => {
    const input = document.querySelector('input[data-knob="lambda_gp"]'), canvas = document.querySelector('.gan-picture');
    const value = () => JSON.parse(canvas.dataset.knobs).lambda_gp, before = value(), since = performance.now();
    input.value = +input.value + key * 5 * +(input.step || 0.01);
    input.dispatchEvent(new Event('input', {bubbles: true}));
    while (value() === before && performance.now() - since < 5000) await new Promise(requestAnimationFrame);
    return performance.now() - since;
}"""
PAGE = "[performance.memory.usedJSHeapSize / 1e6, document.querySelectorAll('*').length]"


def delays(page, presses=40):
    """Return the milliseconds from each of so many moves of a slider to the picture that shows it."""
    found = []
    for press in range(presses):
        found.append(page.evaluate(PRESSED, 1 if press % 4 < 2 else -1))
        page.wait_for_timeout(137)
    return found


def speed(page, seconds, code):
    """Return the steps a second in the kernel after running `code` there."""
    begun = json.loads(ask(page, f"[{code}, panel.run.n, time.monotonic()][1:]"))
    page.wait_for_timeout(1000 * seconds)
    ended = json.loads(ask(page, "[panel.run.n, time.monotonic()]"))
    return (ended[0] - begun[0]) / (ended[1] - begun[1])


def kept(page, rate, rounds=5, seconds=2):
    """Return the training speed with `rate` pictures a second over that without any, one number a round."""
    ratios = []
    for _ in range(rounds):
        without = speed(page, seconds, "setattr(panel, 'visible', False)")
        shown = f"[setattr(panel, 'visible', True), setattr(panel, 'rate', {rate})]"
        ratios.append(speed(page, seconds, shown) / without)
    return ratios


def rewind():
    """Return the seconds that half of 10,000 steps take to be rewound."""
    run = Run(*RING).steps(10_000)
    begun = time.perf_counter()
    run.goto(5_000)
    return time.perf_counter() - begun


def figures(page, minutes):
    """Yield (figure, values, bar) of the panel on a page."""
    milliseconds, kilobytes = zip(*(json.loads(ask(page, "list(drawing())")) for _ in range(3)))
    yield "kernel, ms a picture", milliseconds, "≤ 1.5"
    yield "kernel, kB a picture", kilobytes, "≤ 32"
    panel = page.locator(".gan-panel")
    panel.evaluate("panel => panel.scrollIntoView({block: 'start'})")
    panel.locator('[data-action="play"]').click()
    page.wait_for_timeout(3000)
    for rate, bar, typical, late in ((15, "", 90, 130), (30, "≥ 27", 110, 160), (60, "≥ 40", 0, 0)):
        ask(page, f"setattr(panel, 'rate', {rate})")
        page.wait_for_timeout(500)
        counted = [page.evaluate(COUNTED, 4) for _ in range(3)]
        yield f"pictures a second, {rate} asked for", counted, bar
        if typical:
            found = sorted(delays(page))
            yield f"slider to picture, ms, {rate} a second", found, f"≤ {typical}"
            yield f"slider to picture, ms, 95 %, {rate} a second", [found[38]], f"≤ {late}"
    yield "training speed kept at 10 pictures a second", kept(page, 10), "≥ 0.95"
    yield "training speed kept at 30 pictures a second", kept(page, 30), "≥ 0.9"
    memory = "psutil.Process().memory_info().rss / 1e6"
    (heap, elements), kernel = page.evaluate(PAGE), float(ask(page, memory))
    page.wait_for_timeout(60_000 * minutes)
    (heap_then, elements_then), then = page.evaluate(PAGE), float(ask(page, memory))
    yield f"kernel, MB more in {minutes} minutes", [then - kernel], "≤ 20"
    yield f"page, MB more in {minutes} minutes", [heap_then - heap], ""
    yield f"page, elements more in {minutes} minutes", [elements_then - elements], "≤ 0"
    yield "faults in the page's console", [len(page.faults)], "≤ 0"


def rows(minutes=10):
    """Yield (figure, values, bar); nothing without Chromium; about 13 minutes."""
    if CHROMIUM is None:
        print("live panel: not measured, there is no Chromium on this machine")
        return
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in (SETUP, PANEL, "pass")],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "panel.ipynb"
        nbformat.write(notebook, path)
        with served(path) as lab, chromium_page(1366, 768) as page:
            open_notebook(page, lab, path.name)
            run_all(page)
            yield from figures(page, minutes)
    torch.set_num_threads(1)
    yield "half of 10,000 steps rewound, seconds", [rewind()], "≤ 3"
