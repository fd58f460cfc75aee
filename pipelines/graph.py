"""An immutable graph of steps, the same whether a file or plain Python describes it.

A graph is checked when it is made: names, types, axes, circles, all mistakes at once. Nothing is imported or loaded
for that beyond the nodes' own modules.

Axes. A step whose node returns `Each[T]` opens an axis that is named after the step. A step that takes `T` from it is
run once for each key, and its outputs lie along the same axis; a step that takes `Many[T]` gets the mapping of all keys
and closes the innermost axis. What a step takes along different axes is paired by key, so one axis path must begin with
the other: a photo pairs with each of its own crops, never with the crops of another step.

Skipping. A step whose `when` does not hold is skipped, and so is every step that takes something from a skipped one.
`FirstOf` is the way to join branches: it gives the first source that was not skipped, and is skipped only if all were.
Along an axis this goes key by key; a skipped key is absent from the mapping that closes the axis. A skipped output of a
sub-pipeline skips whoever takes it; a skipped output of the whole run is None.
"""

from __future__ import annotations

import graphlib
from collections.abc import Iterator, Mapping, Sized
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from pipelines.errors import SpecError
from pipelines.ports import InputDecl, OutputDecl, constant
from pipelines.signature import Node

Comparison: TypeAlias = Literal["equals", "differs", "above", "at_least", "below", "at_most", "one_of", "empty"]


@dataclass(frozen=True)
class Ref:
    """An output of a step (`port` None: its first), or with `step` "" the pipeline input named by `port`."""

    step: str
    port: str | None = None

    def __getitem__(self, port: str) -> Ref:
        """A named output of the same step: `paint["image"]`."""
        return Ref(self.step, port)

    def __str__(self) -> str:
        return f"${{{'.'.join(part for part in (self.step, self.port) if part)}}}"


@dataclass(frozen=True)
class Constant:
    """A value that stands in the file; in a checked graph it has its port's type."""

    value: Any


@dataclass(frozen=True)
class FirstOf:
    """The first of several sources that was not skipped."""

    refs: tuple[Ref, ...]

    def __str__(self) -> str:
        return f"first of {', '.join(map(str, self.refs))}"


Source: TypeAlias = Ref | Constant | FirstOf


@dataclass(frozen=True)
class When:
    """The condition under which a step runs: `holds(value of ref)`."""

    ref: Ref
    op: Comparison
    value: Any

    def __str__(self) -> str:
        return f"{self.ref} {self.op.replace('_', ' ')} {self.value}"

    def holds(self, actual: Any) -> bool:
        """Whether a step with this condition runs, given what `ref` turned out to be."""
        match self.op:
            case "equals":
                return bool(actual == self.value)
            case "differs":
                return bool(actual != self.value)
            case "one_of":
                return actual in self.value
            case "empty":
                return _is_empty(actual) is self.value
            case _:
                return _ordered(self.op, actual, self.value)


@dataclass(frozen=True)
class Step:
    """A node, or a whole graph, at one place in a graph; inputs that are not named keep their defaults."""

    id: str
    node: Node[..., Any] | Graph
    inputs: Mapping[str, Source] = field(default_factory=dict)
    when: When | None = None

    @property
    def takes(self) -> Mapping[str, InputDecl]:
        """The inputs that its node declares."""
        return self.node.inputs

    @property
    def gives(self) -> Mapping[str, OutputDecl]:
        """The outputs that its node declares, the first one first."""
        return self.node.outputs if isinstance(self.node, Node) else self.node.gives

    def settled(self) -> Step:
        """The same step, its constants turned into values of their ports' types."""
        inputs = {
            name: Constant(constant(self.takes[name].type, source.value)) if isinstance(source, Constant) else source
            for name, source in self.inputs.items()
        }
        return replace(self, inputs=MappingProxyType(inputs))

    def refs(self) -> Iterator[tuple[str, Ref]]:
        """Everything that this step waits for, with the name of the input, or "when"."""
        for name, source in self.inputs.items():
            yield from ((name, ref) for ref in refs_of(source))
        if self.when:
            yield "when", self.when.ref


@dataclass(frozen=True, eq=False)
class Graph:
    """Inputs, steps and outputs, checked.

    `name` is how a file calls it: a ready-made pipeline's name, a path, or the name that plain Python gave it.
    Raises SpecError with every mistake in it.
    """

    name: str
    inputs: Mapping[str, InputDecl]
    steps: Mapping[str, Step]
    outputs: Mapping[str, Source]
    doc: str = ""

    def __post_init__(self) -> None:
        from pipelines.checking import find_problems

        if problems := find_problems(self.inputs, self.steps, self.outputs):
            raise SpecError(problems)
        self._freeze("inputs", {name: declared.settled() for name, declared in self.inputs.items()})
        self._freeze("steps", {name: step.settled() for name, step in self.steps.items()})
        self._freeze("outputs", self.outputs)

    def _freeze(self, part: str, items: Mapping[str, Any]) -> None:
        object.__setattr__(self, part, MappingProxyType(dict(items)))

    def order(self) -> tuple[str, ...]:
        """The steps' names, each after everything that it waits for."""
        return self._order

    def axes(self) -> Mapping[str, tuple[str, ...]]:
        """The axes along which each step runs, outermost first; an axis bears the name of the step that opened it."""
        from pipelines.checking import axis_table

        table = axis_table(self.inputs, self.steps)
        return {name: axes for name, axes in table.axes.items() if axes is not None}

    def port(self, ref: Ref) -> str:
        """The name of the output that a reference means."""
        return ref.port or next(iter(self.steps[ref.step].gives))

    @cached_property
    def gives(self) -> Mapping[str, OutputDecl]:
        """What the graph gives when it is itself a step of another."""
        from pipelines.checking import output_declarations

        return MappingProxyType(output_declarations(self))

    @cached_property
    def _order(self) -> tuple[str, ...]:
        return tuple(graphlib.TopologicalSorter(dependencies(self.steps)).static_order())


def dependencies(steps: Mapping[str, Step]) -> dict[str, list[str]]:
    """For each step the steps that it waits for; names that are no steps are left out."""
    return {name: [ref.step for _, ref in step.refs() if ref.step in steps] for name, step in steps.items()}


def refs_of(source: Source) -> tuple[Ref, ...]:
    """The references in a source: none, one, or those of `FirstOf`."""
    match source:
        case Ref():
            return (source,)
        case FirstOf():
            return source.refs
        case Constant():
            return ()


def _ordered(op: str, actual: Any, limit: Any) -> bool:
    if actual is None:  # nothing is neither more nor less than a number
        return False
    match op:
        case "above":
            return bool(actual > limit)
        case "at_least":
            return bool(actual >= limit)
        case "below":
            return bool(actual < limit)
        case _:
            return bool(actual <= limit)


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, Sized) and len(value) == 0)
