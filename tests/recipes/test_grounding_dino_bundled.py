"""The shipped detector: plain transformers load it, and it finds what a prompt names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import (
    AutoTokenizer,
    GroundingDinoForObjectDetection,
    GroundingDinoImageProcessorPil,
    GroundingDinoProcessor,
)

ROOT = Path(__file__).parents[2]
BUNDLED = ROOT / "plugins" / "bundled" / "grounding_dino"


@pytest.fixture(scope="module")
def loaded() -> tuple[GroundingDinoForObjectDetection, dict[str, Any]]:
    model, report = GroundingDinoForObjectDetection.from_pretrained(
        BUNDLED, dtype=torch.float32, local_files_only=True, output_loading_info=True
    )
    return model.eval(), report


@torch.inference_mode()
def found(model: GroundingDinoForObjectDetection, picture: str, prompt: str) -> np.ndarray:
    """Boxes (N, 4) xyxy in pixels, surest first, from transformers' own processor at the recommended threshold."""
    threshold = json.loads((BUNDLED / "samloom.json").read_text(encoding="utf-8"))["box_threshold"]
    image = Image.open(ROOT / "demos" / "images" / picture).convert("RGB")
    tokenizer = AutoTokenizer.from_pretrained(BUNDLED)
    processor = GroundingDinoProcessor(GroundingDinoImageProcessorPil.from_pretrained(BUNDLED), tokenizer)
    inputs = processor(images=image, text=prompt, return_tensors="pt")
    sizes = [(image.height, image.width)]
    (result,) = processor.post_process_grounded_object_detection(
        model(**inputs), threshold=threshold, text_threshold=threshold, target_sizes=sizes
    )
    return result["boxes"][result["scores"].argsort(descending=True)].numpy()


def test_every_tensor_is_there_and_fits(loaded: tuple[GroundingDinoForObjectDetection, dict[str, Any]]) -> None:
    report = loaded[1]
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    assert not report["mismatched_keys"]


@pytest.mark.parametrize(
    ("picture", "prompt", "inside"),
    [("dog.png", "dog.", (240, 240)), ("street.png", "balloon.", (422, 108)), ("beach.png", "pineapple.", (322, 288))],
)
def test_the_named_thing_is_found(
    loaded: tuple[GroundingDinoForObjectDetection, dict[str, Any]], picture: str, prompt: str, inside: tuple[int, int]
) -> None:
    left, top, right, bottom = found(loaded[0], picture, prompt)[0]
    assert left < inside[0] < right
    assert top < inside[1] < bottom


def test_what_is_not_there_is_not_found(loaded: tuple[GroundingDinoForObjectDetection, dict[str, Any]]) -> None:
    assert len(found(loaded[0], "dog.png", "truck.")) == 0


def test_no_path_of_the_machine_that_made_it_is_shipped() -> None:
    assert "/" not in (BUNDLED / "config.json").read_text(encoding="utf-8")
