"""One thing after the other: what a visitor asks for during a run waits until that one has ended."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from pipelines.errors import Cancelled

_QUIET_SECONDS = 0.5


class Turns:
    """The turns of one visitor.

    for _ in turns.wait(cancel):
        ...  # still waiting
    try:
        ...
    finally:
        turns.over()
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def wait(self, cancel: threading.Event) -> Iterator[None]:
        """Wait for a turn, and twice a second give control. Raises `Cancelled` when `cancel` is set meanwhile."""
        while not self._lock.acquire(timeout=_QUIET_SECONDS):
            if cancel.is_set():
                raise Cancelled("stopped while it waited")
            yield

    def over(self) -> None:
        """End the turn."""
        self._lock.release()
