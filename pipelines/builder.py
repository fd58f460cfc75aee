"""Graphs from plain Python, checked exactly like a file.

builder = Pipeline("edit")
photo = builder.input("photo", Image)
found = builder.add("found", detect, image=photo, prompt="dog.")
paint = builder.add("paint", edit, image=photo, boxes=found, seed=7)
builder.output("image", paint["image"])
graph = builder.build()
"""

from __future__ import annotations

from typing import Any

from pipelines.annotations import port_type
from pipelines.errors import Problem, SpecError
from pipelines.graph import Constant, FirstOf, Graph, Ref, Source, Step, When
from pipelines.ports import REQUIRED, InputDecl
from pipelines.signature import Node


class Pipeline:
    """Collects inputs, steps and outputs; `build` checks them and gives the immutable graph."""

    def __init__(self, name: str, doc: str = "") -> None:
        self.name = name
        self.doc = doc
        self._inputs: dict[str, InputDecl] = {}
        self._steps: dict[str, Step] = {}
        self._outputs: dict[str, Source] = {}

    def input(self, name: str, annotation: Any, *, default: Any = REQUIRED, doc: str = "") -> Ref:
        """Declare an input, with a type as in a node's signature (`Each[T]` for a whole axis)."""
        self._refuse_twice(name)
        self._inputs[name] = InputDecl(name, port_type(annotation), default, doc)
        return Ref("", name)

    def add(self, name: str, node: Node[..., Any] | Graph, /, *, when: When | None = None, **inputs: Any) -> Ref:
        """Add a step; every input is a reference, a `FirstOf`, or a constant. Gives its first output."""
        self._refuse_twice(name)
        sources = {
            port: given if isinstance(given, Ref | FirstOf) else Constant(given) for port, given in inputs.items()
        }
        self._steps[name] = Step(name, node, sources, when)
        return Ref(name)

    def output(self, name: str, source: Ref | FirstOf) -> None:
        """Name one of the results."""
        self._outputs[name] = source

    def build(self) -> Graph:
        """The graph; raises SpecError with every mistake in it."""
        return Graph(self.name, self._inputs, self._steps, self._outputs, self.doc)

    def _refuse_twice(self, name: str) -> None:
        if name in self._inputs or name in self._steps:
            raise SpecError([Problem(f"the name '{name}' is taken.", ("nodes", name))])
