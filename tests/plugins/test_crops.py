"""What the model is shown, and the way back."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from plugins.stable_diffusion.crops import Window, change, clusters, lay_over, window_around
from plugins.stable_diffusion.masks import Box


@st.composite
def boxes_in_pictures(draw):
    height, width = draw(st.integers(1, 60)), draw(st.integers(1, 60))
    x0, y0 = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    return Box(x0, y0, draw(st.integers(x0 + 1, width)), draw(st.integers(y0 + 1, height))), (height, width)


@given(boxes_in_pictures(), st.floats(1, 3))
def test_the_window_holds_the_box_at_every_border(placed, context) -> None:
    box, shape = placed
    inside = window_around(box, context, shape).inside
    assert inside.x0 <= box.x0 < box.x1 <= inside.x1
    assert inside.y0 <= box.y0 < box.y1 <= inside.y1


@given(boxes_in_pictures(), st.floats(1, 3))
def test_a_window_that_fits_lies_in_the_picture(placed, context) -> None:
    box, (height, width) = placed
    window = window_around(box, context, (height, width))
    if window.side <= min(height, width):
        assert window.inside == Box(window.x, window.y, window.x + window.side, window.y + window.side)


@given(boxes_in_pictures(), st.floats(1, 3), st.integers(0, 2**32 - 1))
def test_there_and_back_at_the_same_size_is_exact(placed, context, seed) -> None:
    box, shape = placed
    pixels = np.random.default_rng(seed).integers(0, 256, (*shape, 3), np.uint8)
    window = window_around(box, context, shape)
    back = window.to_picture(window.to_model(pixels, window.side))
    np.testing.assert_array_equal(back, pixels[window.inside.slices])


def test_beyond_the_border_the_picture_is_reflected() -> None:
    pixels = np.arange(3, dtype=np.uint8)[None, :, None].repeat(3, axis=0).repeat(3, axis=2)
    shown = Window(x=-2, y=-2, side=7, height=3, width=3).to_model(pixels, 7)
    np.testing.assert_array_equal(shown[0, :, 0], [2, 1, 0, 1, 2, 1, 0])


@given(boxes_in_pictures(), st.integers(1, 16))
def test_no_masked_pixel_is_lost_when_a_mask_shrinks(placed, side) -> None:
    box, shape = placed
    mask = np.zeros(shape, bool)
    mask[box.y0, box.x0] = True
    assert window_around(box, 2, shape).mask_to_model(mask, side).any()


def test_laying_over_is_exact_at_both_ends() -> None:
    old, new = np.full((1, 3, 3), 10, np.uint8), np.full((1, 3, 3), 201, np.uint8)
    laid = lay_over(old, new, np.array([[0, 0.5, 1]], np.float32))
    assert laid[0, :, 0].tolist() == [10, 106, 201]


def test_change_is_what_exceeds_an_autoencoders_noise() -> None:
    shown = np.full((9, 9, 3), 100, np.uint8)
    painted = shown + np.array([10, 0, 5], np.uint8)
    painted[3:6, 3:6, 1] = 220
    changed = change(shown, painted)
    assert changed[4, 4] == 255
    assert (changed[[0, 0, -1, -1], [0, -1, 0, -1]] == 0).all()


def test_boxes_that_cover_each_other_through_others_are_one_cluster() -> None:
    boxes = [Box(0, 0, 4, 4), Box(20, 20, 24, 24), Box(5, 0, 9, 4), Box(2, 0, 7, 4)]
    assert clusters(boxes) == [[0, 2, 3], [1]]


def test_boxes_side_by_side_and_boxes_that_overlap_by_a_margin_are_apart() -> None:
    assert clusters([Box(0, 0, 4, 4), Box(4, 0, 8, 4)]) == [[0], [1]]
    assert clusters([Box(0, 0, 8, 8), Box(6, 0, 14, 8)]) == [[0], [1]]
