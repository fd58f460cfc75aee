"""The small parts that several networks share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class LayerNorm2d(nn.Module):
    """Normalise every pixel over its channels.

    It runs on channels-last memory through the fused kernel, which accumulates in float32: squaring half-precision
    differences by hand overflows from 256 on.
    """

    def __init__(self, channels: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        pixels = rearrange(x, "b c h w -> b h w c")
        pixels = F.layer_norm(pixels, self.weight.shape, self.weight, self.bias, self.eps)
        return rearrange(pixels, "b h w c -> b c h w")


class NormedConvolution(nn.Module):
    """A convolution followed by batch normalisation; in evaluation the two are one."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        gain: float = 1.0,
        eps: float = 1e-5,
        padding: int | None = None,
    ) -> None:
        super().__init__()
        margin = kernel // 2 if padding is None else padding
        self.c = nn.Conv2d(inputs, outputs, kernel, stride, padding=margin, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=eps)
        nn.init.constant_(self.bn.weight, gain)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b out height width"]:
        if self.training:
            normed: Tensor = self.bn(self.c(x))
            return normed
        weight, bias = self._folded()
        return F.conv2d(x, weight, bias, self.c.stride, self.c.padding, groups=self.c.groups)

    def _folded(self) -> tuple[Float[Tensor, "out c kernel kernel"], Float[Tensor, " out"]]:
        """Weights are far smaller than pictures, so folding anew costs little and can't go stale."""
        mean, variance = self.bn.get_buffer("running_mean"), self.bn.get_buffer("running_var")
        gain = self.bn.weight * (variance + self.bn.eps).rsqrt()
        return self.c.weight * rearrange(gain, "out -> out 1 1 1"), self.bn.bias - mean * gain


class FeedForward(nn.Module):
    """The two-layer perceptron of a transformer block."""

    def __init__(self, width: int, hidden: int, activation: type[nn.Module]) -> None:
        super().__init__()
        self.lin1 = nn.Linear(width, hidden)
        self.lin2 = nn.Linear(hidden, width)
        self.act = activation()

    def forward(self, x: Float[Tensor, "... c"]) -> Float[Tensor, "... c"]:
        out: Tensor = self.lin2(self.act(self.lin1(x)))
        return out


class Head(nn.Module):
    """A perceptron of three layers with ReLU between them; it reads one token."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        sizes = (width, width, width, out)
        self.layers = nn.ModuleList(nn.Linear(before, after) for before, after in pairwise(sizes))

    def forward(self, token: Float[Tensor, "n c"]) -> Float[Tensor, "n out"]:
        *hidden, last = self.layers
        for layer in hidden:
            token = F.relu(layer(token))
        out: Tensor = last(token)
        return out


class DropPath(nn.Module):
    """Stochastic depth: in training, leave a residual branch out for a random part of the batch."""

    generators: Sequence[torch.Generator] = ()
    """On the CPU, one for each picture, so that its company decides nothing; without any, PyTorch's own draws."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, branch: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        if not self.training or self.rate == 0:
            return branch
        if self.generators:
            drawn = torch.cat([torch.rand(1, generator=generator) for generator in self.generators])
        else:
            drawn = torch.rand(len(branch))
        kept = (drawn >= self.rate).to(branch)
        return branch * kept.view(-1, *(1,) * (branch.ndim - 1)) / (1 - self.rate)
