"""A run's trace as a table whose rows are bars along the time: lanes, times, peak memory, what came from the cache."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from demos.web.bench.markup import tag, words
from pipelines.trace import Span, Trace

MEBI = 1 << 20
_TICKS = 5
_THINNEST = 0.6  # of a bar, in percent of the width
_MOMENTS = ("skipped", "evicted")
_STEPS = (1, 2, 5)
_OUTCOMES = {
    "done": "run",
    "cached": "from the cache",
    "skipped": "skipped",
    "failed": "failed",
    "loaded": "model",
    "evicted": "model dropped",
}


@dataclass(frozen=True)
class Scale:
    """How a run's seconds lie along the width."""

    seconds: float

    def share(self, seconds: float) -> float:
        """A time as a percentage of the width."""
        return 100 * min(1.0, max(0.0, seconds / self.seconds)) if self.seconds else 0.0

    def ticks(self) -> Iterator[float]:
        """Round times, some five of them."""
        step = round_step(self.seconds / _TICKS)
        yield from (step * number for number in range(int(self.seconds / step) + 1))


def timeline(trace: Trace) -> str:
    """The trace as HTML; one group of rows for each lane, in the order in which they began to work."""
    spans = sorted((*trace.nodes, *trace.models), key=lambda span: (span.thread, span.start))
    scale, most = Scale(max(trace.seconds, 1e-3)), max((span.peak_bytes for span in spans), default=0)
    lanes = [list(lane) for _, lane in groupby(spans, key=lambda span: span.thread)]
    lanes.sort(key=lambda lane: lane[0].start)
    body = "".join(_lane(number, lane, scale, most) for number, lane in enumerate(lanes, start=1))
    return tag(
        "div",
        tag("p", _summary(trace), class_="summary"),
        tag("div", tag("table", _caption(), tag("thead", tag("tr", *_heads(scale))), body), class_="scroll"),
        class_="bench timeline",
    )


def spoken_seconds(seconds: float) -> str:
    """A time as short as it can be said: 340 ms, 1.2 s, 75 s."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms" if seconds else "0"
    return f"{seconds:.1f} s" if seconds < 10 and seconds % 1 else f"{seconds:.0f} s"


def round_step(least: float) -> float:
    """The smallest of 1, 2, 5, 10, 20 … (and their parts of a thousand) that is at least `least`."""
    power = 0.001
    while power * _STEPS[-1] < least:
        power *= 10
    return next(power * step for step in _STEPS if power * step >= least)


def _caption() -> str:
    return tag("caption", "Steps of the run by lane, with time and peak memory", class_="unseen")


def _heads(scale: Scale) -> Iterator[str]:
    marks = (
        tag("span", spoken_seconds(tick), class_="tick", style=f"left:{scale.share(tick):.2f}%")
        for tick in scale.ticks()
    )
    yield tag("th", "lane", scope="col")
    yield tag("th", "step", scope="col")
    yield tag("th", tag("span", "when", class_="unseen"), *marks, scope="col", class_="axis")
    yield tag("th", "time", scope="col", class_="figure")
    yield tag("th", "peak memory", scope="col", class_="figure")


def _lane(number: int, spans: list[Span], scale: Scale, most: int) -> str:
    lane = tag("th", str(number), scope="rowgroup", class_="lane", rowspan=len(spans))
    rows = (tag("tr", *[lane][index:], *_cells(span, scale, most)) for index, span in enumerate(spans))
    return tag("tbody", *rows)


def _cells(span: Span, scale: Scale, most: int) -> Iterator[str]:
    said, kind = _OUTCOMES[span.outcome], f"is-{span.outcome}"
    note = tag("span", words(span.note.partition("\n")[0]), class_="note") if span.note else ""
    yield tag("th", words(span.name), tag("span", said, class_=f"outcome {kind}"), note, scope="row", class_="step")
    width = max(scale.share(span.seconds), _THINNEST)
    left = min(scale.share(span.start), 100 - width)
    bar = tag("span", class_=f"bar {kind}", style=f"left:{left:.2f}%;width:{width:.2f}%")
    yield tag("td", bar, class_="axis", title=f"{span.name}: {said}, begins at {spoken_seconds(span.start)}")
    yield tag("td", "" if span.outcome in _MOMENTS else spoken_seconds(span.seconds), class_="figure")
    memory = f"{span.peak_bytes / MEBI:,.0f} MiB" if span.peak_bytes else ""
    filled = 100 * span.peak_bytes / most if most else 0
    yield tag("td", memory, class_="figure memory", style=f"--filled:{filled:.0f}%")


def _summary(trace: Trace) -> str:
    cached = f", {len(trace.cached)} from the cache" if trace.cached else ""
    run = len(trace.executed)
    ending = {"done": "Done", "failed": "Failed", "cancelled": "Stopped"}.get(trace.status, trace.status)
    return f"{tag('strong', f'{ending} in {spoken_seconds(trace.seconds)}')} · {run} step{'s' * (run != 1)} run{cached}"
