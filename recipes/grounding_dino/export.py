"""Write the trained detector as a directory in transformers' format, in half precision, and choose its box threshold.

python -m recipes.grounding_dino.export --run recipes/runs/grounding_dino --to plugins/bundled/grounding_dino
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import torch
from transformers import GroundingDinoImageProcessorPil

from pipelines.models import Model
from recipes.evaluation.finding import measure_finding
from recipes.grounding_dino.model import LONGEST_SIDE, SIZE, build_detector, unfolded_state
from recipes.grounding_dino.text import MemoisedText
from recipes.grounding_dino.train import prepared, tokenizer_of
from recipes.world import SceneSpec, compose, load_atlas

#: Scenes of training art, composed anew, that the threshold is chosen on; unseen art is kept for the measurement.
CALIBRATION_SCENES, CALIBRATION_SEED = 100, 77
THRESHOLDS = tuple(np.arange(0.10, 0.601, 0.02).round(2).tolist())

#: Things of one name seldom hide each other in these scenes, and the detector doubts its boxes by more than that.
NMS_THRESHOLD = 0.3


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--run", type=Path, required=True)
    options.add_argument("--to", type=Path, required=True)
    arguments = options.parse_args()
    torch.set_num_threads(1)
    write_detector(arguments.run, arguments.to)
    advice = {"box_threshold": box_threshold(arguments.to), "nms_threshold": NMS_THRESHOLD, "per_class": True}
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
    size = {"shortest_edge": SIZE, "longest_edge": LONGEST_SIDE}
    GroundingDinoImageProcessorPil(size=size).save_pretrained(target)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(tokenizer_of(run) / name, target / name)


def box_threshold(detector: Path) -> float:
    """The threshold that best tells named things that are there from names of things that are not."""
    atlas = load_atlas()
    spec = SceneSpec(size=320, jitter=0.0)
    scenes = (compose(np.random.default_rng((CALIBRATION_SEED, i)), atlas, spec) for i in range(CALIBRATION_SCENES))
    finding = measure_finding(scenes, Model(str(detector)), CALIBRATION_SEED)
    return most_telling(finding.present, finding.absent)


def most_telling(present: Sequence[float], absent: Sequence[float]) -> float:
    """Of `THRESHOLDS` the one that keeps most present and drops most absent, both shares weighing the same."""
    gains = [np.mean(np.array(present) >= least) - np.mean(np.array(absent) >= least) for least in THRESHOLDS]
    return float(THRESHOLDS[int(np.argmax(gains))])


if __name__ == "__main__":
    main()
