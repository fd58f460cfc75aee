"""Pipeline files: YAML ⇄ graph.

`document` reads text and notes places, `assembly` makes the graph, `dump` writes one back.
"""

from pipelines.spec.dump import dump_pipeline
from pipelines.spec.loader import load_pipeline

__all__ = ["dump_pipeline", "load_pipeline"]
