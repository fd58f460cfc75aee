"""The prompt encoder: points and boxes become tokens, a mask hint becomes a dense embedding (paper, appendix A)."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from sam_model.config import SamConfig
from sam_model.modeling.layers import LayerNorm2d
from sam_model.prompts import PADDING

TOP_LEFT, BOTTOM_RIGHT = 2, 3
"""Labels that continue those of points: the corners of a box."""

PointTensors: TypeAlias = tuple[Float[Tensor, "n k 2"], Int[Tensor, "n k"]]


class PromptEncoder(nn.Module):
    """Points, boxes and mask hints → sparse tokens and a dense embedding, both of `width` channels."""

    def __init__(self, config: SamConfig) -> None:
        super().__init__()
        width = config.width
        self.width = width
        self.image_size = config.image_size
        self.grid_size = config.grid_size
        self.pe_layer = RandomPositions(width)
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, width) for _ in range(4))
        self.not_a_point_embed = nn.Embedding(1, width)
        self.mask_downscaling = nn.Sequential(
            nn.Conv2d(1, config.hint_channels // 4, kernel_size=2, stride=2),
            LayerNorm2d(config.hint_channels // 4),
            nn.GELU(),
            nn.Conv2d(config.hint_channels // 4, config.hint_channels, kernel_size=2, stride=2),
            LayerNorm2d(config.hint_channels),
            nn.GELU(),
            nn.Conv2d(config.hint_channels, width, kernel_size=1),
        )
        self.no_mask_embed = nn.Embedding(1, width)
        if config.text_width is not None:
            self.text_proj = nn.Linear(config.text_width, width)

    def sparse(
        self,
        points: PointTensors | None,
        boxes: Float[Tensor, "n 4"] | None,
        texts: Float[Tensor, "n text"] | None = None,
        *,
        count: int,
    ) -> Float[Tensor, "n tokens c"]:
        """Embed n prompts as tokens: the text, the points, the two corners of the box, whichever are given.

        Points without a box end with a padding token. `count` prompts of none of them have no tokens.

        Args:
            points: (x, y) in pixels of the model's square, and labels: 1 foreground, 0 background, -1 padding.
            boxes: (left, top, right, bottom) in the same pixels.
            texts: CLIP embeddings, of a network that was trained with them (paper, section 7.5).
        """
        places = self._places(points, boxes)
        if texts is None:
            return places if places is not None else self.no_mask_embed.weight.new_empty(count, 0, self.width)
        text: Tensor = self.text_proj(texts.to(self.text_proj.weight.dtype))[:, None]
        return text if places is None else torch.cat((text, places), dim=1)

    def _places(
        self, points: PointTensors | None, boxes: Float[Tensor, "n 4"] | None
    ) -> Float[Tensor, "n tokens c"] | None:
        parts = []
        if points is not None:
            parts.append(points if boxes is not None else _with_padding(*points))
        if boxes is not None:
            parts.append(_corners(boxes))
        if not parts:
            return None
        coordinates, labels = zip(*parts, strict=True)
        return self.embed_points(torch.cat(coordinates, dim=1), torch.cat(labels, dim=1))

    def dense(self, masks: Float[Tensor, "n 1 height width"] | None) -> Float[Tensor, "#n c h w"]:
        """Embed n mask hints, logits at four times the grid; without hints all prompts share one embedding."""
        if masks is not None:
            embedded: Tensor = self.mask_downscaling(masks)
            return embedded
        return rearrange(self.no_mask_embed.weight, "1 c -> 1 c 1 1").expand(-1, -1, self.grid_size, self.grid_size)

    def image_positions(self) -> Float[Tensor, "1 c h w"]:
        """Encode the centres of the patches."""
        centres = (torch.arange(self.grid_size, device=self.no_mask_embed.weight.device) + 0.5) / self.grid_size
        y, x = torch.meshgrid(centres, centres, indexing="ij")
        encoded = self.pe_layer(torch.stack((x, y), dim=-1))
        positions: Tensor = rearrange(encoded, "h w c -> 1 c h w")
        return positions.to(self.no_mask_embed.weight.dtype)

    def embed_points(
        self, coordinates: Float[Tensor, "n tokens 2"], labels: Int[Tensor, "n tokens"]
    ) -> Float[Tensor, "n tokens c"]:
        """Embed points as they are, nothing added; labels 2 and 3 are the corners of a box."""
        kinds = torch.cat([self.not_a_point_embed.weight, *self.point_embeddings.parameters()])
        position = self.pe_layer((coordinates.float() + 0.5) / self.image_size).to(kinds.dtype)
        real = (labels != PADDING)[..., None]
        return torch.where(real, position, 0) + F.embedding(labels + 1, kinds)


class RandomPositions(nn.Module):
    """Positions as sines and cosines of random frequencies (https://arxiv.org/abs/2006.10739).

    Frequencies and arithmetic stay in float32 whatever the dtype of the model, and under autocast: in bfloat16 a pixel
    of 1024 is lost.
    """

    positional_encoding_gaussian_matrix: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", torch.randn(2, width // 2))

    def forward(self, places: Float[Tensor, "... 2"]) -> Float[Tensor, "... c"]:
        """Encode (x, y) places that run from 0 to 1 over the square."""
        x, y = (2 * places - 1).unbind(dim=-1)
        of_x, of_y = self.positional_encoding_gaussian_matrix
        # Not as a matrix product, which autocast would take to half precision.
        angles = 2 * math.pi * (x[..., None] * of_x + y[..., None] * of_y)
        return torch.cat((angles.sin(), angles.cos()), dim=-1)

    def _apply(self, *args: Any, **kwargs: Any) -> RandomPositions:
        before = self.positional_encoding_gaussian_matrix
        super()._apply(*args, **kwargs)  # type: ignore[no-untyped-call]
        after = self.positional_encoding_gaussian_matrix
        if after.dtype != torch.float32:
            self.positional_encoding_gaussian_matrix = before.to(after.device, torch.float32)
        return self


def _with_padding(
    coordinates: Float[Tensor, "n k 2"], labels: Int[Tensor, "n k"]
) -> tuple[Float[Tensor, "n k+1 2"], Int[Tensor, "n k+1"]]:
    return F.pad(coordinates, (0, 0, 0, 1)), F.pad(labels, (0, 1), value=PADDING)


def _corners(boxes: Float[Tensor, "n 4"]) -> PointTensors:
    kinds = torch.tensor((TOP_LEFT, BOTTOM_RIGHT), device=boxes.device)
    return rearrange(boxes, "n (corner xy) -> n corner xy", xy=2), kinds.expand(boxes.shape[0], -1)
