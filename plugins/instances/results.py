"""A detector's results for a whole data set: read entry by entry, held in columns.

As Python objects half a million detections with masks take a gigabyte and more; in columns they take 90 bytes each
beside their run lengths.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plugins.instances.checking import check_result
from plugins.instances.filled import check_filled
from plugins.instances.json_list import elements
from plugins.instances.truth import Record, Truth

_PORTION = 1000
_NO_BOX = [float("nan")] * 4


class Results:
    """Detections in the order in which they came: `image_id`, `category_id` and `score`, `bbox` and `segmentation`."""

    def __init__(self, entries: Iterable[Record] = ()) -> None:
        self._numbers, self._values = array("q"), array("d")
        self._sizes, self._ends, self._counts = array("q"), array("q"), bytearray()
        self.add(entries)

    def add(self, entries: Iterable[Record]) -> None:
        """Append detections, which `check_result` would accept."""
        for entry in entries:
            mask = entry.get("segmentation") or {"size": (0, 0), "counts": ""}
            self._numbers.extend((entry["image_id"], entry["category_id"]))
            self._values.extend((entry["score"], *entry.get("bbox", _NO_BOX)))
            self._sizes.extend(mask["size"])
            self._counts += mask["counts"].encode("ascii")
            self._ends.append(len(self._counts))

    def __len__(self) -> int:
        return len(self._ends)

    def __iter__(self) -> Iterator[Record]:
        return map(self.record, range(len(self)))

    @property
    def pictures(self) -> NDArray[np.int64]:
        """`(N,)` the picture of each."""
        return np.array(self._numbers, np.int64).reshape(-1, 2)[:, 0]

    @property
    def categories(self) -> NDArray[np.int64]:
        """`(N,)` the category of each."""
        return np.array(self._numbers, np.int64).reshape(-1, 2)[:, 1]

    @property
    def scores(self) -> NDArray[np.float64]:
        """`(N,)`."""
        return np.array(self._values, np.float64).reshape(-1, 5)[:, 0]

    @property
    def boxed(self) -> NDArray[np.bool_]:
        """`(N,)` which have a box."""
        return ~np.isnan(np.array(self._values, np.float64).reshape(-1, 5)[:, 1])

    @property
    def boxes(self) -> NDArray[np.float64]:
        """`(N, 4)` x, y, width, height; of one that has only a mask the box around that."""
        found = np.array(self._values, np.float64).reshape(-1, 5)[:, 1:]
        for some in _portions(np.flatnonzero(~self.boxed)):
            found[some] = coco_masks().toBbox(self.masks(some))
        return found

    @cached_property
    def areas(self) -> NDArray[np.int64]:
        """`(N,)` pixels of each mask, 0 where there is none; made once the last detection is there."""
        found = np.zeros(len(self), np.int64)
        for some in _portions(np.flatnonzero(self._lengths)):
            found[some] = coco_masks().area(self.masks(some))
        return found

    def masks(self, places: NDArray[np.int64]) -> list[Record]:
        """The masks of some that have one, as COCO's run lengths."""
        ends = np.array(self._ends, np.int64)[places]
        starts = ends - self._lengths[places]
        sizes = np.array(self._sizes, np.int64).reshape(-1, 2)[places]
        return [
            {"size": size, "counts": self._counts[start:end].decode("ascii")}
            for size, start, end in zip(sizes.tolist(), starts.tolist(), ends.tolist(), strict=True)
        ]

    def check_masks(self, where: str) -> None:
        """Raise `UserError` for the first whose run lengths are damaged or do not fill its picture."""
        for some in _portions(np.flatnonzero(self._lengths)):
            numbers = (some + 1).tolist()
            check_filled(self.masks(some), _name(where, numbers))

    @property
    def without_mask(self) -> int:
        """How many have no mask."""
        return int((self._lengths == 0).sum())

    @property
    def _lengths(self) -> NDArray[np.int64]:
        """`(N,)` letters of each one's run lengths."""
        ends = np.array(self._ends, np.int64)
        ends[1:] -= ends[:-1].copy()
        return ends

    def record(self, place: int) -> Record:
        """One detection as COCO has it."""
        score, *box = self._values[5 * place : 5 * place + 5]
        image, category = self._numbers[2 * place : 2 * place + 2]
        found: Record = {"image_id": image, "category_id": category, "score": score}
        if box[0] == box[0]:
            found["bbox"] = box
        start = self._ends[place - 1] if place else 0
        if self._ends[place] > start:
            size = list(self._sizes[2 * place : 2 * place + 2])
            found["segmentation"] = {"size": size, "counts": self._counts[start : self._ends[place]].decode("ascii")}
        return found

    def without(self, pictures: Collection[int]) -> Results:
        """The same of fewer pictures."""
        kept = np.flatnonzero(~np.isin(self.pictures, list(pictures)))
        return Results(map(self.record, kept.tolist()))

    def of_picture(self, number: int) -> list[Record]:
        """The detections of one picture."""
        return [self.record(place) for place in self._by_picture.get(number, ())]

    @cached_property
    def _by_picture(self) -> dict[int, Sequence[int]]:
        """Made once the last detection is there."""
        pictures = self.pictures
        order = np.argsort(pictures, kind="stable")
        numbers, counts = np.unique(pictures, return_counts=True)
        ends = np.cumsum(counts)
        parts = zip(numbers.tolist(), (ends - counts).tolist(), ends.tolist(), strict=True)
        return {number: order[start:end].tolist() for number, start, end in parts}


def _name(where: str, numbers: Sequence[int]) -> Callable[[int], str]:
    return lambda place: f"{where}: detection {numbers[place]}"


def coco_masks() -> Any:
    """The library's functions for run lengths, loaded when first asked for."""
    from faster_coco_eval.core import mask

    return mask


def _portions(places: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Not too many at once: as Python objects masks take much memory."""
    return (places[start : start + _PORTION] for start in range(0, len(places), _PORTION))


def read_results(path: Path, truth: Truth | None = None) -> Results:
    """Read a detector's results: a list of `image_id`, `category_id`, `bbox` and/or `segmentation`, `score`.

    With `truth`, they must be about its pictures and categories. Raises `UserError`.
    """
    found = Results(checked(path, truth))
    found.check_masks(str(path))
    return found


def checked(path: Path, truth: Truth | None = None) -> Iterator[Record]:
    """The entries of a results file one after another; raises `UserError` at the first that is none."""
    for number, entry in enumerate(elements(path), start=1):
        check_result(entry, f"{path}: detection {number}", truth)
        yield entry
