"""The shipped CLIP: plain transformers load it, it names stickers, and photographs it has never seen."""

from __future__ import annotations

import json
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as PilImage
from transformers import (
    AutoTokenizer,
    CLIPImageProcessorPil,
    VisionTextDualEncoderModel,
    VisionTextDualEncoderProcessor,
)

from pipelines.models import Model
from pipelines.values import Detections, Image
from plugins.clip.nodes import rank_boxes, text

ROOT = Path(__file__).parents[2]
BUNDLED = ROOT / "plugins" / "bundled" / "clip"
#: The example pictures of the Segment Anything repository (`notebooks/images`), Apache-2.0.
PHOTOS = Path(os.environ.get("SAMLOOM_PHOTOS", "photos"))
DOG, LEFT_DOG, RIGHT_DOG = (0, 221, 425, 534), (455, 188, 657, 580), (580, 230, 771, 590)
TRUCK = (84, 280, 1714, 856)


@pytest.fixture(scope="module")
def loaded() -> tuple[VisionTextDualEncoderModel, dict[str, Any]]:
    model, report = VisionTextDualEncoderModel.from_pretrained(
        BUNDLED, dtype=torch.float32, local_files_only=True, output_loading_info=True
    )
    return model.eval(), report


def crops(width: int, height: int) -> np.ndarray:
    """Squares on grids of 2×2, 3×3 and 4×4 over a picture: xyxy in pixels."""
    boxes = []
    for count in (2, 3, 4):
        half = 0.7 * min(width, height) / count
        x, y = np.meshgrid((np.arange(count) + 0.5) * width / count, (np.arange(count) + 0.5) * height / count)
        boxes.append(np.stack([x - half, y - half, x + half, y + half], axis=-1).reshape(-1, 4))
    return np.concatenate(boxes).clip(0, [width, height, width, height]).astype(np.float32)


def overlaps(boxes: np.ndarray, truth: tuple[int, ...]) -> np.ndarray:
    """The share of each box that lies in `truth`."""
    sides = np.minimum(boxes[:, 2:], truth[2:]) - np.maximum(boxes[:, :2], truth[:2])
    return sides.clip(0).prod(axis=1) / (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)


def photograph(name: str) -> Image:
    if not (PHOTOS / name).exists():
        pytest.skip(f"no {name} in {PHOTOS}: set SAMLOOM_PHOTOS to Segment Anything's notebooks/images")
    return Image(np.asarray(PilImage.open(PHOTOS / name).convert("RGB")).copy())


def ranked(picture: Image, truth: list[tuple[int, ...]], prompt: str, threshold: float | None = None) -> Detections:
    """The true boxes and, as rivals, the crops of the grids that hold little of any of them; `instance_id` 0, 1, …"""
    others = crops(*picture.size)
    others = others[np.all([overlaps(others, box) < 0.3 for box in truth], axis=0)] if truth else others
    boxes = np.concatenate([np.array(truth, np.float32).reshape(-1, 4), others])
    return rank_boxes(picture, Detections(xyxy=boxes), prompt, model=Model("bundled"), threshold=threshold)


def test_every_tensor_is_there_and_fits(loaded: tuple[VisionTextDualEncoderModel, dict[str, Any]]) -> None:
    report = loaded[1]
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    assert not report["mismatched_keys"]


def test_plain_transformers_name_a_sticker(loaded: tuple[VisionTextDualEncoderModel, dict[str, Any]]) -> None:
    processor = VisionTextDualEncoderProcessor(
        CLIPImageProcessorPil.from_pretrained(BUNDLED), AutoTokenizer.from_pretrained(BUNDLED)
    )
    picture = PilImage.open(ROOT / "demos" / "images" / "dog.png").convert("RGB").crop((148, 130, 340, 340))
    words = ["cat", "dog", "car", "apple", "background"]
    with torch.inference_mode():
        logits = loaded[0](**processor(text=words, images=picture, return_tensors="pt", padding=True)).logits_per_image
    assert words[int(logits.argmax())] == "dog"


@pytest.mark.parametrize(("one", "other", "rival"), [("puppy", "dog", "cat"), ("automobile", "car", "bus")])
def test_words_of_like_meaning_lie_together(one: str, other: str, rival: str) -> None:
    first, second, third = (text(word, model=Model("bundled")).array for word in (one, other, rival))
    assert first @ second > 0.7 > first @ third


@pytest.mark.parametrize(
    ("name", "truth"), [("dog.jpg", [DOG]), ("dogs.jpg", [LEFT_DOG, RIGHT_DOG])], ids=["dog", "dogs"]
)
def test_a_dog_is_ranked_first_in_a_photograph(name: str, truth: list[tuple[int, ...]]) -> None:
    found = ranked(photograph(name), truth, "dog.")
    assert found.data["instance_id"].tolist()[: len(truth)] in ([0], [0, 1], [1, 0])


def test_a_pickup_is_found_as_a_car_in_a_photograph_and_a_cat_is_not() -> None:
    picture = photograph("truck.jpg")
    assert ranked(picture, [TRUCK], "car.").data["instance_id"].tolist()[:1] == [0]
    assert len(ranked(picture, [TRUCK], "cat.")) == 0


def test_a_cat_is_found_in_a_photograph_and_a_truck_is_not() -> None:
    found = find_spec("skimage")
    if found is None or found.origin is None:
        pytest.skip("scikit-image brings the photograph of a cat, and is not installed")
    photo = PilImage.open(Path(found.origin).parent / "data" / "chelsea.png")
    picture = Image(np.asarray(photo.convert("RGB")).copy())
    cat = [(70, 10, 420, 299)]
    assert ranked(picture, cat, "cat.").data["instance_id"].tolist()[:1] == [0]
    assert len(ranked(picture, cat, "truck.")) == 0


def test_no_path_of_the_machine_that_made_it_is_shipped() -> None:
    assert "/" not in (BUNDLED / "config.json").read_text(encoding="utf-8")


def test_it_advises_how_things_are_shown_to_it_and_what_to_believe() -> None:
    advice = json.loads((BUNDLED / "samloom.json").read_text(encoding="utf-8"))
    assert 0 < advice["threshold"] < 1
    assert advice["template"] == "{}"
    assert advice["framing"].keys() == {"context", "fade"}
