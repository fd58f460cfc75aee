"""What a run depends on, known before it begins: its steps, its seeds, and the weights behind its models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.content import content_id, visible_id
from pipelines.plan import INPUTS, Plan, Tap, Task
from pipelines.pool import ModelPool
from pipelines.signature import Node

SEED = "seed"


@dataclass(frozen=True, slots=True)
class Weights:
    """Which weights stand behind a model. `ref` is how it was asked for, `revision` says which they are."""

    family: str
    ref: str
    revision: str
    dtype: str


def nodes_of(plan: Plan) -> dict[str, str]:
    """The node and version behind each step, by the step's name in the trace: `{"cut": "sam/masks@1"}`."""
    return {task.name: f"{task.node.name}@{task.node.version}" for task in plan.tasks if task.node is not None}


def seeds_of(plan: Plan, values: Mapping[str, Any]) -> dict[str, Any]:
    """Every seed, as `{"paint.seed": 7}`; `values` are the pipeline's inputs, defaults filled in."""
    return {f"{task.name}.{port}": value for task, port, value in _settled(plan, values) if port == SEED}


def files_of(plan: Plan) -> dict[str, str | None]:
    """The content of every file that a step reads by a constant path, as `{"paint.lora": ...}`."""
    return {
        f"{task.name}.{port}": visible_id(value)
        for task in plan.tasks
        if task.node is not None and not _writes(task.node)
        for port, value in task.constants.items()
        if isinstance(value, Path)
    }


def weights_of(plan: Plan, values: Mapping[str, Any], pool: ModelPool) -> dict[str, Weights]:
    """The weights of every model that a step may use, as `{"cut.model": Weights(...)}`. Raises `ModelError`."""
    found = {}
    for task, port, model in _settled(plan, values):
        if family := dict(task.models).get(port):
            source = pool.resolve(family, model)
            found[f"{task.name}.{port}"] = Weights(family, source.ref, source.revision, pool.dtype_of(model))
    return found


def plan_id(plan: Plan) -> str | None:
    """One short name for what a plan does, whatever its inputs and weights; None where a constant cannot be seen."""
    return visible_id(_parts(plan))


def run_id(plan: Plan, values: Mapping[str, Any], pool: ModelPool) -> str:
    """One short name for a plan, its inputs and its weights: what gives the same results has the same one.

    A path that is only written to counts by its text: the file behind it is a result, not what results depend on.
    Raises `ModelError` for weights that are missing.
    """
    weights = {
        name: (found.family, found.revision, found.dtype) for name, found in weights_of(plan, values, pool).items()
    }
    read = read_inputs(plan)
    given = {name: value if name in read else _text(value) for name, value in values.items()}
    return content_id((*_parts(plan), _visible(given), weights))


def read_inputs(plan: Plan) -> set[str]:
    """The pipeline's inputs that do not only say where to write: something else than a target of a node takes them."""
    return {
        tap.port
        for task in plan.tasks
        for wire in (*task.wires, *(wire for wire, _ in task.conditions))
        for tap in wire.lead.taps
        if isinstance(tap, Tap) and tap.task == INPUTS and not _takes_target(task, wire.name)
    }


def _parts(plan: Plan) -> tuple[Any, ...]:
    """All that a plan consists of: nodes, how they are connected and set, and outputs."""
    steps = [(task.name, task.axes, task.wires, task.conditions, _settings(task), task.opens) for task in plan.tasks]
    return nodes_of(plan), steps, dict(plan.outputs)


def _settled(plan: Plan, values: Mapping[str, Any]) -> Iterator[tuple[Task, str, Any]]:
    """Each input of a node whose value no other node makes: a constant, or an input of the pipeline itself."""
    for task in plan.tasks:
        if task.node is None:
            continue
        yield from ((task, port, value) for port, value in task.constants.items())
        for wire in task.wires:
            match wire.lead.taps:
                case (Tap(task=number, port=port),) if number == INPUTS and port in values:
                    yield task, wire.name, values[port]


def _writes(node: Node[..., Any]) -> bool:
    """Whether a node writes files: it returns their path."""
    return any(port.type.base is Path for port in node.outputs.values())


def _takes_target(task: Task, port: str) -> bool:
    """Whether an input of a task is a path in a node that writes files."""
    node = task.node
    return node is not None and _writes(node) and port in node.inputs and node.inputs[port].type.base is Path


def _settings(task: Task) -> dict[str, str | None]:
    """A task's constants but for its models, which count by their weights."""
    models = dict(task.models)
    settings = {port: value for port, value in task.constants.items() if port not in models}
    return _visible({port: _text(value) if _takes_target(task, port) else value for port, value in settings.items()})


def _text(value: Any) -> Any:
    """A path by its text, whatever lies there."""
    return str(value) if isinstance(value, Path) else value


def _visible(values: Mapping[str, Any]) -> dict[str, str | None]:
    return {name: visible_id(value) for name, value in values.items()}
