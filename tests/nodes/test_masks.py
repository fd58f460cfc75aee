"""Mask algebra."""

import numpy as np
import pytest

from pipelines.errors import PortError
from pipelines.nodes import masks
from pipelines.values import Detections, Image, Mask, empty_detections

HALF = np.float32(0.5)


def drawn(*rows: str) -> Mask:
    return Mask(np.array([[letter == "#" for letter in row] for row in rows]))


def text(mask: Mask) -> tuple[str, ...]:
    assert mask.array.dtype == np.bool_
    return tuple("".join("#" if cell else "." for cell in row) for row in mask.array)


def soft(*values: float) -> Mask:
    return Mask(np.array([values], np.float32))


def square(side: int, inner: int) -> Mask:
    array = np.zeros((side, side), bool)
    start = (side - inner) // 2
    array[start : start + inner, start : start + inner] = True
    return Mask(array)


LEFT, RIGHT = drawn("##..", "##.."), drawn(".##.", "....")


def test_algebra_of_regions() -> None:
    assert text(masks.union(LEFT, RIGHT)) == ("###.", "##..")
    assert text(masks.intersect(LEFT, RIGHT)) == (".#..", "....")
    assert text(masks.subtract(LEFT, RIGHT)) == ("#...", "##..")
    assert text(masks.invert(LEFT)) == ("..##", "..##")


def test_algebra_of_soft_masks_keeps_their_values() -> None:
    a, b = soft(0.0, 0.25, 1.0), soft(0.5, 0.75, 0.25)
    assert masks.union(a, b).array.tolist() == [[0.5, 0.75, 1.0]]
    assert masks.intersect(a, b).array.tolist() == [[0.0, 0.25, 0.25]]
    assert masks.subtract(a, b).array.tolist() == [[0.0, 0.25, 0.75]]
    assert masks.invert(a).array.tolist() == [[1.0, 0.75, 0.0]]


def test_a_region_and_a_soft_mask_make_a_soft_mask() -> None:
    mixed = masks.intersect(drawn("##."), soft(0.5, 1.0, 1.0))
    assert mixed.array.dtype == np.float32
    assert mixed.array.tolist() == [[0.5, 1.0, 0.0]]


def test_masks_of_different_pictures_do_not_combine() -> None:
    with pytest.raises(PortError) as caught:
        masks.union(LEFT, drawn("#"))
    expected = "the masks belong to pictures of different sizes, 4 by 2 and 1 by 1: combine masks of one picture."
    assert str(caught.value) == expected


def test_merging_instances_never_wraps_around() -> None:
    stack = np.ones((300, 2, 2), bool)
    stack[:, 0, 0] = False
    merged = masks.merge(Detections(xyxy=np.zeros((300, 4), np.float32), mask=stack))
    assert text(merged) == (".#", "##")


def test_of_no_instances_the_merged_region_is_empty() -> None:
    assert text(masks.merge(empty_detections((1, 3), masks=True))) == ("...",)


def test_boxes_become_masks_of_every_pixel_they_touch_and_stay_themselves() -> None:
    boxes = Detections(
        xyxy=np.array([[0.5, 0.2, 2.0, 1.0], [-5, -5, 1, 9], [7, 0, 9, 1]], np.float32),
        confidence=np.array([0.5, 0.25, 0.125], np.float32),
        data={"class_name": np.array(["dog", "cat", "bee"])},
    )
    filled = masks.from_boxes(Image(np.zeros((2, 4, 3), np.uint8)), boxes)
    assert [text(Mask(mask)) for mask in filled.mask] == [("##..", "...."), ("#...", "#..."), ("....", "....")]
    assert filled.data["class_name"].tolist() == ["dog", "cat", "bee"]
    assert filled.confidence.tolist() == [0.5, 0.25, 0.125]


def test_no_boxes_become_no_masks() -> None:
    filled = masks.from_boxes(Image(np.zeros((2, 4, 3), np.uint8)), empty_detections((2, 4), masks=False))
    assert filled.mask.shape == (0, 2, 4)


def test_growing_reaches_as_far_in_every_direction() -> None:
    dot = drawn(".....", ".....", "..#..", ".....", ".....")
    assert text(masks.grow(dot, pixels=1)) == (".....", "..#..", ".###.", "..#..", ".....")
    assert text(masks.grow(dot, pixels=2)) == ("..#..", ".###.", "#####", ".###.", "..#..")
    assert text(masks.grow(dot)) == text(dot)


def test_growing_by_a_fraction_follows_the_size_of_the_region() -> None:
    small, large = square(101, 10), square(101, 40)
    assert masks.grow(small, fraction=0.2).array.any(axis=0).sum() == 10 + 2 * 2
    assert masks.grow(large, fraction=0.2).array.any(axis=0).sum() == 40 + 2 * 8
    assert masks.grow(large, pixels=1, fraction=0.2).array.any(axis=0).sum() == 40 + 2 * 9


def test_shrinking_takes_away_from_the_edge_but_not_where_the_picture_ends() -> None:
    assert text(masks.grow(drawn("####.", "####.", "####.", "....."), pixels=-1)) == (
        "###..",
        "###..",
        ".....",
        ".....",
    )


@pytest.mark.parametrize("distance", [-3.0, 0.0, 3.0])
def test_nothing_grows_to_nothing_and_everything_to_everything(distance: float) -> None:
    assert not masks.grow(Mask(np.zeros((5, 6), bool)), pixels=distance, fraction=0.5).array.any()
    assert masks.grow(Mask(np.ones((5, 6), bool)), pixels=distance).array.all()


def test_holes_are_filled_and_bays_are_not() -> None:
    ring = drawn("#####..", "#...#.#", "#.#.#.#", "#...###", "#####..")
    assert text(masks.fill_holes(ring)) == ("#####..", "#####.#", "#####.#", "#######", "#####..")


def test_a_gap_at_a_corner_is_no_way_out_for_a_hole_walled_in_diagonally() -> None:
    diamond = drawn(".#.", "#.#", ".#.")
    assert text(masks.fill_holes(diamond)) == (".#.", "###", ".#.")


def test_a_soft_mask_keeps_its_values_around_a_filled_hole() -> None:
    array = np.full((3, 3), 0.75, np.float32)
    array[1, 1] = 0
    filled = masks.fill_holes(Mask(array)).array
    assert filled[1, 1] == 1
    assert filled[0, 0] == 0.75


@pytest.mark.parametrize("fully", [False, True])
def test_nothing_and_everything_have_no_holes(fully: bool) -> None:
    plain = np.full((4, 5), fully)
    assert np.array_equal(masks.fill_holes(Mask(plain.copy())).array, plain)


def test_a_feather_lies_strictly_inside() -> None:
    region = square(41, 21)
    faded = masks.feather(region, pixels=4).array
    assert faded.dtype == np.float32
    assert not faded[~region.array].any()
    assert (faded[region.array] > 0).all()
    assert faded[20, 10:16].tolist() == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0])


def test_a_feather_of_no_depth_is_the_region_itself() -> None:
    assert np.array_equal(masks.feather(LEFT, pixels=0).array, LEFT.array.astype(np.float32))


def test_a_region_that_fills_the_picture_has_no_edge_to_fade_at() -> None:
    assert (masks.feather(Mask(np.ones((9, 9), bool))).array == 1).all()
    assert (masks.feather(Mask(np.zeros((9, 9), bool))).array == 0).all()
