"""A graph as mermaid text, which GitHub and many editors draw; nothing leaves the machine."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.graph import Graph, Ref, Source, Step, refs_of
from pipelines.signature import Node

_ESCAPES = str.maketrans({"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "`": "#96;", "\n": " "})


def mermaid(graph: Graph) -> str:
    """A flowchart: inputs round, steps square, sub-pipelines framed twice, conditions dashed, axes in the labels."""
    lines = [*_inputs(graph), *_steps(graph), *_outputs(graph)]
    return "\n".join(["flowchart LR", *(f"    {line}" for line in lines)]) + "\n"


def _inputs(graph: Graph) -> Iterator[str]:
    for name, declared in graph.inputs.items():
        yield f"in_{name}([{_label(name, declared.type.name)}])"


def _steps(graph: Graph) -> Iterator[str]:
    axes = graph.axes()
    for name in graph.order():
        step = graph.steps[name]
        along = f"for each {' / '.join(axes[name])}" if axes[name] else ""
        opening, closing = ("[", "]") if isinstance(step.node, Node) else ("[[", "]]")
        yield f"step_{name}{opening}{_label(name, step.node.name, along)}{closing}"
        yield from _edges(step)


def _edges(step: Step) -> Iterator[str]:
    for port, source in step.inputs.items():
        yield from _arrows(source, f"step_{step.id}", port)
    if step.when:
        condition = f"when {step.when.op.replace('_', ' ')} {step.when.value}"
        yield f"{_origin(step.when.ref)} -. {_label(condition)} .-> step_{step.id}"


def _outputs(graph: Graph) -> Iterator[str]:
    for name, source in graph.outputs.items():
        yield f"out_{name}([{_label(name)}])"
        yield from _arrows(source, f"out_{name}", "")


def _arrows(source: Source, target: str, port: str) -> Iterator[str]:
    refs = refs_of(source)
    for rank, ref in enumerate(refs, start=1):
        choice = f"choice {rank}" if len(refs) > 1 else ""
        label = ", ".join(part for part in (_named_output(ref, port), choice) if part)
        yield f"{_origin(ref)} -->{f'|{_label(label)}|' if label else ''} {target}"


def _named_output(ref: Ref, port: str) -> str:
    """What flows along an edge: the named output, if any, and the input that takes it."""
    output = ref.port if ref.step else None
    return " → ".join(dict.fromkeys(part for part in (output, port) if part))


def _origin(ref: Ref) -> str:
    return f"step_{ref.step}" if ref.step else f"in_{ref.port}"


def _label(*lines: str) -> str:
    return '"' + "<br/>".join(line.translate(_ESCAPES) for line in lines if line) + '"'
