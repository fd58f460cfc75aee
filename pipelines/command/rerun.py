"""`samloom rerun`: a run once more from its record, and whether the same came out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.command.execution import Settings, execute
from pipelines.command.terminal import DONE, FAILED, say

if TYPE_CHECKING:
    from pipelines.records import RunRecord


def rerun(
    record: Annotated[
        Path,
        typer.Argument(metavar="RECORD", help="From `run --record`, or the report of an edit.", show_default=False),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Write the outputs too. Default: compare only.")
    ] = None,
    *,
    device: Annotated[
        str | None, typer.Option("--device", metavar="D", help="cpu, cuda, cuda:1 or mps. Default: that of the record.")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Never touch the network.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Run again what a record describes, and say for each output whether it is identical.

    Refuses where an input, a node or a model is not what it was. Nothing is taken from the cache.
    """
    from pipelines.outputs import check_folder, write_outputs
    from pipelines.records import RunRecord, output_id

    then = RunRecord.read(record)
    settings = Settings(preset=then.preset, device=device or then.device, offline=offline, quiet=quiet, no_cache=True)
    graph = then.graph()
    values = then.values(graph)
    then.check_models(graph, values, settings.pool())
    if output is not None:
        check_folder(output)
    outputs = execute(graph, values, settings).outputs
    for path in write_outputs(outputs, output) if output is not None else ():
        say(str(path))
    raise typer.Exit(_told(then, {name: output_id(value) for name, value in outputs.items()}))


def _told(then: RunRecord, now: dict[str, str | None]) -> int:
    """Say which outputs are identical; gives what the process should end with."""
    verdicts = {name: _verdict(identity, now.get(name)) for name, identity in then.outputs.items()}
    for name, verdict in verdicts.items():
        say(f"{name}: {verdict}")
    if "differs" not in verdicts.values():
        return DONE
    for change in then.differing_packages():
        say(f"  {change}")
    return FAILED


def _verdict(then: str | None, now: str | None) -> str:
    if then is None:
        return "cannot be compared"
    return "identical" if then == now else "differs"
