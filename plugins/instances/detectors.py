"""Which node a detector's name belongs to. Imports no model library."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

BUNDLED = "bundled"


@dataclass(frozen=True, slots=True)
class Kind:
    """A node that finds things, a ready-made pipeline around it, and the model for both."""

    node: str
    pipeline: str
    family: str
    ref: str


def detector_of(ref: str | None) -> Kind:
    """ViTDet for files of detectron2 and its own directories; torchvision for NAME:FILE; else transformers."""
    name = ref or BUNDLED
    path = Path(name).expanduser()
    if name == BUNDLED or path.is_file() or (path.is_dir() and _model_type(path) in {"vitdet", ""}):
        return Kind("vitdet/instances", "instances", "vitdet", name)
    if path.suffix in {".pkl", ".pth", ".safetensors"} and ":" not in name:
        return Kind("vitdet/instances", "instances", "vitdet", name)
    return Kind("detectors/detect", "instances_from_detector", "detector", name)


def _model_type(folder: Path) -> str:
    """What the directory's configuration says that it is; nothing where there is none to read."""
    try:
        content = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError):
        return ""
    return str(content.get("model_type", "")) if isinstance(content, dict) else ""
