"""The bundled network, fine-tuned on things that it has never seen: shapes that only the direction of stripes tells."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

from sam_model.data.polygons import fill_polygons
from sam_model.training.config import Pictures
from sam_model.training.events import Validated
from sam_model.training.recipes import FINETUNE
from sam_model.training.trainer import Trainer

BUNDLED = Path(__file__).resolve().parents[3] / "plugins" / "bundled" / "sam"
SIDE = 144


def write_stripes(folder: Path, count: int) -> Pictures:
    """Striped pictures with three shapes each, striped otherwise, and their polygons."""
    folder.mkdir()
    random = np.random.default_rng(0)
    images, annotations = [], []
    for number in range(count):
        pixels = stripes(random)
        for middle in ((40, 40), (104, 40), (72, 104)):
            angles = np.sort(random.uniform(0, 2 * np.pi, random.integers(4, 9)))
            ring = middle + random.uniform(18, 32, (len(angles), 1)) * np.stack(
                (np.cos(angles), np.sin(angles)), axis=1
            )
            pixels = np.where(fill_polygons([ring], height=SIDE, width=SIDE)[..., None], stripes(random), pixels)
            annotations.append({"image_id": number, "segmentation": [ring.reshape(-1).tolist()]})
        PIL.Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "width": SIDE, "height": SIDE})
    file = folder / "instances.json"
    file.write_text(json.dumps({"images": images, "annotations": annotations}))
    return Pictures(images=folder, annotations=file)


def stripes(random: np.random.Generator) -> np.ndarray:
    angle, frequency = random.uniform(0, np.pi), random.uniform(0.5, 1.2)
    y, x = np.mgrid[:SIDE, :SIDE]
    dark, bright = random.integers(40, 220, (2, 3))
    return np.where(np.sin((x * np.cos(angle) + y * np.sin(angle)) * frequency)[..., None] > 0, bright, dark)


@pytest.mark.slow
@pytest.mark.parametrize("freeze", ["nothing", "encoder"])
def test_a_short_fine_tuning_raises_the_iou(tmp_path, freeze):
    torch.set_num_threads(1)
    pictures = write_stripes(tmp_path / "stripes", 12)
    config = replace(
        FINETUNE,
        network=replace(FINETUNE.network, start=BUNDLED, freeze=freeze),
        data=replace(FINETUNE.data, train=pictures, validation=pictures, jitter=(0.9, 1.2), workers=0),
        prompts=replace(FINETUNE.prompts, rounds=3),
        optimiser=replace(FINETUNE.optimiser, rate=4e-4, warmup=5, milestones=(30,)),
        run=replace(FINETUNE.run, output=tmp_path / "run", steps=40, at_once=4, validate_every=40),
    )
    scores = []
    Trainer(
        config, listeners=[lambda event: scores.append(event.scores) if isinstance(event, Validated) else None]
    ).train()
    before, after = scores
    assert after.click > before.click + 0.02
    assert after.box > before.box
