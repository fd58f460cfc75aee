"""What everything mode looks for and what it throws away: the published profiles."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

from sam_model.errors import SettingsError

MOST_LAYERS = 6
"""64 × 64 crops: more than 5000 looks at one picture."""
MOST_POINTS = 256
"""As many points as the masks of the network have pixels: of a finer grid, two points lie in the same one."""


@dataclass(frozen=True, kw_only=True)
class EverythingSettings:
    """Settings of everything mode; the defaults are those of the official code (`SamAutomaticMaskGenerator`)."""

    points_per_side: int = 32
    """Of the grid of points on the whole picture."""
    crop_layers: int = 0
    """Crops beside the whole picture: 1 for 2×2, 2 for 2×2 and 4×4."""
    points_divisor: int = 1
    """Each layer of crops has this many times fewer points a side than the one before."""
    crop_overlap: float = 512 / 1500
    """Of the 2×2 crops, as a share of the picture's shorter side; the 4×4 crops overlap by half of it."""
    min_iou: float = 0.88
    """Masks stay whose predicted IoU is greater; 0 keeps all."""
    min_stability: float = 0.95
    """Masks stay whose stability is at least this; 0 keeps all."""
    stability_offset: float = 1.0
    """Stability is the IoU of the masks where logits exceed +offset and -offset."""
    box_nms: float = 0.7
    """In a crop, of two masks whose boxes overlap with a greater IoU the one with less predicted IoU goes."""
    crop_nms: float = 0.7
    """The same across crops; there the mask from the smaller crop stays."""
    crop_edge: float = 20.0
    """Masks whose box comes within so many pixels of a crop's edge go, unless the picture ends there too."""
    min_region: int = 0
    """Islands and holes of fewer pixels are removed from masks."""
    max_cover: float | None = None
    """Masks that cover this share of the picture or more go; None keeps all."""

    def __post_init__(self) -> None:
        for name, fits, wanted in _RULES:
            value = getattr(self, name)
            if not fits(value):
                raise SettingsError(f"{name} must be {wanted}, not {value!r}")
        if self.points_per_side < self.points_divisor**self.crop_layers:
            raise SettingsError(
                f"crop layer {self.crop_layers} would have no points: points_per_side ({self.points_per_side}) must be "
                f"at least points_divisor ({self.points_divisor}) to the power of crop_layers ({self.crop_layers})"
            )

    def points_in(self, layer: int) -> int:
        """Points along a side of each crop of a layer."""
        return int(self.points_per_side / self.points_divisor**layer)


def _whole(least: int, most: int = sys.maxsize) -> Callable[[object], bool]:
    return lambda value: type(value) is int and least <= value <= most


def _number(least: float, most: float = sys.float_info.max) -> Callable[[object], bool]:
    return lambda value: isinstance(value, int | float) and type(value) is not bool and least <= value <= most


def _share_or_none(value: object) -> bool:
    return value is None or (_number(0.0, 1.0)(value) and value != 0)


_RULES: tuple[tuple[str, Callable[[object], bool], str], ...] = (
    ("points_per_side", _whole(1, MOST_POINTS), f"a whole number from 1 to {MOST_POINTS}"),
    ("crop_layers", _whole(0, MOST_LAYERS), f"a whole number from 0 to {MOST_LAYERS}"),
    ("points_divisor", _whole(1), "a whole number from 1 on"),
    ("crop_overlap", lambda value: _number(0.0, 1.0)(value) and value != 1, "a share from 0 to less than 1"),
    ("min_iou", _number(0.0, 1.0), "a number from 0 to 1"),
    ("min_stability", _number(0.0, 1.0), "a number from 0 to 1"),
    ("stability_offset", _number(0.0), "a number of logits from 0 on"),
    ("box_nms", _number(0.0, 1.0), "a number from 0 to 1"),
    ("crop_nms", _number(0.0, 1.0), "a number from 0 to 1"),
    ("crop_edge", _number(0.0), "a number of pixels from 0 on"),
    ("min_region", _whole(0), "a whole number of pixels from 0 on"),
    ("max_cover", _share_or_none, "a share above 0, up to 1, or None"),
)

CODE_DEFAULTS = EverythingSettings()
SA_1B = replace(CODE_DEFAULTS, crop_layers=2, points_divisor=2, min_region=100, max_cover=0.95)
"""How the data set SA-1B was made (paper, appendix B)."""
PROFILES = {"code": CODE_DEFAULTS, "sa1b": SA_1B}
