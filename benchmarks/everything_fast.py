"""What the fast everything mode finds of the exact one's masks, and how many points it asks, with the bundled weights.

python benchmarks/everything_fast.py demos/images photos --points 32 16
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image

from sam_model import EverythingSettings, Predictor, load_sam, segment_everything
from sam_model.everything import CODE_DEFAULTS, Everything

WEIGHTS = Path(__file__).parents[1] / "plugins/bundled/sam"
SUFFIXES = {".jpg", ".jpeg", ".png"}
LONGEST_SIDE = 1024
ALIKE = (0.9, 0.75)


def main() -> None:
    """Print a row for each grid."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="+", type=Path)
    parser.add_argument("--points", nargs="+", type=int, default=[32], help="points a side")
    options = parser.parse_args()
    predictor = Predictor(load_sam(WEIGHTS))
    advice = json.loads((WEIGHTS / "samloom.json").read_text())["everything"]
    print("| points a side | pictures | asked of the grid | exact masks | found at IoU 0.9 | at 0.75 | processor |")
    print("|---|---|---|---|---|---|---|")
    for side in options.points:
        settings = replace(CODE_DEFAULTS, points_per_side=side, **advice)
        rows = [compared(predictor, picture, settings) for picture in pictures(options.folder)]
        asked, masks, *found, exact, fast = np.array(rows).sum(axis=0).tolist()
        shares = " | ".join(f"{number / masks:.3f}" for number in found)
        of_grid = asked / (len(rows) * side**2)
        print(f"| {side} | {len(rows)} | {of_grid:.2f} | {masks:.0f} | {shares} | {fast / exact:.2f}× |", flush=True)


def pictures(folders: list[Path]) -> Iterator[np.ndarray]:
    """All pictures of some folders, not too large."""
    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES):
        picture = PIL.Image.open(path).convert("RGB")
        picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        yield np.asarray(picture)


def compared(predictor: Predictor, pixels: np.ndarray, settings: EverythingSettings) -> tuple[float, ...]:
    """Points asked, exact masks, how many of those the fast mode found, and the processor's seconds of both."""
    from pycocotools import mask as coco

    exact, exact_seconds, _ = timed(predictor, pixels, settings, fast=False)
    fast, fast_seconds, asked = timed(predictor, pixels, settings, fast=True)
    best = np.zeros(len(exact))
    if len(exact) and len(fast):
        pair = [[rle.to_coco() for rle in found.rles] for found in (fast, exact)]
        best = np.asarray(coco.iou(*pair, [0] * len(exact))).max(axis=0)
    return asked, len(exact), *(int((best >= iou).sum()) for iou in ALIKE), exact_seconds, fast_seconds


def timed(
    predictor: Predictor, pixels: np.ndarray, settings: EverythingSettings, *, fast: bool
) -> tuple[Everything, float, int]:
    """What is found, in which time of the processor, and how many points the decoder answered."""
    answered = 0
    judge = predictor.sam.judge

    def counted(*args: object, **given: object) -> object:
        nonlocal answered
        judged = judge(*args, **given)  # type: ignore[arg-type]
        answered += len(judged.iou)
        return judged

    predictor.sam.judge = counted  # type: ignore[method-assign, assignment]
    start = time.process_time()
    try:
        found = segment_everything(predictor, pixels, settings, fast=fast)
    finally:
        predictor.sam.judge = judge  # type: ignore[method-assign]
    return found, time.process_time() - start, answered


if __name__ == "__main__":
    main()
