"""A network small enough for hundreds of steps a minute."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sam_model import TINY, SamConfig

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
