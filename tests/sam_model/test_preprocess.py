"""Pictures and points go to the model's square as in Meta's code."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from segment_anything.utils.transforms import ResizeLongestSide

from sam_model.errors import ImageError
from sam_model.preprocess import PIXEL_MEAN, PIXEL_STD, Frame, check_image, resize_longest_side, to_square

SIZES = [(131, 203), (1, 50), (97, 97), (600, 13), (333, 500)]


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_pictures_points_and_boxes_are_scaled_the_same(height, width):
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    points = np.array([[0.2, 0.7], [1, 1]]) * (width, height)
    boxes = points.reshape(1, 4)
    frame, theirs = Frame(height=height, width=width, square=256), ResizeLongestSide(256)

    assert np.array_equal(resize_longest_side(image, frame), theirs.apply_image(image))
    np.testing.assert_allclose(frame.to_model(points), theirs.apply_coords(points, (height, width)))
    np.testing.assert_allclose(frame.boxes_to_model(boxes), theirs.apply_boxes(boxes, (height, width)))


def test_the_rest_of_the_square_is_zero_after_normalising():
    image = np.full((10, 20, 3), 200, np.uint8)
    square = to_square(image, Frame(height=10, width=20, square=40))
    expected = (200 - torch.tensor(PIXEL_MEAN)) / torch.tensor(PIXEL_STD)
    torch.testing.assert_close(square[:, :20], expected[:, None, None].expand(3, 20, 40))
    assert square.shape == (3, 40, 40)
    assert not square[:, 20:].any()


def test_a_picture_of_the_size_of_the_square_is_not_touched():
    image = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    assert resize_longest_side(image, Frame(height=40, width=30, square=40)) is image


def test_logits_come_back_where_their_pixels_were():
    """A half-plane in the square, padding included, is the same half-plane in the picture."""
    frame = Frame(height=100, width=200, square=64)
    logits = torch.full((1, 1, 16, 16), -1.0)
    logits[..., :8] = 1
    mask = frame.to_image(logits)[0, 0] > 0
    assert mask.shape == (100, 200)
    assert mask[:, :100].all()
    assert not mask[:, 100:].any()


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ([[1]], r"must be a numpy array, not list: use numpy.asarray\(image\)$"),
        (
            np.zeros((4, 5), np.uint8),
            r"the picture \(4, 5\) is grey: numpy.stack\(\[image\] \* 3, axis=-1\) makes it RGB$",
        ),
        (np.zeros((4, 5, 4), np.uint8), r"must have shape \(height, width, 3\), not \(4, 5, 4\)$"),
        (np.zeros((4, 5, 3), np.float32), r"must be uint8 with values from 0 to 255, not float32$"),
        (np.zeros((0, 5, 3), np.uint8), r"the picture \(0, 5, 3\) has no pixels$"),
    ],
)
def test_pictures_that_are_none(image, message):
    with pytest.raises(ImageError, match=message):
        check_image(image)
