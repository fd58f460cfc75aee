"""What each part of a file looks like, before names and types are looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from pipelines.errors import Where, did_you_mean
from pipelines.graph import Comparison
from pipelines.ports import REQUIRED
from pipelines.spec.document import UNREADABLE, Document

M = TypeVar("M", bound=BaseModel)

COMPARISONS: tuple[str, ...] = get_args(Comparison)


class PipelineShape(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    version: Literal[1]
    doc: str = ""
    inputs: dict[str, Any] = {}
    nodes: dict[str, Any] = {}
    outputs: dict[str, Any]


class InputShape(BaseModel):
    """One of `inputs`; a list of choices is a type."""

    model_config = ConfigDict(extra="forbid", strict=True)

    type: str | list[str | int]
    default: Any = REQUIRED
    doc: str = ""


class NodeShape(BaseModel):
    """One of `nodes`; every other key is an input of the node that it uses."""

    model_config = ConfigDict(extra="allow", strict=True)

    use: str
    when: dict[str, Any] | None = None


class WhenShape(BaseModel):
    """A condition: `value` and one comparison."""

    model_config = ConfigDict(extra="forbid", strict=True)

    value: str
    equals: Any = None
    differs: Any = None
    above: Any = None
    at_least: Any = None
    below: Any = None
    at_most: Any = None
    one_of: Any = None
    empty: Any = None


_EXPECTED: Mapping[str, str] = {
    "string_type": "must be text",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "list_type": "must be a list",
    "literal_error": "must be 1",
}


def validated(shape: type[M], raw: Any, where: Where, document: Document) -> M | None:
    """`raw` in its shape, its mistakes noted in the document and left out; None if nothing useful is left."""
    if raw is UNREADABLE:
        return None
    try:
        return shape.model_validate(raw)
    except ValidationError as error:
        for place, message in _messages(shape, error, where):
            document.add(message, place)
        wrong = {detail["loc"][0] for detail in error.errors(include_url=False) if detail["loc"]}
    if not isinstance(raw, dict) or not wrong & raw.keys():
        return None
    return _attempted(shape, {key: part for key, part in raw.items() if key not in wrong})


def _attempted(shape: type[M], raw: Mapping[str, Any]) -> M | None:
    try:
        return shape.model_validate(raw)
    except ValidationError:
        return None


def mended(raw: Mapping[str, Any]) -> PipelineShape:
    """What can be used of a file whose top level has mistakes, so that the rest is checked too."""
    inputs, nodes, outputs = (
        section if isinstance(section := raw.get(name), dict) else {} for name in ("inputs", "nodes", "outputs")
    )
    return PipelineShape(version=1, inputs=inputs, nodes=nodes, outputs=outputs)


def _messages(shape: type[BaseModel], error: ValidationError, where: Where) -> Iterator[tuple[Where, str]]:
    told: set[Where] = set()
    for detail in error.errors(include_url=False, include_context=False):
        # A union reports once for each of its members, deeper than the part that was written.
        place = (*where, *detail["loc"][:1])
        if place in told:
            continue
        told.add(place)
        key = str(place[-1]) if place else ""
        if detail["type"] == "missing":
            yield where, f"needs '{key}'."
        elif detail["type"] == "extra_forbidden":
            yield place, f"unknown key '{key}'.{did_you_mean(key, shape.model_fields)}"
        elif not detail["loc"]:
            yield where, f"{_EXPECTED.get(detail['type'], detail['msg'])}: it holds {', '.join(shape.model_fields)}."
        else:
            yield place, f"'{key}' {_EXPECTED.get(detail['type'], 'must be text or a list')}."
