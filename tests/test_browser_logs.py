"""TensorBoard inside JupyterLab in a real Chromium: the frame shows the curves, and its server ends with the kernel.

Without a browser these tests are skipped, unless GAN_EDU_BROWSER=required: then they fail.
"""

import os
import pathlib
import urllib.request

import nbformat
import pytest

playwright = pytest.importorskip("playwright.sync_api")

from lab import CHROMIUM, PANEL, Lab, chromium_page, menu, open_notebook, run_all  # noqa: E402

ARTIFACTS = pathlib.Path(__file__).resolve().parent.parent / "test-artifacts"
CELLS = [
    """
import sys
sys.path.insert(0, {tests!r})
from test_logs import make_gan
from gan_edu.logs import TensorBoardLog, show_tensorboard
gan = make_gan()
gan.run(20, every=5, callback=TensorBoardLog("runs", gan));
""",
    'show_tensorboard("runs")',
]

if CHROMIUM is None and os.environ.get("GAN_EDU_BROWSER") != "required":
    pytest.skip("there is no Chromium on this machine", allow_module_level=True)


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    path = tmp_path_factory.mktemp("notebook") / "log.ipynb"
    cells = [cell.strip().replace("{tests!r}", repr(str(pathlib.Path(__file__).parent))) for cell in CELLS]
    kernel = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(
        nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, cells)), metadata={"kernelspec": kernel}),
        path,
    )
    return path


@pytest.fixture(scope="module")
def page(notebook):
    assert CHROMIUM, "GAN_EDU_BROWSER=required, and there is no Chromium on this machine"
    ARTIFACTS.mkdir(exist_ok=True)
    with Lab(notebook) as lab, chromium_page(1366, 1000) as page:
        open_notebook(page, lab, notebook.name)
        run_all(page)
        yield page


def test_the_frame_shows_the_run(page):
    frame = page.frame_locator(PANEL + 'iframe[title="TensorBoard"]')
    playwright.expect(frame.get_by_text("gradient norm").first).to_be_visible(timeout=60_000)
    for tab in ("Scalars", "Images", "Graphs"):
        assert frame.get_by_role("tab", name=tab, exact=False).count() == 1
    page.screenshot(path=ARTIFACTS / "tensorboard.png")
    assert page.locator(PANEL + '[data-mime-type="application/vnd.jupyter.error"]').count() == 0
    assert page.locator(PANEL + '[data-mime-type="application/vnd.jupyter.stderr"]').count() == 0
    assert page.faults == []


def test_a_page_without_its_server_shows_the_command_alone(page):
    address = page.locator(PANEL + ".jp-OutputArea-output a").get_attribute("href")
    urllib.request.urlopen(address, timeout=30).close()
    menu(page, "Kernel", "Shut Down Kernel")
    page.wait_for_function(
        "address => fetch(address, {mode: 'no-cors'}).then(() => false, () => true)", arg=address, timeout=30_000
    )
    page.keyboard.press("Control+s")
    page.wait_for_timeout(2000)
    page.reload(wait_until="domcontentloaded")
    playwright.expect(page.get_by_text("tensorboard --logdir runs").first).to_be_visible(timeout=60_000)
    playwright.expect(page.locator(PANEL + 'iframe[title="TensorBoard"]')).to_be_hidden()
