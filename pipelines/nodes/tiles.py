"""Small things in large pictures: look at overlapping tiles, each of them enlarged, and join what was found.

The idea is that of Slicing Aided Hyper Inference (Akyon et al. 2022, arXiv 2202.06934). Joining is by what two tiles
both see: two boxes are one thing if they agree within the overlap of their tiles, also where an edge cuts one of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import PortError
from pipelines.nodes.selection import names_of, scores_of, taken
from pipelines.signature import node
from pipelines.values import Boxes, Detections, Each, Image, Many, empty_detections

Windows = NDArray[np.float64]

# Detectors end a box that is cut by an edge about this share of the tile short of it.
_AT_EDGE = 0.01
# Less than this of both boxes within the overlap of their tiles says nothing about whether they are one.
_LEAST_SHARED = 0.05


@node("tiles/cut", version=1)
def cut(image: Image, *, size: int = 640, overlap: float = 0.2, whole: bool = True) -> Each[Image]:
    """Cut a picture into overlapping squares, to look at each by itself; tiles/join brings together what was found.

    As few tiles as are needed, evenly spread. A picture no larger than a tile is one.

    Args:
        image: the picture.
        size: side of a tile in pixels.
        overlap: how much neighbours have in common, at least, as a share of the side, less than 1.
        whole: look at the whole picture as well, for things that are larger than a tile.
    """
    if size < 1 or not 0 <= overlap < 1:
        raise PortError(
            f"tiles of {size} pixels with an overlap of {overlap:g} cannot be cut. Give 1 or more, and 0 to 1."
        )
    columns, rows = (_starts(length, size, overlap) for length in image.size)
    tiles = {"whole": image} if whole or len(columns) == len(rows) == 1 else {}
    if len(columns) == len(rows) == 1:
        return tiles
    return tiles | {f"{x},{y}": _part(image, x, y, size) for y in rows for x in columns}


@node("tiles/join", version=1)
def join(
    image: Image, tiles: Many[Image], boxes: Many[Boxes], *, agreement: float = 0.5, across_classes: bool = False
) -> Boxes:
    """Bring together the boxes that were found in tiles, in the pixels of the whole picture, the surest first.

    A thing that several tiles see is kept once: as the tile that shows the whole of it has it, else put together from
    its parts. Masks are left out, since those of a tile end at its edges: cut them from the whole picture.

    Args:
        image: the picture that the tiles were cut from.
        tiles: the tiles.
        boxes: what was found in each.
        agreement: two boxes are one thing if they overlap as much (IoU) within what both of their tiles see.
        across_classes: join boxes with different names too; the surer gives its name.
    """
    found, windows = _in_picture(image, tiles, boxes)
    if not len(found):
        return empty_detections((image.height, image.width), masks=False)
    sights = _Sights(np.asarray(found.xyxy, np.float64), windows, image.size)
    return _joined(found, sights, _groups(found, sights, agreement, across_classes=across_classes))


def _groups(found: Detections, sights: _Sights, agreement: float, *, across_classes: bool) -> list[list[int]]:
    """Rows that are one thing, what no edge cuts before what one does, and the surest first."""
    names = np.array([""] * len(found) if across_classes else [name.casefold() for name in names_of(found)])
    groups: dict[int, list[int]] = {}
    leaders = np.full(len(found), -1)
    for row in np.lexsort((-scores_of(found), sights.is_cut)).tolist():
        others = np.flatnonzero((leaders >= 0) & (names == names[row]))
        agreements = sights.agreements(row, others)
        best = int(agreements.argmax()) if others.size else 0
        leaders[row] = leaders[others[best]] if others.size and agreements[best] >= agreement else row
        groups.setdefault(int(leaders[row]), []).append(row)
    return list(groups.values())


@dataclass(frozen=True, eq=False)
class _Sights:
    """Boxes and the windows that they were seen through, both `(N, 4)` x0 y0 x1 y1 in the picture's pixels."""

    boxes: Windows
    windows: Windows
    size: tuple[int, int]

    @property
    def is_cut(self) -> NDArray[np.bool_]:
        """Which boxes end at an edge of their window that is none of the picture: `(N,)`."""
        sides = np.tile(self.windows[:, 2:] - self.windows[:, :2], 2) * _AT_EDGE
        at_edge = np.abs(self.boxes - self.windows) <= np.maximum(sides, 1)
        inner = self.windows != np.array([0, 0, *self.size])
        return np.asarray((at_edge & inner).any(axis=1))

    def agreements(self, row: int, others: NDArray[np.intp]) -> NDArray[np.float64]:
        """The IoU of a box with each of others, within what both windows see: `(M,)`."""
        shared = _common(self.windows[row], self.windows[others])
        mine, theirs = _common(self.boxes[row], shared), _common(self.boxes[others], shared)
        both = _areas(_common(mine, theirs))
        most = np.maximum(_areas(mine) / _areas(self.boxes[row]), _areas(theirs) / _areas(self.boxes[others]))
        iou = both / np.maximum(_areas(mine) + _areas(theirs) - both, 1e-9)
        return np.asarray(np.where(most >= _LEAST_SHARED, iou, 0))


def _joined(found: Detections, sights: _Sights, groups: list[list[int]]) -> Detections:
    """One detection a group: its first, or where that is cut, the box around all of the group."""
    boxes = np.array(found.xyxy, np.float32)
    scores = scores_of(found).copy()
    is_cut = sights.is_cut
    for leader, *others in groups:
        scores[leader] = max(scores[[leader, *others]])
        if is_cut[leader] and others:
            parts = boxes[[leader, *others]]
            boxes[leader] = [*parts[:, :2].min(axis=0), *parts[:, 2:].max(axis=0)]
    leaders = sorted((group[0] for group in groups), key=lambda row: -scores[row])
    result = taken(replace(found, xyxy=boxes, confidence=scores), leaders)
    result.data["instance_id"] = np.arange(len(result), dtype=np.int64)
    return result


def _in_picture(image: Image, tiles: Many[Image], boxes: Many[Boxes]) -> tuple[Detections, Windows]:
    """All boxes moved to where they are in the picture, and for each the window of its tile."""
    moved, windows = [], [np.empty((0, 4))]
    for key, found in boxes.items():
        tile = tiles[key]
        x, y = tile.offset[0] - image.offset[0], tile.offset[1] - image.offset[1]
        if not len(found):
            continue
        moved.append(replace(found, mask=None, xyxy=found.xyxy + np.array([x, y, x, y], np.float32)))
        windows.append(np.tile([x, y, x + tile.width, y + tile.height], (len(found), 1)))
    merged: Detections = Detections.merge(moved)
    return merged, np.concatenate(windows)


def _starts(length: int, size: int, overlap: float) -> list[int]:
    """Where tiles begin along one side, the first at 0 and the last flush with the end."""
    if length <= size:
        return [0]
    count = int(np.ceil((length - size) / max(1, size * (1 - overlap)))) + 1
    return [round(start) for start in np.linspace(0, length - size, count)]


def _part(image: Image, x: int, y: int, size: int) -> Image:
    window = np.s_[y : y + size, x : x + size]
    return replace(
        image,
        pixels=image.pixels[window].copy(),
        alpha=None if image.alpha is None else image.alpha[window].copy(),
        offset=(image.offset[0] + x, image.offset[1] + y),
    )


def _common(box: Windows, others: Windows) -> Windows:
    """Where boxes overlap, in pairs; of those that do not, one without an area."""
    left_top = np.maximum(box[..., :2], others[..., :2])
    right_bottom = np.minimum(box[..., 2:], others[..., 2:])
    return np.concatenate([left_top, np.maximum(left_top, right_bottom)], axis=-1)


def _areas(boxes: Windows) -> NDArray[np.float64]:
    return np.asarray(np.maximum((boxes[..., 2:] - boxes[..., :2]).prod(axis=-1), 1e-9))
