"""Thresholds of everything mode are held against what was found."""

import numpy as np
import pytest

from recipes.sam.everything import LEAST_IOU, LEAST_STABILITY, Found, table


def test_a_pair_of_thresholds_keeps_the_masks_that_pass_both():
    found = Found(np.array([[0.9, 0.6, 0.2]]), np.array([0.9, 0.55, 0.9]), np.array([0.95, 0.95, 0.6]))
    assert found.kept(0.5, 0.7).tolist() == [[0.9, 0.6]]
    assert found.kept(0.6, 0.7).tolist() == [[0.9]]
    assert found.kept(0.8, 0.5).tolist() == [[0.9, 0.2]]


def test_a_line_tells_things_found_masks_and_how_many_of_them_are_things():
    found = [
        Found(np.array([[0.8, 0.1], [0.0, 0.6]]), np.array([0.95, 0.45]), np.array([0.95, 0.95])),
        Found(np.zeros((1, 0)), np.zeros(0), np.zeros(0)),
    ]
    lines = [line.strip("|").split("|") for line in table(found)]
    assert len(lines) == len(LEAST_IOU) * len(LEAST_STABILITY)
    assert [float(cell) for cell in lines[0]] == pytest.approx([0.3, 0.5, 2 / 3, 1 / 3, 1.4 / 3, 1.0, 1.0], abs=5e-4)
    assert [float(cell) for cell in lines[-1]] == pytest.approx([0.8, 0.9, 1 / 3, 1 / 3, 0.8 / 3, 0.5, 1.0], abs=5e-4)
