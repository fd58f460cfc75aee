"""The cache key of a node's run: everything that its result depends on, and nothing else.

Node and version, constants, the content of what comes in, and which weights stand behind its models. What comes in
counts by content, not by how it was made, so a step that gives the same as before leaves everything behind it valid.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import xxhash

from pipelines.content import content_id, visible_id
from pipelines.entries import Entry
from pipelines.families import Model
from pipelines.graph import Constant
from pipelines.plan import Key, Lead, Task, Wire
from pipelines.pool import ModelPool
from pipelines.schedule import SKIPPED, Record, Schedule
from pipelines.signature import Node


def cache_key(node: Node[..., Any], task: Task, key: Key, schedule: Schedule, weights: Mapping[str, str]) -> str | None:
    """The key of the instance of `task`, whose node is `node`, at `key`; None if an input's content cannot be seen.

    `weights` holds the `weights_id` of each input that names a model.
    """
    # A constant's id is not kept between runs: a path stands for the file, which may have changed.
    ids = {name: visible_id(value) for name, value in task.constants.items() if name not in weights}
    ids |= {wire.name: _wire_id(wire, key, schedule) for wire in task.wires if wire.name not in weights}
    ids |= weights
    if None in ids.values():
        return None
    text = "|".join([f"{node.name}@{node.version}", *(f"{name}={ids[name]}" for name in node.inputs)])
    return xxhash.xxh3_128_hexdigest(text.encode())


def weights_id(pool: ModelPool, family: str, model: Model[Any]) -> str:
    """Which weights stand behind a model in this pool, and in which precision they count. Raises `ModelError`."""
    source = pool.resolve(family, model)
    return f"{family}:{source.origin}:{source.revision}:{pool.dtype_of(model)}"


def entry_of(record: Record) -> Entry | None:
    """What a cache should keep of a record; None if an output has no content id."""
    ids = {port: _output_id(record, port) for port in record.outputs}
    known = {port: identity for port, identity in ids.items() if identity is not None}
    return Entry(record.outputs, known) if len(known) == len(ids) else None


def _wire_id(wire: Wire, key: Key, schedule: Schedule) -> str | None:
    if wire.closes is None:
        return _lead_id(wire.lead, key, schedule)
    group = key[: len(wire.axes)]
    items = [item for item in schedule.items(wire.closes, group) if _has_value(wire.lead, (*group, item), schedule)]
    ids = [_lead_id(wire.lead, (*group, item), schedule) for item in items]
    return None if None in ids else content_id(dict(zip(items, ids, strict=True)))


def _has_value(lead: Lead, key: Key, schedule: Schedule) -> bool:
    return schedule.first(lead, key) is not SKIPPED


def _lead_id(lead: Lead, key: Key, schedule: Schedule) -> str | None:
    tap, record = schedule.tapped(lead, key)
    if isinstance(tap, Constant):
        return content_id(tap.value)
    if record is None:
        return None
    return _item_id(record, tap.port, key[tap.depth]) if tap.item else _output_id(record, tap.port)


def _output_id(record: Record, port: str) -> str | None:
    if port not in record.ids:
        record.ids[port] = visible_id(record.outputs[port])
    return record.ids[port]


def _item_id(record: Record, port: str, item: str) -> str | None:
    if (port, item) not in record.ids:
        record.ids[port, item] = visible_id(record.outputs[port][item])
    return record.ids[port, item]
