"""Who is on the page: for each open page a private folder, what it remembers, and the runs that it waits for."""

from __future__ import annotations

import secrets
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar, cast

from pipelines.errors import Cancelled

T = TypeVar("T")


class Visit:
    """One open page. Everything in it goes when the visitor leaves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.used = monotonic()
        self._remembered: dict[type[Any], Any] = {}
        self._running: set[threading.Event] = set()
        self._lock = threading.Lock()
        self._left = False
        folder.mkdir(parents=True)

    def file(self, name: str) -> Path:
        """Where a file of this name can be written that no other file of the visit overwrites.

        Raises `Cancelled` when the visitor has left: what would be written now, nobody would remove.
        """
        if self._left:
            raise Cancelled("the visitor has left")
        place = self.folder / secrets.token_hex(8)
        place.mkdir(parents=True)
        return place / name

    def recall(self, kind: type[T]) -> T:
        """What a tab remembers of this visitor: its own object, made by `kind()` at the first call."""
        with self._lock:
            if kind not in self._remembered:
                self._remembered[kind] = kind()
            return cast("T", self._remembered[kind])

    @contextmanager
    def running(self) -> Iterator[threading.Event]:
        """The event that stops a run of this visitor; set from the start where the visitor has left already."""
        cancel = threading.Event()
        with self._lock:
            self._running.add(cancel)
            if self._left:
                cancel.set()
        try:
            yield cancel
        finally:
            with self._lock:
                self._running.discard(cancel)

    @property
    def is_running(self) -> bool:
        return bool(self._running)

    def cancel(self) -> int:
        """Stop every run of this visitor; returns how many there were."""
        with self._lock:
            for cancel in self._running:
                cancel.set()
            return len(self._running)

    def leave(self) -> None:
        """Stop what runs, forget what is remembered, remove the files."""
        with self._lock:
            self._left = True
            self._remembered.clear()
        self.cancel()
        shutil.rmtree(self.folder, ignore_errors=True)


class Visits:
    """All visits by the page's session; safe to use from many threads."""

    def __init__(self, root: Path, *, keep_seconds: float, clock: Callable[[], float] = monotonic) -> None:
        self._root = root
        self._keep_seconds = keep_seconds
        self._clock = clock
        self._visits: dict[str, Visit] = {}
        self._lock = threading.Lock()

    def of(self, session: str) -> Visit:
        """The visit of a page, begun if need be."""
        with self._lock:
            if session not in self._visits:
                self._visits[session] = Visit(self._root / secrets.token_hex(16))
            visit = self._visits[session]
            visit.used = self._clock()
            return visit

    def leave(self, session: str) -> None:
        """End a page's visit, if there is one."""
        with self._lock:
            visit = self._visits.pop(session, None)
        if visit is not None:
            visit.leave()

    def sweep(self) -> None:
        """End the visits of pages that have been idle for too long."""
        latest = self._clock() - self._keep_seconds
        for session, visit in list(self._visits.items()):
            if visit.used < latest and not visit.is_running:
                self.leave(session)

    def __len__(self) -> int:
        return len(self._visits)
