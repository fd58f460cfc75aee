"""The network that a training begins with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import torch
from torch import nn

from sam_model.checkpoints import load_sam
from sam_model.config import PRESETS, SamConfig
from sam_model.errors import ConfigError
from sam_model.mae import build_from_mae
from sam_model.modeling import Sam, build_sam
from sam_model.modeling.layers import DropPath
from sam_model.training.config import NetworkSettings


def begin(settings: NetworkSettings, *, seed: int, text_width: int | None = None) -> Sam:
    """Make the network in float32: from a checkpoint, from a masked autoencoder, or afresh.

    With `text_width` it takes embeddings of so many numbers as prompts; a checkpoint without them learns to.

    Raises:
        CheckpointError: when a file cannot be used.
        ConfigError: when neither a checkpoint nor a preset is named.
    """
    torch.manual_seed(seed)
    if settings.start is not None:
        trained = load_sam(settings.start, variant=settings.preset)
        sam = build_sam(with_text(trained.config, text_width), drop_path=settings.drop_path)
        sam.load_state_dict({**sam.state_dict(), **trained.state_dict()})
    elif settings.preset is None:
        raise ConfigError(f"a network needs a checkpoint to start from, or a preset: {', '.join(PRESETS)}")
    elif settings.mae is not None:
        sam = build_from_mae(
            with_text(PRESETS[settings.preset], text_width), settings.mae, drop_path=settings.drop_path
        )
    else:
        sam = build_sam(with_text(PRESETS[settings.preset], text_width), drop_path=settings.drop_path)
    sam.image_encoder.requires_grad_(settings.freeze != "encoder")
    return sam


def with_text(config: SamConfig, width: int | None) -> SamConfig:
    """The same network with prompts of `width` numbers; None leaves it as it is.

    Raises:
        ConfigError: when it has learnt to take another CLIP's.
    """
    if width is None or config.text_width == width:
        return config
    if config.text_width is not None:
        raise ConfigError(
            f"network.clip gives {width} numbers, but the network has learnt texts of {config.text_width}: "
            "choose the CLIP that it was trained with"
        )
    return replace(config, text_width=width)


def set_training(sam: Sam, settings: NetworkSettings) -> None:
    """Switch to training, but not what is frozen, and no batch norm.

    Statistics of the few pictures that a process sees would be poor, and would differ from process to process.
    """
    sam.train()
    if settings.freeze == "encoder":
        sam.image_encoder.eval()
    for module in sam.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def seed_drop_path(sam: Sam, seeds: Iterable[int]) -> None:
    """Let what is left out for each picture of the next batch depend on its own seed alone."""
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    for module in sam.modules():
        if isinstance(module, DropPath):
            module.generators = generators
