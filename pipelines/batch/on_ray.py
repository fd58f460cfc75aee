"""Pictures on Ray Data: actors on this machine or, with RAY_ADDRESS, on a cluster whose machines share the folders."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from pipelines.batch.journal import STAGING, Record
from pipelines.batch.threads import Task
from pipelines.batch.work import Job, Work, in_one_line
from pipelines.errors import RunError, SamloomError, UserError

_MOST_BLOCKS = 10_000
"""Ray gives back a block at a time, so one picture a block loses least to a crash; but each block costs its driver."""

_STOP = "stop"
_STANDARD_ERROR = 2


class Actor:
    """What Ray keeps alive on a worker: a `Work`, with models of its own."""

    def __init__(self, job: Job) -> None:
        logging.getLogger("pipelines").setLevel(logging.WARNING)
        self._job = job
        self._stop = job.out / STAGING / _STOP

    @cached_property
    def _work(self) -> Work:
        return Work(self._job)

    def __call__(self, row: Mapping[str, str]) -> dict[str, str]:
        """A picture and its record so far → its record now, or why nothing can go on, or neither after a stop."""
        if self._stop.exists():
            return {"record": "", "mistake": ""}
        before = Record.from_json(row["before"]) if row["before"] else None
        # A machine of the cluster may lack what the driver has: Ray would wrap it, and print a traceback.
        try:
            return {"record": self._work(row["picture"], before).as_json(), "mistake": ""}
        except RunError as error:
            return {"record": "", "mistake": in_one_line(error)}
        except (SamloomError, OSError) as error:
            return {"record": "", "mistake": str(error)}


def on_ray(job: Job, tasks: Sequence[Task], workers: int, stop: threading.Event) -> Iterator[Record]:
    """What came of each task, in the order in which they end; once `stop` is set, actors end what they are doing.

    Raises `UserError` where Ray is not installed or does not start, and for what would happen to every picture, and
    `SamloomError` where Ray gives up.
    """
    data = _start_ray()
    rows = [{"picture": name, "before": before.as_json() if before else ""} for name, before in tasks]
    results = data.from_items(rows, override_num_blocks=min(len(rows), _MOST_BLOCKS)).map(
        Actor,
        fn_constructor_args=(job,),
        compute=data.ActorPoolStrategy(size=workers),
        num_cpus=_processors(workers),
    )
    for row in _told(results.iter_rows()):
        if row["mistake"]:
            raise UserError(row["mistake"])
        if row["record"]:
            yield Record.from_json(row["record"])
        if stop.is_set():
            (job.out / STAGING).mkdir(exist_ok=True)
            (job.out / STAGING / _STOP).touch()


def _told(rows: Iterator[dict[str, str]]) -> Iterator[dict[str, str]]:
    """The rows; a line instead of Ray's tracebacks where an actor's machine is gone, or its memory."""
    from ray.exceptions import RayError

    try:
        yield from rows
    except RayError as error:
        raise SamloomError(f"Ray gave up: {_first_line(error)} The same command goes on from here.") from error


def _start_ray() -> Any:
    """Ray Data, connected and quiet."""
    # Under `uv run` Ray would build an environment of its own for each worker.
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    # Ray's core complains on standard error of how Ray Data starts its own actors; what fails is raised in any case.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise UserError("--engine ray needs Ray: pip install 'samloom[cluster]'.") from error
    quiet = {"logging_level": logging.ERROR, "log_to_driver": False, "include_dashboard": False}
    try:
        with _silence():
            ray.init(ignore_reinit_error=True, **quiet)
    except Exception as error:  # Ray has no class of its own for it
        advice = "A machine may be too busy for it, or RAY_ADDRESS wrong; --engine threads needs no Ray."
        raise UserError(f"Ray does not start: {_first_line(error)} {advice}") from error
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    return ray.data


@contextmanager
def _silence() -> Iterator[None]:
    """Nothing reaches standard error, from compiled code neither: there Ray's core says that it heeds its log level."""
    kept, nowhere = os.dup(_STANDARD_ERROR), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, _STANDARD_ERROR)
        yield
    finally:
        os.dup2(kept, _STANDARD_ERROR)
        os.close(kept)
        os.close(nowhere)


def _first_line(error: Exception) -> str:
    """What Ray says, as a sentence."""
    return str(error).strip().partition("\n")[0].rstrip(".") + "."


def _processors(workers: int) -> float:
    """The share of a processor that an actor reserves.

    All together take half of what there is: with none left over, Ray Data waits for ever to feed its actors.
    """
    import ray

    resources: dict[str, float] = ray.cluster_resources()
    return min(1.0, resources.get("CPU", 1) / (2 * workers))
