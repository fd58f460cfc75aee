"""A graph → the text of a file that reads back as the same graph."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from pipelines.errors import OutputError
from pipelines.graph import Constant, FirstOf, Graph, Ref, Source, Step, When
from pipelines.ports import InputDecl
from pipelines.signature import Node
from pipelines.spec.loader import PREFIX, SUFFIXES
from pipelines.spec.types import write_type

WIDTH = 120


def dump_pipeline(graph: Graph) -> str:
    """The text of a pipeline file for this graph.

    A sub-pipeline is written as the file or ready-made name that it came from. Raises OutputError for one that was
    built in Python, and for a constant that has no form in a file.
    """
    document = CommentedMap(version=1)
    if graph.doc:
        document["doc"] = graph.doc
    document["inputs"] = CommentedMap({name: _flow(_input(declared)) for name, declared in graph.inputs.items()})
    document["nodes"] = CommentedMap({name: _flow(_step(step)) for name, step in graph.steps.items()})
    document["outputs"] = CommentedMap({name: _source(source) for name, source in graph.outputs.items()})
    yaml = YAML()
    yaml.width = WIDTH
    text = io.StringIO()
    yaml.dump(document, text)
    return text.getvalue()


def _input(declared: InputDecl) -> dict[str, Any]:
    type_ = write_type(declared.type)
    entry: dict[str, Any] = {"type": _list(type_) if isinstance(type_, list) else type_}
    if not declared.required:
        entry["default"] = _plain(declared.default)
    return entry | ({"doc": declared.doc} if declared.doc else {})


def _step(step: Step) -> dict[str, Any]:
    entry: dict[str, Any] = {"use": _use(step)}
    if step.when:
        entry["when"] = _when(step.when)
    return entry | {name: _source(source) for name, source in step.inputs.items()}


def _use(step: Step) -> str:
    name = step.node.name
    if isinstance(step.node, Node) or name.startswith(PREFIX) or name.endswith(SUFFIXES):
        return name
    raise OutputError(f"{step.id}: the pipeline '{name}' was built in Python; write it to a file and load that.")


def _when(when: When) -> CommentedMap:
    return _flow({"value": _source(when.ref), when.op: _plain(when.value)})


def _source(source: Source) -> Any:
    match source:
        case Ref():
            return DoubleQuotedScalarString(str(source))
        case FirstOf(refs=refs):
            return _flow({"first": _list(map(_source, refs))})
        case Constant(value=value):
            return _plain(value)


def _plain(value: Any) -> Any:
    """A constant as a file writes it: paths and models as text, tuples as lists."""
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return value.replace("${", "$${")
        case Path():
            return str(value)
        case list() | tuple():
            return _list(map(_plain, value))
        case Mapping():
            return _flow({key: _plain(item) for key, item in value.items()})
    return _model(value)


def _model(value: Any) -> Any:
    parts = {name: part for name in ("ref", "device", "dtype") if (part := getattr(value, name, None)) is not None}
    if not parts and not hasattr(value, "ref"):
        raise OutputError(f"a {type(value).__name__} cannot be written to a file: give it through an input instead.")
    return value.ref if parts.keys() == {"ref"} else _flow(parts)


def _list(items: Iterable[Any]) -> CommentedSeq:
    sequence = CommentedSeq(items)
    sequence.fa.set_flow_style()
    return sequence


def _flow(entry: Mapping[str, Any]) -> CommentedMap:
    mapping = CommentedMap(entry)
    mapping.fa.set_flow_style()
    return mapping
