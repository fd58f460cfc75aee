"""Which colour a thing is of, by the names that people use.

Each pixel is given to one of eleven names, those that Berlin and Kay (Basic Color Terms, 1969) found in most languages.
The borders are in hue (degrees), saturation and value; every other word is one or two of the eleven.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.values import Detections, Image

# A thing is of a colour that no other outweighs, or that a good part of it has.
_GOOD_PART = 0.35
# Without a mask only the middle of the box is looked at: near its edges the background shows.
_INNER = 0.6

# First hue of each name; below the first it is red again.
_HUES: Final = (
    (14, "orange"),
    (45, "yellow"),
    (68, "green"),
    (165, "blue"),
    (262, "purple"),
    (300, "pink"),
    (345, "red"),
)
_WORDS: Final[dict[str, frozenset[str]]] = {
    **{name: frozenset({name}) for name in ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")},
    **{name: frozenset({name}) for name in ("black", "white", "grey")},
    "gray": frozenset({"grey"}), "silver": frozenset({"grey", "white"}),
    "violet": frozenset({"purple"}), "lilac": frozenset({"purple", "pink"}), "lavender": frozenset({"purple", "blue"}),
    "indigo": frozenset({"blue", "purple"}), "navy": frozenset({"blue", "black"}), "cyan": frozenset({"blue", "green"}),
    "teal": frozenset({"blue", "green"}), "turquoise": frozenset({"blue", "green"}),
    "magenta": frozenset({"pink", "purple"}), "maroon": frozenset({"red", "brown"}),
    "crimson": frozenset({"red"}), "scarlet": frozenset({"red"}),
    "lime": frozenset({"green"}), "olive": frozenset({"green", "brown"}), "gold": frozenset({"yellow", "orange"}),
    "golden": frozenset({"yellow", "orange"}), "bronze": frozenset({"brown", "orange"}),
    "beige": frozenset({"brown", "yellow", "white"}), "ivory": frozenset({"white", "yellow"}),
}  # fmt: skip


def is_of_colour(words: str, image: Image, detections: Detections, row: int) -> bool:
    """Whether a detection is mostly of the colour that words such as "dark blue" end with.

    Looks within its mask, or without one in the middle of its box. A word that is no colour fits nothing.
    """
    wanted = _WORDS.get(words.lower().split()[-1] if words.split() else "", frozenset())
    names = names_of_pixels(_pixels_of(image, detections, row))
    if not wanted or not names.size:
        return False
    known, counts = np.unique(names, return_counts=True)
    shares = dict(zip(known.tolist(), (counts / names.size).tolist(), strict=True))
    share = sum(shares.pop(name, 0.0) for name in wanted)
    return bool(share >= _GOOD_PART or share > max(shares.values(), default=0.0))


def names_of_pixels(pixels: NDArray[np.uint8]) -> NDArray[np.str_]:
    """The name of the colour of each RGB pixel `(N, 3)`."""
    rgb = pixels.reshape(-1, 3).astype(np.float64) / 255
    value, least = rgb.max(axis=1), rgb.min(axis=1)
    spread = value - least
    saturation = spread / np.maximum(value, 1e-9)
    hue = _hues(rgb, value, spread)
    names = np.select([hue >= start for start, _ in reversed(_HUES)], [name for _, name in reversed(_HUES)], "red")
    warm = np.isin(names, ("orange", "red", "yellow"))
    names = np.where(warm & (hue < 60) & (hue >= 8) & (value < 0.65), "brown", names)
    names = np.where((names == "red") & (saturation < 0.55) & (value > 0.7), "pink", names)
    grey = np.where(value < 0.22, "black", np.where(value > 0.82, "white", "grey"))
    return np.asarray(np.where((saturation < 0.15) | (value < 0.16), grey, names))


def _hues(rgb: NDArray[np.float64], value: NDArray[np.float64], spread: NDArray[np.float64]) -> NDArray[np.float64]:
    """Degrees from 0 to 360, as in HSV."""
    red, green, blue = rgb.T
    safe = np.maximum(spread, 1e-9)
    sixths = np.select(
        [value == red, value == green], [(green - blue) / safe, 2 + (blue - red) / safe], 4 + (red - green) / safe
    )
    return np.asarray((sixths * 60) % 360)


def _pixels_of(image: Image, detections: Detections, row: int) -> NDArray[np.uint8]:
    if detections.mask is not None:
        return image.pixels[np.asarray(detections.mask[row], np.bool_)]
    left, top, right, bottom = np.asarray(detections.xyxy[row], np.float64)
    middle_x, middle_y = (left + right) / 2, (top + bottom) / 2
    reach_x, reach_y = (right - left) / 2 * _INNER, (bottom - top) / 2 * _INNER
    rows = slice(max(0, int(middle_y - reach_y)), max(0, int(np.ceil(middle_y + reach_y))))
    columns = slice(max(0, int(middle_x - reach_x)), max(0, int(np.ceil(middle_x + reach_x))))
    return image.pixels[rows, columns].reshape(-1, 3)
