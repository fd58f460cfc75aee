"""What is known of each picture so far, on disk: a run that was stopped goes on where it stood."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipelines.errors import OutputError, UserError
from pipelines.outputs import check_folder

_NAME = "journal.jsonl"


class Journal:
    """A folder's `journal.jsonl`: a first line that says what was asked, then a line for each picture.

    A line is forced to the disk before the next picture begins; half a line, left by a crash, is cut off.
    """

    def __init__(self, folder: Path, asked: Mapping[str, Any]) -> None:
        """Begin a journal, or go on with one that was asked the same.

        Raises:
            UserError: when the folder's journal was asked something else, or is none.
            OutputError: when the folder cannot be written.
        """
        check_folder(folder)
        self._path = folder / _NAME
        first = json.dumps({"asked": asked}, sort_keys=True)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._cut_off()
            if not self._path.exists() or not self._path.stat().st_size:
                self._path.write_text(first + "\n", encoding="utf-8")
            with self._path.open(encoding="utf-8") as file:
                before = file.readline().rstrip("\n")
        except OSError as error:
            raise OutputError(f"{self._path} cannot be written: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise _damaged(self._path, 1) from error
        if before != first:
            raise UserError(f"{folder} belongs to a run with {_differing(before, asked)}: give another folder.")

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        """What was written, picture by picture. Raises `UserError` where a line is damaged."""
        with self._path.open("rb") as file:
            next(file)
            for number, line in enumerate(file, start=2):
                try:
                    yield json.loads(line)
                except ValueError as error:
                    raise _damaged(self._path, number) from error

    def write(self, entry: Mapping[str, Any]) -> None:
        """Add a picture. Raises `OutputError`."""
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OutputError(f"{self._path} cannot be written: {error.strerror}.") from error

    def _cut_off(self) -> None:
        if self._path.exists():
            with self._path.open("rb+") as file:
                end = file.seek(0, os.SEEK_END)
                while end and _at(file, end - 1) != b"\n":
                    end -= 1
                file.truncate(end)


def _damaged(path: Path, number: int) -> UserError:
    return UserError(f"{path}: line {number} is damaged: give another folder, or remove the line and those after it.")


def _at(file: Any, place: int) -> bytes:
    file.seek(place)
    found: bytes = file.read(1)
    return found


def _differing(before: str, asked: Mapping[str, Any]) -> str:
    """The first thing that another run was asked otherwise."""
    try:
        earlier = json.loads(before)["asked"]
        return next(
            f"{name} {earlier.get(name)}, now {asked[name]}" for name in asked if earlier.get(name) != asked[name]
        )
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration):
        return "other questions"
