"""One document → a checked graph; a part with a mistake is left out, and what depends on it is not blamed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pipelines.checking import HIDDEN, Makers, find_problems
from pipelines.errors import Problem, UserError
from pipelines.graph import Graph, Source, Step
from pipelines.ports import REQUIRED, InputDecl
from pipelines.signature import Node
from pipelines.spec.document import Document
from pipelines.spec.shapes import InputShape, NodeShape, PipelineShape, mended, validated
from pipelines.spec.sources import SourceReader
from pipelines.spec.types import Vocabulary, types_of

Usable: TypeAlias = Node[..., Any] | Graph
Finder: TypeAlias = Callable[[str], Usable | None]
"""What `use:` names; raises UserError where it names nothing, None where the mistake is noted elsewhere."""


def assemble(document: Document, name: str, find: Finder, makers: Makers) -> Graph | None:
    """The document's graph; None if anything is wrong, which is then in the document's problems."""
    raw = document.data
    shape = validated(PipelineShape, raw, (), document) or mended(raw if isinstance(raw, Mapping) else {})
    return _Assembly(document, find, makers, shape).graph(name)


@dataclass
class _Assembly:
    """The parts of one file on their way to a graph; `unreadable` as in `pipelines.checking.Checker`."""

    document: Document
    find: Finder
    makers: Makers
    shape: PipelineShape
    unreadable: dict[str, dict[str, Source]] = field(default_factory=dict)

    def graph(self, name: str) -> Graph | None:
        reader = SourceReader(self.document, self.shape.inputs.keys())
        nodes = {step: self.node(step, entry) for step, entry in self.shape.nodes.items()}
        steps = {step: built for step in nodes if (built := self.step(step, nodes[step], reader))}
        inputs = self.inputs(nodes.values(), reader)
        outputs = self.outputs(reader)
        problems = find_problems(
            inputs, steps, outputs, unreadable=self.unreadable, makers=self.makers, complete=self.is_complete()
        )
        self.document.problems += [self.document.located(problem) for problem in problems if not self.told(problem)]
        if self.document.problems or self.unreadable:
            return None
        return Graph(name, inputs, steps, outputs, self.shape.doc)

    def node(self, step: str, entry: Any) -> Usable | None:
        """What a step uses."""
        where = ("nodes", step, "use")
        use = entry.get("use") if isinstance(entry, dict) else None
        if not isinstance(use, str):
            return None
        try:
            return self.find(use)
        except UserError as error:
            self.document.add(str(error), where)
            return None

    def step(self, name: str, node: Usable | None, reader: SourceReader) -> Step | None:
        where = ("nodes", name)
        shape = validated(NodeShape, self.shape.nodes[name], where, self.document)
        if shape is None:
            self.unreadable[name] = {}
            return None
        given = shape.model_extra or {}
        sources = {port: reader.source(raw, (*where, port)) or HIDDEN for port, raw in given.items()}
        when = reader.when(shape.when, (*where, "when"))
        if node is None:
            self.unreadable[name] = sources
            return None
        return Step(name, node, sources, when)

    def inputs(self, nodes: Iterable[Usable | None], reader: SourceReader) -> dict[str, InputDecl]:
        used = list(nodes)
        types = Vocabulary.of((type_ for node in used if node for type_ in types_of(node)), complete=None not in used)
        declared = {name: self.input(name, types, reader) for name in self.shape.inputs}
        self.unreadable |= {name: {} for name, declaration in declared.items() if declaration is None}
        return {name: declaration for name, declaration in declared.items() if declaration}

    def input(self, name: str, types: Vocabulary, reader: SourceReader) -> InputDecl | None:
        where = ("inputs", name)
        shape = validated(InputShape, self.shape.inputs[name], where, self.document)
        type_ = types.read(shape.type, (*where, "type"), self.document) if shape else None
        if shape is None or type_ is None:
            return None
        default = REQUIRED if shape.default is REQUIRED else reader.default(shape.default, (*where, "default"))
        return InputDecl(name, type_, default, shape.doc)

    def outputs(self, reader: SourceReader) -> dict[str, Source]:
        """The file's outputs; a constant is no output."""
        outputs: dict[str, Source] = {}
        for name, raw in self.shape.outputs.items():
            where = ("outputs", name)
            joined = isinstance(raw, dict) and raw.keys() == {"first"}
            source = reader.source(raw, where) if joined else reader.reference(raw, where)
            if source is not None:
                outputs[name] = source
        return outputs

    def is_complete(self) -> bool:
        """Whether all names of inputs and steps are known: no section of the file is something else than a mapping."""
        data = self.document.data
        return isinstance(data, dict) and all(isinstance(data.get(part, {}), dict) for part in ("inputs", "nodes"))

    def told(self, problem: Problem) -> bool:
        """Whether a problem only follows from one that is noted already, at its place or inside it."""
        if problem.where == ("outputs",):
            return not isinstance(self.document.data, dict) or self.document.data.get("outputs") != {}
        depth = len(problem.where)
        return depth > 2 and any(known.where[:depth] == problem.where for known in self.document.problems)
