"""Every number that decides a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from plugins.vitdet.config import VitDetConfig
from recipes.world import DETECTION_NOUNS, SceneSpec

SIZE = 192
CONFIG = VitDetConfig(
    image_size=SIZE, encoder_width=192, encoder_depth=4, encoder_heads=4, global_blocks=(1, 3), window_size=6,
    pretrain_grid=12, width=96, box_width=144, classes=len(DETECTION_NOUNS), stem=(32, 64, 128), finest_level=3,
    anchor_strides=4, proposals=150, proposal_convolutions=1, box_convolutions=1, mask_convolutions=2,
    class_agnostic=True,
)  # fmt: skip
"""Four million weights. Things are 0.18 to 0.65 of a picture wide: anchors of 32 pixels on p3 and 64 on p4 fit them."""

EXAM = SceneSpec(size=320)
"""Scenes of a size that the network does not work at, as people bring them."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A run is repeated exactly by its stage, as long as it keeps to its pace: the rates follow the minutes spent."""

    minutes: float
    specs: tuple[SceneSpec, ...] = (
        SceneSpec(size=SIZE),
        SceneSpec(size=SIZE, objects=(3, 9), scale=(0.16, 0.5)),
    )
    """A batch holds as many pictures of each; crowds show more things a pixel."""
    pictures: int = 16
    matrix_rate: float = 0.01
    """Learning rate of matrices, which Muon trains."""
    rate: float = 8e-4
    stem_rate: float = 3e-4
    """The stem has been trained before."""
    weight_decay: float = 0.05
    warmup: int = 100
    average: float = 0.998
    naming_weight: float = 0.5
    anchors: int = 64
    proposals: int = 16
    masks: int = 3
    """What a picture is asked for, at most: anchors, proposals to classify and frame, and masks of those."""
    outlined: float = 0.2
    seed: int = 21


STAGES: Mapping[str, Stage] = {"first": Stage(minutes=78)}
