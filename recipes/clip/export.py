"""Both towers, the projections and the processors as one directory that plain transformers loads, in half precision."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from torch import Tensor
from transformers import (
    CLIPImageProcessorPil,
    EfficientNetModel,
    VisionTextDualEncoderConfig,
    VisionTextDualEncoderModel,
)

from recipes.clip.space import DIMENSIONS
from recipes.clip.text import TextTower
from recipes.clip.vision import MEAN, SIDE, STD


def write_clip(
    towers: tuple[EfficientNetModel, TextTower], projection: Tensor, log_scale: Tensor, *, tokenizer: Path, target: Path
) -> None:
    """`VisionTextDualEncoderModel` under `target`; `projection` (512, 1280) of the features, `log_scale` of cosines."""
    vision, text = towers
    text.bert.config.name_or_path = ""
    config = VisionTextDualEncoderConfig.from_vision_text_configs(
        vision.config, text.bert.config, projection_dim=DIMENSIONS, logit_scale_init_value=log_scale.item()
    )
    model = VisionTextDualEncoderModel(config, vision, text.bert)
    with torch.no_grad():
        # Halves keep more of numbers near one than of the small rows of a classifier.
        model.visual_projection.weight.copy_(projection / projection.std())
        model.text_projection.weight.copy_(text.projection.weight)
        model.logit_scale.copy_(log_scale)
    model.half().save_pretrained(target)
    CLIPImageProcessorPil(
        size={"shortest_edge": SIDE},
        crop_size={"height": SIDE, "width": SIDE},
        image_mean=list(MEAN),
        image_std=list(STD),
    ).save_pretrained(target)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(tokenizer / name, target / name)
