"""Weights on disk ⇄ network: strict, and never by running code from a file.

Accepted are files with official names (`.pth`, `.safetensors`), files and directories of transformers' `SamModel`, and
directories that `save_sam` wrote: `config.json` and `model.safetensors` with official names.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict, fields
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sam_model.config import PRESETS, EfficientNetConfig, SamConfig, TinyVitConfig
from sam_model.errors import CheckpointMismatchError, CheckpointNotFoundError, ConfigError, UnreadableCheckpointError
from sam_model.modeling import Sam
from sam_model.names import POSITIONS_TWICE, are_transformers, from_transformers
from sam_model.precision import warn_if_emulated
from sam_model.tensor_files import WEIGHTS, read_tensors, write_tensors
from sam_model.transformers_config import from_transformers_config

CONFIG = "config.json"
MODEL_TYPE = "segment_anything"
POSITION_EMBEDDING = "image_encoder.pos_embed"
ENCODERS: Mapping[str, type[TinyVitConfig | EfficientNetConfig]] = {
    "tiny_vit": TinyVitConfig,
    "efficient_net": EfficientNetConfig,
}
STEM = "image_encoder.patch_embed.seq.2.c.weight"
"""Of MobileSAM's encoder, which has no position embedding."""


def load_sam(
    path: str | PathLike[str],
    *,
    variant: str | None = None,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Sam:
    """Make the network that a checkpoint holds, ready for inference.

    Args:
        path: a file of tensors, or a directory with `config.json` and `model.safetensors` (whole or in shards).
        variant: the preset that it must be ("tiny", "vit_t", "vit_b", "vit_l", "vit_h"); left out, the file decides.
        device: where the network shall live.
        dtype: of its parameters; the frequencies of positions stay in float32. Where the processor only emulates it,
            an `EmulatedPrecisionWarning` says so.

    Raises:
        CheckpointNotFoundError: when nothing is there.
        UnreadableCheckpointError: when a file is damaged, is no checkpoint, or would execute code.
        CheckpointMismatchError: when tensors are missing, left over or of another shape, or the variant is another.
    """
    source = Path(path)
    warn_if_emulated(torch.device(device), dtype)
    if variant is not None and variant not in PRESETS:
        raise ConfigError(f"no variant {variant!r}: there are {', '.join(PRESETS)}")
    tensors = _official(read_tensors(source), source)
    config = _config_of_directory(source, variant) if source.is_dir() else _config_of_file(source, tensors, variant)
    with torch.device("meta"):
        sam = Sam(config)
    _check_tensors(tensors, sam.state_dict(), source)
    sam.load_state_dict(tensors, assign=True)
    return sam.to(device=device, dtype=dtype).eval()


def save_sam(sam: Sam, directory: str | PathLike[str], *, dtype: torch.dtype | None = None) -> None:
    """Write `config.json` and `model.safetensors`, which `load_sam` takes; a shorter `dtype` makes the file smaller.

    Raises `OSError` where they cannot be written.
    """
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    stored = deepcopy(sam).to(device="cpu", dtype=dtype or sam.dtype)
    write_tensors({name: tensor.contiguous() for name, tensor in stored.state_dict().items()}, folder / WEIGHTS)
    content = {"model_type": MODEL_TYPE, **asdict(sam.config)}
    (folder / CONFIG).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _official(tensors: dict[str, Tensor], source: Path) -> dict[str, Tensor]:
    if not are_transformers(tensors):
        return tensors
    matrices = [tensors[name] for name in POSITIONS_TWICE if name in tensors]
    if len(matrices) == 2 and not torch.equal(*matrices):
        raise CheckpointMismatchError(f"{source}: {' and '.join(POSITIONS_TWICE)} differ, expected the same matrix")
    return from_transformers(tensors)


def _config_of_directory(source: Path, variant: str | None) -> SamConfig:
    path = source / CONFIG
    if not path.is_file():
        raise CheckpointNotFoundError(f"{source} has no {CONFIG}: expected it beside {WEIGHTS}")
    config = _read_config(path)
    if variant is not None and config != PRESETS[variant]:
        expected = asdict(PRESETS[variant])
        other = [
            f"{name} {value} ({expected[name]})" for name, value in asdict(config).items() if value != expected[name]
        ]
        raise CheckpointMismatchError(
            f"{source} does not hold {variant}: it has, and {variant} in brackets, {', '.join(other)}"
        )
    return config


def _read_config(path: Path) -> SamConfig:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UnreadableCheckpointError(f"{path} is no JSON: {error}") from error
    kind = content.get("model_type") if isinstance(content, dict) else None
    try:
        if kind == "sam":
            return from_transformers_config(content)
        if kind == MODEL_TYPE:
            return _own_config(content)
    except ConfigError as error:
        raise CheckpointMismatchError(f"{path}: {error}") from error
    except TypeError as error:
        raise CheckpointMismatchError(f"{path} has a size of the wrong kind: {error}") from error
    raise CheckpointMismatchError(f"{path} has model_type {kind!r}: expected 'sam' (transformers) or {MODEL_TYPE!r}")


def _own_config(content: Mapping[str, Any]) -> SamConfig:
    sizes = {name: value for name, value in content.items() if name != "model_type"}
    for name, kind in ENCODERS.items():
        if isinstance(encoder := sizes.get(name), dict):
            sizes[name] = kind(**_known_sizes(kind, encoder))
        elif encoder is not None:
            raise ConfigError(f"{name} must be a mapping of sizes, not {encoder!r}")
    return SamConfig(**_known_sizes(SamConfig, sizes))


def _known_sizes(
    kind: type[SamConfig | TinyVitConfig | EfficientNetConfig], content: Mapping[str, Any]
) -> dict[str, Any]:
    unknown = content.keys() - {field.name for field in fields(kind)}
    if unknown:
        raise ConfigError(f"unknown sizes {', '.join(sorted(unknown))}")
    return {name: tuple(value) if isinstance(value, list) else value for name, value in content.items()}


def _config_of_file(source: Path, tensors: Mapping[str, Tensor], variant: str | None) -> SamConfig:
    """Find the preset with the checkpoint's encoder; a file says nothing else about its network."""
    encoder = _mobile_encoder(tensors) if STEM in tensors else _encoder(tensors, source)
    found = [name for name, preset in PRESETS.items() if _encoder_of(preset) == encoder]
    if variant is not None and found and variant not in found:
        raise CheckpointMismatchError(f"{source} holds {found[0]}, not {variant}")
    if variant is None and not found:
        *depths, width = encoder
        blocks = " + ".join(map(str, depths))
        known = f"{', '.join(PRESETS)}, or a directory with {CONFIG}"
        raise CheckpointMismatchError(
            f"{source} has an encoder of {blocks} blocks and {width} channels, which no variant has: expected {known}"
        )
    return PRESETS[variant or found[0]]


def _encoder(tensors: Mapping[str, Tensor], source: Path) -> tuple[int, ...]:
    """Blocks and channels."""
    positions = tensors.get(POSITION_EMBEDDING)
    if positions is None or positions.ndim != 4:
        raise CheckpointMismatchError(
            f"{source} is not Segment Anything: expected a tensor {POSITION_EMBEDDING} (1, h, w, c)"
        )
    blocks = {name.split(".")[2] for name in tensors if name.startswith("image_encoder.blocks.")}
    return len(blocks), positions.shape[-1]


def _mobile_encoder(tensors: Mapping[str, Tensor]) -> tuple[int, ...]:
    """Blocks of each stage, and channels of the first."""
    blocks = {tuple(name.split(".")[2:5]) for name in tensors if name.startswith("image_encoder.layers.")}
    stages = Counter(stage for stage, kind, _ in blocks if kind == "blocks")
    return (*(stages[stage] for stage in sorted(stages)), tensors[STEM].shape[0])


def _encoder_of(config: SamConfig) -> tuple[int, ...]:
    if config.tiny_vit is not None:
        return (*config.tiny_vit.depths, config.tiny_vit.widths[0])
    return config.encoder_depth, config.encoder_width


def _check_tensors(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor], source: Path) -> None:
    problems = {
        "missing": sorted(expected.keys() - tensors.keys()),
        "unexpected": sorted(tensors.keys() - expected.keys()),
        "of another shape": [
            f"{name} {tuple(tensors[name].shape)} instead of {tuple(tensor.shape)}"
            for name, tensor in expected.items()
            if name in tensors and tensors[name].shape != tensor.shape
        ],
    }
    found = [f"{len(names)} {problem}: {_first(names)}" for problem, names in problems.items() if names]
    if found:
        raise CheckpointMismatchError(f"{source} does not fit the network: {'; '.join(found)}")


def _first(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
