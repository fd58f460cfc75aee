"""The adapter and the node of Segment Anything, with a tiny random network and with one that says what it is told."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pipelines.errors import ModelError, PortError
from pipelines.families import ModelSource
from pipelines.models import Model, ModelPool
from pipelines.scope import Scope, use_scope
from pipelines.values import Detections, Image, empty_detections
from plugins.sam.adapter import PredictorSam, load
from plugins.sam.models import FAMILY, Sam
from plugins.sam.nodes import masks
from sam_model.checkpoints import save_sam
from sam_model.config import TINY
from sam_model.modeling import build_sam
from sam_model.predictor import Predictor
from sam_model.prompts import Box, MaskHint

PIXELS = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
BOXES = np.array([[5, 5, 40, 40], [30.5, 10, 80, 50]], np.float32)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return build_sam(TINY).eval()


def test_masks_are_the_predictors(network) -> None:
    predictor = Predictor(network)
    theirs = predictor.predict(predictor.embed(PIXELS), Box(BOXES))
    found, scores = PredictorSam(predictor).cut(PIXELS, BOXES, multimask=False)
    np.testing.assert_array_equal(found, theirs.masks[:, 0])
    np.testing.assert_array_equal(scores, theirs.iou[:, 0])


def test_of_three_masks_the_one_that_the_model_trusts_most_is_kept(network) -> None:
    predictor = Predictor(network)
    theirs = predictor.predict(predictor.embed(PIXELS), Box(BOXES), multimask=True)
    found, scores = PredictorSam(predictor).cut(PIXELS, BOXES, multimask=True)
    for row, best in enumerate(theirs.iou.argmax(axis=1)):
        np.testing.assert_array_equal(found[row], theirs.masks[row, best])
    np.testing.assert_array_equal(scores, theirs.iou.max(axis=1))


def test_refining_shows_the_model_its_surest_mask_with_the_box(network) -> None:
    predictor = Predictor(network)
    embedding = predictor.embed(PIXELS)
    first = predictor.predict(embedding, Box(BOXES), multimask=True)
    hint = MaskHint(first.low_res_logits[np.arange(2), first.iou.argmax(axis=1)])
    theirs = predictor.predict(embedding, (Box(BOXES), hint))
    found, scores = PredictorSam(predictor).cut(PIXELS, BOXES, multimask=True, refine=1)
    np.testing.assert_array_equal(found, theirs.masks[:, 0])
    np.testing.assert_array_equal(scores, theirs.iou[:, 0])
    assert not np.array_equal(scores, first.iou.max(axis=1))


@pytest.mark.parametrize("refine", [-1, 11])
def test_refining_is_done_a_few_times(refine) -> None:
    boxes = empty_detections((60, 90), masks=False)
    with pytest.raises(PortError, match=f"refine is {refine}, but masks are refined 0 to 10 times"):
        masks(Image(PIXELS.copy()), boxes, refine=refine)


def test_a_directory_and_an_official_file_give_the_same_masks(network, tmp_path) -> None:
    save_sam(network, tmp_path / "directory")
    torch.save(network.state_dict(), tmp_path / "sam.pth")
    one, other = (
        FAMILY.load(FAMILY.resolve(str(tmp_path / name), offline=True), device="cpu", dtype="float32")
        for name in ("directory", "sam.pth")
    )
    for ours, theirs in zip(
        one.cut(PIXELS, BOXES, multimask=False), other.cut(PIXELS, BOXES, multimask=False), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_an_unfit_file_is_the_users_mistake(tmp_path) -> None:
    torch.save({"weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(ModelError):
        load(tmp_path / "other.pth", device="cpu", dtype="float32")


class Told(Sam):
    def cut(self, pixels, boxes, *, multimask, refine=0):
        found = np.zeros((len(boxes), *pixels.shape[:2]), bool)
        found[:, 0, 0] = multimask
        return found, np.linspace(0.5, 0.9, len(boxes), dtype=np.float32)

    def answer(self, pixels, asked):
        raise NotImplementedError

    def everything(self, pixels, wanted, report):
        raise NotImplementedError


def run(loaded, boxes: Detections, **options) -> Detections:
    family = SimpleNamespace(
        name="sam",
        resolve=lambda ref, *, offline: ModelSource("sam", ref, ref, "r1"),
        load=lambda source, *, device, dtype: loaded,
    )
    with use_scope(Scope(pool=ModelPool(families={"sam": family}))):
        return masks(Image(PIXELS.copy()), boxes, **options)


def test_a_mask_joins_what_the_box_knows_already() -> None:
    boxes = Detections(
        xyxy=BOXES,
        confidence=np.array([0.7, 0.6], np.float32),
        class_id=np.array([1, 0]),
        data={"class_name": np.array(["a cat", "dog"]), "instance_id": np.array([4, 9])},
    )
    found = run(Told(), boxes)
    assert found.mask.shape == (2, 60, 90)
    assert found.data["class_name"].tolist() == ["a cat", "dog"]
    assert found.data["instance_id"].tolist() == [4, 9]
    assert found.data["mask_score"].tolist() == pytest.approx([0.5, 0.9])
    assert found.confidence.tolist() == pytest.approx([0.7, 0.6])
    assert boxes.mask is None


def test_the_wish_for_three_masks_reaches_the_model() -> None:
    assert run(Told(), Detections(xyxy=BOXES), multimask=True).mask[:, 0, 0].all()


def test_no_boxes_give_no_masks_and_load_no_model() -> None:
    found = run(None, empty_detections((60, 90), masks=False), model=Model("nowhere"))
    assert found.mask.shape == (0, 60, 90)
    assert found.data["class_name"].shape == (0,)
