"""TensorBoard inside JupyterLab in a real Chromium: the frame shows the curves, and its server ends with the kernel."""

import pathlib
import urllib.request

import pytest
from lab import (
    ARTIFACTS,
    PANEL,
    assert_no_fault,
    chromium_page,
    expect,
    menu,
    needs_chromium,
    open_notebook,
    run_all,
    scratch_notebook,
    served,
)

CELLS = [
    """
import sys
sys.path.insert(0, {tests!r})
from test_logs import make_gan
from gan_edu.first_edition.logs import TensorBoardLog, show_tensorboard
gan = make_gan()
gan.run(20, every=5, callback=TensorBoardLog("runs", gan));
""",
    'show_tensorboard("runs")',
]
pytestmark = needs_chromium


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    cells = [
        cell.replace(
            "{tests!r}", repr(str(pathlib.Path(__file__).resolve().parents[1] / "first_edition"))
        )
        for cell in CELLS
    ]
    return scratch_notebook(tmp_path_factory.mktemp("notebook") / "log.ipynb", *cells)


@pytest.fixture(scope="module")
def page(notebook):
    with served(notebook) as lab, chromium_page(1366, 1000) as page:
        open_notebook(page, lab, notebook.name)
        run_all(page)
        yield page


def test_the_frame_shows_the_run(page):
    frame = page.frame_locator(PANEL + 'iframe[title="TensorBoard"]')
    expect(frame.get_by_text("gradient norm").first).to_be_visible(timeout=60_000)
    for tab in ("Scalars", "Images", "Graphs"):
        assert frame.get_by_role("tab", name=tab, exact=False).count() == 1
    page.screenshot(path=ARTIFACTS / "tensorboard.png")
    assert_no_fault(page)


def test_a_page_without_its_server_shows_the_command_alone(page):
    address = page.locator(PANEL + ".jp-OutputArea-output a").get_attribute("href")
    urllib.request.urlopen(address, timeout=30).close()
    menu(page, "Kernel", "Shut Down Kernel")
    page.wait_for_function(
        "address => fetch(address, {mode: 'no-cors'}).then(() => false, () => true)",
        arg=address,
        timeout=30_000,
    )
    page.keyboard.press("Control+s")
    page.wait_for_timeout(2000)
    page.reload(wait_until="domcontentloaded")
    expect(page.get_by_text("tensorboard --logdir runs").first).to_be_visible(timeout=60_000)
    expect(page.locator(PANEL + 'iframe[title="TensorBoard"]')).to_be_hidden()
