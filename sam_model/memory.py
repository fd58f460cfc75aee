"""How a process that runs networks on a CPU keeps the memory it works in."""

from __future__ import annotations

import ctypes
import sys

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
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, LARGEST_BLOCK) and mallopt(M_TRIM_THRESHOLD, size))
