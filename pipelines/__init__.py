"""Samloom's graph engine: typed nodes, checked graphs, and a runner. Imports no model library.

graph = load_pipeline("edit.yaml")
result = run(graph, {"photo": read_image("dog.png"), "instruction": "replace the dog with a cat"})
"""

import importlib
from typing import TYPE_CHECKING, Any

from pipelines.builder import Pipeline
from pipelines.errors import SamloomError, UserError
from pipelines.graph import FirstOf, Graph, Ref, When
from pipelines.models import Model, lease
from pipelines.node import Node, Report, no_report, node
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

if TYPE_CHECKING:
    from pipelines.runner import run
    from pipelines.spec import load_pipeline

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
    "run",
]

# A plugin that only defines nodes needs neither the YAML reader nor the runner: they are imported when first used.
_LATE = {"load_pipeline": "pipelines.spec", "run": "pipelines.runner"}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LATE[name]), name)
