"""What happens during a run, as a stream of frozen values sent to plain callables.

Progress bars, JSON lines, the trace and a web page's progress are all such callables (`Sink`). Events say what
happened, not when: sinks are called at once, in the thread where it happened, so a sink that needs the time takes it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The graph `pipeline` begins; `nodes` counts its steps, sub-pipelines' included."""

    pipeline: str
    nodes: int


@dataclass(frozen=True, slots=True)
class NodeStarted:
    """Step `node` begins. An item of an axis carries its key, as in "cut[0]"."""

    node: str


@dataclass(frozen=True, slots=True)
class NodeProgress:
    """Inside `node`, `done` of `total` parts are ready."""

    node: str
    done: int
    total: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class NodeFinished:
    """`node` gave its outputs, after `seconds` of work or from the cache.

    `peak_bytes` is the most resident memory the process was seen to hold meanwhile.
    """

    node: str
    seconds: float
    cached: bool = False
    peak_bytes: int = 0


@dataclass(frozen=True, slots=True)
class NodeSkipped:
    """`node` was not run, because of its own `when` or because a step it needs was skipped."""

    node: str
    reason: str


@dataclass(frozen=True, slots=True)
class NodeFailed:
    """`node` raised `error`."""

    node: str
    seconds: float
    error: BaseException


@dataclass(frozen=True, slots=True)
class MemoryShort:
    """Memory ran out in `node`, which begins anew; `remedy` says what takes less of it from now on."""

    node: str
    remedy: str


@dataclass(frozen=True, slots=True)
class ModelLoading:
    """A model is about to be built. `over_budget` tells by how many bytes the pool's budget is exceeded."""

    family: str
    ref: str
    device: str
    over_budget: int = 0


@dataclass(frozen=True, slots=True)
class ModelLoaded:
    """A model was built in `seconds` and is ready."""

    family: str
    ref: str
    device: str
    seconds: float


@dataclass(frozen=True, slots=True)
class ModelEvicted:
    """A model nobody was using was dropped to make room."""

    family: str
    ref: str
    device: str


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The last event of every run, however it ended."""

    pipeline: str
    seconds: float
    status: Literal["done", "failed", "cancelled"]


NodeEvent: TypeAlias = NodeStarted | NodeProgress | NodeFinished | NodeSkipped | NodeFailed | MemoryShort
ModelEvent: TypeAlias = ModelLoading | ModelLoaded | ModelEvicted
Event: TypeAlias = RunStarted | NodeEvent | ModelEvent | RunFinished
Sink: TypeAlias = Callable[[Event], None]


class Fanout:
    """A sink that hands each event to several others, one event at a time, so that they need no locks.

    A sink that raises is reported once to the log and left out from then on: a broken progress bar must not
    cost a finished picture.
    """

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = tuple(sinks)
        self._lock = threading.RLock()

    def __call__(self, event: Event) -> None:
        with self._lock:
            for sink in self._sinks:
                try:
                    sink(event)
                except Exception:  # noqa: BLE001 - whatever a stranger's sink raises
                    _log.exception("Event sink %r failed at %s and is left out of this run.", sink, event)
                    self._sinks = tuple(other for other in self._sinks if other is not sink)


def as_sink(events: Sink | Sequence[Sink] | None) -> Sink | None:
    """One sink for what a caller may give: nothing, one callable or several."""
    if events is None:
        return None
    sinks = [events] if callable(events) else list(events)
    return Fanout(sinks) if sinks else None
