"""Which tasks of a plan may start: pure bookkeeping, without threads, clocks or nodes.

An instance is a task at one key. `finish` takes the record of an instance and returns the instances that became ready
by it. What an instance waits for is complete when, at the length of key at which it is needed, it is done itself or
every instance below that key is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from pipelines.graph import Constant
from pipelines.plan import INPUTS, Axes, Key, Lead, Plan, Tap, Wire


class Skipped:
    """The value of everything that a skipped instance would have given."""

    def __repr__(self) -> str:
        return "SKIPPED"


SKIPPED: Final = Skipped()


@dataclass(frozen=True, slots=True)
class Record:
    """What an instance gave, by output port. `ids` holds the content ids found so far, by port and by (port, item)."""

    outputs: Mapping[str, Any]
    ids: dict[Any, str | None] = field(default_factory=dict)


Outcome: TypeAlias = Record | Skipped
Instance: TypeAlias = tuple[int, Key]


class Schedule:
    """The state of one run of a plan. Not safe for threads: whoever shares it holds a lock around `finish`."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.results: list[dict[Key, Outcome]] = [{} for _ in plan.tasks]
        self._waiting: list[dict[Key, int]] = [{} if task.axes else {(): len(task.waits_for)} for task in plan.tasks]
        # For each task with axes, how many of its instances under the key of its axis's opener are not done.
        self._unfinished: list[dict[Key, int]] = [{} for _ in plan.tasks]
        # For each task that opens an axis, the items' keys under each of its own; None if it was skipped.
        self._items: list[dict[Key, tuple[str, ...] | None]] = [{} for _ in plan.tasks]

    def begin(self, inputs: Mapping[str, Any]) -> list[Instance]:
        """Everything that can start at once, given the values of the pipeline's inputs."""
        free = [(number, ()) for number, left in enumerate(self._waiting) if number != INPUTS and left.get(()) == 0]
        return free + self.finish(INPUTS, (), Record(inputs))

    def finish(self, number: int, key: Key, outcome: Outcome) -> list[Instance]:
        """Note what an instance came to; returns the instances that can start because of it."""
        self.results[number][key] = outcome
        ready: list[Instance] = []
        self._complete(number, key, ready)
        if key:
            self._count_down(number, key, ready)
        if self._plan.tasks[number].opens:
            self._open(number, key, outcome, ready)
        return ready

    def value(self, wire: Wire, key: Key) -> Any:
        """What `wire` brings to the instance of its task at `key`; SKIPPED if everything it could bring was skipped."""
        if wire.closes is None:
            return self.first(wire.lead, key)
        group = key[: len(wire.axes)]
        items = self._items[wire.closes].get(group)
        if items is None:
            return SKIPPED
        found = ((item, self.first(wire.lead, (*group, item))) for item in items)
        return {item: value for item, value in found if value is not SKIPPED}

    def first(self, lead: Lead, key: Key) -> Any:
        """The value at `key` of the first of a lead's taps that was not skipped, or else SKIPPED."""
        tap, record = self.tapped(lead, key)
        if isinstance(tap, Constant):
            return tap.value
        if record is None:
            return SKIPPED
        value = record.outputs[tap.port]
        return value[key[tap.depth]] if tap.item else value

    def tapped(self, lead: Lead, key: Key) -> tuple[Tap | Constant, Record | None]:
        """The first of a lead's taps that was not skipped at `key`, with its record; or the last one and None."""
        for tap in lead.taps:
            if isinstance(tap, Constant):
                return tap, None
            outcome = self.results[tap.task].get(key[: tap.depth])
            if isinstance(outcome, Record):
                return tap, outcome
        return lead.taps[-1], None

    def items(self, axis: int, key: Key) -> tuple[str, ...]:
        """The keys of an axis under the key of its opener; none if that was skipped."""
        return self._items[axis].get(key) or ()

    def nested(self, lead: Lead, key: Key = ()) -> Any:
        """A lead's values at and below `key`: one value, or mappings from key to value, one within another."""
        if len(key) == len(lead.axes):
            return self.first(lead, key)
        axis = lead.axes[len(key)]
        if self._items[axis].get(key) is None:
            return SKIPPED
        found = ((item, self.nested(lead, (*key, item))) for item in self.items(axis, key))
        return {item: value for item, value in found if value is not SKIPPED}

    def _open(self, number: int, key: Key, outcome: Outcome, ready: list[Instance]) -> None:
        """Make the instances along the axis that a finished task has opened."""
        items = self._items_of(number, outcome)
        self._items[number][key] = items
        for along in self._plan.along[number]:
            self._unfinished[along][key] = len(items or ())
            for item in items or ():
                below = (*key, item)
                left = sum(not self._is_complete(*before, below) for before in self._plan.tasks[along].waits_for)
                self._waiting[along][below] = left
                if not left:
                    ready.append((along, below))
            if not items:
                self._complete(along, key, ready)

    def _items_of(self, number: int, outcome: Outcome) -> tuple[str, ...] | None:
        if isinstance(outcome, Skipped):
            return None
        node = self._plan.tasks[number].node
        opened = [name for name, port in node.outputs.items() if port.type.many] if node else list(outcome.outputs)
        return tuple(outcome.outputs[opened[0]])

    def _is_complete(self, number: int, depth: int, key: Key) -> bool:
        """Whether `number` needs no more waiting for, by an instance at `key` that takes it at `depth`."""
        at = key[:depth]
        return at in self.results[number] or self._unfinished[number].get(at) == 0

    def _count_down(self, number: int, key: Key, ready: list[Instance]) -> None:
        unfinished = self._unfinished[number]
        unfinished[key[:-1]] -= 1
        if not unfinished[key[:-1]]:
            self._complete(number, key[:-1], ready)

    def _complete(self, number: int, key: Key, ready: list[Instance]) -> None:
        """Tell the followers of `number`, which take it at the length of `key`, that it is complete there."""
        for follower, depth in self._plan.followers[number]:
            if depth != len(key):
                continue
            waiting = self._waiting[follower]
            for below in self._keys(follower, key):
                waiting[below] -= 1
                if not waiting[below]:
                    ready.append((follower, below))

    def _keys(self, number: int, key: Key) -> Iterable[Key]:
        """The keys at and below `key` of the instances of a task that exist so far."""
        axes = self._plan.tasks[number].axes
        return (key,) if len(axes) == len(key) else self._below(axes, key)

    def _below(self, axes: Axes, key: Key) -> Iterator[Key]:
        if len(axes) == len(key):
            yield key
            return
        for item in self.items(axes[len(key)], key):
            yield from self._below(axes, (*key, item))
