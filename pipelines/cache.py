"""Results kept by content: in memory by bytes, on disk in plain formats, or one behind the other.

A key says everything that a result depends on (see `pipelines.keys`), so an entry never becomes wrong, only unused.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from pipelines.disk_cache import DiskCache
from pipelines.entries import Cache, Entry, bytes_of

__all__ = ["Cache", "DiskCache", "Entry", "MemoryCache", "TieredCache", "default_cache"]

_DEFAULT_MEMORY_BYTES = 1 << 30


class MemoryCache:
    """Entries of this process, up to `max_bytes` of arrays and text; the least recently used go first."""

    def __init__(self, max_bytes: int = _DEFAULT_MEMORY_BYTES) -> None:
        self.max_bytes = max_bytes
        self._entries: OrderedDict[str, tuple[Entry, int]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: str) -> Entry | None:
        """The entry of `key`, which becomes the most recently used, or None."""
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key][0]

    def put(self, key: str, entry: Entry) -> None:
        """Keep `entry`; one that is larger than the whole cache is not kept."""
        size = bytes_of(entry.outputs)
        if size > self.max_bytes:
            return
        with self._lock:
            self._bytes += size - self._entries.pop(key, (entry, 0))[1]
            self._entries[key] = entry, size
            while self._bytes > self.max_bytes:
                _, (_, freed) = self._entries.popitem(last=False)
                self._bytes -= freed

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries)


class TieredCache:
    """Several caches, the fastest first: what a slower one has is copied into the faster ones when it is used."""

    def __init__(self, *tiers: Cache) -> None:
        self._tiers: Sequence[Cache] = tiers

    def get(self, key: str) -> Entry | None:
        """The entry of `key` from the first tier that has it, or None."""
        for depth, tier in enumerate(self._tiers):
            if entry := tier.get(key):
                for faster in self._tiers[:depth]:
                    faster.put(key, entry)
                return entry
        return None

    def put(self, key: str, entry: Entry) -> None:
        """Keep `entry` in every tier."""
        for tier in self._tiers:
            tier.put(key, entry)


@cache
def default_cache() -> Cache:
    """The user's cache: memory before `SAMLOOM_CACHE` or, unless that is set, the platform's folder for caches."""
    return TieredCache(MemoryCache(), DiskCache(default_cache_root()))


def default_cache_root() -> Path:
    """The folder of the user's results."""
    if chosen := os.environ.get("SAMLOOM_CACHE"):
        return Path(chosen)
    from platformdirs import user_cache_path

    return user_cache_path("samloom", appauthor=False) / "results"
