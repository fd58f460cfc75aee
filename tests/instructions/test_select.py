"""Which of the things found a plan means."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.errors import PortError
from pipelines.values import Detections, EditPlan, Image, empty_detections
from plugins.instructions.grammar import parse_instruction
from plugins.instructions.hues import names_of_pixels
from plugins.instructions.nodes import select, select_masks

WIDTH, HEIGHT = 200, 100
COLOURS = {"red": (200, 30, 30), "green": (40, 160, 60), "blue": (40, 70, 200), "sand": (210, 190, 150)}


def picture(**painted: tuple[str, tuple[int, int, int, int]]) -> Image:
    """Sand, with rectangles painted on it."""
    pixels = np.full((HEIGHT, WIDTH, 3), COLOURS["sand"], np.uint8)
    for colour, (left, top, right, bottom) in painted.values():
        pixels[top:bottom, left:right] = COLOURS[colour]
    return Image(pixels)


def found(**boxes: tuple[int, int, int, int]) -> Detections:
    """Things by name; `dog_2` is another dog. The later, the less sure; ids count from 10."""
    masks = np.zeros((len(boxes), HEIGHT, WIDTH), bool)
    for mask, (left, top, right, bottom) in zip(masks, boxes.values(), strict=True):
        mask[top:bottom, left:right] = True
    return Detections(
        xyxy=np.array(list(boxes.values()), np.float32),
        mask=masks,
        confidence=np.linspace(0.9, 0.5, len(boxes), dtype=np.float32),
        data={
            "class_name": np.array([name.split("_")[0] for name in boxes]),
            "instance_id": np.arange(len(boxes)) + 10,
        },
    )


# A large dog far right, a small one far left, one between them higher up; two cars; a tree right of the middle.
SCENE = found(
    dog_1=(160, 20, 195, 60),
    dog_2=(5, 50, 15, 60),
    dog_3=(70, 10, 90, 30),
    car_1=(20, 70, 60, 90),
    car_2=(100, 70, 140, 90),
    tree=(95, 5, 110, 60),
)
ROWS = {"right": 10, "left": 11, "between": 12, "red car": 13, "blue car": 14}
PHOTO = picture(first=("red", (20, 70, 60, 90)), second=("blue", (100, 70, 140, 90)))


def chosen(sentence: str, scene: Detections = SCENE, image: Image = PHOTO) -> list[tuple[int, int]]:
    """(edit, instance id) of what a sentence means."""
    kept = select_masks(image, scene, parse_instruction(sentence))
    return list(zip(kept.data["edit"].tolist(), kept.data["instance_id"].tolist(), strict=True))


def ids(sentence: str) -> list[int]:
    return [number for _, number in chosen(sentence)]


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ("the dog", [10, 11, 12]),
        ("all dogs", []),  # the detector was asked for "dog", and the names are the user's words
        ("every dog", [10, 11, 12]),
        ("the left-most dog", [11]),
        ("the dog on the right", [10]),
        ("the second dog from the right", [12]),
        ("the second dog", [12]),
        ("the last dog", [10]),
        ("the fourth dog", []),
        ("the first two dog", [11, 12]),
        ("the top dog", [12]),
        ("the bottom dog", [11]),
        ("the middle dog", [12]),
        ("the largest dog", [10]),
        ("the smallest dog", [11]),
        ("the second largest dog", [12]),
        ("one dog", [10]),
        ("two dog", [10, 11]),
        ("every dog on the left", [11, 12]),
        ("every dog at the top", [10, 12]),
        ("the red car", [13]),
        ("the dark blue car", [14]),
        ("the green car", []),
        ("the dog next to the tree", [12]),
        ("the dog to the right of the tree", [10]),
        ("the dog left of the tree", [12]),
        ("the car below the tree", [14]),
        ("the dog above the tree", [12]),
        ("the dog next to the house", []),
        ("the horse", []),
    ],
)
def test_words_choose_among_what_was_found(which: str, expected: list[int]) -> None:
    assert ids(f"remove {which}") == expected


def test_selectors_apply_one_after_the_other() -> None:
    scene = found(car_1=(10, 10, 60, 40), car_2=(70, 10, 90, 30), car_3=(120, 10, 160, 40))
    photo = picture(a=("blue", (10, 10, 60, 40)), b=("red", (70, 10, 90, 30)), c=("red", (120, 10, 160, 40)))
    assert chosen("remove the largest red car", scene, photo) == [(0, 12)]
    assert chosen("remove the first red car", scene, photo) == [(0, 11)]


def test_all_that_touch_a_thing_are_equally_near() -> None:
    scene = found(cup_1=(40, 40, 50, 50), cup_2=(90, 40, 99, 50), cup_3=(150, 5, 160, 15), table=(30, 48, 120, 80))
    assert chosen("remove the cup on the table", scene) == [(0, 10), (0, 11)]


def test_each_edit_has_its_own_and_the_order_is_the_plans() -> None:
    assert chosen("make the red car green and remove the left dog") == [(0, 13), (1, 11)]
    assert chosen("make the left dog red and add a hat to the left dog") == [(0, 11), (1, 11)]


def test_what_is_gone_is_not_changed_again_and_what_is_kept_not_at_all() -> None:
    assert chosen("remove the left dog and make the dog red") == [(0, 11), (1, 10), (1, 12)]
    assert chosen("remove the largest dog and keep the right dog") == [(1, 10)]


def test_the_middle_of_two_is_the_one_nearer_to_the_pictures_middle() -> None:
    assert chosen("remove the middle dog", found(dog_1=(0, 0, 10, 10), dog_2=(80, 0, 95, 10))) == [(0, 11)]


def test_every_other_column_stays() -> None:
    kept = select_masks(PHOTO, SCENE, parse_instruction("remove the left dog"))
    assert kept.confidence.tolist() == [SCENE.confidence[1]]
    assert kept.data["class_name"].tolist() == ["dog"]
    np.testing.assert_array_equal(kept.mask[0], SCENE.mask[1])


@pytest.mark.parametrize("masks", [True, False])
def test_of_nothing_nothing_is_meant(masks: bool) -> None:
    node = select_masks if masks else select
    kept = node(PHOTO, empty_detections((HEIGHT, WIDTH), masks=masks), parse_instruction("remove the red dog"))
    assert len(kept) == 0
    assert kept.data["edit"].dtype == np.int64


def test_without_masks_the_middle_of_the_box_has_the_colour() -> None:
    boxes = Detections(
        xyxy=np.array([[8, 8, 52, 52], [90, 5, 140, 45]], np.float32),
        data={"class_name": np.array(["ball", "ball"]), "instance_id": np.array([0, 1])},
    )
    photo = picture(ball=("green", (15, 15, 45, 45)), other=("red", (100, 10, 130, 40)))
    kept = select(photo, boxes, parse_instruction("remove the green ball"))
    assert kept.data["instance_id"].tolist() == [0]


def test_a_box_outside_of_the_picture_has_no_colour() -> None:
    boxes = Detections(xyxy=np.array([[300, 300, 320, 320]], np.float32), data={"class_name": np.array(["ball"])})
    assert len(select(PHOTO, boxes, parse_instruction("remove the red ball"))) == 0


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((220, 20, 30), "red"),
        ((120, 0, 0), "red"),
        ((255, 140, 0), "orange"),
        ((240, 220, 40), "yellow"),
        ((30, 140, 50), "green"),
        ((150, 220, 120), "green"),
        ((30, 60, 200), "blue"),
        ((130, 200, 250), "blue"),
        ((110, 40, 160), "purple"),
        ((255, 105, 180), "pink"),
        ((255, 182, 193), "pink"),
        ((110, 70, 35), "brown"),
        ((150, 100, 60), "brown"),
        ((15, 15, 20), "black"),
        ((128, 128, 130), "grey"),
        ((250, 250, 248), "white"),
    ],
)
def test_a_pixel_has_the_name_that_people_give_it(rgb: tuple[int, int, int], name: str) -> None:
    assert names_of_pixels(np.array([rgb], np.uint8)).tolist() == [name]


def test_masks_of_another_picture_are_refused() -> None:
    with pytest.raises(PortError, match="the masks are of a picture of 200×100, this one is 10×10"):
        select_masks(Image(np.zeros((10, 10, 3), np.uint8)), SCENE, EditPlan("", ()))
