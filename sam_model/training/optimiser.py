"""AdamW as the paper sets it: a rate of its own for each layer, linear warm-up, a fall at milestones."""

from __future__ import annotations

import re
from collections import defaultdict

import torch
from torch import nn

from sam_model.modeling import Sam
from sam_model.training.config import OptimiserSettings

ENCODER = "image_encoder."
POSITIONS = frozenset({"pos_embed", "rel_pos_h", "rel_pos_w", "attention_biases"})
_STEM = re.compile(r"pos_embed|patch_embed\.")
_BLOCK = re.compile(r"(layers\.\d+\.)?blocks\.\d+\.")


def make_optimiser(sam: Sam, settings: OptimiserSettings) -> torch.optim.AdamW:
    """Make AdamW over all parameters that learn; its groups have a `scale`, the layer's part of the rate."""
    scales = layer_scales(sam, settings.layer_decay)
    groups: dict[tuple[float, float], list[nn.Parameter]] = defaultdict(list)
    for name, parameter in sam.named_parameters():
        if parameter.requires_grad:
            decay = 0.0 if parameter.ndim < 2 or _is_embedding(sam, name) else settings.weight_decay
            groups[scales[name], decay].append(parameter)
    return torch.optim.AdamW(
        [{"params": members, "scale": scale, "weight_decay": decay} for (scale, decay), members in groups.items()],
        lr=settings.rate,
        betas=settings.betas,
    )


def layer_scales(sam: Sam, decay: float) -> dict[str, float]:
    """Each parameter's part of the rate: decay ** (blocks + 1 - layer), as BEiT and ViTDet define it.

    Positions and patches are layer 0, the blocks follow from 1 on, all else (neck, prompt encoder, decoder) is the last
    layer and learns at the full rate. Between the stages of a TinyViT belongs to the stage before.
    """
    names = [name for name, _ in sam.named_parameters()]
    layers, blocks = dict.fromkeys(names, -1), list[str]()
    for name in names:
        inner = name.removeprefix(ENCODER)
        if inner == name:
            continue
        if (block := _BLOCK.match(inner)) and block[0] not in blocks:
            blocks.append(block[0])
        if block or _STEM.match(inner) or inner.startswith("layers."):
            layers[name] = len(blocks)
    return {name: 1.0 if layer < 0 else decay ** (len(blocks) + 1 - layer) for name, layer in layers.items()}


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Give every group its part of the rate."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["scale"]


def rate_at(step: int, settings: OptimiserSettings) -> float:
    """The rate of a step (from 0): it rises linearly to its full height in the last step of warm-up."""
    warm = min(1.0, (step + 1) / settings.warmup) if settings.warmup else 1.0
    falls = sum(step >= milestone for milestone in settings.milestones)
    return settings.rate * warm * settings.fall**falls


def _is_embedding(sam: Sam, name: str) -> bool:
    owner, _, kind = name.rpartition(".")
    return isinstance(sam.get_submodule(owner), nn.Embedding) or kind in POSITIONS
