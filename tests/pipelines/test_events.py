"""The event stream and the sinks that show it."""

import io
import json
import logging

import pytest
from rich.console import Console

from pipelines import Each, Report, no_report, node
from pipelines.builder import Pipeline
from pipelines.errors import OutputError, RunError
from pipelines.events import (
    ModelLoading,
    NodeFailed,
    NodeFinished,
    NodeProgress,
    NodeStarted,
    RunFinished,
    RunStarted,
)
from pipelines.progress import JsonLines, RichProgress
from pipelines.runner import run


@node("test/steps")
def steps(count: int, *, report: Report = no_report) -> int:
    for number in range(count):
        report(number + 1, count, f"step {number + 1}")
    return count


@node("test/fail")
def fail(count: int) -> int:
    raise ValueError("too many")


@node("test/split")
def split(count: int) -> Each[int]:
    return {str(number): number for number in range(count)}


def one_step(function, **inputs):
    builder = Pipeline("one")
    builder.output("out", builder.add("only", function, **inputs))
    return builder.build()


def events_of(graph):
    seen = []
    run(graph, {}, events=seen.append)
    return seen


def test_a_run_tells_its_beginning_its_nodes_their_progress_and_its_end():
    started, node_started, first, second, node_finished, finished = events_of(one_step(steps, count=2))
    assert started == RunStarted("one", nodes=1)
    assert node_started == NodeStarted("only")
    assert (first, second) == (NodeProgress("only", 1, 2, "step 1"), NodeProgress("only", 2, 2, "step 2"))
    assert isinstance(node_finished, NodeFinished)
    assert (node_finished.node, node_finished.cached) == ("only", False)
    assert (finished.pipeline, finished.status) == ("one", "done")


def test_peak_memory_is_told():
    finished = next(event for event in events_of(one_step(steps, count=1)) if isinstance(event, NodeFinished))
    assert finished.peak_bytes > 1_000_000


def test_a_failed_node_is_told_with_its_error():
    seen = []
    with pytest.raises(RunError):
        run(one_step(fail, count=1), {}, events=seen.append)
    failed = next(event for event in seen if isinstance(event, NodeFailed))
    assert failed.node == "only"
    assert isinstance(failed.error, ValueError)
    assert seen[-1].status == "failed"


def test_every_sink_gets_every_event():
    first, second = [], []
    run(one_step(steps, count=3), {}, events=[first.append, second.append])
    assert first == second
    assert len(first) == 7


def test_a_broken_sink_costs_neither_the_run_nor_the_other_sinks(caplog):
    calls, whole = [], []

    def broken(event):
        calls.append(event)
        raise RuntimeError("no terminal")

    with caplog.at_level(logging.ERROR):
        result = run(one_step(steps, count=3), {}, events=[broken, whole.append])
    assert result.outputs == {"out": 3}
    assert len(calls) == 1
    assert len(whole) == 7
    assert "no terminal" in caplog.text


def test_json_lines_are_one_object_an_event(tmp_path):
    path = tmp_path / "events.jsonl"
    with JsonLines(path) as sink, pytest.raises(RunError):
        run(one_step(fail, count=1), {}, events=sink)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["RunStarted", "NodeStarted", "NodeFailed", "RunFinished"]
    assert lines[2]["error"] == "ValueError: too many"
    assert lines[2]["node"] == "only"
    assert lines[0]["time"] <= lines[-1]["time"]


def test_json_lines_can_go_to_an_open_file():
    stream = io.StringIO()
    with JsonLines(stream) as sink:
        sink(RunStarted("p", 3))
    line = json.loads(stream.getvalue())
    assert (line["event"], line["pipeline"], line["nodes"]) == ("RunStarted", "p", 3)


def test_json_lines_that_cannot_be_written_are_the_users_mistake(tmp_path):
    with pytest.raises(OutputError, match="cannot write"), JsonLines(tmp_path / "missing" / "events.jsonl"):
        pass


def screen_after(*events, is_terminal=True):
    console = Console(file=io.StringIO(), force_terminal=is_terminal, width=100, color_system=None)
    with RichProgress(console) as progress:
        for event in events:
            progress(event)
        progress._progress.refresh()
        return console.file.getvalue()


def test_the_progress_shows_the_run_the_nodes_at_work_and_how_far_they_are():
    screen = screen_after(
        RunStarted("edit", 4), NodeStarted("crops/paint[a, b]"), NodeProgress("crops/paint[a, b]", 3, 20, "denoising")
    )
    shown = screen[screen.rindex("edit") :]
    assert "0/4" in shown
    assert "crops/paint[a, b]" in shown
    assert "3/20" in shown
    assert "denoising" in shown


def test_a_finished_node_counts_and_its_line_goes():
    screen = screen_after(RunStarted("edit", 4), NodeStarted("find"), NodeFinished("find", 0.1))
    shown = screen[screen.rindex("edit") :]
    assert "1/4" in shown
    assert "find" not in shown


def test_keys_of_an_axis_count_one_by_one():
    finished = [NodeFinished(f"cut[{key}]", 0.1) for key in "abc"]
    screen = screen_after(RunStarted("edit", 4), *finished)
    assert "3/6" in screen[screen.rindex("edit") :]


def test_a_model_that_is_loading_has_a_line():
    screen = screen_after(RunStarted("edit", 1), ModelLoading("sam", "base", "cpu", over_budget=5))
    assert "loading sam base on cpu" in screen
    assert "more than the memory budget allows" in screen


def test_nothing_is_shown_where_there_is_no_terminal():
    assert screen_after(RunStarted("edit", 1), NodeStarted("find"), is_terminal=False) == ""


def test_the_progress_takes_the_events_of_a_whole_run():
    builder = Pipeline("whole")
    builder.output("out", builder.add("steps", steps, count=builder.add("split", split, count=3)))
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    seen = []
    with RichProgress(console) as progress:
        run(builder.build(), {}, events=[progress, seen.append])
        assert progress._lines == {}
    assert isinstance(seen[-1], RunFinished)
