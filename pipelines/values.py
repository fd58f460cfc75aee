"""What crosses an edge of the graph: frozen values that know nothing of models, tensors or files.

Boxes and instance masks are `supervision.Detections`, the type that the field's annotators, exporters and metrics take.
What a detection carries beyond boxes is a capability beside the type, not a subclass: slicing a subclass of
`Detections` gives back the plain class.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import PortError
from pipelines.plans import Edit, EditPlan

__all__ = [
    "Axis",
    "Boxes",
    "Detections",
    "Each",
    "Edit",
    "EditPlan",
    "Embedding",
    "Has",
    "Image",
    "Many",
    "Mask",
    "Masks",
    "Text",
    "empty_detections",
]

T = TypeVar("T")


class _Deferred(type):
    """Makes a name stand for `supervision.Detections` without importing supervision before it is used."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return _supervision_detections()(*args, **kwargs)

    def __instancecheck__(cls, value: object) -> bool:
        # Before supervision is imported, nothing can be an instance of its classes.
        real = getattr(sys.modules.get("supervision"), "Detections", None)
        return real is not None and isinstance(value, real)

    def __getattr__(cls, name: str) -> Any:
        # typing looks for its own dunder names on every class that it meets: they must not cause the import.
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(_supervision_detections(), name)


def _supervision_detections() -> Any:
    import supervision

    return supervision.Detections


if TYPE_CHECKING:
    from supervision import Detections
else:

    class Detections(metaclass=_Deferred):
        """`supervision.Detections`: `xyxy` (N, 4) in image pixels, `mask` (N, H, W) bool or None, `confidence` (N,).

        Every detection keeps `data["class_name"]` (the user's own words) and `data["instance_id"]` (int).
        """


@dataclass(frozen=True)
class Has:
    """The capabilities of detections: names of what each of them carries beside its box, such as `"mask"`."""

    names: frozenset[str]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", frozenset(names))


@dataclass(frozen=True)
class Axis:
    """Marks a port that carries a whole axis: values by key."""

    opens: bool


Boxes = Annotated[Detections, Has()]
Masks = Annotated[Detections, Has("mask")]
Text = str

Each = Annotated[Mapping[str, T], Axis(opens=True)]
"""What a node returns to open an axis: a mapping from key to value. Nodes that take `T` are then run for each key."""

Many = Annotated[Mapping[str, T], Axis(opens=False)]
"""What a node takes to close an axis: the values of all keys, in the order in which the axis was opened."""


@dataclass(frozen=True, eq=False)
class Image:
    """A picture, upright: `pixels` (H, W, 3) uint8 RGB and `alpha` (H, W) uint8 or None, both read-only.

    `offset` is the (x, y) of the upper left pixel in the picture that this one was cut from. ICC profile and EXIF are
    kept for the way out. The image takes over the arrays: they are made read-only in place.
    """

    pixels: NDArray[np.uint8]
    alpha: NDArray[np.uint8] | None = None
    source: str | None = None
    icc_profile: bytes | None = None
    exif: bytes | None = None
    offset: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[2] != 3 or 0 in self.pixels.shape:
            raise PortError(f"an image has pixels of shape (height, width, 3), not {self.pixels.shape}.")
        if self.pixels.dtype != np.uint8:
            raise PortError(f"an image has pixels of type uint8 from 0 to 255, not {self.pixels.dtype}.")
        if self.alpha is not None and (self.alpha.shape != self.pixels.shape[:2] or self.alpha.dtype != np.uint8):
            raise PortError(f"alpha has the height and width of its image as uint8, not {self.alpha.shape}.")
        for array in (self.pixels, self.alpha):
            _freeze(array)

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def size(self) -> tuple[int, int]:
        """(width, height), as Pillow and the command line say it."""
        return self.width, self.height

    def __repr__(self) -> str:
        named = f", source={self.source!r}" if self.source else ""
        return f"Image({self.width} × {self.height}{named})"

    def _repr_png_(self) -> bytes:
        """The picture, as notebooks show it."""
        from pipelines.images import encode

        return encode(self)

    @cached_property
    def content_id(self) -> str:
        """Hash of everything that a node can see of this picture."""
        from pipelines.content import content_id

        return content_id((self.pixels, self.alpha, self.source, self.icc_profile, self.exif, self.offset))


@dataclass(frozen=True, eq=False)
class Mask:
    """One region of a picture: `array` (H, W), bool or float32 in [0, 1], read-only."""

    array: NDArray[np.bool_] | NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.array.ndim != 2 or self.array.dtype not in (np.bool_, np.float32):
            raise PortError(f"a mask is (height, width) of bool or float32, not {self.array.shape} {self.array.dtype}.")
        _freeze(self.array)

    def __repr__(self) -> str:
        height, width = self.array.shape
        return f"Mask({width} × {height}, {self.array.dtype})"

    def _repr_png_(self) -> bytes:
        """White inside and black outside, as notebooks show it."""
        from pipelines.images import encode

        grey = np.rint(self.array.astype(np.float32) * 255).astype(np.uint8)
        return encode(Image(np.repeat(grey[..., None], 3, axis=2)))


@dataclass(frozen=True, eq=False)
class Embedding:
    """One picture or sentence as a vector: `array` (D,) float32, read-only."""

    array: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.array.ndim != 1 or self.array.dtype != np.float32:
            raise PortError(f"an embedding is (length,) of float32, not {self.array.shape} {self.array.dtype}.")
        _freeze(self.array)


def empty_detections(shape: tuple[int, int], *, masks: bool) -> Detections:
    """Nothing found in a picture of `shape` (height, width): a value like any other, with every field in place."""
    return Detections(
        xyxy=np.empty((0, 4), np.float32),
        mask=np.empty((0, *shape), np.bool_) if masks else None,
        confidence=np.empty(0, np.float32),
        class_id=np.empty(0, np.int64),
        data={"class_name": np.empty(0, np.str_), "instance_id": np.empty(0, np.int64)},
    )


def _freeze(array: NDArray[Any] | None) -> None:
    if array is not None:
        array.setflags(write=False)
