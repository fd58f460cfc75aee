"""A graph made ready to run: sub-pipelines unfolded, names turned into numbers, once for each graph.

A plan is a flat tuple of tasks. A task runs once for each key of its axes; an axis is the number of the task that opens
it, a key is one part for each axis, and a task without axes has the one key (). What a task takes is a `Wire`, and a
wire ends in `Tap`s: outputs of earlier tasks, whose own axes always begin the task's axes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

from pipelines.content import visible_id
from pipelines.graph import Constant, FirstOf, Graph, Ref, Source, Step, When, refs_of
from pipelines.node import Node

Axes: TypeAlias = tuple[int, ...]
Key: TypeAlias = tuple[str, ...]

INPUTS = 0
"""The number of the task that stands for the pipeline's own inputs; it has their values before the run begins."""

RELAY = "out"


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
    node: Node[..., Any] | None
    axes: Axes
    wires: tuple[Wire, ...]
    conditions: tuple[tuple[Wire, When], ...]
    constants: Mapping[str, Any]
    opens: bool

    @cached_property
    def models(self) -> tuple[tuple[str, str], ...]:
        """The inputs that name a model, each with its family."""
        inputs = self.node.inputs if self.node else {}
        return tuple((name, port.type.family) for name, port in inputs.items() if port.type.is_model)

    @cached_property
    def constant_ids(self) -> Mapping[str, str | None]:
        """The content ids of its constants, models aside; None for one whose content cannot be seen."""
        models = dict(self.models)
        return {name: visible_id(value) for name, value in self.constants.items() if name not in models}

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

    @property
    def node_count(self) -> int:
        return sum(task.node is not None for task in self.tasks)


_plans: WeakKeyDictionary[Graph, Plan] = WeakKeyDictionary()


def plan_of(graph: Graph) -> Plan:
    """The plan of a graph, made on first use."""
    plan = _plans.get(graph)
    if plan is None:
        plan = _plans[graph] = _Unfolding().plan(graph)
    return plan


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """What a sub-pipeline's steps inherit: name prefix, inputs, the axes of its step and the conditions over it."""

    prefix: str
    inputs: Mapping[str, Lead]
    axes: Axes = ()
    conditions: tuple[tuple[Wire, When], ...] = ()


class _Unfolding:
    """Appends the tasks of a graph, and of the graphs within it, in dependency order."""

    def __init__(self) -> None:
        self._tasks: list[Task] = [Task("", None, (), (), (), {}, opens=False)]

    def plan(self, graph: Graph) -> Plan:
        around = _Surroundings("", {})
        inputs = {name: Lead((Tap(INPUTS, name, 0),)) for name in graph.inputs}
        outputs = self._graph(graph, _Surroundings("", self._opened(graph, inputs, around)))
        return Plan(graph.name, tuple(self._tasks), outputs)

    def _graph(self, graph: Graph, around: _Surroundings) -> dict[str, Lead]:
        """Append a graph's steps; returns where its outputs come from."""
        given: dict[str, Mapping[str, Lead]] = {"": around.inputs}
        for name in graph.order():
            given[name] = self._step(graph.steps[name], given, around)
        return {name: _lead(source, given) for name, source in graph.outputs.items()}

    def _step(self, step: Step, given: Mapping[str, Mapping[str, Lead]], around: _Surroundings) -> Mapping[str, Lead]:
        """Append a step; returns where its outputs come from."""
        conditions = around.conditions
        if step.when:
            conditions += ((Wire("when", _lead(step.when.ref, given)), step.when),)
        leads = {name: _lead(source, given) for name, source in step.inputs.items()}
        defaults = {name: Lead((Constant(decl.default),)) for name, decl in step.takes.items() if name not in leads}
        wires = [_wire(name, lead, many=step.takes[name].type.many) for name, lead in (leads | defaults).items()]
        axes = max([around.axes, *(wire.axes for wire in wires), *(wire.axes for wire, _ in conditions)], key=len)
        inner = _Surroundings(f"{around.prefix}{step.id}", leads | defaults, axes, conditions)
        if isinstance(step.node, Node):
            return self._node(step.node, wires, inner)
        return self._sub_pipeline(step.node, inner)

    def _node(self, node: Node[..., Any], wires: Iterable[Wire], around: _Surroundings) -> dict[str, Lead]:
        constants = {wire.name: tap.value for wire in wires if isinstance(tap := wire.lead.taps[0], Constant)}
        wires = tuple(wire for wire in wires if wire.name not in constants)
        opens = any(output.type.many for output in node.outputs.values())
        number = self._append(Task(around.prefix, node, around.axes, wires, around.conditions, constants, opens=opens))
        return {name: self._output(number, name, opens=output.type.many) for name, output in node.outputs.items()}

    def _sub_pipeline(self, graph: Graph, around: _Surroundings) -> dict[str, Lead]:
        inputs = self._opened(graph, around.inputs, around)
        inside = _Surroundings(f"{around.prefix}/", inputs, around.axes, around.conditions)
        outputs = self._graph(graph, inside)
        # What does not come from a step inside must still be skipped with the sub-pipeline.
        return {
            name: lead if _is_step(graph.outputs[name]) else self._relay(Wire(RELAY, lead), around, opens=False)
            for name, lead in outputs.items()
        }

    def _opened(self, graph: Graph, leads: Mapping[str, Lead], around: _Surroundings) -> dict[str, Lead]:
        """A graph's inputs as its steps see them: one that carries a whole axis opens that axis anew."""
        return {
            name: self._relay(_wire(RELAY, lead, many=True), around, opens=True)
            if graph.inputs[name].type.many
            else lead
            for name, lead in leads.items()
        }

    def _relay(self, wire: Wire, around: _Surroundings, *, opens: bool) -> Lead:
        axes = max(around.axes, wire.axes, key=len)
        number = self._append(Task(around.prefix, None, axes, (wire,), around.conditions, {}, opens=opens))
        return self._output(number, RELAY, opens=opens)

    def _append(self, task: Task) -> int:
        self._tasks.append(task)
        return len(self._tasks) - 1

    def _output(self, number: int, port: str, *, opens: bool) -> Lead:
        axes = self._tasks[number].axes
        return Lead((Tap(number, port, len(axes), opens),), (*axes, number) if opens else axes)


def _lead(source: Source, given: Mapping[str, Mapping[str, Lead]]) -> Lead:
    match source:
        case Constant():
            return Lead((source,))
        case Ref(step, port):
            return given[step][port] if port else next(iter(given[step].values()))
        case FirstOf(refs):
            leads = [_lead(ref, given) for ref in refs]
            return Lead(tuple(tap for lead in leads for tap in lead.taps), max((lead.axes for lead in leads), key=len))


def _wire(name: str, lead: Lead, *, many: bool) -> Wire:
    return Wire(name, lead, lead.axes[-1] if many and lead.axes else None)


def _is_step(source: Source) -> bool:
    return isinstance(source, Ref) and all(ref.step for ref in refs_of(source))
