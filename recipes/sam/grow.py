"""Weights trained on small pictures, carried over to larger ones at the same patch size.

A pixel keeps its meaning, only the picture gets wider. So relative positions are cut, or padded with their outermost
vector, frequencies of the prompt encoding grow with the picture (they are counted in picture widths), and only the
absolute positions are stretched.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

FREQUENCIES = "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"


def grow(small: dict[str, Tensor], large: dict[str, Tensor]) -> dict[str, Tensor]:
    """State of a `small` network for a network shaped as `large`, which differs in image size and windows alone."""
    factor = large["image_encoder.pos_embed"].shape[1] / small["image_encoder.pos_embed"].shape[1]
    return {name: _fit(name, tensor, large[name].shape, factor) for name, tensor in small.items()}


def _fit(name: str, tensor: Tensor, shape: torch.Size, factor: float) -> Tensor:
    if name == FREQUENCIES:
        return tensor * factor
    if tensor.shape == shape:
        return tensor
    if name.endswith("pos_embed"):
        stretched = F.interpolate(tensor.permute(0, 3, 1, 2), size=tuple(shape[1:3]), mode="bilinear")
        return stretched.permute(0, 2, 3, 1)
    margin = (shape[0] - tensor.shape[0]) // 2
    if margin < 0:
        return tensor[-margin:margin]
    return torch.cat((tensor[:1].expand(margin, -1), tensor, tensor[-1:].expand(margin, -1)))
