"""Where something new goes: beside, on or in what was found, inside the picture, over nothing else that was found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from pipelines.plans import Position
from plugins.stable_diffusion.masks import Box

# Tried one after the other, as shares of the wanted size, until one fits without covering anything.
_SIZES = (1.0, 0.75, 0.5, 0.35)
# What is put beside nothing is a third as large as the picture's shorter side.
_ALONE = 1 / 3
# Between two things side by side, as a share of the new one's size: room for the soft edges of both.
_GAP = 0.15
_LEAST_PIXELS = 4
# New things of these positions may cover the one that they belong to.
COVERING: frozenset[Position] = frozenset(("on", "in", "in front"))


@dataclass(frozen=True, slots=True)
class _Spot:
    """A box in the frame of another one: its centre, in shares of that one's sides from its upper left corner."""

    x: float
    y: float
    share: float = 1.0

    def box(self, frame: Box, width: float, height: float, shape: tuple[int, int]) -> Box:
        """The box of this size in pixels, moved into the picture of `shape` and never larger than it."""
        x = frame.x0 + self.x * (frame.x1 - frame.x0)
        y = frame.y0 + self.y * (frame.y1 - frame.y0)
        (x0, x1), (y0, y1) = _within(x, width, shape[1]), _within(y, height, shape[0])
        return Box(x0, y0, x1, y1)


def place_beside(position: Position, thing: Box, others: Sequence[Box], shape: tuple[int, int]) -> Box:
    """A box for what is added at `position` of a thing, sized like it, or smaller where it would cover others.

    It lies in the picture of `shape` (height, width). Where nothing is free it covers as little as possible.
    """
    width, height = thing.x1 - thing.x0, thing.y1 - thing.y0
    obstacles = [*others] if position in COVERING else [thing, *others]
    tries = (
        spot.box(thing, spot.share * size * width, spot.share * size * height, shape)
        for size in _SIZES
        for spot in _spots(position, size)
    )
    return _freest(tries, obstacles)


def place_alone(position: Position | None, others: Sequence[Box], shape: tuple[int, int]) -> Box:
    """A square box for what is added to the picture as a whole; with no position, the free place nearest its middle."""
    height, width = shape
    picture, side = Box(0, 0, width, height), _ALONE * min(shape)
    spots = _corners(position)
    return _freest((spot.box(picture, size * side, size * side, shape) for size in _SIZES for spot in spots), others)


def _spots(position: Position, size: float) -> list[_Spot]:
    """Where the new box goes, seen from the thing's, the best place first; things side by side share their ground."""
    aside, half = (size / 2 + _GAP * size), size / 2
    left, right = _Spot(-aside, 1 - half), _Spot(1 + aside, 1 - half)
    table: dict[Position, list[_Spot]] = {
        "on": [_Spot(0.5, -0.125 * size, 0.5)],
        "in": [_Spot(0.5, 0.5, 0.5)],
        "in front": [_Spot(0.5, 1 - 0.3 * size, 0.6)],
        "behind": [_Spot(0.5, 0.2)],
        "beside": [right, left],
        "left": [left],
        "right": [right],
        "above": [_Spot(0.5, -aside)],
        "below": [_Spot(0.5, 1 + aside)],
    }
    return table.get(position) or [_Spot(spot.x, spot.y, 0.5) for spot in _corners(position)]


def _corners(position: Position | None) -> list[_Spot]:
    """Places in a frame; a box at its edge is moved into the picture."""
    if position is None:
        grid = [_Spot(x / 8, y / 8) for x, y in product(range(9), repeat=2)]
        return sorted(grid, key=lambda spot: (spot.x - 0.5) ** 2 + (spot.y - 0.5) ** 2)
    x = 0.0 if "left" in position else 1.0 if "right" in position else 0.5
    y = 0.0 if "top" in position or position == "above" else 1.0 if "bottom" in position or position == "below" else 0.5
    return [_Spot(x, y)]


def _within(centre: float, length: float, limit: int) -> tuple[int, int]:
    """An interval of whole pixels, as near to its wanted centre as the picture allows."""
    pixels = min(limit, max(_LEAST_PIXELS, round(length)))
    start = min(max(0, round(centre - length / 2)), limit - pixels)
    return start, start + pixels


def _freest(tries: Iterator[Box], obstacles: Sequence[Box]) -> Box:
    """The first box that covers no obstacle, or else the one of which the least lies over any."""
    least, best = float("inf"), None
    for box in tries:
        covered = max((box.covered_by(other) for other in obstacles), default=0.0)
        if covered < least:
            least, best = covered, box
        if not covered:
            break
    if best is None:
        raise ValueError("No place was tried.")
    return best
