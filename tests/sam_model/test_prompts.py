"""A prompt is checked where it is made."""

from __future__ import annotations

import numpy as np
import pytest

from sam_model import Box, MaskHint, Points
from sam_model.batching import as_tuple
from sam_model.errors import PromptError


def test_one_prompt_is_a_batch_of_one():
    assert Points([[1, 2], [3, 4]], [1, 0]).xy.shape == (1, 2, 2)
    assert Box([1, 2, 3, 4]).xyxy.shape == (1, 4)
    assert MaskHint(np.zeros((8, 8))).logits.shape == (1, 8, 8)


def test_prompts_are_values():
    boxes = np.array([[1.0, 2, 3, 4]])
    box = Box(boxes)
    boxes[:] = 0
    assert box.xyxy.tolist() == [[1, 2, 3, 4]]
    with pytest.raises(ValueError, match="read-only"):
        box.xyxy[0, 0] = 9


def test_ragged_rows_are_filled_with_padding():
    points = Points.ragged([([[1, 2], [3, 4]], [1, 0]), ([[5, 6]], [1])])
    assert points.labels.tolist() == [[1, 0], [1, -1]]
    assert points.xy[1, 0].tolist() == [5, 6]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Points([1, 2], [1]),
            r"^points must have shape \(k, 2\) for one .* or \(n, k, 2\) for many, not \(2,\)$",
        ),
        (lambda: Points([[1, 2, 3]], [1]), r"^points must have shape .*, not \(1, 3\)$"),
        (lambda: Points([[1, 2]], [1, 0]), r"^points of shape \(1, 2\) need labels of shape \(1,\), not \(2,\)$"),
        (lambda: Points([[1, 2]], [2]), r"^a label must be 1 \(on .*\), 0 \(not on it\) or -1 \(no point\), not 2$"),
        (lambda: Points([[1, 2], [3, 4]], [[1], [0, 1]]), r"^labels must be one number for each point, as many in"),
        (lambda: Points([[1, np.nan]], [1]), r"^points must be finite numbers, without NaN or infinity$"),
        (lambda: Box([1, 2, 3]), r"^boxes must have shape \(4,\) for one prompt or \(n, 4\) for many, not \(3,\)$"),
        (
            lambda: Box([[1, 2, 3, 4], [9, 2, 3, 4]]),
            r"^box 1, \(9, 2, 3, 4\), ends before it starts: give \(left, top, ",
        ),
        (lambda: Box([1, 2, np.inf, 4]), r"^boxes must be finite numbers"),
        (lambda: Box("left"), r"^boxes must be an array of numbers$"),
        (lambda: MaskHint(np.zeros(4)), r"^mask hints must have shape \(h, w\) .* \(n, h, w\) for many, not \(4,\)$"),
    ],
)
def test_prompts_that_make_no_sense(make, message):
    with pytest.raises(PromptError, match=message):
        make()


@pytest.mark.parametrize(
    ("other", "kind"), [(np.zeros((2, 4)), "ndarray"), ([1, 2, 3, 4], "int"), ((None,), "NoneType")]
)
def test_other_things_are_no_prompts(other, kind):
    with pytest.raises(PromptError, match=f"^a prompt must be Points, a Box, a MaskHint or a TextPrompt, not {kind}$"):
        as_tuple(other)
