"""The panel in JupyterLab in a real Chromium: real clicks, drags and keys; one server and one browser for all."""

import json
import re

import pytest
from lab import (
    ARTIFACTS,
    PANEL,
    ask,
    assert_no_fault,
    code_cell,
    menu,
    needs_chromium,
    opened,
    run_cell,
    scratch_notebook,
)
from playwright.sync_api import expect

from gan_edu.panel import record
from gan_edu.run import Run

IMPORTS = """
import torch
from gan_edu.datasets import gaussian_ring
from gan_edu.losses import gradient_penalty
from gan_edu.networks import mlp
from gan_edu.panel import choice, curves, live, log_slider
from gan_edu.run import Players, Run, adam, descend
"""
LOOP = """
def build():
    G, D = mlp(2, 64, 64, 2), mlp(2, 64, 64, 1)
    return Players(G=G, D=D, opt_G=adam(G), opt_D=adam(D))

def step(gan, knobs):
    n = knobs.batch_size
    for _ in range(knobs.n_critic):
        x_real, x_fake = gaussian_ring(n), gan.G(torch.randn(n, 2)).detach()
        gap = gan.D(x_real).mean() - gan.D(x_fake).mean()
        penalty = gradient_penalty(gan.D, x_real, x_fake)
        descend(gan.opt_D, -gap + knobs.lambda_gp * penalty, lr=knobs.lr_d)
    loss_G = -gan.D(gan.G(torch.randn(n, 2))).mean()
    descend(gan.opt_G, loss_G, lr=knobs.lr_g)
    return {"critic gap": gap, "generator loss": loss_G}
"""
VIEW = """
Z = torch.randn(400, 2)

def view(fig, gan, log):
    plane, right = fig.subplots(1, 2)
    with torch.no_grad():
        plane.scatter(*gan.G(Z).T, c="#E69F00", label="generated")
    plane.set(xlim=(-2, 2), ylim=(-2, 2), aspect="equal", title="samples")
    curves(right, log, "critic gap")
"""
KNOBS = "dict(lambda_gp=log_slider(0.05, 50, 1.0), lr_d=3e-3, lr_g=log_slider(1e-4, 1e30, 1e-3), n_critic=choice(1, 3), batch_size=64)"
FIRST = f"""
first = live(build, step, view, knobs={KNOBS})
first
"""
SECOND = f"second = live(build, step, view, knobs={KNOBS})\nsecond"
pytestmark = needs_chromium


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("panel") / "panel.ipynb"
    scratch_notebook(path, IMPORTS, LOOP, VIEW, FIRST, SECOND, "pass")
    with opened(path) as page:
        yield page


def panel(page, text):
    found = code_cell(page, text).locator(".gan-panel")
    found.locator(".gan-picture[data-frame]").wait_for(timeout=60_000)
    found.evaluate("element => element.scrollIntoView({block: 'start'})")
    return found


@pytest.fixture
def first(page):
    found = panel(page, "first = live(")
    yield found
    if found.get_attribute("data-playing") == "true":
        pause(page, found)  # and wait for it: the next test must not see it play still


def press(found, action):
    found.locator(f'[data-action="{action}"]').click()


def n(found):
    return int(found.get_attribute("data-n"))


def wait_for(page, found, script):
    """Wait until this is true of the element; KNOBS stands for the knobs of the picture on the page."""
    knobs = "JSON.parse(element.querySelector('.gan-picture').dataset.knobs)"
    script = script.replace("KNOBS", knobs)
    page.wait_for_function(f"element => {script}", arg=found.element_handle(), timeout=60_000)


def play_to(page, found, step):
    if found.get_attribute("data-playing") != "true":
        press(found, "play")
    wait_for(page, found, f"+element.dataset.n >= {step}")


def pause(page, found):
    press(found, "play")
    wait_for(page, found, "element.dataset.playing === 'false'")
    page.wait_for_timeout(300)


def knobs(found):
    return json.loads(found.locator(".gan-picture").get_attribute("data-knobs"))


def test_it_plays_and_pauses_and_nothing_is_cut_off(page, first):
    play_to(page, first, 60)
    page.screenshot(path=ARTIFACTS / "panel_1366x768.png")
    shown = int(first.locator(".gan-picture").get_attribute("data-shown"))
    wait_for(page, first, f"+element.querySelector('.gan-picture').dataset.shown > {shown} + 10")
    pause(page, first)
    at = n(first)
    page.wait_for_timeout(500)
    assert n(first) == at and ask(page, "first.run.n") == str(at)
    press(first, "step")
    wait_for(page, first, f"+element.dataset.n === {at + 1}")
    assert first.bounding_box()["height"] <= 570
    assert first.evaluate("e => e.scrollWidth <= e.clientWidth")


def test_a_slider_acts_while_it_trains(page, first):
    play_to(page, first, 80)
    slider = first.locator('input[data-knob="lambda_gp"]').first
    slider.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    wait_for(page, first, "KNOBS.lambda_gp > 1.5")
    value = knobs(first)["lambda_gp"]
    slider.drag_to(slider, target_position={"x": 5, "y": 8})  # by the mouse, to its lower end
    wait_for(page, first, f"KNOBS.lambda_gp < {value / 2}")
    first.locator('select[data-knob="n_critic"]').first.select_option("3")
    wait_for(page, first, "KNOBS.n_critic === 3")
    pause(page, first)
    moved = ask(page, "sorted({name for _, name, _ in first.run.moves})")
    assert moved == "['lambda_gp', 'n_critic']"


def test_space_plays_and_pauses(page, first):
    at = n(first)
    first.locator(".gan-picture").click(position={"x": 5, "y": 5})
    page.keyboard.press("Space")
    wait_for(page, first, f"+element.dataset.n > {at + 5}")
    page.keyboard.press("Space")
    wait_for(page, first, "element.dataset.playing === 'false'")


def test_a_rewind_and_on_from_there(page, first):
    play_to(page, first, 150)
    pause(page, first)
    end, time_line = n(first), first.locator(".gan-time")
    box = time_line.bounding_box()
    time_line.click(position={"x": box["width"] * 100 / end, "y": box["height"] / 2})
    wait_for(page, first, f"+element.dataset.n < {end} && +element.dataset.n > 20")
    back = n(first)
    assert ask(page, "first.run.n, len(first.run.log['critic gap'])") == f"{back} {back}"
    play_to(page, first, back + 20)
    pause(page, first)


def test_the_code_makes_the_run_again(page, first):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    play_to(page, first, n(first) + 10)
    pause(page, first)
    press(first, "code")
    page.wait_for_timeout(1000)
    text = page.evaluate("navigator.clipboard.readText()")
    assert text.startswith("from gan_edu.run import Run") and "run.steps(" in text
    same = "(lambda space: (exec(text, space), space['run'].log['critic gap'].tolist() == first.run.log['critic gap'].tolist())[1])(dict(globals()))"
    said = ask(page, f"[{same} for text in [{text!r}]][0]")
    assert said.endswith("True"), said  # after a progress bar


LISTEN = """panel => {
    const status = panel.querySelector('.gan-status');
    window.said = [];
    new MutationObserver(() => window.said.push(status.textContent)).observe(status, {childList: true});
}"""


def test_training_waits_for_a_running_cell(page, first):
    play_to(page, first, n(first) + 5)
    first.evaluate(LISTEN)
    stood = "[__import__('time').sleep(2), at := first.run.n, __import__('time').sleep(0.5), first.run.n - at][3]"
    assert ask(page, stood) == "0"
    assert "Training waits for the running cell." in page.evaluate("window.said")
    at = n(first)
    first = panel(page, "first = live(")  # in view again: what is not seen is not drawn
    wait_for(page, first, f"+element.dataset.n > {at}")


def test_two_panels_and_an_interrupt(page, first):
    second = panel(page, "second = live(")
    play_to(page, second, 20)
    first.evaluate("element => element.scrollIntoView({block: 'start'})")
    play_to(page, first, n(first) + 20)
    menu(page, "Kernel", "Interrupt Kernel")
    for found in (first, second):
        said = re.compile("the kernel was interrupted")
        expect(found.locator(".gan-status")).to_have_text(said, timeout=30_000)
    assert ask(page, "first.playing, second.playing") == "False False"


def test_running_its_cell_again_leaves_one_panel(page):
    cell = code_cell(page, "second = live(")
    run_cell(page, cell)
    panel(page, "second = live(")
    assert cell.locator(".gan-panel").count() == 1
    panels = "__import__('gan_edu.panel.page', fromlist=['TRAINER']).TRAINER.panels"
    assert ask(page, f"len({panels})") == "2"


def choose_theme(page, name):
    page.locator(".lm-MenuBar-itemLabel", has_text="Settings").click()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Theme$")).hover()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{name}$")).click()
    page.wait_for_timeout(1500)


def test_the_dark_theme(page, first):
    play_to(page, first, n(first) + 30)
    page.set_viewport_size({"width": 1920, "height": 1080})
    choose_theme(page, "JupyterLab Dark")
    page.screenshot(path=ARTIFACTS / "panel_dark_1920x1080.png")
    page.set_viewport_size({"width": 1366, "height": 768})
    color = first.evaluate("element => getComputedStyle(element).color")
    assert sum(map(int, re.findall(r"\d+", color)[:3])) > 380, color  # light ink on dark paper
    choose_theme(page, "JupyterLab Light")
    pause(page, first)


def test_a_page_that_is_loaded_again_finds_the_panel(page):
    before = int(ask(page, "first.run.n"))
    page.keyboard.press("Control+s")
    page.wait_for_timeout(1500)
    page.reload()
    page.wait_for_selector(PANEL + ".jp-CodeCell", timeout=60_000)
    found = panel(page, "first = live(")
    assert n(found) == before
    play_to(page, found, before + 10)
    pause(page, found)


def test_no_fault_so_far(page):
    assert_no_fault(page)


def test_a_new_kernel_makes_a_new_panel(page):
    menu(page, "Kernel", "Restart Kernel and Run All Cells…")
    page.locator(".jp-Dialog-button.jp-mod-accept").click()
    page.wait_for_timeout(3000)
    found = panel(page, "first = live(")
    wait_for(page, found, "+element.dataset.n === 0")
    play_to(page, found, 5)
    pause(page, found)


def test_a_recording_plays_from_a_file_without_a_kernel(page, tmp_path):
    space = {}
    exec(IMPORTS + LOOP + VIEW, space)
    values = eval(KNOBS, space)
    run = Run(space["build"], space["step"], values).steps(60)
    record(run, space["view"], tmp_path / "ring.html", every=5)
    faults, page = [], page.context.browser.new_page(viewport={"width": 1366, "height": 768})
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto((tmp_path / "ring.html").as_uri())
    found = page.locator(".gan-panel")
    found.locator(".gan-picture[data-frame]").wait_for(timeout=30_000)
    assert n(found) == 60 and found.locator('input[data-knob="lambda_gp"]').first.is_disabled()
    press(found, "play")
    wait_for(page, found, "+element.dataset.n < 60 && +element.dataset.n >= 10")
    wait_for(page, found, "+element.dataset.n === 60")
    time_line = found.locator(".gan-time")
    time_line.focus()
    for _ in range(12):
        page.keyboard.press("ArrowLeft")
    wait_for(page, found, "+element.dataset.n === 50 || +element.dataset.n === 45")
    page.screenshot(path=ARTIFACTS / "panel_recording_1366x768.png")
    assert faults == []
    page.close()
