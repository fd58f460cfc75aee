"""Each filter lets through what it should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from sam_model.everything import CODE_DEFAULTS
from sam_model.everything.across import across_crops, without_small_regions
from sam_model.everything.candidates import Candidates, as_column, boxes_of_rles
from sam_model.everything.measures import areas_of, boxes_of, stability_of
from sam_model.everything.view import View
from sam_model.ops.grid import Crop
from sam_model.ops.rle import decode, encode
from sam_model.preprocess import Frame

LEFT_HALF = View(
    crop=Crop(left=0, top=0, right=100, bottom=100, layer=1),
    frame=Frame(height=100, width=100, square=64),
    height=100,
    width=200,
)


def accepted(*, boxes, stability=1.0, shares=0.1, **settings):
    rows = np.array(boxes, np.float32)
    count = len(rows)
    return LEFT_HALF.accepts(
        replace(CODE_DEFAULTS, **settings),
        boxes=rows,
        stability=np.full(count, stability, np.float32),
        shares=np.full(count, shares),
    ).tolist()


def test_boxes_near_an_edge_of_the_crop_go_unless_the_picture_ends_there():
    inside, at_crop_edge, at_picture_edge = [30, 30, 70, 70], [30, 30, 80, 70], [0, 0, 79, 99]
    assert accepted(boxes=[inside, at_crop_edge, at_picture_edge]) == [True, False, True]
    assert accepted(boxes=[at_crop_edge], crop_edge=19.0) == [True]


def test_stability_is_kept_from_the_threshold_on():
    box = [[30, 30, 70, 70]]
    assert accepted(boxes=box, stability=0.75, min_stability=0.75) == [True]
    assert accepted(boxes=box, stability=0.74, min_stability=0.75) == [False]


def test_cover_is_that_of_the_picture():
    box = [[0, 0, 50, 99]]
    assert accepted(boxes=box, shares=0.9, max_cover=0.45) == [False]
    assert accepted(boxes=box, shares=0.9, max_cover=0.46) == [True]


def test_an_empty_mask_never_passes():
    assert accepted(boxes=[[0, 0, 0, 0]], stability=0.0, shares=0.0, min_stability=0.0) == [False]


def test_masks_of_a_crop_are_put_into_the_picture():
    mask = torch.zeros(1, 100, 100, dtype=torch.bool)
    mask[0, 10:20, 30:50] = True
    view = replace(LEFT_HALF, crop=Crop(left=100, top=0, right=200, bottom=100, layer=1))
    placed = decode(view.encode(mask), height=100, width=200)
    assert placed[0, 10:20, 130:150].all()
    assert placed.sum() == mask.sum()


def test_what_lies_beside_the_crop_in_the_square_is_left_away():
    view = replace(LEFT_HALF, frame=Frame(height=50, width=100, square=64))
    assert view.cells(torch.zeros(2, 16, 16)).shape == (2, 8, 16)


def test_measures_of_masks():
    logits = torch.full((2, 6, 8), -3.0)
    logits[0, 1:4, 2:7] = 0.5
    logits[0, 2, 3] = 2.0
    assert areas_of(logits > 0).tolist() == [15, 0]
    assert boxes_of(logits > 0).tolist() == [[2, 1, 6, 3], [0, 0, 0, 0]]
    np.testing.assert_allclose(stability_of(logits, 1.0), [1 / 15, 0])


def of_masks(masks, *, crops):
    rles = encode(masks)
    count = len(rles)
    return Candidates(
        boxes=boxes_of_rles(rles),
        iou=np.linspace(0.9, 0.8, count, dtype=np.float32),
        stability=np.ones(count, np.float32),
        points=np.zeros((count, 2)),
        crops=np.array(crops, np.int64),
        rles=as_column(rles),
    )


def test_of_two_crops_the_smaller_one_is_believed():
    masks = np.zeros((2, 100, 200), bool)
    masks[:, 20:60, 30:70] = True
    masks[1, 20, 30:70] = False
    whole, half = (
        of_masks(masks[index : index + 1], crops=[[0, 0, width, 100]]) for index, width in ((0, 200), (1, 100))
    )
    assert across_crops([whole, half], CODE_DEFAULTS).crops.tolist() == [[0, 0, 100, 100]]
    assert len(across_crops([whole, half], replace(CODE_DEFAULTS, crop_nms=0.99))) == 2


def test_of_masks_that_cleaning_makes_alike_the_untouched_one_stays():
    masks = np.zeros((2, 100, 200), bool)
    masks[:, 20:60, 30:70] = True
    masks[0, 30:33, 40:43] = False
    masks[0, 90, 190] = True
    found = without_small_regions(of_masks(masks, crops=[[0, 0, 200, 100]] * 2), replace(CODE_DEFAULTS, min_region=10))
    assert found.rles.tolist() == encode(masks[1:])
    assert found.iou.tolist() == [np.float32(0.8)]
