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

from sam_model.config import PRESETS, TINY, VIT_B, VIT_H, VIT_L, VIT_T, EfficientNetConfig, SamConfig, TinyVitConfig
from sam_model.errors import SamModelError

if TYPE_CHECKING:
    from sam_model.checkpoints import load_sam, save_sam
    from sam_model.everything import SA_1B, Everything, EverythingSettings, segment_everything
    from sam_model.modeling import Sam, build_sam
    from sam_model.predictor import ImageEmbedding, MaskPrediction, Predictor
    from sam_model.prompts import Box, MaskHint, Points, TextPrompt

_HOMES = {
    "Box": "prompts",
    "Everything": "everything",
    "EverythingSettings": "everything",
    "ImageEmbedding": "predictor",
    "MaskHint": "prompts",
    "MaskPrediction": "predictor",
    "Points": "prompts",
    "Predictor": "predictor",
    "SA_1B": "everything",
    "Sam": "modeling",
    "TextPrompt": "prompts",
    "build_sam": "modeling",
    "load_sam": "checkpoints",
    "save_sam": "checkpoints",
    "segment_everything": "everything",
}

__all__ = [
    "PRESETS",
    "SA_1B",
    "TINY",
    "VIT_B",
    "VIT_H",
    "VIT_L",
    "VIT_T",
    "Box",
    "EfficientNetConfig",
    "Everything",
    "EverythingSettings",
    "ImageEmbedding",
    "MaskHint",
    "MaskPrediction",
    "Points",
    "Predictor",
    "Sam",
    "SamConfig",
    "SamModelError",
    "TextPrompt",
    "TinyVitConfig",
    "build_sam",
    "load_sam",
    "save_sam",
    "segment_everything",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
