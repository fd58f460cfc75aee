"""Everything mode beside what Meta's does: fast, bounded, stoppable, at ease with nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pycocotools import mask as coco

from sam_model.data.sa1b import parse_record, record_document
from sam_model.errors import SettingsError
from sam_model.everything import CODE_DEFAULTS, segment_everything
from sam_model.everything.view import View
from sam_model.ops.grid import Crop

UNFILTERED = {"min_iou": 0.0, "min_stability": 0.0, "box_nms": 1.0, "crop_layers": 0}


@pytest.fixture
def upscaled(monkeypatch):
    """Record the size of every stack of logits that is upscaled."""
    sizes = []
    upscale = View.upscale

    def recorded(self, logits):
        sizes.append(len(logits))
        return upscale(self, logits)

    monkeypatch.setattr(View, "upscale", recorded)
    return sizes


@pytest.fixture(scope="module")
def few(settings):
    """Fewer points, for tests that do not look at the masks."""
    return replace(settings, points_per_side=4)


def test_fast_masks_are_the_exact_ones_where_nothing_is_filtered(predictor, scene, few):
    exact, fast = (
        segment_everything(predictor, scene, replace(few, **UNFILTERED), fast=fast) for fast in (False, True)
    )
    assert len(exact) > 40
    assert set(fast.rles) == set(exact.rles)


def test_fast_masks_are_nearly_the_exact_ones(predictor, scene, settings):
    exact, fast = (segment_everything(predictor, scene, settings, fast=fast) for fast in (False, True))
    overlaps = coco.iou([rle.to_coco() for rle in fast.rles], [rle.to_coco() for rle in exact.rles], [0] * len(exact))
    assert (overlaps.max(axis=0) > 0.8).mean() > 2 / 3


def test_the_fast_way_upscales_only_what_stays(predictor, scene, settings, upscaled):
    whole = replace(settings, crop_layers=0, min_iou=0.5, min_stability=0.6)  # no specks
    assert sum(upscaled) == 0
    assert len(segment_everything(predictor, scene, whole, fast=True)) == sum(upscaled)
    upscaled.clear()
    assert len(segment_everything(predictor, scene, whole)) < sum(upscaled) / 3


@pytest.mark.parametrize("fast", [False, True], ids=["exact", "fast"])
def test_memory_changes_no_result(predictor, scene, few, fast, upscaled):
    ample, tight = (segment_everything(predictor, scene, few, fast=fast, max_bytes=size) for size in (1 << 28, 1))
    assert max(upscaled) > 1
    assert upscaled[-1] == 1
    overlaps = coco.iou([rle.to_coco() for rle in ample.rles], [rle.to_coco() for rle in tight.rles], [0] * len(tight))
    assert overlaps.shape == (len(ample), len(ample))
    assert np.diag(overlaps).min() > 0.99


@pytest.mark.parametrize("fast", [False, True], ids=["exact", "fast"])
def test_memory_bounds_what_is_upscaled_at_once(predictor, scene, few, fast, upscaled):
    frame = predictor.embed(scene).frame
    view = View(
        crop=Crop(left=0, top=0, right=scene.shape[1], bottom=scene.shape[0], layer=0),
        frame=frame,
        height=scene.shape[0],
        width=scene.shape[1],
    )
    segment_everything(predictor, scene, replace(few, crop_layers=0), fast=fast, max_bytes=3 * view.mask_bytes)
    assert max(upscaled) == 3


def test_progress_counts_the_points_of_all_crops(predictor, scene, few):
    calls = []
    segment_everything(predictor, scene, few, progress=lambda done, total: calls.append((done, total)))
    done, totals = zip(*calls, strict=True)
    assert set(totals) == {4 * 4 + 4 * 2 * 2}
    assert (done[0], done[-1]) == (0, totals[0])
    assert list(done) == sorted(done)


def test_what_progress_raises_ends_the_search(predictor, scene, few):
    def stop(done, total):
        if done >= total / 2:
            raise InterruptedError(f"after {done}")

    with pytest.raises(InterruptedError, match="after 16"):
        segment_everything(predictor, scene, few, progress=stop)


@pytest.mark.parametrize("fast", [False, True], ids=["exact", "fast"])
def test_nothing_good_is_a_result(predictor, scene, few, fast):
    found = segment_everything(
        predictor, scene, replace(few, min_iou=1.0, min_stability=1.0, stability_offset=20.0, min_region=9), fast=fast
    )
    assert len(found) == 0
    assert found.masks().shape == (0, *scene.shape[:2])
    assert found.boxes.shape == (0, 4)
    assert found.to_record(image_id=1, file_name="a.jpg").annotations == ()


@pytest.mark.parametrize("fast", [False, True], ids=["exact", "fast"])
@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 40, 3), (3, 2, 3)], ids=str)
def test_crops_without_pixels_are_left_out(predictor, settings, shape, fast):
    tiny = replace(settings, points_per_side=4, **{**UNFILTERED, "crop_layers": 2})
    found = segment_everything(predictor, np.full(shape, 128, np.uint8), tiny, fast=fast)
    assert found.masks().shape[1:] == shape[:2]


def test_the_result_describes_its_masks(predictor, scene, settings):
    found = segment_everything(predictor, scene, settings)
    masks = found.masks()
    assert found.areas.tolist() == masks.sum(axis=(1, 2)).tolist()
    for box, mask in zip(found.boxes.astype(int), masks, strict=True):
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        assert box.tolist() == [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
    record = found.to_record(image_id=7, file_name="street.jpg")
    assert parse_record(record_document(record)) == record
    assert [mask.bbox[2] for mask in record.annotations] == (found.boxes[:, 2] - found.boxes[:, 0]).tolist()


@pytest.mark.parametrize("size", [0, -1, True])
def test_memory_must_be_a_number_of_bytes(predictor, scene, size):
    with pytest.raises(SettingsError) as caught:
        segment_everything(predictor, scene, CODE_DEFAULTS, max_bytes=size)
    assert str(caught.value) == f"max_bytes must be a whole number of bytes from 1 on, not {size!r}"
