"""Loading, saving, cropping and pasting."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pil

from pipelines.errors import ImageError, OutputError
from pipelines.nodes.image import crop, load, paste, save
from pipelines.values import Boxes, Detections, Image, empty_detections

RNG = np.random.default_rng(3)


def picture(width: int = 40, height: int = 30, *, alpha: bool = False) -> Image:
    pixels = RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image(pixels, RNG.integers(0, 256, (height, width), dtype=np.uint8) if alpha else None)


def boxes(*corners: tuple[float, float, float, float], ids: tuple[int, ...] | None = None) -> Boxes:
    data = {} if ids is None else {"instance_id": np.array(ids)}
    return Detections(xyxy=np.array(corners, np.float32).reshape(-1, 4), data=data)


def test_a_file_goes_in_and_comes_out(tmp_path: Path) -> None:
    Pil.fromarray(picture().pixels).save(tmp_path / "in.png")
    image = load(tmp_path / "in.png")
    assert save(replace(image, pixels=255 - image.pixels), tmp_path / "out.png") == tmp_path / "out.png"
    assert np.array_equal(load(tmp_path / "out.png").pixels, 255 - image.pixels)


def test_what_touches_files_is_never_taken_from_the_cache() -> None:
    assert not load.cache
    assert not save.cache
    assert crop.cache


def test_bad_paths_are_the_users_mistakes(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="does not exist"):
        load(tmp_path / "none.png")
    with pytest.raises(OutputError, match="is no supported picture type"):
        save(picture(), tmp_path / "out.xyz")


def test_a_crop_holds_every_pixel_that_its_box_touches() -> None:
    image = picture(alpha=True)
    (part,) = crop(image, boxes((3.2, 4.9, 10.1, 12.0))).values()
    assert np.array_equal(part.pixels, image.pixels[4:12, 3:11])
    assert np.array_equal(part.alpha, image.alpha[4:12, 3:11])
    assert part.offset == (3, 4)


def test_crops_are_keyed_by_instance_not_by_position() -> None:
    crops = crop(picture(), boxes((0, 0, 5, 5), (5, 5, 9, 9), ids=(7, 2)))
    assert {key: part.offset for key, part in crops.items()} == {"7": (0, 0), "2": (5, 5)}


@pytest.mark.parametrize("ids", [None, (4, 4)])
def test_without_ids_of_their_own_crops_are_keyed_by_place(ids: tuple[int, ...] | None) -> None:
    assert list(crop(picture(), boxes((0, 0, 5, 5), (5, 5, 9, 9), ids=ids))) == ["0", "1"]


def test_a_margin_is_a_fraction_of_the_box_and_stays_in_the_picture() -> None:
    (part,) = crop(picture(40, 30), boxes((10, 0, 30, 10)), margin=0.25).values()
    assert part.offset == (5, 0)
    assert part.size == (30, 13)


def test_boxes_outside_the_picture_give_no_crop_and_the_others_keep_their_keys() -> None:
    crops = crop(
        picture(40, 30), boxes((50, 5, 60, 9), (-20, -20, -1, -1), (5, 5, 5, 9), (30, 20, 99, 99), ids=(1, 2, 3, 4))
    )
    assert {key: part.size for key, part in crops.items()} == {"4": (10, 10)}


def test_nothing_found_gives_no_crops_and_pasting_them_changes_nothing() -> None:
    image = picture()
    crops = crop(image, empty_detections((30, 40), masks=False))
    assert crops == {}
    assert np.array_equal(paste(image, crops).pixels, image.pixels)


@pytest.mark.parametrize("alpha", [False, True])
def test_pasting_crops_back_gives_the_picture(alpha: bool) -> None:
    image = picture(alpha=alpha)
    blank = replace(image, pixels=np.zeros_like(image.pixels), alpha=None if not alpha else np.zeros_like(image.alpha))
    back = paste(blank, crop(image, boxes((0, 0, 25, 30), (20, 0, 40, 30))))
    assert np.array_equal(back.pixels, image.pixels)
    assert np.array_equal(back.alpha, image.alpha) if alpha else back.alpha is None


def test_a_crop_of_a_crop_finds_its_place_in_both() -> None:
    image = picture()
    (outer,) = crop(image, boxes((8, 6, 30, 26))).values()
    (inner,) = crop(outer, boxes((4, 3, 10, 9))).values()
    assert inner.offset == (12, 9)
    marked = replace(inner, pixels=np.zeros_like(inner.pixels))
    assert not paste(image, {"0": marked}).pixels[9:15, 12:18].any()
    assert not paste(outer, {"0": marked}).pixels[3:9, 4:10].any()
    assert (paste(image, {"0": marked}).pixels != image.pixels).any(axis=2).sum() <= 36


def test_what_hangs_over_the_edge_is_left_out() -> None:
    image = picture(40, 30)
    stamp = picture(10, 10)
    pasted = paste(image, {"a": replace(stamp, offset=(-4, 25)), "b": replace(stamp, offset=(90, 90))})
    assert np.array_equal(pasted.pixels[25:, :6], stamp.pixels[:5, 4:])
    assert np.array_equal(pasted.pixels[:25], image.pixels[:25])


def test_a_transparent_crop_lets_the_picture_shine_through() -> None:
    image = Image(np.full((4, 4, 3), 200, np.uint8))
    stamp = Image(np.zeros((2, 2, 3), np.uint8), np.array([[0, 255], [51, 51]], np.uint8), offset=(1, 1))
    assert paste(image, {"0": stamp}).pixels[1:3, 1:3, 0].tolist() == [[200, 0], [160, 160]]
