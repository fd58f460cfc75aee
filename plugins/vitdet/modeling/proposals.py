"""Where things may be: the region proposal network (arXiv 1506.01497; detectron2, rpn.py, anchor_generator.py)."""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from plugins.vitdet.config import VitDetConfig
from plugins.vitdet.modeling.boxes import clip, decode, sound, without_doubles
from plugins.vitdet.modeling.pyramid import STRIDES

RATIOS = (0.5, 1.0, 2.0)
"""Height by width of the anchors."""
OVERLAP = 0.7


class ProposalGenerator(nn.Module):
    """Levels of the pyramid → boxes that may hold something, of any class."""

    def __init__(self, config: VitDetConfig) -> None:
        super().__init__()
        self.kept, self.anchor_strides = config.proposals, config.anchor_strides
        self.rpn_head = ProposalHead(config)

    def forward(
        self, levels: list[Float[Tensor, "1 c _ _"]], size: tuple[int, int]
    ) -> tuple[Float[Tensor, "n 4"], Float[Tensor, " n"]]:
        """The best boxes inside the picture of `size` (height, width), and their logits, the best first."""
        scored = [tuple(part[0] for part in self.rpn_head(level)) for level in levels]
        return self.choose(
            [logits for logits, _ in scored], [deltas for _, deltas in scored], self.around(levels), size
        )

    def around(self, levels: list[Float[Tensor, "b c _ _"]]) -> list[Float[Tensor, "n 4"]]:
        """The anchors of each level."""
        strides = STRIDES[len(STRIDES) - len(levels) :]
        return [
            anchors((level.shape[2], level.shape[3]), stride, self.anchor_strides).to(level.device)
            for level, stride in zip(levels, strides, strict=True)
        ]

    def choose(
        self,
        logits_of: list[Float[Tensor, " n"]],
        deltas_of: list[Float[Tensor, "n 4"]],
        around: list[Float[Tensor, "n 4"]],
        size: tuple[int, int],
    ) -> tuple[Float[Tensor, "n 4"], Float[Tensor, " n"]]:
        """From what the head says of each level's anchors, the best boxes of one picture without doubles."""
        best = [self._best(*level) for level in zip(logits_of, deltas_of, around, strict=True)]
        boxes, logits = clip(torch.cat([part for part, _ in best]), size), torch.cat([part for _, part in best])
        number = torch.cat([torch.full_like(part, index, dtype=torch.int64) for index, (_, part) in enumerate(best)])
        good = sound(boxes, logits)
        boxes, logits, number = boxes[good], logits[good], number[good]
        kept = without_doubles(boxes, logits, number, OVERLAP)[: self.kept]
        return boxes[kept], logits[kept]

    def _best(
        self, logits: Float[Tensor, " n"], deltas: Float[Tensor, "n 4"], around: Float[Tensor, "n 4"]
    ) -> tuple[Float[Tensor, "k 4"], Float[Tensor, " k"]]:
        """Of one level; as many as are kept of all."""
        values, places = logits.topk(min(self.kept, len(logits)))
        return decode(deltas[places, None], around[places].to(deltas), (1.0, 1.0))[:, 0], values


class ProposalHead(nn.Module):
    """Convolutions, then for each place and anchor a logit and a delta."""

    def __init__(self, config: VitDetConfig) -> None:
        super().__init__()
        width = config.width
        self.conv = nn.Sequential()
        for index in range(config.proposal_convolutions):
            self.conv.add_module(f"conv{index}", nn.Conv2d(width, width, kernel_size=3, padding=1))
        self.objectness_logits = nn.Conv2d(width, len(RATIOS), kernel_size=1)
        self.anchor_deltas = nn.Conv2d(width, 4 * len(RATIOS), kernel_size=1)

    def forward(self, level: Float[Tensor, "b c h w"]) -> tuple[Float[Tensor, "b n"], Float[Tensor, "b n 4"]]:
        for layer in self.conv:
            level = F.relu(layer(level))
        logits = rearrange(self.objectness_logits(level), "b a h w -> b (h w a)")
        return logits, rearrange(self.anchor_deltas(level), "b (a four) h w -> b (h w a) four", four=4)


def anchors(grid: tuple[int, int], stride: int, sides: int = 8) -> Float[Tensor, "n 4"]:
    """The anchors of a level, row by row, those of a place together; each is centred on its pixel's corner.

    `sides`: the side of a square one, in strides.
    """
    ratios = torch.tensor(RATIOS, dtype=torch.float64)
    widths = sides * stride / ratios.sqrt()
    half = torch.stack([widths, ratios * widths], dim=1) / 2
    rows, columns = (torch.arange(count, dtype=torch.float64) * stride for count in grid)
    corners = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1)
    around = torch.cat([-half, half], dim=1) + corners.repeat(1, 1, 2)[:, :, None]
    return rearrange(around, "h w a four -> (h w a) four").float()
