"""Segment Anything as a library: exact, stateless, typed.

    sam = load_sam("sam_vit_b_01ec64.pth")
    predictor = Predictor(sam)
    embedding = predictor.embed(pixels)
    prediction = predictor.predict(embedding, Box([75, 275, 1725, 850]))

Importing this package imports no torch; the first use of a name does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sam_model.config import PRESETS, TINY, VIT_B, VIT_H, VIT_L, SamConfig

if TYPE_CHECKING:
    from sam_model.modeling import Sam, build_sam

_LAZY = {"Sam": "sam_model.modeling", "build_sam": "sam_model.modeling"}

__all__ = ["PRESETS", "TINY", "VIT_B", "VIT_H", "VIT_L", "Sam", "SamConfig", "build_sam"]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
