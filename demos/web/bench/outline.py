"""The names that stand in a pipeline file, and their types, as far as a half-written text lets them be known."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from demos.web.bench.cursor import Place
from pipelines.errors import SpecError, UserError
from pipelines.graph import Graph
from pipelines.ports import PortType
from pipelines.registry import Registry
from pipelines.signature import Node
from pipelines.spec.document import Document, parse_document
from pipelines.spec.loader import PREFIX, Loader
from pipelines.spec.types import Vocabulary, types_of

Usable: TypeAlias = Node[..., Any] | Graph
_REFERENCE = re.compile(r"(?<!\$)\$\{\s*([A-Za-z_]\w*)")


@dataclass(frozen=True)
class Given:
    """Something that a reference can name: `photo`, `plan.targets`; `step` is "" for an input of the pipeline."""

    name: str
    type: PortType | None
    step: str = ""


@dataclass(frozen=True)
class Outline:
    """Inputs and steps by name; None stands for a type or a node that cannot be known yet."""

    inputs: Mapping[str, PortType | None]
    steps: Mapping[str, Usable | None]
    needs: Mapping[str, frozenset[str]]
    data: Mapping[str, Any]
    types: tuple[str, ...]

    def given_to(self, step: str) -> Iterator[Given]:
        """All that a step may refer to: not itself, nor what needs it."""
        for name, type_ in self.inputs.items():
            yield Given(name, type_)
        users = self.users(step)
        for name, used in self.steps.items():
            if name != step and name not in users:
                yield from _outputs(name, used)

    def users(self, step: str) -> frozenset[str]:
        """The steps that need a step, directly or by way of others."""
        direct: dict[str, list[str]] = {}
        for name, needs in self.needs.items():
            for needed in needs:
                direct.setdefault(needed, []).append(name)
        found: set[str] = set()
        new = [step]
        while new:
            users = set(direct.get(new.pop(), ())) - found
            found |= users
            new.extend(users)
        return frozenset(found)

    def keys(self, path: tuple[str, ...]) -> frozenset[str]:
        """The keys of the mapping at a path."""
        part: Any = self.data
        for key in path:
            part = part.get(key) if isinstance(part, Mapping) else None
        return frozenset(map(str, part)) if isinstance(part, Mapping) else frozenset()


def outline(text: str, place: Place, registry: Registry) -> Outline:
    """The outline of a text that is being written at `place`.

    If it cannot be read as it stands, the line at the cursor is closed before the word that is being written; if that
    does not help, it is left out.
    """
    data = _data(text, place)
    entries = _section(data, "nodes")
    steps = {name: _used(entry, registry) for name, entry in entries.items()}
    vocabulary = Vocabulary.of((type_ for used in steps.values() if used for type_ in types_of(used)), complete=False)
    inputs = {name: _declared(entry, vocabulary) for name, entry in _section(data, "inputs").items()}
    needs = {name: frozenset(_names_in(entry)) & steps.keys() for name, entry in entries.items()}
    return Outline(inputs, steps, needs, data, tuple(vocabulary.types))


def _data(text: str, place: Place) -> Mapping[str, Any]:
    begin = place.start if place.opening is None else place.opening
    start, end = text.rfind("\n", 0, begin) + 1, text.find("\n", place.end)
    rest = text[end:] if end >= 0 else ""
    for attempt in (text, text[:begin] + place.closing + rest, text[:start] + rest, text[:start]):
        try:
            data = parse_document(attempt, "").data
        except SpecError:
            continue
        if isinstance(data, dict):
            return data
    return {}


def _section(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = data.get(name)
    return section if isinstance(section, dict) else {}


def _used(entry: Any, registry: Registry) -> Usable | None:
    use = entry.get("use") if isinstance(entry, dict) else None
    if not isinstance(use, str) or not (use.startswith(PREFIX) or "/" in use) or use.endswith((".yaml", ".yml")):
        return None
    try:
        return Loader(registry).used(use, Path())
    except UserError:
        return None


def _declared(entry: Any, vocabulary: Vocabulary) -> PortType | None:
    raw = entry.get("type") if isinstance(entry, dict) else None
    return vocabulary.read(raw, (), Document("")) if isinstance(raw, str | list) else None


def _names_in(part: Any) -> Iterator[str]:
    match part:
        case str():
            yield from _REFERENCE.findall(part)
        case list():
            yield from (name for item in part for name in _names_in(item))
        case dict():
            yield from (name for item in part.values() for name in _names_in(item))


def _outputs(name: str, used: Usable | None) -> Iterator[Given]:
    if used is None:
        yield Given(name, None, name)
        return
    gives = used.outputs if isinstance(used, Node) else used.gives
    for number, (port, declared) in enumerate(gives.items()):
        if number == 0:
            yield Given(name, declared.type, name)
        if len(gives) > 1:
            yield Given(f"{name}.{port}", declared.type, name)
