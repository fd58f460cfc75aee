"""Whole things among their parts, and a second opinion on boxes, by a CLIP that sees the strongest colour."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from pipelines.families import ModelSource
from pipelines.models import ModelPool
from pipelines.scope import Scope, use_scope
from pipelines.values import Detections, Image, empty_detections
from plugins.clip.crops import Framing
from plugins.clip.evidence import Evidence, groups, windows_of
from plugins.clip.models import Clip
from plugins.clip.nodes import confirm, things

COLOURS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1)}


class Strongest(Clip):
    """Where a twentieth of a picture is of one colour, the picture shows it: parts look like wholes, as often."""

    framing = Framing(context=0.0, fade=1.0)
    template = "{}"
    scale = 30.0

    def embed_images(self, pictures):
        return _unit(np.array([_seen(picture) for picture in pictures]).reshape(-1, 3))

    def embed_texts(self, texts):
        return _unit(np.array([COLOURS.get(text, (1, 1, 1)) for text in texts]))


def _seen(picture) -> tuple[float, float, float]:
    strong = [(picture[..., channel] > 250).mean() > 0.05 for channel in range(3)]
    return tuple(map(float, strong)) if any(strong) else (1.0, 1.0, 1.0)


def _unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def running(node, *inputs, **options):
    family = SimpleNamespace(
        name="clip",
        resolve=lambda ref, *, offline: ModelSource("clip", ref, ref, "r1"),
        load=lambda source, *, device, dtype: Strongest(),
    )
    with use_scope(Scope(pool=ModelPool(families={"clip": family}))):
        return node(*inputs, **options)


@pytest.fixture
def picture() -> Image:
    """Two red things and a green one, far from one another."""
    pixels = np.full((60, 200, 3), 127, np.uint8)
    pixels[20:40, 10:40] = pixels[20:40, 150:180] = (255, 0, 0)
    pixels[20:40, 80:110] = (0, 255, 0)
    return Image(pixels)


def masks_of(*boxes: tuple[int, int, int, int]) -> Detections:
    masks = np.zeros((len(boxes), 60, 200), bool)
    for mask, (left, top, right, bottom) in zip(masks, boxes, strict=True):
        mask[top:bottom, left:right] = True
    return Detections(xyxy=np.array(boxes, np.float32), mask=masks)


WHOLE, PART, OTHER, GREEN = (10, 20, 40, 40), (10, 20, 22, 40), (150, 20, 180, 40), (80, 20, 110, 40)


def test_the_whole_is_taken_and_not_its_part(picture):
    found = running(things, picture, masks_of(PART, WHOLE), "red.")
    assert found.xyxy.tolist() == [list(WHOLE)]
    assert found.data["class_name"].tolist() == ["red"]
    assert found.confidence[0] > 0.5


def test_a_poor_mask_of_one_phrase_stands_beside_a_good_one_of_another(picture):
    both = running(things, picture, masks_of(WHOLE, OTHER, (80, 20, 86, 26)), "red. green.", threshold=0.0)
    assert set(both.data["class_name"]) == {"red", "green"}


def test_boxes_go_around_the_masks_whatever_they_were_drawn_from(picture):
    guesses = masks_of(WHOLE)
    guesses.xyxy[:] = (0, 0, 90, 60)
    found = running(things, picture, guesses, "red.")
    assert found.xyxy.tolist() == [list(WHOLE)]


def test_of_a_group_its_members_are_taken(picture):
    both = masks_of(WHOLE, OTHER, WHOLE)
    both.mask[2] |= both.mask[1]
    found = running(things, picture, both, "red.")
    assert sorted(found.xyxy.tolist()) == [list(WHOLE), list(OTHER)]


def test_a_thing_is_no_group_of_its_parts_unless_they_make_it_up(picture):
    left, right, corner = (10, 20, 25, 40), (25, 20, 40, 40), (10, 20, 18, 30)
    alike = np.array([0.9, 0.9, 0.9], np.float32)
    assert groups(masks_of(WHOLE, left, right).mask, alike).tolist() == [True, False, False]
    assert not groups(masks_of(WHOLE, left, right).mask, np.array([0.9, 0.9, 0.4], np.float32)).any()
    assert not groups(masks_of(WHOLE, left, corner).mask, alike).any()
    assert not groups(masks_of(WHOLE, left, GREEN).mask, alike).any()
    assert not groups(masks_of(WHOLE, (10, 20, 30, 40), (18, 20, 40, 40)).mask, alike).any()


def test_an_empty_mask_shows_nothing(picture):
    assert len(running(things, picture, masks_of((5, 5, 5, 5)), "red.")) == 0


def test_each_thing_is_found_under_its_own_name(picture):
    found = running(things, picture, masks_of(PART, OTHER, WHOLE, GREEN), "red. green.")
    names = dict(zip(map(tuple, found.xyxy.astype(int).tolist()), found.data["class_name"].tolist(), strict=True))
    assert names == {WHOLE: "red", OTHER: "red", GREEN: "green"}


def test_of_two_masks_of_one_thing_one_stays(picture):
    found = running(things, picture, masks_of(WHOLE, (9, 19, 41, 41)), "red.")
    assert len(found) == 1


def test_at_most_so_many_of_a_phrase(picture):
    assert len(running(things, picture, masks_of(WHOLE, OTHER), "red.", top=1)) == 1


def test_what_is_not_there_is_not_found(picture):
    assert len(running(things, picture, masks_of(WHOLE, GREEN), "blue.")) == 0
    assert len(running(things, picture, empty_detections((60, 200), masks=True), "blue.")) == 0


def test_boxes_that_do_not_show_what_they_say_are_dropped(picture):
    boxes = Detections(
        xyxy=np.array([WHOLE, GREEN, OTHER], np.float32),
        confidence=np.array([0.4, 0.3, 0.2], np.float32),
        data={"class_name": np.array(["red", "red", "red"]), "instance_id": np.arange(3)},
    )
    kept = running(confirm, picture, boxes)
    assert kept.data["instance_id"].tolist() == [0, 2]
    np.testing.assert_array_equal(kept.confidence, np.array([0.4, 0.2], np.float32))


def found_twice(second_look: list[bool]) -> Detections:
    """Three things that are said to be red, of which the first two are green."""
    return Detections(
        xyxy=np.array([GREEN, GREEN, OTHER], np.float32),
        confidence=np.array([0.4, 0.3, 0.2], np.float32),
        data={"class_name": np.array(["red"] * 3), "second_look": np.array(second_look), "instance_id": np.arange(3)},
    )


def test_only_what_a_second_look_found_is_doubted(picture):
    kept = running(confirm, picture, found_twice([False, True, True]), doubted=True)
    assert kept.data["instance_id"].tolist() == [0, 2]


def test_where_nothing_is_doubted_no_model_is_asked(picture):
    with use_scope(Scope(pool=ModelPool(families={}))):
        assert len(confirm(picture, found_twice([False] * 3), doubted=True)) == 3
        unmarked = Detections(xyxy=np.array([GREEN], np.float32), data={"class_name": np.array(["red"])})
        assert len(confirm(picture, unmarked, doubted=True)) == 1


def test_no_boxes_need_no_second_opinion(picture):
    with use_scope(Scope(pool=ModelPool(families={}))):
        assert len(confirm(picture, empty_detections((60, 200), masks=False))) == 0


def test_windows_cover_the_whole_picture_in_every_size():
    seen = np.zeros((60, 200), int)
    sides = set()
    for left, top, right, bottom in windows_of(60, 200):
        assert right - left == bottom - top
        sides.add(right - left)
        seen[top:bottom, left:right] += 1
    assert sides == {60, 42, 30, 19}
    assert seen.min() >= len(sides)


def test_evidence_lies_where_the_thing_is(picture):
    evidence = Evidence(picture.pixels, ["green", "blue"], Strongest())
    green, blue = evidence.maps
    _, column = np.unravel_index(int(green.argmax()), green.shape)
    assert 80 <= column / green.shape[1] * 200 <= 110
    assert blue.max() < 0.1


def test_the_mask_that_covers_the_evidence_fits_best(picture):
    evidence = Evidence(picture.pixels, ["green"], Strongest())
    part, whole, far = (evidence.fit(mask, 0) for mask in masks_of((80, 20, 86, 26), GREEN, OTHER).mask)
    assert far < part < whole
