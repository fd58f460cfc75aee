"""Write the trained detector as a directory in transformers' format, in half precision, and choose its thresholds.

python -m recipes.grounding_dino.export --run recipes/runs/grounding_dino --to plugins/bundled/grounding_dino
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import GroundingDinoImageProcessorPil

from pipelines.models import Model
from plugins.clip.ranking import CONFIRMED
from recipes.evaluation.finding import Answer, measure_finding
from recipes.grounding_dino.model import build_detector, unfolded_state
from recipes.grounding_dino.text import MemoisedText
from recipes.grounding_dino.train import prepared, tokenizer_of
from recipes.world import SceneSpec, compose, load_atlas

WEIGHTS = "model.safetensors"
#: What the image processor scales the shorter side of a picture to, and lets the longer one grow to, in pixels. Larger
#: than in training: small things are found better, large ones as well.
SHOWN, LONGEST_SIDE = 256, 426
#: Scenes of training art, composed anew, that the threshold is chosen on; unseen art is kept for the measurement.
CALIBRATION_SCENES, CALIBRATION_SEED = 100, 77
THRESHOLDS = tuple(np.arange(0.10, 0.601, 0.02).round(2).tolist())

#: The share of sentences about absent things that a second look may believe; the least floor worth trying.
FALSE_SECONDS, LEAST_FLOOR = 0.05, 0.04

#: Things of one name seldom hide each other in these scenes, and the detector doubts its boxes by more than that.
NMS_THRESHOLD = 0.3


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--run", type=Path, required=True)
    options.add_argument("--to", type=Path, required=True)
    options.add_argument("--earlier", type=Path, help="a detector written before, to take a share of its weights from")
    options.add_argument("--share", type=float, default=0.5, help="how much of it")
    options.add_argument("--box-threshold", type=float, help="instead of the one that training art recommends")
    arguments = options.parse_args()
    torch.set_num_threads(1)
    earlier = None if arguments.earlier is None else load_file(arguments.earlier / WEIGHTS)
    write_detector(arguments.run, arguments.to)
    if earlier is not None:
        blend(arguments.to / WEIGHTS, earlier, arguments.share)
    advice = {**thresholds(arguments.to), "nms_threshold": NMS_THRESHOLD, "per_class": True, "second_look": True}
    if arguments.box_threshold is not None:
        advice["box_threshold"] = arguments.box_threshold
    (arguments.to / "samloom.json").write_text(json.dumps(advice) + "\n", encoding="utf-8")
    print(advice)


def write_detector(run: Path, target: Path) -> None:
    """Save the smoothed weights of a run with its tokenizer and image processor under `target`."""
    smoothed = prepared(run).smoothed
    smoothed.model.text_backbone = encoder = cast("MemoisedText", smoothed.model.text_backbone).encoder
    encoder.config.name_or_path = ""
    detector = build_detector(encoder.config)
    detector.load_state_dict(unfolded_state(smoothed))
    detector.half().save_pretrained(target)
    size = {"shortest_edge": SHOWN, "longest_edge": LONGEST_SIDE}
    GroundingDinoImageProcessorPil(size=size).save_pretrained(target)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(tokenizer_of(run) / name, target / name)


def blend(weights: Path, earlier: Mapping[str, Tensor], share: float) -> None:
    """Move the weights in a file towards those that training went on from (model soups, arXiv 2203.05482)."""
    state = load_file(weights)
    mixed = {name: _between(tensor, earlier[name], share) for name, tensor in state.items()}
    save_file(mixed, weights, metadata={"format": "pt"})


def _between(tensor: Tensor, earlier: Tensor, share: float) -> Tensor:
    return tensor.float().lerp(earlier.float(), share).to(tensor.dtype) if tensor.is_floating_point() else tensor


def thresholds(detector: Path) -> dict[str, float]:
    """The scores from which a box is believed: by itself, and where a sentence says that the thing is there."""
    atlas = load_atlas()
    spec = SceneSpec(size=320, jitter=0.0)
    scenes = (compose(np.random.default_rng((CALIBRATION_SEED, i)), atlas, spec) for i in range(CALIBRATION_SCENES))
    finding = measure_finding(scenes, Model(str(detector)), CALIBRATION_SEED)
    threshold = most_telling([each.score for each in finding.present], [each.score for each in finding.absent])
    return {"box_threshold": threshold, "box_floor": least_floor(finding.absent, threshold)}


def least_floor(absent: Sequence[Answer], threshold: float) -> float:
    """The least score of a second look that seldom enough believes in an absent thing; at most the threshold itself.

    As in the pipelines, CLIP has to confirm the box. Absent things alone decide: art that the detector was trained on
    falls below the threshold too seldom to tell what a second look gains.
    """
    for floor in np.arange(LEAST_FLOOR, threshold, 0.01).round(2).tolist():
        if np.mean([floor <= each.score < threshold and each.likely >= CONFIRMED for each in absent]) <= FALSE_SECONDS:
            return float(floor)
    return threshold


def most_telling(present: Sequence[float], absent: Sequence[float]) -> float:
    """Of `THRESHOLDS` the one that keeps most present and drops most absent, both shares weighing the same."""
    gains = [np.mean(np.array(present) >= least) - np.mean(np.array(absent) >= least) for least in THRESHOLDS]
    return float(THRESHOLDS[int(np.argmax(gains))])


if __name__ == "__main__":
    main()
