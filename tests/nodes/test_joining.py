"""Detections of one picture from two sources."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.errors import PortError
from pipelines.nodes.masks import complete
from pipelines.values import Detections, empty_detections


def things(*names: str, scores: tuple[float, ...] | None = None, size: tuple[int, int] = (8, 12), **columns: float):
    """One thing a name, each with a pixel of its own; class ids are their places."""
    masks = np.zeros((len(names), *size), bool)
    masks[np.arange(len(names)), 0, np.arange(len(names))] = True
    data = {name: np.full(len(names), value) for name, value in columns.items()}
    return Detections(
        xyxy=np.tile(np.array([0, 0, 4, 4], np.float32), (len(names), 1)),
        mask=masks,
        confidence=None if scores is None else np.array(scores, np.float32),
        class_id=np.arange(len(names)),
        data={"class_name": np.array(names, np.str_), "instance_id": np.arange(len(names)), **data},
    )


def test_names_that_are_missing_come_from_the_other_source() -> None:
    both = complete(things("dog", scores=(0.5,)), things("Dog", "cat", "cat", scores=(0.9, 0.8, 0.7)))
    assert both.data["class_name"].tolist() == ["dog", "cat", "cat"]
    assert both.data["instance_id"].tolist() == [0, 1, 2]
    assert both.class_id.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(both.confidence, np.array([0.5, 0.8, 0.7], np.float32))
    assert np.argwhere(both.mask)[:, 2].tolist() == [0, 1, 2]


def test_columns_that_one_source_lacks_are_left_out() -> None:
    both = complete(things("dog", mask_score=0.5), things("cat", mask_score=0.25, stability_score=0.75))
    assert set(both.data) == {"class_name", "instance_id", "mask_score"}
    assert both.data["mask_score"].tolist() == [0.5, 0.25]


def test_what_has_no_score_is_certain_beside_what_has_one() -> None:
    assert complete(things("dog"), things("cat", scores=(0.25,))).confidence.tolist() == [1, 0.25]


def test_nothing_is_completed_by_something_and_something_by_nothing() -> None:
    nothing, dog = empty_detections((8, 12), masks=True), things("dog", scores=(0.5,))
    for both in (complete(nothing, dog), complete(dog, nothing)):
        assert both.data["class_name"].tolist() == ["dog"]
        assert both.mask.sum() == 1
    assert len(complete(nothing, nothing)) == 0
    assert complete(nothing, nothing).mask.shape == (0, 8, 12)


def test_masks_of_different_pictures_do_not_belong_together() -> None:
    with pytest.raises(PortError, match="pictures of different sizes, 12 by 8 and 12 by 9: combine masks of one"):
        complete(things("dog"), things("cat", size=(9, 12)))
