"""The live panel in a real browser: pictures a second, what drawing costs training, delays of a slider, memory.

Run it on an otherwise idle machine: the browser, the server and the kernel share its cores.
"""

import json
import pathlib
import sys
import tempfile
import time

import nbformat

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests"))

from lab import CHROMIUM, Lab, ask, chromium_page, open_notebook, run_all

SETUP = """\
import functools, os, psutil, statistics, time
from gan_edu.datasets import gaussian_ring, latent_normal
from gan_edu.first_edition.live import LivePanel
from gan_edu.losses import critic_loss, generator_loss_wasserstein, gradient_penalty
from gan_edu.networks import mlp
from gan_edu.first_edition.training import GAN
from gan_edu.first_edition.views import PlaneView

gan = GAN(
    lambda: mlp(2, 64, 64, 2), lambda: mlp(2, 64, 64, 1), functools.partial(gaussian_ring, sigma=0.1, radius=1.414),
    functools.partial(latent_normal, latent_dim=2), d_loss=critic_loss, g_loss=generator_loss_wasserstein,
    penalty=gradient_penalty, batch_size=128,
)

def rss():
    return psutil.Process(os.getpid()).memory_info().rss / 1e6

def speed(panel, seconds):
    steps, since = len(panel.gan.history), time.perf_counter()
    time.sleep(seconds)
    return (len(panel.gan.history) - steps) / (time.perf_counter() - since)

def kept(panel, rounds=10, seconds=1.5):
    "Training speed with drawing over training speed without, rounds of either in turn."
    ready, ratios = panel._trainer.ready, []
    for _ in range(rounds):
        drawing = speed(panel, seconds)
        panel._trainer.ready = lambda: False
        ratios.append(drawing / speed(panel, seconds))
        panel._trainer.ready = ready
    return statistics.median(ratios), min(ratios), max(ratios)
"""
PANEL = """\
view = PlaneView(limits=(-2.2, 2.2), resolution=56, bands=12, n_arrows=50)  # as in lesson 08
panel = LivePanel(gan, view, sliders=["lambda_gp", "lr_d", "lr_g"], fps=20)
panel"""
COUNTED = """async seconds => {
    const canvas = document.querySelector('.gan-live-picture'), since = performance.now(), before = +canvas.dataset.shown;
    await new Promise(done => setTimeout(done, 1000 * seconds));
    return (canvas.dataset.shown - before) / (performance.now() - since) * 1000;
}"""
PRESSED = """() => {
    window.before = /λ = ([\\d.e+-]+)/.exec(document.querySelector('.gan-live-status').textContent)[1];
    document.addEventListener('keydown', () => window.pressed = performance.now(), {capture: true, once: true});
}"""
DELAYS = """async () => {
    const status = document.querySelector('.gan-live-status').closest('.widget-html-content');
    const canvas = document.querySelector('.gan-live-picture');
    const read = () => ({ knob: /λ = ([\\d.e+-]+)/.exec(status.textContent)[1], step: +/step (\\d+)/.exec(status.textContent)[1] });
    const frame = () => new Promise(requestAnimationFrame);
    const before = window.before, since = window.pressed;
    while (read().knob === before && performance.now() - since < 5000) await frame();
    const step = read().step, used = performance.now() - since;
    while (+canvas.dataset.step < step && performance.now() - since < 5000) await frame();
    return [used, performance.now() - since];
}"""


def percentile_95(values):
    return sorted(values)[int(0.95 * (len(values) - 1) + 0.999)]


def measure(minutes=3.0, presses=40):
    """Return the measurements as a dictionary."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in (SETUP, PANEL, "pass")],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "panel.ipynb"
        nbformat.write(notebook, path)
        with Lab(path) as lab, chromium_page(1366, 900) as page:
            open_notebook(page, lab, path.name)
            run_all(page)
            page.get_by_role("button", name="Play").click()
            page.wait_for_timeout(3000)
            result = {"pictures a second (20 asked for)": page.evaluate(COUNTED, 10)}
            slider = page.get_by_role("slider", name="λ")
            delays = []
            for press in range(presses):
                slider.focus()
                page.evaluate(PRESSED)
                page.keyboard.press("ArrowRight" if press % 4 < 2 else "ArrowLeft")
                delays.append(page.evaluate(DELAYS))
                page.wait_for_timeout(150)
            used, seen = zip(*delays)
            result["slider to first step, ms (median, 95th percentile)"] = (
                sorted(used)[presses // 2],
                percentile_95(used),
            )
            result["slider to picture, ms (median, 95th percentile)"] = (
                sorted(seen)[presses // 2],
                percentile_95(seen),
            )
            ask(page, "setattr(panel._trainer, 'fps', 10)")
            result[
                "share of training speed kept at 10 pictures a second (median, lowest, highest)"
            ] = json.loads(ask(page, "list(kept(panel))"))
            ask(page, "setattr(panel._trainer, 'fps', 20)")
            page.wait_for_timeout(1000)
            before = json.loads(ask(page, "[rss(), panel._screen.frame]"))
            shown = page.evaluate("+document.querySelector('.gan-live-picture').dataset.shown")
            time.sleep(60 * minutes)
            after = json.loads(ask(page, "[rss(), panel._screen.frame]"))
            shown = (
                page.evaluate("+document.querySelector('.gan-live-picture').dataset.shown") - shown
            )
            result[f"kernel memory over {minutes:g} minutes, MB more"] = after[0] - before[0]
            result["share of the pictures sent that were shown"] = shown / (after[1] - before[1])
            result["faults in the page's console"] = page.faults
    return result


def main():
    """Print the measurements; without Chromium say so."""
    if CHROMIUM is None:
        print("live panel: not measured, there is no Chromium on this machine")
        return
    print("live panel, 2-D WGAN-GP, in Chromium:")
    for what, value in measure().items():
        numbers = value if isinstance(value, list | tuple) else [value]
        print(
            f"  {what}: {', '.join(f'{n:.2f}' if isinstance(n, float) else str(n) for n in numbers) or 'none'}"
        )


if __name__ == "__main__":
    main()
