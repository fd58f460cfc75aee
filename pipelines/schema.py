"""The JSON Schema of pipeline files, made from the registered nodes: completion and checks in any editor.

It says what one part can say by itself; what only the graph knows (which types meet, circles, axes) is for
`samloom check`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from pipelines.checking import VALUES
from pipelines.conditions import NUMBER_COMPARISONS
from pipelines.ports import InputDecl, PortType
from pipelines.registry import Registry
from pipelines.signature import Node
from pipelines.spec.types import Vocabulary, types_of

Schema: TypeAlias = dict[str, Any]

_REFERENCE: Schema = {"$ref": "#/$defs/reference"}
_FIRST: Schema = {"$ref": "#/$defs/first"}
_NAMES: Schema = {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}
_SCALARS: Mapping[type, str] = {bool: "boolean", int: "integer", float: "number", str: "string", Path: "string"}


def json_schema(registry: Registry) -> Schema:
    """The schema (draft 2020-12) for every node that can be imported now."""
    nodes = registry.all_nodes()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Samloom pipeline",
        "type": "object",
        "properties": {
            "version": {"const": 1, "description": "The version of this format."},
            "doc": {"type": "string", "description": "What the pipeline does, in a sentence."},
            "inputs": _mapping_of({"$ref": "#/$defs/input"}, "Values that come from outside: they become options."),
            "nodes": _mapping_of({"$ref": "#/$defs/node"}, "The steps, in any order."),
            "outputs": {
                **_mapping_of({"anyOf": [_REFERENCE, _FIRST]}, "The results, by name."),
                "propertyNames": {**_NAMES, "not": {"const": VALUES}},
                "minProperties": 1,
            },
        },
        "required": ["version", "outputs"],
        "additionalProperties": False,
        "$defs": {
            "reference": {
                "type": "string",
                "pattern": r"^\s*\$\{\s*[A-Za-z_]\w*(\.[A-Za-z_]\w*)?\s*\}\s*$",
                "description": "An input, a step's first output, or ${step.output}.",
            },
            "first": _first(),
            "when": _when(),
            "input": _declared_input(nodes),
            "node": _node(nodes),
        },
    }


def _mapping_of(values: Schema, description: str) -> Schema:
    return {"type": "object", "propertyNames": _NAMES, "additionalProperties": values, "description": description}


def _first() -> Schema:
    return {
        "type": "object",
        "properties": {"first": {"type": "array", "items": _REFERENCE, "minItems": 1}},
        "required": ["first"],
        "additionalProperties": False,
        "description": "The first of these that was not skipped.",
    }


def _when() -> Schema:
    scalar = {"type": ["string", "number", "boolean"]}
    comparisons: dict[str, Schema] = {
        "equals": scalar,
        "differs": scalar,
        "one_of": {"type": "array", "items": scalar},
        "empty": {"type": "boolean"},
        **{name: {"type": "number"} for name in NUMBER_COMPARISONS},
    }
    return {
        "type": "object",
        "properties": {"value": _REFERENCE, **comparisons},
        "required": ["value"],
        "minProperties": 2,
        "maxProperties": 2,
        "additionalProperties": False,
        "description": "Run this step only if the value compares so; otherwise it and what needs it are skipped.",
    }


def _declared_input(nodes: Mapping[str, Node[..., Any]]) -> Schema:
    names = sorted(Vocabulary.of(type_ for node in nodes.values() for type_ in types_of(node)).types)
    either = "|".join(map(re.escape, names))
    return {
        "type": "object",
        "properties": {
            "type": {
                "anyOf": [
                    {"enum": names},
                    {"type": "string", "pattern": rf"^(({either})\??|Each\[({either})\??\])$"},
                    {"type": "array", "items": {"type": ["string", "integer"]}, "minItems": 1},
                ],
                "description": "A type; `Text?` may be nothing, `Each[Image]` is many, a list is a choice.",
            },
            "default": {"description": "Makes the input optional."},
            "doc": {"type": "string", "description": "What the input means: the help of its option."},
        },
        "required": ["type"],
        "additionalProperties": False,
    }


def _node(nodes: Mapping[str, Node[..., Any]]) -> Schema:
    elsewhere = {"type": "string", "pattern": r"(\.ya?ml$|^pipeline/)", "description": "Another pipeline."}
    return {
        "type": "object",
        "properties": {
            "use": {
                "anyOf": [*({"const": name, "description": _summary(node)} for name, node in nodes.items()), elsewhere]
            },
            "when": {"$ref": "#/$defs/when"},
        },
        "required": ["use"],
        "allOf": [_inputs_of(name, node) for name, node in nodes.items()],
    }


def _inputs_of(name: str, node: Node[..., Any]) -> Schema:
    """What a step that uses this node may say."""
    inputs = {port: _input(declared) for port, declared in node.inputs.items()}
    return {
        "if": {"properties": {"use": {"const": name}}, "required": ["use"]},
        "then": {
            "properties": {"use": True, "when": True, **inputs},
            "required": [port for port, declared in node.inputs.items() if declared.required],
            "additionalProperties": False,
        },
    }


def _input(declared: InputDecl) -> Schema:
    ways = [_REFERENCE, _FIRST]
    if (written := _constant(declared.type)) is not None:
        ways.append(written)
    schema: Schema = {"anyOf": ways, "description": declared.doc or str(declared.type)}
    if isinstance(declared.default, str | int | float):
        schema["default"] = declared.default
    return schema


def _constant(port: PortType) -> Schema | None:
    """How a file writes a constant of this type; None where only a reference will do."""
    if port.many:
        item = _constant(port.single())
        return None if item is None else {"type": "object", "additionalProperties": item}
    written = _single(port)
    if not port.optional:
        return written
    return {"type": "null"} if written is None else {"anyOf": [written, {"type": "null"}]}


def _single(port: PortType) -> Schema | None:
    if port.choices:
        return {"enum": list(port.choices)}
    if port.is_model:
        parts = {key: {"type": "string"} for key in ("ref", "device", "dtype")}
        mapping = {"type": "object", "properties": parts, "additionalProperties": False}
        return {"anyOf": [{"type": "string", "description": "A preset, a folder, or a hub id."}, mapping]}
    if port.base is tuple:
        return _list(port)
    return {"type": _SCALARS[port.base]} if port.base in _SCALARS else None


def _list(port: PortType) -> Schema | None:
    items = [_constant(item) for item in port.items]
    if any(item is None for item in items):
        return None
    if port.variadic:
        return {"type": "array", "items": items[0]}
    return {"type": "array", "prefixItems": items, "items": False, "minItems": len(items)}


def _summary(node: Node[..., Any]) -> str:
    return node.doc.partition("\n")[0]
