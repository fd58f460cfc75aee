"""What is done to one picture: read, run, results put into place. The same on every engine."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from time import perf_counter, time
from typing import Any

import xxhash

from pipelines.batch.journal import STAGING, Record
from pipelines.entries import Cache
from pipelines.errors import Cancelled, ModelError, OutputError, RunError, SamloomError, UserError
from pipelines.events import Sink
from pipelines.identity import run_id
from pipelines.images import check_regular, read_image
from pipelines.outputs import write_outputs
from pipelines.passing import checked_inputs
from pipelines.pool import ModelPool
from pipelines.runner import run
from pipelines.spec import load_pipeline
from pipelines.unfolding import plan_of

_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a worker must know, in this process or on another machine: everything in it can be pickled.

    `inputs` are those of the pipeline beside `picture_input`, which takes each picture of `folder` in turn. `pool` and
    `cache` make what all pictures of one worker share. `retry_failed`: what failed before is tried once more.
    """

    pipeline: str
    inputs: Mapping[str, Any]
    picture_input: str
    folder: Path
    out: Path
    pool: Callable[[], ModelPool]
    cache: Callable[[], Cache | None]
    retry_failed: bool = False


class Work:
    """Does a job's pictures one by one; safe to call from many threads, which then share the models.

    Raises `UserError` at once for a pipeline or weights that would fail with every picture.
    """

    def __init__(self, job: Job, *, events: Sequence[Sink] = (), cancel: threading.Event | None = None) -> None:
        self._job = job
        self._events = events
        self._cancel = cancel
        self._graph = load_pipeline(job.pipeline)
        self._pool = job.pool()
        self._cache = job.cache()
        declared = {name: port.default for name, port in self._graph.inputs.items() if not port.required}
        plan = plan_of(self._graph)
        self._run_id = run_id(plan, {**declared, **job.inputs}, self._pool)
        self._shared = plan.apart_from(job.picture_input)

    def __call__(self, picture: str, before: Record | None) -> Record:
        """What came of `picture`; the very record `before` if that still holds, and nothing was done.

        Raises what would happen to every other picture too: missing weights, a full disk, `Cancelled`, a mistake in
        what all pictures share, such as an instruction that says nothing.
        """
        started, key = perf_counter(), None
        try:
            key = self._key(picture)
            if before is not None and self._stands(before, key):
                return before
            outputs = self._make(picture)
            record = Record(picture, key, "done", outputs, seconds=round(perf_counter() - started, 3), ended=time())
        except (SamloomError, OSError) as error:
            if _spares_nobody(error, self._shared):
                raise
            reason = in_one_line(error).removeprefix(f"{self._job.folder / picture} ")
            record = Record(picture, key, "failed", error=reason, ended=time())
        for stale in set(before.outputs if before else ()) - set(record.outputs):
            (self._job.out / stale).unlink(missing_ok=True)
        return record

    def _key(self, picture: str) -> str:
        """What the results of a picture depend on: its file's bytes, the pipeline, the inputs and the weights."""
        check_regular(self._job.folder / picture)
        digest = xxhash.xxh3_128(self._run_id.encode())
        with (self._job.folder / picture).open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        return digest.hexdigest()

    def _stands(self, before: Record, key: str) -> bool:
        if before.key != key:
            return False
        if before.status == "failed":
            return not self._job.retry_failed
        return all((self._job.out / name).is_file() for name in before.outputs)

    def _make(self, picture: str) -> tuple[str, ...]:
        image = read_image(self._job.folder / picture)
        values = checked_inputs(self._graph, {**self._job.inputs, self._job.picture_input: image})
        result = run(self._graph, values, pool=self._pool, cache=self._cache, events=self._events, cancel=self._cancel)
        return self._put(picture, result.outputs)

    def _put(self, picture: str, outputs: Mapping[str, Any]) -> tuple[str, ...]:
        """Write results aside, force them to the disk and rename them into place; gives their relative paths."""
        path, staging = PurePosixPath(picture), self._job.out / STAGING
        staging.mkdir(parents=True, exist_ok=True)
        placed = []
        with TemporaryDirectory(dir=staging) as aside:
            for file in write_outputs(outputs, Path(aside), prefix=f"{path.stem}."):
                name = path.parent / file.relative_to(aside).as_posix()
                target = self._job.out / name
                target.parent.mkdir(parents=True, exist_ok=True)
                _force_to_disk(file)
                file.replace(target)
                placed.append(str(name))
        return tuple(placed)


def _force_to_disk(file: Path) -> None:
    with file.open("rb+") as stream:
        os.fsync(stream.fileno())


def _spares_nobody(error: Exception, shared: Container[str]) -> bool:
    """Whether no other picture would fare better, so that going on would only list the same failure many times.

    `shared` are the steps that do the same for every picture.
    """
    match error:
        case RunError(node=node, cause=UserError()) if node.partition("[")[0] in shared:
            return True
    match error.cause if isinstance(error, RunError) else error:
        case Cancelled() | ModelError():
            return True
        case OutputError(__cause__=OSError(errno=number)) | OSError(errno=number):
            return number in _DISK_ERRORS
    return False


def in_one_line(error: Exception) -> str:
    """What went wrong, as the line of one picture."""
    match error:
        case RunError(node=node, cause=UserError() as cause):
            text = f"{node}: {cause}"
        case OSError(strerror=str(reason)):
            text = reason
        case _:
            text = str(error)
    return text.partition("\n")[0]
