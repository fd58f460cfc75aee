"""Type names in a file ⇄ port types.

`Image`, `Boxes`, `Masks`, `Mask`, `Text`, `EditPlan`, `Embedding`, `int`, `float`, `bool`, `Path`, and every type of a
node that the file uses, under the name that `PortType.name` gives it (`Model[sam]`, `Depth`). `Text?` may be nothing,
`Each[Image]` is a whole axis, `[fast, slow]` a choice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipelines.annotations import port_type
from pipelines.errors import Where, did_you_mean, similar
from pipelines.graph import Graph
from pipelines.ports import PortType
from pipelines.signature import Node
from pipelines.spec.document import Document
from pipelines.values import Boxes, EditPlan, Embedding, Image, Mask, Masks

STANDARD: Mapping[str, PortType] = {
    port.name: port
    for port in map(port_type, (Image, Boxes, Masks, Mask, str, EditPlan, Embedding, int, float, bool, Path))
}

_EACH = re.compile(r"Each\[(.+)\]")


def types_of(used: Node[..., Any] | Graph) -> Iterator[PortType]:
    """The types of all inputs and outputs of a node or graph."""
    gives = used.outputs if isinstance(used, Node) else used.gives
    yield from (declared.type for declared in used.inputs.values())
    yield from (declared.type for declared in gives.values())


@dataclass(frozen=True)
class Vocabulary:
    """The types that a file can name; not `complete` while a node that it uses is unknown."""

    types: Mapping[str, PortType]
    complete: bool = True

    @classmethod
    def of(cls, ports: Iterable[PortType], *, complete: bool = True) -> Vocabulary:
        """The standard types and those of the nodes that the file uses."""
        plain = (replace(port, optional=False, many=False) for port in ports)
        return cls({**{port.name: port for port in plain if not port.choices}, **STANDARD}, complete)

    def read(self, raw: str | list[Any], where: Where, document: Document) -> PortType | None:
        """The type that a file names; None after a mistake has been noted, or where only an unknown node could tell."""
        if isinstance(raw, list):
            return _choice(raw, where, document)
        each = _EACH.fullmatch(raw)
        name = each[1] if each else raw
        plain = self.types.get(name.removesuffix("?"))
        if plain is None:
            self.unknown(raw, name.removesuffix("?"), where, document)
            return None
        return replace(plain, many=each is not None, optional=name.endswith("?"))

    def unknown(self, raw: str, name: str, where: Where, document: Document) -> None:
        if self.complete or similar(name, self.types):
            document.add(f"unknown type '{raw}'.{did_you_mean(name, self.types)}", where)


def _choice(raw: list[Any], where: Where, document: Document) -> PortType | None:
    kinds = {type(choice) for choice in raw}
    if len(kinds) == 1:
        return PortType(kinds.pop(), choices=tuple(raw))
    document.add("choices are all text, or all whole numbers.", where)
    return None


def write_type(port: PortType) -> str | list[Any]:
    """What `Vocabulary.read` reads."""
    return list(port.choices) if port.choices else port.name
