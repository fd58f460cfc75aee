"""The squares that CLIP is shown: where they lie and what is left of the surroundings."""

from __future__ import annotations

import numpy as np
import pytest

from plugins.clip.crops import GREY, Framing, square_crop

BARE = Framing(context=0.0, fade=0.0)


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (60, 100, 3), np.uint8)


def box(*corners: float) -> np.ndarray:
    return np.array(corners, np.float32)


def test_a_square_box_is_cut_out_as_it_is(pixels) -> None:
    np.testing.assert_array_equal(square_crop(pixels, box(20, 10, 50, 40), None, BARE), pixels[10:40, 20:50])


def test_the_longer_side_and_the_context_make_the_square(pixels) -> None:
    crop = square_crop(pixels, box(20, 20, 60, 30), None, Framing(context=0.25, fade=0.0))
    assert crop.shape == (60, 60, 3)
    np.testing.assert_array_equal(crop[5:60], pixels[0:55, 10:70])


def test_beyond_the_pictures_edge_all_is_grey(pixels) -> None:
    crop = square_crop(pixels, box(0, 0, 20, 40), None, BARE)
    assert (crop[:, :10] == GREY).all()
    np.testing.assert_array_equal(crop[:, 10:], pixels[:40, :30])


def test_what_is_outside_the_mask_fades_as_far_as_asked(pixels) -> None:
    mask = np.zeros(pixels.shape[:2], np.bool_)
    mask[10:30, 20:40] = True
    inside = mask[10:40, 20:50, None]
    shown = pixels[10:40, 20:50].astype(float)
    for fade in (0.0, 0.25, 1.0):
        crop = square_crop(pixels, box(20, 10, 50, 40), mask, Framing(context=0.0, fade=fade))
        expected = np.where(inside, shown, shown + (GREY - shown) * fade)
        assert np.abs(crop - expected).max() <= 0.51


def test_without_a_mask_what_is_outside_the_box_fades(pixels) -> None:
    crop = square_crop(pixels, box(20, 10, 50, 20), None, Framing(context=0.0, fade=1.0))
    np.testing.assert_array_equal(crop[10:20], pixels[10:20, 20:50])
    assert (crop[:10] == GREY).all()
    assert (crop[20:] == GREY).all()


@pytest.mark.parametrize("corners", [(5.2, 5.7, 5.3, 5.8), (200, 200, 240, 230), (-50, -50, -10, -20), (0, 0, 100, 60)])
def test_any_box_gives_a_square(pixels, corners) -> None:
    crop = square_crop(pixels, box(*corners), None, Framing())
    assert crop.shape[0] == crop.shape[1] >= 1
