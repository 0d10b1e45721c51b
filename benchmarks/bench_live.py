"""The live panel in a real browser: pictures a second, what drawing costs, delays of a slider, rewinding, memory.

Run it on an otherwise idle machine: the browser, the server and the kernel share its cores.
"""

import json
import pathlib
import statistics
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


def percentile_95(values):
    return sorted(values)[int(0.95 * (len(values) - 1) + 0.999)]


def delays(page, presses=40):
    """Return the milliseconds from a slider's move to the picture that shows it: (median, 95th percentile)."""
    found = []
    for press in range(presses):
        found.append(page.evaluate(PRESSED, 1 if press % 4 < 2 else -1))
        page.wait_for_timeout(137)
    return statistics.median(found), percentile_95(found)


def speed(page, seconds, code):
    """Return the steps a second in the kernel after running `code` there."""
    begun = json.loads(ask(page, f"[{code}, panel.run.n, time.monotonic()][1:]"))
    page.wait_for_timeout(1000 * seconds)
    ended = json.loads(ask(page, "[panel.run.n, time.monotonic()]"))
    return (ended[0] - begun[0]) / (ended[1] - begun[1])


def kept(page, rate, rounds=5, seconds=2):
    """Return the training speed with `rate` pictures a second over that without any: (median, lowest, highest)."""
    ratios = []
    for _ in range(rounds):
        without = speed(page, seconds, "setattr(panel, 'visible', False)")
        shown = f"[setattr(panel, 'visible', True), setattr(panel, 'rate', {rate})]"
        ratios.append(speed(page, seconds, shown) / without)
    return statistics.median(ratios), min(ratios), max(ratios)


def rewind():
    """Return the seconds that half of 10,000 steps take to be rewound."""
    run = Run(*RING).steps(10_000)
    begun = time.perf_counter()
    run.goto(5_000)
    return time.perf_counter() - begun


def measure(minutes):
    """Return the measurements as a dictionary."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in (SETUP, PANEL, "pass")],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    result = {}
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "panel.ipynb"
        nbformat.write(notebook, path)
        with served(path) as lab, chromium_page(1366, 768) as page:
            open_notebook(page, lab, path.name)
            run_all(page)
            panel = page.locator(".gan-panel")
            result["kernel, ms and kB a picture"] = json.loads(ask(page, "list(drawing())"))
            panel.evaluate("panel => panel.scrollIntoView({block: 'start'})")
            panel.locator('[data-action="play"]').click()
            page.wait_for_timeout(3000)
            for rate in (15, 30, 60):
                ask(page, f"setattr(panel, 'rate', {rate})")
                page.wait_for_timeout(500)
                result[f"pictures a second, {rate} asked for"] = page.evaluate(COUNTED, 8)
                if rate < 60:
                    result[f"slider to picture, ms (median, 95 %), {rate} a second"] = delays(page)
            for rate in (10, 30):
                result[f"training speed kept at {rate} pictures a second"] = kept(page, rate)
            before = (
                page.evaluate(PAGE),
                float(ask(page, "psutil.Process().memory_info().rss / 1e6")),
            )
            page.wait_for_timeout(60_000 * minutes)
            after = (
                page.evaluate(PAGE),
                float(ask(page, "psutil.Process().memory_info().rss / 1e6")),
            )
            result[f"kernel, MB more in {minutes:g} minutes"] = after[1] - before[1]
            result["page, MB and elements more"] = [b - a for a, b in zip(before[0], after[0])]
            result["faults in the page's console"] = page.faults
    torch.set_num_threads(1)
    result["half of 10,000 steps rewound, seconds"] = rewind()
    return result


def main(minutes=2.0):
    """Print the measurements; without Chromium say so."""
    if CHROMIUM is None:
        print("live panel: not measured, there is no Chromium on this machine")
        return
    print("live panel, the ring with WGAN-GP, in Chromium:")
    for what, value in measure(minutes).items():
        numbers = value if isinstance(value, list | tuple) else [value]
        text = ", ".join(f"{n:.2f}" if isinstance(n, float) else str(n) for n in numbers)
        print(f"  {what}: {text or 'none'}")


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
