"""The longest that one visitor's run may keep the others waiting."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pipelines.errors import Cancelled, UserError


class OvertimeError(UserError):
    """A run took longer than the page allows."""


@contextmanager
def within(minutes: float, cancel: threading.Event) -> Iterator[None]:
    """Set `cancel` when the block has taken so long; raises `OvertimeError` if that is what ended it.

    A run notices it as it notices Stop: before the next step, and in a step that reports its progress.
    """
    too_late = threading.Event()

    def stop() -> None:
        too_late.set()
        cancel.set()

    timer = threading.Timer(60 * minutes, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Cancelled as error:
        if not too_late.is_set():
            raise
        raise OvertimeError(
            f"Stopped after {minutes:g} minute{'s' * (minutes != 1)}, the longest that a run may take on this page. "
            "Give a smaller picture, or ask for less at once."
        ) from error
    finally:
        timer.cancel()
