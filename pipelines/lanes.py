"""One lane a device: jobs that use models on the same device take turns, everything else runs beside them."""

from __future__ import annotations

from collections import deque
from collections.abc import Set as AbstractSet
from typing import Generic, TypeVar

J = TypeVar("J")


class Lanes(Generic[J]):
    """Who has which devices, and who waits for them in the order of arrival. Not safe for threads by itself."""

    def __init__(self) -> None:
        self._held: dict[J, AbstractSet[str]] = {}
        self._queue: deque[tuple[J, AbstractSet[str]]] = deque()

    def enter(self, job: J, devices: AbstractSet[str]) -> bool:
        """Take `devices` for `job`, all or none; if some are taken, the job is kept until all are free."""
        if any(devices & taken for taken in self._held.values()):
            self._queue.append((job, devices))
            return False
        self._held[job] = devices
        return True

    def leave(self, job: J) -> list[J]:
        """Give back what `job` holds, if anything; returns the waiting jobs that have their devices now."""
        if self._held.pop(job, None) is None:
            return []
        waiting, self._queue = self._queue, deque()
        return [other for other, devices in waiting if self.enter(other, devices)]
