"""Walk through the lessons in JupyterLab in a real Chromium: python tests/walk.py [NN ...], or make walk for all of them.

Each notebook as it is: Run All, which solves every exercise by its solution, then every panel is played or moved. Ends
with 1 if a cell, a panel or the page's console had a fault. Screenshots stay in test-artifacts/. Takes about half an hour.
"""

import pathlib
import re
import sys
import time

from lab import CHROMIUM, NOTEBOOKS, PANEL, Lab, chromium_page, open_notebook, run_all
from playwright.sync_api import Error, expect

ARTIFACTS = pathlib.Path(__file__).resolve().parent.parent / "test-artifacts"
FAULTS = ("application/vnd.jupyter.error", "application/vnd.jupyter.stderr")


def picture(panel):
    return panel.locator(".gan-live-picture").first.evaluate("canvas => canvas.toDataURL()")


def wait_for_another(panel, before, seconds=20):
    deadline = time.monotonic() + seconds
    while picture(panel) == before:
        if time.monotonic() > deadline:
            raise AssertionError("its picture does not move")
        time.sleep(0.05)


def play(panel):
    """Play a panel for a while and pause it; one without training: move its first slider, or a bar of its picture."""
    panel.evaluate("panel => panel.scrollIntoView({block: 'start'})")
    panel.locator(".gan-live-picture[data-shown]").first.wait_for(timeout=60_000)
    before = picture(panel)
    button = panel.get_by_role("button", name=re.compile(r"(^|\W)Play$"))
    if not button.count():
        slider, bars = panel.get_by_role("slider"), panel.locator(".gan-live-picture").first
        handle = slider.first if slider.count() else bars  # bars are moved by the keyboard as well
        at_its_end = slider.count() and handle.get_attribute("aria-valuenow") == handle.get_attribute("aria-valuemax")
        handle.focus()
        for key in ("ArrowLeft" if at_its_end else "ArrowRight", *([] if slider.count() else ["ArrowUp"])):
            handle.press(key)
        wait_for_another(panel, before)
        return "moved"
    button.first.click()
    status = panel.locator(".gan-live-status").first
    expect(status).to_have_text(re.compile("^playing"), timeout=60_000)
    wait_for_another(panel, before)
    time.sleep(3)
    panel.get_by_role("button", name=re.compile(r"(^|\W)Pause$")).first.click()
    expect(status).to_have_text(re.compile("^paused"), timeout=60_000)
    return "played to " + re.search(r"step \d+", status.text_content())[0]


def walk(notebook):
    """Walk through one notebook; return what was found wrong."""
    since = time.monotonic()
    with Lab(*sorted(NOTEBOOKS.glob("*.ipynb"))) as lab, chromium_page(1366, 768) as page:
        open_notebook(page, lab, notebook.name)
        run_all(page, timeout=1800)
        print(f"{notebook.name}: Run All {time.monotonic() - since:.0f} s", flush=True)
        counts = {kind: page.locator(f"{PANEL}[data-mime-type='{kind}']").count() for kind in FAULTS}
        wrong = [f"{count} x {kind}" for kind, count in counts.items() if count]
        for k, panel in enumerate(page.locator(".gan-live").all()):
            try:
                found = play(panel)
            except (AssertionError, Error) as fault:
                found = f"panel {k + 1}: {str(fault).splitlines()[0]}"
                wrong.append(found)
            page.screenshot(path=ARTIFACTS / f"walk_{notebook.stem[:2]}_{k + 1}.png")
            print(f"  panel {k + 1}: {found}", flush=True)
        return wrong + page.faults


def main(lessons):
    """Walk through these lessons; through all without any."""
    if CHROMIUM is None:
        sys.exit("make walk needs chromium on the path")
    ARTIFACTS.mkdir(exist_ok=True)
    chosen = [path for path in sorted(NOTEBOOKS.glob("*.ipynb")) if not lessons or path.name[:2] in lessons]
    wrong = {path.name: faults for path in chosen if (faults := walk(path))}
    for name, faults in wrong.items():
        print(name, *faults, sep="\n  ")
    sys.exit(f"{len(wrong)} of {len(chosen)} notebooks have faults" if wrong else None)


if __name__ == "__main__":
    main(sys.argv[1:])
