"""Ask the network about every point of a grid on a crop."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from jaxtyping import Float

from sam_model.everything.candidates import Answers
from sam_model.everything.view import FLOAT_BYTES
from sam_model.modeling import Sam
from sam_model.modeling.mask_decoder import Judged, kept_masks
from sam_model.predictor import ImageEmbedding, Predictor, prompts_at_once
from sam_model.prompts import FOREGROUND

MAPS = 12
"""As many copies of the image embedding, about, fill the memory that the decoder needs for a prompt."""
JUDGED_MAPS = 3
"""As many, about, where it only judges."""
JUDGED_AT_ONCE = 4
"""Times as many prompts are judged together as are drawn: it takes less memory, and the weights are read less often."""


def ask(
    predictor: Predictor,
    embedding: ImageEmbedding,
    points: Float[np.ndarray, "n 2"],
    *,
    min_iou: float,
    max_bytes: int,
    tell: Callable[[int], None],
) -> Iterator[Answers]:
    """Give those of the three masks of each point of which the network expects enough, some points at a time.

    Args:
        predictor: that answers.
        embedding: of the crop.
        points: (x, y) in pixels of the crop.
        min_iou: masks with a greater predicted IoU are drawn; 0 draws all.
        max_bytes: memory to decode in; one point at a time always is.
        tell: is called with the number of points that were answered since the last call.
    """
    sam, picture = predictor.sam, embedding.picture
    at_once, map_bytes = prompts_at_once(sam.device), FLOAT_BYTES * sam.config.width * sam.config.grid_size**2
    drawn = min(at_once, max(1, max_bytes // (MAPS * map_bytes)))
    size = drawn
    if picture.shared is not None:
        size = min(JUDGED_AT_ONCE * at_once, max(1, max_bytes // (JUDGED_MAPS * map_bytes)))
    for part in np.split(points, range(size, len(points), size)):
        xy = torch.from_numpy(embedding.frame.to_model(part).astype(np.float32)).to(sam.device)
        labels = torch.full((len(part), 1), FOREGROUND, device=sam.device)
        yield from _promising(sam, sam.judge(picture, points=(xy[:, None], labels)), part, min_iou, drawn)
        tell(len(part))


def _promising(
    sam: Sam, judged: Judged, points: Float[np.ndarray, "n 2"], min_iou: float, at_once: int
) -> Iterator[Answers]:
    """Draw the masks of the points that have a good one among their three, `at_once` points, and give the good ones."""
    kept = kept_masks(multimask=True)
    iou = judged.iou[:, kept].float()
    good = iou > min_iou if min_iou else torch.ones_like(iou, dtype=torch.bool)
    for rows in torch.split(good.any(dim=1).nonzero()[:, 0], at_once):
        logits, places = sam.mask_decoder.draw(judged.take(rows), kept), rows[good[rows].nonzero()[:, 0]]
        yield Answers(
            logits=logits[good[rows]], iou=iou[rows][good[rows]].cpu().numpy(), points=points[places.cpu().numpy()]
        )
