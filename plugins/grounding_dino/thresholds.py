"""From everything that a detector considered to what is worth keeping."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.values import Detections
from plugins.grounding_dino.models import Candidates

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What is kept: the least score of a box, the least fit of its phrase, and the most that two boxes overlap.

    `floor`: a phrase of which nothing is kept gets its best box down to this score; None gives it none.
    """

    box: float
    text: float
    overlap: float
    across_classes: bool
    floor: float | None = None

    def apply(self, candidates: Candidates, phrases: tuple[str, ...]) -> Detections:
        """The candidates worth keeping, the surest first, without doubles.

        With a floor they have a column `second_look`, true of those below the box threshold.
        """
        sides = candidates.boxes[:, 2:] - candidates.boxes[:, :2]
        fit = (candidates.text_scores >= self.text) & (sides > 0).all(axis=1)
        sure = np.flatnonzero(fit & (candidates.scores >= self.box))
        second = self._second_look(candidates, np.flatnonzero(fit), sure, len(phrases))
        found = self._without_doubles(candidates, np.concatenate([sure, second]), phrases)
        if self.floor is not None:
            found.data["second_look"] = found.confidence < self.box
        found.data["instance_id"] = np.arange(len(found), dtype=np.int64)
        return found

    def _without_doubles(self, candidates: Candidates, kept: Rows, phrases: tuple[str, ...]) -> Detections:
        kept = kept[np.argsort(-candidates.scores[kept], kind="stable")]
        indices = candidates.phrases[kept]
        found: Detections = Detections(
            xyxy=candidates.boxes[kept],
            confidence=candidates.scores[kept],
            class_id=indices.astype(np.int64),
            data={
                "class_name": np.array(phrases, dtype=np.str_)[indices],
                "text_score": candidates.text_scores[kept],
            },
        ).with_nms(self.overlap, class_agnostic=self.across_classes)
        return found

    def _second_look(self, candidates: Candidates, fit: Rows, sure: Rows, phrases: int) -> Rows:
        """For each phrase that has no sure box its best one down to the floor.

        Not one of a thing that another phrase surely names: an unseen leash is not the dog.
        """
        if self.floor is None:
            return np.empty(0, np.intp)
        rows = fit[candidates.scores[fit] >= self.floor]
        rows = rows[~self._doubles(candidates.boxes[rows], candidates.boxes[sure])]
        missing = set(range(phrases)) - set(candidates.phrases[sure].tolist())
        own = [rows[candidates.phrases[rows] == phrase] for phrase in sorted(missing)]
        return np.array([mine[candidates.scores[mine].argmax()] for mine in own if len(mine)], np.intp)

    def _doubles(self, boxes: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.bool_]:
        from supervision import box_iou_batch

        if not len(boxes) or not len(others):
            return np.zeros(len(boxes), np.bool_)
        return np.asarray((box_iou_batch(boxes, others) > self.overlap).any(axis=1), np.bool_)
