"""From pixels to tokens: by patches, or by residual convolutions, as the hybrids of arXiv 2010.11929 (section 3.1)."""

from __future__ import annotations

from itertools import pairwise

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from plugins.vitdet.config import VitDetConfig
from sam_model.modeling.image_encoder import PatchEmbed
from sam_model.modeling.layers import LayerNorm2d


def tokeniser(config: VitDetConfig) -> nn.Module:
    """What makes the tokens (b, h, w, c) of pictures (b, 3, side, side)."""
    if config.stem:
        return ConvolutionStem(config.stem, config.encoder_width)
    return PatchEmbed(config.patch_size, config.encoder_width)


class ConvolutionStem(nn.Module):
    """The first stages of a ResNet-18 without normalisations, and a projection to the tokens' width.

    Small data teach a network what drawings show much faster through convolutions than through patches alone.
    """

    def __init__(self, widths: tuple[int, ...], out: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, widths[0], kernel_size=7, stride=2, padding=3)
        pairs = pairwise((widths[0], *widths))
        self.stages = nn.Sequential(*(_stage(narrow, wide, halved=n > 0) for n, (narrow, wide) in enumerate(pairs)))
        self.proj = nn.Conv2d(widths[-1], out, kernel_size=1)
        self.norm = LayerNorm2d(out)

    def forward(self, images: Float[Tensor, "b 3 height width"]) -> Float[Tensor, "b h w c"]:
        features = F.max_pool2d(F.relu(self.first(images)), kernel_size=3, stride=2, padding=1)
        tokens: Tensor = rearrange(self.norm(self.proj(self.stages(features))), "b c h w -> b h w c")
        return tokens


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, kernel_size=3, stride=stride, padding=1)
        self.conv2 = nn.Conv2d(out, out, kernel_size=3, padding=1)
        same = channels == out and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(channels, out, kernel_size=1, stride=stride)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d _ _"]:
        out: Tensor = F.relu(self.shortcut(x) + self.conv2(F.relu(self.conv1(x))))
        return out


def _stage(channels: int, out: int, *, halved: bool) -> nn.Sequential:
    return nn.Sequential(ResidualBlock(channels, out, 2 if halved else 1), ResidualBlock(out, out, 1))
