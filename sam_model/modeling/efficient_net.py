"""A convolutional image encoder: EfficientNet-Lite (arXiv 1905.11946) under a feature pyramid.

For small networks that shall know photographs: the published ImageNet weights, made with TensorFlow, fit the blocks
(its padding, its 1e-3 in the norms). Lite means no squeeze-and-excitation and activations that are cut at six.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from sam_model.config import EfficientNetConfig
from sam_model.modeling.layers import DropPath, LayerNorm2d, NormedConvolution

EPS = 1e-3


class EfficientNet(nn.Module):
    """Picture → embedding of `width` channels, at one `config.stride`-th of the picture's side."""

    def __init__(self, config: EfficientNetConfig, width: int, *, drop_path: float = 0.0) -> None:
        super().__init__()
        self.patch_embed = Unit(3, config.stem, kernel=3, stride=2)
        sizes = list(config.blocks())
        rates = torch.linspace(0, drop_path, len(sizes), device="cpu").tolist()
        self.blocks = nn.ModuleList(
            InvertedBottleneck(*size, drop_path=rate) for size, rate in zip(sizes, rates, strict=True)
        )
        self.strides = [2 * stride for stride in config.strides_so_far()]
        self.pyramid = Pyramid({self.strides[i]: sizes[i][1] for i in self._ends()}, width, stride=config.stride)
        self.neck = nn.Sequential(
            nn.Conv2d(width, width, kernel_size=3, padding=1, bias=False),
            LayerNorm2d(width),
        )

    def forward(self, images: Float[Tensor, "b 3 height width"]) -> Float[Tensor, "b c h w"]:
        """Embed normalised pictures whose sides are divisible by the stride of the last block."""
        x = self.patch_embed(images.contiguous(memory_format=torch.channels_last))
        levels, ends = {}, self._ends()
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in ends:
                levels[self.strides[index]] = x
        embedding: Tensor = self.neck(self.pyramid(levels))
        return embedding

    def _ends(self) -> list[int]:
        """Of the blocks of every resolution, the last."""
        changes = [index for index, (now, after) in enumerate(pairwise(self.strides)) if after != now]
        return [*changes, len(self.strides) - 1]


class Unit(nn.Module):
    """Convolution with TensorFlow's padding (a stride of 2 has one row more below than above), norm, activation."""

    def __init__(self, inputs: int, outputs: int, *, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        before, after = (kernel - stride) // 2, (kernel - stride + 1) // 2
        self.pad = nn.ZeroPad2d((before, after, before, after) if before != after else 0)
        self.conv = NormedConvolution(
            inputs,
            outputs,
            kernel=kernel,
            stride=stride,
            groups=groups,
            eps=EPS,
            padding=0 if before != after else before,
        )

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b out height width"]:
        return F.relu6(self.conv(self.pad(x)))


class InvertedBottleneck(nn.Module):
    """Widen, look at the neighbours channel by channel, narrow; add where the shape has stayed (arXiv 1801.04381)."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int, *, drop_path: float
    ) -> None:
        super().__init__()
        hidden = expansion * inputs
        self.widen = Unit(inputs, hidden, kernel=1) if expansion > 1 else nn.Identity()
        self.look = Unit(hidden, hidden, kernel=kernel, stride=stride, groups=hidden)
        self.narrow = NormedConvolution(hidden, outputs, eps=EPS)
        self.drop_path = DropPath(drop_path) if stride == 1 and inputs == outputs else None

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b out height width"]:
        branch: Tensor = self.narrow(self.look(self.widen(x)))
        return branch if self.drop_path is None else x + self.drop_path(branch)


class Pyramid(nn.Module):
    """Features of every resolution brought to one and added, then looked at once more (after arXiv 1612.03144).

    Finer levels are gathered by strided convolutions, so edges are not lost; coarser ones are stretched.
    """

    def __init__(self, channels: dict[int, int], width: int, *, stride: int) -> None:
        super().__init__()
        steps = {level: max(1, stride // level) for level in channels}
        self.lateral = nn.ModuleDict(
            {str(level): nn.Conv2d(depth, width, steps[level], steps[level]) for level, depth in channels.items()}
        )
        self.norm = LayerNorm2d(width)
        self.context = nn.Sequential(ContextBlock(width), ContextBlock(width))
        self.stride = stride

    def forward(self, levels: dict[int, Tensor]) -> Float[Tensor, "b c h w"]:
        total = self.lateral[str(self.stride)](levels[self.stride])
        for stride, features in levels.items():
            if stride != self.stride:
                total = total + self._fit(self.lateral[str(stride)](features), total)
        seen: Tensor = self.context(self.norm(total))
        return seen

    @staticmethod
    def _fit(features: Tensor, like: Tensor) -> Tensor:
        if features.shape == like.shape:
            return features
        return F.interpolate(features, size=like.shape[2:], mode="bilinear", align_corners=False)


class ContextBlock(nn.Module):
    """Look around, channel by channel, then think about each place (ConvNeXt's block, arXiv 2201.03545)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.look = nn.Conv2d(width, width, kernel_size=7, padding=3, groups=width)
        self.norm = LayerNorm2d(width)
        self.widen = nn.Conv2d(width, 4 * width, kernel_size=1)
        self.narrow = nn.Conv2d(4 * width, width, kernel_size=1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        out: Tensor = x + self.narrow(F.gelu(self.widen(self.norm(self.look(x)))))
        return out
