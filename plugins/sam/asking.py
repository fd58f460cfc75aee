"""Segment Anything asked about one thing, as nodes: by clicks, a box, or a text."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import PortError
from pipelines.models import Model, lease
from pipelines.signature import node
from pipelines.values import Detections, Embedding, Image, Masks, Text, empty_detections
from plugins.sam.models import Asked, Sam

NUMBER = r"-?\d+(?:\.\d*)?"
POINT = re.compile(rf"\s*({NUMBER})\s*,\s*({NUMBER})\s*(?:;|$)")


@node("sam/points", version=1)
def points(
    image: Image,
    foreground: Text,
    *,
    background: Text = "",
    box: Text = "",
    name: Text = "thing",
    keep: Literal["best", "all"] = "best",
    model: Model[Sam] = Model(),
) -> Masks:
    """The thing under some clicks: one mask, or the three that a single click may mean.

    `mask_score` is the model's own guess at each mask's IoU, best first. Raises `PortError` for clicks that are no
    numbers or lie outside the picture.

    Args:
        foreground: Where the thing is, x,y in pixels of the image; several apart by semicolons: "520,375; 480,400".
        background: Where it is not, likewise.
        box: The box that it lies in, as its upper left and lower right corner: "10,20; 300,400".
        name: What to call it.
        keep: "all" gives whole, part and subpart of an ambiguous prompt.
        model: A preset, a directory, a .pth or .safetensors file, or a hub id.
    """
    inside, outside = places("foreground", foreground), places("background", background)
    corners = places("box", box)
    if len(corners) not in (0, 2):
        raise PortError(f'box must be two corners, "left,top; right,bottom", not {len(corners)}.')
    asked = Asked(
        points=np.concatenate((inside, outside)),
        labels=np.repeat((1, 0), (len(inside), len(outside))),
        box=corners.reshape(-1) if len(corners) else None,
    )
    return _answer(image, asked, name, model, keep_all=keep == "all")


@node("sam/text", version=1)
def text(
    image: Image,
    embedding: Embedding,
    *,
    foreground: Text = "",
    background: Text = "",
    name: Text = "thing",
    model: Model[Sam] = Model(),
) -> Masks:
    """The thing that a text names, for weights that were trained with CLIP embeddings (paper, section 7.5).

    Where the text alone is not enough, a click helps it. Other weights answer texts through `sam/everything` and
    `clip/rank`. Raises `PortError` for weights that take no text or another CLIP's.

    Args:
        embedding: What `clip/text` or `clip/image` gave, by the CLIP that the weights were trained with.
        foreground: Where the thing is, x,y in pixels of the image; several apart by semicolons.
        background: Where it is not, likewise.
        name: What to call it.
        model: A preset, a directory, a .pth or .safetensors file, or a hub id.
    """
    inside, outside = places("foreground", foreground), places("background", background)
    asked = Asked(
        points=np.concatenate((inside, outside)),
        labels=np.repeat((1, 0), (len(inside), len(outside))),
        text=embedding.array,
    )
    return _answer(image, asked, name, model)


def _answer(image: Image, asked: Asked, name: str, model: Model[Sam], *, keep_all: bool = False) -> Detections:
    with lease(Sam, model) as sam:
        masks, scores = sam.answer(image.pixels, asked)
    order = np.argsort(-scores)[: None if keep_all else 1]
    drawn = order[masks[order].any(axis=(1, 2))]
    if not len(drawn):
        return empty_detections((image.height, image.width), masks=True)
    return Detections(
        xyxy=np.array([box_of(mask) for mask in masks[drawn]], np.float32),
        mask=masks[drawn],
        confidence=scores[drawn],
        class_id=np.zeros(len(drawn), np.int64),
        data={
            "class_name": np.full(len(drawn), name),
            "instance_id": np.arange(len(drawn)),
            "mask_score": scores[drawn],
        },
    )


def box_of(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """x0 y0 x1 y1 around a mask `(H, W)` that is not empty, in its pixels."""
    (columns,), (rows,) = np.nonzero(mask.any(axis=0)), np.nonzero(mask.any(axis=1))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def places(what: str, text: str) -> NDArray[np.float64]:
    """Read "x,y; x,y" as an array (k, 2)."""
    found, end = [], 0
    stripped = text.strip().removesuffix(";")
    while end < len(stripped):
        match = POINT.match(stripped, end)
        if match is None:
            raise PortError(f'{what} must be points such as "520,375; 480,400", not {text!r}.')
        found.append((float(match[1]), float(match[2])))
        end = match.end()
    return np.array(found, np.float64).reshape(-1, 2)
