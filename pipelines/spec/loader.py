"""A file → a checked graph, or every mistake in it."""

from __future__ import annotations

import importlib.resources
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from pipelines.errors import Problem, SpecError, UserError, did_you_mean
from pipelines.graph import Graph
from pipelines.registry import Registry
from pipelines.signature import Node
from pipelines.spec.assembly import assemble
from pipelines.spec.document import read_document

GROUP = "samloom.pipelines"
PREFIX = "pipeline/"
SUFFIXES = (".yaml", ".yml")


def load_pipeline(path_or_name: str | Path, registry: Registry | None = None, *, name: str | None = None) -> Graph:
    """The graph of a file (its name ends in .yaml or .yml), or of a ready-made pipeline by name.

    `name` is what a file's graph and its mistakes are called where the file's own name says nothing. No model is
    loaded, and of the registered nodes only the namespaces that are used. Raises SpecError with every mistake in the
    file and in the files that it uses, each with its place.
    """
    loader = Loader(registry or Registry.default())
    text = str(path_or_name)
    if isinstance(path_or_name, Path) or _names_a_file(text):
        graph = loader.load(Path(text), name or Path(text).stem, shown=name)
    else:
        known = text.removeprefix(PREFIX)
        graph = loader.load(ready_made(known), known, shown=PREFIX + known)
    if loader.problems or graph is None:
        raise SpecError(loader.problems)
    return graph


def ready_made(name: str) -> Path:
    """The file of an installed pipeline (entry points `samloom.pipelines`: `edit = "package:edit.yaml"`)."""
    points = _ready_made_points()
    if name not in points:
        hint = did_you_mean(name, points)
        raise UserError(f"there is no ready-made pipeline '{name}'.{hint} The name of a file ends in .yaml.")
    try:
        return Path(str(importlib.resources.files(points[name].module).joinpath(points[name].attr)))
    except ImportError as error:
        raise UserError(f"the ready-made pipeline '{name}' is not installed completely ({error}).") from error


def _ready_made_points() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def _names_a_file(text: str) -> bool:
    if text.endswith(SUFFIXES):
        return True
    return text.removeprefix(PREFIX) not in _ready_made_points() and _can_be_read(Path(text))


def _can_be_read(path: Path) -> bool:
    """Whether there is something at a path; what is no path at all, such as a long sentence, is nowhere."""
    try:
        return path.exists()
    except OSError:
        return False


@dataclass
class Loader:
    """Reads a file and those that it uses, each once, collecting the mistakes of all."""

    registry: Registry
    problems: list[Problem] = field(default_factory=list)
    done: dict[Path, Graph | None] = field(default_factory=dict)
    underway: list[Path] = field(default_factory=list)

    def load(self, path: Path, name: str, shown: str | None = None) -> Graph | None:
        """The graph of one file; None if anything is wrong with it, which is then in `problems`.

        Problems name the file by `shown`, where its path says nothing to whoever uses it.
        """
        key = path.resolve()
        if key not in self.done:
            self.underway.append(key)
            self.done[key] = self.read(path, name, shown)
            self.underway.pop()
        return self.done[key]

    def read(self, path: Path, name: str, shown: str | None = None) -> Graph | None:
        try:
            document = read_document(path, shown)
        except SpecError as error:
            self.problems += error.problems
            return None
        graph = assemble(document, name, lambda use: self.used(use, path.parent), self.registry.makers)
        self.problems += sorted(document.problems, key=lambda problem: (problem.line or 0, problem.column or 0))
        return graph

    def used(self, use: str, folder: Path) -> Node[..., Any] | Graph | None:
        """What a step uses; raises UserError where the mistake is the step's, None where it is in the used file."""
        if use.endswith(SUFFIXES):
            return self.used_file(folder / use, use)
        if use.startswith(PREFIX):
            return self.used_file(ready_made(use.removeprefix(PREFIX)), use, shown=use)
        return self.registry.node(use)

    def used_file(self, path: Path, use: str, shown: str | None = None) -> Graph | None:
        key = path.resolve()
        if key in self.underway:
            circle = [*self.underway[self.underway.index(key) :], key]
            raise UserError(f"the files use one another in a circle: {' → '.join(file.name for file in circle)}.")
        if not (_can_be_read(path) and path.is_file()):
            looked = "" if shown else f" (looked for {path})"
            raise UserError(f"there is no such file: {use}{looked}.")
        return self.load(path, use, shown)
