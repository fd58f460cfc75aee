"""Scenes of unseen art as a data set of COCO: `python -m recipes.vitdet.dataset FOLDER [--art twemoji] [--scenes 200]`.

Pictures go to FOLDER/images, what is in them to FOLDER/annotations.json, for `samloom evaluate instances`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from PIL import Image as PilImage

from plugins.instances.truth import Record
from recipes.vitdet.evaluate import CATEGORIES, annotations_of, exam_scenes
from recipes.vitdet.stages import EXAM
from recipes.world import TEST_FAMILIES, load_atlas


def write_scenes(folder: Path, art: Sequence[str], scenes: int) -> None:
    """The scenes that `evaluate` measures on, as many of each kind of art, one kind after the other."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    images: list[Record] = []
    annotations: list[Record] = []
    for family in art:
        before = len(images)
        for number, scene in exam_scenes(load_atlas({family: TEST_FAMILIES[family]}), EXAM, scenes):
            name = f"{family}-{number:04d}.png"
            PilImage.fromarray(scene.image).save(folder / "images" / name)
            images.append({"id": before + number, "file_name": name, "width": EXAM.size, "height": EXAM.size})
            annotations.extend(annotations_of(scene, before + number, len(annotations)))
    content = {"images": images, "categories": list(CATEGORIES.values()), "annotations": annotations}
    (folder / "annotations.json").write_text(json.dumps(content), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--art", nargs="+", choices=sorted(TEST_FAMILIES), default=sorted(TEST_FAMILIES))
    parser.add_argument("--scenes", type=int, default=200, help="of each kind of art")
    arguments = parser.parse_args()
    write_scenes(arguments.folder, arguments.art, arguments.scenes)


if __name__ == "__main__":
    main()
