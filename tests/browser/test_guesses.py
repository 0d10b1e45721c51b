"""Guesses in JupyterLab in a real Chromium: asked, covered, opened, remembered; and in an exported page."""

import json

import nbformat
import pytest
from lab import ARTIFACTS, ask, code_cell, needs_chromium, opened, run_all, scratch_notebook
from nbconvert import HTMLExporter
from playwright.sync_api import expect
from store_outputs import store

ASKED = """from gan_edu import predict
from gan_edu.panel import describe

guess = predict.choice("What does the loss do?", "rises", "falls")"""
NUMBER = 'how_many = predict.number("How many?", 0, 100, unit="steps")'
SHOWN = """def picture(fig):
    fig.subplots().plot([2, 1])
    describe(fig, "A line that falls from two to one, drawn for the test.")

predict.reveal(guess, "falls", "because it must", picture)"""
NUMBER_SHOWN = "predict.reveal(how_many, 42)"
RECORD = "predict.record()"
pytestmark = needs_chromium


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    path = tmp_path_factory.mktemp("guesses") / "03_guesses.ipynb"
    return scratch_notebook(path, ASKED, NUMBER, SHOWN, NUMBER_SHOWN, RECORD, "pass")


@pytest.fixture(scope="module")
def page(notebook):
    with opened(notebook) as page:
        yield page


def result(page, text):
    found = code_cell(page, text).locator(".gan-reveal")
    found.evaluate("element => element.scrollIntoView()")  # it may be replaced meanwhile
    return found


def test_run_all_covers_the_results_and_show_uncovers_one(page):
    found = result(page, 'guess, "falls"')
    assert found.locator("summary").is_visible() and not found.locator("img").is_visible()
    page.screenshot(path=ARTIFACTS / "guess_covered_1366x768.png")
    found.locator("summary").click()
    assert found.locator("img").is_visible() and "The answer is falls." in found.inner_text()
    found.locator("summary").click()


def test_a_guess_opens_its_result(page):
    cell = code_cell(page, "guess = predict.choice(")
    cell.scroll_into_view_if_needed()
    cell.get_by_role("button", name="This is my guess").click()
    cell.get_by_text("Choose an answer first.").wait_for()
    cell.get_by_label("rises").check()
    cell.get_by_role("button", name="fairly sure").click()
    page.screenshot(path=ARTIFACTS / "guess_asked_1366x768.png")
    cell.get_by_role("button", name="This is my guess").click()
    cell.get_by_text("It has opened below.").wait_for()
    found = result(page, 'guess, "falls"')
    found.locator("img").wait_for()
    expect(found).to_contain_text("You said rises (fairly sure).")
    expect(found.locator("details")).to_have_count(0)
    expect(result(page, "how_many, 42").locator("details")).to_have_count(1)


def test_a_number_is_guessed_and_the_record_knows_both(page):
    cell = code_cell(page, "predict.number(")
    cell.scroll_into_view_if_needed()
    slider = cell.get_by_role("slider")
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    cell.get_by_role("button", name="sure", exact=True).click()
    cell.get_by_role("button", name="This is my guess").click()
    cell.get_by_text("It has opened below.").wait_for()
    found = result(page, "how_many, 42")
    expect(found).to_contain_text("You said 45 steps (sure). Right!")
    expect(found).to_contain_text("The answer is 42 steps.")
    run_all(page)
    expect(code_cell(page, "predict.choice(").get_by_text("earlier")).to_be_visible()
    expect(result(page, 'guess, "falls"').locator("details")).to_have_count(0)
    record = code_cell(page, "predict.record()")
    expect(record).to_contain_text("2 guesses, in lessons 03: 1 were right.")
    page.screenshot(path=ARTIFACTS / "guess_record_1366x768.png")
    path = ask(page, "predict.MEMORY.path.resolve().parent.name")
    assert path == "notebooks" and page.faults == []


def test_a_stored_notebook_and_an_exported_page_cover_the_results(page, notebook):
    store(notebook)
    stored = nbformat.read(notebook, as_version=4)
    assert "application/vnd.jupyter.widget-view+json" not in json.dumps(stored)
    exported = notebook.with_suffix(".html")
    exported.write_text(HTMLExporter().from_notebook_node(stored)[0], encoding="utf-8")
    page.goto(exported.as_uri())
    assert page.locator("summary").count() == 2
    assert not page.locator(".gan-reveal img").is_visible()
    assert page.get_by_text("◯ rises").is_visible()
    page.locator("summary").first.click()
    assert page.locator(".gan-reveal img").is_visible()
