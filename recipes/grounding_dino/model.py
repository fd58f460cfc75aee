"""The detector: a small GroundingDinoForObjectDetection, and how its parts are prepared for a short training."""

from __future__ import annotations

import copy
from typing import cast

import torch
from torch import Tensor, nn
from transformers import BertConfig, GroundingDinoConfig, GroundingDinoForObjectDetection, ResNetBackbone, ResNetConfig

#: Side of the pictures that the detector is trained on, in pixels.
SIZE = 192
#: Pixels a cell of the two feature maps.
STRIDES = (16, 32)
WIDTH = 128
#: The logit that every token gets before anything is learned: sigmoid(-3.3) = 0.036.
PRIOR = -3.3
#: What transformers' frozen batch norm adds to the variance.
EPSILON = 1e-5


def backbone_config() -> ResNetConfig:
    """A slim ResNet-18 that gives its last two maps."""
    return ResNetConfig(
        embedding_size=32, hidden_sizes=[32, 64, 128, 256], depths=[2, 2, 2, 2], layer_type="basic",
        out_features=["stage3", "stage4"],
    )  # fmt: skip


def detector_config(text: BertConfig) -> GroundingDinoConfig:
    """Two levels, one encoder layer, two decoder layers: deformable attention on a CPU costs more than the backbone."""
    return GroundingDinoConfig(
        backbone_config=backbone_config(), text_config=text, d_model=WIDTH, num_queries=40,
        num_feature_levels=len(STRIDES), encoder_layers=1, decoder_layers=2, encoder_ffn_dim=512, decoder_ffn_dim=512,
        encoder_attention_heads=8, decoder_attention_heads=8, dropout=0.0, fusion_droppath=0.0, max_text_len=256,
    )  # fmt: skip


def build_detector(text: BertConfig) -> GroundingDinoForObjectDetection:
    """A detector that behaves like dense classification from the first step.

    Scores start at `PRIOR`; proposals pass the encoder's features on as they are; each decoder layer hands a query the
    mean of the features in its box. Aligned features, as `pretrain.py` makes them, then score at once.
    """
    detector = GroundingDinoForObjectDetection(detector_config(text))
    model = detector.model
    with torch.no_grad():
        nn.init.eye_(model.enc_output.weight)
        for layer in model.decoder.layers:
            for projection in (layer.encoder_attn.value_proj, layer.encoder_attn.output_proj):
                nn.init.eye_(projection.weight)
        for layer in model.encoder.layers:
            layer.deformable_layer.self_attn.output_proj.weight.mul_(0.2)
            layer.fusion_layer.vision_param.fill_(0.05)
            layer.fusion_layer.text_param.fill_(0.05)
        model.encoder_output_bbox_embed.layers[-1].bias.copy_(torch.tensor([0.0, 0.0, 1.5, 1.5]))
        offset = (-PRIOR / WIDTH) ** 0.5
        _scale(model.encoder.layers[-1].text_enhancer_layer.layer_norm_after, 0.5, offset)
        _scale(model.enc_output_norm, 0.3, -offset)
        _scale(model.decoder.layer_norm, 0.3, -offset)
    return detector


def fold_batch_norm(backbone: ResNetBackbone) -> None:
    """Merge every frozen batch norm into its convolution, in place: the same function, faster, and all of it learns."""
    for block in backbone.modules():
        if hasattr(block, "convolution") and not isinstance(block.normalization, nn.Identity):
            norm = block.normalization
            scale = norm.weight * (norm.running_var + EPSILON).rsqrt()
            weight = block.convolution.weight * scale[:, None, None, None]
            block.convolution = _biased(block.convolution, weight, norm.bias - norm.running_mean * scale)
            block.normalization = nn.Identity()


def unfolded_state(detector: GroundingDinoForObjectDetection) -> dict[str, Tensor]:
    """The state dict of a detector with a folded backbone, in transformers' keys: norms that only add the bias."""
    state: dict[str, Tensor] = {}
    for key, value in detector.state_dict().items():
        state[key] = value
        if "conv_encoder" in key and key.endswith("convolution.bias"):
            del state[key]
            norm = key.removesuffix("convolution.bias") + "normalization."
            state |= {norm + "weight": torch.ones_like(value), norm + "bias": value}
            state |= {norm + "running_mean": torch.zeros_like(value)}
            state |= {norm + "running_var": torch.ones_like(value) - EPSILON}
    return state


def start_from(detector: GroundingDinoForObjectDetection, pretrained: dict[str, dict[str, Tensor]]) -> None:
    """Load what `pretrain.py` saved: backbone, projections of its maps, projection of the text."""
    model = detector.model
    backbone = cast("ResNetBackbone", model.backbone.conv_encoder.model)
    backbone.load_state_dict({k: v for k, v in pretrained["backbone"].items() if "num_batches_tracked" not in k})
    model.input_proj_vision.load_state_dict(pretrained["input_projection"])
    model.text_projection.load_state_dict(pretrained["text_projection"])


def smoothed_copy(module: nn.Module) -> nn.Module:
    """A copy to hold a running mean of the weights."""
    return copy.deepcopy(module).requires_grad_(requires_grad=False)


def _scale(norm: nn.LayerNorm, weight: float, bias: float) -> None:
    norm.weight.fill_(weight)
    norm.bias.fill_(bias)


def _biased(source: nn.Conv2d, weight: Tensor, bias: Tensor) -> nn.Conv2d:
    conv = nn.Conv2d(
        source.in_channels, source.out_channels, source.kernel_size, source.stride, source.padding,  # type: ignore[arg-type]
    )  # fmt: skip
    conv.weight = nn.Parameter(weight.detach().clone())
    conv.bias = nn.Parameter(bias.detach().clone())
    return conv
