"""Which points of a grid need not be asked, because their neighbours agree on what lies there.

Every second point of every second row is asked first. A point between those that all lie in one and the same thing, as
the smallest good mask of each neighbour says, would find this thing once more. At edges, where neighbours have no good
mask and where one says otherwise, every point is asked.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sam_model.everything.candidates import Answers

LEAST_SIDE = 16
"""Of a grid: in a sparser one neighbours lie too far apart to say anything about what is between them."""
_WITNESSES = 2
"""Neighbours that must agree, at least; at the grid's last row and column there may be only one."""
_AROUND = np.array([(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1)])
_SELF = 4


class Skipping:
    """A grid of side × side points over a crop, row by row, of which some are asked first and others maybe never."""

    def __init__(self, side: int) -> None:
        self.side = side
        even = np.arange(side) % 2 == 0
        self.first = np.outer(even, even).ravel() if side >= LEAST_SIDE else np.ones(side * side, bool)
        self._votes = np.zeros((side + 2, side + 2), int)  # with a margin for neighbours beyond the edge

    def hear(self, answers: Answers, cells: Float[Tensor, "k h w"], places: Float[np.ndarray, "k 2"]) -> None:
        """Let good masks of some points say which points around theirs lie in the same thing.

        Args:
            answers: all good ones of these points.
            cells: their logits over the crop.
            places: the points, (x, y) as shares of the crop.
        """
        if self.first.all() or not len(answers.iou):
            return
        grid = np.floor(places[:, ::-1] * self.side).astype(int)
        around = grid[:, None] + _AROUND
        inside = self._sampled(cells, around)
        areas = (cells > 0).flatten(1).sum(dim=1).cpu().numpy()
        for place in _smallest(grid, areas):
            if inside[place, _SELF]:
                rows, columns = around[place].T + 1
                self._votes[rows, columns] += inside[place]

    def rest(self) -> Bool[np.ndarray, " points"]:
        """Mark the points that are still to be asked, once the first have been heard."""
        asked = np.pad(self.first.reshape(self.side, self.side), 1).astype(int)
        height, width = asked.shape
        neighbours = sum(np.roll(asked, shift, axis=(0, 1)) for shift in map(tuple, _AROUND.tolist()))
        agreed = (self._votes == neighbours) & (neighbours >= _WITNESSES)
        unasked = ~agreed[1 : height - 1, 1 : width - 1].ravel()
        return np.asarray(unasked & ~self.first)

    def _sampled(self, cells: Float[Tensor, "k h w"], around: Int[np.ndarray, "k 9 2"]) -> Bool[np.ndarray, "k 9"]:
        """Whether each mask covers the points around its own."""
        size = np.array(cells.shape[1:])
        rows, columns = np.moveaxis(((around + 0.5) / self.side * size).astype(int).clip(0, size - 1), -1, 0)
        own = torch.arange(len(cells), device=cells.device)[:, None]
        flags = cells[own, torch.from_numpy(rows).to(cells.device), torch.from_numpy(columns).to(cells.device)] > 0
        return np.asarray(flags.cpu().numpy())


def _smallest(grid: Int[np.ndarray, "k 2"], areas: Int[np.ndarray, " k"]) -> list[int]:
    """Places of the smallest mask of each point."""
    found: dict[tuple[int, ...], int] = {}
    for place in np.argsort(-areas, kind="stable").tolist():
        found[tuple(grid[place].tolist())] = place
    return list(found.values())
