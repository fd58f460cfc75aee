"""Simulated users: where they would click or draw a box, given the mask they want (paper, appendix A).

Places are (x, y) indices of pixels in the frame of the given masks.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sam_model.prompts import BACKGROUND, FOREGROUND


def click_inside(masks: Bool[Tensor, "n h w"], *, generator: torch.Generator | None = None) -> Float[Tensor, "n 2"]:
    """A pixel drawn uniformly from each mask; from the whole picture where the mask is empty."""
    weights = masks.flatten(1).float()
    weights = torch.where(weights.any(dim=1, keepdim=True), weights, 1.0)
    place = torch.multinomial(weights, 1, generator=generator).squeeze(1)
    width = masks.shape[2]
    return torch.stack((place % width, place // width), dim=1).float()


def correct_errors(
    predicted: Bool[Tensor, "n h w"], wanted: Bool[Tensor, "n h w"], *, generator: torch.Generator | None = None
) -> tuple[Float[Tensor, "n 2"], Int[Tensor, " n"]]:
    """A pixel drawn uniformly from each error region: foreground where it was missed, background where it was too much.

    Without an error the click confirms a pixel of the wanted mask.
    """
    errors = predicted ^ wanted
    flawless = ~errors.flatten(1).any(dim=1)
    places = click_inside(torch.where(flawless[:, None, None], wanted, errors), generator=generator)
    column, row = places.long().unbind(dim=1)
    labels = wanted[torch.arange(len(wanted), device=wanted.device), row, column]
    return places, torch.where(labels, FOREGROUND, BACKGROUND)


def shake_boxes(
    boxes: Float[Tensor, "n 4"],
    *,
    size: tuple[int, int],
    share: float = 0.1,
    limit: float = 20.0,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "n 4"]:
    """Move each coordinate of xyxy boxes by normal noise of `share` of the box's side, at most `limit` pixels.

    `size` is (height, width) of the picture, which the boxes do not leave.
    """
    sides = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
    noise = torch.randn(boxes.shape, generator=generator, device=boxes.device) * share * sides
    height, width = size
    edge = torch.tensor([width, height, width, height], device=boxes.device)
    return (boxes + noise.clamp(-limit, limit)).clamp(min=0).minimum(edge)
