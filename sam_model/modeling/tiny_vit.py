"""MobileSAM's image encoder: TinyViT, convolutions first and attention in windows after (arXiv 2306.14289, 2207.10666).

Its `state_dict` has the names of `mobile_sam.pt`. Nothing in it depends on the size of the picture.
"""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from sam_model.config import TinyVitConfig
from sam_model.modeling.image_encoder import merge_windows, split_windows
from sam_model.modeling.layers import DropPath, LayerNorm2d, NormedConvolution

EXPANSION = 4
"""Hidden channels of convolution blocks and perceptrons, as a multiple of what goes in."""


class TinyVit(nn.Module):
    """Picture → embedding of `width` channels, at one `config.stride`-th of the picture's side."""

    def __init__(self, config: TinyVitConfig, width: int, *, drop_path: float = 0.0) -> None:
        super().__init__()
        self.patch_embed = Stem(config.widths[0])
        rates = torch.split(torch.linspace(0, drop_path, sum(config.depths), device="cpu"), list(config.depths))
        stages: list[nn.Module] = [ConvolutionStage(config, rates[0].tolist())]
        stages += [AttentionStage(config, index, rate.tolist()) for index, rate in enumerate(rates[1:], start=1)]
        self.layers = nn.ModuleList(stages)
        last = config.widths[-1]
        if config.classes:
            self.norm_head = nn.LayerNorm(last)
            self.head = nn.Linear(last, config.classes)
        self.neck = nn.Sequential(
            nn.Conv2d(last, width, kernel_size=1, bias=False),
            LayerNorm2d(width),
            nn.Conv2d(width, width, kernel_size=3, padding=1, bias=False),
            LayerNorm2d(width),
        )

    def forward(self, images: Float[Tensor, "b 3 height width"]) -> Float[Tensor, "b c h w"]:
        """Embed normalised pictures whose sides are divisible by `config.stride`."""
        x = self.patch_embed(images.contiguous(memory_format=torch.channels_last))
        for layer in self.layers:
            x = layer(x)
        embedding: Tensor = self.neck(x)
        return embedding


class Stem(nn.Module):
    """Two strided convolutions: a quarter of the resolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.seq = nn.Sequential(
            NormedConvolution(3, width // 2, kernel=3, stride=2),
            nn.GELU(),
            NormedConvolution(width // 2, width, kernel=3, stride=2),
        )

    def forward(self, images: Float[Tensor, "b 3 height width"]) -> Float[Tensor, "b c h w"]:
        x: Tensor = self.seq(images)
        return x


class ConvolutionStage(nn.Module):
    """Inverted bottlenecks, then the way to the next stage."""

    def __init__(self, config: TinyVitConfig, rates: list[float]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(InvertedBottleneck(config.widths[0], drop_path=rate) for rate in rates)
        self.downsample = Downsample(*config.widths[:2], stride=config.strides[0])

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b out height width"]:
        for block in self.blocks:
            x = block(x)
        merged: Tensor = self.downsample(x)
        return merged


class InvertedBottleneck(nn.Module):
    """Widen, look at the neighbours channel by channel, narrow, add (arXiv 1801.04381)."""

    def __init__(self, width: int, *, drop_path: float) -> None:
        super().__init__()
        hidden = EXPANSION * width
        self.conv1 = NormedConvolution(width, hidden)
        self.conv2 = NormedConvolution(hidden, hidden, kernel=3, groups=hidden)
        self.conv3 = NormedConvolution(hidden, width, gain=0.0)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        hidden = F.gelu(self.conv2(F.gelu(self.conv1(x))))
        return F.gelu(x + self.drop_path(self.conv3(hidden)))


class Downsample(nn.Module):
    """From one stage to the next: other channels and, with a stride of 2, half the resolution."""

    def __init__(self, inputs: int, outputs: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = NormedConvolution(inputs, outputs)
        self.conv2 = NormedConvolution(outputs, outputs, kernel=3, stride=stride, groups=outputs)
        self.conv3 = NormedConvolution(outputs, outputs)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b out height width"]:
        merged: Tensor = self.conv3(F.gelu(self.conv2(F.gelu(self.conv1(x)))))
        return merged


class AttentionStage(nn.Module):
    """Blocks of attention in windows; every stage but the last ends with the way to the next."""

    def __init__(self, config: TinyVitConfig, index: int, rates: list[float]) -> None:
        super().__init__()
        sizes = config.widths[index], config.heads[index - 1], config.windows[index - 1]
        self.blocks = nn.ModuleList(AttentionBlock(*sizes, drop_path=rate) for rate in rates)
        self.downsample = None
        if index < len(config.strides):
            self.downsample = Downsample(*config.widths[index : index + 2], stride=config.strides[index])

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b out height width"]:
        for block in self.blocks:
            x = block(x)
        return x if self.downsample is None else self.downsample(x)


class AttentionBlock(nn.Module):
    """Attention in windows, a convolution over their borders, a perceptron."""

    def __init__(self, width: int, heads: int, window: int, *, drop_path: float) -> None:
        super().__init__()
        self.window = window
        self.attn = WindowAttention(width, heads, window)
        self.local_conv = NormedConvolution(width, width, kernel=3, groups=width)
        self.mlp = Perceptron(width)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        x = x + self.drop_path(self._attend(x))
        x = self.local_conv(x)
        out: Tensor = x + self.drop_path(rearrange(self.mlp(rearrange(x, "b c h w -> b h w c")), "b h w c -> b c h w"))
        return out

    def _attend(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """The zeros that fill the last windows are normalised and attended to, as the published weights expect."""
        pixels = rearrange(x, "b c h w -> b h w c")
        attended = merge_windows(self.attn(split_windows(pixels, self.window)), pixels.shape)
        return rearrange(attended, "b h w c -> b c h w")


class WindowAttention(nn.Module):
    """Multi-head attention in a window, with a learned bias for every distance (|y-j|, |x-i|) and head."""

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads = heads
        self.window = window
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.attention_biases = nn.Parameter(torch.zeros(heads, window * window))

    def forward(self, x: Float[Tensor, "windows size size c"]) -> Float[Tensor, "windows size size c"]:
        q, k, v = rearrange(self.qkv(self.norm(x)), "b y x (n three d) -> three b n (y x) d", three=3, n=self.heads)
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=self._bias().to(q.dtype)).contiguous()
        projected: Tensor = self.proj(rearrange(out, "b n (y x) d -> b y x (n d)", y=self.window))
        return projected

    def _bias(self) -> Float[Tensor, "1 heads queries keys"]:
        place = torch.arange(self.window, device=self.attention_biases.device)
        distance = (place[:, None] - place).abs()
        table = rearrange(self.attention_biases, "n (dy dx) -> n dy dx", dy=self.window)
        pairs = table[:, distance[:, None, :, None], distance[None, :, None, :]]
        return rearrange(pairs, "n y x j i -> 1 n (y x) (j i)")


class Perceptron(nn.Module):
    """Norm and two layers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, EXPANSION * width)
        self.fc2 = nn.Linear(EXPANSION * width, width)

    def forward(self, x: Float[Tensor, "... c"]) -> Float[Tensor, "... c"]:
        out: Tensor = self.fc2(F.gelu(self.fc1(self.norm(x))))
        return out
