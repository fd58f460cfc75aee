"""A pipeline's inputs as options of the command line."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.errors import PortError, UserError, did_you_mean
from pipelines.images import read_image
from pipelines.ports import InputDecl, PortType, constant
from pipelines.values import Image

if TYPE_CHECKING:
    from pipelines.graph import Graph

_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def parse_inputs(graph: Graph, arguments: Sequence[str]) -> dict[str, Any]:
    """The values that `--name value`, `--name=value`, `--flag` and `--no-flag` give to the graph's inputs.

    Pictures are read here. Raises UserError for an unknown, repeated, missing or unfit option.
    """
    given = parse_given(graph, arguments)
    check_complete(graph, given)
    return given


def parse_given(graph: Graph, arguments: Sequence[str]) -> dict[str, Any]:
    """The same where the other inputs come from elsewhere: none is missing."""
    given: dict[str, Any] = {}
    for name, text in _pairs(graph, arguments):
        if name in given:
            raise UserError(f"--{_dashed(name)} is given twice.")
        given[name] = parse_value(graph.inputs[name], text)
    return given


def check_complete(graph: Graph, given: Container[str]) -> None:
    """Raise UserError if an input without a default is not among those given."""
    missing = [
        f"--{_dashed(name)}" for name, declared in graph.inputs.items() if declared.required and name not in given
    ]
    if missing:
        raise UserError(f"{graph.name} needs {' and '.join(missing)}. Its inputs: {_overview(graph.inputs)}.")


def parse_value(declared: InputDecl, text: str) -> Any:
    """One option's text as the value of its input; a picture is given by its path."""
    if declared.type.base is Image and not declared.type.many:
        return read_image(text)
    try:
        return constant(declared.type, _read(declared.type, text))
    except PortError as error:
        raise UserError(f"--{_dashed(declared.name)} {error}") from error


def describe_inputs(inputs: Mapping[str, InputDecl]) -> list[tuple[str, str, str]]:
    """Rows of option, default and meaning, for a help text."""
    return [
        (
            f"--{_dashed(name)} {declared.type.name}",
            "required" if declared.required else str(declared.default),
            declared.doc,
        )
        for name, declared in inputs.items()
    ]


def _pairs(graph: Graph, arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    words = iter(arguments)
    for word in words:
        if not word.startswith("--") or word == "--":
            raise UserError(f"'{word}' belongs to no option. The inputs of {graph.name}: {_overview(graph.inputs)}.")
        written, equals, text = word[2:].partition("=")
        name, negated = _resolve(graph, written)
        if equals:
            yield name, text
        elif graph.inputs[name].type.base is bool:
            yield name, "false" if negated else "true"
        else:
            yield name, _next_word(words, written)


def _resolve(graph: Graph, written: str) -> tuple[str, bool]:
    """The input that an option means, and whether it is the `--no-` form of a flag."""
    name = written.replace("-", "_")
    if name in graph.inputs:
        return name, False
    flag = name.removeprefix("no_")
    if flag != name and flag in graph.inputs and graph.inputs[flag].type.base is bool:
        return flag, True
    raise UserError(f"{graph.name} has no input '{written}'.{did_you_mean(name, graph.inputs)}")


def _next_word(words: Iterator[str], written: str) -> str:
    try:
        return next(words)
    except StopIteration:
        raise UserError(f"--{written} needs a value.") from None


def _read(port: PortType, text: str) -> Any:
    """Text as the Python value that it most likely means here; what does not fit is left to the port to reject."""
    if port.base is bool:
        return _FLAGS.get(text.lower(), text)
    for number in (int, float):
        if port.base in (int, float):
            try:
                return number(text)
            except ValueError:
                continue
    if port.base is tuple:
        item = port.items[0] if port.items else PortType(str)
        return [_read(item, part.strip()) for part in text.split(",")]
    return Path(text) if port.base is Path else text


def _overview(inputs: Mapping[str, InputDecl]) -> str:
    return ", ".join(f"--{_dashed(name)} ({declared.type.name})" for name, declared in inputs.items()) or "none"


def _dashed(name: str) -> str:
    return name.replace("_", "-")
