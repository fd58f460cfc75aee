"""Drawing detections over a picture."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.nodes.draw import annotate
from pipelines.values import Boxes, Detections, Image, empty_detections


def found(*, masks: bool, scores: bool = True) -> Boxes:
    drawn = np.zeros((2, 120, 160), bool)
    drawn[0, 40:80, 20:60] = True
    drawn[1, 60:110, 90:150] = True
    return Detections(
        xyxy=np.array([[20, 40, 60, 80], [90, 60, 150, 110]], np.float32),
        mask=drawn if masks else None,
        confidence=np.array([0.875, 0.5], np.float32) if scores else None,
        data={"class_name": np.array(["dog", "cat"])},
    )


def grey(width: int = 160, height: int = 120) -> Image:
    return Image(np.full((height, width, 3), 128, np.uint8), np.full((height, width), 77, np.uint8), source="dog.png")


def changed(before: Image, after: Image) -> np.ndarray:
    return (before.pixels != after.pixels).any(axis=2)


def test_nothing_found_is_the_same_picture() -> None:
    image = grey()
    assert annotate(image, empty_detections((120, 160), masks=True)) is image


def test_masks_are_tinted_and_nothing_else() -> None:
    image, things = grey(), found(masks=True)
    touched = changed(image, annotate(image, things, outlines=False, labels=False))
    assert np.array_equal(touched, things.mask.any(axis=0))


def test_outlines_lie_on_the_boxes() -> None:
    image = grey()
    touched = changed(image, annotate(image, found(masks=False), labels=False))
    assert touched[40, 40]
    assert touched[60, 20]
    assert not touched[60, 40]


def test_colours_come_out_as_rgb_and_one_for_each_name() -> None:
    image, things = grey(), found(masks=True)
    plain = annotate(image, things, outlines=False, labels=False, opacity=1.0).pixels
    dog, cat = plain[60, 40].tolist(), plain[90, 120].tolist()
    same = annotate(
        image, replace(things, data={"class_name": np.array(["dog", "dog"])}), outlines=False, labels=False, opacity=1.0
    )
    assert dog != cat
    assert same.pixels[60, 40].tolist() == same.pixels[90, 120].tolist()
    import supervision as sv

    first = sv.ColorPalette.DEFAULT.by_idx(0)  # names are numbered in alphabetical order: cat, dog
    assert cat == [first.r, first.g, first.b]


@pytest.mark.parametrize("scores", [True, False])
def test_labels_are_written_with_scores_or_without(scores: bool) -> None:
    image, things = grey(), found(masks=False, scores=scores)
    assert changed(image, annotate(image, things, outlines=False)).any()


def test_letters_grow_with_the_picture() -> None:
    small, large = grey(160, 120), grey(1600, 1200)
    things = found(masks=False)
    on_large = replace(things, xyxy=things.xyxy * 10)
    few = changed(small, annotate(small, things, outlines=False)).sum()
    many = changed(large, annotate(large, on_large, outlines=False)).sum()
    assert many > 4 * few


def test_the_picture_keeps_its_alpha_and_its_source_and_is_not_drawn_on_itself() -> None:
    image = grey()
    before = image.pixels.copy()
    drawn = annotate(image, found(masks=True))
    assert np.array_equal(image.pixels, before)
    assert np.array_equal(drawn.alpha, image.alpha)
    assert drawn.source == "dog.png"


@pytest.mark.parametrize("names", [["", ""], ["Übergröße", "собака"]])
def test_any_name_can_be_drawn(names: list[str]) -> None:
    image, things = grey(), found(masks=False)
    drawn = annotate(image, replace(things, data={"class_name": np.array(names)}))
    assert changed(image, drawn).any()


def test_a_picture_of_one_pixel_can_be_drawn_on() -> None:
    one = Image(np.zeros((1, 1, 3), np.uint8))
    thing = Detections(xyxy=np.array([[0, 0, 1, 1]], np.float32), data={"class_name": np.array(["dog"])})
    assert annotate(one, thing).size == (1, 1)


def test_every_detection_can_have_a_colour_of_its_own() -> None:
    things = replace(found(masks=True), data={"class_name": np.array(["thing", "thing"])})
    for each in (False, True):
        drawn = annotate(grey(), things, outlines=False, labels=False, each=each).pixels
        assert np.array_equal(drawn[60, 40], drawn[80, 120]) != each
