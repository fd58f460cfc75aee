"""Polygons are filled by the centres of pixels, and agree with pycocotools but for their very edge."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as pycoco

from sam_model.data.polygons import fill_polygons

HEIGHT, WIDTH = 90, 120
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # in pycocotools


def star(seed: int) -> np.ndarray:
    """A polygon of 3 to 12 corners around a point, of about 20 to 60 pixels, that may leave the picture."""
    random = np.random.default_rng(seed)
    angles = np.sort(random.uniform(0, 2 * np.pi, random.integers(3, 13)))
    middle = random.uniform((20, 20), (WIDTH - 20, HEIGHT - 20))
    radius = random.uniform(20, 60, len(angles))
    return middle + radius[:, None] * np.stack((np.cos(angles), np.sin(angles)), axis=1)


def by_pycocotools(rings: list[np.ndarray]) -> np.ndarray:
    parts = pycoco.frPyObjects([ring.reshape(-1).tolist() for ring in rings], HEIGHT, WIDTH)
    return pycoco.decode(pycoco.merge(parts)).astype(bool)


def test_a_pixel_is_inside_when_its_centre_is():
    ring = np.array([(1.4, 2.6), (4.6, 2.6), (4.6, 5.5), (1.4, 5.5)])
    mask = fill_polygons([ring], height=8, width=9)
    assert [tuple(place) for place in np.argwhere(mask)] == [(y, x) for y in (3, 4) for x in (1, 2, 3, 4)]


def test_whole_pixels_give_exactly_pycocotools_mask():
    ring = np.array([(3, 2), (10, 2), (10, 20), (6, 20), (6, 30), (3, 30)], float)
    assert np.array_equal(fill_polygons([ring], height=HEIGHT, width=WIDTH), by_pycocotools([ring]))


def test_several_rings_make_one_mask_even_where_they_overlap():
    rings = [np.array([(0, 0), (6, 0), (6, 6), (0, 6)], float), np.array([(4, 4), (9, 4), (9, 9), (4, 9)], float)]
    assert fill_polygons(rings, height=10, width=10).sum() == 36 + 25 - 4


def test_what_lies_outside_the_picture_is_cut_off():
    ring = np.array([(-50, -50), (500, -50), (500, 500), (-50, 500)], float)
    assert fill_polygons([ring], height=HEIGHT, width=WIDTH).all()
    assert not fill_polygons([ring + 1000], height=HEIGHT, width=WIDTH).any()
    assert not fill_polygons([], height=HEIGHT, width=WIDTH).any()


@settings(deadline=None, max_examples=150)
@given(seed=st.integers(0, 2**32 - 1))
def test_random_polygons_agree_with_pycocotools(seed):
    ring = star(seed)
    ours, theirs = fill_polygons([ring], height=HEIGHT, width=WIDTH), by_pycocotools([ring])
    length = np.hypot(*(ring - np.roll(ring, 1, axis=0)).T).sum()
    assert (ours ^ theirs).sum() <= 0.3 * length  # a pixel of the edge in three or four


def test_neither_is_larger_on_average():
    random = [star(seed) for seed in range(150)]
    ours = sum(int(fill_polygons([ring], height=HEIGHT, width=WIDTH).sum()) for ring in random)
    assert ours == pytest.approx(sum(int(by_pycocotools([ring]).sum()) for ring in random), rel=0.003)
