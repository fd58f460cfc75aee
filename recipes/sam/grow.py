"""Weights trained on small pictures, carried over to larger ones at the same patch size.

A pixel keeps its meaning, only the picture gets wider. So relative positions are cut, or padded with their outermost
vector, frequencies of the prompt encoding grow with the picture (they are counted in picture widths), and only the
absolute positions are stretched. A network with another encoder takes over everything else.
"""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

FREQUENCIES = "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"
ENCODER = "image_encoder."


def grow(small: dict[str, Tensor], large: dict[str, Tensor], *, factor: float) -> dict[str, Tensor]:
    """State of a `small` network for one whose state is shaped as `large`, `factor` times as wide in pixels."""
    same_encoder = _encoder(small) == _encoder(large)
    kept = {name: tensor for name, tensor in small.items() if same_encoder or not name.startswith(ENCODER)}
    return large | {name: _fit(name, tensor, large[name].shape, factor) for name, tensor in kept.items()}


def _encoder(state: dict[str, Tensor]) -> set[str]:
    return {name for name in state if name.startswith(ENCODER)}


def _fit(name: str, tensor: Tensor, shape: torch.Size, factor: float) -> Tensor:
    if name == FREQUENCIES:
        return tensor * factor
    if tensor.shape == shape:
        return tensor
    if name.endswith("pos_embed"):
        stretched = F.interpolate(tensor.permute(0, 3, 1, 2), size=tuple(shape[1:3]), mode="bilinear")
        return stretched.permute(0, 2, 3, 1)
    if name.endswith("attention_biases"):
        return _fit_biases(tensor, round(shape[1] ** 0.5))
    margin = (shape[0] - tensor.shape[0]) // 2
    if margin < 0:
        return tensor[-margin:margin]
    return torch.cat((tensor[:1].expand(margin, -1), tensor, tensor[-1:].expand(margin, -1)))


def _fit_biases(biases: Tensor, window: int) -> Tensor:
    """Cut the table of distances, or go on with its outermost values."""
    before = round(biases.shape[1] ** 0.5)
    at = torch.arange(window).clamp(max=before - 1)
    table = rearrange(biases, "heads (dy dx) -> heads dy dx", dy=before)
    return rearrange(table[:, at][:, :, at], "heads dy dx -> heads (dy dx)")
