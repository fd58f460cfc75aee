"""The sticker world: scenes repeat, and masks, boxes and pictures agree."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from recipes.world import (
    DETECTION_NOUNS,
    GENERATION_NOUNS,
    SYNONYMS,
    UNSEEN_SYNONYMS,
    Atlas,
    Scene,
    SceneSpec,
    Sprite,
    compose,
)
from recipes.world.backgrounds import PAINTERS, background
from recipes.world.ink import inked
from recipes.world.scenes import boxes_of


def sprite(name: str, colour: tuple[int, int, int], *, family: str = "plain", side: int = 80) -> Sprite:
    """A filled disc."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    alpha = (np.hypot(x, y) < side / 2) * np.uint8(255)
    pixels = np.concatenate([(alpha[..., None] // 255) * np.array(colour, np.uint8), alpha[..., None]], axis=2)
    return Sprite(name, family, name, (pixels.astype(np.uint8), pixels[::2, ::2].astype(np.uint8)))


ATLAS = Atlas((sprite("ball", (255, 0, 0)), sprite("moon", (0, 255, 0)), sprite("moon", (0, 0, 255), family="other")))
PLAIN = SceneSpec(jitter=0.0, shadow=0.0, outside=0.0)


def scenes(count: int, spec: SceneSpec = PLAIN) -> list[Scene]:
    return [compose(np.random.default_rng([5, number]), ATLAS, spec) for number in range(count)]


def test_the_same_seed_composes_the_same_scene() -> None:
    first, second = (compose(np.random.default_rng(3), ATLAS, PLAIN) for _ in range(2))
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.masks, second.masks)
    assert first.names == second.names


def test_boxes_are_tight_around_visible_masks() -> None:
    for scene in scenes(20):
        for mask, (left, top, right, bottom) in zip(scene.masks, scene.boxes.astype(int), strict=True):
            assert mask[top:bottom, left:right].sum() == mask.sum()
            assert mask[top, left:right].any()
            assert mask[bottom - 1, left:right].any()
            assert mask[top:bottom, left].any()
            assert mask[top:bottom, right - 1].any()


def test_no_pixel_belongs_to_two_objects() -> None:
    assert all(scene.masks.sum(axis=0).max() == 1 for scene in scenes(20))


def test_a_mask_lies_where_its_sticker_is_seen() -> None:
    colours = {"ball": {(255, 0, 0)}, "moon": {(0, 255, 0), (0, 0, 255)}}
    for scene in scenes(10):
        for mask, name in zip(scene.masks, scene.names, strict=True):
            seen = scene.image[mask].astype(int)
            off = min(np.median(np.abs(seen - np.array(colour)).max(axis=1)) for colour in colours[name])
            assert off <= 2


def test_what_is_hidden_leaves_enough_to_see() -> None:
    crowded = SceneSpec(objects=(6, 6), scale=(0.4, 0.5), min_visible=0.8, jitter=0.0, outside=0.0)
    shares = [mask.sum() for scene in scenes(10, crowded) for mask in scene.masks]
    smallest_disc = np.pi / 4 * (0.4 * crowded.size) ** 2
    assert min(shares) > 0.7 * smallest_disc


def test_the_number_of_objects_and_their_names_follow_the_spec() -> None:
    only_moons = SceneSpec(objects=(2, 3), scale=(0.1, 0.2), names=("moon",))
    for scene in scenes(10, only_moons):
        assert 2 <= len(scene.names) <= 3
        assert set(scene.names) == {"moon"}


def test_families_of_a_name_are_drawn_equally_often() -> None:
    many = Atlas((*(sprite("moon", (0, 255, 0)) for _ in range(9)), sprite("moon", (0, 0, 255), family="other")))
    rng = np.random.default_rng(0)
    share = np.mean([many.pick(rng).family == "other" for _ in range(400)])
    assert share == pytest.approx(0.5, abs=0.1)


def test_an_atlas_can_be_narrowed_by_name_and_family() -> None:
    assert [found.family for found in ATLAS.only(names=("moon",), families=("other",)).sprites] == ["other"]


@pytest.mark.parametrize("painter", PAINTERS, ids=lambda painter: painter.__name__)
def test_backgrounds_are_not_flat(painter) -> None:
    spread = [painter(np.random.default_rng(seed), 64).std(axis=(0, 1)).max() for seed in range(8)]
    assert np.median(spread) > 4


def test_a_background_is_a_picture() -> None:
    picture = background(np.random.default_rng(1), 50)
    assert picture.shape == (50, 50, 3)
    assert picture.dtype == np.uint8


def test_boxes_of_masks_end_after_the_last_pixel() -> None:
    mask = np.zeros((1, 10, 12), dtype=bool)
    mask[0, 2:5, 3:9] = True
    assert boxes_of(mask).tolist() == [[3, 2, 9, 5]]


def test_what_can_be_drawn_can_be_found_and_synonyms_mean_one_noun() -> None:
    assert set(GENERATION_NOUNS) <= set(DETECTION_NOUNS)
    assert set(SYNONYMS) <= set(DETECTION_NOUNS)
    words = [word for group in SYNONYMS.values() for word in group]
    assert len(words) == len(set(words))
    assert not set(words) & set(DETECTION_NOUNS)


def test_words_kept_for_the_exam_are_taught_nowhere():
    taught = {*DETECTION_NOUNS, *(word for words in SYNONYMS.values() for word in words)}
    kept = [word for words in UNSEEN_SYNONYMS.values() for word in words]
    assert set(UNSEEN_SYNONYMS) <= set(DETECTION_NOUNS)
    assert taught.isdisjoint(kept)
    assert len(set(kept)) == len(kept)


@pytest.mark.parametrize("seed", range(6))
def test_ink_stays_inside_the_mask_and_darkens_its_edge(seed: int) -> None:
    scene = scenes(1)[0]
    mask = scene.masks[0]
    drawn = inked(np.random.default_rng(seed), scene.image, mask)
    assert (drawn[~mask] == scene.image[~mask]).all()
    inner = cv2.erode(np.pad(mask, 1).astype(np.uint8), np.ones((3, 3), np.uint8))[1:-1, 1:-1] > 0
    assert drawn[mask & ~inner].max() < 50


def test_spilt_ink_lies_on_both_sides_of_the_edge() -> None:
    scene = scenes(1)[0]
    mask = scene.masks[0]
    drawn = inked(np.random.default_rng(1), scene.image, mask, spill=True)
    changed = (drawn != scene.image).any(axis=2)
    assert changed[~mask].any()
    assert changed[mask].any()
