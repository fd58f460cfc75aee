"""A visitor's run: what is shown on the way, what is left at the end, and what a stop or a failure leaves."""

import json
from pathlib import Path

import numpy as np
import pytest

from demos.web.bench.checked import Checker
from demos.web.bench.confined import Rules
from demos.web.bench.desk import folder_of, perform
from demos.web.settings import Settings
from demos.web.studio import Studio
from pipelines.errors import Cancelled
from pipelines.values import Image

SAVE = """version: 1
inputs:
  photo: {type: Image}
nodes:
  saved: {use: image/save, image: "${photo}", path: out/cut.png}
outputs:
  image: "${photo}"
  file: "${saved}"
"""
LOAD = SAVE.replace('image/save, image: "${photo}"', "image/load")


@pytest.fixture
def studio():
    made = Studio(Settings(offline=True))
    yield made
    made.close()


@pytest.fixture
def visit(studio):
    return studio.visits.of("somebody")


def shown(studio, visit, text):
    graph = Checker(Rules(("bundled",))).check(text).graph
    return perform(studio, visit, graph, {"photo": Image(np.full((6, 9, 3), 100, np.uint8))})


def test_a_run_ends_with_its_outputs_its_files_and_its_trace(studio, visit):
    *_, last = shown(studio, visit, SAVE)
    assert (last.mood, last.words) == ("done", "Done: 2 outputs.")
    assert {Path(file).name for file in last.files} == {"image.png", "values.json", "cut.png"}
    assert 'data-name="saved"' in last.drawing
    assert "is-done" in last.drawing
    assert json.loads(Path(last.trace).read_text())["traceEvents"][0]["name"] == "saved"
    assert "cut.png" in last.results


def test_nothing_that_is_shown_says_where_the_server_keeps_its_files(studio, visit):
    *_, last = shown(studio, visit, SAVE)
    values = next(Path(file) for file in last.files if file.endswith("values.json"))
    assert str(studio.root) not in last.results + last.timeline + values.read_text()
    assert json.loads(values.read_text()) == {"file": "out/cut.png"}


def test_a_failed_run_is_one_line_and_keeps_its_trace(studio, visit):
    *_, last = shown(studio, visit, LOAD)
    assert last.mood == "error"
    assert last.words.startswith("out/cut.png does not exist.")
    assert "is-failed" in last.drawing
    assert str(studio.root) not in last.words + last.timeline


def test_a_visitor_who_has_left_runs_nothing(studio, visit):
    run = shown(studio, visit, SAVE)
    next(run)
    studio.visits.leave("somebody")
    *_, last = run
    assert last.mood == "idle"
    assert "Stopped" in last.words
    assert not list(studio.root.rglob("cut.png"))


def test_nothing_is_written_for_a_visitor_who_has_left_before(studio, visit):
    studio.visits.leave("somebody")
    with pytest.raises(Cancelled):
        next(shown(studio, visit, SAVE))
    assert not visit.folder.exists()


def test_everything_is_gone_when_the_visitor_leaves(studio, visit):
    *_, last = shown(studio, visit, SAVE)
    folder = folder_of(visit)
    assert all(Path(file).exists() for file in last.files)
    studio.visits.leave("somebody")
    assert not any(Path(file).exists() for file in last.files)
    assert not folder.exists()


def test_who_stops_before_the_run_begins_stops_it(studio, visit):
    run = shown(studio, visit, SAVE)
    next(run)
    visit.cancel()
    *_, last = run
    assert (last.mood, "Stopped" in last.words) == ("idle", True)


def test_a_page_that_looks_away_stops_the_run(studio, visit):
    run = shown(studio, visit, SAVE)
    next(run)
    run.close()
    assert len(studio.line) == 0
    assert not visit.is_running
