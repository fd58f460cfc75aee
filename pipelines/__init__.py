"""Samloom's graph engine: typed nodes, checked graphs, and a runner. Imports no model library."""

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
    "no_report",
    "node",
]
