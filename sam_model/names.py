"""What published checkpoints call their tensors: the official names, and those of transformers' `SamModel`.

The network's own names are the official ones (`segment_anything/modeling`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

T = TypeVar("T")

POSITIONS = "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"
POSITIONS_TWICE = (
    "shared_image_embedding.positional_embedding",
    "prompt_encoder.shared_embedding.positional_embedding",
)
"""transformers holds the same matrix under two names; a file may have either or both."""

OFFICIAL_AND_TRANSFORMERS = (
    (POSITIONS, POSITIONS_TWICE[0]),
    ("image_encoder.patch_embed.proj", "vision_encoder.patch_embed.projection"),
    ("image_encoder.blocks.*.norm1", "vision_encoder.layers.*.layer_norm1"),
    ("image_encoder.blocks.*.norm2", "vision_encoder.layers.*.layer_norm2"),
    ("image_encoder.blocks", "vision_encoder.layers"),
    ("image_encoder.neck.0", "vision_encoder.neck.conv1"),
    ("image_encoder.neck.1", "vision_encoder.neck.layer_norm1"),
    ("image_encoder.neck.2", "vision_encoder.neck.conv2"),
    ("image_encoder.neck.3", "vision_encoder.neck.layer_norm2"),
    ("image_encoder", "vision_encoder"),
    ("prompt_encoder.point_embeddings", "prompt_encoder.point_embed"),
    ("prompt_encoder.mask_downscaling.0", "prompt_encoder.mask_embed.conv1"),
    ("prompt_encoder.mask_downscaling.1", "prompt_encoder.mask_embed.layer_norm1"),
    ("prompt_encoder.mask_downscaling.3", "prompt_encoder.mask_embed.conv2"),
    ("prompt_encoder.mask_downscaling.4", "prompt_encoder.mask_embed.layer_norm2"),
    ("prompt_encoder.mask_downscaling.6", "prompt_encoder.mask_embed.conv3"),
    ("mask_decoder.transformer.layers.*.norm1", "mask_decoder.transformer.layers.*.layer_norm1"),
    ("mask_decoder.transformer.layers.*.norm2", "mask_decoder.transformer.layers.*.layer_norm2"),
    ("mask_decoder.transformer.layers.*.norm3", "mask_decoder.transformer.layers.*.layer_norm3"),
    ("mask_decoder.transformer.layers.*.norm4", "mask_decoder.transformer.layers.*.layer_norm4"),
    ("mask_decoder.transformer.norm_final_attn", "mask_decoder.transformer.layer_norm_final_attn"),
    ("mask_decoder.output_upscaling.0", "mask_decoder.upscale_conv1"),
    ("mask_decoder.output_upscaling.1", "mask_decoder.upscale_layer_norm"),
    ("mask_decoder.output_upscaling.3", "mask_decoder.upscale_conv2"),
    ("mask_decoder.output_hypernetworks_mlps.*.layers.0", "mask_decoder.output_hypernetworks_mlps.*.proj_in"),
    ("mask_decoder.output_hypernetworks_mlps.*.layers.1", "mask_decoder.output_hypernetworks_mlps.*.layers.0"),
    ("mask_decoder.output_hypernetworks_mlps.*.layers.2", "mask_decoder.output_hypernetworks_mlps.*.proj_out"),
    ("mask_decoder.iou_prediction_head.layers.0", "mask_decoder.iou_prediction_head.proj_in"),
    ("mask_decoder.iou_prediction_head.layers.1", "mask_decoder.iou_prediction_head.layers.0"),
    ("mask_decoder.iou_prediction_head.layers.2", "mask_decoder.iou_prediction_head.proj_out"),
)
"""Beginnings of names, `*` a number; the first that fits is replaced, and a name that none fits is the same in both."""


def are_transformers(names: Iterable[str]) -> bool:
    """Whether these are the names of transformers' `SamModel`."""
    return any(name.startswith(("vision_encoder.", *POSITIONS_TWICE)) for name in names)


def from_transformers(tensors: Mapping[str, T]) -> dict[str, T]:
    """Give tensors of transformers' `SamModel` their official names; of the two equal matrices one remains."""
    _, second = POSITIONS_TWICE
    single = {name: tensor for name, tensor in tensors.items() if name != second}
    if second in tensors:
        single.setdefault(POSITIONS_TWICE[0], tensors[second])
    table = [(theirs, official) for official, theirs in OFFICIAL_AND_TRANSFORMERS]
    return {_rename(name, table): tensor for name, tensor in single.items()}


def to_transformers(tensors: Mapping[str, T]) -> dict[str, T]:
    """Give tensors with official names those of transformers' `SamModel`, the position matrix under both names."""
    renamed = {_rename(name, OFFICIAL_AND_TRANSFORMERS): tensor for name, tensor in tensors.items()}
    first, second = POSITIONS_TWICE
    return {**renamed, second: renamed[first]}


def _rename(name: str, table: Iterable[tuple[str, str]]) -> str:
    for old, new in table:
        pattern = re.escape(old).replace(r"\*", r"(\d+)") + r"(?=\.|$)"
        if re.match(pattern, name):
            return re.sub(pattern, new.replace("*", r"\1"), name, count=1)
    return name
