"""The mask decoder: image embedding and prompt tokens → mask logits and their predicted IoU (paper, appendix A)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from sam_model.config import SamConfig
from sam_model.modeling.layers import Head, LayerNorm2d
from sam_model.modeling.low_rank import LowRank, Shared
from sam_model.modeling.two_way_transformer import Picture, TwoWayTransformer

PAYS = 8
"""To read a picture for all prompts takes about as long as what it saves of four."""
MASKS = 4
"""Masks for a prompt: the first answers a clear prompt, the others are whole, part and subpart for an ambiguous one."""


@dataclass(frozen=True, eq=False)
class Judged:
    """Masks of n prompts that are not drawn yet, and the IoU that the network expects of each."""

    tokens: Float[Tensor, "n 4 c"]
    pixels: Float[Tensor, "n hw c"] | LowRank
    iou: Float[Tensor, "n 4"]

    def take(self, rows: Int[Tensor, " kept"]) -> Judged:
        """Keep some prompts."""
        pixels = self.pixels.take(rows) if isinstance(self.pixels, LowRank) else self.pixels[rows]
        return Judged(self.tokens[rows], pixels, self.iou[rows])


class MaskDecoder(nn.Module):
    """All four masks of every prompt; which of them to use is the caller's choice."""

    def __init__(self, config: SamConfig) -> None:
        super().__init__()
        width = config.width
        self.transformer = TwoWayTransformer(config)
        self.iou_token = nn.Embedding(1, width)
        self.mask_tokens = nn.Embedding(MASKS, width)
        self.output_upscaling = Upscaling(width)
        self.output_hypernetworks_mlps = nn.ModuleList(Head(width, width // 8) for _ in range(MASKS))
        self.iou_prediction_head = Head(width, MASKS)

    def look(self, image_embeddings: Float[Tensor, "n c h w"], image_positions: Float[Tensor, "1 c h w"]) -> Picture:
        """Compute what depends on the picture alone.

        Args:
            image_embeddings: from the image encoder, with the dense embedding of the prompt encoder added.
            image_positions: from `PromptEncoder.image_positions`.
        """
        return self.transformer.look(image_embeddings, image_positions)

    def share(self, picture: Picture) -> Picture:
        """Compute what all prompts about one picture share, so that each takes less: it pays from `PAYS` prompts on.

        Only inference in single precision gains; for others the picture stays as it is.
        """
        pixels = picture.pixels
        single = pixels.dtype == torch.float32 and not torch.is_autocast_enabled(pixels.device.type)
        if not single or len(pixels) > 1 or torch.is_grad_enabled() or picture.shared is not None:
            return picture
        levels, own = self.transformer.levels(picture)
        weight, bias = linear_map(self.output_upscaling[0])
        return replace(picture, shared=Shared(levels, own @ weight.mT, levels[-1].norm.bias @ weight.mT + bias, weight))

    def forward(
        self, picture: Picture, sparse: Float[Tensor, "n tokens c"]
    ) -> tuple[Float[Tensor, "n 4 height width"], Float[Tensor, "n 4"]]:
        """Decode n prompts on one picture, or each on its own.

        Args:
            picture: from `look`.
            sparse: prompt tokens, from the prompt encoder.

        Returns:
            Logits at four times the grid (inside where > 0), and the IoU that the network expects of each mask.
        """
        judged = self.judge(picture, sparse)
        return self.draw(judged), judged.iou

    def judge(self, picture: Picture, sparse: Float[Tensor, "n tokens c"]) -> Judged:
        """Decode as far as the expected IoU of the masks, for half the price of the masks."""
        queries = torch.cat((self.iou_token.weight, self.mask_tokens.weight))
        tokens = torch.cat((queries.expand(sparse.shape[0], -1, -1), sparse), dim=1)
        tokens, pixels = self.transformer(picture, tokens)
        return Judged(tokens[:, 1 : 1 + MASKS], pixels, self.iou_prediction_head(tokens[:, 0]))

    def draw(self, judged: Judged, kept: slice = slice(None)) -> Float[Tensor, "n kept height width"]:
        """Let each mask token decide which mixture of the upscaled channels is its mask; those kept are laid out."""
        heads = zip(self.output_hypernetworks_mlps, judged.tokens.unbind(1), strict=True)
        mixtures = torch.stack([head(token) for head, token in heads], dim=1)
        upscaled: Tensor = self.output_upscaling(judged.pixels)
        # The product is always that of all four: of fewer rows it would be rounded otherwise.
        return unfold((mixtures @ rearrange(upscaled, "n cells c -> n c cells"))[:, kept])


class Upscaling(nn.Sequential):
    """Two transposed convolutions that make 4 × 4 cells of every pixel.

    Their kernels do not overlap, so they are linear maps from a pixel to its cells, which stay together until the end.
    """

    def __init__(self, width: int) -> None:
        super().__init__(
            nn.ConvTranspose2d(width, width // 4, kernel_size=2, stride=2),
            LayerNorm2d(width // 4),
            nn.GELU(),
            nn.ConvTranspose2d(width // 4, width // 8, kernel_size=2, stride=2),
            nn.GELU(),
        )

    def forward(self, pixels: Float[Tensor, "n hw c"] | LowRank) -> Float[Tensor, "n cells channels"]:
        """Upscale; the 16 cells of a pixel follow one another: see `unfold`."""
        first, norm, gelu, second, _ = self
        spread = quarters(pixels.spread()) if isinstance(pixels, LowRank) else _spread(first, pixels)
        cells = norm(rearrange(spread, "n cells c -> n c cells 1"))
        upscaled: Tensor = gelu(_spread(second, gelu(rearrange(cells, "n c cells 1 -> n cells c"))))
        return upscaled


def linear_map(convolution: nn.Module) -> tuple[Float[Tensor, "outs c"], Float[Tensor, " outs"]]:
    """Weight and bias from a pixel to its four cells."""
    weight, bias = convolution.get_parameter("weight"), convolution.get_parameter("bias")
    return rearrange(weight, "c out y x -> (y x out) c"), bias.repeat(4)


def _spread(convolution: nn.Module, pixels: Float[Tensor, "n cells c"]) -> Float[Tensor, "n 4*cells _"]:
    return quarters(F.linear(pixels, *linear_map(convolution)))


def quarters(spread: Float[Tensor, "n cells outs"]) -> Float[Tensor, "n 4*cells _"]:
    """Let the four cells of each follow one another."""
    return rearrange(spread, "n cells (quarter out) -> n (cells quarter) out", quarter=4)


def unfold(cells: Float[Tensor, "n m cells"]) -> Float[Tensor, "n m height width"]:
    """Lay the cells of all pixels, each split in quarters twice, out as a square map."""
    side = math.isqrt(cells.shape[-1] // 16)
    return rearrange(cells, "n m (h w y x j i) -> n m (h y j) (w x i)", h=side, w=side, y=2, x=2, j=2)


def kept_masks(*, multimask: bool) -> slice:
    """Of the four masks, the three of an ambiguous prompt, or the one of an unambiguous prompt."""
    return slice(1, None) if multimask else slice(0, 1)
