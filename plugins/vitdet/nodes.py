"""ViTDet as nodes: the things of a fixed list of classes, as boxes or with the detector's own masks."""

from __future__ import annotations

import numpy as np

from pipelines.errors import PortError
from pipelines.models import Model, lease
from pipelines.signature import node
from pipelines.values import Boxes, Detections, Image, Masks
from plugins.vitdet.models import VitDetector


@node("vitdet/detect", version=1)
def detect(
    image: Image, *, model: Model[VitDetector] = Model(), score_threshold: float = 0.05, max_detections: int = 100
) -> Boxes:
    """Find everything that the detector has learnt to see, of all its classes at once.

    Boxes are x0 y0 x1 y1 in image pixels, the surest first; `class_name` is one of the detector's own classes, for the
    published weights the 80 of COCO. Nothing found is no error.

    Args:
        model: A .pkl of detectron2's ViTDet (mask or cascade mask R-CNN), a .pth or .safetensors file, or a directory.
        score_threshold: The score that a box must exceed, from 0 to 1.
        max_detections: The most boxes to keep.
    """
    return _detections(image, model, score_threshold, max_detections, masks=False)


@node("vitdet/instances", version=1)
def instances(
    image: Image, *, model: Model[VitDetector] = Model(), score_threshold: float = 0.05, max_detections: int = 100
) -> Masks:
    """What `vitdet/detect` finds, each with the mask that the detector itself draws.

    Args:
        model: A .pkl of detectron2's ViTDet (mask or cascade mask R-CNN), a .pth or .safetensors file, or a directory.
        score_threshold: The score that a thing must exceed, from 0 to 1.
        max_detections: The most things to keep.
    """
    return _detections(image, model, score_threshold, max_detections, masks=True)


def _detections(image: Image, model: Model[VitDetector], least: float, most: int, *, masks: bool) -> Detections:
    if not 0 <= least < 1:
        raise PortError(f"score_threshold is {least}, but scores lie between 0 and 1.")
    if most < 1:
        raise PortError(f"max_detections is {most}, but at least 1 must be kept.")
    with lease(VitDetector, model) as detector:
        found = detector.find(image.pixels, masks=masks, least=least, most=most)
        names = np.array(detector.class_names, dtype=np.str_)
    return Detections(
        xyxy=found.boxes,
        mask=found.masks,
        confidence=found.scores,
        class_id=found.classes,
        data={"class_name": names[found.classes], "instance_id": np.arange(len(found.boxes), dtype=np.int64)},
    )
