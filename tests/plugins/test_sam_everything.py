"""Everything mode as a node, and its masks as a record of SA-1B."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pipelines.errors import OutputError, PortError
from pipelines.families import ModelSource
from pipelines.models import ModelPool
from pipelines.scope import Scope, use_scope
from pipelines.values import Detections, Image
from plugins.sam.adapter import PredictorSam, load
from plugins.sam.models import Everything, Sam, Wanted
from plugins.sam.nodes import everything, sa1b
from sam_model.checkpoints import save_sam
from sam_model.config import TINY
from sam_model.data.sa1b import read_record
from sam_model.everything import CODE_DEFAULTS, segment_everything
from sam_model.modeling import build_sam
from sam_model.ops.rle import decode
from sam_model.predictor import Predictor

PIXELS = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
LOOSE = {"points_per_side": 2, "min_iou": 0.0, "min_stability": 0.0, "box_nms": 1.0}
"""Random weights are never sure of anything."""


@pytest.fixture(scope="module")
def predictor():
    torch.manual_seed(0)
    return Predictor(build_sam(TINY).eval())


def wanted(**changes) -> Wanted:
    return Wanted(profile="code", changes=changes, fast=False, max_bytes=1 << 28)


class Told(Sam):
    """Finds two things, and remembers what it was asked."""

    def cut(self, pixels, boxes, *, multimask, refine=0):
        raise NotImplementedError

    def answer(self, pixels, asked):
        raise NotImplementedError

    def everything(self, pixels, wanted, report):
        self.wanted = wanted
        report(3, 4)
        masks = np.zeros((2, *pixels.shape[:2]), bool)
        masks[0, 10:20, 30:50] = masks[1, 40:, :9] = True
        return Everything(
            masks=masks,
            boxes=np.array([[30, 10, 50, 20], [0, 40, 9, 60]], np.float32),
            predicted_iou=np.array([0.875, 0.75], np.float32),
            stability=np.array([0.5, 1], np.float32),
            points=np.array([[40.5, 15], [4, 50]], np.float32),
            crop_boxes=np.array([[0, 0, 90, 60], [0, 30, 50, 60]], np.float32),
        )


def run(loaded: Sam, **options) -> Detections:
    family = SimpleNamespace(
        name="sam",
        resolve=lambda ref, *, offline: ModelSource("sam", ref, ref, "r1"),
        load=lambda source, *, device, dtype: loaded,
    )
    with use_scope(Scope(pool=ModelPool(families={"sam": family}))):
        return everything(Image(PIXELS.copy(), source="photos/street.png"), **options)


def test_masks_are_the_librarys(predictor) -> None:
    theirs = segment_everything(predictor, PIXELS, replace(CODE_DEFAULTS, **LOOSE))
    found = PredictorSam(predictor).everything(PIXELS, wanted(**LOOSE))
    assert len(found.masks) > 3
    np.testing.assert_array_equal(found.masks, theirs.masks())
    np.testing.assert_array_equal(found.boxes, theirs.boxes)
    np.testing.assert_array_equal(found.predicted_iou, theirs.predicted_iou)


def test_what_the_makers_recommend_gives_way_to_what_is_asked(predictor) -> None:
    advised = PredictorSam(predictor, {**LOOSE, "min_iou": 1.0})
    assert len(advised.everything(PIXELS, wanted()).masks) == 0
    assert len(advised.everything(PIXELS, wanted(min_iou=0.0)).masks) > 3


def test_advice_lies_beside_the_weights(predictor, tmp_path) -> None:
    save_sam(predictor.sam, tmp_path)
    (tmp_path / "samloom.json").write_text(json.dumps({"everything": LOOSE}))
    assert len(load(tmp_path, device="cpu", dtype="float32").everything(PIXELS, wanted()).masks) > 3


def test_a_setting_out_of_range_is_the_users_mistake(predictor) -> None:
    with pytest.raises(PortError, match=r"^min_iou must be a number from 0 to 1, not 88\.0\.$"):
        PredictorSam(predictor).everything(PIXELS, wanted(min_iou=88.0))


def test_a_run_can_be_stopped_between_points(predictor) -> None:
    def stop(done, total, note=""):
        raise InterruptedError(done)

    with pytest.raises(InterruptedError):
        PredictorSam(predictor).everything(PIXELS, wanted(**LOOSE), stop)


def test_detections_know_how_they_were_found() -> None:
    found = run(Told())
    assert found.mask.shape == (2, 60, 90)
    assert found.xyxy.tolist() == [[30, 10, 50, 20], [0, 40, 9, 60]]
    assert found.confidence.tolist() == found.data["mask_score"].tolist() == [0.875, 0.75]
    assert found.data["stability_score"].tolist() == [0.5, 1]
    assert found.data["class_name"].tolist() == ["thing", "thing"]
    assert found.data["instance_id"].tolist() == [0, 1]
    assert found[found.confidence > 0.8].data["point"].tolist() == [[40.5, 15]]


def test_only_what_is_asked_for_changes_the_profile() -> None:
    loaded, reported = Told(), []
    run(
        loaded,
        profile="sa1b",
        crop_layers=0,
        min_iou=0.0,
        fast=True,
        max_megabytes=2,
        report=lambda *told: reported.append(told),
    )
    changes = {"crop_layers": 0, "min_iou": 0.0}
    assert loaded.wanted == Wanted(profile="sa1b", changes=changes, fast=True, max_bytes=2 << 20)
    assert reported == [(3, 4)]


def test_a_record_holds_the_masks_and_how_they_were_found(tmp_path) -> None:
    found = run(Told())
    path = sa1b(Image(PIXELS.copy(), source="photos/street.png"), found, tmp_path / "sa_7.json", image_id=7)
    record = read_record(path)
    assert (record.image.image_id, record.image.file_name) == (7, "street.png")
    np.testing.assert_array_equal(
        decode([mask.segmentation for mask in record.annotations], height=60, width=90), found.mask
    )
    first, second = record.annotations
    assert (first.bbox, first.area, first.point_coords) == ((30, 10, 20, 10), 200, ((40.5, 15),))
    assert (second.crop_box, second.predicted_iou, second.stability_score) == ((0, 30, 50, 30), 0.75, 1)


def test_records_of_many_pictures_lie_in_a_folder(tmp_path) -> None:
    path = sa1b(Image(PIXELS.copy(), source="photos/street.png"), run(Told()), tmp_path / "records")
    assert path == tmp_path / "records" / "street.json"
    assert len(read_record(path).annotations) == 2


def test_a_record_of_another_folders_namesake_is_kept(tmp_path) -> None:
    found = run(Told())
    path = sa1b(Image(PIXELS.copy(), source="a/street.png"), found, tmp_path / "records", image_id=1)
    with pytest.raises(OutputError, match=r"a/street\.png already, which .*b/street\.png would replace"):
        sa1b(Image(PIXELS.copy(), source="b/street.png"), found, tmp_path / "records", image_id=2)
    assert read_record(path).image.image_id == 1


def test_no_masks_make_a_record_too(tmp_path) -> None:
    found = run(Told())[np.zeros(2, bool)]
    assert read_record(sa1b(Image(PIXELS.copy()), found, tmp_path / "sa_7.json")).annotations == ()


def test_masks_of_another_origin_make_no_record(tmp_path) -> None:
    found = run(Told())
    others = replace(found, data={"class_name": found.data["class_name"], "mask_score": found.confidence})
    message = (
        "these masks have no stability_score and no point and no crop_box: sam/sa1b writes those of sam/everything."
    )
    with pytest.raises(PortError) as caught:
        sa1b(Image(PIXELS.copy()), others, tmp_path / "sa_7.json")
    assert str(caught.value) == message
    with pytest.raises(PortError, match="belong to a picture of 90x60 pixels, not 90x59"):
        sa1b(Image(PIXELS[1:].copy()), found, tmp_path / "sa_7.json")


def test_a_record_that_cannot_be_written_is_the_users_mistake(tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot write"):
        sa1b(Image(PIXELS.copy()), run(Told()), tmp_path / "file" / "sa_7.json")
