"""What a notebook shows of an answer."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image as PilImage

from sam_model.everything.result import Everything
from sam_model.ops.rle import encode
from sam_model.pictures import GAP, GROUND, ROWS, TILE, colour, coloured, sheet
from sam_model.predictor import MaskPrediction


def shown(png: bytes) -> np.ndarray:
    return np.asarray(PilImage.open(io.BytesIO(png)).convert("RGB"))


def prediction(prompts: int, masks: int) -> MaskPrediction:
    inside = np.zeros((prompts, masks, 40, 80), dtype=bool)
    inside[..., 10:30, 20:60] = True
    return MaskPrediction(inside, np.full((prompts, masks), 0.5), np.zeros((prompts, masks, 16, 16)))


def test_a_prediction_is_shown_with_a_row_a_prompt_and_a_tile_a_mask() -> None:
    picture = shown(prediction(2, 3)._repr_png_())
    tile = TILE // 2 + GAP, TILE + GAP
    assert picture.shape == (2 * tile[0], 3 * tile[1], 3)
    for row in range(2):
        for column in range(3):
            middle = picture[row * tile[0] + tile[0] // 2, column * tile[1] + tile[1] // 2]
            assert tuple(middle) == colour(row)
            assert picture[row * tile[0] + tile[0] - GAP, column * tile[1] + tile[1] - GAP].max() == GROUND


def test_many_prompts_are_cut_and_none_are_no_error() -> None:
    assert len(shown(prediction(ROWS + 3, 1)._repr_png_())) == ROWS * (TILE // 2 + GAP)
    assert sheet(np.zeros((0, 1, 4, 4), dtype=bool), []).size > 0
    assert repr(prediction(2, 3)) == "MaskPrediction(2 × 3 masks of 40 × 80 pixels)"


def test_small_masks_lie_on_large_ones() -> None:
    masks = np.zeros((2, 20, 20), dtype=bool)
    masks[0, 8:12, 8:12] = True
    masks[1, 2:18, 2:18] = True
    picture = coloured(masks)
    assert tuple(picture[10, 10]) == colour(0)
    assert tuple(picture[3, 3]) == colour(1)
    assert picture[0, 0].tolist() == [GROUND] * 3


def test_everything_is_shown_in_the_size_of_its_picture() -> None:
    masks = np.zeros((1, 12, 30), dtype=bool)
    masks[0, :6] = True
    one = np.zeros(1, np.float32)
    found = Everything(height=12, width=30, rles=tuple(encode(masks)), predicted_iou=one, stability=one,
                       points=np.zeros((1, 2)), crop_boxes=np.array([[0, 0, 30, 12]]))  # fmt: skip
    picture = shown(found._repr_png_())
    assert picture.shape == (12, 30, 3)
    assert tuple(picture[0, 0]) == colour(0)
    assert repr(found) == "Everything(1 masks of 12 × 30 pixels)"


def test_neighbouring_numbers_have_colours_apart() -> None:
    apart = [np.abs(np.subtract(colour(n), colour(n + step))).sum() for n in range(40) for step in (1, 2)]
    assert min(apart) > 60
