"""The progress bar of a folder, on standard error."""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pipelines.batch.folder import Tally
from pipelines.events import Event, ModelLoaded, ModelLoading

if TYPE_CHECKING:
    from rich.console import Console


class FolderBar(AbstractContextManager["FolderBar"]):
    """Pictures done, failed and left, and how long the rest will take; as a sink of events also what is being loaded.

    Where standard error is no terminal, nothing is shown.
    """

    def __init__(self, title: str, console: Console | None = None, *, quiet: bool = False) -> None:
        from rich.console import Console as StandardConsole
        from rich.markup import escape
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

        console = console or StandardConsole(stderr=True)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[counts]}"),
            TimeRemainingColumn(elapsed_when_finished=True),
            TextColumn("[dim]{task.fields[note]}"),
            console=console,
            transient=True,
            disable=quiet or not console.is_terminal,
        )
        self._line = self._progress.add_task(escape(title), total=None, counts="", note="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, tally: Tally) -> None:
        """Show how far the folder is."""
        counts = f"{tally.done + tally.unchanged} done, {len(tally.failures)} failed, {tally.left} left"
        self._progress.update(self._line, completed=tally.total - tally.left, total=tally.total, counts=counts)

    def __call__(self, event: Event) -> None:
        """Take an event of any of the runs."""
        match event:
            case ModelLoading(family, ref):
                self._progress.update(self._line, note=f"loading {family} {ref}")
            case ModelLoaded():
                self._progress.update(self._line, note="")
