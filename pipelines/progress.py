"""Sinks that show a run: progress bars on a terminal, and events as lines of JSON."""

from __future__ import annotations

import json
import os
import time
from contextlib import AbstractContextManager
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self

from pipelines.errors import OutputError
from pipelines.events import (
    Event,
    MemoryShort,
    ModelEvicted,
    ModelLoaded,
    ModelLoading,
    NodeEvent,
    NodeFailed,
    NodeFinished,
    NodeProgress,
    NodeSkipped,
    NodeStarted,
    RunFinished,
    RunStarted,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID


class JsonLines(AbstractContextManager["JsonLines"]):
    """Writes each event as one line: `{"time": 1763804000.123456, "event": "NodeStarted", "node": "cut"}`.

    `file` is a path, which is opened on entering and closed on leaving, or an open text file, which stays open.
    """

    def __init__(self, file: str | os.PathLike[str] | IO[str]) -> None:
        self._path = Path(file) if isinstance(file, (str, os.PathLike)) else None
        self._stream: IO[str] | None = None if isinstance(file, (str, os.PathLike)) else file

    def __enter__(self) -> Self:
        if self._path is not None:
            try:
                self._stream = self._path.open("w", encoding="utf-8")
            except OSError as error:
                raise OutputError(f"cannot write {self._path}: {error.strerror}. Give another path.") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._path is not None and self._stream is not None:
            self._stream.close()
            self._stream = None

    def __call__(self, event: Event) -> None:
        if self._stream is None:
            raise ValueError("JsonLines is not open: use it in a with statement.")
        values = {field.name: _plain(getattr(event, field.name)) for field in fields(event)}
        line = {"time": round(time.time(), 6), "event": type(event).__name__, **values}
        self._stream.write(json.dumps(line) + "\n")
        self._stream.flush()


def _plain(value: Any) -> Any:
    return f"{type(value).__name__}: {value}" if isinstance(value, BaseException) else value


class RichProgress(AbstractContextManager["RichProgress"]):
    """One bar for the run and one line for each node at work, on standard error.

    A finished node's line goes, so the display stays as high as the number of nodes that run at once. Where standard
    error is no terminal, nothing is shown.
    """

    def __init__(self, console: Console | None = None) -> None:
        from rich.console import Console as StandardConsole
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self._console = console or StandardConsole(stderr=True)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[note]}"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._lines: dict[str, TaskID] = {}
        self._mapped: set[str] = set()

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def __call__(self, event: Event) -> None:
        match event:
            case RunStarted(pipeline, nodes):
                self._add("", f"[bold]{_safe(pipeline or 'pipeline')}", total=nodes)
            case ModelLoading() | ModelLoaded() | ModelEvicted():
                self._show_model(event)
            case RunFinished():
                for name in list(self._lines):
                    self._remove(name)
            case _:
                self._show_node(event)

    def _show_node(self, event: NodeEvent) -> None:
        match event:
            case NodeStarted(node):
                self._add(node, _safe(node), total=None)
            case NodeProgress(node, done, total, note) if node in self._lines:
                self._progress.update(self._lines[node], completed=done, total=total, note=_safe(note))
            case MemoryShort(node, remedy) if node in self._lines:
                self._progress.update(self._lines[node], completed=0, note=_safe(f"memory ran out: again, {remedy}"))
            case NodeFinished(node) | NodeFailed(node) | NodeSkipped(node):
                self._remove(node)
                self._advance(node)

    def _show_model(self, event: ModelLoading | ModelLoaded | ModelEvicted) -> None:
        line = f"{event.family} {event.ref} on {event.device}"
        if isinstance(event, ModelLoading):
            note = "more than the memory budget allows" if event.over_budget else ""
            self._add(line, f"loading {_safe(line)}", total=None, note=note)
        else:
            self._remove(line)

    def _add(self, name: str, description: str, *, total: int | None, note: str = "") -> None:
        self._remove(name)
        self._lines[name] = self._progress.add_task(description, total=total, note=note)

    def _remove(self, name: str) -> None:
        if name in self._lines:
            self._progress.remove_task(self._lines.pop(name))

    def _advance(self, node: str) -> None:
        if "" not in self._lines:
            return
        bar, step = self._lines[""], node.partition("[")[0]
        if step in self._mapped:  # the run's total counts a step once; each further key of an axis adds to it
            self._progress.update(bar, total=(self._progress.tasks[self._index(bar)].total or 0) + 1)
        if step != node:
            self._mapped.add(step)
        self._progress.advance(bar)

    def _index(self, line: TaskID) -> int:
        return self._progress.task_ids.index(line)


def _safe(text: str) -> str:
    """`text` without the meaning that rich gives to square brackets."""
    from rich.markup import escape

    return escape(text)
