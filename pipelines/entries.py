"""What a cache keeps and what every cache offers."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Protocol

import numpy as np

from pipelines.values import Detections


@dataclass(frozen=True, slots=True)
class Entry:
    """One node's outputs by port, and the content id of each."""

    outputs: Mapping[str, Any]
    ids: Mapping[str, str]


class Cache(Protocol):
    """Where a run looks for results and leaves them; called from many threads at once.

    Neither method raises for want of space or a damaged entry: that is a miss.
    """

    def get(self, key: str) -> Entry | None:
        """The entry of `key`, or None."""
        ...

    def put(self, key: str, entry: Entry) -> None:
        """Keep `entry` under `key`, if it can be kept."""
        ...


def bytes_of(value: Any) -> int:
    """About how many bytes of memory a value holds: its arrays and text, at any depth."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, Detections):
        return sum(map(bytes_of, (value.xyxy, value.mask, value.confidence, value.class_id, value.data)))
    if isinstance(value, Mapping):
        return sum(map(bytes_of, value.values()))
    if isinstance(value, (tuple, list)):
        return sum(map(bytes_of, value))
    if is_dataclass(value):
        return sum(bytes_of(getattr(value, field.name)) for field in fields(value))
    return sys.getsizeof(value)
