"""A network small enough for hundreds of steps a minute."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

from sam_model import TINY, SamConfig, build_sam, save_sam
from sam_model.training.config import (
    DataSettings,
    NetworkSettings,
    OptimiserSettings,
    Pictures,
    PromptSettings,
    RunSettings,
    TrainingConfig,
)

SMALL = replace(
    TINY,
    image_size=64,
    encoder_width=32,
    encoder_depth=2,
    encoder_heads=2,
    window_size=4,
    global_blocks=(1,),
    width=32,
    decoder_heads=4,
    decoder_mlp_width=32,
)


@pytest.fixture(scope="session")
def small() -> SamConfig:
    """64 pixels a side, 32 logit cells."""
    return SMALL


@pytest.fixture
def begin(tmp_path):
    """Write the small network as a checkpoint, and pictures of rectangles with COCO's annotations; configure a run."""

    def configure(*, output: str = "run", pictures: int = 4, **changes) -> TrainingConfig:
        folder = tmp_path / "pictures"
        if not folder.exists():
            torch.manual_seed(0)
            save_sam(build_sam(SMALL), tmp_path / "start")
            write_pictures(folder, pictures)
        source = Pictures(images=folder, annotations=folder / "instances.json")
        config = TrainingConfig(
            network=NetworkSettings(start=tmp_path / "start"),
            data=DataSettings(train=source, jitter=(0.5, 2.0), workers=0),
            prompts=PromptSettings(rounds=4),
            optimiser=OptimiserSettings(rate=1e-3, warmup=2, milestones=(50,)),
            run=RunSettings(output=tmp_path / output, steps=4, batch=2, validate_every=100, save_minutes=1000.0),
        )
        for section, fields in changes.items():
            config = replace(config, **{section: replace(getattr(config, section), **fields)})
        return config

    return configure


def write_pictures(folder: Path, count: int) -> None:
    """Grey pictures with two bright rectangles each."""
    folder.mkdir()
    random = np.random.default_rng(0)
    images, annotations = [], []
    for number in range(count):
        pixels = random.integers(80, 100, (48, 64, 3)).astype(np.uint8)
        for left in (4, 36):
            x, y, width, height = left + random.integers(6), random.integers(2, 16), *random.integers(12, 22, 2)
            pixels[y : y + height, x : x + width] = random.integers(140, 255, 3)
            corners = [x, y, x + width, y, x + width, y + height, x, y + height]
            annotations.append({"id": len(annotations), "image_id": number, "segmentation": [list(map(int, corners))]})
        PIL.Image.fromarray(pixels).save(folder / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "width": 64, "height": 48})
    (folder / "instances.json").write_text(json.dumps({"images": images, "annotations": annotations}))
