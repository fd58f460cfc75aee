"""Results on disk, each a folder of plain files that other tools open.

<root>/v1/4f/4f0c.../entry.json     what each output is, and its content id
                    /0.png 1.npz    pictures and arrays
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
import threading
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from pipelines.codecs import Blobs, NotStorableError, decode, encode
from pipelines.content import content_id
from pipelines.entries import Entry

_log = logging.getLogger(__name__)

_LAYOUT = "v1"
_INDEX = "entry.json"
_DEFAULT_MAX_BYTES = 10 << 30
_KEEP_SHARE = 0.8
_ABANDONED_SECONDS = 3600
_DAMAGE = (OSError, ValueError, KeyError, TypeError, SyntaxError, EOFError, zlib.error, BadZipFile)


class DiskCache:
    """Entries under `root`, shared by all processes that name it, up to about `max_bytes` of files.

    A folder is written beside its place and renamed into it, so no reader meets half an entry. An entry is believed
    only if its outputs have the content ids that were written down with them; any other counts as missing and is
    removed. When the files outgrow `max_bytes`, the least recently used entries go. A disk that cannot be written
    is said once and then left alone.
    """

    def __init__(self, root: str | os.PathLike[str], max_bytes: int = _DEFAULT_MAX_BYTES) -> None:
        self.root = Path(root) / _LAYOUT
        self.max_bytes = max_bytes
        self._bytes: int | None = None
        self._is_writable = True
        self._lock = threading.Lock()

    def get(self, key: str) -> Entry | None:
        """The entry of `key`, or None if there is none that is whole."""
        folder = self._folder(key)
        if not folder.is_dir():
            return None
        try:
            entry = _read(folder)
        except _DAMAGE as error:
            _log.info("Cache entry %s is damaged and is dropped: %s", folder, error)
            shutil.rmtree(folder, ignore_errors=True)
            return None
        with suppress(OSError):
            os.utime(folder)
        return entry

    def put(self, key: str, entry: Entry) -> None:
        """Write `entry` unless it is there or holds a value that has no plain form."""
        folder = self._folder(key)
        if not self._is_writable or folder.is_dir():
            return
        try:
            files = _files(entry)
        except NotStorableError:
            return
        try:
            _write(folder, files)
        except OSError as error:
            self._is_writable = False
            _log.warning("Results are not kept on disk: %s", error)
            return
        self._account(sum(map(len, files.values())))

    def _folder(self, key: str) -> Path:
        return self.root / key[:2] / key

    def _account(self, added: int) -> None:
        with self._lock:
            self._bytes = sum(size for _, size, _ in self._entries()) if self._bytes is None else self._bytes + added
            if self._bytes > self.max_bytes:
                self._bytes = self._shrink()

    def _shrink(self) -> int:
        """Remove the least recently used entries; returns the bytes that are left."""
        entries = sorted(self._entries())
        left = sum(size for _, size, _ in entries)
        for _, size, folder in entries:
            if left <= self.max_bytes * _KEEP_SHARE:
                break
            shutil.rmtree(folder, ignore_errors=True)
            left -= size
        return left

    def _entries(self) -> list[tuple[float, int, Path]]:
        """(last use, bytes, folder) of every entry; what a crash has left half-written is removed on the way."""
        found = []
        for folder in self.root.glob("??/*"):
            with suppress(OSError):  # another process may have removed it meanwhile
                used = folder.stat().st_mtime
                if not folder.name.startswith("."):
                    found.append((used, sum(file.stat().st_size for file in folder.iterdir()), folder))
                elif time.time() - used > _ABANDONED_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)
        return found


def _files(entry: Entry) -> dict[str, bytes]:
    blobs = Blobs()
    index = {"outputs": {port: encode(value, blobs) for port, value in entry.outputs.items()}, "ids": dict(entry.ids)}
    return {**blobs.files, _INDEX: json.dumps(index, indent=1, allow_nan=False).encode()}


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    temporary = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    try:
        temporary.mkdir(parents=True)
        for name, data in files.items():
            (temporary / name).write_bytes(data)
        temporary.rename(folder)
    except OSError:
        shutil.rmtree(temporary, ignore_errors=True)
        if not folder.is_dir():  # otherwise another process was faster, with the same content
            raise


def _read(folder: Path) -> Entry:
    index = json.loads((folder / _INDEX).read_bytes())
    files = {file.name: file.read_bytes() for file in folder.iterdir()}
    outputs: dict[str, Any] = {port: decode(tree, files) for port, tree in index["outputs"].items()}
    ids: dict[str, str] = index["ids"]
    for port, value in outputs.items():
        if content_id(value) != ids[port]:
            raise ValueError(f"output '{port}' is not what was written")
    return Entry(outputs, ids)
