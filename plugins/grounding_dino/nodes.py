"""Grounding DINO as a node: the boxes of everything that a prompt names."""

from __future__ import annotations

import numpy as np

from pipelines.models import Model, current_pool, lease
from pipelines.signature import node
from pipelines.values import Boxes, Detections, Image, Text, empty_detections
from plugins.bundled.limits import remind_of_limits
from plugins.grounding_dino.models import Candidates, GroundingDino
from plugins.grounding_dino.phrases import split_prompt
from plugins.presets import BUNDLED


@node("grounding_dino/detect", version=1)
def detect(
    image: Image,
    prompt: Text,
    *,
    model: Model[GroundingDino] = Model(),
    box_threshold: float | None = None,
    nms_threshold: float | None = None,
) -> Boxes:
    """Find everything that the prompt names: "dog. traffic light." gives all dogs and all traffic lights.

    Boxes are x0 y0 x1 y1 in image pixels, the surest first. `class_name` is the phrase exactly as written: each phrase
    is scored by its own tokens, so there is no threshold on text. Nothing found is no error.

    Args:
        prompt: What to look for, each phrase ended by a dot.
        model: A preset, a directory in transformers' format or a hub id.
        box_threshold: The least score to keep a box; by default what the model's makers recommend.
        nms_threshold: Of two boxes of a phrase that overlap more than this (IoU), the surer is kept; likewise.
    """
    phrases = split_prompt(prompt)
    if not phrases:
        return empty_detections((image.height, image.width), masks=False)
    with lease(GroundingDino, model) as dino:
        candidates = dino.find(image.pixels, phrases)
        least_score = dino.box_threshold if box_threshold is None else box_threshold
        most_overlap = dino.nms_threshold if nms_threshold is None else nms_threshold
    found = _detections(candidates, phrases, least_score, most_overlap)
    if current_pool().resolve(GroundingDino.family, model).ref == BUNDLED:
        remind_of_limits(image, found=len(found))
    return found


def _detections(candidates: Candidates, phrases: tuple[str, ...], least: float, overlap: float) -> Detections:
    sides = candidates.boxes[:, 2:] - candidates.boxes[:, :2]
    kept = np.flatnonzero((candidates.scores >= least) & (sides > 0).all(axis=1))
    kept = kept[np.argsort(-candidates.scores[kept], kind="stable")]
    indices = candidates.phrases[kept]
    found = Detections(
        xyxy=candidates.boxes[kept],
        confidence=candidates.scores[kept],
        class_id=indices.astype(np.int64),
        data={"class_name": np.array(phrases, dtype=np.str_)[indices]},
    ).with_nms(overlap)
    found.data["instance_id"] = np.arange(len(found), dtype=np.int64)
    return found
