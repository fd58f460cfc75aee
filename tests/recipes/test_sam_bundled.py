"""The bundled SAM, on shapes that no icon set holds."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from recipes.sam.evaluate import BUNDLED, evaluate
from recipes.world import Atlas, SceneSpec, Sprite
from sam_model.checkpoints import load_sam
from sam_model.predictor import Predictor

SPEC = SceneSpec(size=288, objects=(1, 2), scale=(0.25, 0.5), min_visible=0.95)


def shape(name: str, corners: list[tuple[int, int]], colour: tuple[int, int, int]) -> Sprite:
    """A filled polygon in one colour."""
    pixels = np.zeros((160, 160, 4), np.uint8)
    cv2.fillPoly(pixels, [np.array(corners, np.int32)], (*colour, 255), cv2.LINE_AA)
    return Sprite(name, "plain", name, (pixels,))


KITE = [(80, 2), (140, 60), (80, 158), (20, 60)]
ARROW = [(2, 60), (90, 60), (90, 10), (158, 80), (90, 150), (90, 100), (2, 100)]
STAIRS = [(2, 158), (2, 110), (55, 110), (55, 60), (105, 60), (105, 10), (158, 10), (158, 158)]
ATLAS = Atlas(
    (
        shape("kite", KITE, (220, 40, 40)),
        shape("arrow", ARROW, (40, 90, 210)),
        shape("stairs", STAIRS, (240, 200, 60)),
    )
)


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor(load_sam(BUNDLED))


def test_its_file_is_small_and_in_half_precision(predictor: Predictor) -> None:
    weights = sum(parameter.numel() for parameter in predictor.sam.parameters())
    assert (BUNDLED / "model.safetensors").stat().st_size < 2.1 * weights + 100_000


def test_it_cuts_out_shapes_from_their_boxes_and_finds_them_from_a_click(predictor: Predictor) -> None:
    figures = evaluate(predictor, ATLAS, SPEC, scenes=16)
    assert figures.box > 0.85
    assert figures.click > 0.7
