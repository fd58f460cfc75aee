"""The backbone: a plain vision transformer with windowed and global attention (arXiv 2203.16527, section 3).

It is Segment Anything's image encoder without the neck, and with the position embedding of its pretraining.
"""

from __future__ import annotations

from math import isqrt

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from plugins.vitdet.config import VitDetConfig
from plugins.vitdet.modeling.stem import tokeniser
from sam_model.modeling.attention import RelativeAttention
from sam_model.modeling.image_encoder import merge_windows, split_windows


class Vit(nn.Module):
    """Picture → tokens of the grid of patches."""

    def __init__(self, config: VitDetConfig) -> None:
        super().__init__()
        self.patch_embed = tokeniser(config)
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + config.pretrain_grid**2, config.encoder_width))
        self.blocks = nn.ModuleList(
            Block(config, everywhere=index in config.global_blocks) for index in range(config.encoder_depth)
        )

    def forward(self, images: Float[Tensor, "b 3 side side"]) -> Float[Tensor, "b c h w"]:
        tokens: Tensor = self.patch_embed(images)
        tokens = tokens + positions(self.pos_embed, tokens.shape[1])
        for block in self.blocks:
            tokens = block(tokens)
        return rearrange(tokens, "b h w c -> b c h w")


def positions(pos_embed: Float[Tensor, "1 tokens c"], size: int) -> Float[Tensor, "1 size size c"]:
    """The position embedding of pretraining for a grid of `size`: without its class token, scaled (bicubic)."""
    grid = rearrange(pos_embed[:, 1:], "1 (h w) c -> 1 c h w", h=isqrt(pos_embed.shape[1] - 1))
    if grid.shape[-1] != size:
        grid = F.interpolate(grid, (size, size), mode="bicubic", align_corners=False)
    return rearrange(grid, "1 c h w -> 1 h w c")


class Block(nn.Module):
    """A pre-norm transformer block that attends everywhere or inside windows."""

    def __init__(self, config: VitDetConfig, *, everywhere: bool) -> None:
        super().__init__()
        width = config.encoder_width
        self.window_size = None if everywhere else config.window_size
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = RelativeAttention(width, config.encoder_heads, self.window_size or config.grid_size)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Perceptron(width, 4 * width)

    def forward(self, x: Float[Tensor, "b h w c"]) -> Float[Tensor, "b h w c"]:
        x = x + self._attend(self.norm1(x))
        out: Tensor = x + self.mlp(self.norm2(x))
        return out

    def _attend(self, x: Float[Tensor, "b h w c"]) -> Float[Tensor, "b h w c"]:
        if self.window_size is None:
            everywhere: Tensor = self.attn(x)
            return everywhere
        return merge_windows(self.attn(split_windows(x, self.window_size)), x.shape)


class Perceptron(nn.Module):
    """The two layers of a block, under the names of the published weights."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Float[Tensor, "... c"]) -> Float[Tensor, "... c"]:
        out: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return out
