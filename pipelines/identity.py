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


def run_id(plan: Plan, values: Mapping[str, Any], pool: ModelPool) -> str:
    """One short name for a plan, its inputs and its weights: what gives the same results has the same one.

    Raises `ModelError` for weights that are missing.
    """
    steps = [(task.name, task.axes, task.wires, task.conditions, _settings(task), task.opens) for task in plan.tasks]
    weights = {
        name: (found.family, found.revision, found.dtype) for name, found in weights_of(plan, values, pool).items()
    }
    return content_id((nodes_of(plan), steps, dict(plan.outputs), _visible(values), weights))


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


def _settings(task: Task) -> dict[str, str | None]:
    """A task's constants but for its models, which count by their weights."""
    models = dict(task.models)
    return _visible({port: value for port, value in task.constants.items() if port not in models})


def _visible(values: Mapping[str, Any]) -> dict[str, str | None]:
    return {name: visible_id(value) for name, value in values.items()}
