"""Walk through the lessons in JupyterLab in a real Chromium: python tests/walk.py [NN ...], or make walk for all of them.

Each notebook as it is: Run All, which solves every exercise by its solution, then every panel is played or moved. Ends
with 1 if a cell, a panel or the page's console had a fault. Screenshots stay in test-artifacts/. Takes about half an hour.
"""

import sys
import time

import lab
from lab import ARTIFACTS, CHROMIUM, NOTEBOOKS
from playwright.sync_api import Error

from notebooks import cells


def play(panel):
    """Play a panel for a while and pause it; one without training: move its first knob, or a point of its picture."""
    panel.scroll_into_view_if_needed()
    shown = panel.locator(".gan-picture[data-shown]")
    shown.wait_for(timeout=60_000)
    before = int(shown.get_attribute("data-shown"))
    button = panel.locator('[data-action="play"]')
    if button.is_visible():
        button.click()
    else:
        knob = panel.locator("input[data-knob], select[data-knob]")
        if knob.count():
            knob.first.press("ArrowRight")
        else:
            panel.locator(".gan-handle").first.press("ArrowUp")
    panel.page.wait_for_timeout(3000)
    if button.is_visible():
        button.click()
    assert int(shown.get_attribute("data-shown")) > before, "no new picture"
    assert not panel.locator(".gan-fault").count(), "the panel shows a fault"
    return f"at step {panel.get_attribute('data-n')}"


def walk(notebook):
    """Walk through one notebook; return what was found wrong."""
    since = time.monotonic()
    with lab.opened(notebook, timeout=1800) as page:
        print(f"{notebook.name}: Run All {time.monotonic() - since:.0f} s", flush=True)
        count = page.locator(lab.FAULT).count()
        wrong = [f"{count} errors or warnings in outputs"] if count else []
        panels = page.locator(".gan-panel").all()
        drawn = sum("predict.curve(" in cell.source for cell in cells(notebook.stem))  # guesses
        wanted = len(cells(notebook.stem, "live-panel")) + drawn
        if len(panels) != wanted:
            wrong.append(f"{len(panels)} panels on the page, {wanted} cells that make one")
        for k, panel in enumerate(panels):
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
    every = sorted(NOTEBOOKS.glob("*.ipynb"))
    chosen = [path for path in every if not lessons or path.name[:2] in lessons]
    wrong = {}
    for path in chosen:
        try:
            faults = walk(path)
        except (AssertionError, Error) as fault:  # a cell's error, or it takes for ever
            faults = [str(fault)]
        if faults:
            wrong[path.name] = faults
    for name, faults in wrong.items():
        print(name, *faults, sep="\n  ")
    sys.exit(f"{len(wrong)} of {len(chosen)} notebooks have faults" if wrong else None)


if __name__ == "__main__":
    main(sys.argv[1:])
