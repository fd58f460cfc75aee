"""Where things may be: the region proposal network (arXiv 1506.01497; detectron2, rpn.py, anchor_generator.py)."""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from plugins.vitdet.modeling.boxes import clip, decode, sound, without_doubles
from plugins.vitdet.modeling.pyramid import STRIDES

RATIOS = (0.5, 1.0, 2.0)
"""Height by width of the anchors."""
ANCHOR_STRIDES = 8
"""An anchor's side, as a square, in strides of its level: 32 pixels on p2, 512 on p6."""
A_LEVEL = 1000
KEPT = 1000
OVERLAP = 0.7


class ProposalGenerator(nn.Module):
    """Levels of the pyramid → boxes that may hold something, of any class."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.rpn_head = ProposalHead(width)

    def forward(
        self, levels: list[Float[Tensor, "1 c _ _"]], size: tuple[int, int]
    ) -> tuple[Float[Tensor, "n 4"], Float[Tensor, " n"]]:
        """At most a thousand boxes inside the picture of `size` (height, width), and their logits, the best first."""
        best = [self._best(level, stride) for level, stride in zip(levels, STRIDES, strict=True)]
        boxes, logits = clip(torch.cat([part for part, _ in best]), size), torch.cat([part for _, part in best])
        number = torch.cat([torch.full_like(part, index, dtype=torch.int64) for index, (_, part) in enumerate(best)])
        good = sound(boxes, logits)
        boxes, logits, number = boxes[good], logits[good], number[good]
        kept = without_doubles(boxes, logits, number, OVERLAP)[:KEPT]
        return boxes[kept], logits[kept]

    def _best(self, level: Float[Tensor, "1 c h w"], stride: int) -> tuple[Float[Tensor, "n 4"], Float[Tensor, " n"]]:
        logits, deltas = self.rpn_head(level)
        values, places = logits.topk(min(A_LEVEL, len(logits)))
        around = anchors((level.shape[2], level.shape[3]), stride).to(deltas)
        return decode(deltas[places, None], around[places], (1.0, 1.0))[:, 0], values


class ProposalHead(nn.Module):
    """Two convolutions, then for each place and anchor a logit and a delta."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Sequential()
        for index in range(2):
            self.conv.add_module(f"conv{index}", nn.Conv2d(width, width, kernel_size=3, padding=1))
        self.objectness_logits = nn.Conv2d(width, len(RATIOS), kernel_size=1)
        self.anchor_deltas = nn.Conv2d(width, 4 * len(RATIOS), kernel_size=1)

    def forward(self, level: Float[Tensor, "1 c h w"]) -> tuple[Float[Tensor, " n"], Float[Tensor, "n 4"]]:
        for layer in self.conv:
            level = F.relu(layer(level))
        logits = rearrange(self.objectness_logits(level), "1 a h w -> (h w a)")
        return logits, rearrange(self.anchor_deltas(level), "1 (a four) h w -> (h w a) four", four=4)


def anchors(grid: tuple[int, int], stride: int) -> Float[Tensor, "n 4"]:
    """The anchors of a level, row by row, those of a place together; each is centred on its pixel's corner."""
    ratios = torch.tensor(RATIOS, dtype=torch.float64)
    widths = ANCHOR_STRIDES * stride / ratios.sqrt()
    half = torch.stack([widths, ratios * widths], dim=1) / 2
    rows, columns = (torch.arange(count, dtype=torch.float64) * stride for count in grid)
    corners = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1)
    around = torch.cat([-half, half], dim=1) + corners.repeat(1, 1, 2)[:, :, None]
    return rearrange(around, "h w a four -> (h w a) four").float()
