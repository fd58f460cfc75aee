"""Masks as pictures, for people who look rather than read: notebooks show answers by these."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

TILE = 220
"""Pixels of a tile's longer side."""
ROWS = 6
"""At most so many prompts are shown."""
GAP = 6
GROUND, PAPER = 28, 255
_TURN = (5**0.5 - 1) / 2
"""Of the circle of hues, from one colour to the next: the golden section keeps neighbours far apart."""

Picture = UInt8[np.ndarray, "_ _ 3"]


def colour(number: int) -> tuple[int, int, int]:
    """RGB of the mask with this number: the same always, and far from those of the numbers before and after."""
    red, green, blue = colorsys.hsv_to_rgb((0.58 + number * _TURN) % 1, 0.62, 0.96)
    return round(red * 255), round(green * 255), round(blue * 255)


def coloured(masks: Bool[np.ndarray, "n height width"]) -> Picture:
    """All masks in one picture on a dark ground, large ones below small ones."""
    picture = np.full((*masks.shape[1:], 3), GROUND, np.uint8)
    for number in np.argsort(-masks.sum(axis=(1, 2)), kind="stable"):
        picture[masks[number]] = colour(int(number))
    return picture


def sheet(masks: Bool[np.ndarray, "n m height width"], captions: Sequence[Sequence[str]]) -> Picture:
    """A row for each prompt, at most `ROWS`, and a tile for each of its masks with its caption."""
    rows = []
    for number, (answers, said) in enumerate(zip(masks[:ROWS], captions, strict=False)):
        tiles = [_tile(mask, text, colour(number)) for mask, text in zip(answers, said, strict=True)]
        rows.append(np.concatenate([_framed(tile) for tile in tiles], axis=1))
    if not rows:
        return np.full((GAP, GAP, 3), PAPER, np.uint8)
    return np.concatenate(rows)


def to_png(picture: Picture) -> bytes:
    """RGB as a PNG file."""
    done, data = cv2.imencode(".png", picture[..., ::-1])
    if not done:
        raise ValueError(f"a picture of shape {picture.shape} cannot be written as PNG")
    return bytes(data)


def _tile(mask: Bool[np.ndarray, "height width"], caption: str, ink: tuple[int, int, int]) -> Picture:
    scale = TILE / max(mask.shape)
    size = max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale))
    share = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)[..., None]
    tile = np.asarray(GROUND + share * (np.array(ink, np.float32) - GROUND), np.uint8)
    cv2.putText(tile, caption, (7, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (235, 235, 235), 1, cv2.LINE_AA)
    return tile


def _framed(tile: Picture) -> Picture:
    margin = GAP // 2
    framed: Picture = np.pad(tile, ((margin, margin), (margin, margin), (0, 0)), constant_values=PAPER)
    return framed
