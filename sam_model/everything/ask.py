"""Ask the network about every point of a grid on a crop."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sam_model.config import SamConfig
from sam_model.everything.candidates import Answers
from sam_model.everything.view import FLOAT_BYTES
from sam_model.modeling.mask_decoder import select_masks
from sam_model.predictor import ImageEmbedding, Predictor
from sam_model.prompts import FOREGROUND

MAPS = 12
"""As many copies of the image embedding, about, fill the memory that the decoder needs for a prompt."""
PROMPTS_AT_ONCE = {"cpu": 4}
PROMPTS_AT_ONCE_ELSEWHERE = 64
"""More at once keep no device busier."""


def ask(
    predictor: Predictor,
    embedding: ImageEmbedding,
    points: Float[np.ndarray, "n 2"],
    *,
    max_bytes: int,
    tell: Callable[[int], None],
) -> Iterator[Answers]:
    """Give the three masks of each point, some points at a time.

    Args:
        predictor: that answers.
        embedding: of the crop.
        points: (x, y) in pixels of the crop.
        max_bytes: memory to decode in; one point at a time always is.
        tell: is called with the number of points that were answered since the last call.
    """
    sam = predictor.sam
    most = PROMPTS_AT_ONCE.get(sam.device.type, PROMPTS_AT_ONCE_ELSEWHERE)
    size = min(most, max(1, max_bytes // _prompt_bytes(sam.config)))
    for part in np.split(points, range(size, len(points), size)):
        xy = torch.from_numpy(embedding.frame.to_model(part).astype(np.float32)).to(sam.device)
        labels = torch.full((len(part), 1), FOREGROUND, device=sam.device)
        logits, iou = select_masks(*sam.answer(embedding.picture, points=(xy[:, None], labels)), multimask=True)
        yield Answers(
            logits=logits.flatten(0, 1),
            iou=_numpy(iou.flatten()),
            points=part.repeat(logits.shape[1], axis=0),
        )
        tell(len(part))


def _prompt_bytes(config: SamConfig) -> int:
    return MAPS * FLOAT_BYTES * config.width * config.grid_size**2


def _numpy(values: Float[Tensor, " n"]) -> Float[np.ndarray, " n"]:
    return np.asarray(values.float().cpu().numpy())
