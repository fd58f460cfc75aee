"""The bundled network beside Meta's with the same weights, in front of a scene that it knows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

from sam_model import Predictor, SamConfig, load_sam
from sam_model.everything import CODE_DEFAULTS

ROOT = Path(__file__).parents[3]
SETTINGS = replace(
    CODE_DEFAULTS,
    points_per_side=12,
    crop_layers=1,
    points_divisor=2,
    min_iou=0.25,
    min_stability=0.3,
    stability_offset=0.3,
)
"""A small network is never as sure as a large one: thresholds at which a good part of its masks passes."""
NOISY = SamConfig(
    image_size=192,
    patch_size=8,
    encoder_width=48,
    encoder_depth=2,
    encoder_heads=3,
    encoder_mlp_ratio=2,
    window_size=4,
    global_blocks=(0,),
    width=32,
    hint_channels=8,
    decoder_heads=4,
    decoder_mlp_width=64,
)


@pytest.fixture(scope="session")
def twins(twins_of):
    """The trained network, whose masks are things."""
    return twins_of(load_sam(ROOT / "plugins/bundled/sam"))


@pytest.fixture(scope="session")
def noisy_twins(build_twins):
    """Random networks, whose masks are specks of a few pixels."""
    twins = build_twins(NOISY)
    darken(twins.metas, by=1.0)
    twins.ours.load_state_dict(twins.metas.state_dict())
    return twins


@pytest.fixture(scope="session")
def predictor(twins):
    return Predictor(twins.ours)


@pytest.fixture(scope="session")
def settings():
    return SETTINGS


@pytest.fixture(scope="session")
def scene():
    """Many things before the sky, 512 × 384."""
    return np.asarray(PIL.Image.open(ROOT / "demos/images/street.png").convert("RGB"))


@torch.no_grad()
def darken(sam, *, by):
    """Lower all mask logits of a network by a constant, through one channel of the upscaled embedding."""
    *_, last, _ = sam.mask_decoder.output_upscaling
    last.weight[:, 0] = 0
    last.bias[0] = by
    for head in sam.mask_decoder.output_hypernetworks_mlps:
        head.layers[-1].weight[0] = 0
        head.layers[-1].bias[0] = -1
