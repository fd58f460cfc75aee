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
from plugins.clip.models import Clip
from plugins.clip.scores import probabilities
from plugins.clip.wholes import JUDGED, one_for_each, without

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
        likely = probabilities(
            vectors, clip.embed_phrases(wanted.phrases), clip.common, scale=clip.scale, alike=clip.alike
        )
        least = clip.threshold if wanted.threshold is None else wanted.threshold
    best = likely.argmax(axis=1)
    scores = likely[np.arange(len(best)), best]
    kept = _kept(best, scores, least, wanted.top)
    return _labelled(found[kept], wanted.phrases, best[kept], scores[kept])


def whole_things(image: Image, found: Detections, wanted: Wanted, model: Model[Clip], report: Report) -> Detections:
    """Of the masks of `image` those that show a whole thing, one for each, the surest first. Raises `PortError`.

    Their score is how likely the mask shows the phrase, times how unlikely its surroundings do without it.
    """
    likely = ranked(image, found, replace(wanted, top=0), model, report)[:JUDGED]
    if not len(likely) or likely.mask is None:
        return likely
    with lease(Clip, model) as clip:
        left = clip.embed_images(
            [without(image.pixels, box, mask) for box, mask in zip(likely.xyxy, likely.mask, strict=True)]
        )
        still = probabilities(left, clip.embed_phrases(wanted.phrases), clip.common, scale=clip.scale, alike=clip.alike)
        least = clip.threshold if wanted.threshold is None else wanted.threshold
    scores = likely.confidence * (1 - still[np.arange(len(likely)), likely.class_id])
    kept = one_for_each(likely.mask, scores)
    kept = kept[_kept(likely.class_id[kept], scores[kept], least, wanted.top)]
    return replace(likely[kept], confidence=scores[kept])


def confirmed(image: Image, boxes: Detections, least: float, model: Model[Clip], report: Report) -> Detections:
    """The boxes of which CLIP too thinks that they may show what they are said to show, unchanged."""
    phrases = tuple(dict.fromkeys(map(str, boxes.data.get("class_name", ()))))
    if not len(boxes):
        return boxes
    with lease(Clip, model) as clip:
        vectors = _vectors(image, boxes, clip, clip.framing, report)
        likely = probabilities(vectors, clip.embed_phrases(phrases), clip.common, scale=clip.scale, alike=clip.alike)
    own = [phrases.index(str(name)) for name in boxes.data["class_name"]]
    kept: Detections = boxes[likely[np.arange(len(boxes)), own] >= least]
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
    if top:
        earlier = [(phrases[order[:place]] == phrases[index]).sum() for place, index in enumerate(order)]
        order = order[np.array(earlier, np.intp) < top]
    return order


def _labelled(
    found: Detections, phrases: tuple[str, ...], indices: NDArray[np.intp], scores: NDArray[np.float32]
) -> Detections:
    """The detections under the user's own words; what else they carry stays, and so do their `instance_id`s if any."""
    names = np.array(phrases or ("",), np.str_)[indices]
    data = {"instance_id": np.arange(len(found), dtype=np.int64), **found.data, "class_name": names}
    return replace(found, confidence=scores, class_id=indices.astype(np.int64), data=data)
