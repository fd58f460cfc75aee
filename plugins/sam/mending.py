"""Putting a mask right by clicks, as a node."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import PortError
from pipelines.models import Model, lease
from pipelines.signature import node
from pipelines.values import Detections, Image, Masks, Text
from plugins.sam.asking import box_of, places
from plugins.sam.models import Asked, Sam

Solid = NDArray[np.bool_]
Places = NDArray[np.float64]


@node("sam/mend", version=2)
def mend(
    image: Image,
    masks: Masks,
    *,
    thing: int = -1,
    foreground: Text = "",
    background: Text = "",
    box: Text = "",
    name: Text = "thing",
    model: Model[Sam] = Model(),
) -> Masks:
    """Put the mask of one thing right by clicks, or cut out one more.

    The model is asked anew with the clicks and with `box` or, if they lie in it, with the thing's own box. Every click
    is heeded: where the answer leaves one out, the smallest part under that click is added, or taken away: one that no
    opposite click lies in, or else the click's pixel alone. The other masks stay as they are. Raises `PortError` for
    clicks that are no numbers or lie outside the picture, and for a thing that is not there.

    Args:
        image: The picture that the masks belong to.
        masks: What was found.
        thing: Which of them, counted from 0; -1 adds a new one.
        foreground: Where the thing is, x,y in pixels of the image; several apart by semicolons: "520,375; 480,400".
        background: Where it is not, likewise.
        box: The box that it lies in, as its upper left and lower right corner, in place of the one that was found.
        name: What a new thing is called.
        model: A preset, a directory, a .pth or .safetensors file, or a hub id.
    """
    inside, outside = places("foreground", foreground), places("background", background)
    if not -1 <= thing < len(masks):
        raise PortError(f"thing is {thing}, but there are {len(masks)}, counted from 0; -1 adds one.")
    corners = places("box", box)
    if len(corners) not in (0, 2):
        raise PortError(f'box must be two corners, "left,top; right,bottom", not {len(corners)}.')
    if thing < 0 and not len(inside) and not len(corners):
        raise PortError("a new thing needs a click on it, or a box: give foreground or box.")
    around = corners.reshape(-1) if len(corners) else _own_box(masks, thing, inside)
    with lease(Sam, model) as sam:
        solid, score = _asked(sam, image, inside, outside, around)
        for x, y in inside:
            if not solid[_pixel(solid, x, y)]:
                solid = solid | _part(sam, image, (x, y), opposite=outside)
        for x, y in outside:
            if solid[_pixel(solid, x, y)]:
                solid = solid & ~_part(sam, image, (x, y), opposite=inside)
    return _with_mask(masks, thing, solid, score, name)


def _own_box(masks: Detections, thing: int, inside: Places) -> Places | None:
    """A thing's box as a prompt, if every click on it lies in it: a click beyond says that the box is wrong too."""
    if thing < 0:
        return None
    box: Places = masks.xyxy[thing].astype(np.float64)
    held = ((inside >= box[:2]) & (inside <= box[2:])).all()
    return box if held else None


def _asked(sam: Sam, image: Image, inside: Places, outside: Places, box: Places | None) -> tuple[Solid, float]:
    """The model's best answer to everything that is known."""
    labels = np.repeat((1, 0), (len(inside), len(outside)))
    found, scores = sam.answer(image.pixels, Asked(points=np.concatenate((inside, outside)), labels=labels, box=box))
    best = int(np.argmax(scores))
    return found[best], float(scores[best])


def _part(sam: Sam, image: Image, click: tuple[float, float], *, opposite: Places) -> Solid:
    """The smallest thing that a click may mean and that no opposite click lies in; if there is none, its pixel."""
    found, _ = sam.answer(image.pixels, Asked(points=np.array([click]), labels=np.array([1])))
    hit = [
        mask for mask in found if mask[_pixel(mask, *click)] and not any(mask[_pixel(mask, x, y)] for x, y in opposite)
    ]
    if hit:
        return min(hit, key=np.count_nonzero)
    part = np.zeros(found.shape[1:], np.bool_)
    part[_pixel(part, *click)] = True
    return part


def _pixel(mask: Solid, x: float, y: float) -> tuple[int, int]:
    return min(int(y), mask.shape[0] - 1), min(int(x), mask.shape[1] - 1)


def _with_mask(masks: Detections, thing: int, solid: Solid, score: float, name: str) -> Detections:
    box = np.array([box_of(solid) if solid.any() else (0, 0, 0, 0)], np.float32)
    if thing >= 0:
        changed = np.arange(len(masks)) == thing
        return replace(
            masks,
            xyxy=np.where(changed[:, None], box, masks.xyxy),
            mask=np.where(changed[:, None, None], solid, np.asarray(masks.mask, np.bool_)),
        )
    ids = np.asarray(masks.data.get("instance_id", np.arange(len(masks))))
    new = Detections(
        xyxy=box,
        mask=solid[None],
        confidence=np.array([score], np.float32),
        class_id=np.zeros(1, np.int64),
        data={"class_name": np.array([name]), "instance_id": np.array([max(ids.tolist(), default=-1) + 1])},
    )
    return _joined(masks, new)


def _joined(masks: Detections, new: Detections) -> Detections:
    """One more at the end; of what the others carry beside it, it has nothing."""
    data = {key: np.concatenate([np.asarray(masks.data[key]), new.data[key]]) for key in new.data}
    scores = np.ones(len(masks), np.float32) if masks.confidence is None else masks.confidence
    return Detections(
        xyxy=np.concatenate([masks.xyxy, new.xyxy]),
        mask=np.concatenate([np.asarray(masks.mask, np.bool_), new.mask]),
        confidence=np.concatenate([scores, new.confidence]).astype(np.float32),
        class_id=np.zeros(len(masks) + 1, np.int64) if masks.class_id is None else np.append(masks.class_id, 0),
        data=data,
    )
