"""What has been done to which picture, written so that no crash can lose or double it.

The journal is a file of JSON lines beside the results. A line is appended and forced to the disk once the results of
its picture are in place; the last line of a picture is the one that counts. A picture whose results another one has
overwritten since (a.jpg and a.png both write a.*) counts as not done.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal, Self

from pipelines.errors import OutputError

JOURNAL = "journal.jsonl"
STAGING = ".staging"
"""Where results lie until they are whole. It is within the folder of the results: a rename must not cross disks."""


@dataclass(frozen=True, slots=True)
class Record:
    """What came of one picture.

    `picture` and `outputs` are relative to their folders, with forward slashes. `key` says what the results depend on;
    it is None when the picture could not even be opened.
    """

    picture: str
    key: str | None
    status: Literal["done", "failed"]
    outputs: tuple[str, ...] = ()
    error: str = ""
    seconds: float = 0.0
    ended: float = 0.0
    """When, in seconds since 1970: what is done again is another record even if all else is the same."""

    def as_json(self) -> str:
        """One line, without its end."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, line: str | bytes) -> Self:
        """What `as_json` wrote. Raises ValueError or TypeError for anything else."""
        said = json.loads(line)
        if not isinstance(said, dict) or said.get("status") not in ("done", "failed"):
            raise ValueError("no record")
        return cls(**{**said, "outputs": tuple(said["outputs"])})


class Journal(AbstractContextManager["Journal"]):
    """The journal of one folder of results; open it with `with`.

    Entering waits for nobody: raises `OutputError` when another process has it open, when the folder cannot be written
    or when the file is no journal. A last line that a crash cut short is dropped, as is what lay half-written.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self.records: dict[str, Record] = {}
        self._writers: dict[str, str] = {}
        """Each result's picture."""
        self._path = out / JOURNAL
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        try:
            self.out.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a+b")
        except OSError as error:
            raise OutputError(f"cannot write {self._path}: {error.strerror}. Give another folder.") from error
        try:
            _lock(self._file, self.out)
            self._read(self._file)
            self._sweep()
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._sweep()
        if self._file is not None:
            self._file.close()
            self._file = None

    def add(self, record: Record) -> None:
        """Write `record` down for good. Raises `OutputError` when the disk does not take it."""
        if self._file is None:
            raise ValueError("The journal is not open: use it in a with statement.")
        try:
            self._file.write(record.as_json().encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise OutputError(f"cannot write {self._path}: {error.strerror}. Make room, and start again.") from error
        kept = set(record.outputs)
        for overwritten in self._count(record):
            for left in set(overwritten.outputs) - kept:
                (self.out / left).unlink(missing_ok=True)

    def _count(self, record: Record) -> list[Record]:
        """Let a record count from now on; gives those of other pictures that no longer do: their results are gone."""
        writers = {self._writers.get(output, record.picture) for output in record.outputs} - {record.picture}
        overwritten = [self.records.pop(picture) for picture in writers if picture in self.records]
        for output in (output for old in overwritten for output in old.outputs):
            self._writers.pop(output, None)
        for output in self.records[record.picture].outputs if record.picture in self.records else ():
            self._writers.pop(output, None)
        self._writers |= dict.fromkeys(record.outputs, record.picture)
        self.records[record.picture] = record
        return overwritten

    def _read(self, file: BinaryIO) -> None:
        file.seek(0)
        whole = 0
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                break
            try:
                record = Record.from_json(line)
            except (ValueError, TypeError, KeyError) as error:
                advice = "Move the file away, or give another folder."
                raise OutputError(f"{self._path}:{number} is no line of samloom batch. {advice}") from error
            self._count(record)
            whole += len(line)
        file.truncate(whole)

    def _sweep(self) -> None:
        shutil.rmtree(self.out / STAGING, ignore_errors=True)


def _lock(file: BinaryIO, out: Path) -> None:
    """Hold the folder until the process ends, however it ends; Windows has no such lock that is read through."""
    if sys.platform == "win32":
        return
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OutputError(
            f"another samloom batch is writing into {out}. Wait for it, or give another folder."
        ) from error
