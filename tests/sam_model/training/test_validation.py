"""Measuring: what is asked, and that the figures are those of the answers."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

import numpy as np
import PIL.Image
import pytest

from sam_model import build_sam
from sam_model.data.dataset import AnnotatedPicture
from sam_model.predictor import MaskPrediction, Predictor
from sam_model.prompts import Box, MaskHint, Points
from sam_model.training import validation
from sam_model.training.validation import deepest, examine, to_scores, totals_of

FRAME = (np.array([(10, 5), (34, 5), (34, 29), (10, 29)], float),)


class Half(Predictor):
    """Answers a box with its left half, and clicks with a mask that grows a column to the right with each click."""

    asked: ClassVar[Counter[str]] = Counter()

    def __init__(self, sam) -> None:
        super().__init__(sam)
        assert not sam.training

    def predict(self, embedding, prompts, *, multimask=False):
        masks, iou = np.zeros((1, 3 if multimask else 1, 40, 50), bool), np.array([[0.1, 0.9, 0.3]])
        match prompts:
            case Box(xyxy=boxes):
                assert boxes.tolist() == [[10, 5, 34, 29]]
                masks[0, 0, 5:29, 10:22] = True
            case Points(xy=points, labels=labels):
                assert multimask
                assert labels.tolist() == [[1]]
                masks[0, 1, 5:29, 10:16] = True
            case (Points(xy=points), MaskHint(logits=hints)):
                assert hints.shape == (1, 32, 32)
                assert (hints == (1 if points.shape[1] == 2 else 0)).all()
                masks[0, 0, 5:29, 10 : 15 + points.shape[1]] = True
                Half.asked[f"{points.shape[1]} points"] += 1
        low = np.broadcast_to(
            np.arange(masks.shape[1], dtype=np.float32)[None, :, None, None], (1, masks.shape[1], 32, 32)
        )
        return MaskPrediction(masks, iou[:, : masks.shape[1]], low)


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "picture.png"
    PIL.Image.new("RGB", (50, 40)).save(path)
    return AnnotatedPicture(path, (40, 50), (FRAME,))


def test_the_figures_are_those_of_box_one_click_and_five(picture, small, monkeypatch):
    monkeypatch.setattr(validation, "Predictor", Half)
    sam = build_sam(small).train()
    exam = examine(sam, picture, masks=5)
    assert sam.training, "the network is left in another mode"
    scores = to_scores(totals_of([exam, exam]))
    assert scores.masks == 2
    assert scores.box == pytest.approx(12 / 24)
    assert scores.click == pytest.approx(6 / 24)
    assert scores.clicks == pytest.approx(10 / 24)
    assert Half.asked == {f"{count} points": 1 for count in (2, 3, 4, 5)}


def test_a_picture_without_masks_is_no_exam(picture, small):
    empty = AnnotatedPicture(picture.path, picture.size, ((np.array([(90, 90), (95, 90), (95, 95)], float),),))
    assert examine(build_sam(small), empty, masks=5) is None


def test_the_deepest_pixel_is_away_from_edges_and_the_picture_s_rim():
    mask = np.zeros((20, 20), bool)
    mask[2:9, 4:11] = True
    assert deepest(mask) == (7, 5)
    assert deepest(np.ones((9, 9), bool)) == (4, 4)
