"""A detector's results for a whole data set: read entry by entry, held in columns.

As Python objects half a million detections with masks take a gigabyte and more; in columns they take 90 bytes each
beside their run lengths.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import UserError
from plugins.instances.filled import check_filled
from plugins.instances.truth import Record, Truth, check_result

_PIECE = 1 << 20
_PORTION = 1000
_AFTER = tuple(",] \t\r\n")
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
        numbers, starts = np.unique(pictures[order], return_index=True)
        return dict(zip(numbers.tolist(), map(np.ndarray.tolist, np.split(order, starts[1:])), strict=True))


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


def elements(path: Path) -> Iterator[Any]:
    """The elements of the list that a JSON file holds; of the file, only a piece is in memory."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            yield from _elements(_Reader(file), path)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is no JSON: {error}.") from error


def _elements(reader: _Reader, path: Path) -> Iterator[Any]:
    if not reader.takes("["):
        reader.element()
        raise UserError(f"{path} holds no results: expected a list of detections, as COCO's results files are.")
    ended = reader.takes("]")
    while not ended:
        yield reader.element()
        if not reader.takes(","):
            reader.expect("]")
            ended = True
    reader.expect("")


class _Reader:
    """JSON values from a file, one at a time."""

    def __init__(self, file: IO[str]) -> None:
        self._file, self._text, self._place, self._before = file, "", 0, 0
        self._decode = json.JSONDecoder().raw_decode

    def takes(self, sign: str) -> bool:
        """Whether the next character that is no blank is this one; it is then taken."""
        found = self._next() == sign
        self._place += found
        return found

    def expect(self, sign: str) -> None:
        """Take this character, or see that the file ends. Raises ValueError."""
        found = self._next()
        if found != sign:
            place = self._before + self._place + 1
            raise ValueError(f"expected {repr(sign) if sign else 'the end'}, found {found!r} at character {place}")
        self._place += len(sign)

    def element(self) -> Any:
        """The next value; more is read, ever more at once, until it is complete. Raises ValueError."""
        self._next()
        while True:
            try:
                element, end = self._decode(self._text, self._place)
            except json.JSONDecodeError as error:
                place = self._before + error.pos + 1
                if not self._read():
                    raise ValueError(f"{error.msg} at character {place}") from error
                continue
            # A number may go on in what has not been read yet: 4.5e and 2.
            if self._text[end : end + 1] in _AFTER or not self._read():
                self._place = end
                return element

    def _next(self) -> str:
        """The next character that is no blank, not taken; empty at the end."""
        while True:
            while self._place < len(self._text) and self._text[self._place].isspace():
                self._place += 1
            if self._place < len(self._text) or not self._read():
                return self._text[self._place : self._place + 1]

    def _read(self) -> bool:
        rest = self._text[self._place :]
        more = self._file.read(max(_PIECE, len(rest)))
        self._before += self._place
        self._text, self._place = rest + more, 0
        return bool(more)
