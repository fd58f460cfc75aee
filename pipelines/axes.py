"""Named axes: along which of them each step of a graph runs, and where two of them do not pair."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from pipelines.errors import Problem, Where
from pipelines.graph import Ref, Source, Step, refs_of
from pipelines.ports import InputDecl

Axes: TypeAlias = tuple[str, ...]
"""Axis names, outermost first; () for a single value."""


@dataclass
class AxisTable:
    """The axes of every step, filled in dependency order.

    `axes` holds None for a step whose axes cannot be known because of a mistake further up, which is reported there.
    """

    inputs: Mapping[str, InputDecl]
    steps: Mapping[str, Step]
    axes: dict[str, Axes | None]

    @classmethod
    def of(cls, inputs: Mapping[str, InputDecl], steps: Mapping[str, Step], order: Iterable[str]) -> AxisTable:
        table = cls(inputs, steps, {})
        for name in order:
            table.axes[name] = table.paired(table.lent(steps[name]))
        return table

    def of_source(self, source: Source) -> Axes | None:
        """The axes along which the values of a source lie; None if they cannot be known."""
        return self.paired({str(ref): self.of_ref(ref) for ref in refs_of(source)})

    def of_ref(self, ref: Ref) -> Axes | None:
        if not ref.step:
            declared = self.inputs.get(ref.port or "")
            return None if declared is None else (declared.name,) * declared.type.many
        step, axes = self.steps.get(ref.step), self.axes.get(ref.step)
        if step is None or axes is None:
            return None
        output = step.gives.get(ref.port) if ref.port else next(iter(step.gives.values()), None)
        return None if output is None else axes + tuple(axis_name(ref.step, inner) for inner in output.axes)

    def lent(self, step: Step) -> dict[str, Axes | None]:
        """What each connected input brings to its step: its own axes, less the one that the input closes."""
        lent = {}
        for name, source in step.inputs.items():
            axes, declared = self.of_source(source), step.takes.get(name)
            closes = declared is not None and declared.type.many
            lent[name] = axes[:-1] if axes and closes else axes
        if step.when:
            lent["when"] = self.of_ref(step.when.ref)
        return lent

    @staticmethod
    def paired(axes: Mapping[str, Axes | None]) -> Axes | None:
        """The longest of several axis paths when all others begin it; None when they do not pair."""
        known = [path for path in axes.values() if path is not None]
        longest: Axes = max(known, key=len, default=())
        pairs = len(known) == len(axes) and all(longest[: len(path)] == path for path in known)
        return longest if pairs else None


def axis_name(step: str, inner: str) -> str:
    """An axis is named after the step that opens it; one opened inside a sub-pipeline keeps its own name behind it."""
    return f"{step}.{inner}" if inner else step


def find_axis_problems(table: AxisTable, outputs: Mapping[str, Source]) -> list[Problem]:
    """Where sources lie along unrelated axes, and where an input that closes an axis is given no axis."""
    problems = []
    for name, step in table.steps.items():
        where = ("nodes", name)
        problems += _unpaired({(*where, port): (f"'{port}'", axes) for port, axes in table.lent(step).items()})
        for port, source in step.inputs.items():
            problems += _unjoined(table, (*where, port), source)
            problems += _unclosed(table, (*where, port), step.takes.get(port), source)
    for name, source in outputs.items():
        problems += _unjoined(table, ("outputs", name), source)
    return problems


def _unpaired(paths: Mapping[Where, tuple[str, Axes | None]]) -> list[Problem]:
    known = [(where, label, axes) for where, (label, axes) in paths.items() if axes]
    _, first, longest = max(known, key=lambda path: len(path[2]), default=((), "", ()))
    return [
        Problem(
            f"{label} lies along {_path(axes)}, but {first} along {_path(longest)}: these do not pair. "
            "Take both from the same axis, or close one with a node that takes many.",
            where,
        )
        for where, label, axes in known
        if longest[: len(axes)] != axes
    ]


def _unjoined(table: AxisTable, where: Where, source: Source) -> list[Problem]:
    refs = refs_of(source)
    return _unpaired({(*where, index): (f"'{ref}'", table.of_ref(ref)) for index, ref in enumerate(refs)})


def _unclosed(table: AxisTable, where: Where, declared: InputDecl | None, source: Source) -> list[Problem]:
    if declared is None or not declared.type.many or not refs_of(source) or table.of_source(source) != ():
        return []
    message = f"'{declared.name}' needs {declared.type}, but '{source}' gives one. Nodes that return Each give many."
    return [Problem(message, where)]


def _path(axes: Axes) -> str:
    return f"the axis '{' / '.join(axes)}'"
