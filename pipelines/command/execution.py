"""Running a graph from the command line: the options that all running commands share, and what they set up."""

from __future__ import annotations

import inspect
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.devices import check_device
from pipelines.errors import IncompleteRunError, UserError
from pipelines.files import check_apart, check_writable

if TYPE_CHECKING:
    from pipelines.cache import Cache
    from pipelines.events import Sink
    from pipelines.graph import Graph
    from pipelines.pool import ModelPool
    from pipelines.runner import RunResult
    from pipelines.trace import Trace

GIGABYTE = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """With what to run, whatever the graph. Each field is an option of every command that runs one."""

    preset: Annotated[
        str, typer.Option("--preset", metavar="P", help="Which weights: bundled, base or large (see `samloom models`).")
    ] = "bundled"
    offline: Annotated[
        bool, typer.Option("--offline", help="Never touch the network; a missing checkpoint is an error at once.")
    ] = False
    device: Annotated[
        str | None, typer.Option("--device", metavar="D", help="cpu, cuda, cuda:1 or mps. Default: the best there is.")
    ] = None
    memory: Annotated[
        float | None, typer.Option("--memory", metavar="GB", help="Budget for loaded models; idle ones make room.")
    ] = None
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Compute everything anew, and keep nothing.")] = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False

    def __post_init__(self) -> None:
        if self.memory is not None and not self.memory > 0:
            raise UserError(f"--memory is {self.memory:g}, which holds no model. Give gigabytes, such as --memory 8.")
        if self.device is not None:
            check_device(self.device, "--device ")

    def pool(self) -> ModelPool:
        """A model pool of its own for the run."""
        from pipelines.pool import ModelPool

        budget = None if self.memory is None else int(self.memory * GIGABYTE)
        return ModelPool(preset=self.preset, offline=self.offline, budget_bytes=budget, device=self.device)

    def cache(self) -> Cache | None:
        """The user's cache on disk behind one in memory, or nothing where it is not wanted."""
        if self.no_cache:
            return None
        from pipelines.cache import default_cache

        return default_cache()


@dataclass(frozen=True, kw_only=True)
class Settings(Surroundings):
    """The same for a command that runs its graph once, and can therefore tell all that happened."""

    trace: Annotated[
        Path | None, typer.Option("--trace", metavar="FILE", help="Write time and peak memory a node, for Perfetto.")
    ] = None
    events: Annotated[
        Path | None, typer.Option("--events", metavar="FILE", help="Write every event of the run as a line of JSON.")
    ] = None

    @property
    def files(self) -> dict[str, Path | None]:
        """What is written about the run, by its option."""
        return {"--trace": self.trace, "--events": self.events}

    @contextmanager
    def sinks(self) -> Iterator[list[Sink]]:
        """Where the events of a run go: progress on a terminal, and the events file."""
        from pipelines.progress import JsonLines, RichProgress

        with ExitStack() as stack:
            sinks: list[Sink] = []
            if not self.quiet:
                sinks.append(stack.enter_context(RichProgress()))
            if self.events is not None:
                sinks.append(stack.enter_context(JsonLines(self.events)))
            yield sinks


def running(command: Callable[..., None]) -> Callable[..., None]:
    """Give `command`, which takes a keyword `settings`, one option for each field of its type instead."""
    own = inspect.signature(command, eval_str=True)
    kind = own.parameters["settings"].annotation

    @wraps(command)
    def with_options(**arguments: Any) -> None:
        chosen = {field.name: arguments.pop(field.name) for field in fields(kind)}
        command(**arguments, settings=kind(**chosen))

    options = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=parameter.default, annotation=parameter.annotation
        )
        for name, parameter in inspect.signature(kind, eval_str=True).parameters.items()
    ]
    kept = [p.replace(kind=p.KEYWORD_ONLY) for name, p in own.parameters.items() if name != "settings"]
    with_options.__signature__ = own.replace(parameters=kept + options)  # type: ignore[attr-defined]
    with_options.__annotations__ = {p.name: p.annotation for p in kept + options}
    return with_options


def execute(graph: Graph, inputs: Mapping[str, Any], settings: Settings) -> RunResult:
    """Run `graph` as `settings` say; the trace is written even of a run that fails. Raises what the run raises."""
    from pipelines.runner import run

    check_apart(settings.files)
    for file in settings.files.values():
        if file is not None:
            check_writable(file)
    with settings.sinks() as sinks, cancelled_by_interrupt() as cancel:
        try:
            result = run(graph, inputs, pool=settings.pool(), cache=settings.cache(), events=sinks, cancel=cancel)
        except IncompleteRunError as error:
            _save(error.trace, settings)
            raise
    _save(result.trace, settings)
    return result


@contextmanager
def cancelled_by_interrupt() -> Iterator[threading.Event]:
    """The first Ctrl+C sets the event that it gives, so that a run stops in good order; the second one interrupts."""
    cancel = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield cancel
        return
    previous = signal.getsignal(signal.SIGINT)

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        cancel.set()
        signal.signal(signal.SIGINT, previous)

    signal.signal(signal.SIGINT, stop)
    try:
        yield cancel
    finally:
        signal.signal(signal.SIGINT, previous)


def _save(trace: Trace | None, settings: Settings) -> None:
    if trace is not None and settings.trace is not None:
        trace.save(settings.trace)
