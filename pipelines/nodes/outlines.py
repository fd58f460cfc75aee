"""Masks as polygons that lose nothing: holes and parts are joined by slits of no width.

A polygon of most formats can neither have a hole nor be in several pieces. A slit that runs to a hole and back on the
same line cuts nothing off, and readers that fill by parity, as pycocotools, OpenCV and Pillow do, find the hole again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Ring: TypeAlias = NDArray[np.int64]
"""Points `(N, 2)` x y around a region or a hole, each a step from the one before."""

Through = Literal["centres", "corners"]

# A part is joined to the closest of so many others, told by so many points of each: that keeps the work linear.
_NEIGHBOURS, _SAMPLES = 32, 32


@dataclass(frozen=True)
class _Slit:
    """Where a ring (`child`, at its point `there`) hangs on another one (`parent`, at its point `here`)."""

    parent: int
    here: int
    child: int
    there: int


def parts_of(mask: NDArray[np.bool_], through: Through) -> Iterator[Ring]:
    """One closed polygon `(N, 2)` x y for each connected part of a mask `(H, W)`, its holes joined to its outline.

    Through the `centres` of the outermost pixels, which suits readers that draw a polygon with its border, or the
    `corners`, which encloses exactly the mask's area. A part of one pixel has its centre three times.
    """
    for part in _parts(mask, through):
        yield _straightened(_path(part, _slits_to_holes(part)))


def whole_of(mask: NDArray[np.bool_], through: Through) -> Ring:
    """All parts of a mask as one polygon, joined by lines of no width; of an empty mask, no points."""
    parts = sorted(_parts(mask, through), key=lambda part: int(part[0][:, 0].min()))
    if not parts:
        return np.empty((0, 2), np.int64)
    firsts = np.cumsum([0, *(len(part) for part in parts)]).tolist()
    slits = _slits_between([part[0] for part in parts], firsts)
    for first, part in zip(firsts, parts, strict=False):
        slits += [
            _Slit(first + slit.parent, slit.here, first + slit.child, slit.there) for slit in _slits_to_holes(part)
        ]
    return _straightened(_path([ring for part in parts for ring in part], slits))


def _slits_to_holes(part: list[Ring]) -> list[_Slit]:
    """A slit from each hole's left-most point to what lies left of it in its row: only the mask is between.

    Where holes share a point there is no way between, and the slit has no length. Rings come in the order of their
    left-most points, so that what a ring hangs on never hangs on it.
    """
    if len(part) == 1:
        return []
    owner = np.repeat(np.arange(len(part)), [len(ring) for ring in part])
    place = np.concatenate([np.arange(len(ring)) for ring in part])
    x, y = np.concatenate(part).T
    order = np.lexsort((owner, x, y))
    columns = int(x.max()) + 1
    keys = (y * columns + x)[order]
    slits = []
    for hole in range(1, len(part)):
        there = int(part[hole][:, 0].argmin())
        left, row = part[hole][there].tolist()
        at = int(np.searchsorted(keys, row * columns + left))
        while owner[order[at]] < hole:
            at += 1
        slits.append(_Slit(int(owner[order[at - 1]]), int(place[order[at - 1]]), hole, there))
    return slits


def _slits_between(outlines: list[Ring], numbers: list[int]) -> list[_Slit]:
    """A line from each part to one before it, from left to right."""
    sampled = [np.unique(np.linspace(0, len(ring) - 1, _SAMPLES).round().astype(int)) for ring in outlines]
    slits = []
    for own in range(1, len(outlines)):
        links = []
        for other in range(max(0, own - _NEIGHBOURS), own):
            ours, theirs = outlines[own][sampled[own]], outlines[other][sampled[other]]
            squares = ((theirs[:, None] - ours[None]) ** 2).sum(axis=2)
            here, there = np.unravel_index(int(squares.argmin()), squares.shape)
            links.append((int(squares.min()), other, int(sampled[other][here]), int(sampled[own][there])))
        _, other, here_at, there_at = min(links)
        slits.append(_Slit(numbers[other], here_at, numbers[own], there_at))
    return slits


def _path(rings: list[Ring], slits: list[_Slit]) -> Ring:
    """Round the first ring and, at every slit, to the ring that hangs there, round it, and back."""
    hanging: dict[int, list[_Slit]] = {}
    for slit in slits:
        hanging.setdefault(slit.parent, []).append(slit)
    inwards, entries = [0], {0: 0}
    for number in inwards:  # grows while it is read: parents come before what hangs on them
        for slit in hanging.get(number, ()):
            inwards.append(slit.child)
            entries[slit.child] = slit.there
    paths: dict[int, Ring] = {}
    for number in reversed(inwards):
        paths[number] = _round(rings[number], entries[number], hanging.get(number, []), paths)
    return paths[0]


def _round(ring: Ring, entry: int, slits: list[_Slit], paths: dict[int, Ring]) -> Ring:
    """From a point round a ring and back to it, with the paths that hang on it put in where they do."""
    turned = np.concatenate([np.roll(ring, -entry, axis=0), ring[entry : entry + 1]])
    stops = sorted(((slit.here - entry) % len(ring), slit.child) for slit in slits)
    pieces, edges = [], [0, *(at for at, _ in stops), len(turned) - 1]
    for number, (start, stop) in enumerate(pairwise(edges)):
        pieces.append(turned[start : stop + 1])
        if number < len(stops):
            pieces.append(paths[stops[number][1]])
    return np.concatenate(pieces)


def _parts(mask: NDArray[np.bool_], through: Through) -> Iterator[list[Ring]]:
    """The outline of each part and of its holes."""
    import cv2

    picture = np.asarray(mask, np.uint8)
    if through == "corners":  # between the two halves of each pixel's double lie its corners
        picture = picture.repeat(2, axis=0).repeat(2, axis=1)
    contours, tree = cv2.findContours(picture, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    rings = [_as_ring(contour, through) for contour in contours]
    for number, (_, _, child, parent) in enumerate(tree[0] if rings else ()):
        if parent >= 0:
            continue
        holes = []
        while child >= 0:
            holes.append(rings[child])
            child = tree[0][child][0]  # noqa: PLW2901 - the next hole of the same part
        yield [rings[number], *sorted(holes, key=lambda hole: int(hole[:, 0].min()))]


def _as_ring(contour: NDArray[np.int32], through: Through) -> Ring:
    points = contour.reshape(-1, 2).astype(np.int64)
    return (points + 1) // 2 if through == "corners" else points


def _straightened(path: Ring) -> Ring:
    """Without doubled points and points within a straight line; at least three, as readers demand."""
    path = path[np.r_[True, (path[1:] != path[:-1]).any(axis=1)]]
    path = path[:-1] if len(path) > 1 and (path[0] == path[-1]).all() else path
    before, after = path - np.roll(path, 1, axis=0), np.roll(path, -1, axis=0) - path
    turns = (before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]) | ((before * after).sum(axis=1) < 0)
    kept = path[turns] if turns.any() else path[:1]
    return np.concatenate([kept, np.repeat(kept[-1:], max(0, 3 - len(kept)), axis=0)])
