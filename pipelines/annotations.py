"""The types of a node's signature → port types."""

from __future__ import annotations

import sys
import types
from dataclasses import replace
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pipelines.errors import NodeError
from pipelines.families import Model
from pipelines.ports import PortType
from pipelines.values import Axis, Detections, Has


def port_type(annotation: Any) -> PortType:
    """The port type that a resolved annotation of a node's signature stands for.

    Raises NodeError when nothing can be checked about it: `Any`, a union, a bare generic.
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _annotated(arguments)
    if origin in (Union, types.UnionType):
        return _optional(annotation, arguments)
    if origin is Literal:
        return _literal(annotation, arguments)
    if origin is tuple:
        variadic = arguments[-1:] == (Ellipsis,)
        return PortType(tuple, items=tuple(map(port_type, arguments[: -1 if variadic else None])), variadic=variadic)
    if origin is Model:
        return PortType(origin, family=_family(annotation, arguments))
    return _plain(annotation)


def _annotated(arguments: tuple[Any, ...]) -> PortType:
    base, *marks = arguments
    axis = next((mark for mark in marks if isinstance(mark, Axis)), None)
    if axis is not None:
        return replace(port_type(get_args(base)[1]), many=True)
    names = frozenset[str]().union(*(mark.names for mark in marks if isinstance(mark, Has)))
    port = port_type(base)
    return replace(port, has=port.has | names)


def _optional(annotation: Any, arguments: tuple[Any, ...]) -> PortType:
    members = [member for member in arguments if member is not type(None)]
    if len(members) != 1:
        raise NodeError(f"{annotation} is no port type: a port carries one type, or one type or None.")
    return replace(port_type(members[0]), optional=True)


def _literal(annotation: Any, choices: tuple[Any, ...]) -> PortType:
    kinds = {type(choice) for choice in choices}
    if len(kinds) != 1 or not kinds <= {str, int, bool}:
        raise NodeError(f"{annotation} is no port type: choices are all text, or all whole numbers.")
    return PortType(kinds.pop(), choices=choices)


def _plain(annotation: Any) -> PortType:
    if annotation is getattr(sys.modules.get("supervision"), "Detections", None):
        return PortType(Detections)
    if not isinstance(annotation, type) or annotation in (Any, object, type(None), list, dict, set, tuple):
        raise NodeError(f"{annotation} is no port type: name a class, so that a plug can be checked before the run.")
    if annotation is Model:
        raise NodeError("a model port names its family's class: Model[Sam].")
    return PortType(annotation)


def _family(annotation: Any, arguments: tuple[Any, ...]) -> str:
    family = getattr(arguments[0], "family", None)
    if not isinstance(family, str) or not family:
        raise NodeError(f"{annotation} is no port type: its class needs `family: ClassVar[str]`.")
    return family
