"""Complete configurations: those of the paper (appendix A), and one for fine-tuning on pictures of one's own.

A recipe is a difference from another recipe.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sam_model.training.config import (
    DataSettings,
    NetworkSettings,
    OptimiserSettings,
    PromptSettings,
    RunSettings,
    TrainingConfig,
)


@dataclass(frozen=True)
class Recipe:
    """A configuration with its name's meaning in one line."""

    doc: str
    config: TrainingConfig


PAPER_H = TrainingConfig(
    network=NetworkSettings(preset="vit_h", drop_path=0.4),
    optimiser=OptimiserSettings(rate=8e-4, layer_decay=0.8, milestones=(60_000, 86_666)),
    run=RunSettings(steps=90_000, batch=256, precision="bfloat16"),
)
# The paper gives the steps of ViT-B and ViT-L but not when their rate falls: here at the same shares of the way.
PAPER_L = replace(
    PAPER_H,
    network=NetworkSettings(preset="vit_l", drop_path=0.4),
    optimiser=OptimiserSettings(rate=4e-4, layer_decay=0.8, milestones=(120_000, 173_332)),
    run=replace(PAPER_H.run, steps=180_000, batch=128),
)
PAPER_B = replace(
    PAPER_L,
    network=NetworkSettings(preset="vit_b", drop_path=0.6),
    optimiser=replace(PAPER_L.optimiser, rate=8e-4, layer_decay=0.6),
)
FINETUNE = TrainingConfig(
    data=DataSettings(jitter=(0.5, 1.5), masks=16),
    prompts=PromptSettings(rounds=7, single_at_once=True),
    optimiser=OptimiserSettings(rate=1e-4, warmup=50, milestones=(700, 900), clip=1.0),
    run=RunSettings(steps=1000, batch=4, validate_every=100),
)
"""Few pictures ask for jitter, which the paper uses on its own first data too, with scales from 0.1 to 2."""

RECIPES: Mapping[str, Recipe] = {
    "vit_h": Recipe("ViT-H as in the paper: 90,000 steps of 256 pictures", PAPER_H),
    "vit_l": Recipe("ViT-L as in the paper: 180,000 steps of 128 pictures", PAPER_L),
    "vit_b": Recipe("ViT-B as in the paper: 180,000 steps of 128 pictures", PAPER_B),
    "finetune": Recipe("a trained network on pictures of one's own: 1,000 steps of 4 pictures", FINETUNE),
}
