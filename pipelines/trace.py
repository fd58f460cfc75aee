"""Where the time and the memory of a run went: a sink that listens, and the value it makes."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Literal, TypeAlias

from pipelines.events import (
    Event,
    MemoryShort,
    ModelEvicted,
    ModelLoaded,
    NodeFailed,
    NodeFinished,
    NodeSkipped,
    RunFinished,
    RunStarted,
)
from pipelines.files import write_atomically

Outcome: TypeAlias = Literal["done", "cached", "skipped", "failed", "loaded", "evicted", "out of memory"]
_MICRO = 1_000_000
_MEBI = 1 << 20
_MODEL_EVENTS = (ModelLoaded, ModelEvicted)


@dataclass(frozen=True, slots=True)
class Span:
    """One node, or one model's loading, in a run: `start` in seconds after the run's, on thread number `thread`.

    `peak_bytes` is the most resident memory the process was seen to hold meanwhile; 0 where it was not looked at.
    """

    name: str
    outcome: Outcome
    start: float
    seconds: float
    peak_bytes: int = 0
    thread: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """A run as it went: nodes in the order in which they ended, and models as they came and went."""

    pipeline: str
    seconds: float
    status: str
    nodes: tuple[Span, ...]
    models: tuple[Span, ...]

    @property
    def executed(self) -> tuple[str, ...]:
        """The names of the nodes that did run: neither skipped nor taken from the cache."""
        return tuple(span.name for span in self.nodes if span.outcome in ("done", "failed"))

    @property
    def cached(self) -> tuple[str, ...]:
        """The names of the nodes whose outputs came from the cache."""
        return tuple(span.name for span in self.nodes if span.outcome == "cached")

    def table(self) -> str:
        """The trace as aligned text: a line for each node and model, in the order in which they began."""
        spans = sorted((*self.nodes, *self.models), key=lambda span: span.start)
        rows = [("node", "outcome", "seconds", "peak MiB", ""), *map(_row, spans)]
        rows.append((f"{self.pipeline or 'pipeline'} in all", self.status, f"{self.seconds:.3f}", "", ""))
        wide = [max(len(row[column]) for row in rows) for column in range(4)]
        return "\n".join(
            f"{name:<{wide[0]}}  {outcome:<{wide[1]}}  {seconds:>{wide[2]}}  {peak:>{wide[3]}}  {note}".rstrip()
            for name, outcome, seconds, peak, note in rows
        )

    def as_json(self) -> dict[str, Any]:
        """The Trace Event Format that chrome://tracing and Perfetto open; each span is a complete event ("X")."""
        return {
            "displayTimeUnit": "ms",
            "otherData": {"pipeline": self.pipeline, "status": self.status, "seconds": self.seconds},
            "traceEvents": list(_trace_events(self)),
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write `as_json` to `path`, whole or not at all. Raises `OutputError`."""
        write_atomically(Path(path), json.dumps(self.as_json(), indent=1).encode())


class TraceRecorder:
    """The sink that makes a `Trace`. It only notes what arrives and when; `trace` does the rest.

    Safe to call from many threads at once.
    """

    def __init__(self) -> None:
        self._notes: list[tuple[Event, float, int]] = []

    def __call__(self, event: Event) -> None:
        self._notes.append((event, perf_counter(), threading.get_ident()))

    def trace(self) -> Trace:
        """The run so far."""
        notes = list(self._notes)
        begin, end = (notes[0][1], notes[-1][1]) if notes else (0.0, 0.0)
        threads = {ident: number for number, ident in enumerate(dict.fromkeys(ident for _, _, ident in notes))}
        spans = [(event, _span(event, now - begin, threads[ident])) for event, now, ident in notes]
        return Trace(
            pipeline=next((event.pipeline for event, _, _ in notes if isinstance(event, RunStarted)), ""),
            seconds=end - begin,
            status=next((event.status for event, _, _ in notes if isinstance(event, RunFinished)), "running"),
            nodes=tuple(span for event, span in spans if span and not isinstance(event, _MODEL_EVENTS)),
            models=tuple(span for event, span in spans if span and isinstance(event, _MODEL_EVENTS)),
        )


def _span(event: Event, now: float, thread: int) -> Span | None:
    match event:
        case NodeFinished(name, seconds, cached, peak):
            return Span(name, "cached" if cached else "done", now - seconds, seconds, peak, thread)
        case NodeFailed(name, seconds, error):
            return Span(name, "failed", now - seconds, seconds, 0, thread, f"{type(error).__name__}: {error}")
        case NodeSkipped(name, note) | MemoryShort(name, note):
            return Span(
                name, "skipped" if isinstance(event, NodeSkipped) else "out of memory", now, 0.0, 0, thread, note
            )
        case ModelLoaded(family, ref, device, seconds):
            return Span(f"load {family} {ref}", "loaded", now - seconds, seconds, 0, thread, device)
        case ModelEvicted(family, ref, device):
            return Span(f"evict {family} {ref}", "evicted", now, 0.0, 0, thread, device)
        case _:
            return None


def _row(span: Span) -> tuple[str, str, str, str, str]:
    peak = f"{span.peak_bytes / _MEBI:.0f}" if span.peak_bytes else ""
    return span.name, span.outcome, f"{span.seconds:.3f}", peak, span.note.split("\n")[0]


def _trace_events(trace: Trace) -> Iterator[dict[str, Any]]:
    process = os.getpid()
    for category, spans in (("node", trace.nodes), ("model", trace.models)):
        for span in spans:
            yield {
                "name": span.name,
                "cat": category,
                "ph": "X",
                "ts": round(span.start * _MICRO),
                "dur": round(span.seconds * _MICRO),
                "pid": process,
                "tid": span.thread,
                "args": {"outcome": span.outcome, "peak_bytes": span.peak_bytes, "note": span.note},
            }
