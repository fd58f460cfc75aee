"""The trace: time and memory of every node, as a value, a table and a file for Perfetto."""

import json
import time

import numpy as np
import pytest

from pipelines import Text, When, node
from pipelines.builder import Pipeline
from pipelines.cache import MemoryCache
from pipelines.errors import OutputError
from pipelines.events import ModelEvicted, ModelLoaded, NodeFinished, RunFinished, RunStarted
from pipelines.memory import MemoryWatch
from pipelines.runner import run
from pipelines.trace import TraceRecorder


@node("test/nap")
def nap(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


@node("test/allocate")
def allocate(mebibytes: int) -> int:
    held = np.ones((mebibytes, 1 << 20), np.uint8)
    time.sleep(0.05)
    return int(held[0, 0])


def traced(function, cache=None, **inputs):
    builder = Pipeline("traced")
    builder.output("out", builder.add("only", function, **inputs))
    return run(builder.build(), {}, cache=cache).trace


def test_the_time_of_a_node_is_its_own():
    trace = traced(nap, seconds=0.05)
    (span,) = trace.nodes
    assert 0.05 <= span.seconds <= trace.seconds
    assert 0 <= span.start <= trace.seconds - span.seconds


def test_the_peak_memory_of_a_node_holds_what_it_allocated():
    small = traced(allocate, mebibytes=1).nodes[0].peak_bytes
    large = traced(allocate, mebibytes=48).nodes[0].peak_bytes
    assert large - small > 32 << 20


def test_a_span_that_no_sample_met_gets_the_latest():
    watch = MemoryWatch()
    watch.start("short")
    assert watch.stop("short") > 0
    watch.close()


def test_outcomes_are_told_apart():
    builder = Pipeline("outcomes")
    word = builder.input("word", Text)
    builder.output("done", builder.add("done", nap, seconds=0.0))
    builder.output("skipped", builder.add("skipped", nap, seconds=0.0, when=When(word, "equals", "go")))
    graph, cache = builder.build(), MemoryCache()
    run(graph, {"word": "stay"}, cache=cache)
    trace = run(graph, {"word": "stay"}, cache=cache).trace
    assert {span.name: span.outcome for span in trace.nodes} == {"done": "cached", "skipped": "skipped"}
    assert (trace.executed, trace.cached, trace.status) == ((), ("done",), "done")


def test_a_saved_trace_is_what_perfetto_reads(tmp_path):
    path = tmp_path / "trace.json"
    trace = traced(nap, seconds=0.02)
    trace.save(path)
    saved = json.loads(path.read_text())
    (event,) = saved["traceEvents"]
    assert {key: event[key] for key in ("name", "cat", "ph", "tid")} == {
        "name": "only",
        "cat": "node",
        "ph": "X",
        "tid": 0,
    }
    assert event["dur"] == pytest.approx(trace.nodes[0].seconds * 1e6, abs=1)
    assert event["ts"] >= 0
    assert isinstance(event["pid"], int)


def test_a_trace_that_cannot_be_written_is_the_users_mistake(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        traced(nap, seconds=0.0).save(tmp_path / "file" / "trace.json")


def recorded(*events):
    recorder = TraceRecorder()
    for event in events:
        recorder(event)
    return recorder.trace()


def test_models_stand_beside_the_nodes():
    trace = recorded(
        RunStarted("p", 1),
        ModelLoaded("sam", "base", "cpu", 0.5),
        ModelEvicted("sam", "tiny", "cpu"),
        RunFinished("p", 1, "done"),
    )
    assert [(span.name, span.outcome, span.seconds) for span in trace.models] == [
        ("load sam base", "loaded", 0.5),
        ("evict sam tiny", "evicted", 0.0),
    ]
    assert trace.nodes == ()


def test_the_table_is_aligned_and_whole():
    table = recorded(
        RunStarted("edit", 2),
        NodeFinished("find", 1.25, peak_bytes=300 << 20),
        NodeFinished("segment everything", 0.0, cached=True),
        RunFinished("edit", 2.0, "done"),
    ).table()
    header, *rows, total = table.splitlines()
    assert header.split() == ["node", "outcome", "seconds", "peak", "MiB"]
    assert ["find", "done", "1.250", "300"] in [row.split() for row in rows]
    assert any(row.startswith("segment everything  cached") for row in rows)
    assert total.startswith("edit in all")
    assert len({row.index(mark) for row, mark in zip([header, *rows], ["outcome", "done", "cached"], strict=True)}) == 1


def test_a_recorder_without_events_gives_an_empty_trace():
    trace = TraceRecorder().trace()
    assert (trace.nodes, trace.models, trace.seconds, trace.status) == ((), (), 0.0, "running")
