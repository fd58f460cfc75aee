"""Graph → plan: each step becomes a task, and a sub-pipeline becomes its own steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from pipelines.graph import Constant, FirstOf, Graph, Ref, Source, Step, When
from pipelines.plan import INPUTS, RELAY, Axes, Lead, Plan, Tap, Task, Wire
from pipelines.signature import Node

_plans: WeakKeyDictionary[Graph, Plan] = WeakKeyDictionary()


def plan_of(graph: Graph) -> Plan:
    """The plan of a graph, made on first use."""
    plan = _plans.get(graph)
    if plan is None:
        plan = _plans[graph] = _Unfolding().plan(graph)
    return plan


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """What a step hands down to the steps inside: the beginning of their names, inputs, axes and conditions."""

    name: str
    inputs: Mapping[str, Lead]
    axes: Axes = ()
    conditions: tuple[tuple[Wire, When], ...] = ()


class _Unfolding:
    """Appends the tasks of a graph, and of the graphs within it, in dependency order."""

    def __init__(self) -> None:
        self._tasks: list[Task] = [Task("")]

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
        inner = _Surroundings(f"{around.name}{step.id}", leads | defaults, axes, conditions)
        if isinstance(step.node, Node):
            return self._node(step.node, wires, inner)
        return self._sub_pipeline(step.node, inner)

    def _node(self, node: Node[..., Any], wires: Iterable[Wire], around: _Surroundings) -> dict[str, Lead]:
        constants = {wire.name: tap.value for wire in wires if isinstance(tap := wire.lead.taps[0], Constant)}
        wires = tuple(wire for wire in wires if wire.name not in constants)
        opens = any(output.type.many for output in node.outputs.values())
        number = self._append(Task(around.name, node, around.axes, wires, around.conditions, constants, opens=opens))
        return {name: self._output(number, name, opens=output.type.many) for name, output in node.outputs.items()}

    def _sub_pipeline(self, graph: Graph, around: _Surroundings) -> dict[str, Lead]:
        inputs = self._opened(graph, around.inputs, around)
        inside = _Surroundings(f"{around.name}/", inputs, around.axes, around.conditions)
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
        number = self._append(Task(around.name, None, axes, (wire,), around.conditions, opens=opens))
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
    return isinstance(source, Ref) and source.step != ""
