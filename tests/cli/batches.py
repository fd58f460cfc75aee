"""A pipeline without models, pictures for it, and what `samloom batch` left of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image as Pil

PIPELINE = """
version: 1
inputs:
  photo: {type: Image}
  size: {type: int, default: 32}
nodes:
  tiles: {use: tiles/cut, image: "${photo}", size: "${size}"}
outputs:
  photo: "${photo}"
  tiles: "${tiles}"
  size: "${size}"
"""
OF_A_SMALL_PICTURE = ["photo.png", "tiles-0,0.png", "tiles-16,0.png", "tiles-whole.png", "values.json"]


def picture(path: Path, number: int = 0, size: tuple[int, int] = (48, 32)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Pil.fromarray(pixels).save(path)


def journal() -> list[dict[str, object]]:
    """The lines of `out/journal.jsonl`."""
    return [json.loads(line) for line in Path("out/journal.jsonl").read_text().splitlines()]


def files(folder: str) -> set[str]:
    """Every file and folder in it, but for the journal."""
    return {str(path.relative_to(folder)) for path in Path(folder).rglob("*")} - {"journal.jsonl"}
