"""A thing's shadow: found where the ground is darker and touches it, and nowhere else."""

from __future__ import annotations

import json

import numpy as np
import pytest
from studio import PINK, OneColour, detections, studio

from pipelines.values import Image
from plugins.instructions.grammar import parse_instruction
from plugins.stable_diffusion.nodes import edit
from plugins.stable_diffusion.shadows import with_shadow

GROUND, SIZE = np.array([180, 160, 120]), (120, 160)


def ellipse(x: float, y: float, across: float, down: float) -> np.ndarray:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return ((columns - x) / across) ** 2 + ((rows - y) / down) ** 2 < 1


BALL = ellipse(70, 50, 20, 20)
SHADOW = ellipse(85, 70, 25, 6) & ~BALL


def scene(*shadows: np.ndarray, darkness: float = 0.6) -> np.ndarray:
    """A red ball on rough ground."""
    light = np.ones(SIZE)
    for shadow in shadows:
        light[shadow] = darkness
    rough = np.random.default_rng(0).normal(0, 4, (*SIZE, 1))
    pixels = np.clip(GROUND * light[..., None] + rough, 0, 255).astype(np.uint8)
    pixels[BALL] = (200, 30, 30)
    return pixels


def test_a_shadow_is_found_and_little_else() -> None:
    found = with_shadow(scene(SHADOW), BALL)
    assert found[BALL].all()
    assert found[SHADOW].mean() > 0.95
    assert found[~BALL & ~SHADOW].mean() < 0.005


@pytest.mark.parametrize(
    "pixels",
    [
        scene(),
        scene(ellipse(70, 108, 25, 6)),
        scene(ellipse(70, 15, 25, 12)),
        scene(ellipse(70, 85, 80, 30)),
        np.where(SHADOW[..., None], np.uint8([20, 60, 160]), scene()).astype(np.uint8),
    ],
    ids=["none", "apart", "above", "darker ground", "a blue puddle"],
)
def test_what_is_no_shadow_of_it_is_left_alone(pixels) -> None:
    np.testing.assert_array_equal(with_shadow(pixels, BALL), BALL)


def test_at_the_border_and_over_the_whole_picture_there_is_no_error() -> None:
    corner = np.zeros(SIZE, bool)
    corner[-1, -1] = True
    for mask in (corner, np.ones(SIZE, bool)):
        assert with_shadow(scene(), mask)[mask].all()


@pytest.mark.parametrize(("sentence", "goes"), [("remove the ball and its shadow", True), ("remove the ball", False)])
def test_a_sentence_says_that_a_things_shadow_goes_with_it(sentence, goes) -> None:
    found = detections(SIZE, ball=(50, 30, 90, 70))
    found.mask[0] = BALL
    plan = parse_instruction(sentence)
    assert plan.targets == "ball."
    with studio(OneColour()):
        edited = edit(Image(scene(SHADOW)), found, plan)
    assert bool((edited.image.pixels[SHADOW] == PINK).all(axis=1).mean() > 0.95) is goes


def test_a_kept_things_shadow_is_kept_with_it() -> None:
    found = detections(SIZE, ball=(50, 30, 90, 70))
    found.mask[0] = BALL
    before = scene(SHADOW)
    with studio(OneColour()):
        after = edit(
            Image(before), found, parse_instruction("keep the ball and its shadow, replace the background with a beach")
        )
    assert (after.image.pixels[SHADOW] == before[SHADOW]).all(axis=1).mean() > 0.95
    assert (after.image.pixels[:10] == PINK).all()


@pytest.mark.parametrize("shadows", [True, False])
def test_what_is_removed_takes_its_shadow_with_it_where_wanted(shadows) -> None:
    found = detections(SIZE, ball=(50, 30, 90, 70))
    found.mask[0] = BALL
    with studio(OneColour()):
        edited = edit(Image(scene(SHADOW)), found, parse_instruction("remove the ball"), shadows=shadows)
    assert bool((edited.image.pixels[SHADOW] == PINK).all(axis=1).mean() > 0.95) is shadows
    report = json.loads(edited.report)
    assert report["verify"]["changed_outside"] == 0
    assert ("shadows" in report["edits"][0]) is shadows
    if shadows:
        assert report["edits"][0]["shadows"][0] == pytest.approx(SHADOW.sum(), rel=0.1)
        assert "remark" not in report["edits"][0]


def test_the_report_says_that_there_was_no_shadow() -> None:
    found = detections(SIZE, ball=(50, 30, 90, 70))
    found.mask[0] = BALL
    with studio(OneColour()):
        edited = edit(Image(scene()), found, parse_instruction("remove the ball and its shadow"))
    (told,) = json.loads(edited.report)["edits"]
    assert told["shadows"] == [0]
    assert told["remark"] == "no shadow was found of 1 of 1"
