"""One short name for what a value holds: equal content, equal id, on every machine and in every process.

A class of one's own has an id when it is a frozen dataclass, or when it has a `content_id` of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

from pipelines.values import Detections

Feed = Callable[[bytes | memoryview], None]


def content_id(value: Any) -> str:
    """The xxh3 (128 bit) of a value's content, as 32 hexadecimal digits.

    Every part is preceded by its kind and length, so that no two different values read the same. A path stands for the
    file that it names: its name and bytes, or for a folder the name, size and time of each file in it. Raises TypeError
    for a value whose content cannot be seen.
    """
    digest = xxhash.xxh3_128()
    _feed(digest.update, value)
    return digest.hexdigest()


def visible_id(value: Any) -> str | None:
    """The content id of a value, or None for one whose content cannot be seen."""
    try:
        return content_id(value)
    except TypeError:
        return None


def _feed(feed: Feed, value: Any) -> None:
    match value:
        case None | bool():
            _part(feed, "flag", str(value).encode())
        case int() | float():
            _part(feed, type(value).__name__, repr(value).encode())
        case str():
            _part(feed, "str", value.encode("utf-8", "surrogatepass"))
        case bytes():
            _part(feed, "bytes", value)
        case np.generic():
            _feed_array(feed, np.asarray(value))
        case np.ndarray():
            _feed_array(feed, value)
        case Path():
            _feed_path(feed, value)
        case _:
            _feed_compound(feed, value)


def _feed_compound(feed: Feed, value: Any) -> None:
    if isinstance(value, (tuple, list)):
        _part(feed, "sequence", str(len(value)).encode())
        for item in value:
            _feed(feed, item)
    elif isinstance(value, Mapping):
        # The order of keys is part of the content: it is the order in which an axis was opened.
        _feed(feed, ("mapping", *(part for item in value.items() for part in item)))
    elif isinstance(value, (set, frozenset)):
        _feed(feed, ("set", *sorted(map(content_id, value))))
    elif isinstance(value, Detections):
        _feed_detections(feed, value)
    elif isinstance(own := getattr(value, "content_id", None), str):
        _part(feed, type(value).__qualname__, own.encode())
    elif is_dataclass(value):
        _feed(feed, (type(value).__qualname__, *(getattr(value, field.name) for field in fields(value))))
    else:
        raise TypeError(f"a {type(value).__name__} has no content id: make it a frozen dataclass.")


def _feed_detections(feed: Feed, value: Any) -> None:
    mask = None if value.mask is None else np.asarray(value.mask)
    parts = (value.xyxy, mask, value.confidence, value.class_id, value.tracker_id, value.data, value.metadata)
    _feed(feed, ("detections", *parts))


def _feed_array(feed: Feed, array: Any) -> None:
    if array.dtype.kind in "OU":  # text of any width, and Python objects, by their values
        _feed(feed, ("array", array.shape, array.ravel().tolist()))
        return
    _part(feed, "array", f"{array.dtype.str}{array.shape}".encode())
    feed(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)


def _feed_path(feed: Feed, path: Path) -> None:
    if path.is_dir():
        listing = [(child.name, child.stat()) for child in sorted(path.iterdir()) if child.is_file()]
        _feed(feed, ("folder", str(path), [(name, stat.st_size, stat.st_mtime_ns) for name, stat in listing]))
        return
    _part(feed, "path", str(path).encode("utf-8", "surrogateescape"))
    if path.is_file():
        with path.open("rb") as file:
            _part(feed, "file", str(path.stat().st_size).encode())
            while chunk := file.read(1 << 20):
                feed(chunk)


def _part(feed: Feed, kind: str, content: bytes) -> None:
    feed(f"{kind}:{len(content)}:".encode())
    feed(content)
