"""Detections in, those that show what was asked for out: crops, vectors, probabilities, and which of them are kept."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import PortError
from pipelines.models import Model, lease
from pipelines.signature import Report
from pipelines.values import Detections, Image
from plugins.clip.crops import Framing, square_crop
from plugins.clip.evidence import Evidence, groups, one_for_each
from plugins.clip.models import Clip

#: The least probability at which a detector's box is confirmed, by default.
CONFIRMED = 0.02
#: Things are believed whose score is at least this share of the best one's of their phrase.
NEARLY = 0.5
#: Crops that are cut out at a time: those of a large photograph take megabytes each.
_CHUNK = 16


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What `clip/rank` is asked for. None means: as the model's makers recommend. Raises `PortError`."""

    phrases: tuple[str, ...]
    threshold: float | None = None
    top: int = 0
    context: float | None = None
    fade: float | None = None

    def __post_init__(self) -> None:
        for name, value, most in (
            ("threshold", self.threshold, 1),
            ("fade", self.fade, 1),
            ("context", self.context, 10),
        ):
            if value is not None and not 0 <= value <= most:
                raise PortError(f"{name} is {value}; it must be from 0 to {most}.")
        if self.top < 0:
            raise PortError(f"top is {self.top}; it must be 0, which keeps all, or more.")

    def framing(self, advice: Framing) -> Framing:
        """How detections are shown, given the makers' advice."""
        return Framing(
            context=advice.context if self.context is None else self.context,
            fade=advice.fade if self.fade is None else self.fade,
        )


def ranked(image: Image, found: Detections, wanted: Wanted, model: Model[Clip], report: Report) -> Detections:
    """The detections of `image` that show one of the phrases, the likeliest first. Raises `PortError`."""
    if found.mask is not None and found.mask.shape[1:] != (image.height, image.width):
        height, width = found.mask.shape[1:]
        raise PortError(f"the masks are of a picture of {width}×{height}, this one is {image.width}×{image.height}.")
    if not wanted.phrases or not len(found):
        return _labelled(found[np.empty(0, np.intp)], wanted.phrases, np.empty(0, np.intp), np.empty(0, np.float32))
    with lease(Clip, model) as clip:
        vectors = _vectors(image, found, clip, wanted.framing(clip.framing), report)
        likely = clip.likely(vectors, wanted.phrases)
        least = clip.threshold if wanted.threshold is None else wanted.threshold
    best = likely.argmax(axis=1)
    scores = likely[np.arange(len(best)), best]
    kept = _kept(best, scores, least, wanted.top)
    return _labelled(found[kept], wanted.phrases, best[kept], scores[kept])


def whole_things(image: Image, found: Detections, wanted: Wanted, model: Model[Clip], report: Report) -> Detections:
    """Of the masks of `image` those that show a whole thing, one for each, the best first. Raises `PortError`.

    Boxes are drawn anew around the masks. Confidence is how likely a mask shows the phrase; of those that overlap the
    one stays that is also a good mask, as far as its maker told, and fits the evidence. Groups are no things.
    """
    likely = ranked(image, _tight(found), replace(wanted, top=0), model, report)
    if not len(likely) or likely.mask is None:
        return likely
    likely = likely[~groups(likely.mask, likely.confidence)]
    with lease(Clip, model) as clip:
        evidence = Evidence(image.pixels, wanted.phrases, clip)
    fits = [evidence.fit(mask, int(phrase)) for mask, phrase in zip(likely.mask, likely.class_id, strict=True)]
    scores = likely.confidence * np.array(fits, np.float32) * likely.data.get("mask_score", 1.0)
    best = one_for_each(likely.mask, scores)
    kept: Detections = likely[best[_nearly(scores[best], likely.class_id[best])]]
    return kept[_at_most(kept.class_id, wanted.top)]


def confirmed(
    image: Image, boxes: Detections, least: float, model: Model[Clip], report: Report, *, doubted: bool
) -> Detections:
    """The boxes of which CLIP too thinks that they may show what they are said to show, unchanged.

    With `doubted` it is asked of those alone that were found on a second look.
    """
    judged = np.ones(len(boxes), np.bool_)
    if doubted:
        judged = np.asarray(boxes.data.get("second_look", ~judged), np.bool_)
    if not judged.any():
        return boxes
    names = [str(name) for name in boxes.data["class_name"][judged]]
    phrases = tuple(dict.fromkeys(names))
    with lease(Clip, model) as clip:
        likely = clip.likely(_vectors(image, boxes[judged], clip, clip.framing, report), phrases)
    own = likely[np.arange(len(names)), [phrases.index(name) for name in names]]
    stays = ~judged
    stays[judged] = own >= least
    kept: Detections = boxes[stays]
    return kept


def _vectors(image: Image, found: Detections, clip: Clip, framing: Framing, report: Report) -> NDArray[np.float32]:
    """Unit vectors (N, D) of the detections' crops."""
    vectors = []
    for start in range(0, len(found), _CHUNK):
        report(start, len(found))
        rows = range(start, min(start + _CHUNK, len(found)))
        masks = [None if found.mask is None else found.mask[row] for row in rows]
        crops = [
            square_crop(image.pixels, found.xyxy[row], mask, framing) for row, mask in zip(rows, masks, strict=True)
        ]
        vectors.append(clip.embed_images(crops))
    return np.concatenate(vectors)


def _kept(phrases: NDArray[np.intp], scores: NDArray[np.float32], least: float, top: int) -> NDArray[np.intp]:
    """Indices of what is likely enough, the likeliest first, at most `top` of a phrase unless it is 0."""
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] >= least]
    return order[_at_most(phrases[order], top)]


def _tight(found: Detections) -> Detections:
    """Boxes around the masks, whatever boxes these were drawn from; without those that are empty."""
    if found.mask is None or not len(found):
        return found
    from supervision import mask_to_xyxy

    drawn: Detections = found[found.mask.any(axis=(1, 2))]
    boxes = mask_to_xyxy(drawn.mask).astype(np.float32)
    boxes[:, 2:] += 1  # its right and bottom are the last pixels inside
    return replace(drawn, xyxy=boxes)


def _at_most(phrases: NDArray[np.intp], top: int) -> NDArray[np.bool_]:
    """Which are among the first `top` of their phrase; 0 keeps all."""
    earlier = [int((phrases[:place] == phrase).sum()) for place, phrase in enumerate(phrases)]
    return np.array([count < top or not top for count in earlier], np.bool_)


def _nearly(scores: NDArray[np.float32], phrases: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which scores come near the best one of their phrase."""
    best = np.array([scores[phrases == phrase].max() for phrase in phrases], np.float32)
    return np.asarray(scores >= NEARLY * best)


def _labelled(
    found: Detections, phrases: tuple[str, ...], indices: NDArray[np.intp], scores: NDArray[np.float32]
) -> Detections:
    """The detections under the user's own words; what else they carry stays, and so do their `instance_id`s if any."""
    names = np.array(phrases or ("",), np.str_)[indices]
    data = {"instance_id": np.arange(len(found), dtype=np.int64), **found.data, "class_name": names}
    return replace(found, confidence=scores, class_id=indices.astype(np.int64), data=data)
