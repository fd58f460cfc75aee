"""The `config.json` of transformers' `SamModel` → `SamConfig`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sam_model.config import SamConfig
from sam_model.errors import ConfigError

SECTIONS = ("vision_config", "prompt_encoder_config", "mask_decoder_config")

SIZES = {
    "image_size": ("vision_config", "image_size"),
    "patch_size": ("vision_config", "patch_size"),
    "encoder_width": ("vision_config", "hidden_size"),
    "encoder_depth": ("vision_config", "num_hidden_layers"),
    "encoder_heads": ("vision_config", "num_attention_heads"),
    "window_size": ("vision_config", "window_size"),
    "width": ("vision_config", "output_channels"),
    "hint_channels": ("prompt_encoder_config", "mask_input_channels"),
    "decoder_depth": ("mask_decoder_config", "num_hidden_layers"),
    "decoder_heads": ("mask_decoder_config", "num_attention_heads"),
    "decoder_mlp_width": ("mask_decoder_config", "mlp_dim"),
}
"""Our field: where transformers keeps it. What a file leaves out has transformers' default, which is ours: ViT-B's."""

FIXED = {
    ("vision_config", "qkv_bias"): True,
    ("vision_config", "use_abs_pos"): True,
    ("vision_config", "use_rel_pos"): True,
    ("vision_config", "hidden_act"): "gelu",
    ("prompt_encoder_config", "hidden_act"): "gelu",
    ("mask_decoder_config", "hidden_act"): "relu",
    ("mask_decoder_config", "num_multimask_outputs"): 3,
    ("mask_decoder_config", "attention_downsample_rate"): 2,
    ("mask_decoder_config", "iou_head_depth"): 3,
}
"""What transformers could vary and Segment Anything does not."""


def from_transformers_config(content: Mapping[str, Any]) -> SamConfig:
    """Read the sizes of a `SamModel`.

    Raises:
        ConfigError: for a variation that Segment Anything does not have, or sizes that make no network.
    """
    sections = {name: _section(content, name) for name in SECTIONS}
    for (section, key), value in FIXED.items():
        found = sections[section].get(key, value)
        if found != value:
            raise ConfigError(f"{section}.{key} is {found!r}: Segment Anything has {value!r}")
    sizes = {field: sections[section][key] for field, (section, key) in SIZES.items() if key in sections[section]}
    vision = sections["vision_config"]
    if "global_attn_indexes" in vision:
        sizes["global_blocks"] = tuple(vision["global_attn_indexes"])
    config = SamConfig(**sizes)
    return replace(config, encoder_mlp_ratio=_mlp_ratio(vision, config.encoder_width))


def _section(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = content.get(name, {})
    if not isinstance(section, dict):
        raise ConfigError(f"{name} is {section!r}: expected a mapping")
    return section


def _mlp_ratio(vision: Mapping[str, Any], width: int) -> int:
    hidden = vision.get("mlp_dim") or int(width * vision.get("mlp_ratio", SamConfig.encoder_mlp_ratio))
    if hidden % width:
        raise ConfigError(f"vision_config.mlp_dim is {hidden}: expected a multiple of hidden_size ({width})")
    return int(hidden // width)
