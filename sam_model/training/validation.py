"""How well the network answers, in pixels of the picture: from a box, from a click, from five clicks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int

from sam_model.data.dataset import AnnotatedPicture
from sam_model.modeling import Sam
from sam_model.ops.masks import mask_iou
from sam_model.predictor import ImageEmbedding, Predictor
from sam_model.prompts import BACKGROUND, FOREGROUND, Box, MaskHint, Points

CLICKS = 5


@dataclass(frozen=True)
class Scores:
    """Mean IoU over all masks.

    `box` is the single mask of the true box. `click` is, of the three masks of a click at the deepest point, the one
    that the network ranks first. `clicks` is the single mask after four more, each at the deepest point of the larger
    error.
    """

    masks: int
    box: float
    click: float
    clicks: float


@dataclass(frozen=True, eq=False)
class Exam:
    """A picture, its true masks, and the answers to them."""

    picture: AnnotatedPicture
    truth: Bool[np.ndarray, "n height width"]
    boxes: Float[np.ndarray, "n 4"]
    places: Float[np.ndarray, "n 2"]
    """Of the first click."""
    answers: tuple[Bool[np.ndarray, "n height width"], ...]
    """To the box, the click and the clicks."""

    @property
    def scores(self) -> Float[np.ndarray, "3 n"]:
        """IoU of each answer."""
        return np.stack([mask_iou(answer, self.truth) for answer in self.answers])


def examine(sam: Sam, picture: AnnotatedPicture, *, masks: int) -> Exam | None:
    """Ask for at most `masks` masks of a picture; None where it has none.

    The network is measured as it is used: in evaluation mode, and left in the mode that it came in.

    Raises:
        DatasetError: when the picture cannot be read.
    """
    drawn = [mask for outline in picture.outlines[:masks] if (mask := picture.mask(outline)).any()]
    if not drawn:
        return None
    truth = np.stack(drawn)
    training = sam.training
    try:
        return _examine(Predictor(sam), picture, truth)
    finally:
        sam.train(training)


def totals_of(exams: Iterable[Exam]) -> Float[np.ndarray, " figures"]:
    """The number of masks and the sums of their three scores, which processes add up."""
    totals = np.zeros(4)
    for exam in exams:
        totals += (len(exam.truth), *exam.scores.sum(axis=1))
    return totals


def to_scores(totals: Float[np.ndarray, " figures"]) -> Scores:
    """Turn such sums into means."""
    count, *sums = totals.tolist()
    return Scores(int(count), *(total / max(count, 1) for total in sums))


def deepest(mask: Bool[np.ndarray, "height width"]) -> tuple[int, int]:
    """The pixel (x, y) farthest from the mask's edge and from the picture's."""
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5)
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return int(column) - 1, int(row) - 1


def _examine(predictor: Predictor, picture: AnnotatedPicture, truth: Bool[np.ndarray, "n height width"]) -> Exam:
    embedding = predictor.embed(picture.read())
    boxes = np.array([_box(mask) for mask in truth], np.float32)
    places = np.array([deepest(mask) for mask in truth], np.float32)
    single = predictor.predict(embedding, Box(boxes)).masks[:, 0]
    click, clicks = _by_clicks(predictor, embedding, truth, places)
    return Exam(picture, truth, boxes, places, (single, click, clicks))


def _by_clicks(
    predictor: Predictor,
    embedding: ImageEmbedding,
    truth: Bool[np.ndarray, "n height width"],
    places: Float[np.ndarray, "n 2"],
) -> tuple[Bool[np.ndarray, "n height width"], Bool[np.ndarray, "n height width"]]:
    points, labels = places[:, None], np.full((len(places), 1), FOREGROUND)
    answer = predictor.predict(embedding, Points(points, labels), multimask=True)
    rows, best = np.arange(len(truth)), answer.iou.argmax(axis=1)
    first, hints = answer.masks[rows, best], answer.low_res_logits[rows, best]
    shown = first
    for _ in range(CLICKS - 1):
        place, label = _corrections(shown, truth)
        points, labels = np.concatenate((points, place), axis=1), np.concatenate((labels, label), axis=1)
        answer = predictor.predict(embedding, (Points(points, labels), MaskHint(hints)))
        shown, hints = answer.masks[:, 0], answer.low_res_logits[:, 0]
    return first, shown


def _corrections(
    shown: Bool[np.ndarray, "n height width"], truth: Bool[np.ndarray, "n height width"]
) -> tuple[Float[np.ndarray, "n 1 2"], Int[np.ndarray, "n 1"]]:
    """A click into the larger of what was missed and what was too much, and its label; without an error, a true one."""
    places, labels = [], []
    for mask, wanted in zip(shown, truth, strict=True):
        missed, surplus = wanted & ~mask, mask & ~wanted
        foreground = missed.sum() >= surplus.sum()
        error = missed if foreground else surplus
        places.append(deepest(error if error.any() else wanted))
        labels.append(FOREGROUND if foreground else BACKGROUND)
    return np.array(places, np.float32)[:, None], np.array(labels)[:, None]


def _box(mask: Bool[np.ndarray, "height width"]) -> tuple[int, int, int, int]:
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return left, top, left + width, top + height
