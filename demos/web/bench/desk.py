"""One visitor's run of a pipeline, as the tab shows it: step by step while it goes, then all that came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demos.web.bench.confined import confined, told_of
from demos.web.bench.drawing import draw
from demos.web.bench.results import Gallery
from demos.web.bench.timeline import timeline
from demos.web.bench.watching import Watch
from demos.web.running import News, Waiting
from demos.web.studio import Studio
from demos.web.visits import Visit
from demos.web.words import counted, told
from pipelines.errors import Cancelled, IncompleteRunError, SamloomError
from pipelines.graph import Graph
from pipelines.outputs import write_outputs
from pipelines.trace import Trace
from pipelines.values import Image

if TYPE_CHECKING:
    from demos.web.parts import Mood

FILES = "files"
"""The name of the folder in which the paths of a visitor's pipelines lie."""


@dataclass(frozen=True)
class Shown:
    """What changes on the page; None leaves a part as it is."""

    mood: Mood
    words: str
    drawing: str | None = None
    results: str | None = None
    files: Sequence[str] | None = None
    timeline: str | None = None
    trace: str | None = None

    @property
    def is_over(self) -> bool:
        return self.mood != "busy"


@dataclass
class Desk:
    """What the tab remembers of a visitor: the folder of the pipelines' own files."""

    folder: Path | None = None


def folder_of(visit: Visit) -> Path:
    """Where a visitor's pipelines read and write. Raises `Cancelled` when the visitor has left."""
    desk = visit.recall(Desk)
    if desk.folder is None:
        folder = visit.file(FILES)
        folder.mkdir()
        desk.folder = folder.resolve()
    return desk.folder


def perform(studio: Studio, visit: Visit, graph: Graph, inputs: Mapping[str, Any]) -> Iterator[Shown]:
    """Run a checked graph among the visitor's own files, and say how it goes; the last item says how it ended."""
    watch, folder = Watch.of(graph), folder_of(visit)
    before = _stamps(folder)
    with visit.running() as stopped:
        yield Shown("busy", "Starting …", drawing=draw(graph, watch.steps))
    try:
        with studio.start(confined(graph, folder), inputs, visit) as run:
            if stopped.is_set():
                visit.cancel()  # before the run had begun
            for news in run:
                watch = watch.after(news)
                yield Shown("busy", _busy(news, watch), drawing=draw(graph, watch.steps) if news else None)
            result = run.result()
        outputs = told_of(folder, dict(result.outputs))
        made = [path for path, stamp in _stamps(folder).items() if before.get(path) != stamp]
        files = [*write_outputs(outputs, visit.file("outputs").parent), *made]
        trace = _saved(result.trace, visit)
    except SamloomError as error:
        yield _ended_badly(error, visit, folder, draw(graph, watch.steps))
        return
    pictures = tuple(value for value in (*inputs.values(), *outputs.values()) if isinstance(value, Image))
    yield Shown(
        "done",
        f"Done: {counted(len(outputs), 'output')}.",
        drawing=draw(graph, watch.steps),
        results=Gallery(pictures).show(outputs),
        files=[str(path) for path in files],
        timeline=timeline(result.trace),
        trace=trace,
    )


def _busy(news: News, watch: Watch) -> str:
    waiting = [event.ahead for event in news if isinstance(event, Waiting)]
    return f"Waiting: {counted(waiting[-1], 'run')} before yours." if waiting else watch.words


def _ended_badly(error: SamloomError, visit: Visit, folder: Path, drawing: str) -> Shown:
    """What is shown of a run that was stopped or has failed: as far as it came."""
    mood: Mood = "idle" if isinstance(error, Cancelled) else "error"
    shown = Shown(mood, told(error).replace(f"{folder}/", ""), drawing=drawing)
    if not isinstance(error, IncompleteRunError) or error.trace is None:
        return shown
    nodes = tuple(replace(span, note=span.note.replace(f"{folder}/", "")) for span in error.trace.nodes)
    trace = replace(error.trace, nodes=nodes)
    with suppress(Cancelled):  # a visitor who has left fetches nothing
        shown = replace(shown, timeline=timeline(trace), trace=_saved(trace, visit))
    return shown


def _saved(trace: Trace, visit: Visit) -> str:
    path = visit.file(f"{trace.pipeline or 'pipeline'}-trace.json")
    trace.save(path)
    return str(path)


def _stamps(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
