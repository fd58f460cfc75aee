"""Pictures on the threads of this process, which share one pool of models.

Threads rather than processes: weights lie in memory once, whatever the number of workers, and nothing is loaded twice;
what takes the time (torch, OpenCV, PNG's compression) lets go of Python's lock. Processes are what Ray brings.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from itertools import islice

from pipelines.batch.journal import Record

Task = tuple[str, Record | None]
"""A picture, and what the journal says about it."""


def on_threads(
    work: Callable[[str, Record | None], Record], tasks: Iterator[Task], workers: int, give_up: threading.Event
) -> Iterator[Record]:
    """What came of each task, in the order in which they end.

    `tasks` is asked for a picture only when a worker is free for it. What a worker raises is raised here; then, and
    when the caller leaves early, `give_up` is set and the other workers are waited for.
    """
    with ThreadPoolExecutor(workers, thread_name_prefix="samloom-batch") as crew:
        try:
            running = {crew.submit(work, *task) for task in islice(tasks, workers)}
            while running:
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                running |= {crew.submit(work, *task) for task in islice(tasks, len(ended))}
                yield from (future.result() for future in ended)
        except BaseException:
            give_up.set()
            raise
