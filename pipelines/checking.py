"""Every mistake in a graph, at once: unknown names, missing inputs, types, conditions, circles, axes."""

from __future__ import annotations

import graphlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from pipelines.axes import AxisTable, find_axis_problems
from pipelines.conditions import condition_problem
from pipelines.errors import PortError, Problem, Where, did_you_mean, similar
from pipelines.graph import Constant, FirstOf, Graph, Ref, Source, Step, dependencies, refs_of
from pipelines.ports import InputDecl, OutputDecl, PortType, constant, fits

Makers: TypeAlias = Callable[[PortType], Sequence[str]]

HIDDEN = Ref("")
"""Stands where a mistake that is reported elsewhere hides what an input is connected to."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
VALUES = "values"
"""No output has this name: it is that of the file into which `pipelines.outputs` writes what is no picture."""
_WRITTEN_AS_CONSTANTS = (str, bool, int, float, Path, tuple)


def registered_makers(wanted: PortType) -> Sequence[str]:
    """The registered nodes that make a type; asked only when a message needs it, as it imports every namespace."""
    from pipelines.registry import Registry

    return Registry.default().makers(wanted)


@dataclass(frozen=True)
class Checker:
    """Looks at a graph's parts and yields what is wrong with each.

    `unreadable` are inputs and steps that exist, but of which a mistake reported elsewhere hides the type: nothing is
    said of what depends on them. For a step it holds those sources that could be read. `complete` is False where a
    whole section is unreadable: then nothing is said of unknown names.
    """

    inputs: Mapping[str, InputDecl]
    steps: Mapping[str, Step]
    unreadable: Mapping[str, Mapping[str, Source]]
    makers: Makers
    complete: bool = True

    def names(self) -> Iterator[Problem]:
        for section, names in (("inputs", self.inputs), ("nodes", self.steps)):
            for name in names:
                if not _NAME.fullmatch(name):
                    yield _no_name(section, name)
                elif section == "nodes" and name in self.inputs:
                    yield Problem(f"'{name}' is already an input of the pipeline.", (section, name))

    def step(self, step: Step) -> Iterator[Problem]:
        where = ("nodes", step.id)
        for name, source in step.inputs.items():
            if name not in step.takes:
                hint = did_you_mean(name, step.takes)
                yield Problem(f"unknown input '{name}' of {step.node.name}.{hint}", (*where, name))
                yield from self.references((*where, name), source)
            else:
                yield from self.source((*where, name), step.takes[name], source)
        for name, declared in step.takes.items():
            if declared.required and name not in step.inputs:
                yield Problem(f"{step.node.name} needs an input '{name}': {declared.type}.", where)
        if step.when:
            yield from self.condition(step)

    def source(self, where: Where, declared: InputDecl, source: Source) -> Iterator[Problem]:
        """What is wrong with what an input is connected to."""
        if isinstance(source, Constant):
            yield from constant_problems(where, declared, source.value)
        for ref in refs_of(source):
            if problem := self.reference(where, ref):
                yield problem
            elif (given := self.type_of(ref)) and not fits(given.single(), declared.type.single()):
                yield Problem(self.misfit(declared, ref, given), where)

    def references(self, where: Where, source: Source) -> Iterator[Problem]:
        yield from (problem for ref in refs_of(source) if (problem := self.reference(where, ref)))

    def reference(self, where: Where, ref: Ref) -> Problem | None:
        """What is wrong with a reference itself, whatever it is connected to."""
        if ref.step in self.steps:
            return self.unknown_output(where, ref)
        if self.hidden(ref) or (not ref.step and ref.port in self.inputs):
            return None
        if ref.step in self.inputs:
            return Problem(f"'{ref.step}' is an input of the pipeline: write '${{{ref.step}}}'.", where)
        hint = did_you_mean(ref.step or str(ref.port), [*self.inputs, *self.steps, *self.unreadable])
        return Problem(f"'{ref}' names no step or input.{hint}", where)

    def hidden(self, ref: Ref) -> bool:
        """Whether a mistake that is reported elsewhere hides what a reference names."""
        name = ref.step or ref.port
        unknown = name not in self.steps and name not in self.inputs
        return ref == HIDDEN or name in self.unreadable or (unknown and not self.complete)

    def unknown_output(self, where: Where, ref: Ref) -> Problem | None:
        step = self.steps[ref.step]
        if ref.port is None or ref.port in step.gives:
            return None
        return Problem(
            f"'{ref.step}' ({step.node.name}) has no output '{ref.port}'.{did_you_mean(ref.port, step.gives)}", where
        )

    def type_of(self, ref: Ref) -> PortType | None:
        """The type that a valid reference gives; None where a mistake hides it."""
        if self.hidden(ref):
            return None
        if not ref.step:
            return self.inputs[str(ref.port)].type
        gives = self.steps[ref.step].gives
        return gives[ref.port].type if ref.port else next(iter(gives.values())).type

    def misfit(self, declared: InputDecl, ref: Ref, given: PortType) -> str:
        wanted = declared.type.single()
        message = f"'{declared.name}' needs {wanted}, but '{ref}' gives {given.single()}."
        if wanted.base in _WRITTEN_AS_CONSTANTS or wanted.is_model:
            return message
        makers = ", ".join(self.makers(wanted))
        return f"{message} Nodes that make {wanted}: {makers}." if makers else message

    def condition(self, step: Step) -> Iterator[Problem]:
        where: Where = ("nodes", step.id, "when")
        if step.when is None:
            return
        if problem := self.reference(where, step.when.ref):
            yield problem
        elif (given := self.type_of(step.when.ref)) and (message := condition_problem(step.when, given)):
            yield Problem(message, where)

    def outputs(self, outputs: Mapping[str, Source]) -> Iterator[Problem]:
        if not outputs:
            yield Problem("a pipeline needs at least one output.", ("outputs",))
        for name, source in outputs.items():
            where: Where = ("outputs", name)
            if not _NAME.fullmatch(name):
                yield _no_name("outputs", name)
            elif name == VALUES:
                yield Problem(f"'{name}' names the file of text and numbers: choose another.", where)
            problems = list(self.references(where, source))
            yield from problems
            if not problems and isinstance(source, FirstOf):
                yield from self.joined(where, source)

    def joined(self, where: Where, source: FirstOf) -> Iterator[Problem]:
        types = [given for ref in source.refs if (given := self.type_of(ref))]
        if len(types) == len(source.refs) and widest(types) is None:
            yield Problem(f"{source} are of different types: {', '.join(map(str, types))}.", where)


def find_problems(
    inputs: Mapping[str, InputDecl],
    steps: Mapping[str, Step],
    outputs: Mapping[str, Source],
    *,
    unreadable: Mapping[str, Mapping[str, Source]] | None = None,
    makers: Makers = registered_makers,
    complete: bool = True,
) -> list[Problem]:
    """Every mistake in a graph; the options are those of Checker."""
    checker = Checker(inputs, steps, unreadable or {}, makers, complete)
    problems = list(checker.names())
    for name, declared in inputs.items():
        if not declared.required:
            problems += constant_problems(("inputs", name, "default"), declared, declared.default)
    for step in steps.values():
        problems += checker.step(step)
    for name, sources in checker.unreadable.items():
        for port, source in sources.items():
            problems += checker.references(("nodes", name, port), source)
    problems += checker.outputs(outputs)
    circles = find_circles(steps)
    if not circles:
        problems += find_axis_problems(axis_table(inputs, steps), outputs)
    return problems + circles


def _no_name(section: str, name: str) -> Problem:
    return Problem(f"'{name}' is no name: use letters, digits and _.", (section, name))


def constant_problems(where: Where, declared: InputDecl, written: object) -> Iterator[Problem]:
    """What is wrong with a constant, if anything."""
    try:
        constant(declared.type, written)
    except PortError as error:
        hint = similar(str(written), map(str, declared.type.choices))
        yield Problem(f"'{declared.name}' {error}{hint}", where)


def find_circles(steps: Mapping[str, Step]) -> list[Problem]:
    """Each group of steps that wait for one another, as a path."""
    waiting, problems = dependencies(steps), []
    while True:
        try:
            graphlib.TopologicalSorter(waiting).prepare()
        except graphlib.CycleError as error:
            circle: list[str] = error.args[1]
            path = " → ".join(circle)
            problems.append(Problem(f"the steps go round in a circle: {path}.", ("nodes", circle[0])))
            waiting = {name: [] if name in circle else needs for name, needs in waiting.items()}
        else:
            return problems


def axis_table(inputs: Mapping[str, InputDecl], steps: Mapping[str, Step]) -> AxisTable:
    """The axes of every step of a graph without circles."""
    return AxisTable.of(inputs, steps, graphlib.TopologicalSorter(dependencies(steps)).static_order())


def widest(types: Sequence[PortType]) -> PortType | None:
    """The one of several types that all others fit."""
    plain = [type_.single() for type_ in types]
    return next((wide for wide in plain if all(fits(type_, wide) for type_ in plain)), None)


def output_declarations(graph: Graph) -> dict[str, OutputDecl]:
    """What a checked graph gives as a step of another: types, and the axes that it leaves open."""
    checker = Checker(graph.inputs, graph.steps, {}, registered_makers)
    table = axis_table(graph.inputs, graph.steps)
    declared = {}
    for name, source in graph.outputs.items():
        type_ = widest([given for ref in refs_of(source) if (given := checker.type_of(ref))])
        axes = table.of_source(source)
        if type_ is not None and axes is not None:
            declared[name] = OutputDecl(name, replace(type_, many=bool(axes)), axes)
    return declared
