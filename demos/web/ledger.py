"""Whose the files are that the page has stored: who has not been shown a file cannot fetch it."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic

_NAME = rb"([0-9a-f]{16,128})/"


class Ledger:
    """Which holders each folder of `root` belongs to; safe to use from many threads.

    The page's library keeps a file in `root/HASH/name`, where the hash is salted and cannot be guessed. A holder is a
    browser, by its cookie, or a page of a program, which has none. A folder is removed when its last holder lets go,
    or when it was of no use to anybody for `keep_seconds`. What lies in `root` from the start belongs to everybody.
    """

    def __init__(self, root: Path, *, keep_seconds: float, clock: Callable[[], float] = monotonic) -> None:
        self._root = root
        self._keep_seconds = keep_seconds
        self._clock = clock
        self._holders: dict[str, set[str]] = {}
        self._used: dict[str, float] = {}
        self._public: frozenset[str] = frozenset()
        self._pattern = re.compile(re.escape(str(root).encode()) + rb"/" + _NAME)
        self._lock = threading.Lock()

    def publish(self) -> None:
        """Let everybody fetch what is there now: the examples."""
        self._public = frozenset(folder.name for folder in self._root.iterdir())

    def grant(self, text: bytes, holder: str) -> None:
        """Give `holder` every file that is named in what is sent to it."""
        names = {match.decode() for match in self._pattern.findall(text)}
        with self._lock:
            for name in names - self._public:
                self._holders.setdefault(name, set()).add(holder)
                self._used[name] = self._clock()

    def may_fetch(self, path: str, browser: str | None) -> bool:
        """Whether the browser may have the file: it was shown to it, or to a program, which has only the address."""
        name = self._folder(path)
        with self._lock:
            holders = self._holders.get(name, set())
            is_given = browser in holders or any(map(is_program, holders))
            if is_given:
                self._used[name] = self._clock()
        return is_given or name in self._public

    def use(self, path: str) -> None:
        """Somebody works with a file of `root`: it is kept for another while."""
        name = self._folder(path)
        if name and name not in self._public:
            with self._lock:
                self._used[name] = self._clock()

    def release(self, holder: str) -> None:
        """The holder has left: remove what nobody else holds."""
        with self._lock:
            for name, holders in list(self._holders.items()):
                holders.discard(holder)
                if not holders:
                    self._remove(name)

    def sweep(self) -> None:
        """Remove what was of no use to anybody for too long."""
        now = self._clock()
        with self._lock:
            for name in {entry.name for entry in self._root.glob("*")} - self._public:
                self._used.setdefault(name, now)  # nobody was told of it: it may be new
            for name in [name for name, used in self._used.items() if used < now - self._keep_seconds]:
                self._remove(name)

    def _folder(self, path: str) -> str:
        """The name of the folder that a path leads to, whichever way; empty for one that leads elsewhere."""
        found = self._pattern.match(os.path.normpath(path).encode())
        return found[1].decode() if found else ""

    def _remove(self, name: str) -> None:
        self._holders.pop(name, None)
        self._used.pop(name, None)
        if (entry := self._root / name).is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)


def program(session: str) -> str:
    """The holder that stands for a program's page."""
    return f"program {session}"


def is_program(holder: str) -> bool:
    return holder.startswith("program ")
