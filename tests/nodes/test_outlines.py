"""Polygons that lose nothing, drawn again by three independent rasterisers."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image as Pil
from PIL import ImageDraw
from pycocotools import mask as coco_masks

from pipelines.nodes.outlines import parts_of, whole_of

# pycocotools' own decoder does not know numpy 2's `copy` yet.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

ANY = arrays(np.bool_, st.tuples(st.integers(1, 24), st.integers(1, 24)), elements=st.booleans())


def by_pycocotools(polygons: list[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    if not polygons:
        return np.zeros(shape, bool)
    flat = [polygon.reshape(-1).astype(float).tolist() for polygon in polygons]
    return coco_masks.decode(coco_masks.merge(coco_masks.frPyObjects(flat, *shape))).astype(bool)


def by_opencv(polygons: list[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    drawn = np.zeros(shape, np.uint8)
    for polygon in polygons:
        cv2.fillPoly(drawn, [polygon.astype(np.int32)], 1)
    return drawn.astype(bool)


def by_pillow(polygons: list[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    drawn = np.zeros(shape, bool)
    for polygon in polygons:
        picture = Pil.new("1", shape[::-1])
        ImageDraw.Draw(picture).polygon([tuple(point) for point in polygon.tolist()], outline=1, fill=1)
        drawn |= np.asarray(picture)
    return drawn


@settings(max_examples=150, deadline=None)
@given(ANY)
def test_any_mask_comes_back_from_its_parts_to_the_pixel(mask: np.ndarray) -> None:
    np.testing.assert_array_equal(by_pycocotools(list(parts_of(mask, "corners")), mask.shape), mask)
    centres = list(parts_of(mask, "centres"))
    np.testing.assert_array_equal(by_opencv(centres, mask.shape), mask)
    np.testing.assert_array_equal(by_pillow(centres, mask.shape), mask)


@settings(max_examples=150, deadline=None)
@given(ANY)
def test_as_one_polygon_no_pixel_of_the_mask_is_lost(mask: np.ndarray) -> None:
    polygon = whole_of(mask, "centres")
    drawn = by_opencv([polygon] if len(polygon) else [], mask.shape)
    assert (drawn | ~mask).all()
    if len(list(parts_of(mask, "centres"))) == 1:
        np.testing.assert_array_equal(drawn, mask)


def test_parts_are_joined_by_the_shortest_line() -> None:
    mask = np.zeros((20, 40), bool)
    mask[5:15, 2:10] = mask[5:15, 14:20] = mask[8:10, 30:38] = True
    drawn = by_opencv([whole_of(mask, "centres")], mask.shape)
    assert (drawn & ~mask).sum() == 4 + 10


def test_a_rectangle_has_four_corners() -> None:
    mask = np.zeros((9, 9), bool)
    mask[2:5, 3:8] = True
    assert sorted(map(tuple, whole_of(mask, "corners").tolist())) == [(3, 2), (3, 5), (8, 2), (8, 5)]
    assert sorted(map(tuple, whole_of(mask, "centres").tolist())) == [(3, 2), (3, 4), (7, 2), (7, 4)]


@pytest.mark.parametrize("through", ["centres", "corners"])
def test_of_nothing_there_is_no_polygon_and_a_single_pixel_has_three_points_at_least(through) -> None:
    assert list(parts_of(np.zeros((3, 3), bool), through)) == []
    assert len(whole_of(np.zeros((3, 3), bool), through)) == 0
    assert len(whole_of(np.eye(1, dtype=bool), through)) >= 3


def test_hundreds_of_parts_and_holes_take_seconds_not_minutes() -> None:
    noise = np.random.default_rng(0).random((540, 960), dtype=np.float32)
    mask = cv2.GaussianBlur(noise, (0, 0), 4) > 0.5
    begin = time.process_time()
    polygons = list(parts_of(mask, "corners"))
    whole_of(mask, "centres")
    assert time.process_time() - begin < 10
    np.testing.assert_array_equal(by_pycocotools(polygons, mask.shape), mask)
