"""The image encoder: a vision transformer with windowed and global attention (paper, appendix A; ViTDet)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from sam_model.config import SamConfig
from sam_model.modeling.attention import RelativeAttention
from sam_model.modeling.layers import DropPath, FeedForward, LayerNorm2d

TOKENS_AT_ONCE = 1024


class ImageEncoder(nn.Module):
    """Picture → embedding of `width` channels on the grid of patches."""

    def __init__(self, config: SamConfig, *, drop_path: float = 0.0) -> None:
        super().__init__()
        self.patch_embed = PatchEmbed(config.patch_size, config.encoder_width)
        self.pos_embed = nn.Parameter(torch.zeros(1, config.grid_size, config.grid_size, config.encoder_width))
        rates = torch.linspace(0, drop_path, config.encoder_depth, device="cpu").tolist()
        self.blocks = nn.ModuleList(
            Block(config, everywhere=index in config.global_blocks, drop_path=rate) for index, rate in enumerate(rates)
        )
        self.neck = nn.Sequential(
            nn.Conv2d(config.encoder_width, config.width, kernel_size=1, bias=False),
            LayerNorm2d(config.width),
            nn.Conv2d(config.width, config.width, kernel_size=3, padding=1, bias=False),
            LayerNorm2d(config.width),
        )

    def forward(self, images: Float[Tensor, "b 3 side side"]) -> Float[Tensor, "b c h w"]:
        """Embed normalised pictures, padded to the square of `config.image_size`."""
        x: Tensor = self.patch_embed(images) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        embedding: Tensor = self.neck(rearrange(x, "b h w c -> b c h w"))
        return embedding


class PatchEmbed(nn.Module):
    """Cut the picture into patches and project each to a token."""

    def __init__(self, patch_size: int, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, kernel_size=patch_size, stride=patch_size)

    def forward(self, images: Float[Tensor, "b 3 height width"]) -> Float[Tensor, "b h w c"]:
        tokens: Tensor = rearrange(self.proj(images), "b c h w -> b h w c")
        return tokens


class Block(nn.Module):
    """A pre-norm transformer block that attends everywhere or inside windows."""

    def __init__(self, config: SamConfig, *, everywhere: bool, drop_path: float) -> None:
        super().__init__()
        width = config.encoder_width
        self.window_size = None if everywhere else config.window_size
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = RelativeAttention(width, config.encoder_heads, self.window_size or config.grid_size)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = FeedForward(width, config.encoder_mlp_ratio * width, nn.GELU)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Float[Tensor, "b h w c"]) -> Float[Tensor, "b h w c"]:
        x = x + self.drop_path(self._attend(self.norm1(x)))
        out: Tensor = x + self.drop_path(_in_parts(self.mlp, self.norm2(x), TOKENS_AT_ONCE // x.shape[2], dim=1))
        return out

    def _attend(self, x: Float[Tensor, "b h w c"]) -> Float[Tensor, "b h w c"]:
        if self.window_size is None:
            everywhere: Tensor = self.attn(x)
            return everywhere
        windows = split_windows(x, self.window_size)
        return merge_windows(_in_parts(self.attn, windows, TOKENS_AT_ONCE // self.window_size**2, dim=0), x.shape)


def _in_parts(
    layer: Callable[[Float[Tensor, "b h w c"]], Float[Tensor, "b h w c"]],
    x: Float[Tensor, "b h w c"],
    size: int,
    *,
    dim: int,
) -> Float[Tensor, "b h w c"]:
    """Apply a layer that sees no further than a row or window, on a processor to some at a time.

    That takes as long, but not the memory for four times the channels of a whole picture.
    """
    if x.device.type != "cpu" or torch.is_grad_enabled() or torch.compiler.is_exporting():
        return layer(x)
    return torch.cat([layer(part) for part in torch.split(x, max(1, size), dim=dim)], dim=dim)


def split_windows(x: Float[Tensor, "b h w c"], size: int) -> Float[Tensor, "windows size size c"]:
    """Cut the grid into windows; it is first padded with zeros, right and below, to whole windows.

    The zeros take part in attention as keys, as the published weights expect.
    """
    _, height, width, _ = x.shape
    padded = F.pad(x, (0, 0, 0, -width % size, 0, -height % size))
    return rearrange(padded, "b (rows y) (columns x) c -> (b rows columns) y x c", y=size, x=size)


def merge_windows(windows: Float[Tensor, "windows size size c"], shape: torch.Size) -> Float[Tensor, "b h w c"]:
    """Put windows back to the grid of `shape` (b, h, w, c) and drop the padding."""
    batch, height, width, _ = shape
    rows = -(-height // windows.shape[1])
    x = rearrange(windows, "(b rows columns) y x c -> b (rows y) (columns x) c", b=batch, rows=rows)
    return x[:, :height, :width]
