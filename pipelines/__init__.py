"""Samloom's graph engine: typed nodes, checked graphs, and a runner. Imports no model library.

graph = load_pipeline("edit.yaml")
result = run(graph, {"photo": read_image("dog.png"), "instruction": "replace the dog with a cat"})

The public names are imported when they are first used: the command starts without numpy, a plugin without the runner.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.builder import Pipeline
    from pipelines.errors import SamloomError, UserError
    from pipelines.graph import FirstOf, Graph, Ref, When
    from pipelines.images import read_image, write_image
    from pipelines.models import Model, lease
    from pipelines.runner import run
    from pipelines.signature import Node, Report, no_report, node
    from pipelines.spec import load_pipeline
    from pipelines.values import (
        Boxes,
        Detections,
        Each,
        Edit,
        EditPlan,
        Embedding,
        Has,
        Image,
        Many,
        Mask,
        Masks,
        Text,
        empty_detections,
    )

__all__ = [
    "Boxes",
    "Detections",
    "Each",
    "Edit",
    "EditPlan",
    "Embedding",
    "FirstOf",
    "Graph",
    "Has",
    "Image",
    "Many",
    "Mask",
    "Masks",
    "Model",
    "Node",
    "Pipeline",
    "Ref",
    "Report",
    "SamloomError",
    "Text",
    "UserError",
    "When",
    "empty_detections",
    "lease",
    "load_pipeline",
    "no_report",
    "node",
    "read_image",
    "run",
    "write_image",
]

_NAMES = {
    "pipelines.builder": "Pipeline",
    "pipelines.errors": "SamloomError UserError",
    "pipelines.graph": "FirstOf Graph Ref When",
    "pipelines.images": "read_image write_image",
    "pipelines.models": "Model lease",
    "pipelines.runner": "run",
    "pipelines.signature": "Node Report no_report node",
    "pipelines.spec": "load_pipeline",
    "pipelines.values": "Boxes Detections Each Edit EditPlan Embedding Has Image Many Mask Masks Text empty_detections",
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_HOMES[name]), name)
    return value
