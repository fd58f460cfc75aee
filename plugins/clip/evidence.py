"""Where a picture shows what a text names, as CLIP sees it through windows of several sizes.

A CLIP says what a picture shows, not where. Asked about many overlapping parts of it, it says both: a place is as
likely as the windows over it are on average, small ones counting for more. Its maps are blurred, but they tell a whole
thing from its most telling part: a dog's head looks most like a dog, and the evidence for a dog lies all over the dog.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from plugins.clip.models import Clip

#: Sides of the windows, as shares of the picture's shorter side; neighbours overlap by half.
SIDES = (1.0, 0.7, 0.5, 0.33)
#: Cells of a map along the picture's longer side.
CELLS = 128
#: Masks that share so much of the smaller one are of the same thing.
SAME = 0.5
#: Of a group each member takes at least and at most so much, lies inside by so much, and shares at most so much with
#: another; together they take the last share.
MEMBER, INSIDE, COMMON, TOGETHER = (0.15, 0.75), 0.8, 0.2, 0.7
_CHUNK = 16

Floats = NDArray[np.float32]
Masks = NDArray[np.bool_]


class Evidence:
    """Maps of how likely each place of a picture shows each of P phrases, with the windows that they come from.

    `windows` `(W, 4)` are x0 y0 x1 y1 in image pixels, `likely` `(W, P)` their probabilities, `maps` `(P, h, w)` a grid
    over the picture.
    """

    def __init__(self, pixels: NDArray[np.uint8], phrases: Sequence[str], clip: Clip) -> None:
        self.height, self.width = pixels.shape[:2]
        self.windows = np.array(list(windows_of(self.height, self.width)), np.int64)
        parts = [
            clip.embed_images([pixels[y0:y1, x0:x1] for x0, y0, x1, y1 in self.windows[start : start + _CHUNK]])
            for start in range(0, len(self.windows), _CHUNK)
        ]
        self.likely = clip.likely(np.concatenate(parts), phrases)
        self.maps = self._maps()

    def fit(self, mask: Masks, phrase: int) -> float:
        """How well a mask `(H, W)` covers the evidence: its mean inside, times the root of the share that is inside."""
        evidence = self.maps[phrase]
        size = evidence.shape[1], evidence.shape[0]
        cover = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        inside = float((evidence * cover).sum())
        return inside / max(float(cover.sum()), 1e-6) * float(np.sqrt(inside / max(float(evidence.sum()), 1e-6)))

    def _maps(self) -> Floats:
        scale = CELLS / max(self.height, self.width)
        shape = max(1, round(self.height * scale)), max(1, round(self.width * scale))
        total = np.zeros((self.likely.shape[1], *shape), np.float32)
        weight = np.zeros(shape, np.float32)
        for window, likely in zip(self.windows, self.likely, strict=True):
            x0, y0, x1, y1 = (window * scale).round().astype(int)
            cells = (slice(y0, max(y1, y0 + 1)), slice(x0, max(x1, x0 + 1)))
            share = 1 / max((y1 - y0) * (x1 - x0), 1)
            total[:, *cells] += likely[:, None, None] * share
            weight[cells] += share
        return np.asarray(total / np.maximum(weight, 1e-9), np.float32)


def windows_of(height: int, width: int) -> Iterator[tuple[int, int, int, int]]:
    """Squares x0 y0 x1 y1 over a picture of height × width pixels, in sizes of `SIDES`."""
    for share in SIDES:
        side = max(1, int(share * min(height, width)))
        for top in _starts(height, side):
            for left in _starts(width, side):
                yield left, top, left + side, top + side


def one_for_each(masks: Masks, scores: Floats) -> NDArray[np.intp]:
    """Indices of the best masks `(N, H, W)`, the best first: of those that overlap, one."""
    flat = masks.reshape(len(masks), -1)
    areas = flat.sum(axis=1)
    kept: list[int] = []
    for index in np.argsort(-scores, kind="stable"):
        shared = [(flat[index] & flat[other]).sum() / max(min(areas[index], areas[other]), 1) for other in kept]
        if all(share < SAME for share in shared):
            kept.append(int(index))
    return np.array(kept, np.intp)


def groups(masks: Masks, likely: Floats) -> NDArray[np.bool_]:
    """Which masks `(N, H, W)` hold several things that have masks of their own, each at least half as likely: `(N,)`.

    Two dogs side by side look as much like a dog as one does.
    """
    flat = masks.reshape(len(masks), -1).astype(np.float32)
    shared, areas = flat @ flat.T, flat.sum(axis=1)
    return np.array([_is_group(index, shared, areas, likely) for index in range(len(masks))], np.bool_)


def _is_group(index: int, shared: Floats, areas: Floats, likely: Floats) -> bool:
    share = areas / max(areas[index], 1)
    inside = shared[index] >= INSIDE * areas
    parts = np.flatnonzero(inside & (share >= MEMBER[0]) & (share <= MEMBER[1]) & (likely >= likely[index] / 2))
    parts = parts[np.argsort(-areas[parts], kind="stable")]
    apart = shared <= COMMON * np.minimum(areas[:, None], areas)
    return any(_taken_by(first, parts, shared[index], apart) >= TOGETHER * areas[index] for first in parts.tolist())


def _taken_by(first: int, parts: NDArray[np.intp], taken: Floats, apart: NDArray[np.bool_]) -> float:
    """What a first part and others that lie apart take together, the larger ones first; nothing if there are none."""
    members = [first]
    for part in parts:
        if apart[part, members].all():
            members.append(int(part))
    return float(taken[members].sum()) if len(members) > 1 else 0.0


def _starts(length: int, side: int) -> NDArray[np.int64]:
    count = max(1, round((length - side) / (side / 2)) + 1)
    return np.linspace(0, length - side, count).astype(np.int64)
