"""Arithmetic on boxes and masks."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from segment_anything.modeling import Sam as MetaSam

from sam_model.ops.boxes import box_iou, clip_boxes
from sam_model.ops.masks import mask_iou, upscale_logits

SIZES = [((64, 40), (77, 48)), ((30, 64), (15, 32)), ((64, 64), (64, 64)), ((1, 64), (3, 200))]
"""Of the picture inside the square, and as it was."""


def test_boxes_are_cut_at_the_edges():
    boxes = np.array([[-3.0, 2, 50, 90], [1, 2, 3, 4]])
    assert clip_boxes(boxes, width=40, height=80).tolist() == [[0, 2, 40, 80], [1, 2, 3, 4]]


def test_overlap_of_boxes():
    first = np.array([[0.0, 0, 10, 10], [5, 5, 5, 5]])
    second = np.array([[0.0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30]])
    np.testing.assert_allclose(box_iou(first, second), [[1, 1 / 3, 0], [0, 0, 0]])


def test_overlap_of_masks():
    first = np.zeros((2, 4, 4), bool)
    second = first.copy()
    first[0, :2], second[0, :, :2] = True, True
    np.testing.assert_allclose(mask_iou(first, second), [1 / 3, 0])


@pytest.mark.parametrize("square", [64, 56], ids=["whole times", "broken times"])
@pytest.mark.parametrize(("inner", "outer"), SIZES, ids=str)
def test_logits_are_scaled_as_in_metas_code(square, inner, outer):
    logits = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    network = SimpleNamespace(image_encoder=SimpleNamespace(img_size=square))
    inside = tuple(min(side, square) for side in inner)
    theirs = MetaSam.postprocess_masks(network, logits, inside, outer)
    assert torch.equal(upscale_logits(logits, square=square, inner=inside, outer=outer), theirs)
