"""Run lengths are COCO's, to the character."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco

from sam_model.errors import MaskError
from sam_model.ops.rle import Rle, check_masks, decode, encode
from sam_model.ops.rle_text import from_texts


@st.composite
def stacks(draw):
    """Masks of any size; noise of any density, so that empty and full ones and single pixels are among them."""
    shape = draw(st.tuples(st.integers(1, 4), *[st.integers(1, 12) | st.integers(1, 90)] * 2))
    density = draw(st.sampled_from((0, 0.02, 0.5, 0.98, 1)))
    return np.random.default_rng(draw(st.integers(0, 2**32))).random(shape) < density


@st.composite
def run_lists(draw):
    """Height and width with runs that fill them, some of length 0."""
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    cuts = sorted(draw(st.lists(st.integers(0, height * width), max_size=30)))
    return height, width, np.diff([0, *cuts, height * width]).tolist()


def by_runs(height, width, runs):
    """The mask that runs describe, column by column."""
    inside = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return inside.reshape(width, height).T


def by_coco(masks):
    return coco.encode(np.asfortranarray(masks.transpose(1, 2, 0).view(np.uint8)))


@given(stacks())
def test_compressed_text_is_pycocotools(masks):
    assert [rle.counts.encode() for rle in encode(masks)] == [theirs["counts"] for theirs in by_coco(masks)]


@given(stacks())
def test_masks_come_back(masks):
    rles = encode(masks)
    np.testing.assert_array_equal(decode(rles, height=masks.shape[1], width=masks.shape[2]), masks)
    for compressed in (True, False):
        assert [Rle.from_coco(rle.to_coco(compressed=compressed)) for rle in rles] == rles


@given(st.lists(stacks(), min_size=1, max_size=3))
def test_texts_of_many_masks_are_read_together(several):
    rles = [rle for masks in several for rle in encode(masks)]
    letters = np.array([len(rle.counts) for rle in rles])
    runs, lengths = from_texts("".join(rle.counts for rle in rles).encode(), letters)
    assert runs.tolist() == [run for rle in rles for run in rle.runs.tolist()]
    assert lengths.tolist() == [len(rle.runs) for rle in rles]


@pytest.mark.parametrize(("text", "letters"), [(b"53P5", [3, 1]), (b"5!", [2]), (b"5p", [2])])
def test_damage_in_one_of_many_texts_is_told(text, letters):
    with pytest.raises(MaskError, match=r"break off inside a number|none of COCO's"):
        from_texts(text, np.array(letters))


@given(stacks())
def test_area_and_box_are_pycocotools(masks):
    theirs = by_coco(masks)
    boxes = [(left, top, left + width, top + height) for left, top, width, height in coco.toBbox(theirs)]
    assert [rle.box for rle in encode(masks)] == boxes
    assert [rle.area for rle in encode(masks)] == coco.area(theirs).tolist()


@given(run_lists())
def test_runs_of_length_zero_are_joined(case):
    height, width, runs = case
    rle = Rle.from_runs(runs, height=height, width=width)
    np.testing.assert_array_equal(decode([rle], height=height, width=width)[0], by_runs(height, width, runs))
    assert rle == encode(decode([rle], height=height, width=width))[0]


@given(arrays(bool, (2, 5, 7)))
def test_any_view_of_an_array_is_encoded(masks):
    turned = masks.transpose(0, 2, 1)[:, ::-1, ::2]
    assert encode(turned) == encode(np.ascontiguousarray(turned))


def test_small_masks_are_encoded_together():
    masks = np.random.default_rng(0).random((70, 300, 300)) < 0.5
    assert [rle.counts.encode() for rle in encode(masks)] == [theirs["counts"] for theirs in by_coco(masks)]


def test_no_masks_are_a_result():
    assert encode(np.zeros((0, 4, 6), bool)) == []
    assert decode([], height=4, width=6).shape == (0, 4, 6)


def test_text_may_be_bytes():
    segmentation = by_coco(np.ones((1, 3, 5), bool))[0]
    assert isinstance(segmentation["counts"], bytes)
    assert Rle.from_coco(segmentation).area == 15


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        ([[1, 2, 3, 4, 5, 6]], "must be run lengths, {'size', 'counts'}, not list (polygons are none)"),
        ({"counts": "04"}, "'size' must be [height, width] in pixels, not None"),
        ({"size": [2, 0], "counts": "04"}, "'size' must be [height, width] in pixels, not [2, 0]"),
        ({"size": [2, 2]}, "'counts' must be text or a list of whole numbers, not NoneType"),
        ({"size": [2, 2], "counts": [1, 2]}, "run lengths add up to 3 pixels, but 2x2 are 4"),
        ({"size": [2, 2], "counts": [6, -2]}, "a run cannot have -2 pixels"),
        ({"size": [2, 2], "counts": [1.5, 2.5]}, "run lengths must be a flat list of whole numbers"),
        ({"size": [2, 2], "counts": [[4], [1, 2]]}, "run lengths must be a flat list of whole numbers"),
        ({"size": [2, 2], "counts": "0 4"}, "run lengths hold ' ', which is no character of COCO's compressed form"),
        ({"size": [2, 2], "counts": "é"}, "run lengths hold 'é', which is no character of COCO's compressed form"),
        ({"size": [2, 2], "counts": "0P"}, "run lengths break off inside a number"),
        ({"size": [2, 2], "counts": "P" * 30 + "0"}, "run lengths hold a number too large for any picture"),
        ({"size": [2, 2], "counts": ""}, "run lengths add up to 0 pixels, but 2x2 are 4"),
    ],
)
def test_run_lengths_that_are_none(segmentation, message):
    with pytest.raises(MaskError) as caught:
        Rle.from_coco(segmentation)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        (np.zeros((1, 4, 4), np.uint8), "masks must be bool, not uint8: say where they are inside, as in masks > 0"),
        (np.zeros((4, 4), bool), "masks must have shape (n, height, width), not (4, 4): masks[None] makes one a stack"),
        (np.zeros((2, 0, 4), bool), "masks of shape (2, 0, 4) have no pixels"),
        ([[[True]]], "masks must be a numpy array, not list: use numpy.asarray(masks)"),
    ],
)
def test_arrays_that_are_no_masks(masks, message):
    with pytest.raises(MaskError) as caught:
        check_masks(masks)
    assert str(caught.value) == message


def test_masks_of_different_sizes():
    rles = [*encode(np.ones((1, 4, 6), bool)), *encode(np.ones((1, 6, 4), bool))]
    with pytest.raises(MaskError, match=r"^mask 1 is 4x6 pixels, expected 6x4$"):
        decode(rles, height=4, width=6)


@pytest.mark.slow
def test_as_fast_as_pycocotools_on_100_masks_at_1080p():
    """Both start with a stack as a network gives it, so pycocotools' conversion to Fortran's order counts."""
    masks = ellipses(100, 1080, 1920)
    ours, theirs = [], []
    for _ in range(5):
        ours.append(processor_time(encode, masks))
        theirs.append(processor_time(by_coco, masks))
    assert min(ours) < min(theirs)


def processor_time(function, *arguments):
    start = time.process_time()
    function(*arguments)
    return time.process_time() - start


def ellipses(count, height, width):
    """Smooth shapes with wavy edges, from small to nearly the whole picture."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width]
    waves = 0.1 * np.sin(x / 9) * np.cos(y / 7)
    rows = zip(
        *(random.uniform(*bounds, count) for bounds in ((0, height), (0, width), (20, 500), (20, 700))), strict=True
    )
    return np.stack([((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 + waves < 1 for cy, cx, ry, rx in rows])
