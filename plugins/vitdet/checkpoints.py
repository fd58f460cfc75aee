"""Weights on disk ⇄ network: strict, and never by running code from a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from pipelines.errors import ModelError
from plugins.coco import NAMES
from plugins.vitdet.config import VitDetConfig
from plugins.vitdet.modeling import VitDet
from plugins.vitdet.pickles import MODEL, read_arrays
from sam_model.errors import CheckpointError
from sam_model.tensor_files import WEIGHTS, read_tensors

CONFIG = "config.json"
MODEL_TYPE = "vitdet"
_MARK = "backbone.net.blocks.0.attn.rel_pos_h"
_POSITIONS = "backbone.net.pos_embed"
_LEVEL = "backbone.simfp_4.0.weight"
_CASCADE = "roi_heads.box_predictor.0.cls_score.weight"
_SINGLE = "roi_heads.box_predictor.cls_score.weight"
_FEDERATED = ".fed_loss_cls_weights"
"""How often each class is drawn for the loss; only detectors of LVIS have it."""
_LVIS = tuple(map(str, range(1, 1204)))


def load_vitdet(path: Path) -> tuple[VitDet, tuple[str, ...]]:
    """The network that a checkpoint holds, on the CPU in float32, and the names of its classes.

    `path` is a `.pkl` of detectron2, a `.pth` or `.safetensors` file with the same names, or a directory that
    `save_vitdet` wrote. A file tells its sizes by its weights; without names it must have COCO's 80 classes or LVIS's
    1,203, which are then called by their numbers in LVIS. Weights of LVIS's loss are left out.

    Raises:
        ModelError: when nothing is there, a file is damaged or would run code, or weights are missing, left over or of
            another shape.
    """
    tensors = _tensors(path)
    if path.is_dir():
        config, names = _of_directory(path / CONFIG)
    else:
        config = _of_weights(tensors, path)
        names = _LVIS if config.classes == len(_LVIS) else NAMES
    tensors = {name: tensor for name, tensor in tensors.items() if not name.endswith(_FEDERATED)}
    if len(names) != config.classes:
        raise ModelError(
            f"{path} has {config.classes} classes and {len(names)} names of classes. Put the weights into a directory "
            f"as {WEIGHTS}, beside a {CONFIG} with their class_names."
        )
    with torch.device("meta"):
        network = VitDet(config)
    _check(tensors, network.state_dict(), path)
    network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, assign=True)
    return network.eval(), names


def save_vitdet(
    network: VitDet, class_names: tuple[str, ...], directory: Path, *, dtype: torch.dtype = torch.float32
) -> None:
    """Write `config.json` and `model.safetensors`, which `load_vitdet` takes."""
    directory.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.detach().to("cpu", dtype).contiguous() for name, tensor in network.state_dict().items()}
    save_file(weights, directory / WEIGHTS)
    content = {"model_type": MODEL_TYPE, **asdict(network.config), "class_names": list(class_names)}
    (directory / CONFIG).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _tensors(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".pkl":
        return {name: torch.from_numpy(array) for name, array in read_arrays(path).items()}
    try:
        return read_tensors(path, under=MODEL)
    except CheckpointError as error:
        raise ModelError(f"{error}.") from error


def _of_directory(path: Path) -> tuple[VitDetConfig, tuple[str, ...]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.pop("model_type", None) != MODEL_TYPE:
            raise ModelError(f"{path} has no model_type '{MODEL_TYPE}': this is another model.")
        names = tuple(map(str, content.pop("class_names")))
        unknown = content.keys() - {field.name for field in fields(VitDetConfig)}
        if unknown:
            raise ModelError(f"{path} has unknown sizes {', '.join(sorted(unknown))}.")
        sizes: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in content.items()
        }
        return VitDetConfig(**sizes), names
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise ModelError(f"{path} describes no ViTDet: {type(error).__name__} {error}.") from error


def _of_weights(tensors: Mapping[str, Tensor], path: Path) -> VitDetConfig:
    """The sizes that the weights' own shapes tell; what does not add up is found when they are loaded."""
    cascade = _CASCADE in tensors
    scores = tensors.get(_CASCADE if cascade else _SINGLE)
    if not tensors.keys() >= {_MARK, _POSITIONS, _LEVEL} or scores is None:
        raise ModelError(f"{path} is no ViTDet with the heads of mask R-CNN: expected tensors {_MARK} and {_SINGLE}.")
    spans = _spans(tensors)
    window, width = spans[0], tensors[_POSITIONS].shape[-1]
    everywhere = tuple(index for index, span in enumerate(spans) if span != window)
    try:
        return VitDetConfig(
            image_size=16 * (spans[everywhere[0]] if everywhere else window),
            encoder_width=width,
            encoder_depth=len(spans),
            encoder_heads=width // tensors[_MARK].shape[1],
            global_blocks=everywhere,
            window_size=window,
            width=tensors[_LEVEL].shape[0],
            box_width=scores.shape[1],
            cascade=cascade,
            classes=scores.shape[0] - 1,
            sigmoid=len(scores) - 1 == len(_LVIS) or any(name.endswith(_FEDERATED) for name in tensors),
        )
    except ValueError as error:
        raise ModelError(f"{path}: {error}.") from error


def _spans(tensors: Mapping[str, Tensor]) -> list[int]:
    """How many patches each block looks along."""
    depth = sum(name.endswith(".attn.rel_pos_h") for name in tensors)
    tables = [tensors.get(f"backbone.net.blocks.{index}.attn.rel_pos_h") for index in range(depth)]
    return [(table.shape[0] + 1) // 2 for table in tables if table is not None]


def _check(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor], path: Path) -> None:
    differing: list[Any] = [
        name for name in expected if name in tensors and tensors[name].shape != expected[name].shape
    ]
    problems = {
        "missing": sorted(expected.keys() - tensors.keys()),
        "unexpected": sorted(tensors.keys() - expected.keys()),
        "of another shape": differing,
    }
    found = [f"{len(names)} {problem} ({names[0]}, ...)" for problem, names in problems.items() if names]
    if found:
        raise ModelError(f"{path} does not fit the network: {'; '.join(found)}.")
