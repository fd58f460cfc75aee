"""Tiles: what is cut covers the picture, and what is found in them is found once."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines import Pipeline, node
from pipelines.errors import PortError
from pipelines.nodes.tiles import cut, join
from pipelines.runner import run
from pipelines.values import Boxes, Detections, Image, empty_detections

PHOTO = Image(np.random.default_rng(0).integers(0, 256, (100, 160, 3), np.uint8), source="photo.png", offset=(7, 9))


def seen(*boxes: tuple[float, float, float, float], scores=None, names=None) -> Detections:
    return Detections(
        xyxy=np.array(boxes, np.float32).reshape(-1, 4),
        confidence=np.array(scores or [0.9] * len(boxes), np.float32),
        class_id=np.zeros(len(boxes), np.int64),
        data={"class_name": np.array(names or ["dog"] * len(boxes)), "instance_id": np.arange(len(boxes))},
    )


@settings(max_examples=100, deadline=None)
@given(
    width=st.integers(1, 90),
    height=st.integers(1, 90),
    size=st.integers(1, 50),
    overlap=st.sampled_from([0, 0.2, 0.5, 0.9]),
)
def test_tiles_cover_every_pixel_and_remember_where_they_were(width, height, size, overlap) -> None:
    image = Image(np.arange(width * height * 3, dtype=np.uint32).astype(np.uint8).reshape(height, width, 3))
    covered = np.zeros((height, width), bool)
    tiles = cut(image, size=size, overlap=overlap, whole=False)
    for tile in tiles.values():
        x, y = tile.offset
        window = np.s_[y : y + tile.height, x : x + tile.width]
        np.testing.assert_array_equal(tile.pixels, image.pixels[window])
        assert tile.size == (min(size, width), min(size, height))
        covered[window] = True
    assert covered.all()


def test_neighbours_have_at_least_the_overlap_in_common() -> None:
    starts = sorted({tile.offset[0] for tile in cut(PHOTO, size=50, overlap=0.3, whole=False).values()})
    assert starts[0] == 7
    assert starts[-1] == 7 + 160 - 50
    assert all(50 - (right - left) >= 15 for left, right in pairwise(starts))


def test_the_whole_is_looked_at_too_and_a_small_picture_only_as_a_whole() -> None:
    assert list(cut(PHOTO, size=100)) == ["whole", "0,0", "60,0"]
    assert list(cut(PHOTO, size=100, whole=False)) == ["0,0", "60,0"]
    assert list(cut(PHOTO, size=160)) == list(cut(PHOTO, size=999, whole=False)) == ["whole"]
    assert cut(PHOTO, size=160)["whole"] is PHOTO


@pytest.mark.parametrize(("size", "overlap"), [(0, 0.2), (10, 1.0), (10, -0.1)])
def test_tiles_that_cannot_be_cut_are_refused(size: int, overlap: float) -> None:
    with pytest.raises(PortError, match=rf"^tiles of {size} pixels with an overlap of {overlap:g} cannot be cut\."):
        cut(PHOTO, size=size, overlap=overlap)


def joined(found: dict[str, Detections], **options) -> Detections:
    """What comes of boxes in the tiles 0,0 and 60,0 (each 100 wide, 40 in common) and the whole."""
    tiles = cut(PHOTO, size=100)
    nothing = empty_detections((1, 1), masks=False)
    return join(PHOTO, tiles, {key: found.get(key, nothing) for key in tiles}, **options)


def test_a_small_thing_is_where_its_tile_was_cut() -> None:
    found = joined({"60,0": seen((50, 20, 60, 30))})
    assert found.xyxy.tolist() == [[110, 20, 120, 30]]


def test_a_thing_in_two_tiles_is_one_and_the_surest_has_it() -> None:
    found = joined({"0,0": seen((70, 20, 82, 30), scores=[0.6]), "60,0": seen((10, 20, 21, 30), scores=[0.8])})
    assert found.xyxy.tolist() == [[70, 20, 81, 30]]
    assert found.confidence.tolist() == pytest.approx([0.8])


def test_what_an_edge_cuts_gives_way_to_the_whole_of_it() -> None:
    parts = {"0,0": seen((80, 20, 100, 60), scores=[0.95]), "60,0": seen((20, 20, 70, 60), scores=[0.5])}
    found = joined(parts)
    assert found.xyxy.tolist() == [[80, 20, 130, 60]]
    assert found.confidence.tolist() == pytest.approx([0.95])


def test_what_no_tile_sees_whole_is_put_together() -> None:
    found = joined({"0,0": seen((30, 20, 100, 60), scores=[0.7]), "60,0": seen((0, 21, 80, 59), scores=[0.6])})
    assert found.xyxy.tolist() == [[30, 20, 140, 60]]


def test_the_view_of_the_whole_has_what_is_larger_than_a_tile() -> None:
    parts = {
        "0,0": seen((30, 20, 100, 60)),
        "60,0": seen((0, 21, 80, 59)),
        "whole": seen((29, 19, 141, 61), scores=[0.4]),
    }
    assert joined(parts).xyxy.tolist() == [[29, 19, 141, 61]]


def test_the_edge_of_the_picture_cuts_nothing() -> None:
    found = joined({"0,0": seen((0, 0, 20, 30), (0, 40, 20, 60)), "60,0": seen((80, 0, 100, 30))})
    assert len(found) == 3


def test_neighbours_stay_two() -> None:
    found = joined({"0,0": seen((70, 20, 80, 30)), "60,0": seen((22, 20, 32, 30))})
    assert found.xyxy.tolist() == [[70, 20, 80, 30], [82, 20, 92, 30]]


def test_a_name_of_its_own_keeps_a_box_unless_names_do_not_matter() -> None:
    parts = {
        "0,0": seen((70, 20, 80, 30), scores=[0.6], names=["dog"]),
        "60,0": seen((10, 20, 20, 30), scores=[0.8], names=["wolf"]),
    }
    assert joined(parts).data["class_name"].tolist() == ["wolf", "dog"]
    assert joined(parts, across_classes=True).data["class_name"].tolist() == ["wolf"]


def test_nothing_in_any_tile_is_an_empty_value() -> None:
    found = joined({})
    assert len(found) == 0
    assert list(found.data) == ["class_name", "instance_id"]


def test_ids_are_new_and_the_surest_comes_first() -> None:
    found = joined({"0,0": seen((5, 5, 9, 9), (20, 20, 29, 29), scores=[0.3, 0.5]), "60,0": seen((80, 5, 90, 9))})
    assert found.confidence.tolist() == pytest.approx([0.9, 0.5, 0.3])
    assert found.data["instance_id"].tolist() == [0, 1, 2]


@node("test/dark")
def dark(image: Image) -> Boxes:
    """The box around what is black."""
    rows, columns = np.nonzero((image.pixels == 0).all(axis=2))
    if not rows.size:
        return empty_detections((image.height, image.width), masks=False)
    return seen((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1), names=["spot"])


@pytest.mark.parametrize("size", [40, 64, 100])
def test_in_a_graph_a_detector_runs_over_the_tiles(size: int) -> None:
    pixels = np.full((120, 200, 3), 200, np.uint8)
    pixels[50:56, 75:83] = 0
    builder = Pipeline("tiles")
    photo = builder.input("photo", Image)
    tiles = builder.add("tiles", cut, image=photo, size=size, whole=False)
    spots = builder.add("spots", dark, image=tiles)
    builder.output("found", builder.add("found", join, image=photo, tiles=tiles, boxes=spots))
    found = run(builder.build(), {"photo": Image(pixels)}).outputs["found"]
    assert found.xyxy.tolist() == [[75, 50, 83, 56]]
