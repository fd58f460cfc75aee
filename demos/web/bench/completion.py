"""What may be written at the cursor: nodes, inputs of nodes, references in scope, types, choices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from demos.web.bench.cursor import Place, place_of
from demos.web.bench.outline import Outline, Usable, outline
from pipelines.ports import InputDecl, PortType, fits
from pipelines.registry import Registry
from pipelines.signature import RESERVED
from pipelines.spec.loader import GROUP, PREFIX
from pipelines.spec.shapes import COMPARISONS, InputShape, PipelineShape

MOST = 60
_SECTIONS = ("inputs", "nodes", "outputs")
_ABOUT = {
    "version": "the format's version: 1",
    "doc": "what it does, in a sentence",
    "inputs": "what comes from outside",
    "nodes": "the steps",
    "outputs": "the results",
    "type": "what it takes",
    "default": "makes it optional",
    "use": "the node of this step",
    "when": "run only if a condition holds",
    "value": "what is compared",
    "first": "the first that was not skipped",
}


@dataclass(frozen=True)
class Suggestion:
    """One thing that may stand at the cursor: `insert` is written, `label` and `detail` are shown.

    Of a reference, `insert` is the name alone: what is missing around it depends on what stands there.
    """

    label: str
    insert: str
    detail: str = ""
    is_reference: bool = False


@dataclass(frozen=True)
class Completion:
    """The suggestions for a word, from `start` to `end` in the text, the likeliest first."""

    start: int
    end: int
    items: tuple[Suggestion, ...] = ()


@dataclass(frozen=True)
class Completer:
    """Completes texts; `presets` are the weights that a pipeline may name."""

    presets: tuple[str, ...]
    registry: Registry = field(default_factory=Registry.default)

    def complete(self, text: str, cursor: int) -> Completion:
        """What may be written at `cursor`, an offset into the text."""
        place = place_of(text, cursor)
        if place is None:
            return Completion(cursor, cursor)
        names = outline(text, place, self.registry)
        found = self.keys(place, names) if place.role == "key" else self.values(place, names)
        start, end = _bounds(place, text)
        items = [_closed(item, place, text) for item in _matching(found, place.word)[:MOST]]
        return Completion(start, end, tuple(items))

    def keys(self, place: Place, names: Outline) -> Iterator[Suggestion]:
        taken = (place.siblings | names.keys(place.path)) - {place.word}
        yield from (item for item in self.all_keys(place.path, names) if item.label not in taken)

    def all_keys(self, path: tuple[str, ...], names: Outline) -> Iterator[Suggestion]:
        match path:
            case ():
                yield from (_key(name, block=name in _SECTIONS) for name in PipelineShape.model_fields)
            case ("inputs", _):
                yield from map(_key, InputShape.model_fields)
            case ("nodes", step):
                yield from self.step_keys(names.steps.get(step))
            case ("nodes", _, "when"):
                yield from map(_key, ("value", *COMPARISONS))
            case ("nodes", _, _) | ("outputs", _):
                yield _key("first")

    def step_keys(self, used: Usable | None) -> Iterator[Suggestion]:
        yield _key("use")
        if used is not None:
            for name, declared in used.inputs.items():
                need = "" if declared.required else ", optional"
                yield Suggestion(name, f"{name}: ", f"{declared.type.name}{need}{_about(declared)}")
        yield _key("when")

    def values(self, place: Place, names: Outline) -> Iterator[Suggestion]:
        match place.path:
            case ("version",):
                yield Suggestion("1", "1")
            case ("inputs", _, "type"):
                yield from (Suggestion(name, name) for name in names.types)
            case ("nodes", _, "use"):
                yield from self.nodes()
            case ("nodes", step, "when", "value"):
                yield from _references(names, step, None)
            case ("nodes", step, port, *rest) if port not in RESERVED and rest in ([], ["first"]):
                used = names.steps.get(step)
                declared = used.inputs.get(port) if used else None
                if declared and place.opening is None and not rest:
                    yield from self.constants(declared)
                yield from _references(names, step, declared.type if declared else None)
            case ("outputs", _) | ("outputs", _, "first"):
                yield from _references(names, "", None)

    def nodes(self) -> Iterator[Suggestion]:
        for name, node in self.registry.all_nodes().items():
            yield Suggestion(name, name, node.doc.partition("\n")[0])
        for name in ready_made_names():
            yield Suggestion(f"{PREFIX}{name}", f"{PREFIX}{name}", "a ready-made pipeline as one step")

    def constants(self, declared: InputDecl) -> Iterator[Suggestion]:
        port = declared.type
        choices = self.presets if port.is_model else port.choices or ((True, False) if port.base is bool else ())
        for choice in choices:
            text = str(choice).lower() if isinstance(choice, bool) else str(choice)
            yield Suggestion(text, text, "the default" if choice == declared.default else "")


def ready_made_names() -> tuple[str, ...]:
    """The names of the installed pipelines."""
    from importlib.metadata import entry_points

    return tuple(sorted(point.name for point in entry_points(group=GROUP)))


def _key(name: str, *, block: bool = False) -> Suggestion:
    return Suggestion(name, f"{name}:\n  " if block else f"{name}: ", _ABOUT.get(name, ""))


def _about(declared: InputDecl) -> str:
    return f" – {declared.doc}" if declared.doc else ""


def _references(names: Outline, step: str, wanted: PortType | None) -> Iterator[Suggestion]:
    """What is in scope and fits; of what is not known yet, that it may."""
    for given in names.given_to(step):
        if wanted is None or given.type is None or fits(given.type.single(), wanted.single()):
            yield Suggestion(given.name, given.name, given.type.name if given.type else "", is_reference=True)


def _matching(items: Iterable[Suggestion], word: str) -> list[Suggestion]:
    """Those in which the word stands: at the beginning of the name first, then of its last part, then anywhere."""
    wanted = word.lower()

    def rank(item: Suggestion) -> int:
        name = item.label.lower()
        return 0 if name.startswith(wanted) else 1 if name.rpartition("/")[2].startswith(wanted) else 2

    return sorted((item for item in items if wanted in item.label.lower()), key=rank)


def _bounds(place: Place, text: str) -> tuple[int, int]:
    """What is replaced: the word, and the bare `${` and `}` around it, which need quotes."""
    if place.opening is None or place.quote:
        return place.start, place.end
    return place.opening, place.end + text.startswith("}", place.end)


def _closed(item: Suggestion, place: Place, text: str) -> Suggestion:
    """A reference with the braces and quotes that are still missing around it."""
    if not item.is_reference:
        return item
    after = text[place.end : place.end + 2]
    written = item.insert if place.opening is not None and place.quote else f"${{{item.insert}"
    written += "" if after.startswith("}") and place.quote else "}"
    if not place.quote:
        written = f'"{written}"'
    elif place.quote not in after:
        written += place.quote
    return replace(item, insert=written)
