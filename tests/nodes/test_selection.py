"""Filtering, choosing and counting, among boxes and among masks."""

from typing import Any

import numpy as np
import pytest

from pipelines.nodes import detections, masks
from pipelines.values import Detections, Masks, empty_detections


def things(*, scored: bool = True) -> Masks:
    """A big dog 0.9, a small dog 0.5, a cat 0.7 and a Cat 0.7; the masks are half as large as the boxes."""
    corners = np.array([[0, 0, 8, 8], [8, 0, 10, 2], [0, 10, 4, 14], [10, 10, 14, 14]], np.float32)
    drawn = np.zeros((4, 16, 16), bool)
    for mask, (left, top, right, bottom) in zip(drawn, corners.astype(int), strict=True):
        mask[top : (top + bottom) // 2, left:right] = True
    return Detections(
        xyxy=corners,
        mask=drawn,
        confidence=np.array([0.9, 0.5, 0.7, 0.7], np.float32) if scored else None,
        data={"class_name": np.array(["dog", "dog", "cat", "Cat"]), "instance_id": np.arange(4) + 10},
    )


def ids(found: Detections) -> list[int]:
    return found.data["instance_id"].tolist()


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, [10, 11, 12, 13]),
        ({"min_score": 0.7}, [10, 12, 13]),
        ({"names": ("CAT",)}, [12, 13]),
        ({"names": ("do",)}, []),
        ({"names": ("dog", "cat"), "min_score": 0.8}, [10]),
        ({"min_area": 8.0}, [10, 12, 13]),
        ({"max_area": 8.0}, [11, 12, 13]),
        ({"top": 2}, [10, 12]),
        ({"top": 3}, [10, 12, 13]),
        ({"top": 0}, []),
        ({"top": 1, "names": ("dog",), "max_area": 8.0}, [11]),
    ],
)
def test_a_filter_keeps_what_meets_every_condition_in_order(conditions: dict[str, Any], expected: list[int]) -> None:
    kept = masks.filter_masks(things(), **conditions)
    assert ids(kept) == expected
    assert kept.mask.shape == (len(expected), 16, 16)


def test_the_area_of_a_mask_is_its_pixels_and_of_a_box_its_inside() -> None:
    boxes = things()
    boxes.mask = None
    assert ids(detections.filter_boxes(boxes, min_area=33.0)) == [10]
    assert ids(masks.filter_masks(things(), min_area=33.0)) == []


def test_without_scores_everything_counts_as_certain() -> None:
    assert ids(detections.filter_boxes(things(scored=False), min_score=0.99, top=2)) == [10, 11]
    assert ids(detections.best(things(scored=False))) == [10]


def test_the_best_is_the_first_of_the_highest_score() -> None:
    assert ids(detections.best(things())) == [10]
    assert ids(detections.best(things(), each_name=True)) == [10, 12]
    assert ids(masks.best(things(), each_name=True)) == [10, 12]


def test_detections_of_other_tools_may_have_no_names() -> None:
    bare = Detections(xyxy=np.array([[0, 0, 2, 2], [1, 1, 5, 5]], np.float32))
    assert len(detections.best(bare, each_name=True)) == 1
    assert len(detections.filter_boxes(bare, names=("dog",))) == 0


def test_counting() -> None:
    assert detections.count(things()) == 4


def test_of_nothing_there_is_nothing_to_keep() -> None:
    nothing = empty_detections((16, 16), masks=True)
    assert detections.count(nothing) == 0
    for kept in (
        masks.filter_masks(nothing, names=("dog",), top=1),
        masks.best(nothing),
        masks.best(nothing, each_name=True),
    ):
        assert len(kept) == 0
        assert kept.mask.shape == (0, 16, 16)
        assert set(kept.data) == {"class_name", "instance_id"}
