"""How often the named thing is found, and how well absent things are told from present ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from supervision import box_iou_batch

from pipelines.models import Model
from plugins.grounding_dino.nodes import detect
from plugins.sam.nodes import masks
from recipes.evaluation.scenes import image_of, truth_of
from recipes.evaluation.statistics import Estimate, area_under_roc, mean, share
from recipes.world import DETECTION_NOUNS, UNSEEN_SYNONYMS, Scene

#: A box counts as found from this IoU on, as in Pascal VOC.
FOUND_IOU = 0.5


@dataclass
class Finding:
    """What single-noun prompts gave: by noun whether the top box was right; top scores of present and absent things."""

    hits: dict[str, list[bool]] = field(default_factory=dict)
    present: list[float] = field(default_factory=list)
    absent: list[float] = field(default_factory=list)
    otherwise: list[bool] = field(default_factory=list)
    """Whether the top box was right for a word that the model has never been trained with."""

    def rows(self) -> list[tuple[str, Estimate]]:
        """The figures of the table."""
        every = [hit for hits in self.hits.values() for hit in hits]
        return [
            (f"named thing found: top box IoU ≥ {FOUND_IOU}, {len(self.hits)} nouns", share(every)),
            ("the same by a synonym never seen as a prompt", share(self.otherwise)),
            ("present told from absent: area under the ROC curve", area_under_roc(self.present, self.absent)),
        ]

    def weakest(self, count: int = 6) -> list[str]:
        """The nouns found least often, with their shares."""
        shares = sorted((float(np.mean(hits)), noun) for noun, hits in self.hits.items())
        return [f"{noun} {value:.2f}" for value, noun in shares[:count]]


def measure_finding(scenes: Iterable[Scene], model: Model[Any], seed: int) -> Finding:
    """Ask for every noun of each scene, and for one that is not there."""
    rng = np.random.default_rng(seed)
    finding = Finding()
    for scene in scenes:
        for noun in dict.fromkeys(scene.names):
            score, box = _top(scene, noun, model)
            finding.hits.setdefault(noun, []).append(_right(scene, noun, box))
            finding.present.append(score)
            if others := UNSEEN_SYNONYMS.get(noun):
                _, box = _top(scene, others[rng.integers(len(others))], model)
                finding.otherwise.append(_right(scene, noun, box))
        missing = [noun for noun in DETECTION_NOUNS if noun not in scene.names]
        finding.absent.append(_top(scene, missing[rng.integers(len(missing))], model)[0])
    return finding


def measure_masks(scenes: Iterable[Scene], model: Model[Any]) -> Estimate:
    """Mean IoU of the mask drawn from each true box with the visible part of the thing."""
    overlaps: list[float] = []
    for scene in scenes:
        found = masks(image_of(scene), truth_of(scene), model=model).mask
        both = (found & scene.masks).sum((1, 2))
        overlaps += list(both / (found | scene.masks).sum((1, 2)))
    return mean(overlaps)


def _right(scene: Scene, noun: str, box: NDArray[np.float32]) -> bool:
    wanted = scene.boxes[[name == noun for name in scene.names]]
    return bool((box_iou_batch(box[None], wanted) >= FOUND_IOU).any())


def _top(scene: Scene, noun: str, model: Model[Any]) -> tuple[float, NDArray[np.float32]]:
    """The best score and box that a prompt of one noun gets, whatever the threshold."""
    found = detect(image_of(scene), f"{noun}.", model=model, box_threshold=0.0)
    if not len(found):
        return 0.0, np.zeros(4, np.float32)
    return float(found.confidence[0]), found.xyxy[0]
