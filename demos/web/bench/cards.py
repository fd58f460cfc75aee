"""A graph as what is drawn of it: a card for each input, step and output, a line for each thing that flows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from demos.web.bench.layout import Box, Link
from pipelines.graph import Constant, FirstOf, Graph, Ref, Source, Step, refs_of
from pipelines.ports import PortType
from pipelines.signature import Node

Kind: TypeAlias = Literal["input", "step", "pipeline", "output"]

CHIP_HEIGHT, STEP_HEIGHT = 42.0, 76.0
_NAME, _SMALL = 7.6, 5.9
"""Average width of a letter, in pixels, at the sizes that bench.css gives."""
_LEAST_WIDTH = 128.0
_LONGEST = 30
_FAMILIES: Mapping[str, str] = {
    "Image": "image", "Boxes": "boxes", "Masks": "masks", "Mask": "masks", "Text": "text", "EditPlan": "plan",
    "Embedding": "vector", "int": "number", "float": "number", "bool": "flag", "Path": "path",
}  # fmt: skip


@dataclass(frozen=True)
class Card:
    """What is drawn at one place: an input, a step or an output; `gives` are the types of its ports in use."""

    box: Box
    kind: Kind
    name: str
    detail: str
    hint: str = ""
    gives: Mapping[str, PortType | None] | None = None
    along: str = ""

    @property
    def is_step(self) -> bool:
        return self.kind in ("step", "pipeline")


@dataclass(frozen=True)
class Line:
    """What flows along a link."""

    link: Link
    type: PortType | None
    label: str
    conditional: bool = False


def family(port: PortType | None) -> str:
    """The class that colours a type; types of one kind share it."""
    if port is None:
        return "other"
    if port.choices:
        return "text"
    return "model" if port.is_model else _FAMILIES.get(port.single().name.removesuffix("?"), "other")


def given_as(port: str, type_: PortType | None) -> str:
    """What is written at an output's port: its name, or its type where it has no name of its own."""
    return type_.name if port == "out" and type_ else port


def lines_of(graph: Graph) -> list[Line]:
    """Everything that flows in a graph, conditions too."""
    return [*_into_steps(graph), *_into_outputs(graph)]


def cards_of(graph: Graph, lines: Sequence[Line]) -> list[Card]:
    """The cards of a graph, with the ports that its lines use."""
    gives: dict[str, dict[str, PortType | None]] = {}
    for line in lines:
        gives.setdefault(line.link.source, {})[line.link.gives] = line.type
    types = {line.link.target: line.type for line in lines}
    axes = graph.axes()
    return [
        *(_input(graph, name, gives.get(f"input {name}", {})) for name in graph.inputs),
        *(_step(step, gives.get(f"step {name}", {}), axes.get(name, ())) for name, step in graph.steps.items()),
        *(_output(name, types.get(f"output {name}")) for name in graph.outputs),
    ]


def _into_steps(graph: Graph) -> Iterator[Line]:
    for step in graph.steps.values():
        for port, source in step.inputs.items():
            yield from _flows(graph, source, f"step {step.id}", port)
        if step.when:
            link = Link(_origin(step.when.ref), _given(graph, step.when.ref), f"step {step.id}", "when")
            yield Line(link, _type_of(graph, step.when.ref), f"{step.id} runs when {step.when}", conditional=True)


def _into_outputs(graph: Graph) -> Iterator[Line]:
    for name, source in graph.outputs.items():
        yield from _flows(graph, source, f"output {name}", name)


def _flows(graph: Graph, source: Source, target: str, port: str) -> Iterator[Line]:
    for rank, ref in enumerate(refs_of(source), start=1):
        choice = f", choice {rank}" if isinstance(source, FirstOf) else ""
        type_ = _type_of(graph, ref)
        there = " ".join([*target.split(" ")[1:], port] if target.startswith("step ") else [port])
        label = f"{str(ref)[2:-1]} → {there}: {type_.name if type_ else 'unknown'}{choice}"
        yield Line(Link(_origin(ref), _given(graph, ref), target, port), type_, label)


def _origin(ref: Ref) -> str:
    return f"step {ref.step}" if ref.step else f"input {ref.port}"


def _given(graph: Graph, ref: Ref) -> str:
    return graph.port(ref) if ref.step else str(ref.port)


def _type_of(graph: Graph, ref: Ref) -> PortType | None:
    declared = graph.steps[ref.step].gives.get(graph.port(ref)) if ref.step else graph.inputs[str(ref.port)]
    return declared.type if declared else None


def _input(graph: Graph, name: str, gives: Mapping[str, PortType | None]) -> Card:
    declared = graph.inputs[name]
    return Card(
        _chip(f"input {name}", (), tuple(gives)), "input", name, shortened(declared.type.name), declared.doc, gives
    )


def _output(name: str, type_: PortType | None) -> Card:
    return Card(_chip(f"output {name}", (name,), ()), "output", name, shortened(type_.name) if type_ else "")


def _chip(id_: str, takes: tuple[str, ...], gives: tuple[str, ...]) -> Box:
    return Box(id_, max(len(id_.partition(" ")[2]) * _NAME + 34, 84), CHIP_HEIGHT, takes, gives)


def _step(step: Step, gives: Mapping[str, PortType | None], axes: tuple[str, ...]) -> Card:
    takes = tuple(name for name, source in step.inputs.items() if refs_of(source)) + (("when",) if step.when else ())
    outs = [given_as(port, type_) for port, type_ in gives.items()]
    detail = shortened(step.node.name)
    across = max(_row(takes), _row(outs), len(step.id) * _NAME + 84, len(detail) * _SMALL + 24, _LEAST_WIDTH)
    box = Box(f"step {step.id}", across, STEP_HEIGHT, takes, tuple(gives))
    kind: Kind = "step" if isinstance(step.node, Node) else "pipeline"
    return Card(box, kind, step.id, detail, _hint(step), gives, " / ".join(axes))


def _row(labels: Sequence[str]) -> float:
    """The width at which labels fit side by side, each in an equal share."""
    return len(labels) * (max(map(len, labels), default=0) * _SMALL + 12)


def _hint(step: Step) -> str:
    constants = [f"{name} = {source.value}" for name, source in step.inputs.items() if isinstance(source, Constant)]
    return "\n".join([f"{step.node.name}: {step.node.doc.partition(chr(10))[0]}", *constants])


def shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
