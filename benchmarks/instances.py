"""Masks of many boxes beside the official predictor, and metrics beside faster-coco-eval alone.

python benchmarks/instances.py [masks] [metrics]

Masks: one picture with 50 boxes through ViT-B; each side in a process of its own (`many_boxes.py`). Metrics: 1,000
pictures with 50 detections each; both sides count boxes and masks by category (COCO's AP) and once more without
(AR@1000). Processor time; of metrics the least of three rounds, the sides in turn.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster
from pycocotools import mask as coco_masks

from plugins.instances.metrics import PROPOSALS, measure
from plugins.instances.results import read_results
from plugins.instances.truth import read_truth
from sam_model.ops.rle import encode

PICTURES, DETECTIONS, THINGS, CATEGORIES, SIDE, ROUNDS = 1000, 50, 8, 80, 240, 3
LEAST_IOU = 0.99
"""What still counts as the same mask: a pixel on the border may fall either way."""
say = sys.stdout.write


def main() -> None:
    """Measure both, or what was named."""
    parts = {"masks": masks, "metrics": metrics}
    for name in sys.argv[1:] or parts:
        parts[name]()


def masks() -> None:
    """Write random weights, let both sides answer, print the ratios and how many masks agree."""
    import torch
    from segment_anything import sam_model_registry

    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "vit_b.pth"
        torch.manual_seed(0)
        torch.save(sam_model_registry["vit_b"]().state_dict(), weights)
        costs, found = {}, {}
        for side in ("theirs", "ours"):
            out = Path(folder) / f"{side}.json"
            script = Path(__file__).with_name("many_boxes.py")
            ran = subprocess.run(
                [sys.executable, script, side, weights, out], check=True, capture_output=True, text=True
            )
            costs[side], found[side] = json.loads(ran.stdout), json.loads(out.read_text())
    ours, theirs = costs["ours"], costs["theirs"]
    for name, side in costs.items():
        boxes = side["seconds"] - side["looked"]
        peak = side["peak"] / 2**20
        say(f"{name}: {side['looked']:.1f} s for the picture, {boxes:.1f} s for its boxes, {peak:.0f} MiB\n")
    say(f"time {ours['seconds'] / theirs['seconds']:.2f}x, peak memory {ours['peak'] / theirs['peak']:.2f}x\n")
    alike = [float(coco_masks.iou([one], [other], [0])[0, 0]) for one, other in zip(*found.values(), strict=True)]
    same = sum(iou >= LEAST_IOU for iou in alike)
    say(f"{same} of {len(alike)} masks are the same, the least IoU is {min(alike):.4f}\n")


def metrics() -> None:
    """Write a random data set, measure both, print the ratio."""
    with tempfile.TemporaryDirectory() as folder:
        truth, results = _written(Path(folder))
        ours, theirs = [], []
        for _ in range(ROUNDS):
            ours.append(_seconds(lambda: _ours(truth, results)))
            theirs.append(_seconds(lambda: _theirs(truth, results)))
    say(f"ours {min(ours):.1f} s, faster-coco-eval alone {min(theirs):.1f} s: {min(ours) / min(theirs):.2f}x\n")


def _ours(truth: Path, results: Path) -> None:
    known = read_truth(truth)
    found = read_results(results, known)
    measure(known, found, "bbox")
    measure(known, found, "segm")


def _theirs(truth: Path, results: Path) -> None:
    content = json.loads(results.read_text())
    known = COCO(str(truth))
    for kind, other in (("bbox", "segmentation"), ("segm", "bbox")):
        found = known.loadRes([{key: value for key, value in entry.items() if key != other} for entry in content])
        for most, classes in ((100, 1), (PROPOSALS, 0)):
            evaluation = COCOeval_faster(known, found, kind)
            evaluation.params.maxDets, evaluation.params.useCats = [most], classes
            evaluation.evaluate()
            evaluation.accumulate()


def _seconds(work: Callable[[], None]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _written(folder: Path) -> tuple[Path, Path]:
    random = np.random.default_rng(0)
    annotations, results = [], []
    for image in range(1, PICTURES + 1):
        marked = _records(random, image, THINGS)
        annotations += [entry | {"area": entry["bbox"][2] * entry["bbox"][3], "iscrowd": 0} for entry in marked]
        met = [marked[index] for index in random.integers(0, THINGS, DETECTIONS // 2)]
        found = [*met, *_records(random, image, DETECTIONS - len(met))]
        results += [entry | {"score": float(random.random())} for entry in found]
    annotations = [entry | {"id": number} for number, entry in enumerate(annotations, start=1)]
    truth = {
        "images": [{"id": number, "width": SIDE, "height": SIDE} for number in range(1, PICTURES + 1)],
        "categories": [{"id": number, "name": f"thing {number}"} for number in range(1, CATEGORIES + 1)],
        "annotations": annotations,
    }
    (folder / "truth.json").write_text(json.dumps(truth))
    (folder / "results.json").write_text(json.dumps(results))
    return folder / "truth.json", folder / "results.json"


def _records(random: np.random.Generator, image: int, count: int) -> list[dict[str, Any]]:
    """Things whose masks are ellipses in their boxes."""
    corners = random.integers(0, SIDE // 2, (count, 2))
    sizes = random.integers(16, SIDE // 2, (count, 2))
    place = np.arange(SIDE) + 0.5
    across = ((place - corners[:, :1] - sizes[:, :1] / 2) / (sizes[:, :1] / 2)) ** 2
    down = ((place - corners[:, 1:] - sizes[:, 1:] / 2) / (sizes[:, 1:] / 2)) ** 2
    masks = encode(across[:, None, :] + down[:, :, None] <= 1)
    categories = random.integers(1, CATEGORIES + 1, count).tolist()
    boxes = np.concatenate([corners, sizes], axis=1).tolist()
    return [
        {"image_id": image, "category_id": category, "bbox": box, "segmentation": mask.to_coco()}
        for category, box, mask in zip(categories, boxes, masks, strict=True)
    ]


if __name__ == "__main__":
    main()
