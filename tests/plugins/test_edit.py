"""`stable_diffusion/edit` with a model that paints one colour: what changes, and above all what does not."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from studio import PINK, OneColour, detections, noise, plan_of, studio

from pipelines.errors import InstructionError, PortError
from pipelines.values import Detections, Edit, EditPlan, Image, empty_detections
from plugins.stable_diffusion.models import Advice
from plugins.stable_diffusion.nodes import edit


def test_nothing_found_gives_back_the_very_same_picture() -> None:
    image = noise(20, 30)
    found = detections((20, 30), cat=(2, 2, 9, 9))
    for masks in (empty_detections((20, 30), masks=True), found):
        edited = edit(image, masks, plan_of(("replace", "dog", "cat")))
        assert edited.image is image
        assert json.loads(edited.report)["edits"][0]["found"] == 0


def test_what_a_second_look_found_is_told_with_its_score() -> None:
    image = noise(40, 60)
    found = detections((40, 60), dog=(2, 2, 9, 9), leash=(30, 30, 36, 36))
    found.confidence = np.array([0.8, 0.1234], np.float32)
    found.data["second_look"] = np.array([False, True])
    with studio(OneColour()):
        edited = edit(image, found, plan_of(("replace", "dog", "cat"), ("remove", "leash", None)))
    dog, leash = json.loads(edited.report)["edits"]
    assert (dog["second_look"], "remark" in dog) == ([], False)
    assert (leash["second_look"], leash["remark"]) == ([0.1234], "found on a second look, score 0.12")


@pytest.mark.parametrize(
    ("thing", "known"),
    [("a red Cat", True), ("kittens", True), ("glasses", True), ("catalogue", False), ("dragon", False)],
)
def test_what_a_small_model_cannot_draw_is_remarked_on(thing, known) -> None:
    painter = OneColour()
    painter.advice = Advice(things=("cat", "kitten", "glass"))
    with studio(painter):
        edited = edit(noise(40, 60), detections((40, 60), dog=(2, 2, 9, 9)), plan_of(("replace", "dog", thing)))
    told = json.loads(edited.report)["edits"][0]
    assert told.get("not_learnt", []) == ([] if known else [thing])
    assert told.get("remark", "") == ("" if known else f"the model has not learnt to draw '{thing}'")


def test_of_a_model_that_lists_nothing_nobody_says_what_it_cannot_draw() -> None:
    assert Advice().can_draw("dragon")


@settings(max_examples=60)
@given(
    masks=arrays(
        np.bool_, st.tuples(st.integers(1, 3), st.integers(1, 40), st.integers(1, 40)), elements=st.booleans()
    ),
    action=st.sampled_from(["replace", "remove"]),
)
def test_outside_the_painted_regions_not_one_bit_changes_and_the_old_things_are_gone(masks, action) -> None:
    image = noise(*masks.shape[1:])
    found = Detections(
        xyxy=np.zeros((len(masks), 4), np.float32), mask=masks, data={"class_name": np.array(["dog"] * len(masks))}
    )
    with studio(OneColour()):
        edited = edit(image, found, plan_of((action, "dog", "cat")))
    verified = json.loads(edited.report)["verify"]
    assert verified["changed_outside"] == 0
    assert verified["unchanged_inside"] == 0
    assert (edited.image.pixels[masks.any(axis=0)] == PINK).all()


def test_every_instance_is_painted_and_no_other_class() -> None:
    image = noise(100, 200)
    found = detections((100, 200), dog=(10, 40, 30, 60), cat=(90, 40, 110, 60), dog_2=(160, 40, 180, 60))
    with studio(OneColour()):
        edited = edit(image, found, plan_of(("replace", "Dog", "fox")))
    assert (edited.image.pixels[found.mask[0] | found.mask[2]] == PINK).all()
    np.testing.assert_array_equal(edited.image.pixels[found.mask[1]], image.pixels[found.mask[1]])


def test_things_that_were_selected_for_an_edit_are_its_own_whatever_their_name() -> None:
    image = noise(100, 200)
    found = detections((100, 200), dog=(10, 40, 30, 60), dog_2=(160, 40, 180, 60))
    found.data["edit"] = np.array([1, 0])
    model = OneColour()
    with studio(model):
        edited = edit(image, found, plan_of(("replace", "dog", "fox"), ("replace", "dog", "cow")))
    painted = [each["painted"] for each in json.loads(edited.report)["edits"]]
    assert [[stroke["instances"] for stroke in strokes] for strokes in painted] == [[[1]], [[0]]]
    assert [brush.prompt for *_, brush in model.asked] == ["a photo of a fox", "a photo of a cow"]


def test_what_is_kept_stays_to_the_bit_also_within_what_is_painted() -> None:
    image = noise(100, 200)
    found = detections((100, 200), dog=(40, 40, 60, 60), leash=(10, 35, 90, 65))
    with studio(OneColour()):
        edited = edit(image, found, plan_of(("remove", "leash", None), ("keep", "dog", None)))
    np.testing.assert_array_equal(edited.image.pixels[found.mask[0]], image.pixels[found.mask[0]])
    assert (edited.image.pixels[found.mask[1] & ~found.mask[0]] == PINK).all()
    verified = json.loads(edited.report)["verify"]
    assert (verified["changed_outside"], verified["unchanged_inside"]) == (0, 0)


def test_what_lies_under_the_kept_alone_is_not_painted() -> None:
    image, model = noise(60, 60), OneColour()
    found = detections((60, 60), dog=(10, 10, 50, 50), leash=(20, 20, 30, 30))
    with studio(model):
        edited = edit(image, found, plan_of(("keep", "dog", None), ("replace", "leash", "rope")))
    assert model.asked == []
    np.testing.assert_array_equal(edited.image.pixels, image.pixels)


def test_things_far_apart_are_painted_in_squares_of_their_own_with_seeds_of_their_own() -> None:
    model = OneColour()
    found = detections((100, 200), dog=(10, 40, 30, 60), dog_2=(160, 40, 180, 60), dog_3=(168, 42, 190, 58))
    with studio(model):
        edited = edit(noise(100, 200), found, plan_of(("replace", "dog", "fox")), seed=7)
    painted = json.loads(edited.report)["edits"][0]["painted"]
    assert [stroke["instances"] for stroke in painted] == [[0], [1, 2]]
    assert [stroke["seed"] for stroke in painted] == [7, 8]
    assert [brush.seed for *_, brush in model.asked] == [7, 8]


def test_a_later_edit_sees_what_an_earlier_one_painted() -> None:
    model = OneColour()
    found = detections((60, 60), dog=(10, 10, 30, 30), cat=(32, 10, 50, 30))
    with studio(model):
        edit(noise(60, 60), found, plan_of(("remove", "dog", None), ("replace", "cat", "fox")))
    second_square = model.asked[1][0]
    assert (second_square == PINK).all(axis=2).any()


class Copyist(OneColour):
    """Paints pink in the middle of the square, and around it what was there."""

    def inpaint(self, pixels, mask, brush, *, on_step):
        copy = pixels.copy()
        copy[12:20, 12:20] = PINK
        return copy


def test_what_the_model_left_as_it_was_around_the_thing_keeps_its_own_pixels() -> None:
    image = noise(200, 200)
    found = detections((200, 200), dog=(50, 50, 150, 150))
    y, x = np.mgrid[:200, :200]
    found.mask[0] &= np.hypot(y - 100, x - 100) < 20
    found.mask[0][50, 100] = found.mask[0][100, 50] = found.mask[0][149, 100] = found.mask[0][100, 149] = True
    with studio(Copyist()):
        after = edit(image, found, plan_of(("replace", "dog", "cat"))).image.pixels
    assert (after[95:105, 95:105] == PINK).all()
    np.testing.assert_array_equal(after[46:60, 46:60], image.pixels[46:60, 46:60])


@pytest.mark.parametrize(
    ("replacement", "advice"),
    [("beach", "does not say what is to stay. Try 'keep the dog and"), (None, "does not say what is to be there")],
)
def test_a_background_of_nothing_and_one_without_a_description_are_refused_in_one_line(replacement, advice) -> None:
    sentence = "please change the background"
    plan = EditPlan(sentence, (Edit("background", "background", replacement, (7, len(sentence))),))
    with pytest.raises(InstructionError, match=rf"^'change the background' {advice}.*$"):
        edit(noise(20, 20), empty_detections((20, 20), masks=True), plan)


def test_masks_of_another_picture_are_refused() -> None:
    with pytest.raises(PortError, match="the masks are of a picture of 30×20, this one is 30×21"):
        edit(noise(21, 30), detections((20, 30), dog=(2, 2, 9, 9)), plan_of(("remove", "dog", None)))


def test_what_a_safety_checker_withholds_leaves_the_picture_as_it_was() -> None:
    image = noise(60, 60)
    with studio(OneColour(withholds=True)):
        edited = edit(image, detections((60, 60), dog=(20, 20, 40, 40)), plan_of(("replace", "dog", "cat")))
    np.testing.assert_array_equal(edited.image.pixels, image.pixels)
    assert json.loads(edited.report)["edits"][0]["painted"][0]["withheld"]


def test_everything_but_the_pixels_is_kept() -> None:
    alpha = np.full((60, 60), 77, np.uint8)
    image = Image(noise(60, 60).pixels, alpha=alpha, source="in.png", icc_profile=b"icc", exif=b"exif", offset=(3, 4))
    with studio(OneColour()):
        after = edit(image, detections((60, 60), dog=(20, 20, 40, 40)), plan_of(("remove", "dog", None))).image
    assert (after.source, after.icc_profile, after.exif, after.offset) == ("in.png", b"icc", b"exif", (3, 4))
    np.testing.assert_array_equal(after.alpha, alpha)
