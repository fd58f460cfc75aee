"""How often the named thing is found, and how well absent things are told from present ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from supervision import box_iou_batch

from pipelines.models import Model
from pipelines.values import Detections
from plugins.clip.nodes import rank_boxes
from plugins.grounding_dino.nodes import detect
from plugins.sam.nodes import masks
from recipes.evaluation.scenes import image_of, truth_of
from recipes.evaluation.statistics import Estimate, area_under_roc, mean, share
from recipes.world import DETECTION_NOUNS, UNSEEN_SYNONYMS, Scene

#: A box counts as found from this IoU on, as in Pascal VOC.
FOUND_IOU = 0.5
BUNDLED: Model[Any] = Model("bundled")


#: How much CLIP's opinion weighs beside the detector's score, as an exponent, and the least opinion that counts: below,
#: CLIP tells no degrees. Chosen on training art, where 0.1 to 0.5 do about equally well and 1 less so.
CLIP_WEIGHT, CLIP_LEAST = 0.25, 1e-4


@dataclass(frozen=True)
class Answer:
    """The top box for one noun: its score, how likely it shows the noun in CLIP's eyes, and whether it is right."""

    score: float
    likely: float
    right: bool

    @property
    def together(self) -> float:
        """What detector and CLIP think between them."""
        return float(self.score * max(self.likely, CLIP_LEAST) ** CLIP_WEIGHT)


@dataclass
class Finding:
    """What single-noun prompts gave: by noun whether the top box was right; top boxes of present and absent things."""

    hits: dict[str, list[bool]] = field(default_factory=dict)
    present: list[Answer] = field(default_factory=list)
    absent: list[Answer] = field(default_factory=list)
    otherwise: list[bool] = field(default_factory=list)
    """Whether the top box was right for a word that the model has never been trained with."""

    def rows(self) -> list[tuple[str, Estimate]]:
        """The figures of the table."""
        every = [hit for hits in self.hits.values() for hit in hits]
        return [
            (f"named thing found: top box IoU ≥ {FOUND_IOU}, {len(self.hits)} nouns", share(every)),
            ("the same by a synonym never seen as a prompt", share(self.otherwise)),
            (
                "present told from absent: area under the ROC curve",
                area_under_roc([answer.score for answer in self.present], [answer.score for answer in self.absent]),
            ),
            (
                "the same, detector and CLIP together",
                area_under_roc(
                    [answer.together for answer in self.present], [answer.together for answer in self.absent]
                ),
            ),
        ]

    def weakest(self, count: int = 6) -> list[str]:
        """The nouns found least often, with their shares."""
        shares = sorted((float(np.mean(hits)), noun) for noun, hits in self.hits.items())
        return [f"{noun} {value:.2f}" for value, noun in shares[:count]]


def measure_finding(scenes: Iterable[Scene], model: Model[Any], seed: int, *, clip: Model[Any] = BUNDLED) -> Finding:
    """Ask for every noun of each scene, and for one that is not there; `clip` looks at each top box."""
    rng = np.random.default_rng(seed)
    finding = Finding()
    for scene in scenes:
        for noun in dict.fromkeys(scene.names):
            answer = _answer(scene, noun, model, clip)
            finding.hits.setdefault(noun, []).append(answer.right)
            finding.present.append(answer)
            if others := UNSEEN_SYNONYMS.get(noun):
                box = _top(scene, others[rng.integers(len(others))], model).xyxy
                finding.otherwise.append(_right(scene, noun, box))
        missing = [noun for noun in DETECTION_NOUNS if noun not in scene.names]
        finding.absent.append(_answer(scene, missing[rng.integers(len(missing))], model, clip))
    return finding


def measure_masks(scenes: Iterable[Scene], model: Model[Any]) -> Estimate:
    """Mean IoU of the mask drawn from each true box with the visible part of the thing."""
    overlaps: list[float] = []
    for scene in scenes:
        found = masks(image_of(scene), truth_of(scene), model=model).mask
        both = (found & scene.masks).sum((1, 2))
        overlaps += list(both / (found | scene.masks).sum((1, 2)))
    return mean(overlaps)


def _answer(scene: Scene, noun: str, model: Model[Any], clip: Model[Any]) -> Answer:
    top = _top(scene, noun, model)
    if not len(top):
        return Answer(0.0, 0.0, right=False)
    seen = rank_boxes(image_of(scene), top, f"{noun}.", model=clip, threshold=0.0)
    return Answer(float(top.confidence[0]), float(seen.confidence[0]), right=_right(scene, noun, top.xyxy))


def _right(scene: Scene, noun: str, boxes: NDArray[np.float32]) -> bool:
    wanted = scene.boxes[[name == noun for name in scene.names]]
    return bool(len(boxes) and (box_iou_batch(boxes, wanted) >= FOUND_IOU).any())


def _top(scene: Scene, noun: str, model: Model[Any]) -> Detections:
    """The best box that a prompt of one noun gets, whatever the threshold; empty if there is none."""
    top: Detections = detect(image_of(scene), f"{noun}.", model=model, box_threshold=0.0)[:1]
    return top
