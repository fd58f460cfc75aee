"""One side of `instances.py`: masks of 50 boxes in one picture through ViT-B, as run lengths.

python benchmarks/many_boxes.py ours|theirs WEIGHTS OUT

Weights are random but the same; the official predictor looks at the picture once and is asked box by box. Prints
processor seconds and the peak of resident memory as a line of JSON; the masks go to OUT.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

HEIGHT, WIDTH, BOXES = 768, 1024, 50
# The kernel gives peak memory in KiB, except on macOS.
PEAK_UNIT = 1 if sys.platform == "darwin" else 1024


def scene() -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A picture of coloured noise, and boxes of all sizes in it."""
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (HEIGHT // 32, WIDTH // 32, 3), np.uint8)
    corners = random.uniform(0, (WIDTH / 2, HEIGHT / 2), (BOXES, 2))
    sides = random.uniform(30, (WIDTH / 2, HEIGHT / 2), (BOXES, 2))
    return coarse.repeat(32, axis=0).repeat(32, axis=1), np.concatenate([corners, corners + sides], 1).astype(
        np.float32
    )


class Cost(NamedTuple):
    """Processor seconds of looking at the picture, and of everything; loading is left out."""

    looked: float
    seconds: float


def ours(weights: Path) -> tuple[Cost, list[dict[str, object]]]:
    """All boxes in one call."""
    from sam_model.checkpoints import load_sam
    from sam_model.memory import keep_freed_memory
    from sam_model.ops.rle import encode
    from sam_model.predictor import Predictor
    from sam_model.prompts import Box

    keep_freed_memory()
    predictor = Predictor(load_sam(weights))
    picture, boxes = scene()
    started = time.process_time()
    embedding = predictor.embed(picture)
    looked = time.process_time() - started
    found = [mask.to_coco() for mask in encode(predictor.predict(embedding, Box(boxes)).masks[:, 0])]
    return Cost(looked, time.process_time() - started), found


def theirs(weights: Path) -> tuple[Cost, list[dict[str, object]]]:
    """The official package, and pycocotools for run lengths."""
    from pycocotools import mask as coco_masks
    from segment_anything import SamPredictor, sam_model_registry

    predictor = SamPredictor(sam_model_registry["vit_b"](str(weights)))
    picture, boxes = scene()
    started = time.process_time()
    predictor.set_image(picture)
    looked = time.process_time() - started
    found = []
    for box in boxes:
        masks, _, _ = predictor.predict(box=box, multimask_output=False)
        packed = coco_masks.encode(np.asfortranarray(masks[0].astype(np.uint8)))
        found.append({"size": packed["size"], "counts": packed["counts"].decode()})
    return Cost(looked, time.process_time() - started), found


def main() -> None:
    side, weights, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    torch.set_num_threads(1)
    cost, found = {"ours": ours, "theirs": theirs}[side](weights)
    out.write_text(json.dumps(found))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * PEAK_UNIT
    sys.stdout.write(json.dumps({**cost._asdict(), "peak": peak}) + "\n")


if __name__ == "__main__":
    main()
