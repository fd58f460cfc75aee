"""What every set of annotated pictures gives: a picture and the outlines of things in it."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
import PIL.Image
import PIL.ImageOps
from jaxtyping import Bool, Float, UInt8

from sam_model.data.polygons import fill_polygons
from sam_model.errors import DatasetError
from sam_model.ops.rle import Rle, decode

Outline: TypeAlias = Rle | tuple[Float[np.ndarray, "_ 2"], ...]
"""One thing: run lengths, or the rings of its parts in pixels of the picture."""

DAMAGE = (
    PIL.Image.DecompressionBombError,
    *(OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, struct.error, zlib.error),
)
"""What Pillow raises on damaged files and on pictures beyond its limit."""


@dataclass(frozen=True, eq=False)
class AnnotatedPicture:
    """A picture on disk and what is marked in it."""

    path: Path
    size: tuple[int, int]
    """(height, width) to which the outlines belong."""
    outlines: tuple[Outline, ...]

    def read(self) -> UInt8[np.ndarray, "height width 3"]:
        """Read the picture as RGB, upright as its outlines are.

        Raises:
            DatasetError: when it cannot be read, or its size is another than that of its outlines.
        """
        try:
            with PIL.Image.open(self.path) as image:
                upright = image if self._fits(image) else PIL.ImageOps.exif_transpose(image)
                pixels = upright.convert("RGB")
        except DAMAGE as error:
            raise DatasetError(f"{self.path} cannot be read as a picture: {error}") from error
        if not self._fits(pixels):
            height, width = self.size
            raise DatasetError(
                f"{self.path} has {pixels.width}x{pixels.height} pixels, its annotations expect {width}x{height}"
            )
        rgb: UInt8[np.ndarray, "height width 3"] = np.asarray(pixels)
        return rgb

    def mask(self, outline: Outline) -> Bool[np.ndarray, "height width"]:
        """Draw one of the outlines."""
        height, width = self.size
        if isinstance(outline, Rle):
            (mask,) = decode([outline], height=height, width=width)
            return np.asarray(mask)
        return fill_polygons(outline, height=height, width=width)

    def _fits(self, image: PIL.Image.Image) -> bool:
        return (image.height, image.width) == self.size


@runtime_checkable
class MaskDataset(Protocol):
    """Pictures by number, each with at least one outline."""

    left_out: Counter[str]
    """What was found and cannot be used, by reason."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> AnnotatedPicture: ...


def describe(dataset: MaskDataset) -> str:
    """Say how much there is to learn from, and what was left out."""
    number = "1 picture" if len(dataset) == 1 else f"{len(dataset):,} pictures"
    return f"{number}; {_what(dataset.left_out)}" if dataset.left_out else number


def require_pictures(pictures: Sequence[object], source: Path, left_out: Counter[str]) -> None:
    """Raise `DatasetError` where nothing is left."""
    if not pictures:
        raise DatasetError(f"{source} holds no picture with a mask{f'; {_what(left_out)}' if left_out else ''}")


def _what(left_out: Counter[str]) -> str:
    return "left out: " + ", ".join(f"{reason} ({count:,})" for reason, count in sorted(left_out.items()))
