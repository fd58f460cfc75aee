"""One node's turn in a run: take what it needs, look in the cache, call it, check what it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from time import perf_counter
from typing import Any

from pipelines.entries import Cache
from pipelines.errors import Cancelled, MemoryShortError, RunError
from pipelines.events import MemoryShort, NodeFailed, NodeFinished, NodeProgress, NodeSkipped, NodeStarted
from pipelines.families import Model
from pipelines.keys import cache_key, entry_of, weights_id
from pipelines.memory import MemoryWatch, is_out_of_memory
from pipelines.models import default_pool
from pipelines.passing import checked_outputs, summary
from pipelines.plan import RELAY, Key, Task
from pipelines.pool import ModelPool
from pipelines.schedule import SKIPPED, Outcome, Record, Schedule, Skipped
from pipelines.scope import Scope
from pipelines.signature import Node, Report

_SMALLER = "Give a smaller picture, or a smaller model: --preset bundled."


@dataclass(frozen=True, eq=False, slots=True)
class Call:
    """A node, ready to be called: nothing is missing, and the cache does not have its result."""

    name: str
    node: Node[..., Any]
    inputs: dict[str, Any]
    cache_key: str | None
    devices: frozenset[str]
    models: tuple[tuple[str, Model[Any]], ...] = ()


def instance_name(task: Task, key: Key) -> str:
    """What events call a task at a key: the step's name, along an axis with the key, as in "crops/cut[0]"."""
    return f"{task.name}[{', '.join(key)}]" if key else task.name


class Workshop:
    """What all nodes of a run share. Its methods are called from any worker thread."""

    def __init__(self, schedule: Schedule, scope: Scope, memory: MemoryWatch, cache: Cache | None) -> None:
        self._schedule = schedule
        self._scope = scope
        self._memory = memory
        self._cache = cache

    def prepare(self, task: Task, key: Key) -> Outcome | Call:
        """What comes of a task at a key, if its node need not be called for that; otherwise the call."""
        self._scope.check_cancelled()
        started, inputs = perf_counter(), dict(task.constants)
        try:
            if reason := self._reason_to_skip(task, key, inputs):
                return self._skipped(task, key, reason)
            if task.node is None:
                return Record({RELAY: inputs[RELAY]})
            return self._found_or_call(task, task.node, key, inputs)
        except Exception as error:
            raise self._failure(instance_name(task, key), inputs, started, error) from error

    def execute(self, call: Call) -> Record:
        """Call a node. Raises `RunError`, or `Cancelled` when the node gave up on request."""
        emit, started = self._scope.emit, perf_counter()
        emit(NodeStarted(call.name))
        self._memory.start(call)
        try:
            record = Record(checked_outputs(call.node, self._result(call)))
        except Cancelled as error:
            emit(NodeFailed(call.name, perf_counter() - started, error))
            raise
        except Exception as error:
            raise self._failure(call.name, call.inputs, started, error) from error
        finally:
            peak = self._memory.stop(call)
        emit(NodeFinished(call.name, perf_counter() - started, cached=False, peak_bytes=peak))
        if self._cache is not None and call.cache_key is not None and (entry := entry_of(record)):
            self._cache.put(call.cache_key, entry)
        return record

    def _result(self, call: Call) -> Any:
        """What the node returns; when memory runs out it is called again, each time in less of it, while that helps."""
        remedies = chain.from_iterable(self._pool.remedies(family, model) for family, model in call.models)
        extra = {call.node.report: self._report(call.name)} if call.node.report else {}
        while True:
            try:
                return call.node.function(**call.inputs, **extra)
            except (MemoryError, RuntimeError) as error:
                if not call.models or not is_out_of_memory(error):
                    raise
                reason = str(error).split("\n")[0] or type(error).__name__
            # Outside the handler, whose traceback keeps alive what the node had made so far.
            remedy = next(remedies, None)
            if remedy is None:
                raise MemoryShortError(f"memory ran out, and nothing takes less of it ({reason}). {_SMALLER}")
            self._scope.emit(MemoryShort(call.name, remedy))

    def _failure(self, name: str, inputs: Mapping[str, Any], started: float, error: Exception) -> RunError:
        self._scope.emit(NodeFailed(name, perf_counter() - started, error))
        return RunError(name, {port: summary(value) for port, value in inputs.items()}, error)

    def _skipped(self, task: Task, key: Key, reason: str) -> Skipped:
        if task.node is not None:
            self._scope.emit(NodeSkipped(instance_name(task, key), reason))
        return SKIPPED

    def _reason_to_skip(self, task: Task, key: Key, inputs: dict[str, Any]) -> str:
        """Fill in what the wires bring; returns why the task cannot or shall not run, if so."""
        for wire, condition in task.conditions:
            if (actual := self._schedule.value(wire, key)) is SKIPPED or not condition.holds(actual):
                return f"when {condition}"
        for wire in task.wires:
            value = inputs[wire.name] = self._schedule.value(wire, key)
            if value is SKIPPED:
                return f"nothing came for '{wire.name}'"
        return ""

    def _found_or_call(self, task: Task, node: Node[..., Any], key: Key, inputs: dict[str, Any]) -> Record | Call:
        started, name = perf_counter(), instance_name(task, key)
        models = {port: (family, inputs[port]) for port, family in task.models}
        identity = None
        if self._cache is not None and node.cache:
            weights = {port: weights_id(self._pool, family, model) for port, (family, model) in models.items()}
            identity = cache_key(node, task, key, self._schedule, weights)
            if identity is not None and (entry := self._cache.get(identity)):
                self._scope.emit(NodeStarted(name))
                self._scope.emit(NodeFinished(name, perf_counter() - started, cached=True))
                return Record(entry.outputs, dict(entry.ids))
        devices = frozenset(self._pool.device_of(model) for _, model in models.values())
        return Call(name, node, inputs, identity, devices, tuple(models.values()))

    @property
    def _pool(self) -> ModelPool:
        return self._scope.pool or default_pool()

    def _report(self, name: str) -> Report:
        def report(done: int, total: int, note: str = "", /) -> None:
            self._scope.check_cancelled()
            self._scope.emit(NodeProgress(name, done, total, note))

        return report
