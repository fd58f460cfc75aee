"""What is added to a picture, and new backgrounds: where they are painted and what stays as it was."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from studio import PINK, OneColour, detections, noise, studio

from pipelines.values import Edit, EditPlan, empty_detections
from plugins.instructions.grammar import parse_instruction
from plugins.instructions.nodes import select_masks
from plugins.stable_diffusion.masks import Box
from plugins.stable_diffusion.nodes import edit
from plugins.stable_diffusion.placing import place_alone, place_beside

BESIDE = ("beside", "left", "right", "above", "below")
SIZE = (100, 200)


@st.composite
def boxes(draw, height=SIZE[0], width=SIZE[1]) -> Box:
    x0, y0 = draw(st.integers(0, width - 8)), draw(st.integers(0, height - 8))
    return Box(x0, y0, draw(st.integers(x0 + 4, min(width, x0 + 60))), draw(st.integers(y0 + 4, min(height, y0 + 40))))


@given(boxes(), st.lists(boxes(), max_size=4), st.sampled_from([*BESIDE, "on", "in", "in front", "behind", "top left"]))
def test_a_place_lies_in_the_picture(thing, others, position) -> None:
    box = place_beside(position, thing, others, SIZE)
    assert box == box.clipped(*SIZE)
    assert box.area > 0


@given(boxes(), st.sampled_from(BESIDE))
def test_a_place_beside_a_thing_does_not_cover_it_where_there_is_room(thing, position) -> None:
    middle = Box(thing.x0 + 200, thing.y0 + 100, thing.x1 + 200, thing.y1 + 100)
    assert place_beside(position, middle, [], (3 * SIZE[0], 3 * SIZE[1])).covered_by(middle) == 0


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        ("left", Box(57, 40, 77, 60)),
        ("right", Box(103, 40, 123, 60)),
        ("above", Box(80, 17, 100, 37)),
        ("below", Box(80, 63, 100, 83)),
        ("on", Box(85, 32, 95, 42)),
        ("in", Box(85, 45, 95, 55)),
        ("in front", Box(84, 48, 96, 60)),
    ],
)
def test_a_place_has_the_things_size_and_the_wanted_side(position, expected) -> None:
    assert place_beside(position, Box(80, 40, 100, 60), [], SIZE) == expected


def test_beside_is_on_the_side_that_is_free_and_smaller_where_room_is_short() -> None:
    thing = Box(60, 40, 100, 80)
    assert place_beside("beside", thing, [Box(101, 0, 200, 100)], SIZE).x1 <= thing.x0
    narrow = place_beside("beside", thing, [Box(135, 0, 200, 100), Box(0, 0, 50, 100)], SIZE)
    assert (narrow.x1 - narrow.x0, narrow.covered_by(thing)) == (30, 0)


@given(st.lists(boxes(), max_size=3))
def test_what_is_added_to_the_picture_goes_where_nothing_is(others) -> None:
    box = place_alone(None, others, SIZE)
    assert all(box.covered_by(other) == 0 for other in others)


def test_a_corner_of_the_picture_is_a_place() -> None:
    assert place_alone("top left", [], SIZE) == Box(0, 0, 33, 33)
    assert place_alone("bottom", [], SIZE) == Box(83, 67, 116, 100)


def carried_out(sentence, image, found, model):
    plan = parse_instruction(sentence)
    with studio(model):
        edited = edit(image, select_masks(image, found, plan), plan)
    return edited.image.pixels, json.loads(edited.report)


def test_what_is_added_beside_a_thing_is_painted_and_the_things_stay_to_the_bit() -> None:
    image, found, model = noise(*SIZE), detections(SIZE, dog=(80, 40, 100, 60)), OneColour()
    pixels, report = carried_out("add a ball to the left of the dog", image, found, model)
    assert [brush.prompt for *_, brush in model.asked] == ["a photo of a ball"]
    assert (pixels[40:60, 57:77] == PINK).all()
    np.testing.assert_array_equal(pixels[found.mask[0]], image.pixels[found.mask[0]])
    assert report["verify"]["changed_outside"] == report["verify"]["unchanged_inside"] == 0
    assert report["edits"][0]["painted"][0]["region"] == [54, 37, 80, 63]


def test_what_is_put_on_a_thing_covers_it_but_no_other() -> None:
    image = noise(*SIZE)
    found = detections(SIZE, dog=(80, 40, 120, 80), cat=(80, 36, 99, 40))
    pixels, _ = carried_out("add a hat to the dog and keep the cat", image, found, OneColour())
    assert (pixels[40:42, 91:109] == PINK).all()
    np.testing.assert_array_equal(pixels[found.mask[1]], image.pixels[found.mask[1]])


def test_something_is_added_to_each_of_several_things_and_to_none_that_is_not_there() -> None:
    found = detections(SIZE, dog=(20, 40, 40, 60), dog_2=(150, 40, 170, 60))
    model = OneColour()
    carried_out("add a ball next to the dog", noise(*SIZE), found, model)
    assert len(model.asked) == 2
    image = noise(*SIZE)
    pixels, report = carried_out("add a ball next to the cat", image, found, model)
    assert (report["edits"][0]["found"], report["verify"]["changed_pixels"]) == (0, 0)
    np.testing.assert_array_equal(pixels, image.pixels)


def test_a_thing_is_added_to_a_picture_in_which_nothing_was_looked_for() -> None:
    pixels, report = carried_out("add a bird", noise(*SIZE), empty_detections(SIZE, masks=True), OneColour())
    assert (pixels[33:66, 83:116] == PINK).all()
    assert len(report["edits"][0]["painted"]) == 1


@pytest.mark.parametrize(
    "sentence", ["keep the dog and change the background to a beach", "change the background behind the dog to a beach"]
)
def test_a_new_background_leaves_every_pixel_of_the_kept_and_none_of_the_old_background(sentence) -> None:
    image, found = noise(*SIZE), detections(SIZE, dog=(80, 40, 100, 60))
    pixels, report = carried_out(sentence, image, found, OneColour())
    np.testing.assert_array_equal(pixels[found.mask[0]], image.pixels[found.mask[0]])
    assert (pixels[~found.mask[0]] == PINK).all()
    assert report["verify"]["changed_outside"] == report["verify"]["unchanged_inside"] == 0


def test_nothing_changes_where_nothing_to_be_kept_was_found() -> None:
    image = noise(*SIZE)
    found = empty_detections(SIZE, masks=True)
    pixels, _ = carried_out("keep the dog and change the background to a beach", image, found, OneColour())
    np.testing.assert_array_equal(pixels, image.pixels)


def test_a_plain_background_is_painted_without_a_model() -> None:
    image, found = noise(*SIZE), detections(SIZE, dog=(80, 40, 100, 60))
    pixels, report = carried_out("keep the dog and make the background white", image, found, None)
    assert (pixels[~found.mask[0]] == 255).all()
    np.testing.assert_array_equal(pixels[found.mask[0]], image.pixels[found.mask[0]])
    assert report["model"] is None


def test_a_background_is_painted_before_what_stands_in_front_of_it() -> None:
    model = OneColour()
    found = detections(SIZE, dog=(80, 40, 100, 60))
    carried_out("replace the dog with a cat and change the background to a beach", noise(*SIZE), found, model)
    assert [brush.prompt for *_, brush in model.asked] == ["a photo of a beach", "a photo of a cat"]


def test_a_thing_that_two_edits_mean_can_be_added_to() -> None:
    found = detections(SIZE, dog=(80, 40, 120, 80), dog_2=(80, 40, 120, 80))
    found.data["edit"] = np.array([0, 1])
    plan = EditPlan("", (Edit("recolour", "dog", "red", (0, 0)), Edit("add", "dog", "hat", (0, 0), position="on")))
    with studio(OneColour()):
        pixels = edit(noise(*SIZE), found, plan).image.pixels
    assert (pixels[40:44, 92:108] == PINK).all()


def test_the_command_says_what_was_added_also_where_nothing_had_to_be_found() -> None:
    from pipelines.command.ready_made import _summary

    _, alone = carried_out("add a bird", noise(*SIZE), empty_detections(SIZE, masks=True), OneColour())
    _, beside = carried_out("add a hat to the dog", noise(*SIZE), detections(SIZE, dog=(80, 40, 120, 80)), OneColour())
    assert (_summary(alone), _summary(beside)) == ("add bird: added", "add hat to dog: 1 found")
