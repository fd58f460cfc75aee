"""How much memory the process holds, sampled while nodes run, and what to do when there is none left."""

from __future__ import annotations

import ctypes
import os
import sys

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class MemoryWatch:
    """The most resident memory seen between `start` and `stop`, for many overlapping spans.

    Somebody calls `sample` every few milliseconds. A span shorter than that gets the latest sample before its end.
    """

    def __init__(self) -> None:
        self._peaks: dict[object, int] = {}
        self._statm = _open_statm()
        self._latest = self._read()

    def start(self, span: object) -> None:
        self._peaks[span] = 0

    def stop(self, span: object) -> int:
        """The peak of `span` in bytes, which is then forgotten."""
        return self._peaks.pop(span) or self._latest

    def sample(self) -> None:
        """Read the process's resident memory and raise every open span's peak to it."""
        self._latest = now = self._read()
        for span, peak in list(self._peaks.items()):
            if now > peak and span in self._peaks:
                self._peaks[span] = now

    def close(self) -> None:
        if self._statm is not None:
            os.close(self._statm)
            self._statm = None

    def _read(self) -> int:
        if self._statm is None:
            return _highest_ever()
        return int(os.pread(self._statm, 64, 0).split()[1]) * _PAGE


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that memory ran out, as Python, or as torch for any device, puts it."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError)
        and any(phrase in str(error).lower() for phrase in ("out of memory", "can't allocate memory"))
    )


def return_freed_memory() -> None:
    """Give what was freed back to the system: glibc keeps it otherwise, which does harm after gigabytes of weights."""
    if sys.platform.startswith("linux") and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)


def _open_statm() -> int | None:
    try:
        return os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


def _highest_ever() -> int:
    """Where there is no /proc: the process's high-water mark, which a later, lighter node cannot lower."""
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
