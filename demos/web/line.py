"""The line of those who wait for their run to begin."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from demos.web.running import Waiting
from pipelines.errors import Cancelled, UserError

_POLL_SECONDS = 0.2


class BusyError(UserError):
    """So many are waiting that one more would wait too long."""


class Line:
    """Lets `at_once` in at a time, in the order of their coming, and `waiting` more wait."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self._at_once = at_once
        self._waiting = waiting
        self._queue: list[object] = []
        self._changed = threading.Condition()

    @contextmanager
    def turn(self, cancel: threading.Event, tell: Callable[[Any], None] | None = None) -> Iterator[None]:
        """Wait for one's turn, and keep it for the length of the block.

        `tell` gets a `Waiting` whenever fewer are ahead. Raises `BusyError` at once where the line is full, and
        `Cancelled` when `cancel` is set meanwhile.
        """
        ticket = self._enter()
        try:
            self._wait(ticket, cancel, tell)
            yield
        finally:
            with self._changed:
                self._queue.remove(ticket)
                self._changed.notify_all()

    def __len__(self) -> int:
        """How many run or wait."""
        return len(self._queue)

    def _enter(self) -> object:
        ticket = object()
        with self._changed:
            if len(self._queue) >= self._at_once + self._waiting:
                raise BusyError(f"{len(self._queue)} runs are under way or waiting. Try again in a minute.")
            self._queue.append(ticket)
        return ticket

    def _wait(self, ticket: object, cancel: threading.Event, tell: Callable[[Any], None] | None) -> None:
        told = 0
        with self._changed:
            while (ahead := self._queue.index(ticket) - self._at_once + 1) > 0:
                if cancel.is_set():
                    raise Cancelled("stopped while waiting")
                if tell is not None and ahead != told:
                    tell(Waiting(ahead))
                told = ahead
                self._changed.wait(_POLL_SECONDS)
