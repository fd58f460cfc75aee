"""Whose the files are that the page has stored: who has not been shown a file cannot fetch it."""

from __future__ import annotations

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
    or when nobody has been shown it for `keep_seconds`. What lies in `root` from the start belongs to everybody.
    """

    def __init__(self, root: Path, *, keep_seconds: float, clock: Callable[[], float] = monotonic) -> None:
        self._root = root
        self._keep_seconds = keep_seconds
        self._clock = clock
        self._holders: dict[str, set[str]] = {}
        self._shown: dict[str, float] = {}
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
                self._shown[name] = self._clock()

    def may_fetch(self, path: str, browser: str | None) -> bool:
        """Whether the browser may have the file: it was shown to it, or to a program, which has only the address."""
        found = self._pattern.match(path.encode())
        if found is None:
            return False
        name = found[1].decode()
        holders = self._holders.get(name, set())
        return name in self._public or browser in holders or any(is_program(holder) for holder in holders)

    def release(self, holder: str) -> None:
        """The holder has left: remove what nobody else holds."""
        with self._lock:
            for name, holders in list(self._holders.items()):
                holders.discard(holder)
                if not holders:
                    self._remove(name)

    def sweep(self) -> None:
        """Remove what nobody has been shown for too long."""
        latest = self._clock() - self._keep_seconds
        with self._lock:
            for name in [name for name, shown in self._shown.items() if shown < latest]:
                self._remove(name)

    def _remove(self, name: str) -> None:
        del self._holders[name], self._shown[name]
        shutil.rmtree(self._root / name, ignore_errors=True)


def program(session: str) -> str:
    """The holder that stands for a program's page."""
    return f"program {session}"


def is_program(holder: str) -> bool:
    return holder.startswith("program ")
