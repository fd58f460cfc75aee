"""What a model is to the engine: a name in a port, weights in a place, and somebody who loads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from pipelines.errors import ModelError

FAMILIES_GROUP = "samloom.models"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Model(Generic[T]):
    """Which model a node should use; a plain value that costs nothing until it is leased.

    `ref` is a preset ("bundled", "base", "large"), a directory or a hub id; None leaves it to the pool's preset.
    `device` ("cpu", "cuda:1") and `dtype` ("float32", "bfloat16") override the pool's.
    """

    ref: str | None = None
    device: str | None = None
    dtype: str | None = None


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Where a model's weights are and which they are, known without loading them.

    `revision` is a content id of local weights or a commit of a hub; it is part of every cache key of a node that uses
    the model. `size_bytes` is what the weights take in memory, as far as known; the pool's budget counts it.
    `repository` names what lies on a hub, before the download and after it.
    """

    family: str
    ref: str
    location: Path | str
    revision: str
    size_bytes: int | None = None
    repository: str = ""

    @property
    def origin(self) -> str:
        """What tells these weights from others of the same revision: a download changes where they lie, not which."""
        return self.repository or str(self.location)


@runtime_checkable
class Sparing(Protocol):
    """A loaded model that can work in less memory, at the price of time."""

    def spare_memory(self) -> str:
        """Take less memory from now on, by one step; says how, or nothing where no step is left."""
        ...


@runtime_checkable
class ModelFamily(Protocol):
    """How one family's models are found and built: what an entry point of the group `samloom.models` gives.

    `load` runs in the one loader thread of the process, so it must not lease models itself.
    """

    @property
    def name(self) -> str: ...

    def resolve(self, ref: str, *, offline: bool) -> ModelSource:
        """Find the weights, cheaply and without importing a model library. Raises `ModelError`."""
        ...

    def load(self, source: ModelSource, *, device: str, dtype: str) -> Any:
        """Build the model, ready for inference on `device`. Raises `ModelError`."""
        ...


def find_family(name: str, families: Mapping[str, ModelFamily] | None = None) -> ModelFamily:
    """The family called `name`, from `families` or else from the installed plugins. Raises `ModelError`."""
    if families is None:
        return _installed_family(name)
    if name not in families:
        raise ModelError(f"No family '{name}' of models. There are: {', '.join(sorted(families)) or 'none'}.")
    return families[name]


@cache
def _installed_family(name: str) -> ModelFamily:
    points = _entry_points()
    if name not in points:
        known = ", ".join(sorted(points)) or "none"
        raise ModelError(f"No installed plugin loads models of the family '{name}'. Installed: {known}.")
    plugin = f"The plugin for '{name}' models ({points[name].value})"
    try:
        family = points[name].load()
    except Exception as error:
        raise ModelError(f"{plugin} cannot be imported: {error}") from error
    if not isinstance(family, ModelFamily):
        raise ModelError(f"{plugin} must have a name, resolve and load.")
    return family


@cache
def _entry_points() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=FAMILIES_GROUP)}
