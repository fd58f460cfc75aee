"""What code inside a node can reach of the run around it: its events, its cancellation and its models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.errors import Cancelled

if TYPE_CHECKING:
    from pipelines.events import Event, Sink
    from pipelines.models import ModelPool


def _nowhere(event: Event) -> None:
    """The sink outside any run."""


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Scope:
    """The surroundings of one run. Outside a run: no listener, nothing to stop, the process's own pool."""

    emit: Sink = _nowhere
    is_stopping: Callable[[], bool] = _never
    pool: ModelPool | None = None

    def check_cancelled(self) -> None:
        """Raise `Cancelled` if the run is to stop, on request or because another node failed."""
        if self.is_stopping():
            raise Cancelled("The run was cancelled.")


_OUTSIDE = Scope()
_current: ContextVar[Scope] = ContextVar("samloom_scope", default=_OUTSIDE)


def current_scope() -> Scope:
    """The scope of the run that this code is part of."""
    return _current.get()


@contextmanager
def use_scope(scope: Scope) -> Iterator[Scope]:
    """Make `scope` the current one within the block."""
    token = _current.set(scope)
    try:
        yield scope
    finally:
        _current.reset(token)
