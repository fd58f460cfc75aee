"""The simple feature pyramid: every level straight from the backbone's last tokens (arXiv 2203.16527, section 3)."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from plugins.vitdet.config import VitDetConfig
from plugins.vitdet.modeling.vit import Vit
from sam_model.modeling.layers import LayerNorm2d

STRIDES = (4, 8, 16, 32, 64)
"""Pixels of the picture a side of a pixel of each level, p2 to p6; a pyramid may lack the finest."""


class NormedConv(nn.Conv2d):
    """A convolution of unchanged size without bias, and a normalisation over channels that belongs to it."""

    def __init__(self, channels: int, out: int, kernel_size: int) -> None:
        super().__init__(channels, out, kernel_size, padding=kernel_size // 2, bias=False)
        self.norm = LayerNorm2d(out)

    def forward(self, input: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h w"]:  # noqa: A002 - torch's own name
        normed: Tensor = self.norm(super().forward(input))
        return normed


class FeaturePyramid(nn.Module):
    """Picture → levels of `width` channels, the finest first."""

    def __init__(self, config: VitDetConfig) -> None:
        super().__init__()
        width = config.encoder_width
        half, quarter = width // 2, width // 4
        self.net = Vit(config)
        before = {
            2: (_doubled(width, half), LayerNorm2d(half), nn.GELU(), _doubled(half, quarter)),
            3: (_doubled(width, half),),
            4: (),
            5: (nn.MaxPool2d(2),),
        }
        channels = {2: quarter, 3: half, 4: width, 5: width}
        self.numbers = range(config.finest_level, 6)
        for number in self.numbers:
            self.add_module(f"simfp_{number}", nn.Sequential(*before[number], *_level(channels[number], config.width)))

    def forward(self, images: Float[Tensor, "b 3 side side"]) -> list[Float[Tensor, "b c _ _"]]:
        """All levels to p6; the last is every second pixel of the one before, and serves proposals only.

        They have the pyramid's own precision, whatever the backbone computes in: boxes need more than half.
        """
        return self.from_tokens(self.net(images))

    def from_tokens(self, tokens: Float[Tensor, "b d h w"]) -> list[Float[Tensor, "b c _ _"]]:
        """The levels of a picture that the backbone has seen."""
        makers = [self.get_submodule(f"simfp_{number}") for number in self.numbers]
        tokens = tokens.to(next(makers[0].parameters()).dtype)
        levels = [level(tokens) for level in makers]
        return [*levels, F.max_pool2d(levels[-1], kernel_size=1, stride=2)]


def _doubled(channels: int, out: int) -> nn.Module:
    return nn.ConvTranspose2d(channels, out, kernel_size=2, stride=2)


def _level(channels: int, out: int) -> tuple[nn.Module, nn.Module]:
    return NormedConv(channels, out, 1), NormedConv(out, out, 3)
