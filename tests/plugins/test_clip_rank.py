"""Ranking by text: what is kept, under which name and how sure, with a CLIP that sees mean colours."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from pipelines.errors import PortError
from pipelines.families import ModelSource
from pipelines.models import ModelPool
from pipelines.scope import Scope, use_scope
from pipelines.values import Detections, Image, empty_detections
from plugins.clip.crops import Framing
from plugins.clip.models import Clip
from plugins.clip.nodes import rank, rank_boxes
from plugins.clip.scores import probabilities

COLOURS = {"red": (1, 0, 0), "Red": (1, 0, 0), "crimson": (0.98, 0.1, 0.1), "green": (0, 1, 0), "blue": (0, 0, 1)}


class Colours(Clip):
    """Places a picture by its mean colour above grey; words that are no colour lie on the grey diagonal."""

    framing = Framing(context=0.0, fade=1.0)
    template = "{}"
    scale = 20.0

    def embed_images(self, pictures):
        return _unit(np.stack([picture.mean(axis=(0, 1)) - 126 for picture in pictures]))

    def embed_texts(self, texts):
        return _unit(np.array([COLOURS.get(text, (1, 1, 1)) for text in texts]))


def _unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def running(node, *inputs, model=None, **options):
    family = SimpleNamespace(
        name="clip",
        resolve=lambda ref, *, offline: ModelSource("clip", ref, ref, "r1"),
        load=lambda source, *, device, dtype: model or Colours(),
    )
    with use_scope(Scope(pool=ModelPool(families={"clip": family}))):
        return node(*inputs, **options)


@pytest.fixture
def picture() -> Image:
    pixels = np.full((40, 60, 3), 127, np.uint8)
    pixels[:20, :20] = (255, 127, 127)
    pixels[:20, 20:40] = (127, 255, 127)
    pixels[:20, 40:] = (200, 180, 127)
    return Image(pixels)


@pytest.fixture
def masks() -> Detections:
    found = np.zeros((3, 40, 60), np.bool_)
    for index in range(3):
        found[index, :20, 20 * index : 20 * index + 20] = True
    boxes = np.array([[0, 0, 20, 20], [20, 0, 40, 20], [40, 0, 60, 20]], np.float32)
    return Detections(xyxy=boxes, mask=found, data={"instance_id": np.array([7, 8, 9]), "area": np.array([1, 2, 3])})


def test_the_likeliest_comes_first_under_the_users_own_words(picture, masks) -> None:
    found = running(rank, picture, masks, "green. Red.", threshold=0.1)
    assert found.data["class_name"].tolist()[:2] in (["green", "Red"], ["Red", "green"])
    assert (np.diff(found.confidence) <= 0).all()
    assert set(found.data["instance_id"][:2]) == {7, 8}


def test_everything_a_mask_carries_stays_with_it(picture, masks) -> None:
    found = running(rank, picture, masks, "green.", threshold=0.9)
    assert found.data["instance_id"].tolist() == [8]
    assert found.data["area"].tolist() == [2]
    np.testing.assert_array_equal(found.mask, masks.mask[1:2])


def test_what_is_not_there_gets_little(picture, masks) -> None:
    found = running(rank, picture, masks, "blue.", threshold=0.0)
    assert len(found) == 3
    assert found.confidence.max() < 0.05
    assert len(running(rank, picture, masks, "blue.")) == 0


def test_at_most_so_many_of_a_phrase(picture, masks) -> None:
    found = running(rank, picture, masks, "red. green.", threshold=0.0, top=1)
    assert sorted(found.data["class_name"].tolist()) == ["green", "red"]


def test_the_models_own_threshold_holds_unless_another_is_given(picture, masks) -> None:
    class Timid(Colours):
        threshold = 1.0

    assert len(running(rank, picture, masks, "red.", model=Timid())) == 0
    assert len(running(rank, picture, masks, "red.", model=Timid(), threshold=0.9)) == 1


def test_only_the_mask_is_seen_where_its_outside_fades_to_grey(picture, masks) -> None:
    masks.xyxy[0] = (0, 0, 40, 20)
    assert len(running(rank, picture, masks, "red.", threshold=0.8)) == 1
    assert len(running(rank, picture, masks, "red.", threshold=0.8, fade=0.0)) == 0


@pytest.mark.parametrize("prompt", ["", " . . ", "?!"])
def test_an_empty_prompt_finds_nothing_and_loads_nothing(picture, masks, prompt) -> None:
    with use_scope(Scope(pool=ModelPool(families={}))):
        found = rank(picture, masks, prompt)
    assert len(found) == 0
    assert found.mask.shape == (0, 40, 60)
    assert found.data["class_name"].dtype.kind == "U"


def test_no_masks_are_no_error(picture) -> None:
    found = running(rank, picture, empty_detections((40, 60), masks=True), "red.")
    assert len(found) == 0
    assert {"class_name", "instance_id"} <= set(found.data)


def test_boxes_are_ranked_as_well(picture, masks) -> None:
    boxes = Detections(xyxy=masks.xyxy)
    found = running(rank_boxes, picture, boxes, "green.")
    assert found.xyxy.tolist() == [[20, 0, 40, 20]]
    assert found.mask is None
    assert found.data["instance_id"].tolist() == [0]


def test_masks_of_another_picture_are_refused(masks) -> None:
    with pytest.raises(PortError, match=r"^the masks are of a picture of 60×40, this one is 30×40\.$"):
        running(rank, Image(np.zeros((40, 30, 3), np.uint8)), masks, "red.")


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("threshold", 1.5, r"^threshold is 1\.5; it must be from 0 to 1\.$"),
        ("fade", -0.1, r"^fade is -0\.1; it must be from 0 to 1\.$"),
        ("context", 11.0, r"^context is 11\.0; it must be from 0 to 10\.$"),
        ("top", -1, r"^top is -1; it must be 0, which keeps all, or more\.$"),
    ],
)
def test_options_out_of_range_are_refused(picture, masks, option, value, message) -> None:
    with pytest.raises(PortError, match=message):
        running(rank, picture, masks, "red.", **{option: value})


def test_phrases_of_like_meaning_do_not_halve_each_other(picture, masks) -> None:
    alone = running(rank, picture, masks, "red.", threshold=0.0).confidence.max()
    together = running(rank, picture, masks, "red. crimson. green.", threshold=0.0, top=1).confidence.max()
    assert together == pytest.approx(alone, abs=0.02)


def test_phrases_of_other_meaning_compete() -> None:
    rng = np.random.default_rng(0)
    phrases, common = _unit(rng.normal(size=(2, 16))), _unit(rng.normal(size=(5, 16)))
    between = _unit(phrases.sum(axis=0, keepdims=True))
    alone = probabilities(between, phrases[:1], common, scale=50.0, alike=0.6)
    together = probabilities(between, phrases, common, scale=50.0, alike=0.6)
    assert together[0, 0] < 0.6 < 0.9 < alone[0, 0]


def test_probabilities_stay_finite_however_sure_the_model_is() -> None:
    phrases, common = np.eye(2, dtype=np.float32), np.eye(3, 2, dtype=np.float32)[1:]
    found = probabilities(phrases, phrases[:1], common, scale=1e5, alike=0.6)
    assert np.isfinite(found).all()
    assert found[0, 0] == pytest.approx(1.0)


def test_progress_is_told(picture, masks) -> None:
    many = Detections.merge([masks] * 8)
    told = []
    running(rank, picture, many, "red.", report=lambda done, total, note="": told.append((done, total)))
    assert told == [(0, 24), (16, 24)]
