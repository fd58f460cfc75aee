"""A node is a typed function: the signature is the manifest.

    @node("sam/masks", version=1)
    def masks(image: Image, boxes: Boxes, *, multimask: bool = False) -> Masks: ...

The decorated function is called exactly as before. A `NamedTuple` return gives several outputs; any other return is the
one output `out`. A parameter annotated `Report` is no port: the runner passes a function that shows progress.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Generic, ParamSpec, Protocol, TypeVar, get_args, get_origin

from pipelines.annotations import port_type
from pipelines.errors import NodeError, PortError
from pipelines.ports import REQUIRED, InputDecl, OutputDecl, PortType, check_value
from pipelines.values import Axis

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

RESERVED = frozenset({"use", "when"})
"""Words that a step in a file keeps for itself: no input can have these names."""

_NAME = re.compile(r"[a-z][a-z0-9_]*/[a-z][a-z0-9_]*")


class Report(Protocol):
    """Tells how far a node is: `report(3, 20, "step 3 of 20")`."""

    def __call__(self, done: int, total: int, note: str = "", /) -> None: ...


def no_report(done: int, total: int, note: str = "", /) -> None:
    """The report of a node that is called from plain Python: nobody looks."""


@dataclass(frozen=True, eq=False)
class Node(Generic[P, R_co]):
    """A function with named, typed ports.

    `name` is how a file calls it, `version` changes when the same inputs would give another result, `report` names the
    parameter that takes a `Report`, if any. `cache` is False for a node that is run for what it does, such as writing a
    file: its results are never taken from an earlier run.
    """

    name: str
    version: int
    function: Callable[P, R_co]
    inputs: Mapping[str, InputDecl]
    outputs: Mapping[str, OutputDecl]
    doc: str
    report: str | None = None
    cache: bool = True

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        return self.function(*args, **kwargs)

    def split(self, result: Any) -> dict[str, Any]:
        """The function's return value by output port; `out` for a single one."""
        if self.outputs.keys() == {"out"}:
            return {"out": result}
        return dict(zip(self.outputs, result, strict=True))


def node(name: str, *, version: int = 1, cache: bool = True) -> Callable[[Callable[P, R]], Node[P, R]]:
    """Make a node of a function; raises NodeError when its signature leaves a port without a type."""

    def decorate(function: Callable[P, R]) -> Node[P, R]:
        if not _NAME.fullmatch(name):
            raise NodeError(f"'{name}' is no node name: write namespace/name in lower case.")
        hints = _hints(name, function)
        doc = inspect.getdoc(function) or ""
        return Node(
            name=name,
            version=version,
            function=function,
            inputs=MappingProxyType(_inputs(name, function, hints, _parameter_docs(doc))),
            outputs=MappingProxyType(_outputs(name, hints.get("return"))),
            doc=doc,
            report=next((parameter for parameter, hint in hints.items() if hint is Report), None),
            cache=cache,
        )

    return decorate


def _hints(name: str, function: Callable[..., Any]) -> dict[str, Any]:
    if inspect.iscoroutinefunction(function):
        raise NodeError(f"{name}: a node is a plain function; the runner starts it on a thread of its own.")
    try:
        return typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        raise NodeError(f"{name}: {error}; annotations must be importable when the module is.") from error


def _inputs(
    name: str, function: Callable[..., Any], hints: Mapping[str, Any], docs: Mapping[str, str]
) -> dict[str, InputDecl]:
    inputs = {}
    for parameter in inspect.signature(function).parameters.values():
        if hints.get(parameter.name) is not Report:
            inputs[parameter.name] = _input(name, parameter, hints, docs)
    return inputs


def _input(name: str, parameter: inspect.Parameter, hints: Mapping[str, Any], docs: Mapping[str, str]) -> InputDecl:
    where = f"{name}, input '{parameter.name}'"
    if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
        raise NodeError(f"{where}: every input has a name of its own; *args, **kwargs and positional-only have none.")
    if parameter.name in RESERVED:
        raise NodeError(f"{where}: '{parameter.name}' is a word of the file format; choose another name.")
    if parameter.name not in hints:
        raise NodeError(f"{where}: needs a type.")
    if _axis(hints[parameter.name]) == Axis(opens=True):
        raise NodeError(f"{where}: Each opens an axis and is for outputs; an input that takes all is Many.")
    type_ = _typed(where, hints[parameter.name])
    default = REQUIRED if parameter.default is parameter.empty else parameter.default
    if default is not REQUIRED:
        _check_default(where, type_, default)
    return InputDecl(parameter.name, type_, default, docs.get(parameter.name, ""))


def _outputs(name: str, annotation: Any) -> dict[str, OutputDecl]:
    if annotation in (None, type(None)):
        raise NodeError(f"{name}: says not what it returns; a node that writes a file returns its Path.")
    if isinstance(annotation, type) and issubclass(annotation, tuple) and hasattr(annotation, "_fields"):
        hints = typing.get_type_hints(annotation, include_extras=True)
        return {field: _output(name, field, hint) for field, hint in hints.items()}
    return {"out": _output(name, "out", annotation)}


def _output(name: str, port: str, annotation: Any) -> OutputDecl:
    where = f"{name}, output '{port}'"
    if _axis(annotation) == Axis(opens=False):
        raise NodeError(f"{where}: Many closes an axis and is for inputs; an output that gives many is Each.")
    type_ = _typed(where, annotation)
    return OutputDecl(port, type_, ("",) if type_.many else ())


def _axis(annotation: Any) -> Axis | None:
    marks = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    return next((mark for mark in marks if isinstance(mark, Axis)), None)


def _typed(where: str, annotation: Any) -> PortType:
    try:
        return port_type(annotation)
    except NodeError as error:
        raise NodeError(f"{where}: {error}") from error


def _check_default(where: str, type_: PortType, default: Any) -> None:
    try:
        check_value(type_, default)
    except PortError as error:
        raise NodeError(f"{where}: its default does not fit: {error}") from error


def _parameter_docs(doc: str) -> dict[str, str]:
    """What the docstring's `Args:` section says of each parameter, joined to one line."""
    section = re.search(r"^Args:\n((?:[ \t]+\S.*\n?|\n)+)", doc, re.MULTILINE)
    if section is None:
        return {}
    entries = re.findall(r"^ {4}(\w+):\s*((?:.+)(?:\n {5,}.+)*)", section.group(1), re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}
