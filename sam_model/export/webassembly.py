"""The decoder from operators that ONNX Runtime Web computes quickly.

Its build for WebAssembly has no vectorised error function, and its kernel for layer normalisation takes one number at a
time: together they were four tenths of a click. Sums, products and the hyperbolic tangent are vectorised.
"""

from __future__ import annotations

from copy import deepcopy
from functools import reduce
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from sam_model.modeling import Sam
from sam_model.modeling.layers import LayerNorm2d
from sam_model.modeling.mask_decoder import Upscaling, linear_map, quarters

ARTANH_OF_ERF = (7.97828215e-1, 3.64684797e-2, -1.24654960e-4, -3.06233226e-5, 1.12161724e-6)
"""artanh(erf(x / √2)) / x as a polynomial of x²: the fit for which the largest error of `TanhGelu` is least."""


def for_webassembly(sam: Sam) -> Sam:
    """The same network with a copy of the decoder that gives the same but for 1e-5, by other operators."""
    copy = deepcopy(sam, {id(part): part for part in (sam.image_encoder, sam.prompt_encoder)})
    decoder = copy.mask_decoder
    decoder.output_upscaling = cast("Upscaling", PlainUpscaling(decoder.output_upscaling))
    for block in decoder.transformer.layers:
        block.norm4 = PlainNorm(cast("nn.LayerNorm", block.norm4))
    return copy


class TanhGelu(nn.Module):
    """GELU as `x (1 + tanh(x p(x²))) / 2`, nowhere off by more than 4e-6.

    The usual approximation by a hyperbolic tangent has two terms, and is off by 5e-4.
    """

    def forward(self, x: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
        squared = x * x
        constant, *middle, highest = ARTANH_OF_ERF
        factor = constant + reduce(lambda sum_, term: (sum_ + term) * squared, reversed(middle), squared * highest)
        return 0.5 * (x + x * torch.tanh(x * factor))


class PlainNorm(nn.Module):
    """Layer normalisation over the last axis, of sums and products."""

    def __init__(self, norm: nn.LayerNorm | LayerNorm2d) -> None:
        super().__init__()
        self.weight, self.bias, self.eps = norm.weight, norm.bias, norm.eps

    def forward(self, x: Float[Tensor, "... c"]) -> Float[Tensor, "... c"]:
        centred = x - x.mean(dim=-1, keepdim=True)
        deviation = torch.linalg.vector_norm(centred, dim=-1, keepdim=True) * x.shape[-1] ** -0.5
        return centred * (1 / torch.sqrt(deviation * deviation + self.eps)) * self.weight + self.bias


class PlainUpscaling(nn.Module):
    """`Upscaling` with channels last throughout, so that nothing is transposed."""

    def __init__(self, upscaling: nn.Sequential) -> None:
        super().__init__()
        first, norm, _, second, _ = upscaling
        self.first, self.second = _spreading(first), _spreading(second)
        self.norm, self.gelu = PlainNorm(cast("LayerNorm2d", norm)), TanhGelu()

    def forward(self, pixels: Float[Tensor, "n hw c"]) -> Float[Tensor, "n 16*hw c/8"]:
        """Upscale; the 16 cells of a pixel follow one another."""
        cells = self.gelu(self.norm(quarters(self.first(pixels))))
        upscaled: Tensor = self.gelu(quarters(self.second(cells)))
        return upscaled


def _spreading(convolution: nn.Module) -> nn.Linear:
    """The map from a pixel to its four cells."""
    weight, bias = linear_map(convolution)
    linear = nn.Linear(weight.shape[1], weight.shape[0])
    linear.weight, linear.bias = nn.Parameter(weight), nn.Parameter(bias)
    return linear
