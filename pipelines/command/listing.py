"""Nodes explained in text, for `samloom nodes`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from pipelines.errors import UserError, did_you_mean
from pipelines.ports import InputDecl
from pipelines.registry import Registry
from pipelines.signature import Node

AnyNode: TypeAlias = Node[..., Any]


def node_rows(registry: Registry, namespace: str | None = None) -> Iterator[tuple[str, str, str, str]]:
    """Name, inputs, outputs and first sentence of each node; a namespace that cannot be imported shows its reason.

    Raises UserError for a namespace that does not exist.
    """
    if namespace is not None and namespace not in registry.namespaces():
        raise UserError(f"there is no namespace '{namespace}'.{did_you_mean(namespace, registry.namespaces())}")
    for name in registry.namespaces() if namespace is None else (namespace,):
        for node in registry.nodes(name).values():
            yield node.name, _takes(node), _gives(node), node.doc.partition("\n")[0]
        if name in registry.broken:
            yield f"{name}/*", "", "", f"cannot be imported: {registry.broken[name]}"


def node_page(node: AnyNode) -> str:
    """One node in full: what it does, and every input and output with type, default and meaning."""
    inputs = [_input_line(declared) for declared in node.inputs.values()]
    outputs = [f"  {output.name}: {output.type.name}" for output in node.outputs.values()]
    prose = node.doc.partition("\nArgs:")[0].strip()
    return "\n".join([f"{node.name} (version {node.version})", "", prose, "", "inputs", *inputs, "outputs", *outputs])


def _input_line(declared: InputDecl) -> str:
    default = "" if declared.required else f" = {_shown(declared.default)}"
    meaning = f"  — {declared.doc}" if declared.doc else ""
    return f"  {declared.name}: {declared.type.name}{default}{meaning}"


def _shown(default: Any) -> str:
    """A default as a file would write it; a model without a name is the preset's."""
    return str(getattr(default, "ref", default) or "preset") if hasattr(default, "ref") else str(default)


def _takes(node: AnyNode) -> str:
    return ", ".join(f"{name}: {declared.type.name}" for name, declared in node.inputs.items() if declared.required)


def _gives(node: AnyNode) -> str:
    return ", ".join(
        output.type.name if name == "out" else f"{name}: {output.type.name}" for name, output in node.outputs.items()
    )
