"""A graph as SVG: steps with their ports, lines in the colours of their types, and how far a run has come.

Only shapes and class names are written here; `bench.css` gives them colours, for light and for dark.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Literal, TypeAlias

from demos.web.bench.layout import Arrangement, Box, Link, Point, arrange
from demos.web.bench.watching import StepState
from pipelines.graph import Constant, FirstOf, Graph, Ref, Source, Step, refs_of
from pipelines.ports import PortType
from pipelines.signature import Node

Kind: TypeAlias = Literal["input", "step", "pipeline", "output"]

MARGIN = 14.0
_TITLE, _SMALL = 7.6, 5.9  # average width of a letter, in pixels at the sizes that bench.css gives
_CHIP_HEIGHT, _STEP_HEIGHT = 42.0, 76.0
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
    hint: str
    gives: Mapping[str, PortType]
    along: str = ""


@dataclass(frozen=True)
class Line:
    """What flows along a link."""

    link: Link
    type: PortType | None
    label: str
    conditional: bool = False


def draw(graph: Graph, states: Mapping[str, StepState] | None = None) -> str:
    """The graph as one `<svg>`; with `states`, each step says how far it is."""
    lines = [*_lines(graph)]
    cards = _cards(graph, lines)
    placed = arrange([card.box for card in cards], [line.link for line in lines])
    width, height = (side + 2 * MARGIN for side in placed.size)
    parts = [
        *(_path(line, placed) for line in lines),
        *(_card(card, placed, (states or {}).get(card.name) if card.kind in _STEPS else None) for card in cards),
    ]
    return (
        f'<svg class="graph" role="img" aria-label="{escape(_spoken(graph))}" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="{-MARGIN:.0f} {-MARGIN:.0f} {width:.0f} {height:.0f}" xmlns="http://www.w3.org/2000/svg">'
        f"{''.join(parts)}</svg>"
    )


_STEPS = ("step", "pipeline")


def family(port: PortType | None) -> str:
    """The class that colours a type; types of one kind share it."""
    if port is None:
        return "other"
    if port.choices:
        return "text"
    return "model" if port.is_model else _FAMILIES.get(port.single().name.removesuffix("?"), "other")


def _lines(graph: Graph) -> Iterator[Line]:
    for step in graph.steps.values():
        for port, source in step.inputs.items():
            yield from _flows(graph, source, f"step {step.id}", port)
        if step.when:
            given = graph.port(step.when.ref) if step.when.ref.step else str(step.when.ref.port)
            link = Link(_origin(step.when.ref), given, f"step {step.id}", "when")
            yield Line(link, _type_of(graph, step.when.ref), f"runs when {step.when}", conditional=True)
    for name, output in graph.outputs.items():
        yield from _flows(graph, output, f"output {name}", name)


def _flows(graph: Graph, source: Source, target: str, port: str) -> Iterator[Line]:
    for rank, ref in enumerate(refs_of(source), start=1):
        given = graph.port(ref) if ref.step else str(ref.port)
        choice = f", choice {rank}" if isinstance(source, FirstOf) else ""
        type_ = _type_of(graph, ref)
        label = f"{ref} → {target.partition(' ')[2]}.{port}: {type_.name if type_ else ''}{choice}"
        yield Line(Link(_origin(ref), given, target, port), type_, label)


def _origin(ref: Ref) -> str:
    return f"step {ref.step}" if ref.step else f"input {ref.port}"


def _type_of(graph: Graph, ref: Ref) -> PortType | None:
    declared = graph.steps[ref.step].gives.get(graph.port(ref)) if ref.step else graph.inputs[str(ref.port)]
    return declared.type if declared else None


def _cards(graph: Graph, lines: list[Line]) -> list[Card]:
    used = {(line.link.source, line.link.gives) for line in lines}
    axes = graph.axes()
    cards = [
        _chip("input", name, declared.type, declared.doc, takes=(), gives={name: declared.type} if (f"input {name}", name) in used else {})
        for name, declared in graph.inputs.items()
    ]
    for step in graph.steps.values():
        gives = {port: declared.type for port, declared in step.gives.items() if (f"step {step.id}", port) in used}
        cards.append(_step(step, gives, " / ".join(axes.get(step.id, ()))))
    types = {line.link.target: line.type for line in lines}
    cards += [_chip("output", name, types.get(f"output {name}"), "", takes=(name,), gives={}) for name in graph.outputs]
    return cards


def _chip(
    kind: Kind, name: str, type_: PortType | None, hint: str, *, takes: tuple[str, ...], gives: Mapping[str, PortType]
) -> Card:
    detail = _short(type_.name) if type_ else ""
    width = max(len(name) * _TITLE, len(detail) * _SMALL) + 34
    return Card(Box(f"{kind} {name}", width, _CHIP_HEIGHT, takes, tuple(gives)), kind, name, detail, hint, gives)


def _step(step: Step, gives: Mapping[str, PortType], along: str) -> Card:
    takes = tuple(name for name, source in step.inputs.items() if refs_of(source)) + (("when",) if step.when else ())
    across = max(_row(takes), _row([_given(port, type_) for port, type_ in gives.items()]))
    width = max(len(step.id) * _TITLE + 84, len(step.node.name) * _SMALL + 24, across, 128)
    kind: Kind = "step" if isinstance(step.node, Node) else "pipeline"
    box = Box(f"step {step.id}", width, _STEP_HEIGHT, takes, tuple(gives))
    return Card(box, kind, step.id, _short(step.node.name), _hint(step), gives, along)


def _row(labels: tuple[str, ...] | list[str]) -> float:
    """The width at which labels fit side by side, each in an equal share."""
    return len(labels) * (max(map(len, labels), default=0) * _SMALL + 12)


def _given(port: str, type_: PortType) -> str:
    return type_.name if port == "out" else port


def _hint(step: Step) -> str:
    constants = [f"{name} = {source.value}" for name, source in step.inputs.items() if isinstance(source, Constant)]
    return "\n".join([f"{step.node.name}: {step.node.doc.partition(chr(10))[0]}", *constants])


def _card(card: Card, placed: Arrangement, state: StepState | None) -> str:
    x, y = placed.corners[card.box.id]
    width, height = card.box.width, card.box.height
    phase = f" is-{state.phase}" if state else ""
    behind = f'<rect class="behind" x="5" y="5" width="{width:.0f}" height="{height:.0f}" rx="10"/>' if card.along else ""
    inner = "" if card.kind != "pipeline" else f'<rect class="frame" x="3" y="3" width="{width - 6:.0f}" height="{height - 6:.0f}" rx="8"/>'
    tint = f" type-{family(next(iter(card.gives.values()), None))}" if card.kind == "input" else ""
    return (
        f'<g class="card {card.kind}{tint}{phase}" data-name="{escape(card.name)}" transform="translate({x:.1f} {y:.1f})">'
        f"<title>{escape(card.hint or card.detail)}</title>{behind}"
        f'<rect class="body" width="{width:.0f}" height="{height:.0f}" rx="{10 if card.kind in _STEPS else height / 2:.0f}"/>'
        f"{inner}{''.join(_texts(card, state))}{_progress(card, state)}</g>{''.join(_ports(card, placed))}"
    )


def _texts(card: Card, state: StepState | None) -> Iterator[str]:
    width = card.box.width
    if card.kind not in _STEPS:
        yield _text("name", card.name, width / 2, 19, anchor="middle")
        yield _text("detail", card.detail, width / 2, 33, anchor="middle")
        return
    words = state.words if state else ""
    words = words or (f"for each {card.along}" if card.along else "")
    yield _text("name", card.name, 12, 35)
    yield _text("detail", card.detail, 12, 50)
    if words:
        yield _text("words", words, width - 12, 35, anchor="end")


def _progress(card: Card, state: StepState | None) -> str:
    if state is None or state.phase != "running":
        return ""
    share = state.part if state.part is not None else 0.0
    wide = card.box.width - 24
    moving = " moving" if state.part is None else ""
    return (
        f'<rect class="track" x="12" y="55" width="{wide:.0f}" height="3" rx="1.5"/>'
        f'<rect class="done{moving}" x="12" y="55" width="{max(wide * share, 3):.0f}" height="3" rx="1.5"/>'
    )


def _ports(card: Card, placed: Arrangement) -> Iterator[str]:
    """Dots on the edges, and beside them what they are called."""
    for port in card.box.takes:
        x, y = placed.takes[card.box.id, port]
        yield f'<circle class="port" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>'
        if card.kind in _STEPS:
            yield _text("takes", port, x, y + 14, anchor="middle")
    for port, type_ in card.gives.items():
        x, y = placed.gives[card.box.id, port]
        yield f'<circle class="port type-{family(type_)}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>'
        if card.kind in _STEPS:
            yield _text("gives", _given(port, type_), x, y - 7, anchor="middle")


def _path(line: Line, placed: Arrangement) -> str:
    points = placed.routes[line.link]
    dashed = " conditional" if line.conditional else ""
    shape = f"M{_at(points[0])}" + "".join(_legs(points))
    return (
        f'<path class="line type-{family(line.type)}{dashed}" d="{shape}"><title>{escape(line.label)}</title></path>'
    )


def _legs(points: tuple[Point, ...]) -> Iterator[str]:
    """Bends between layers, and straight down through them."""
    for index in range(0, len(points) - 1, 2):
        (x0, y0), (x1, y1) = points[index], points[index + 1]
        middle = (y0 + y1) / 2
        yield f"C{_at((x0, middle))} {_at((x1, middle))} {_at((x1, y1))}"
        if index + 2 < len(points):
            yield f"L{_at(points[index + 2])}"


def _at(point: Point) -> str:
    return f"{point[0]:.1f},{point[1]:.1f}"


def _text(kind: str, text: str, x: float, y: float, *, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _spoken(graph: Graph) -> str:
    """The drawing in words, for who cannot see it."""
    steps = "; ".join(f"{name} uses {graph.steps[name].node.name}" for name in graph.order())
    return f"Graph. Inputs: {', '.join(graph.inputs) or 'none'}. Steps: {steps or 'none'}. Outputs: {', '.join(graph.outputs)}."
