"""Work that may wait in the line: each in a thread of its own, and stopped when nobody waits for it any more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from starlette.requests import Request

from pipelines.errors import Cancelled, UserError

T = TypeVar("T")
_POLL_SECONDS = 0.5


async def watched(work: Callable[[threading.Event], T], request: Request | None = None) -> T:
    """Do `work`, given the event that stops it: set when the caller of `request` hangs up, or this task is cancelled.

    Not in a pool: of its few threads those who wait would keep all, and who comes last would wait for a thread instead
    of being told that the line is full. The line itself limits how many threads there are. Raises what `work` raises.
    """
    cancel = threading.Event()
    working = asyncio.wrap_future(_started(lambda: work(cancel)))
    try:
        while not (await asyncio.wait([working], timeout=_POLL_SECONDS))[0]:
            if request is not None and await request.is_disconnected():
                cancel.set()
        return working.result()
    except Cancelled as error:
        raise UserError("The caller hung up.") from error
    finally:
        cancel.set()
        working.cancel()  # what comes of it now, nobody asks for


def _started(work: Callable[[], T]) -> Future[T]:
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()

    def perform() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=perform, name="samloom-program-run", daemon=True).start()
    return future
