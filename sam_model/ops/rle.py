"""Masks as run lengths, compatible with COCO and pycocotools: exact, a few hundred bytes each.

Runs of 0 and 1 alternate down the columns, from left to right, and begin with 0 (pycocotools, maskApi.c).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Bool, Int64
from numpy.typing import ArrayLike

from sam_model.errors import MaskError
from sam_model.ops.rle_text import from_text, to_text

PIXELS_AT_ONCE = 1 << 22
"""Small masks are encoded together, up to about what a processor's cache holds."""
WORD = 8
"""Bytes that are compared with 0 at once."""
NOISY = 1 / 12
"""From this share of words with an edge in them on, turning the whole stack is cheaper than sorting the edges."""


@dataclass(frozen=True, slots=True)
class Rle:
    """A mask of height × width pixels. Two are equal exactly when their masks are."""

    height: int
    width: int
    counts: str
    """COCO's compressed text."""

    @classmethod
    def from_runs(cls, runs: ArrayLike, *, height: int, width: int) -> Rle:
        """Take uncompressed run lengths.

        Raises:
            MaskError: for anything but whole numbers, none negative, that add up to height × width.
        """
        lengths = _whole_numbers(runs)
        if lengths.sum() != height * width:
            raise MaskError(f"run lengths add up to {lengths.sum()} pixels, but {height}x{width} are {height * width}")
        if (lengths[1:] == 0).any():
            lengths = _joined(lengths)
        return cls(height, width, to_text(lengths, np.array([len(lengths)]))[0])

    @classmethod
    def from_coco(cls, segmentation: object) -> Rle:
        """Take `{"size": [height, width], "counts": text, bytes or a list of runs}`, as COCO and SA-1B have it.

        Raises:
            MaskError: for polygons, other keys or types, and runs that do not fill the size.
        """
        if not isinstance(segmentation, Mapping):
            given = type(segmentation).__name__
            raise MaskError(
                f"a segmentation must be run lengths, {{'size', 'counts'}}, not {given} (polygons are none)"
            )
        height, width = _size(segmentation.get("size"))
        match segmentation.get("counts"):
            case str(text):
                runs = from_text(text)
            case bytes(text):
                runs = from_text(text.decode("latin-1"))
            case list(runs):
                pass
            case other:
                raise MaskError(f"'counts' must be text or a list of whole numbers, not {type(other).__name__}")
        return cls.from_runs(runs, height=height, width=width)

    def to_coco(self, *, compressed: bool = True) -> dict[str, Any]:
        """Give what COCO's JSON files hold; `compressed` as text, otherwise as a list of runs."""
        return {"size": [self.height, self.width], "counts": self.counts if compressed else self.runs.tolist()}

    @property
    def runs(self) -> Int64[np.ndarray, " runs"]:
        """Lengths of the runs of 0 and 1 in turn; the first, of 0, may be 0."""
        return from_text(self.counts)

    @property
    def area(self) -> int:
        """Number of pixels inside."""
        return int(self.runs[1::2].sum())

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) in pixels, right and bottom exclusive; zeros for an empty mask.

        `pycocotools.mask.toBbox` gives the same box as left, top, width and height.
        """
        edges = np.cumsum(self.runs)
        ends = edges[1::2]
        if not len(ends):
            return 0, 0, 0, 0
        starts = edges[: 2 * len(ends) : 2]
        first, last = starts // self.height, (ends - 1) // self.height
        top, bottom = int((starts % self.height).min()), int(((ends - 1) % self.height).max()) + 1
        if (first != last).any():  # a run that goes on in the next column has touched the lowest and the highest row
            top, bottom = 0, self.height
        return int(first[0]), top, int(last[-1]) + 1, bottom


def encode(masks: Bool[np.ndarray, "n height width"]) -> list[Rle]:
    """Encode a stack of masks, in the order of C: no copy to Fortran's order is needed.

    Raises:
        MaskError: for another shape or type, and for masks without pixels.
    """
    stack = check_masks(masks)
    height, width = stack.shape[1:]
    size = max(1, PIXELS_AT_ONCE // (height * width))
    texts: list[str] = []
    for start in range(0, len(stack), size):
        texts += to_text(*_runs_of(stack[start : start + size]))
    return [Rle(height, width, text) for text in texts]


def decode(rles: Sequence[Rle], *, height: int, width: int) -> Bool[np.ndarray, "n height width"]:
    """Decode masks of one size into a stack; none give a stack of none.

    Raises:
        MaskError: when a mask has another size.
    """
    for index, rle in enumerate(rles):
        if (rle.height, rle.width) != (height, width):
            raise MaskError(f"mask {index} is {rle.width}x{rle.height} pixels, expected {width}x{height}")
    masks = np.zeros((len(rles), height, width), bool)
    for mask, rle in zip(masks, rles, strict=True):
        edges = np.cumsum(rle.runs)[:-1]
        mask[edges % height, edges // height] = True
        mask[0] = np.searchsorted(edges, np.arange(width) * height, side="right") % 2 == 1
        for above, row in pairwise(mask):
            np.not_equal(above, row, out=row)
    return masks


def check_masks(masks: object) -> Bool[np.ndarray, "n height width"]:
    """Let only a stack of masks through.

    Raises:
        MaskError: saying what came instead.
    """
    if not isinstance(masks, np.ndarray):
        raise MaskError(f"masks must be a numpy array, not {type(masks).__name__}: use numpy.asarray(masks)")
    if masks.dtype != np.bool_:
        raise MaskError(f"masks must be bool, not {masks.dtype}: say where they are inside, as in masks > 0")
    if masks.ndim != 3:
        raise MaskError(f"masks must have shape (n, height, width), not {masks.shape}: masks[None] makes one a stack")
    if 0 in masks.shape[1:]:
        raise MaskError(f"masks of shape {masks.shape} have no pixels")
    return masks


def _runs_of(
    masks: Bool[np.ndarray, "n height width"],
) -> tuple[Int64[np.ndarray, " total"], Int64[np.ndarray, " n"]]:
    """Runs of several masks, one mask after another, and their numbers."""
    count, height, width = masks.shape
    edges, ends = _edges(masks), np.arange(1, count + 1, dtype=np.int64) * height * width
    cuts = np.searchsorted(edges, ends)
    return np.diff(np.insert(edges, cuts, ends), prepend=0), np.diff(cuts, prepend=0) + 1


def _edges(masks: Bool[np.ndarray, "n height width"]) -> Int64[np.ndarray, " edges"]:
    """Places, down the columns of one mask after another, of pixels that differ from the one before them.

    The first pixel of a column is compared with the last of the column before it, the very first with 0.
    """
    padded = np.zeros(-(-masks.size // WORD**2) * WORD**2, bool)
    changed = padded[: masks.size].reshape(masks.shape)
    np.not_equal(masks[:, 1:], masks[:, :-1], out=changed[:, 1:])
    np.not_equal(masks[:, 0, 1:], masks[:, -1, :-1], out=changed[:, 0, 1:])
    changed[:, 0, 0] = masks[:, 0, 0]
    in_words = padded.view(np.uint64) != 0
    if np.count_nonzero(in_words) > NOISY * len(in_words):
        return np.flatnonzero(changed.transpose(0, 2, 1))
    words = _places(in_words, np.flatnonzero(in_words.view(np.uint64)))
    mask, row, column = np.unravel_index(_places(padded, words), masks.shape)
    _, height, width = masks.shape
    return np.sort((mask * width + column) * height + row)


def _places(flags: Bool[np.ndarray, " size"], words: Int64[np.ndarray, " words"]) -> Int64[np.ndarray, " places"]:
    """Where flags are set, given the words of eight flags with any: few, as masks are mostly smooth."""
    word, byte = np.nonzero(flags.reshape(-1, WORD)[words])
    return np.asarray(words[word] * WORD + byte)


def _joined(runs: Int64[np.ndarray, " runs"]) -> Int64[np.ndarray, " fewer"]:
    """The same mask without runs of length 0, except in front."""
    places, crossings = np.unique(np.cumsum(runs)[:-1], return_counts=True)
    total = runs.sum()
    edges = places[(crossings % 2 == 1) & (places < total)]
    return np.diff(edges, prepend=0, append=total)


def _whole_numbers(runs: ArrayLike) -> Int64[np.ndarray, " runs"]:
    try:
        lengths = np.asarray(runs)
    except ValueError:
        raise MaskError("run lengths must be a flat list of whole numbers") from None
    if lengths.ndim != 1 or not np.issubdtype(lengths.dtype, np.integer):
        raise MaskError("run lengths must be a flat list of whole numbers")
    if (lengths < 0).any():
        raise MaskError(f"a run cannot have {lengths[lengths < 0][0]} pixels")
    return lengths.astype(np.int64)


def _size(size: object) -> tuple[int, int]:
    match size:
        case [int(height), int(width)] if height > 0 and width > 0:
            return height, width
    raise MaskError(f"'size' must be [height, width] in pixels, not {size!r}")
