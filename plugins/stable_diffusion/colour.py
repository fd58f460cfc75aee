"""Giving a thing another colour by arithmetic: light, shadow and texture stay, and no model is asked."""

from __future__ import annotations

import re

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor

from plugins.stable_diffusion.masks import BoolMask

Colour = tuple[int, int, int]

_UNNAMED_IN_CSS: dict[str, Colour] = {
    "bronze": (205, 127, 50),
    "golden": (255, 215, 0),
    "lilac": (200, 162, 200),
    "scarlet": (255, 36, 0),
}
# The share of black (negative) or white (positive) that a word before the colour adds.
_SHADES = {"dark": -0.45, "deep": -0.3, "light": 0.45, "pale": 0.55, "pastel": 0.5}
_NEUTRAL = {"bright", "neon", "metallic", "matte", "matt", "glossy", "hot", "shiny"}
# How much of the thing's own variation of hue is kept.
_HUE_KEPT = 0.25


def parse_colour(words: str) -> Colour | None:
    """RGB of "red", "dark green" or "hot pink"; None where words name no single colour ("rainbow", "red and blue")."""
    found = re.findall(r"[a-z]+", words.lower())
    if (named := _named("".join(found))) is not None:
        return named
    *shades, base = found or [""]
    colour = _named(base)
    if colour is None or not set(shades) <= _SHADES.keys() | _NEUTRAL:
        return None
    for shade in shades:
        colour = _mixed(colour, _SHADES.get(shade, 0.0))
    return colour


def recoloured(pixels: NDArray[np.uint8], core: BoolMask, colour: Colour) -> NDArray[np.uint8]:
    """RGB `(H, W, 3)` in which the median colour of the core has become `colour`, all differences of light kept.

    Works in CIELAB, where lightness is an axis of its own.
    """
    lab = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    wanted = cv2.cvtColor(np.array([[colour]], np.float32) / 255, cv2.COLOR_RGB2LAB)[0, 0]
    middle = np.median(lab[core], axis=0)
    # Halfway to the wanted lightness: all the way would drown the shading of a bright thing that turns dark.
    shifted = lab - middle
    shifted[..., 0] += (middle[0] + wanted[0]) / 2
    shifted[..., 1:] = shifted[..., 1:] * _HUE_KEPT + wanted[1:]
    rgb = cv2.cvtColor(shifted.astype(np.float32), cv2.COLOR_LAB2RGB)
    return np.asarray(np.rint(np.clip(rgb, 0, 1) * 255), np.uint8)


def _named(word: str) -> Colour | None:
    if word in _UNNAMED_IN_CSS:
        return _UNNAMED_IN_CSS[word]
    if word not in ImageColor.colormap:
        return None
    red, green, blue, *_ = ImageColor.getrgb(word)
    return red, green, blue


def _mixed(colour: Colour, share: float) -> Colour:
    end = 255 if share > 0 else 0
    red, green, blue = (round(part + (end - part) * abs(share)) for part in colour)
    return red, green, blue
