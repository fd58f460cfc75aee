"""The threads of a run: as few as keep the work moving, all of them gone when it is over.

The calling thread is the first worker, and whoever ends a job goes on with what became ready by it, so a chain never
changes threads. A watch wakes every few milliseconds and sends helpers when work lies waiting while the workers are
held up in long jobs. Jobs too short to be worth a hand-over are left to one worker: two would fight for the lock.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from typing import Generic, TypeVar

from pipelines.errors import Cancelled
from pipelines.lanes import Lanes

J = TypeVar("J")
R = TypeVar("R")

_TICK_SECONDS = 0.005
_SHORT_JOBS_PER_TICK = 5
"""When each worker ends this many jobs within a tick, they are short ones."""


class Crew(Generic[J, R]):
    """Works through jobs, each of which may make others ready, with the calling thread and up to `workers` - 1 helpers.

    `perform` does a job, on any thread; None means that the job waits for its lane and will be performed again.
    `settle` takes what came of it and returns the jobs that are ready now, with nobody else settling meanwhile.
    `on_tick` is called every few milliseconds. The first error, or setting `cancel`, lets nothing new begin.
    """

    def __init__(
        self,
        perform: Callable[[J], R | None],
        settle: Callable[[J, R], Iterable[J]],
        *,
        workers: int,
        cancel: threading.Event,
        on_tick: Callable[[], None],
    ) -> None:
        self._perform = perform
        self._settle = settle
        self._cancel = cancel
        self._on_tick = on_tick
        self._workers = workers
        self._over = threading.Event()
        # Everything below is touched only by the holder of this lock.
        self._changed = threading.Condition(threading.Lock())
        self._ready: deque[J] = deque()
        self._lanes: Lanes[J] = Lanes()
        self._failure: BaseException | None = None
        self._hands = 1  # how many jobs may run at once, just now
        self._running = 0
        self._idle = 0
        self._ended = 0
        self._helpers: list[threading.Thread] = []

    def work(self, jobs: Iterable[J]) -> None:
        """Work until nothing is left. Raises the first error of a job, or `Cancelled`."""
        self._ready.extend(jobs)
        watch = threading.Thread(target=self._watch, name="samloom-watch", daemon=True)
        watch.start()
        try:
            self._toil()
        except BaseException as error:  # an interrupt that reached this thread between two jobs
            self._fail(error)
            raise
        finally:
            self._over.set()
            for thread in (watch, *self._helpers):
                thread.join()
        if self._failure is not None:
            raise self._failure
        if self._ready:
            raise Cancelled("The run was cancelled.")

    def is_stopping(self) -> bool:
        """Whether nothing new may begin; a job that can give up half-way should."""
        return self._failure is not None or self._cancel.is_set()

    def enter_lane(self, job: J, devices: AbstractSet[str]) -> bool:
        """Take all of `devices` until `job` ends; False if it has to wait, which `perform` answers with None."""
        with self._changed:
            return self._lanes.enter(job, devices)

    def _help(self) -> None:
        try:
            self._toil()
        except BaseException as error:  # noqa: BLE001 - raised again by `work`, in the calling thread
            self._fail(error)

    def _toil(self) -> None:
        job = self._next()
        while job is not None:
            try:
                outcome = self._perform(job)
            except BaseException as error:  # noqa: BLE001 - raised again by `work`, in the calling thread
                self._fail(error)
                outcome = None
            job = self._next((job, outcome))

    def _next(self, ended: tuple[J, R | None] | None = None) -> J | None:
        """Settle what a worker has done and give it more, waiting for it if need be; None when there is no more."""
        with self._changed:
            if ended:
                self._end(*ended)
            while self._must_wait():
                self._idle += 1
                self._changed.wait()
                self._idle -= 1
            if self.is_stopping() or not self._ready:
                self._changed.notify_all()
                return None
            self._running += 1
            return self._ready.popleft()

    def _must_wait(self) -> bool:
        if not self._running or self.is_stopping():
            return False
        return not self._ready or self._running >= self._hands

    def _end(self, job: J, outcome: R | None) -> None:
        self._running -= 1
        self._ended += 1
        if outcome is not None:
            self._ready.extend(self._lanes.leave(job))
            self._ready.extend(self._settle(job, outcome))

    def _fail(self, error: BaseException) -> None:
        with self._changed:
            self._failure = self._failure or error
            self._changed.notify_all()

    def _watch(self) -> None:
        before = 0
        while not self._over.wait(_TICK_SECONDS):
            self._on_tick()
            with self._changed:
                if self.is_stopping():
                    self._changed.notify_all()
                elif self._ended - before >= _SHORT_JOBS_PER_TICK * self._hands:
                    self._hands = 1
                elif self._ready and self._running:  # or the calling thread has yet to begin
                    self._send_help(min(len(self._ready), self._workers - self._running))
                before = self._ended

    def _send_help(self, more: int) -> None:
        self._hands = self._running + more
        self._changed.notify(more)
        for _ in range(min(more - self._idle, self._workers - 1 - len(self._helpers))):
            helper = threading.Thread(target=self._help, name=f"samloom-{len(self._helpers) + 1}", daemon=True)
            self._helpers.append(helper)
            helper.start()
