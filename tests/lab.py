"""Drive JupyterLab in a real Chromium, as a learner would: for the browser tests, make walk and the benchmark of the panel.

Without a browser the tests that need one are skipped, unless GAN_EDU_BROWSER=required: then they fail.
"""

import atexit
import contextlib
import functools
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import nbformat
import pytest
from playwright.sync_api import sync_playwright

ROOT = pathlib.Path(__file__).resolve().parent.parent
NOTEBOOKS, ARTIFACTS = ROOT / "notebooks", ROOT / "test-artifacts"  # screenshots stay in the latter
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)  # fmt: skip
CHROMIUM_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None and os.environ.get("GAN_EDU_BROWSER") != "required",
    reason="there is no Chromium on this machine",
)
PANEL = ".jp-NotebookPanel:not(.lm-mod-hidden) "  # the notebook in front
FAULT = f"{PANEL}[data-mime-type='application/vnd.jupyter.stderr']"  # JupyterLab shows errors and warnings under this type
READY = """panel => {
    const name = document.querySelector(panel + '.jp-Toolbar-kernelName');
    const light = document.querySelector(panel + '.jp-Notebook-ExecutionIndicator');
    return name && light && !/No Kernel/.test(name.textContent) && light.dataset.status === 'idle';
}"""  # "idle" alone is true while there is no kernel yet
PROMPTS = "panel => [...document.querySelectorAll(panel + '.jp-CodeCell .jp-InputArea-prompt')].map(e => e.textContent)"
BUSY = f"panel => ({PROMPTS})(panel).some(text => text.includes('*'))"
BEGUN = f"panel => ({PROMPTS})(panel).some(text => !text.includes('[ ]'))"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Lab:
    """A JupyterLab server on an empty folder, with settings of its own."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="gan_edu_lab_"))
        (self.folder / "notebooks").mkdir()
        self.url = f"http://127.0.0.1:{free_port()}"
        settings = self.folder / "settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        quiet = json.dumps({"fetchNews": "false", "checkForUpdates": False})
        (settings / "notification.jupyterlab-settings").write_text(quiet)
        folders = dict(JUPYTER_CONFIG_DIR="config", JUPYTERLAB_SETTINGS_DIR="settings", JUPYTERLAB_WORKSPACES_DIR="workspaces", IPYTHONDIR="ipython")  # fmt: skip
        environment = os.environ | {k: str(self.folder / name) for k, name in folders.items()}
        self.log = open(self.folder / "server.log", "wb")
        self.server = subprocess.Popen(
            [
                sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1",
                f"--port={self.url.rpartition(':')[2]}", "--ServerApp.port_retries=0", "--IdentityProvider.token=",
                "--ServerApp.disable_check_xsrf=True", f"--ServerApp.root_dir={self.folder / 'notebooks'}",
                "--KernelManager.transport=ipc",  # two kernels that begin at the same moment can be given the same port
            ],
            env=environment, stdout=self.log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        atexit.register(self.stop)
        deadline = time.monotonic() + 90
        while not self.ask("status"):
            assert time.monotonic() < deadline and self.server.poll() is None, "it does not start"
            time.sleep(0.3)

    def ask(self, what, method="GET"):
        """Return what the server says; None where it does not answer."""
        try:
            request = urllib.request.Request(f"{self.url}/api/{what}", method=method)
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read() or "null")
        except OSError:
            return None

    def stop(self):
        self.server.terminate()
        try:
            self.server.wait(5)
        except subprocess.TimeoutExpired:
            self.server.kill()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


the_lab = functools.cache(Lab)  # one server for all tests of a process


@contextlib.contextmanager
def served(notebook):
    """The server, with a copy of the notebook: JupyterLab saves by itself; its kernels end here."""
    lab = the_lab()
    shutil.copy(notebook, lab.folder / "notebooks")
    try:
        yield lab
    finally:
        for session in lab.ask("sessions") or []:
            lab.ask(f"sessions/{session['id']}", "DELETE")


@contextlib.contextmanager
def chromium_page(width=1366, height=768):
    """A page in a headless Chromium; page.faults collects what its console reports as errors."""
    assert CHROMIUM, "there is no Chromium on this machine"
    ARTIFACTS.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        page = browser.new_page(viewport={"width": width, "height": height})
        page.faults = []
        wrong = lambda m: m.type == "error" and page.faults.append(f"{m.text} {m.location}")  # noqa: E731
        page.on("console", wrong)
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        try:
            yield page
        finally:
            browser.close()


def scratch_notebook(path, *sources):
    """Write a notebook with these code cells; return its path."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_code_cell(source.strip()) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


@contextlib.contextmanager
def opened(notebook, timeout=240):
    """A page of laptop size with the notebook open in JupyterLab, and all its cells run."""
    with served(notebook) as lab, chromium_page() as page:
        open_notebook(page, lab, notebook.name)
        run_all(page, timeout=timeout)
        yield page


def open_notebook(page, lab, name):
    """Open a notebook by its URL and wait for its kernel."""
    page.goto(f"{lab.url}/lab/tree/{name}?reset", wait_until="domcontentloaded")
    page.wait_for_function(READY, arg=PANEL, timeout=90_000)


def menu(page, bar, entry):
    """Choose an entry of the main menu, e.g. menu(page, "Run", "Run All Cells")."""
    page.locator(".lm-MenuBar-itemLabel", has_text=re.compile(f"^{bar}$")).click()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{entry}$")).click()


def run_all(page, timeout=180):
    """Run All, and wait until every code cell has run; AssertionError where one ends with an error."""
    menu(page, "Run", "Run All Cells")
    page.wait_for_function(BEGUN, arg=PANEL)
    page.wait_for_function(f"panel => !({BUSY})(panel)", arg=PANEL, timeout=timeout * 1000)
    # Cells far below are not on the page, and may still run.
    page.wait_for_function(READY, arg=PANEL, timeout=timeout * 1000)
    # After an error JupyterLab takes the stars of the other cells away.
    left = sum("[ ]" in prompt for prompt in page.evaluate(PROMPTS, PANEL))
    assert left == 0, f"a cell ended with an error, {left} after it did not run"


def code_cell(page, text):
    """The code cell of the notebook that contains `text`."""
    return page.locator(PANEL + ".jp-CodeCell", has_text=text).first


def run_cell(page, cell):
    """Run one code cell again, as with Ctrl+Enter, and wait for it."""
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    prompt = cell.locator(".jp-InputArea-prompt")
    page.wait_for_timeout(300)
    ended = "prompt => /\\[\\d+\\]/.test(prompt.textContent)"
    page.wait_for_function(ended, arg=prompt.element_handle(), timeout=120_000)


def ask(page, expression):
    """Return what print(expression) prints in the notebook's kernel; it is typed into the last code cell that is open."""
    cell = page.locator(PANEL + ".jp-CodeCell:has(.cm-content)").last
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(f"print({expression})")
    run_cell(page, cell)
    return cell.locator(".jp-OutputArea-output").first.inner_text().strip()


def assert_no_fault(page):
    """No cell of the notebook shows an error or a warning, and the page's console has none."""
    assert page.locator(FAULT).count() == 0
    assert page.faults == []
