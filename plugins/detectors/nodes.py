"""Other detectors as a node."""

from __future__ import annotations

import numpy as np

from pipelines.errors import PortError
from pipelines.models import Model, lease
from pipelines.signature import node
from pipelines.values import Boxes, Detections, Image
from plugins.detectors.models import Detector


@node("detectors/detect", version=2)
def detect(image: Image, *, model: Model[Detector], score_threshold: float = 0.05, max_detections: int = 100) -> Boxes:
    """Find everything that a detector of torchvision or transformers has learnt to see.

    Boxes are x0 y0 x1 y1 in image pixels, the surest first; `class_name` is one of the detector's own classes. A
    detector that draws masks, as torchvision's mask R-CNN does, gives them too. Nothing found is no error.

    Args:
        model: A directory or hub id of transformers' object detection, or NAME:FILE, the name of a detector that
            torchvision builds and the file of its weights.
        score_threshold: The score that a box must exceed, from 0 to 1.
        max_detections: The most boxes to keep.
    """
    if not 0 <= score_threshold < 1:
        raise PortError(f"score_threshold is {score_threshold}, but scores lie between 0 and 1.")
    if max_detections < 1:
        raise PortError(f"max_detections is {max_detections}, but at least 1 must be kept.")
    with lease(Detector, model) as detector:
        found = detector.find(image.pixels, least=score_threshold, most=max_detections)
    return Detections(
        xyxy=found.boxes,
        mask=found.masks,
        confidence=found.scores,
        class_id=found.classes,
        data={
            "class_name": np.array(found.names, dtype=np.str_),
            "instance_id": np.arange(len(found.boxes), dtype=np.int64),
        },
    )
