"""A pipeline's text → its graph, or every mistake in it: the checks of `samloom check`, and those of this page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demos.web.bench.confined import Rules, refusals
from pipelines.errors import Problem, SpecError, UserError
from pipelines.graph import Graph
from pipelines.registry import Registry
from pipelines.signature import Node
from pipelines.spec.assembly import assemble
from pipelines.spec.document import MAX_BYTES, Document, parse_document
from pipelines.spec.loader import SUFFIXES, Loader

NAME = "pipeline"


@dataclass(frozen=True)
class Checked:
    """What a text turned out to be: a graph that may run here, or mistakes with their places."""

    graph: Graph | None
    problems: tuple[Problem, ...] = ()
    is_empty: bool = False


@dataclass(frozen=True)
class Checker:
    """Checks texts, by `rules` for what a pipeline may touch on this server."""

    rules: Rules
    registry: Registry = field(default_factory=Registry.default)

    def check(self, text: str, name: str = NAME) -> Checked:
        """The graph of a text, which other files than ready-made ones cannot be part of."""
        if not text.strip():
            return Checked(None, is_empty=True)
        try:
            document = _read(text, name)
        except SpecError as error:
            return Checked(None, error.problems)
        loader = Loader(self.registry)
        graph = assemble(document, name, lambda use: _find(loader, use), self.registry.makers)
        problems = _in_order([*document.problems, *loader.problems])
        if graph is None or problems:
            return Checked(None, problems)
        refused = self.refused(graph, document)
        return Checked(None, refused) if refused else Checked(graph)

    def refused(self, graph: Graph, document: Document) -> tuple[Problem, ...]:
        """What a checked graph asks for that this page does not give."""
        return _in_order([document.located(problem) for problem in refusals(graph, self.rules)])


def _read(text: str, name: str) -> Document:
    size = len(text.encode())
    if size > MAX_BYTES:
        raise SpecError([Problem(f"has {size:,} bytes; a pipeline has at most {MAX_BYTES:,}.", file=name)])
    return parse_document(text, name)


def _find(loader: Loader, use: str) -> Node[..., Any] | Graph | None:
    if use.endswith(SUFFIXES):
        raise UserError(
            f"'{use}' is another file, but here a pipeline is one file. Use a ready-made one, such as pipeline/segment."
        )
    return loader.used(use, Path())


def _in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda problem: (problem.line or 0, problem.column or 0)))
