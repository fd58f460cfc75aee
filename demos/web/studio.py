"""What all tabs share: the models, the cache, the visitors, and the line of those who wait."""

from __future__ import annotations

import gc
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, TypeVar

from demos.web.ledger import Ledger
from demos.web.line import Line
from demos.web.overtime import within
from demos.web.running import Run
from demos.web.settings import MEGABYTE, Settings
from demos.web.visits import Visit, Visits
from pipelines.cache import MemoryCache
from pipelines.errors import ImageError, UserError
from pipelines.events import Sink
from pipelines.graph import Graph
from pipelines.images import read_image
from pipelines.pool import ModelPool
from pipelines.runner import RunResult, run
from pipelines.values import Image

if TYPE_CHECKING:
    import gradio as gr


T = TypeVar("T")


class Studio:
    """The services behind the page: one for the process.

    Results are kept in memory only, by content, so that no picture of a visitor stays on the disk.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.pool = ModelPool(preset=settings.preset, offline=settings.offline, device=settings.device)
        self.cache = MemoryCache(settings.cache_mb * MEGABYTE)
        self.root = Path(mkdtemp(prefix="samloom-"))
        self.uploads = self.root / "uploads"
        self.uploads.mkdir()
        self.visits = Visits(self.root / "visits", keep_seconds=settings.keep_minutes * 60)
        self.ledger = Ledger(self.uploads.resolve(), keep_seconds=settings.keep_minutes * 60)
        self.line = Line(settings.at_once, settings.waiting)
        self._has_worked = False

    def visit(self, request: gr.Request) -> Visit:
        """The visit of the page that sent a request."""
        return self.visits.of(str(request.session_hash))

    def given_file(self, path: object) -> Path:
        """A visitor's file by its path, whoever says it; it counts as used. Raises `UserError` for what is none."""
        try:
            file = Path(path).resolve() if isinstance(path, str) else None
        except ValueError:  # no file system knows such a name
            file = None
        if file is None or not file.is_relative_to(self.root.resolve()) or not file.is_file():
            raise UserError("The file is not here any more. Give it again.")
        self.ledger.use(str(file))
        return file

    def read_picture(self, path: object) -> Image:
        """The picture in a file that a visitor gave. Raises `ImageError`, in which the file bears its own name only,
        and what `given_file` raises."""
        file = self.given_file(path)
        self.check_size(file.stat().st_size, file.name)
        try:
            return read_image(file, max_pixels=self.settings.max_pixels)
        except ImageError as error:
            told = str(error).replace(str(file), file.name).replace(", or set SAMLOOM_MAX_PIXELS higher", "")
            raise ImageError(told) from error

    def check_size(self, size: int, name: str) -> None:
        """Raise `ImageError` for a file of more bytes than are taken."""
        limit = self.settings.max_upload_mb
        if size > limit * MEGABYTE:
            raise ImageError(
                f"{name} has {size / MEGABYTE:,.0f} MB, more than the limit of {limit} MB. Give a smaller file."
            )

    def start(self, graph: Graph, inputs: Mapping[str, Any], visit: Visit) -> Run[RunResult]:
        """A run that begins when its block is entered and it is its turn; see `Run`."""
        return Run(lambda sink, cancel: self.perform(graph, inputs, cancel, sink), visit)

    def watch(self, work: Callable[[threading.Event], T], visit: Visit) -> Run[T]:
        """The same for work that is no graph; it is given the event that stops it."""

        def in_turn(sink: Sink, cancel: threading.Event) -> T:
            with self.turn(cancel, sink):
                return work(cancel)

        return Run(in_turn, visit)

    def perform(
        self, graph: Graph, inputs: Mapping[str, Any], cancel: threading.Event, sink: Sink | None = None
    ) -> RunResult:
        """Run in this thread, when it is its turn, until `cancel` is set; `sink` is told of the waiting too.

        Raises what `pipelines.run` raises, `BusyError` where too many wait already, and `OvertimeError`.
        """
        with self.turn(cancel, sink):
            return self.run_now(graph, inputs, cancel, sink)

    def run_now(
        self, graph: Graph, inputs: Mapping[str, Any], cancel: threading.Event, sink: Sink | None = None
    ) -> RunResult:
        """Run within a `turn`. Raises what `pipelines.run` raises."""
        return run(graph, inputs, pool=self.pool, cache=self.cache, events=sink, cancel=cancel)

    @contextmanager
    def turn(self, cancel: threading.Event, tell: Callable[[Any], None] | None = None) -> Iterator[None]:
        """Wait in the line, then keep the turn for the length of the block: all work with a picture is done in one.

        `tell` gets a `Waiting` whenever fewer are ahead. Raises `BusyError` at once where too many wait already,
        `Cancelled` when `cancel` is set meanwhile, and `OvertimeError`.
        """
        with self.line.turn(cancel, tell), within(self.settings.run_minutes, cancel):
            self._has_worked = True
            yield

    def rest(self) -> bool:
        """Give back the memory that runs have freed, if there were any since the last time and none goes on.

        It is kept while they follow one another, since that is faster; on a server that idles it would seem a leak.
        Returns whether there was anything to do.
        """
        if len(self.line) or not self._has_worked:
            return False
        from sam_model.memory import give_back_freed_memory

        self._has_worked = False
        gc.collect()
        give_back_freed_memory()
        return True

    def close(self) -> None:
        """Remove every file and drop the models."""
        shutil.rmtree(self.root, ignore_errors=True)
        self.cache.clear()
        self.pool.clear()
