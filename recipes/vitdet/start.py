"""The network before its first step: a trained stem, and a transformer that changes nothing yet."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from plugins.vitdet.modeling import VitDet
from plugins.vitdet.modeling.roi_heads import MaskRcnnHeads
from plugins.vitdet.modeling.stem import ConvolutionStem
from recipes.vitdet.stages import CONFIG

DETECTOR = Path(__file__).resolve().parents[2] / "plugins" / "bundled" / "grounding_dino" / "model.safetensors"
_BACKBONE = "model.backbone.conv_encoder.model."
PRIOR = 0.05
"""The share of anchors that show something, before anything is learned."""


def fresh_network(detector: Path = DETECTOR) -> VitDet:
    """The network with the stem of the bundled text → boxes detector, whose backbone knows the same things.

    The stem's first convolution and first stage stay as they are, as in detectron2's training of ResNets.
    """
    network = VitDet(CONFIG)
    stem = cast("ConvolutionStem", network.backbone.net.patch_embed)
    stem.load_state_dict(stem_weights(load_file(detector), stem.state_dict()))
    for frozen in (stem.first, stem.stages[0]):
        frozen.requires_grad_(requires_grad=False)
    with torch.no_grad():
        for name, parameter in network.backbone.net.blocks.named_parameters():
            if name.split(".", 1)[1].startswith(("attn.proj.", "mlp.fc2.")):
                nn.init.zeros_(parameter)
        head = network.proposal_generator.rpn_head
        predictor = cast("MaskRcnnHeads", network.roi_heads).box_predictor
        for layer, prior in ((head.objectness_logits, PRIOR), (head.anchor_deltas, 0.5), (predictor.bbox_pred, 0.5)):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.constant_(cast("Tensor", layer.bias), math.log(prior / (1 - prior)))
    return network


def stem_weights(detector: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The stem's weights: norms folded into convolutions, the rest (the projection) as it is in `own`."""
    weights = dict(own)
    for name in own:
        if name.endswith(".weight") and name.startswith(("first", "stages")):
            layer = name.removesuffix(".weight")
            weights[name], weights[f"{layer}.bias"] = _folded(detector, _BACKBONE + _place(layer))
    return weights


def _place(layer: str) -> str:
    """first → the embedder; stages.1.0.conv2 → stage 1, layer 0, its second convolution."""
    if layer == "first":
        return "embedder.embedder"
    _, stage, block, part = layer.split(".")
    inner = "shortcut" if part == "shortcut" else f"layer.{int(part[-1]) - 1}"
    return f"encoder.stages.{stage}.layers.{block}.{inner}"


def _folded(detector: Mapping[str, Tensor], place: str) -> tuple[Tensor, Tensor]:
    norm = {
        part: detector[f"{place}.normalization.{part}"].float()
        for part in ("weight", "bias", "running_mean", "running_var")
    }
    scale = norm["weight"] * (norm["running_var"] + 1e-5).rsqrt()
    weight = detector[f"{place}.convolution.weight"].float() * scale[:, None, None, None]
    return weight, norm["bias"] - norm["running_mean"] * scale
