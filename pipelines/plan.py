"""What a graph becomes to be run: a plan, in which sub-pipelines are unfolded and names are numbers.

A plan is a flat tuple of tasks. A task runs once for each key of its axes; an axis is the number of the task that opens
it, a key is one part for each axis, and a task without axes has the one key (). What a task takes is a `Wire`, and a
wire ends in `Tap`s: outputs of earlier tasks, whose own axes always begin the task's axes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from pipelines.graph import Constant, When
from pipelines.signature import Node

Axes: TypeAlias = tuple[int, ...]
Key: TypeAlias = tuple[str, ...]

INPUTS = 0
"""The number of the task that stands for the pipeline's own inputs; it has their values before the run begins."""

RELAY = "out"
"""The wire and the output of a task without a node."""


@dataclass(frozen=True, slots=True)
class Tap:
    """An output of a task that runs along `depth` axes; `item`: it opens one more, and one item of that is meant."""

    task: int
    port: str
    depth: int
    item: bool = False


@dataclass(frozen=True, slots=True)
class Lead:
    """A source of the graph, unfolded: the first of `taps` that was not skipped, lying along `axes`."""

    taps: tuple[Tap | Constant, ...]
    axes: Axes = ()


@dataclass(frozen=True, slots=True)
class Wire:
    """What a task takes for its input `name`; `closes` is the axis whose items it takes all at once, if any."""

    name: str
    lead: Lead
    closes: int | None = None

    @property
    def axes(self) -> Axes:
        """The axes that the task runs along because of this wire."""
        return self.lead.axes if self.closes is None else self.lead.axes[:-1]


@dataclass(frozen=True)
class Task:
    """One node at one place of the plan; without a node it hands on the value of its one wire.

    `constants` are the inputs that no wire brings, defaults included. `opens`: its outputs open an axis.
    """

    name: str
    node: Node[..., Any] | None = None
    axes: Axes = ()
    wires: tuple[Wire, ...] = ()
    conditions: tuple[tuple[Wire, When], ...] = ()
    constants: Mapping[str, Any] = field(default_factory=dict)
    opens: bool = False

    @cached_property
    def models(self) -> tuple[tuple[str, str], ...]:
        """The inputs that name a model, each with its family."""
        inputs = self.node.inputs if self.node else {}
        return tuple((name, port.type.family) for name, port in inputs.items() if port.type.is_model)

    @cached_property
    def waits_for(self) -> frozenset[tuple[int, int]]:
        """The tasks whose results it needs, each with the length of the key at which they must be complete."""
        wires = [*self.wires, *(wire for wire, _ in self.conditions)]
        return frozenset(
            (tap.task, min(tap.depth, len(wire.axes)))
            for wire in wires
            for tap in wire.lead.taps
            if isinstance(tap, Tap)
        )


@dataclass(frozen=True)
class Plan:
    """Tasks in an order in which they could run one after the other, and where the pipeline's outputs come from."""

    name: str
    tasks: tuple[Task, ...]
    outputs: Mapping[str, Lead]

    @cached_property
    def followers(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        """For each task those that wait for it, each with the length of the key at which it must be complete."""
        found: list[list[tuple[int, int]]] = [[] for _ in self.tasks]
        for number, task in enumerate(self.tasks):
            for before, depth in task.waits_for:
                found[before].append((number, depth))
        return tuple(map(tuple, found))

    @cached_property
    def along(self) -> tuple[tuple[int, ...], ...]:
        """For each task those whose innermost axis it opens."""
        found: list[list[int]] = [[] for _ in self.tasks]
        for number, task in enumerate(self.tasks):
            if task.axes:
                found[task.axes[-1]].append(number)
        return tuple(map(tuple, found))

    def apart_from(self, port: str) -> frozenset[str]:
        """The names of the tasks that do the same whatever the pipeline's input `port` is."""
        touched: set[int] = set()
        for number, task in enumerate(self.tasks):
            wires = [*task.wires, *(wire for wire, _ in task.conditions)]
            taps = [tap for wire in wires for tap in wire.lead.taps if isinstance(tap, Tap)]
            if any(tap.task in touched or (tap.task, tap.port) == (INPUTS, port) for tap in taps):
                touched.add(number)
        return frozenset(task.name for number, task in enumerate(self.tasks) if number not in touched)

    @property
    def node_count(self) -> int:
        return sum(task.node is not None for task in self.tasks)
