"""The timeline: every node of a trace with its lane, its time, its memory, and whether it ran at all."""

import re

import pytest

from demos.web.bench.timeline import round_step, spoken_seconds, timeline
from pipelines.trace import Span, Trace

GIBI = 1 << 30
TRACE = Trace(
    "segment",
    4.0,
    "done",
    nodes=(
        Span("found", "done", 1.0, 2.0, 2 * GIBI, thread=1),
        Span("<b>cut</b>", "cached", 3.0, 0.0, 0, thread=1),
        Span("look", "skipped", 3.0, 0.0, 0, thread=2, note="when ${found} empty false"),
    ),
    models=(Span("load sam bundled", "loaded", 0.5, 0.5, 0, thread=2, note="cpu"),),
)


def rows(html):
    return re.findall(r"<tr>(?!<th scope=\"col\")(.*?)</tr>", html)


def test_every_span_is_a_row():
    assert len(rows(timeline(TRACE))) == 4


def test_rows_of_a_lane_stand_together_in_the_order_of_their_beginning():
    names = re.findall(r'class="step">([^<]+)<', timeline(TRACE))
    assert names == ["load sam bundled", "look", "found", "&lt;b&gt;cut&lt;/b&gt;"]
    assert re.findall(r'class="lane" rowspan="(\d)"', timeline(TRACE)) == ["2", "2"]


def test_bars_lie_where_the_time_was():
    row = next(row for row in rows(timeline(TRACE)) if ">found<" in row)
    assert "left:25.00%;width:50.00%" in row
    assert "2.0 s" not in row
    assert "2 s" in row


def test_peak_memory_is_said_and_the_cache_too():
    names = (">found<", "cut&lt;")
    found, cut = (next(row for row in rows(timeline(TRACE)) if name in row) for name in names)
    assert "2,048 MiB" in found
    assert "from the cache" in cut


def test_the_summary_counts_what_ran():
    assert "Done in 4 s" in timeline(TRACE)
    assert "1 step run, 1 from the cache" in timeline(TRACE)


def test_a_run_that_was_stopped_says_so():
    assert "Stopped in" in timeline(Trace("edit", 1.5, "cancelled", (), ()))


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0"), (0.34, "340 ms"), (1.24, "1.2 s"), (2.0, "2 s"), (75.3, "75 s")]
)
def test_times_are_short(seconds, said):
    assert spoken_seconds(seconds) == said


@pytest.mark.parametrize(("least", "step"), [(0.0004, 0.001), (0.3, 0.5), (0.9, 1), (1.2, 2), (3, 5), (31, 50)])
def test_ticks_are_round(least, step):
    assert round_step(least) == pytest.approx(step)
