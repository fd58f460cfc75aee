"""The pool that builds, shares and evicts models within a budget of bytes."""

from __future__ import annotations

import gc
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, TypeAlias

from pipelines.devices import default_device
from pipelines.events import ModelEvicted, ModelLoaded, ModelLoading
from pipelines.families import Model, ModelFamily, ModelSource, Sparing, find_family
from pipelines.memory import is_out_of_memory, return_freed_memory
from pipelines.scope import current_scope

# Building a model patches its library's globals for a moment (torch's default dtype and initialisers), so one at a
# time in the whole process, whatever the number of pools.
_LOADER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="samloom-loader")
_POLL_SECONDS = 0.1
_CPU = "cpu"

_Key: TypeAlias = tuple[str, str, str, str, str]
_leases_held: ContextVar[int] = ContextVar("samloom_leases_held", default=0)


@dataclass(eq=False, slots=True)
class _Entry:
    """One model on the shelf, perhaps still being built. `pins` counts the leases that use it."""

    source: ModelSource
    device: str
    model: Future[Any] = field(default_factory=Future)
    pins: int = 0

    @property
    def size(self) -> int:
        return self.source.size_bytes or 0

    @property
    def is_idle(self) -> bool:
        return not self.pins and self.model.done()

    def evicted(self) -> ModelEvicted:
        return ModelEvicted(self.source.family, self.source.ref, self.device)


class ModelPool:
    """Models shared by all nodes of a process or of one run; safe to use from many threads.

    Models are told apart by family, origin, revision, dtype and device. Each is built on its first lease, once,
    whoever asks for it meanwhile. With `budget_bytes`, the least recently used models without a lease make room for
    a new one; while all are leased, the newcomer waits. A model larger than the whole budget is loaded alone, and
    a node that asks for a second model while it holds one never waits for room (two such nodes would wait for each
    other): `ModelLoading.over_budget` then says by how much the budget is exceeded.
    """

    def __init__(
        self,
        *,
        preset: str = "bundled",
        offline: bool = False,
        budget_bytes: int | None = None,
        device: str | None = None,
        dtype: str | None = None,
        families: Mapping[str, ModelFamily] | None = None,
    ) -> None:
        self.preset = preset
        self.offline = offline
        self.budget_bytes = budget_bytes
        self.device = device or default_device()
        self.dtype = dtype or "float32"
        self._families = families
        self._entries: OrderedDict[_Key, _Entry] = OrderedDict()
        self._moved: set[_Key] = set()
        self._changed = threading.Condition()

    def resolve(self, family: str, model: Model[Any]) -> ModelSource:
        """Which weights `model` stands for in this pool, without loading them. Raises `ModelError`."""
        return find_family(family, self._families).resolve(model.ref or self.preset, offline=self.offline)

    def device_of(self, model: Model[Any]) -> str:
        """The device that `model` runs on in this pool."""
        return model.device or self.device

    def dtype_of(self, model: Model[Any]) -> str:
        """The dtype that `model` runs in, in this pool."""
        return model.dtype or self.dtype

    def loaded(self) -> tuple[ModelSource, ...]:
        """The models in memory, the least recently used first."""
        with self._changed:
            return tuple(entry.source for entry in self._entries.values() if _is_ready(entry))

    def clear(self) -> None:
        """Drop every model that nobody leases."""
        with self._changed:
            evicted = self._drop_idle()
        _announce(evicted)

    def remedies(self, family: str, model: Model[Any]) -> Iterator[str]:
        """Ways to take less memory when it ran out while `model` was at work, from the mildest to the slowest.

        Each is carried out when it is asked for, holds from then on, and says what it did: models that nobody uses go;
        the model itself works in smaller parts, or waits in main memory (`Sparing`); it moves to the processor.
        """
        key = self._key(self.resolve(family, model), model)
        with self._changed:
            evicted = self._drop_idle(but=key)
        _announce(evicted)
        _tidy()
        if evicted:
            yield "without the models that nobody was using"
        yield from self._spared(key)
        if key[-1] != _CPU:
            self._move_to_cpu(key)
            yield f"{family}: on the processor"

    def _spared(self, key: _Key) -> Iterator[str]:
        with self._changed:
            entry = self._entries.get(key)
        worker = entry.model.result() if entry is not None and _is_ready(entry) else None
        while isinstance(worker, Sparing) and (way := worker.spare_memory()):
            yield f"{key[0]}: {way}"

    def _move_to_cpu(self, key: _Key) -> None:
        with self._changed:
            self._moved.add(key)
            evicted = [self._entries.pop(key).evicted()] if key in self._entries else []
        _announce(evicted)
        _tidy()

    @contextmanager
    def lease(self, family: str, model: Model[Any]) -> Iterator[Any]:
        """Lend a model for the length of the block; see `pipelines.models.lease`."""
        entry = self._pinned(family, model)
        token = _leases_held.set(_leases_held.get() + 1)
        try:
            yield _wait_for(entry.model)
        finally:
            _leases_held.reset(token)
            with self._changed:
                entry.pins -= 1
                self._changed.notify_all()

    def _pinned(self, family: str, model: Model[Any]) -> _Entry:
        """The entry of `model`, pinned; its building has begun but need not have ended."""
        source = self.resolve(family, model)
        key = self._key(source, model)
        with self._changed:
            entry, is_new, evicted = self._take(key, source)
            over_budget = self._missing_bytes(0)
        _announce(evicted)
        if is_new:
            current_scope().emit(ModelLoading(family, source.ref, entry.device, over_budget))
            _LOADER.submit(copy_context().run, self._build, key, entry, self.dtype_of(model), tidy=bool(evicted))
        return entry

    def _key(self, source: ModelSource, model: Model[Any]) -> _Key:
        """What tells this model from others on the shelf; the device is where it runs now."""
        asked = (source.family, source.origin, source.revision, self.dtype_of(model), self.device_of(model))
        return (*asked[:-1], _CPU) if asked in self._moved else asked

    def _take(self, key: _Key, source: ModelSource) -> tuple[_Entry, bool, list[ModelEvicted]]:
        """Pin the entry of `key`, made if need be once there is room. Called with the lock held."""
        evicted: list[ModelEvicted] = []
        while key not in self._entries:
            evicted += self._drop_idle(source.size_bytes or 0)
            if not self._must_wait(source.size_bytes or 0):
                break
            self._changed.wait(_POLL_SECONDS)
            current_scope().check_cancelled()
        is_new = key not in self._entries
        entry = self._entries.setdefault(key, _Entry(source, key[-1]))
        self._entries.move_to_end(key)
        entry.pins += 1
        return entry, is_new, evicted

    def _must_wait(self, size: int) -> bool:
        return bool(self._entries) and self._missing_bytes(size) > 0 and not _leases_held.get()

    def _missing_bytes(self, size: int) -> int:
        """By how many bytes the budget would be exceeded if `size` more were loaded."""
        if self.budget_bytes is None:
            return 0
        return max(0, size + sum(entry.size for entry in self._entries.values()) - self.budget_bytes)

    def _drop_idle(self, size: int | None = None, *, but: _Key | None = None) -> list[ModelEvicted]:
        """Drop models without a lease, all or as many as make room for `size` bytes. Called with the lock held."""
        dropped = []
        for key, entry in list(self._entries.items()):
            if size is not None and not self._missing_bytes(size):
                break
            if entry.is_idle and key != but:
                dropped.append(self._entries.pop(key).evicted())
        return dropped

    def _build(self, key: _Key, entry: _Entry, dtype: str, *, tidy: bool) -> None:
        """Build the model of `entry`, after others have made room for it if `tidy`; runs in the loader thread."""
        started = perf_counter()
        if tidy:
            _tidy()
        try:
            model = self._load(entry, dtype)
        except BaseException as error:  # noqa: BLE001 - handed to whoever leases
            with self._changed:
                self._entries.pop(key, None)
                self._changed.notify_all()
            entry.model.set_exception(error)
        else:
            source = entry.source
            current_scope().emit(ModelLoaded(source.family, source.ref, entry.device, perf_counter() - started))
            entry.model.set_result(model)

    def _load(self, entry: _Entry, dtype: str) -> Any:
        """Load once; when memory runs out, drop everything idle and try once more."""
        family = find_family(entry.source.family, self._families)
        try:
            return family.load(entry.source, device=entry.device, dtype=dtype)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
        # Outside the handler, whose traceback keeps the half-built model alive.
        self.clear()
        _tidy()
        return family.load(entry.source, device=entry.device, dtype=dtype)


def _is_ready(entry: _Entry) -> bool:
    return entry.model.done() and entry.model.exception() is None


def _wait_for(model: Future[Any]) -> Any:
    """The built model; gives up waiting when the run is cancelled (the building goes on for the next one)."""
    while not wait([model], timeout=_POLL_SECONDS).done:
        current_scope().check_cancelled()
    return model.result()


def _announce(evicted: list[ModelEvicted]) -> None:
    for event in evicted:
        current_scope().emit(event)


def _tidy() -> None:
    """See to it that the memory of dropped models is free for others: cycles may hold them, and malloc keeps it."""
    gc.collect()
    return_freed_memory()
