"""The tab Pipelines in Chromium: write, be told of mistakes, complete, run, and see where the time went."""

import json
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from page_steps import contrast

DOG = Path("demos/images/dog.png")
HEAD = """version: 1
inputs:
  photo: {type: Image}
  share: {type: float, default: 0.5, doc: "How much to keep, from 0 to 1."}
nodes:
  grey: {use: masks/invert, masks: "${photo}"}
outputs:
  image: "${photo}"
"""
TYPE_AND_RUN = """text => {
  const area = document.querySelector("#bench-editor textarea");
  area.focus();
  area.select();
  document.execCommand("insertText", false, text);
  document.querySelector("#bench-run").click();
}"""
PASS = HEAD.replace('  grey: {use: masks/invert, masks: "${photo}"}\n', "").replace("nodes:\n", "")
SAVE = """version: 1
inputs:
  photo: {type: Image}
  target: {type: Path, default: cut.png}
nodes:
  saved: {use: image/save, image: "${photo}", path: "${target}"}
outputs:
  file: "${saved}"
"""


@pytest.fixture
def bench(browser_page):
    """The tab, with its form in place."""
    return at_the_bench(browser_page)


def at_the_bench(page):
    page.get_by_role("tab", name="Pipelines").click()
    page.wait_for_selector("#bench-drawing svg")
    page.wait_for_selector("#bench-form input[type=file]", state="attached")
    return page


def write(page, text):
    """Replace what stands in the editor, as typing would."""
    page.fill("#bench-editor textarea", text)


def type_and_run(page, text):
    """Type a text and press Run, all before the editor can see a pause."""
    page.evaluate(TYPE_AND_RUN, text)


def give_dog(page):
    page.set_input_files("#bench-form input[type=file]", str(DOG))
    page.wait_for_selector("#bench-form img")


@contextmanager
def nobody_runs(studio):
    """All turns are taken: a run that is asked for waits until the block ends."""
    with ExitStack() as turns:
        for _ in range(studio.settings.at_once):
            turns.enter_context(studio.line.turn(threading.Event()))
        yield


def ended(page):
    """Wait for the end of a run; what the line of status says then."""
    page.wait_for_selector("#bench-status .status:is(.done, .error)")
    return page.inner_text("#bench-status p")


def test_mistakes_are_those_of_the_check_with_their_places_and_the_drawing_waits(bench):
    write(bench, HEAD)
    bench.wait_for_selector("#bench-editor .problems li")
    told = bench.inner_text("#bench-editor .problems")
    assert "line 6, column" in told
    assert "Did you mean" in told or "needs" in told
    assert bench.locator("#bench-drawing .board.stale").count() == 1
    assert bench.inner_text("#bench-editor .gutter .wrong") == "6"
    bench.click("#bench-editor .problems button")
    assert bench.evaluate("document.activeElement.tagName") == "TEXTAREA"


def test_a_pipeline_without_mistakes_is_drawn_and_gets_its_form(bench):
    write(bench, PASS)
    bench.wait_for_selector("#bench-drawing [data-name=share]")
    bench.wait_for_selector("#bench-form input[type=range]")
    assert bench.locator("#bench-editor .problems li").count() == 0


def test_suggestions_are_used_by_keyboard_alone(bench):
    write(bench, PASS + "nodes:\n  cut: {use: ")
    bench.keyboard.type("sam/mas")
    bench.wait_for_selector("#bench-editor .suggestions li")
    area = bench.locator("#bench-editor textarea")
    assert area.get_attribute("aria-activedescendant") == "bench-suggestion-0"
    bench.keyboard.press("Enter")
    assert area.input_value().endswith("cut: {use: sam/masks")
    bench.keyboard.type(", image: ")
    bench.keyboard.press("Control+Space")
    bench.wait_for_selector("#bench-editor .suggestions li:has-text('photo')")
    bench.keyboard.press("Tab")
    assert area.input_value().endswith('image: "${photo}"')
    bench.keyboard.press("Control+Space")
    bench.keyboard.press("Escape")
    assert bench.locator("#bench-editor .suggestions").is_hidden()


def test_a_run_without_a_model_shows_its_output_its_files_and_its_trace(bench):
    write(bench, PASS)
    bench.wait_for_selector("#bench-form input[type=range]")
    bench.set_input_files("#bench-form input[type=file]", str(DOG))
    bench.wait_for_selector("#bench-form img")
    bench.click("#bench-run")
    assert ended(bench) == "Done: 1 output."
    assert bench.get_attribute("#bench-outputs img", "alt") == "512 by 384 pixels"
    assert "image.png" in bench.inner_text("#bench-files").replace("\n", "")
    with bench.expect_download() as waiting:
        bench.click("text=Download the trace")
    assert "traceEvents" in json.loads(Path(waiting.value.path()).read_text())


def test_the_text_that_is_seen_is_the_text_that_runs_however_soon(bench):
    write(bench, PASS)
    bench.wait_for_selector("#bench-form input[type=range]")
    give_dog(bench)
    type_and_run(bench, PASS.replace("  image:", "  renamed:"))
    assert ended(bench) == "Done: 1 output."
    assert "renamed" in bench.inner_text("#bench-outputs figcaption")


def test_a_run_that_came_before_its_form_keeps_its_drawing_and_gives_the_buttons_back(bench, served):
    write(bench, PASS)
    bench.wait_for_selector("#bench-form input[type=range]")
    give_dog(bench)
    with nobody_runs(served.studio):
        type_and_run(bench, SAVE)
        bench.wait_for_selector("#bench-form label:has-text('target')")
        bench.wait_for_selector("#bench-stop:enabled")
        bench.wait_for_selector("#bench-drawing [data-name=saved].is-waiting")
    assert ended(bench) == "Done: 1 output."
    bench.wait_for_selector("#bench-drawing [data-name=saved].is-done")
    bench.wait_for_selector("#bench-run:enabled")
    bench.wait_for_selector("#bench-stop:disabled")


@pytest.mark.browser
def test_the_ready_made_segment_runs_with_live_states(bench, shoot):
    bench.set_input_files("#bench-form input[type=file]", str(DOG))
    bench.wait_for_selector("#bench-form img")
    bench.click("#bench-run")
    bench.wait_for_selector("#bench-drawing .is-running")
    assert ended(bench) == "Done: 2 outputs."
    assert bench.get_attribute("#bench-drawing [data-name=cut].step", "class").split()[-1] in ("is-done", "is-cached")
    assert bench.locator("#bench-timeline .bar").count() >= 5
    assert "dog" in bench.inner_text("#bench-outputs table")
    shoot(bench, "browser-pipelines", full=True)


@pytest.mark.browser
@pytest.mark.parametrize("name", ["edit", "edit_best", "everything", "find", "small_things", "instances_from_boxes"])
def test_every_ready_made_pipeline_is_drawn_and_gets_a_form(bench, name):
    bench.click("#bench-start input")
    bench.get_by_role("option", name=name, exact=True).click()
    bench.wait_for_function(
        "name => document.querySelector('#bench-editor textarea').value.includes('nodes:')", arg=name
    )
    bench.wait_for_selector("#bench-drawing svg")
    assert bench.locator("#bench-editor .problems li").count() == 0


@pytest.mark.browser
def test_mistakes_and_suggestions_can_be_read_in_the_dark(open_page, shoot):
    page = at_the_bench(open_page(viewport={"width": 1100, "height": 860}, color_scheme="dark"))
    text = page.input_value("#bench-editor textarea")
    write(page, text.replace('boxes: "${found}"', 'boxess: "${foun}"', 1) + "  again: ")
    page.wait_for_selector("#bench-editor .problems li")
    page.keyboard.press("Control+Space")
    page.wait_for_selector("#bench-editor .suggestions li")
    shoot(page, "browser-pipelines-check")
    for part in (".problems li", ".suggestions li"):
        assert contrast(page, f"#bench-editor {part}") >= 4.5


@pytest.mark.browser
def test_the_page_is_no_wider_than_a_phone(bench):
    bench.set_viewport_size({"width": 390, "height": 844})
    bench.wait_for_timeout(500)
    assert bench.evaluate("document.documentElement.scrollWidth") <= 390
