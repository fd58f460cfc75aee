"""`samloom run`: any pipeline, once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipelines.command.execution import Settings, execute
from pipelines.command.options import describe_inputs, parse_inputs
from pipelines.command.terminal import say, show_table
from pipelines.files import check_apart, check_writable
from pipelines.outputs import check_folder, write_json, write_outputs
from pipelines.spec import load_pipeline
from pipelines.spec.loader import SUFFIXES


def run_pipeline(
    pipeline: str, arguments: Sequence[str], *, output: Path | None, record: Path | None, settings: Settings
) -> None:
    """Run a file or a ready-made pipeline with the inputs that `arguments` give; write its outputs and its record."""
    graph = load_pipeline(pipeline)
    inputs = parse_inputs(graph, arguments)
    folder = output or Path(f"{Path(pipeline).stem}-out")
    check_folder(folder)
    check_apart({"--record": record, **settings.files})
    if record is not None:
        check_writable(record)
    outputs = execute(graph, inputs, settings).outputs
    for path in write_outputs(outputs, folder):
        say(str(path))
    if record is not None:
        from pipelines.records import record_of

        home = Path(pipeline).parent if pipeline.endswith(SUFFIXES) else None
        write_json(record_of(graph, inputs, outputs, settings.pool(), folder=home).model_dump(), record)
        say(str(record))


def explain_pipeline(pipeline: str) -> None:
    """Say what a pipeline does and which inputs it takes."""
    graph = load_pipeline(pipeline)
    say(f"{graph.doc}\n".lstrip("\n"))
    show_table(("input", "default", "meaning"), describe_inputs(graph.inputs))
