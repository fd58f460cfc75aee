"""Files that are either whole or not there."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from pipelines.errors import OutputError


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise `OutputError` now if a file at `path` could not be written later.

    Missing folders are no obstacle: `write_atomically` makes them. The check creates and removes a temporary file,
    because permission bits alone say nothing about a read-only or a full disk.
    """
    try:
        target = _target(path)
        probe = _sibling(_nearest_folder(target) / target.name)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise _unwritable(path, error) from error


def check_apart(places: Mapping[str, Path | None]) -> None:
    """Raise `OutputError` if two of the files, by what they are for, are one: the later would replace the earlier."""
    purposes: dict[str, str] = {}
    for purpose, path in places.items():
        other = purpose if path is None else purposes.setdefault(os.path.realpath(path), purpose)
        if other != purpose:
            raise OutputError(f"{path} is {other} already, which {purpose} would replace. Give each a file of its own.")


def write_atomically(path: str | os.PathLike[str], data: bytes | Iterable[bytes]) -> None:
    """Write `data` to `path` by way of a temporary file beside it, so that no reader ever meets half a file.

    Pieces are written as they come: they need not all be in memory. Raises `OutputError` when the file cannot be
    written; then nothing is left behind.
    """
    try:
        target = _target(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    temporary = _sibling(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Not `tempfile`: its files are private to the user (0600), a result should follow the umask like any other.
        with temporary.open("xb") as file:
            file.writelines([data] if isinstance(data, bytes) else data)
        temporary.replace(target)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        _remove(temporary)


def _target(path: str | os.PathLike[str]) -> Path:
    """The file behind `path`, links followed, so that a link stays a link."""
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise OutputError(f"cannot write {path}: it is a folder. Give the name of a file in it.")
    if target.exists() and not target.is_file():
        raise OutputError(f"cannot write {path}: it is not a regular file. Give another path.")
    folder = _nearest_folder(target)
    if not folder.is_dir():
        raise OutputError(f"cannot write {path}: {folder} is a file, not a folder. Give another path.")
    return target


def _nearest_folder(target: Path) -> Path:
    """The first of the folders above `target` that exists."""
    return next(folder for folder in target.parents if folder.exists())


def _sibling(target: Path) -> Path:
    return target.with_name(f".{target.name[:40]}.{secrets.token_hex(4)}.part")


def _remove(temporary: Path) -> None:
    try:
        temporary.unlink(missing_ok=True)
    except OSError:
        # The folder itself could not be reached; the first error is the one worth telling.
        return


def _unwritable(path: str | os.PathLike[str], error: OSError) -> OutputError:
    return OutputError(f"cannot write {path}: {error.strerror or error}. Give a path in a folder you may write to.")
