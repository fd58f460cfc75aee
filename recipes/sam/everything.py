"""How thresholds of everything mode suit a network: `python -m recipes.sam.everything [DIRECTORY]`.

Scenes of training art are searched once with loose thresholds; then each pair of stricter ones is held against what was
found. The pair goes into `samloom.json` beside the weights. (A mask that suppressed another and falls itself to a
stricter stability does not bring that other back; it would, in a search of its own.)
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recipes.sam.evaluate import BUNDLED, SEED, SPEC, overlap
from recipes.world import Atlas, compose, load_atlas
from sam_model.checkpoints import load_sam
from sam_model.everything import EverythingSettings, segment_everything
from sam_model.predictor import Predictor

OFFSETS = (0.3, 0.6, 1.0)
LOOSE = EverythingSettings(points_per_side=24, min_iou=0.3, min_stability=0.3)
LEAST_IOU = (0.3, 0.5, 0.6, 0.7, 0.8)
LEAST_STABILITY = (0.5, 0.7, 0.8, 0.9)


@dataclass(frozen=True, eq=False)
class Found:
    """Of n masks in a picture of t things: overlap (t, n) with each, predicted IoU (n,) and stability (n,)."""

    overlaps: NDArray[np.float64]
    iou: NDArray[np.float32]
    stability: NDArray[np.float32]

    def kept(self, iou: float, stability: float) -> NDArray[np.float64]:
        """Overlaps of the masks that pass."""
        return self.overlaps[:, (self.iou > iou) & (self.stability >= stability)]


def search(predictor: Predictor, atlas: Atlas, *, scenes: int, offset: float) -> Iterator[Found]:
    """Outline everything in scenes that are always the same."""
    settings = replace(LOOSE, stability_offset=offset)
    for number in range(scenes):
        scene = compose(np.random.default_rng([SEED, number]), atlas, SPEC)
        found = segment_everything(predictor, scene.image, settings)
        overlaps = overlap(scene.masks[:, None], found.masks()[None])
        yield Found(overlaps, found.predicted_iou, found.stability)


def table(found: list[Found]) -> Iterator[str]:
    """A line for each pair of thresholds."""
    for iou in LEAST_IOU:
        for stability in LEAST_STABILITY:
            kept = [one.kept(iou, stability) for one in found]
            best = np.concatenate([rows.max(axis=1, initial=0.0) for rows in kept])
            hits = np.concatenate([rows.max(axis=0, initial=0.0) for rows in kept])
            yield (
                f"| {iou} | {stability} | {(best >= 0.5).mean():.3f} | {(best >= 0.75).mean():.3f} | {best.mean():.3f} "
                f"| {len(hits) / len(found):.1f} | {(hits >= 0.5).mean():.3f} |"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", nargs="?", type=Path, default=BUNDLED)
    parser.add_argument("--scenes", type=int, default=15)
    options = parser.parse_args()
    predictor, atlas = Predictor(load_sam(options.directory)), load_atlas()
    for offset in OFFSETS:
        print(f"\nstability between logits of ±{offset}\n")
        print("| IoU over | stability from | things ≥ 0.5 | ≥ 0.75 | mean IoU | masks a scene | of them things |")
        print("|---|---|---|---|---|---|---|")
        print("\n".join(table(list(search(predictor, atlas, scenes=options.scenes, offset=offset)))), flush=True)


if __name__ == "__main__":
    main()
