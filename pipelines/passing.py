"""What passes a node's door: pipeline inputs and node outputs checked, and values put into a few words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipelines.errors import NodeError, PortError, UserError, did_you_mean
from pipelines.graph import Graph
from pipelines.ports import check_value, constant, described
from pipelines.signature import Node
from pipelines.values import Detections, Image


def checked_inputs(graph: Graph, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The value of each of a graph's inputs, defaults filled in. Raises `UserError`."""
    for name in inputs:
        if name not in graph.inputs:
            raise UserError(f"'{graph.name}' has no input '{name}'.{did_you_mean(name, graph.inputs)}")
    values = {}
    for name, decl in graph.inputs.items():
        if name not in inputs and decl.required:
            raise UserError(f"'{graph.name}' needs its input '{name}': {decl.type}.")
        try:
            values[name] = constant(decl.type, inputs[name]) if name in inputs else decl.default
        except PortError as error:
            raise PortError(f"the input '{name}' of '{graph.name}' {error}") from error
    return values


def checked_outputs(node: Node[..., Any], result: Any) -> dict[str, Any]:
    """A node's return value by port, each of the type that its signature promises. Raises `NodeError`."""
    outputs = node.split(result)
    for name, port in node.outputs.items():
        try:
            check_value(port.type, outputs[name])
        except PortError as error:
            raise NodeError(f"its output '{name}' {error}") from error
        if port.type.base is Detections:
            _freeze(outputs[name].values() if port.type.many else [outputs[name]])
    opened = {name: list(outputs[name]) for name, port in node.outputs.items() if port.type.many}
    if opened:
        _check_keys(opened)
    return outputs


def _check_keys(opened: Mapping[str, list[Any]]) -> None:
    (first, keys), *others = opened.items()
    if not all(isinstance(key, str) for key in keys):
        raise NodeError(f"its output '{first}' opens an axis, whose keys must be text.")
    for name, other in others:
        if other != keys:
            raise NodeError(f"its outputs '{first}' and '{name}' open one axis, but with different keys.")


def _freeze(values: Any) -> None:
    """Make the arrays of detections read-only: other nodes, and the cache, hold the same ones."""
    for detections in values:
        if isinstance(detections, Detections):  # an optional one may be None
            for array in (*vars(detections).values(), *detections.data.values()):
                if isinstance(array, np.ndarray):
                    array.setflags(write=False)


def summary(value: Any) -> str:
    """An input in a few words, for the message of a failed run."""
    if isinstance(value, Image):
        return f"an image of {value.width} by {value.height}"
    if isinstance(value, Detections):
        return f"{len(value)} {described(value)}"
    return described(value)
