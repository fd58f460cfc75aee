"""A run that a page watches: its events as they happen, its result at the end."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from time import monotonic
from typing import Generic, Self, TypeAlias, TypeVar

from demos.web.visits import Visit
from pipelines.events import Event, Sink

_QUIET_SECONDS = 0.5
_APART_SECONDS = 0.1

T = TypeVar("T")
Work: TypeAlias = Callable[[Sink, threading.Event], T]
"""What a run does, given where its events go and what stops it."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Others are running; `ahead` of them must end before this one begins."""

    ahead: int


News: TypeAlias = tuple[Event | Waiting, ...]


class Run(Generic[T]):
    """Iterate to watch it, then ask for its `result`; leaving the `with` block early stops it.

    with studio.start(graph, inputs, visit) as run:
        for news in run:
            ...
        result = run.result()

    What is iterated are tuples of the events since the last one: at most ten a second, and an empty one from time to
    time, so that a page that was closed is noticed.
    """

    def __init__(self, work: Work[T], visit: Visit) -> None:
        self._work = work
        self._news: queue.SimpleQueue[Event | Waiting | None] = queue.SimpleQueue()
        self._result: T | None = None
        self._error: BaseException | None = None
        self._stack = ExitStack()
        self._cancel = self._stack.enter_context(visit.running())
        self._thread = threading.Thread(target=self._perform, name="samloom-page-run", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._cancel.set()
        self._stack.close()

    def __iter__(self) -> Iterator[News]:
        ended = False
        while not ended:
            news = self._next()
            ended = None in news
            yield tuple(event for event in news if event is not None)

    def result(self) -> T:
        """Wait for the end. Raises what the work raises."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert self._result is not None  # noqa: S101 - a thread that has ended has left one of the two
        return self._result

    def _perform(self) -> None:
        try:
            self._result = self._work(self._news.put, self._cancel)
        except BaseException as error:  # noqa: BLE001 - raised again by `result`, in the thread of the page
            self._error = error
        finally:
            self._news.put(None)

    def _next(self) -> list[Event | Waiting | None]:
        """The first event that comes, with those that follow within a tenth of a second; none after half a second."""
        try:
            found = [self._news.get(timeout=_QUIET_SECONDS)]
        except queue.Empty:
            return []
        until = monotonic() + _APART_SECONDS
        while found[-1] is not None and (left := until - monotonic()) > 0:
            try:
                found.append(self._news.get(timeout=left))
            except queue.Empty:
                break
        return found
