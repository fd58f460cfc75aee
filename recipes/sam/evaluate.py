"""Measure a promptable network on scenes of unseen art: mask IoU from the true box, and from clicks."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from recipes.sam.data import normalise
from recipes.world import Atlas, SceneSpec, compose
from sam_model.modeling.sam import Sam
from sam_model.training.clicks import FOREGROUND
from sam_model.training.losses import mask_iou

SEED = 20_000


@dataclass(frozen=True)
class Figures:
    """Mean IoU over all objects, in pixels of the picture. `box` and `box_best` are the single mask and, of the other
    three, the one that the network itself ranks first; `click` likewise from one click at the object's middle, and
    `click_oracle` the best of the three."""

    objects: int
    box: float
    box_above_half: float
    box_best: float
    click: float
    click_oracle: float

    def rounded(self) -> dict[str, float]:
        return {name: round(value, 4) for name, value in asdict(self).items()}


@torch.no_grad()
def evaluate(sam: Sam, atlas: Atlas, spec: SceneSpec, *, scenes: int = 200) -> Figures:
    """Compose `scenes` pictures of the network's own size with a fixed seed and ask for every object in them."""
    rows = []
    for number in range(scenes):
        scene = compose(np.random.default_rng([SEED, number]), atlas, spec)
        embedding = sam.image_encoder(torch.from_numpy(normalise(scene.image))[None])
        wanted = torch.from_numpy(scene.masks).float()
        boxed = sam.decode(embedding, boxes=torch.from_numpy(scene.boxes))
        places = torch.from_numpy(np.stack([middle(mask) for mask in scene.masks]))[:, None]
        clicked = sam.decode(embedding, points=(places, torch.full(places.shape[:2], FOREGROUND)))
        rows.append(torch.stack([*_scores(boxed, wanted), *_scores(clicked, wanted)], dim=1))
    box, box_best, _, _, click, oracle = torch.cat(rows).unbind(dim=1)
    means = (float(column.mean()) for column in (box, (box > 0.5).float(), box_best, click, oracle))
    return Figures(len(box), *means)


def middle(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The pixel (x, y) farthest from the mask's edge, where the paper's protocol clicks first."""
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5)
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return np.array([column - 1, row - 1], dtype=np.float32)


def _scores(answer: tuple[Tensor, Tensor], wanted: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """IoU of the single mask, of the mask ranked first among the three, and of the best among them."""
    logits, predicted = answer
    masks = F.interpolate(logits, size=wanted.shape[-2:], mode="bilinear", align_corners=False)
    iou = mask_iou(masks, wanted[:, None].expand_as(masks))
    ranked = iou[:, 1:].gather(1, predicted[:, 1:].argmax(dim=1, keepdim=True)).squeeze(1)
    return iou[:, 0], ranked, iou[:, 1:].amax(dim=1)
