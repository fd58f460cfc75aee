"""Models as nodes see them: a `Model` port names one, `lease` lends it out for the length of a block.

    @node("sam/masks", version=1)
    def masks(image: Image, boxes: Boxes, *, model: Model[Sam] = Model()) -> Masks:
        with lease(Sam, model) as sam:
            ...

`Sam` is a light Protocol or base class that names its family (`family: ClassVar[str] = "sam"`); who loads that family
is found through the entry points `samloom.models`. Nothing here imports a model library: a `ModelFamily` does, inside
`load`, in the pool's loader thread.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import ClassVar, Protocol, TypeVar

from pipelines.families import Model, ModelFamily, ModelSource
from pipelines.pool import ModelPool
from pipelines.scope import current_scope

__all__ = ["Model", "ModelFamily", "ModelPool", "ModelSource", "current_pool", "default_pool", "lease"]


class Leasable(Protocol):
    """What a node leases: any class that says which family makes its instances."""

    family: ClassVar[str]


M = TypeVar("M", bound=Leasable)

_default_pool_lock = threading.Lock()


@contextmanager
def lease(kind: type[M], model: Model[M] | str | None = None) -> Iterator[M]:
    """Lend the model that `model` names (a string is its ref), loaded at most once and not evicted within the block.

    Raises `ModelError` if the weights are missing or unfit, `Cancelled` if the run is cancelled while waiting.
    """
    wanted: Model[M] = model if isinstance(model, Model) else Model(model)
    with current_pool().lease(kind.family, wanted) as loaded:
        yield loaded


def current_pool() -> ModelPool:
    """The pool of the run around this code; the process's own outside runs."""
    return current_scope().pool or default_pool()


def default_pool() -> ModelPool:
    """The process's own pool, made on first use: preset "bundled", no budget."""
    with _default_pool_lock:
        return _make_default_pool()


@cache
def _make_default_pool() -> ModelPool:
    return ModelPool()
