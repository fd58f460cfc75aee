"""The judge: what it is shown, and what it says about the art it was trained to recognise."""

from __future__ import annotations

import numpy as np

from recipes.judge import load_judge
from recipes.judge.data import square
from recipes.judge.network import CLASSES
from recipes.world.backgrounds import gradient


def test_a_square_crop_keeps_the_centre_and_the_margin() -> None:
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[40:60, 30:70] = 255
    crop = square(picture, np.array([30, 40, 70, 60], np.float32), 0.25)
    assert crop.shape == (60, 60, 3)
    assert crop[20:40, 10:50].min() == 255
    assert crop.sum() == picture.sum()


def test_a_crop_ends_at_the_edge_of_the_picture() -> None:
    picture = np.zeros((50, 80, 3), np.uint8)
    assert square(picture, np.array([0, 0, 40, 40], np.float32), 0.25).shape == (50, 50, 3)


def test_probabilities_cover_all_classes_and_sum_to_one() -> None:
    said = load_judge().classify(np.zeros((30, 50, 3), np.uint8))
    assert tuple(said) == CLASSES
    assert abs(sum(said.values()) - 1) < 1e-5


def test_mere_background_is_something_else() -> None:
    judge = load_judge()
    seen = [judge.name(gradient(np.random.default_rng(seed), 64).astype(np.uint8)) for seed in range(12)]
    assert seen.count("other") >= 9
