"""What a visitor's pipeline may touch: files of its own folder, and the models that this server offers.

Three things in a file reach beyond the graph: paths, models and other pipeline files. The last are refused when the
text is read (see `checked`); here are the other two. A path can come into a graph only as a constant, as the default of
an input, or from the form, since no node makes one of a text; each is led into the visitor's folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from pipelines.errors import OutputError, Problem
from pipelines.graph import Constant, Graph, Step
from pipelines.models import Model
from pipelines.ports import InputDecl

_DEEPEST = 4
_LONGEST = 100


@dataclass(frozen=True)
class Rules:
    """The rules: which presets a model may name."""

    presets: tuple[str, ...]

    def reason(self, value: Any) -> str:
        """Why a constant may not stand in a visitor's pipeline; empty if it may."""
        match value:
            case Path():
                return path_reason(value)
            case Model():
                return self.model_reason(value)
            case tuple():
                return next(filter(None, map(self.reason, value)), "")
            case Mapping():
                return next(filter(None, map(self.reason, value.values())), "")
        return ""

    def model_reason(self, model: Model[Any]) -> str:
        if model.ref is not None and model.ref not in self.presets:
            return f"'{model.ref}' is no model of this server. Choose from: {', '.join(self.presets)}."
        if model.device or model.dtype:
            return "where and how a model computes is the server's choice here. Name a preset only."
        return ""


def path_reason(path: Path) -> str:
    """Why a path may not stand in a visitor's pipeline; empty if it may."""
    text = str(path)
    parts = PureWindowsPath(text).parts
    inside = not PurePosixPath(text).is_absolute() and not PureWindowsPath(text).anchor and ".." not in parts
    if not inside or text.startswith("~"):
        return f"'{text}' lies outside of your own files. Give a plain name, such as result.png."
    if not parts or len(parts) > _DEEPEST or len(text) > _LONGEST or not text.isprintable():
        return f"'{text[:40]}' is no name for a file here. Give a plain name, such as result.png."
    return ""


def refusals(graph: Graph, rules: Rules) -> Iterator[Problem]:
    """Everything that a graph asks for and does not get here, with its place."""
    for name, declared in graph.inputs.items():
        if not declared.required and (reason := rules.reason(declared.default)):
            yield Problem(reason, ("inputs", name, "default"))
    for step in graph.steps.values():
        for port, source in step.inputs.items():
            if isinstance(source, Constant) and (reason := rules.reason(source.value)):
                yield Problem(reason, ("nodes", step.id, port))
        if isinstance(step.node, Graph):
            yield from (Problem(found.message, ("nodes", step.id)) for found in refusals(step.node, rules))


def confined(graph: Graph, folder: Path) -> Graph:
    """The same graph with every path in it led into `folder`. Raises OutputError for one that leads out again."""
    return replace(
        graph,
        inputs={name: _declared(declared, folder) for name, declared in graph.inputs.items()},
        steps={name: _step(step, folder) for name, step in graph.steps.items()},
    )


def led_into(folder: Path, value: Any) -> Any:
    """A value whose paths, however deep in it, lie in `folder`."""
    return _mapped(value, lambda path: _inside(folder, path))


def told_of(folder: Path, value: Any) -> Any:
    """The same value with its paths as the visitor knows them: without the folder."""
    home = folder.resolve()
    return _mapped(value, lambda path: path.relative_to(home) if path.is_relative_to(home) else Path(path.name))


def writes_files(graph: Graph, name: str) -> bool:
    """Whether an input says where a file is written: a node that writes one gives its path."""
    return any(
        _gives_path(step)
        for step in graph.steps.values()
        for _, ref in step.refs()
        if not ref.step and ref.port == name
    )


def _gives_path(step: Step) -> bool:
    return any(declared.type.base is Path for declared in step.gives.values())


def _declared(declared: InputDecl, folder: Path) -> InputDecl:
    return declared if declared.required else replace(declared, default=led_into(folder, declared.default))


def _step(step: Step, folder: Path) -> Step:
    inputs = {
        port: Constant(led_into(folder, source.value)) if isinstance(source, Constant) else source
        for port, source in step.inputs.items()
    }
    return replace(step, node=confined(step.node, folder) if isinstance(step.node, Graph) else step.node, inputs=inputs)


def _mapped(value: Any, change: Callable[[Path], Path]) -> Any:
    match value:
        case Path():
            return change(value)
        case tuple():
            return tuple(_mapped(item, change) for item in value)
        case Mapping():
            return {key: _mapped(item, change) for key, item in value.items()}
    return value


def _inside(folder: Path, path: Path) -> Path:
    if reason := path_reason(path):
        raise OutputError(reason)
    return folder.resolve() / path
