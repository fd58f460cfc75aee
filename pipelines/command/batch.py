"""`samloom batch`: one pipeline for every picture of a folder."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.command.execution import Surroundings, cancelled_by_interrupt, running
from pipelines.command.terminal import DONE, FAILED, INTERRUPTED, complain, say
from pipelines.errors import UserError

if TYPE_CHECKING:
    from pipelines.batch.bar import FolderBar
    from pipelines.batch.folder import Engine, Tally
    from pipelines.batch.journal import Record
    from pipelines.batch.threads import Task
    from pipelines.batch.work import Job, Work
    from pipelines.graph import Graph


class EngineName(StrEnum):
    """What does the pictures."""

    THREADS = "threads"
    RAY = "ray"


@running
def batch(
    pipeline: Annotated[
        str, typer.Argument(metavar="PIPELINE", help="A pipeline file, or a ready-made one's name.", show_default=False)
    ],
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where the pictures are; they are not touched.", show_default=False)
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="Folder for the results.", show_default=False)
    ],
    *,
    given: Annotated[
        list[str] | None,
        typer.Option("--input", "-i", metavar="NAME=VALUE", help="Another input of the pipeline, for all pictures."),
    ] = None,
    globs: Annotated[
        list[str] | None, typer.Option("--glob", metavar="GLOB", help='Only files like this, such as "*.jpg".')
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Pictures at a time.")] = 1,
    engine: Annotated[
        EngineName, typer.Option("--engine", help="Threads of this process, or Ray Data (local, or RAY_ADDRESS).")
    ] = EngineName.THREADS,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Look into folders of the folder.")] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try again what failed before.")] = False,
    settings: Surroundings,
) -> None:
    """Run a pipeline for every picture of a folder.

    Results mirror the folder: FOLDER/a/b.jpg gives OUT/a/b.OUTPUT.png. OUT/journal.jsonl says what came of each
    picture; the same command goes on where an earlier one was stopped or killed, and does again only what has changed.
    """
    from pipelines.batch.bar import FolderBar
    from pipelines.batch.pictures import check_names, find_pictures
    from pipelines.batch.work import Job
    from pipelines.outputs import check_folder
    from pipelines.spec.loader import SUFFIXES

    inputs, picture_input = _inputs(pipeline, given or ())
    names = find_pictures(folder, output, globs=globs or (), recursive=recursive)
    check_names(names)
    check_folder(output)
    job = Job(
        pipeline=str(Path(pipeline).absolute()) if pipeline.endswith(SUFFIXES) else pipeline,
        inputs=inputs,
        picture_input=picture_input,
        folder=folder.absolute(),
        out=output.absolute(),
        pool=settings.pool,
        cache=settings.cache,
        retry_failed=retry_failed,
    )
    _share_processors(workers)
    bar = FolderBar(Path(pipeline).stem, quiet=settings.quiet)
    tally = _run(job, names, bar, engine=engine, workers=workers)
    raise typer.Exit(_told(tally, output))


def _inputs(pipeline: str, pairs: Sequence[str]) -> tuple[dict[str, Any], str]:
    """The values of the inputs that all pictures share, and the name of the one that takes the picture."""
    from pipelines.command.options import check_complete, parse_given
    from pipelines.spec import load_pipeline

    for pair in pairs:
        if "=" not in pair:
            raise UserError(f"--input {pair} gives no value. Write --input NAME=VALUE.")
    graph = load_pipeline(pipeline)
    inputs = parse_given(graph, [f"--{pair}" for pair in pairs])
    picture_input = _picture_input(graph, inputs)
    check_complete(graph, {*inputs, picture_input})
    return inputs, picture_input


def _picture_input(graph: Graph, given: dict[str, Any]) -> str:
    from pipelines.values import Image

    free = {
        name: port
        for name, port in graph.inputs.items()
        if port.type.base is Image and not port.type.many and name not in given
    }
    # A picture that may be left out is not meant while there is one that may not.
    chosen = [name for name, port in free.items() if port.required] or list(free)
    if not chosen:
        raise UserError(f"{graph.name} takes no picture that could come from the folder.")
    if len(chosen) > 1:
        listed = " or ".join(chosen)
        raise UserError(f"{graph.name} takes several pictures: {listed}. Give all but one with --input NAME=FILE.")
    return chosen[0]


def _share_processors(workers: int) -> None:
    """Keep workers from fighting for the same processors; torch looks at this when it is imported."""
    if workers > 1:
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))


def _run(job: Job, names: Sequence[str], bar: FolderBar, *, engine: EngineName, workers: int) -> Tally:
    """What came of the folder. Ctrl+C stops it in good order, a second one at once."""
    from pipelines.batch.folder import Tally, run_folder
    from pipelines.batch.journal import Journal
    from pipelines.batch.work import Work

    tally, give_up = Tally(len(names)), threading.Event()
    work = Work(job, events=[bar], cancel=give_up)
    with Journal(job.out) as journal, bar, cancelled_by_interrupt() as stop, suppress(KeyboardInterrupt):
        does = _engine(engine, job, work, workers=workers, stop=stop, give_up=give_up)
        run_folder(names, journal, does, tally, stop=stop, show=bar.show)
    return tally


def _engine(
    name: EngineName, job: Job, work: Work, *, workers: int, stop: threading.Event, give_up: threading.Event
) -> Engine:
    if name is EngineName.THREADS:
        from pipelines.batch.threads import on_threads

        return lambda tasks: on_threads(work, tasks, workers, give_up)
    from pipelines.batch.on_ray import on_ray

    def on_cluster(tasks: Iterator[Task]) -> Iterator[Record]:
        return on_ray(job, list(tasks), workers, stop)

    return on_cluster


def _told(tally: Tally, out: Path) -> int:
    """Say what came of the folder; gives what the process should end with."""
    for record in sorted(tally.failures, key=lambda record: record.picture):
        complain(f"{record.picture}: {record.error}")
    say(f"{tally.done} done, {tally.unchanged} unchanged, {len(tally.failures)} failed: {out}")
    if tally.left:
        complain(f"stopped with {tally.left} left. The same command goes on from here.")
        return INTERRUPTED
    return FAILED if tally.failures else DONE
