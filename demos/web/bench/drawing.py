"""A graph as SVG: steps with their ports, lines in the colours of their types, and how far a run has come.

Only shapes and class names are written here; `bench.css` gives them colours, for light and for dark.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from demos.web.bench.cards import Card, Line, cards_of, family, given_as, lines_of
from demos.web.bench.layout import Arrangement, Point, arrange
from demos.web.bench.markup import tag, words
from demos.web.bench.watching import StepState
from pipelines.graph import Graph

MARGIN = 14.0
_PORT = 3.5


def draw(graph: Graph, states: Mapping[str, StepState] | None = None) -> str:
    """The graph as one `<svg>`; with `states`, each step says how far it is."""
    lines = lines_of(graph)
    cards = cards_of(graph, lines)
    placed = arrange([card.box for card in cards], [line.link for line in lines])
    known = states or {}
    width, height = (side + 2 * MARGIN for side in placed.size)
    return tag(
        "svg",
        *(_path(line, placed) for line in lines),
        *(_card(card, placed, known.get(card.name) if card.is_step else None) for card in cards),
        class_="graph",
        role="img",
        aria_label=_spoken(graph),
        width=round(width),
        height=round(height),
        viewBox=f"{-MARGIN:.0f} {-MARGIN:.0f} {width:.0f} {height:.0f}",
    )


def legend(graph: Graph) -> str:
    """The types that flow in a graph, each with its colour."""
    types = {family(line.type): line.type.single().name.removesuffix("?") for line in lines_of(graph) if line.type}
    return tag("ul", *(tag("li", words(name), class_=f"type-{kind}") for kind, name in types.items()), class_="legend")


def _card(card: Card, placed: Arrangement, state: StepState | None) -> str:
    x, y = placed.corners[card.box.id]
    classes = ["card", card.kind]
    if card.kind == "input":
        classes += [f"type-{family(type_)}" for type_ in (card.gives or {}).values()]
    if state:
        classes.append(f"is-{state.phase}")
    return tag(
        "g",
        tag("title", words(card.hint or card.detail)),
        *_outlines(card),
        *(_step_texts(card, state) if card.is_step else _chip_texts(card)),
        *_progress(card, state),
        class_=" ".join(classes),
        data_name=card.name,
        transform=f"translate({x:.1f} {y:.1f})",
    ) + "".join(_ports(card, placed))


def _outlines(card: Card) -> Iterator[str]:
    """A step that runs many times has another card behind it, a pipeline in a pipeline a second frame."""
    width, height = card.box.width, card.box.height
    if card.along:
        yield tag("rect", class_="behind", x=5, y=5, width=width, height=height, rx=10)
    yield tag("rect", class_="body", width=width, height=height, rx=10 if card.is_step else height / 2)
    if card.kind == "pipeline":
        yield tag("rect", class_="frame", x=3, y=3, width=width - 6, height=height - 6, rx=8)


def _chip_texts(card: Card) -> Iterator[str]:
    middle = card.box.width / 2
    yield _text("name", card.name, middle, 19, anchor="middle")
    yield _text("detail", card.detail, middle, 33, anchor="middle")


def _step_texts(card: Card, state: StepState | None) -> Iterator[str]:
    yield _text("name", card.name, 12, 35)
    yield _text("detail", card.detail, 12, 50)
    along = f"for each {card.along}" if card.along else ""
    if said := (state.words if state else "") or along:
        yield _text("words", said, card.box.width - 12, 35, anchor="end")


def _progress(card: Card, state: StepState | None) -> Iterator[str]:
    if state is None or state.phase != "running":
        return
    width = card.box.width - 24
    yield tag("rect", class_="track", x=12, y=55, width=width, height=3, rx=1.5)
    moving, share = ("moving", 0.3) if state.part is None else ("", state.part)
    yield tag("rect", class_=f"done {moving}".strip(), x=12, y=55, width=max(width * share, 3.0), height=3, rx=1.5)


def _ports(card: Card, placed: Arrangement) -> Iterator[str]:
    """Dots on the edges, and beside them what they are called."""
    for port in card.box.takes:
        x, y = placed.takes[card.box.id, port]
        yield tag("circle", class_="port", cx=x, cy=y, r=_PORT)
        if card.is_step:
            yield _text("takes", port, x, y + 14, anchor="middle")
    for port, type_ in (card.gives or {}).items():
        x, y = placed.gives[card.box.id, port]
        yield tag("circle", class_=f"port type-{family(type_)}", cx=x, cy=y, r=_PORT)
        if card.is_step:
            yield _text("gives", given_as(port, type_), x, y - 7, anchor="middle")


def _path(line: Line, placed: Arrangement) -> str:
    points = placed.routes[line.link]
    kind = f"line type-{family(line.type)}{' conditional' * line.conditional}"
    return tag("path", tag("title", words(line.label)), class_=kind, d=f"M{_at(points[0])}{''.join(_legs(points))}")


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
    return tag("text", words(text), class_=kind, x=x, y=y, text_anchor=anchor)


def _spoken(graph: Graph) -> str:
    """The drawing in words, for who cannot see it."""
    steps = "; ".join(f"{name} uses {graph.steps[name].node.name}" for name in graph.order())
    inputs, outputs = (", ".join(names) or "none" for names in (graph.inputs, graph.outputs))
    return f"Graph. Inputs: {inputs}. Steps: {steps or 'none'}. Outputs: {outputs}."
