"""Grounding DINO as a node: the boxes of everything that a prompt names."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pipelines.models import Model, current_pool, lease
from pipelines.scope import current_scope
from pipelines.signature import Report, no_report, node
from pipelines.values import Boxes, Image, Text
from plugins.bundled.limits import remind_of_limits
from plugins.grounding_dino.models import Candidates, GroundingDino
from plugins.grounding_dino.thresholds import Thresholds
from plugins.presets import BUNDLED
from plugins.prompts import split_prompt


@node("grounding_dino/detect", version=2)
def detect(
    image: Image,
    prompt: Text,
    *,
    model: Model[GroundingDino] = Model(),
    box_threshold: float | None = None,
    text_threshold: float | None = None,
    nms_threshold: float | None = None,
    across_classes: bool = False,
    per_class: bool | None = None,
    expected: bool = False,
    box_floor: float | None = None,
    report: Report = no_report,
) -> Boxes:
    """Find everything that the prompt names: "dog. traffic light." gives all dogs and all traffic lights.

    Boxes are x0 y0 x1 y1 in image pixels, the surest first. `class_name` is the phrase exactly as written, `class_id`
    its place in the prompt: each phrase is scored by its own tokens, never by comparing words. A prompt that is longer
    than the model can read is read in several passes. Nothing found is no error. For small things in large pictures
    see tiles/cut.

    Args:
        prompt: What to look for, each phrase ended by a dot.
        model: A preset, a directory in transformers' format, an original checkpoint (.pth) or a hub id.
        box_threshold: The least score to keep a box, that of the phrase's surest token; by default what the model's
            makers recommend.
        text_threshold: The least fit to keep a box, the mean of the phrase's tokens: more than one word of it must be
            there; likewise.
        nms_threshold: Of two boxes of a phrase that overlap more than this (IoU), the surer is kept; likewise.
        across_classes: Do so among boxes of different phrases too, so that each thing has one name.
        per_class: Look for each phrase in a pass of its own: slower, but phrases do not crowd each other out; likewise.
        expected: Somebody says that what the prompt names is there, so a phrase without a box gets a second look: its
            best box below the threshold that is not another phrase's. The column `second_look` tells these.
        box_floor: The least score on a second look; by default what the model's makers recommend, and where they
            recommend none there is no second look.
    """
    phrases = split_prompt(prompt)
    if not phrases:
        return Thresholds(0, 0, 1, across_classes=False).apply(Candidates.of_passes(()), phrases)
    with lease(GroundingDino, model) as dino:
        apart = dino.per_class if per_class is None else per_class
        candidates = _look(dino, image, phrases, report) if apart else dino.find(image.pixels, phrases)
        thresholds = Thresholds(
            dino.box_threshold if box_threshold is None else box_threshold,
            dino.text_threshold if text_threshold is None else text_threshold,
            dino.nms_threshold if nms_threshold is None else nms_threshold,
            across_classes,
            (dino.box_floor if box_floor is None else box_floor) if expected else None,
        )
    found = thresholds.apply(candidates, phrases)
    if current_pool().resolve(GroundingDino.family, model).ref == BUNDLED:
        remind_of_limits(image, found=len(found))
    return found


@node("grounding_dino/second_look", version=1)
def second_look(*, model: Model[GroundingDino] = Model()) -> bool:
    """Whether the makers of a detector advise to check it by other means, as those of a small one do.

    Args:
        model: A preset, a directory in transformers' format, an original checkpoint (.pth) or a hub id.
    """
    with lease(GroundingDino, model) as dino:
        return dino.second_look


class Settled(NamedTuple):
    """What is settled, and what is not."""

    boxes: Boxes
    rest: Text


@node("grounding_dino/settle", version=1)
def settle(prompt: Text, boxes: Boxes, *, least: float = 0.35) -> Settled:
    """Which phrases were found beyond doubt: all boxes of these, and the phrases of which better proof is wanted.

    A phrase is settled by one sure box; then its weaker ones are believed as well.

    Args:
        prompt: What was looked for, each phrase ended by a dot.
        boxes: What was found, with the phrases as `class_name`.
        least: The score that settles a phrase.
    """
    names = np.array(boxes.data.get("class_name", ()), np.str_)
    scores = np.ones(len(boxes)) if boxes.confidence is None else boxes.confidence
    sure = set(names[scores >= least].tolist())
    rest = [phrase for phrase in split_prompt(prompt) if phrase not in sure]
    return Settled(boxes[np.isin(names, list(sure))], " ".join(f"{phrase}." for phrase in rest))


def _look(dino: GroundingDino, image: Image, phrases: tuple[str, ...], report: Report) -> Candidates:
    """Everything that the model considered, phrase by phrase."""
    parts = []
    for number, phrase in enumerate(phrases):
        current_scope().check_cancelled()
        parts.append((number, dino.find(image.pixels, [phrase])))
        report(number + 1, len(phrases), phrase)
    return Candidates.of_passes(parts)
