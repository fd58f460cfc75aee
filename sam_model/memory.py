"""How a process that runs networks on a CPU keeps the memory it works in."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Of `mallopt`, in glibc's malloc.h."""
LARGEST_BLOCK = 32 << 20
"""The most that glibc accepts as the size from which on a block is mapped on its own."""


def keep_freed_memory(size: int = 512 << 20) -> bool:
    """Let this process reuse freed memory, up to `size` bytes at the heap's end, instead of returning it at once.

    A network asks for blocks of megabytes and frees them hundreds of times a second. glibc maps and unmaps each anew,
    and the kernel clears every page of it again, which takes up to half the time of mask decoding. The setting holds
    for the whole process; the command line and the plugins make it, a library that only imports this package need not.

    Returns:
        Whether it took effect: only glibc knows the setting.
    """
    mallopt = _of_glibc("mallopt")
    if mallopt is None:
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, LARGEST_BLOCK) and mallopt(M_TRIM_THRESHOLD, size))


def give_back_freed_memory() -> bool:
    """Return what `keep_freed_memory` has kept to the system, for the time when no network is at work.

    Returns:
        Whether there was any: only glibc keeps it.
    """
    malloc_trim = _of_glibc("malloc_trim")
    return malloc_trim is not None and bool(malloc_trim(0))


def _of_glibc(name: str) -> Any:
    """A function of glibc; None where another library has its place."""
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None), name, None)
