"""The same masks as Meta's `SamAutomaticMaskGenerator`, on the same weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pycocotools import mask as coco
from segment_anything import SamAutomaticMaskGenerator

from sam_model import Predictor
from sam_model.everything import segment_everything


def by_meta(sam, picture, settings):
    generator = SamAutomaticMaskGenerator(
        sam,
        points_per_side=settings.points_per_side,
        pred_iou_thresh=settings.min_iou,
        stability_score_thresh=settings.min_stability,
        stability_score_offset=settings.stability_offset,
        box_nms_thresh=settings.box_nms,
        crop_n_layers=settings.crop_layers,
        crop_nms_thresh=settings.crop_nms,
        crop_overlap_ratio=settings.crop_overlap,
        crop_n_points_downscale_factor=settings.points_divisor,
        min_mask_region_area=settings.min_region,
        output_mode="coco_rle",
    )
    return generator.generate(picture)


def assert_same(found, theirs):
    """One to one: the same masks, found by the same points, and the same is said of them."""
    assert len(found) == len(theirs)
    overlaps = coco.iou(
        [rle.to_coco() for rle in found.rles], [mask["segmentation"] for mask in theirs], [0] * len(theirs)
    )
    theirs_said = [[*mask["point_coords"][0], mask["predicted_iou"]] for mask in theirs]
    said = np.column_stack((found.points, found.predicted_iou))
    alike = (overlaps >= 0.99) & (np.abs(said[:, None] - np.array(theirs_said)).max(axis=2) < 1e-3)
    assert (alike.sum(axis=0) == 1).all()
    assert (alike.sum(axis=1) == 1).all()
    for place, mask in zip(alike.argmax(axis=1), found.to_record(image_id=1, file_name="").annotations, strict=True):
        assert list(mask.crop_box) == theirs[place]["crop_box"]
        assert mask.stability_score == pytest.approx(theirs[place]["stability_score"], abs=0.01)


@pytest.mark.parametrize("min_region", [0, 60], ids=["as they are", "cleaned"])
def test_things_in_a_picture_and_its_crops(twins, scene, settings, min_region):
    chosen = replace(settings, min_region=min_region)
    found = segment_everything(Predictor(twins.ours), scene, chosen)
    assert len(found) > 5
    assert len(np.unique(found.crop_boxes, axis=0)) > 3
    assert_same(found, by_meta(twins.metas, scene, chosen))


@pytest.mark.parametrize(
    "change",
    [
        {"box_nms": 0.3},
        {"crop_nms": 0.2, "crop_overlap": 0.6},
        {"min_iou": 0.0, "crop_layers": 0},
        {"points_divisor": 1},
    ],
    ids=str,
)
def test_settings_mean_the_same(twins, scene, settings, change):
    chosen = replace(settings, points_per_side=4, **change)
    assert_same(segment_everything(Predictor(twins.ours), scene, chosen), by_meta(twins.metas, scene, chosen))


def test_specks_in_the_crops_of_a_noisy_picture(noisy_twins, settings):
    scene = np.random.default_rng(0).integers(0, 256, (241, 353, 3), np.uint8)
    chosen = replace(settings, min_iou=0.1, min_stability=0.3, stability_offset=0.02)
    found = segment_everything(Predictor(noisy_twins.ours), scene, chosen)
    assert len(found) > 10
    assert_same(found, by_meta(noisy_twins.metas, scene, chosen))


@pytest.mark.slow
def test_things_in_two_layers_of_crops(twins, scene, settings):
    chosen = replace(settings, points_per_side=16, crop_layers=2, min_region=100)
    found = segment_everything(Predictor(twins.ours), scene, chosen)
    assert len(np.unique(found.crop_boxes, axis=0)) > 3
    assert_same(found, by_meta(twins.metas, scene, chosen))
