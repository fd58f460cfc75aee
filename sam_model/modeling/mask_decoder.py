"""The mask decoder: image embedding and prompt tokens → mask logits and their predicted IoU (paper, appendix A)."""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from sam_model.config import SamConfig
from sam_model.modeling.layers import Head, LayerNorm2d
from sam_model.modeling.two_way_transformer import TwoWayTransformer

MASKS = 4
"""Masks for a prompt: the first answers a clear prompt, the others are whole, part and subpart for an ambiguous one."""


class MaskDecoder(nn.Module):
    """All four masks of every prompt; which of them to use is the caller's choice."""

    def __init__(self, config: SamConfig) -> None:
        super().__init__()
        width = config.width
        self.transformer = TwoWayTransformer(config)
        self.iou_token = nn.Embedding(1, width)
        self.mask_tokens = nn.Embedding(MASKS, width)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(width, width // 4, kernel_size=2, stride=2),
            LayerNorm2d(width // 4),
            nn.GELU(),
            nn.ConvTranspose2d(width // 4, width // 8, kernel_size=2, stride=2),
            nn.GELU(),
        )
        self.output_hypernetworks_mlps = nn.ModuleList(Head(width, width // 8) for _ in range(MASKS))
        self.iou_prediction_head = Head(width, MASKS)

    def forward(
        self,
        image_embeddings: Float[Tensor, "#n c h w"],
        image_positions: Float[Tensor, "1 c h w"],
        sparse: Float[Tensor, "n tokens c"],
        dense: Float[Tensor, "#n c h w"],
    ) -> tuple[Float[Tensor, "n 4 4*h 4*w"], Float[Tensor, "n 4"]]:
        """Decode n prompts on one picture, or each on its own.

        Args:
            image_embeddings: from the image encoder.
            image_positions: from `PromptEncoder.image_positions`.
            sparse: prompt tokens, from the prompt encoder.
            dense: embedded mask hints, from the prompt encoder; one may serve all prompts.

        Returns:
            Logits at four times the grid (inside where > 0), and the IoU that the network expects of each mask.
        """
        queries = torch.cat((self.iou_token.weight, self.mask_tokens.weight))
        tokens = torch.cat((queries.expand(sparse.shape[0], -1, -1), sparse), dim=1)
        tokens, pixels = self.transformer(image_embeddings + dense, image_positions, tokens)
        return self._masks(tokens[:, 1 : 1 + MASKS], pixels), self.iou_prediction_head(tokens[:, 0])

    def _masks(self, tokens: Float[Tensor, "n 4 c"], pixels: Float[Tensor, "n c h w"]) -> Float[Tensor, "n 4 4*h 4*w"]:
        """Let each mask token decide which mixture of the upscaled channels is its mask."""
        mixtures = [head(token) for head, token in zip(self.output_hypernetworks_mlps, tokens.unbind(1), strict=True)]
        upscaled = self.output_upscaling(pixels)
        logits: Tensor = torch.stack(mixtures, dim=1) @ rearrange(upscaled, "n c h w -> n c (h w)")
        return rearrange(logits, "n m (h w) -> n m h w", h=upscaled.shape[2])


def select_masks(
    logits: Float[Tensor, "n 4 h w"], iou: Float[Tensor, "n 4"], *, multimask: bool
) -> tuple[Float[Tensor, "n masks h w"], Float[Tensor, "n masks"]]:
    """Keep the three masks of an ambiguous prompt, or the one of an unambiguous prompt."""
    kept = slice(1, None) if multimask else slice(0, 1)
    return logits[:, kept], iou[:, kept]
