"""Measure a detector on scenes of unseen art; `python -m recipes.vitdet.evaluate` prints the table of the card."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from pipelines.nodes.export import run_lengths
from plugins.instances.metrics import measure
from plugins.instances.truth import Record, Truth
from plugins.vitdet.adapter import load
from plugins.vitdet.models import VitDetector
from recipes.vitdet.stages import EXAM
from recipes.world import DETECTION_NOUNS, TEST_FAMILIES, Atlas, Scene, SceneSpec, compose, load_atlas

BUNDLED = Path(__file__).resolve().parents[2] / "plugins" / "bundled" / "vitdet"
SEED = 30_000
CATEGORIES = {number: {"id": number, "name": name} for number, name in enumerate(DETECTION_NOUNS, start=1)}
_NUMBERS = {name: number for number, name in enumerate(DETECTION_NOUNS, start=1)}


def exam_scenes(atlas: Atlas, spec: SceneSpec, count: int) -> Iterator[tuple[int, Scene]]:
    """Scenes of a fixed seed, numbered from 1."""
    for number in range(1, count + 1):
        yield number, compose(np.random.default_rng([SEED, number]), atlas, spec)


def evaluate(detector: VitDetector, atlas: Atlas, spec: SceneSpec = EXAM, *, scenes: int = 200) -> dict[str, float]:
    """AP of boxes and of the detector's own masks, and AP50 whatever the class."""
    truth = Truth(Path("scenes"), {}, CATEGORIES, [])
    images: dict[int, Record] = {}
    found: list[Record] = []
    for number, scene in exam_scenes(atlas, spec, scenes):
        images[number] = {"id": number, "width": spec.size, "height": spec.size}
        truth.annotations.extend(annotations_of(scene, number, len(truth.annotations)))
        found.extend(results_of(detector, scene, number))
    truth = Truth(truth.source, images, CATEGORIES, truth.annotations)
    boxes, masks = measure(truth, found, "bbox").values, measure(truth, found, "segm").values
    single = Truth(
        truth.source, images, {1: {"id": 1, "name": "thing"}}, [_single(entry) for entry in truth.annotations]
    )
    agnostic = measure(single, [_single(entry) for entry in found], "bbox").values
    return {
        "things": len(truth.annotations), "box_ap": boxes["AP"], "box_ap50": boxes["AP50"],
        "mask_ap": masks["AP"], "mask_ap50": masks["AP50"], "agnostic_ap50": agnostic["AP50"],
    }  # fmt: skip


def annotations_of(scene: Scene, number: int, before: int) -> list[Record]:
    """A scene's things as COCO annotates them."""
    entries = []
    for index, (box, mask, name) in enumerate(
        zip(scene.boxes, scene.masks, scene.names, strict=True), start=before + 1
    ):
        x, y, right, bottom = map(float, box)
        entries.append(
            {"id": index, "image_id": number, "category_id": _NUMBERS[name], "iscrowd": 0, "area": int(mask.sum()),
             "bbox": [x, y, right - x, bottom - y], "segmentation": run_lengths(mask)}
        )  # fmt: skip
    return entries


def results_of(detector: VitDetector, scene: Scene, number: int) -> list[Record]:
    """What the detector finds in a scene, with its own masks."""
    found = detector.find(scene.image, masks=True, least=0.01, most=100)
    masks = () if found.masks is None else found.masks
    corners = found.boxes.astype(float)
    return [
        {"image_id": number, "category_id": int(kind) + 1, "score": float(score), "segmentation": run_lengths(mask),
         "bbox": [x, y, right - x, bottom - y]}
        for (x, y, right, bottom), kind, score, mask in zip(
            corners.tolist(), found.classes, found.scores, masks, strict=True)
    ]  # fmt: skip


def _single(entry: Record) -> Record:
    return {**entry, "category_id": 1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", nargs="?", type=Path, default=BUNDLED)
    parser.add_argument("--scenes", type=int, default=200)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    detector = load(arguments.directory, device="cpu", dtype="float32")
    for family, sets in TEST_FAMILIES.items():
        figures = evaluate(detector, load_atlas({family: sets}), scenes=arguments.scenes)
        print(family, {name: round(value, 3) for name, value in figures.items()})


if __name__ == "__main__":
    main()
