"""One picture, many prompts: batches, ragged rows and combinations change no answer; mistakes are named."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
import torch

from sam_model import Box, MaskHint, Points, Predictor
from sam_model.errors import PromptError

BOXES = np.array([[5, 9, 80, 120], [60.5, 30, 190, 100], [0, 0, 203, 131], [100, 50, 101, 52]])


@pytest.fixture(scope="module")
def predictor(lively_sam) -> Predictor:
    return Predictor(lively_sam)


@pytest.fixture(scope="module")
def embedding(predictor, picture):
    return predictor.embed(picture)


def assert_same_rows(together, alone):
    for row, single in enumerate(alone):
        np.testing.assert_allclose(together.low_res_logits[row], single.low_res_logits[0], atol=1e-4)
        np.testing.assert_allclose(together.iou[row], single.iou[0], atol=1e-4)
        assert (together.masks[row] != single.masks[0]).mean() < 1e-3


def test_the_answer_is_in_pixels_of_the_picture(predictor, embedding, picture):
    prediction = predictor.predict(embedding, Box(BOXES), multimask=True)
    size = predictor.sam.config.logits_size
    assert prediction.masks.shape == (4, 3, *picture.shape[:2])
    assert prediction.masks.dtype == bool
    assert prediction.iou.shape == (4, 3)
    assert prediction.low_res_logits.shape == (4, 3, size, size)


def test_boxes_together_are_boxes_alone(predictor, embedding):
    assert_same_rows(
        predictor.predict(embedding, Box(BOXES)), [predictor.predict(embedding, Box(box)) for box in BOXES]
    )


def test_more_boxes_than_fit_at_once(predictor, embedding):
    many = predictor.predict(embedding, Box(np.tile(BOXES, (5, 1))))
    once = predictor.predict(embedding, Box(BOXES))
    np.testing.assert_allclose(many.low_res_logits, np.tile(once.low_res_logits, (5, 1, 1, 1)), atol=1e-4)


def test_prompts_with_unequal_numbers_of_points_answer_as_if_alone(predictor, embedding):
    prompts = [
        ([[20, 30], [100, 90], [180, 12]], [1, 0, 1]),
        ([[50, 60]], [1]),
        ([[70, 20], [30, 110]], [1, 1]),
        ([[150, 77]], [1]),
    ]
    alone = [predictor.predict(embedding, Points(*prompt)) for prompt in prompts]
    assert_same_rows(predictor.predict(embedding, Points.ragged(prompts)), alone)


def test_padding_changes_nothing_wherever_it_stands(predictor, embedding):
    padded = Points([[[0, 0], [20, 30], [0, 0], [90, 70]]], [[-1, 1, -1, 0]])
    alone = predictor.predict(embedding, Points([[20, 30], [90, 70]], [1, 0]))
    assert_same_rows(predictor.predict(embedding, padded), [alone])


def test_points_may_be_missing_beside_a_box(predictor, embedding):
    points = Points.ragged([([[20, 30]], [1]), (np.empty((0, 2)), np.empty(0))])
    together = predictor.predict(embedding, (points, Box(BOXES[:2])))
    with_point = predictor.predict(embedding, (Points([[20, 30]], [1]), Box(BOXES[0])))
    assert_same_rows(together, [with_point, predictor.predict(embedding, Box(BOXES[1]))])


def test_an_answer_can_be_given_back_as_a_hint(predictor, embedding):
    first = predictor.predict(embedding, Box(BOXES))
    hint = MaskHint(first.low_res_logits[:, 0])
    improved = predictor.predict(embedding, (Box(BOXES), hint))
    assert improved.masks.shape == first.masks.shape
    assert not np.allclose(improved.low_res_logits, first.low_res_logits)


@pytest.mark.parametrize(
    "prompts", [Box(np.empty((0, 4))), Points.ragged([]), (Box(np.empty((0, 4))), Points.ragged([]))]
)
def test_no_prompts_give_no_masks(predictor, embedding, picture, prompts):
    prediction = predictor.predict(embedding, prompts)
    assert prediction.masks.shape == (0, 1, *picture.shape[:2])
    assert prediction.iou.shape == (0, 1)


def test_an_embedding_outlives_the_next_picture(predictor, embedding, picture):
    before = predictor.predict(embedding, Box(BOXES)).low_res_logits
    predictor.embed(255 - picture[:60])
    assert np.array_equal(predictor.predict(embedding, Box(BOXES)).low_res_logits, before)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 300, 3), (200, 3, 3)])
def test_tiny_and_thin_pictures(predictor, shape):
    image = np.full(shape, 77, np.uint8)
    prediction = predictor.predict(predictor.embed(image), Box([0, 0, shape[1], shape[0]]))
    assert prediction.masks.shape == (1, 1, *shape[:2])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_short_dtypes_agree_roughly(predictor, embedding, picture, dtype):
    short = Predictor(deepcopy(predictor.sam).to(dtype))
    close = short.predict(short.embed(picture), Box(BOXES)).low_res_logits
    exact = predictor.predict(embedding, Box(BOXES)).low_res_logits
    assert close.dtype == np.float32
    assert np.corrcoef(close.ravel(), exact.ravel())[0, 1] > 0.99


@pytest.mark.parametrize(
    ("prompts", "message"),
    [
        ((), r"^no prompt: give Points, a Box, a MaskHint, a TextPrompt, or several for the same objects$"),
        ((Box(BOXES), Box(BOXES)), r"^2 Box prompts given together: put their rows into one$"),
        (
            (Box(BOXES), Points([[1, 2]], [1])),
            r"^prompts given together must be equally many, not 4 boxes and 1 points$",
        ),
        (Points([[[1, 2]], [[3, 4]]], [[1], [-1]]), r"^prompt 1 is empty: give it a point, a box or a mask hint$"),
        (
            Points([[20, 30], [204, 30]], [1, 0]),
            r"^point 1 of prompt 0, \(204, 30\), lies outside the picture of 203x131 pixels$",
        ),
        (Points([[20, -0.5]], [1]), r"\(20, -0.5\), lies outside"),
        (
            Box([0, 0, 203, 131.5]),
            r"^box 0, \(0, 0, 203, 131.5\), leaves the picture of 203x131 pixels: cut it with ops",
        ),
        (MaskHint(np.zeros((9, 8))), r"^mask hints must be this model's low-resolution logits, 48x48, not 9x8$"),
    ],
)
def test_prompts_that_do_not_fit(predictor, embedding, prompts, message):
    with pytest.raises(PromptError, match=message):
        predictor.predict(embedding, prompts)
