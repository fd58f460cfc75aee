"""Grids, crops, suppression and clean-up agree with Meta's code and with torchvision."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from segment_anything.utils.amg import build_point_grid, generate_crop_boxes, remove_small_regions
from torchvision.ops import nms

from sam_model.ops.grid import overlapping_crops, point_grid
from sam_model.ops.nms import suppress
from sam_model.ops.regions import clean


@given(st.integers(1, 40))
def test_points_are_metas(side):
    np.testing.assert_allclose(point_grid(side), build_point_grid(side), atol=1e-12)


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(0, 3), st.sampled_from((0.0, 0.2, 512 / 1500, 0.8)))
def test_crops_are_metas_but_for_empty_ones(height, width, layers, overlap):
    boxes, numbers = generate_crop_boxes((height, width), layers, overlap)
    theirs = [(*box, layer) for box, layer in zip(boxes, numbers, strict=True) if box[2] > box[0] and box[3] > box[1]]
    ours = overlapping_crops(height=height, width=width, layers=layers, overlap=overlap)
    assert [(*crop.xyxy, crop.layer) for crop in ours] == theirs


@given(st.integers(0, 2**32), st.integers(0, 60), st.floats(0, 1, width=32))
def test_the_kept_boxes_are_torchvisions(seed, count, threshold):
    random = np.random.default_rng(seed)
    corners = random.integers(0, 12, (count, 2))
    boxes = np.hstack((corners, corners + random.integers(0, 8, (count, 2)))).astype(np.float32)
    scores = random.integers(0, 5, count).astype(np.float32)
    theirs = nms(torch.from_numpy(boxes), torch.from_numpy(scores), threshold)
    assert suppress(boxes, scores, threshold).tolist() == theirs.tolist()


@given(st.integers(0, 2**32), st.floats(0.05, 0.95), st.integers(1, 40))
def test_cleaned_masks_are_metas(seed, density, min_area):
    mask = np.random.default_rng(seed).random((24, 31)) < density
    filled, _ = remove_small_regions(mask, min_area, "holes")
    theirs, _ = remove_small_regions(filled, min_area, "islands")
    np.testing.assert_array_equal(clean(mask, min_area=min_area), theirs)


def test_small_holes_are_filled_and_small_islands_removed():
    mask = np.zeros((40, 40), bool)
    mask[5:30, 5:30] = True
    mask[10:12, 10:12] = False  # a hole of 4
    mask[20:25, 20:25] = False  # a hole of 25
    mask[35, 35] = True
    cleaned = clean(mask, min_area=10)
    assert cleaned[10:12, 10:12].all()
    assert not cleaned[20:25, 20:25].any()
    assert not cleaned[35, 35]


def test_where_all_islands_are_small_the_largest_stays():
    mask = np.zeros((20, 20), bool)
    mask[2, 2:5] = mask[10, 2:7] = mask[15, 2:4] = True
    assert np.argwhere(clean(mask, min_area=100))[:, 0].tolist() == [10] * 5


def test_a_clean_mask_is_given_back_itself():
    mask = np.zeros((20, 20), bool)
    mask[5:15, 5:15] = True
    assert clean(mask, min_area=50) is mask
    assert not clean(np.zeros((20, 20), bool), min_area=50).any()
