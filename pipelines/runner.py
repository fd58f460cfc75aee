"""Runs a graph: every node as soon as its inputs are there."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any, Literal, TypeAlias

from pipelines.crew import Crew
from pipelines.entries import Cache
from pipelines.errors import Cancelled, IncompleteRunError
from pipelines.events import Event, RunFinished, RunStarted, Sink, as_sink
from pipelines.graph import Graph
from pipelines.jobs import Call, Workshop, instance_name
from pipelines.memory import MemoryWatch
from pipelines.passing import checked_inputs
from pipelines.plan import Key, Plan
from pipelines.pool import ModelPool
from pipelines.schedule import SKIPPED, Instance, Outcome, Record, Schedule
from pipelines.scope import Scope, use_scope
from pipelines.trace import Trace, TraceRecorder
from pipelines.unfolding import plan_of

_Status: TypeAlias = Literal["done", "failed", "cancelled"]
_MOST_WORKERS = 8
"""By default; more threads than this rarely help, since models wait for their device and bring threads of their own."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run gave: outputs by name (None for a skipped one, a mapping by key along an axis), and its trace."""

    outputs: Mapping[str, Any]
    trace: Trace


def run(
    graph: Graph,
    inputs: Mapping[str, Any],
    *,
    pool: ModelPool | None = None,
    cache: Cache | None = None,
    events: Sink | Sequence[Sink] | None = None,
    max_workers: int | None = None,
    cancel: threading.Event | None = None,
) -> RunResult:
    """Run `graph` on `inputs` and wait for it.

    `pool` lends the models (default: the process's own), `cache` keeps results between runs (default: none), `events`
    are told what happens, `cancel` stops the run when it is set: before the next node, and within a node when it
    reports its progress or waits for a model.

    Raises `UserError` for inputs that do not fit, `RunError` for the first node that fails, `Cancelled`. The last two
    carry the trace and the outputs of every node that had finished.
    """
    values = checked_inputs(graph, inputs)
    running = _Run(plan_of(graph), pool=pool, cache=cache, sink=as_sink(events))
    return running.result(values, max_workers or _default_workers(), cancel or threading.Event())


async def arun(
    graph: Graph, inputs: Mapping[str, Any], *, cancel: threading.Event | None = None, **options: Any
) -> RunResult:
    """Like `run`, without holding up the event loop. Cancelling the task cancels the run, and waits until it stops."""
    stop = cancel or threading.Event()
    working = asyncio.ensure_future(asyncio.to_thread(partial(run, graph, inputs, cancel=stop, **options)))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([working])
        raise


def _default_workers() -> int:
    return min(_MOST_WORKERS, max(2, os.cpu_count() or 1))


@dataclass(eq=False, slots=True)
class _Job:
    """An instance of a task on its way through the crew; `call` is known once it is prepared."""

    number: int
    key: Key
    call: Call | None = None


class _Run:
    """One run of a plan: joins the schedule, which knows what is ready, with the crew that works on it."""

    def __init__(self, plan: Plan, *, pool: ModelPool | None, cache: Cache | None, sink: Sink | None) -> None:
        self._plan = plan
        self._pool = pool
        self._cache = cache
        self._sink = sink
        self._recorder = TraceRecorder()
        self._schedule = Schedule(plan)

    def result(self, values: Mapping[str, Any], workers: int, cancel: threading.Event) -> RunResult:
        """Run to the end, in this thread and its helpers."""
        started = perf_counter()
        self._emit(RunStarted(self._plan.name, self._plan.node_count))
        try:
            self._work(values, workers, cancel)
        except BaseException as error:
            self._emit(RunFinished(self._plan.name, perf_counter() - started, _status(error)))
            if isinstance(error, IncompleteRunError):
                error.trace, error.finished = self._recorder.trace(), dict(self._finished())
            raise
        self._emit(RunFinished(self._plan.name, perf_counter() - started, "done"))
        return RunResult(self._outputs(), self._recorder.trace())

    def _work(self, values: Mapping[str, Any], workers: int, cancel: threading.Event) -> None:
        memory = MemoryWatch()
        crew: Crew[_Job, Outcome] = Crew(
            lambda job: context.copy().run(self._perform, job, workshop, crew),
            lambda job, outcome: self._jobs(self._schedule.finish(job.number, job.key, outcome)),
            workers=workers,
            cancel=cancel,
            on_tick=memory.sample,
        )
        scope = Scope(self._emit, crew.is_stopping, self._pool)
        workshop = Workshop(self._schedule, scope, memory, self._cache)
        with use_scope(scope):
            context = copy_context()
        try:
            crew.work(self._jobs(self._schedule.begin(values)))
        finally:
            memory.close()

    def _perform(self, job: _Job, workshop: Workshop, crew: Crew[_Job, Outcome]) -> Outcome | None:
        """What came of a job; None if it waits for its lane."""
        if job.call is None:
            prepared = workshop.prepare(self._plan.tasks[job.number], job.key)
            if not isinstance(prepared, Call):
                return prepared
            job.call = prepared
            if prepared.devices and not crew.enter_lane(job, prepared.devices):
                return None
        return workshop.execute(job.call)

    def _jobs(self, instances: Sequence[Instance]) -> list[_Job]:
        return [_Job(number, key) for number, key in instances]

    def _emit(self, event: Event) -> None:
        self._recorder(event)
        if self._sink is not None:
            self._sink(event)

    def _outputs(self) -> dict[str, Any]:
        values = {name: self._schedule.nested(lead) for name, lead in self._plan.outputs.items()}
        return {name: None if value is SKIPPED else value for name, value in values.items()}

    def _finished(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The outputs of every node that has finished, by its name in the trace."""
        for task, outcomes in zip(self._plan.tasks, self._schedule.results, strict=True):
            for key, outcome in outcomes.items():
                if task.node is not None and isinstance(outcome, Record):
                    yield instance_name(task, key), outcome.outputs


def _status(error: BaseException) -> _Status:
    return "cancelled" if isinstance(error, (Cancelled, KeyboardInterrupt)) else "failed"
