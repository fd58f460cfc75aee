"""The bundled ViTDet finds the things of the example pictures, and of scenes whose art it has never seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PilImage

from pipelines.errors import UserError
from plugins.vitdet.adapter import load
from plugins.vitdet.models import VitDetector
from recipes.vitdet.evaluate import BUNDLED, evaluate
from recipes.world import DETECTION_NOUNS, TEST_FAMILIES, load_atlas

PICTURES = Path(__file__).parents[2] / "demos" / "images"


@pytest.fixture(scope="module")
def detector() -> VitDetector:
    return load(BUNDLED, device="cpu", dtype="float32")


def test_its_file_is_small(detector: VitDetector) -> None:
    assert (BUNDLED / "model.safetensors").stat().st_size < 8e6
    assert detector.class_names == DETECTION_NOUNS


def test_it_finds_the_dog(detector: VitDetector) -> None:
    pixels = np.array(PilImage.open(PICTURES / "dog.png").convert("RGB"))
    found = detector.find(pixels, masks=True, least=0.3, most=20)
    assert "dog" in {detector.class_names[number] for number in found.classes}
    assert found.masks is not None
    assert found.masks.any(axis=(1, 2)).all()


@pytest.mark.slow
def test_it_finds_things_that_others_have_drawn(detector: VitDetector) -> None:
    """The card's figure, on fewer scenes."""
    try:
        atlas = load_atlas({"twemoji": TEST_FAMILIES["twemoji"]})
    except UserError as error:
        pytest.skip(str(error))
    assert evaluate(detector, atlas, scenes=30)["box_ap50"] > 0.65
